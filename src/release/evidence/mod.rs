//! What AWS knows of a failed rollout or run: read in parallel, bounded, and never an error.
//!
//! At most eight reads, one for the log of each failing container (four at most) and three for the network or the way from the load
//! balancer; what cannot be read is told among the evidence.

mod groups;
mod logs;
mod network;
mod read;
mod targets;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use aws_sdk_ecs::primitives::DateTimeFormat;
use aws_sdk_ecs::types::{Container, Failure, ServiceDeployment, Task};

use super::diagnose::{self, Evidence, Hook, Mismatch, Record, State, exit_meaning};
use crate::aws::Aws;
use crate::model::{Cause, RolloutOutcome};
use crate::stack::Names;

/// The IAM actions of the diagnosis.
pub const READS: &[&str] = &[
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcEndpoints",
    "ecr:DescribeImages",
    "ecs:DescribeServiceRevisions",
    "ecs:DescribeServices",
    "ecs:DescribeTaskDefinition",
    "ecs:DescribeTasks",
    "ecs:ListTasks",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "logs:GetLogEvents",
];

/// Everything known of one failed or stuck deployment or run, before anything more is read.
#[derive(Debug)]
pub struct Suspect<'a> {
    /// The names of the stack.
    pub names: &'a Names,
    /// The task's key in the stack file.
    pub key: &'a str,
    /// The cluster.
    pub cluster: &'a str,
    /// The service; `None` for tasks of `RunTask`.
    pub service: Option<&'a str>,
    /// `ecs-svc/…`, which is also what the deployment's tasks were started by.
    pub deployment: Option<&'a str>,
    /// When it was created, in seconds since the epoch.
    pub since: f64,
    /// ECS's record of the deployment, when there is one.
    pub record: Option<&'a ServiceDeployment>,
    /// Stopped or suspicious tasks seen while watching.
    pub tasks: Vec<Task>,
    /// How it ended, as far as is known.
    pub outcome: RolloutOutcome,
}

/// The cause of a failure. What cannot be read is told among the evidence, so this never fails.
pub async fn explain(aws: &Aws, suspect: Suspect<'_>) -> Cause {
    diagnose::diagnose(&Box::pin(collect(aws, suspect)).await)
}

/// Everything that the table of causes looks at.
pub async fn collect(aws: &Aws, suspect: Suspect<'_>) -> Evidence {
    let mut evidence = named(aws, suspect.names, suspect.key, suspect.cluster);
    evidence.service = suspect.service.map(str::to_owned);
    evidence.deployment = suspect.deployment.map(str::to_owned);
    evidence.state = match suspect.outcome {
        RolloutOutcome::Superseded => State::Superseded,
        RolloutOutcome::TimedOut | RolloutOutcome::Cancelled => State::Unfinished,
        _ => State::Failed,
    };
    evidence.record = suspect.record.map(record).unwrap_or_default();

    let (service, mut tasks) =
        tokio::join!(read::service(aws, &suspect, &mut evidence.notes), read::stopped(aws, &suspect),);
    evidence.notes.append(&mut tasks.notes);
    if let Some(service) = &service {
        read::settle(&mut evidence, service, suspect.since);
    }
    let tasks = merged(suspect.tasks.clone(), tasks.found);
    let definition = read::definition_of(aws, &suspect, service.as_ref(), &tasks, &mut evidence.notes).await;
    if let Some(definition) = &definition {
        read::define(&mut evidence, definition, tasks.first());
    }
    evidence.groups = groups::of(&tasks, &evidence.containers);

    let failing = logs::failing(&evidence);
    let (mut newer, mut targets, mut logs) = (Vec::new(), Vec::new(), Vec::new());
    let (found_newer, found_targets, found_logs, live) = tokio::join!(
        read::newer(aws, &evidence, service.as_ref(), &mut newer),
        targets::sick(aws, service.as_ref(), &mut targets),
        logs::ends(aws, &evidence, &failing, &mut logs),
        read::live(aws, &suspect, &evidence),
    );
    evidence.newer = found_newer;
    (evidence.target_group, evidence.targets) = found_targets;
    evidence.logs = found_logs;
    evidence.timeline = live;
    for mut notes in [newer, targets, logs] {
        evidence.notes.append(&mut notes);
    }

    // What else is worth a call depends on what it looks like so far.
    let class = diagnose::diagnose(&evidence).class;
    look_closer(aws, &mut evidence, &class, service.as_ref(), &tasks).await;
    evidence
}

/// Reads what only some classes are explained with.
async fn look_closer(
    aws: &Aws,
    evidence: &mut Evidence,
    class: &str,
    service: Option<&aws_sdk_ecs::types::Service>,
    tasks: &[Task],
) {
    if ["image-not-found", "image-digest-gone", "image-pull-forbidden"].contains(&class) {
        let container =
            evidence.groups.first().and_then(|group| group.first()).map(|exit| exit.container.clone());
        let image = evidence.image(container.as_deref()).to_owned();
        evidence.registry.extend(read::registry(aws, &image).await);
    }
    let slow = |text: &str| text.contains("Timeout") || text.contains("timed out");
    let silent = || {
        evidence.targets.iter().map(|target| &target.reason).chain(&evidence.events).any(|text| slow(text))
    };
    if let Some(service) = service.filter(|_| class == "elb-health-check" && silent()) {
        targets::look_at_the_way(aws, service, &mut evidence.target_group, &mut evidence.notes).await;
    }
    let by_network = [
        "image-pull-timeout",
        "secret-unreachable",
        "log-group",
        "env-file",
        "efs-mount",
        "subnet-addresses",
        "capacity",
        "unsupported-zone",
    ];
    if by_network.contains(&class) {
        let secrets = evidence.containers.iter().any(|one| !one.secrets.is_empty());
        let subnets = network::ids(service, tasks);
        let (found, mut notes) = network::subnets(aws, &subnets, secrets).await;
        evidence.subnets = found;
        evidence.notes.append(&mut notes);
    }
}

/// The cause of a run that ECS did not begin: the `failures` that `RunTask` answers.
#[allow(clippy::unused_async, reason = "the callers' contract leaves room for reads")]
pub async fn explain_not_placed(aws: &Aws, names: &Names, key: &str, failures: &[Failure]) -> Cause {
    let mut evidence = named(aws, names, key, &names.cluster);
    evidence.failures = failures
        .iter()
        .map(|failure| {
            let parts = [failure.reason(), failure.detail(), failure.arn()];
            parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
        })
        .collect();
    diagnose::diagnose(&evidence)
}

/// The cause when a container runs another digest than its revision pins.
pub fn explain_mismatch(
    aws: &Aws,
    names: &Names,
    key: &str,
    container: &str,
    pinned: &str,
    running: &str,
) -> Cause {
    let mut evidence = named(aws, names, key, &names.cluster);
    let [container, pinned, running] = [container, pinned, running].map(str::to_owned);
    evidence.mismatch = Some(Mismatch { container, pinned, running });
    diagnose::diagnose(&evidence)
}

/// Evidence that holds no more than names.
fn named(aws: &Aws, names: &Names, key: &str, cluster: &str) -> Evidence {
    Evidence {
        key: key.to_owned(),
        cluster: cluster.to_owned(),
        execution_role: names.execution_role.clone(),
        task_role: names.task_role.clone(),
        security_group: names.security_group.clone(),
        region: aws.region.clone(),
        ..Evidence::default()
    }
}

/// The tasks of both lists, each once, in its latest state: a stopped one says more than the same one running.
fn merged(seen: Vec<Task>, read: Vec<Task>) -> Vec<Task> {
    let fresh: BTreeSet<String> = read.iter().filter_map(|task| task.task_arn().map(str::to_owned)).collect();
    let old = seen.into_iter().filter(|task| !task.task_arn().is_some_and(|arn| fresh.contains(arn)));
    read.into_iter().chain(old).collect()
}

fn record(found: &ServiceDeployment) -> Record {
    let breaker = found.deployment_circuit_breaker().filter(|breaker| breaker.failure_count() > 0);
    let alarms = found.alarms().map(|alarms| alarms.triggered_alarm_names().to_vec()).unwrap_or_default();
    Record {
        reason: found.status_reason().map(str::to_owned),
        rollback: found.rollback().and_then(|rollback| rollback.reason()).map(str::to_owned),
        alarms,
        breaker: breaker.map(|breaker| {
            let status = breaker.status().map_or("", |status| status.as_str());
            format!("{status}, {} of {} failed tasks", breaker.failure_count(), breaker.threshold())
        }),
        stage: found.lifecycle_stage().map(|stage| stage.as_str().to_owned()),
        hooks: found
            .lifecycle_hook_details()
            .iter()
            .map(|hook| Hook {
                id: hook.hook_id().unwrap_or_default().to_owned(),
                kind: hook.target_type().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
                target: hook.target_arn().unwrap_or_default().to_owned(),
                status: hook.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
                expires: hook.expires_at().and_then(|at| at.fmt(DateTimeFormat::DateTime).ok()),
            })
            .collect(),
        arn: found.service_deployment_arn().map(str::to_owned),
    }
}

/// A stopped task in one line: container, exit code with its meaning, AWS's reason. Raw words: whoever shows them escapes.
pub fn first_words(task: &Task) -> String {
    let first = groups::exits(task, &[]).into_iter().next();
    let mut words = Vec::new();
    if let Some((name, code)) = first.as_ref().and_then(|exit| Some((&exit.container, exit.code?))) {
        let meaning = exit_meaning(code).map(|meaning| format!(" ({meaning})")).unwrap_or_default();
        words.push(format!("container `{name}` exited with {code}{meaning}"));
    }
    let said = first.map(|exit| exit.reason).filter(|said| !said.is_empty());
    let reason =
        task.stopped_reason().filter(|reason| !reason.is_empty() && Some(*reason) != said.as_deref());
    words.extend(said.iter().cloned());
    words.extend(reason.map(str::to_owned));
    if words.is_empty() { "the task stopped, and ECS gives no reason".to_owned() } else { words.join(": ") }
}

/// The name of a container, empty when ECS gives none.
fn name_of(container: &Container) -> String {
    container.name().unwrap_or_default().to_owned()
}
