//! Tasks of ECS: listing, describing, stopping.

use aws_sdk_ecs::types::{Attachment, Container, DesiredStatus, Task};

use crate::aws::{Aws, absent, call};
use crate::model::{CallError, ContainerRun, TaskRun};

/// The IAM actions that read.
pub const READS: &[&str] = &["ecs:DescribeTasks", "ecs:ListTasks"];
/// The IAM actions that change something.
pub const WRITES: &[&str] = &["ecs:StopTask"];

/// How many tasks `DescribeTasks` takes at a time.
const AT_A_TIME: usize = 100;

/// Which tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that ECS wants to run.
    Running,
    /// Those that ECS wants stopped; they stay known for about an hour.
    Stopped,
}

/// All such tasks of the cluster, oldest first; none without the cluster.
pub async fn list(aws: &Aws, cluster: &str, which: Which) -> Result<Vec<TaskRun>, CallError> {
    let arns = arns(aws, cluster, None, which).await?;
    let mut runs = describe(aws, cluster, &arns).await?;
    runs.sort_by(|a, b| a.created.cmp(&b.created).then_with(|| a.id.cmp(&b.id)));
    Ok(runs)
}

/// ARNs of a service's stopped tasks.
pub async fn stopped_of(aws: &Aws, cluster: &str, service: &str) -> Result<Vec<String>, CallError> {
    arns(aws, cluster, Some(service), Which::Stopped).await
}

async fn arns(
    aws: &Aws,
    cluster: &str,
    service: Option<&str>,
    which: Which,
) -> Result<Vec<String>, CallError> {
    let status = match which {
        Which::Running => DesiredStatus::Running,
        Which::Stopped => DesiredStatus::Stopped,
    };
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let ask = aws.ecs.list_tasks().cluster(cluster).desired_status(status.clone());
        let ask = ask.set_service_name(service.map(str::to_owned)).set_next_token(token);
        let sent = call("ecs:ListTasks", ask.send()).await;
        let Some(page) = absent(sent, &["ClusterNotFoundException", "ServiceNotFoundException"])? else {
            return Ok(found);
        };
        found.extend(page.task_arns().iter().cloned());
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// The tasks of these ids or ARNs that ECS still knows.
pub async fn describe(aws: &Aws, cluster: &str, tasks: &[String]) -> Result<Vec<TaskRun>, CallError> {
    let mut runs = Vec::new();
    for some in tasks.chunks(AT_A_TIME) {
        let ask = aws.ecs.describe_tasks().cluster(cluster).set_tasks(Some(some.to_vec()));
        let sent = call("ecs:DescribeTasks", ask.send()).await;
        let Some(answer) = absent(sent, &["ClusterNotFoundException"])? else { return Ok(runs) };
        runs.extend(answer.tasks().iter().map(run));
    }
    Ok(runs)
}

/// Asks ECS to stop a task: its containers get their stop signal now and are killed after their stop timeout.
pub async fn stop(aws: &Aws, cluster: &str, id: &str, reason: &str) -> Result<(), CallError> {
    call("ecs:StopTask", aws.ecs.stop_task().cluster(cluster).task(id).reason(reason).send()).await?;
    Ok(())
}

fn run(task: &Task) -> TaskRun {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let arn = text(task.task_arn());
    let end = task.stopped_at().or(task.stopping_at());
    let seconds = task.started_at().zip(end).map(|(start, end)| (end.secs() - start.secs()).max(0));
    TaskRun {
        id: super::last(&arn).to_owned(),
        arn,
        task: String::new(),
        revision: super::last(task.task_definition_arn().unwrap_or_default()).to_owned(),
        group: text(task.group()),
        status: text(task.last_status()),
        health: task.health_status().map(|health| health.as_str().to_owned()).unwrap_or_default(),
        cpu: text(task.cpu()),
        memory: text(task.memory()),
        zone: task.availability_zone().map(str::to_owned),
        ip: address(task.attachments()),
        started_by: task.started_by().map(str::to_owned),
        created: task.created_at().map(super::moment),
        started: task.started_at().map(super::moment),
        stopped: task.stopped_at().map(super::moment),
        seconds,
        stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
        stopped_reason: task.stopped_reason().map(str::to_owned),
        containers: task.containers().iter().map(container).collect(),
    }
}

fn container(container: &Container) -> ContainerRun {
    ContainerRun {
        name: container.name().unwrap_or_default().to_owned(),
        digest: container.image_digest().map(str::to_owned),
        exit_code: container.exit_code(),
        reason: container.reason().map(str::to_owned),
    }
}

fn address(attachments: &[Attachment]) -> Option<String> {
    let details = attachments.iter().flat_map(Attachment::details);
    let found = details.into_iter().find(|detail| detail.name() == Some("privateIPv4Address"))?;
    found.value().map(str::to_owned)
}

/// Why a task failed, in one line of ECS's words; `None` when it did not end by itself.
pub fn failure(run: &TaskRun) -> Option<String> {
    let code = run.stop_code.as_deref()?;
    if !matches!(code, "TaskFailedToStart" | "EssentialContainerExited") {
        return None;
    }
    let containers = run.containers.iter().filter_map(|one| {
        let exit = one.exit_code.map(|exit| format!("exit code {exit}"));
        let words: Vec<String> = exit.into_iter().chain(one.reason.clone()).collect();
        (!words.is_empty()).then(|| format!("{}: {}", one.name, words.join(", ")))
    });
    let reason = run.stopped_reason.clone().unwrap_or_else(|| code.to_owned());
    Some(std::iter::once(reason).chain(containers).collect::<Vec<_>>().join("; "))
}
