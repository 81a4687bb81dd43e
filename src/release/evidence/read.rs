//! The reads of ECS and ECR.

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{
    DeploymentConfiguration, DesiredStatus, HealthStatus, Service, Task, TaskDefinition,
};

use super::Suspect;
use crate::aws::{Aws, call};
use crate::model::CallError;
use crate::release::diagnose::{Definition, Evidence, State};

/// What was found, and what could not be read.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Tasks of the deployment.
    pub(super) found: Vec<Task>,
    /// What could not be read.
    pub(super) notes: Vec<String>,
}

/// The service, when there is one.
pub(super) async fn service(aws: &Aws, suspect: &Suspect<'_>, notes: &mut Vec<String>) -> Option<Service> {
    let request = aws.ecs.describe_services().cluster(suspect.cluster).services(suspect.service?);
    match call("ecs:DescribeServices", request.send()).await {
        Ok(answer) => answer.services().first().cloned(),
        Err(error) => {
            notes.push(format!("the service could not be read: {error}"));
            None
        }
    }
}

/// The stopped tasks of the deployment. ECS describes them for at least an hour.
pub(super) async fn stopped(aws: &Aws, suspect: &Suspect<'_>) -> Found {
    of_deployment(aws, suspect, DesiredStatus::Stopped).await.unwrap_or_else(|error| Found {
        notes: vec![format!("the stopped tasks could not be read: {error}")],
        ..Found::default()
    })
}

async fn of_deployment(aws: &Aws, suspect: &Suspect<'_>, status: DesiredStatus) -> Result<Found, CallError> {
    let (Some(service), Some(deployment)) = (suspect.service, suspect.deployment) else {
        return Ok(Found::default());
    };
    let request = aws.ecs.list_tasks().cluster(suspect.cluster).service_name(service).desired_status(status);
    let listed = call("ecs:ListTasks", request.send()).await?;
    // A hundred a page and a hundred a call are the API's limits; a hundred failures tell enough.
    let arns: Vec<String> = listed.task_arns().iter().take(100).cloned().collect();
    if arns.is_empty() {
        return Ok(Found::default());
    }
    let request = aws.ecs.describe_tasks().cluster(suspect.cluster).set_tasks(Some(arns));
    let described = call("ecs:DescribeTasks", request.send()).await?;
    let ours = described.tasks().iter().filter(|task| task.started_by() == Some(deployment));
    Ok(Found { found: ours.cloned().collect(), notes: Vec::new() })
}

/// Takes over what the service says.
pub(super) fn settle(evidence: &mut Evidence, service: &Service, since: f64) {
    // Stamps of ECS have milliseconds, and an event of the same moment belongs to the deployment.
    let recent = |at: &DateTime| at.as_secs_f64() >= since - 0.001;
    let events = service.events().iter().filter(|event| event.created_at().is_some_and(recent));
    let words = events.filter_map(|event| event.message()).map(|text| without_name(text).to_owned());
    evidence.events = words.collect();
    // ECS suppresses repetitions of an unresolved cause for hours, so one from before still holds
    // when nothing came after it.
    if !evidence.events.iter().any(|text| text.contains("unable")) {
        let mut before = service.events().iter().filter(|event| !event.created_at().is_some_and(recent));
        let last = before.find_map(|event| event.message()).filter(|text| text.contains("unable"));
        evidence.events.extend(last.map(|text| without_name(text).to_owned()));
    }
    evidence.desired = Some(service.desired_count());
    evidence.grace = service.health_check_grace_period_seconds();
    let configuration = service.deployment_configuration();
    evidence.minimum_percent = configuration.and_then(DeploymentConfiguration::minimum_healthy_percent);
    evidence.maximum_percent = configuration.and_then(DeploymentConfiguration::maximum_percent);
    let vpc = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    evidence.public_ip =
        vpc.and_then(|vpc| vpc.assign_public_ip()).is_some_and(|assign| assign.as_str() == "ENABLED");
}

/// An event without `(service NAME) ` before it.
fn without_name(text: &str) -> &str {
    let rest = text.strip_prefix("(service ").and_then(|rest| rest.split_once(')'));
    rest.map_or(text, |(_, words)| words.trim_start())
}

/// The task definition of the deployment: of its tasks, of the service's list, or of the revision in the record.
pub(super) async fn definition_of(
    aws: &Aws,
    suspect: &Suspect<'_>,
    service: Option<&Service>,
    tasks: &[Task],
    notes: &mut Vec<String>,
) -> Option<TaskDefinition> {
    let of_task = tasks.iter().find_map(Task::task_definition_arn).map(str::to_owned);
    let ours = |one: &&aws_sdk_ecs::types::Deployment| {
        suspect.deployment.is_some() && one.id() == suspect.deployment
    };
    let listed = service.and_then(|service| service.deployments().iter().find(ours));
    let listed = || listed.and_then(|one| one.task_definition()).map(str::to_owned);
    let arn = match of_task.or_else(listed) {
        Some(arn) => arn,
        None => revision(aws, suspect, notes).await?,
    };
    definition(aws, &arn, notes).await
}

async fn revision(aws: &Aws, suspect: &Suspect<'_>, notes: &mut Vec<String>) -> Option<String> {
    let arn = suspect.record?.target_service_revision()?.arn()?;
    let request = aws.ecs.describe_service_revisions().service_revision_arns(arn);
    match call("ecs:DescribeServiceRevisions", request.send()).await {
        Ok(answer) => answer.service_revisions().first()?.task_definition().map(str::to_owned),
        Err(error) => {
            notes.push(format!("the service revision could not be read: {error}"));
            None
        }
    }
}

async fn definition(aws: &Aws, arn: &str, notes: &mut Vec<String>) -> Option<TaskDefinition> {
    let request = aws.ecs.describe_task_definition().task_definition(arn);
    match call("ecs:DescribeTaskDefinition", request.send()).await {
        Ok(answer) => answer.task_definition().cloned(),
        Err(error) => {
            notes.push(format!("the task definition could not be read: {error}"));
            None
        }
    }
}

/// Takes over what the task definition says, of environment variables only where their secrets are, and the size of a task that was
/// started with one of its own.
pub(super) fn define(evidence: &mut Evidence, definition: &TaskDefinition, task: Option<&Task>) {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok());
    evidence.cpu = number(task.and_then(Task::cpu)).or(number(definition.cpu()));
    evidence.memory = number(task.and_then(Task::memory)).or(number(definition.memory()));
    evidence.next_size =
        evidence.cpu.zip(evidence.memory).and_then(|(cpu, memory)| crate::stack::next_size(cpu, memory));
    let architecture = definition.runtime_platform().and_then(|platform| platform.cpu_architecture());
    evidence.architecture = architecture.map(|one| one.as_str().to_owned());
    let role = |arn: Option<&str>| arn.and_then(|arn| arn.rsplit('/').next()).map(str::to_owned);
    if let Some(role) = role(definition.execution_role_arn()) {
        evidence.execution_role = role;
    }
    if let Some(role) = role(definition.task_role_arn()) {
        evidence.task_role = role;
    }
    evidence.containers = definition
        .container_definitions()
        .iter()
        .map(|one| {
            let log = one.log_configuration().filter(|log| log.log_driver().as_str() == "awslogs");
            let option = |key: &str| log.and_then(|log| log.options()).and_then(|all| all.get(key)).cloned();
            Definition {
                name: one.name().unwrap_or_default().to_owned(),
                image: one.image().unwrap_or_default().to_owned(),
                entry_point: one.entry_point().to_vec(),
                command: one.command().to_vec(),
                health_check: one.health_check().map(|check| check.command().to_vec()).unwrap_or_default(),
                secrets: one.secrets().iter().map(|secret| secret.value_from().to_owned()).collect(),
                env_files: one.environment_files().iter().map(|file| file.value().to_owned()).collect(),
                log_group: option("awslogs-group"),
                log_prefix: option("awslogs-stream-prefix"),
                essential: one.essential().unwrap_or(true),
            }
        })
        .collect();
}

/// Which revision took the place of ours, and who registered it.
pub(super) async fn newer(
    aws: &Aws,
    evidence: &Evidence,
    service: Option<&Service>,
    notes: &mut Vec<String>,
) -> Option<String> {
    if evidence.state != State::Superseded {
        return None;
    }
    let primary = service?.deployments().iter().find(|one| one.status() == Some("PRIMARY"))?;
    let (id, arn) = (primary.id()?, primary.task_definition()?);
    if evidence.deployment.as_deref() == Some(id) {
        return None;
    }
    let revision = arn.rsplit('/').next().unwrap_or(arn);
    let by = definition(aws, arn, notes).await;
    let by = by.and_then(|one| one.registered_by().map(|who| format!(", registered by {who}")));
    Some(format!("{id} runs {revision}{}", by.unwrap_or_default()))
}

/// How far the newest task of a rollout without failures has come.
pub(super) async fn live(aws: &Aws, suspect: &Suspect<'_>, evidence: &Evidence) -> Vec<String> {
    if !evidence.groups.is_empty() || evidence.state != State::Unfinished {
        return Vec::new();
    }
    let found = match of_deployment(aws, suspect, DesiredStatus::Running).await {
        Ok(found) => found.found,
        Err(error) => return vec![format!("the running tasks could not be read: {error}")],
    };
    found.iter().take(3).map(steps).collect()
}

/// The steps of one task with their times.
fn steps(task: &Task) -> String {
    let id = task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
    let at = |stamp: Option<&DateTime>| stamp.map(DateTime::as_secs_f64);
    let between = |from: Option<f64>, to: Option<f64>| from.zip(to).map(|(from, to)| to - from);
    let created = at(task.created_at());
    let (pull_began, pull_ended) = (at(task.pull_started_at()), at(task.pull_stopped_at()));
    let started = at(task.started_at());
    let mut steps = vec![format!("task {id} is {}", task.last_status().unwrap_or("in an unknown state"))];
    match (between(created, pull_began), between(pull_began, pull_ended)) {
        (Some(wait), Some(pull)) => steps.push(format!("placed in {wait:.0} s, image pulled in {pull:.0} s")),
        (Some(wait), None) if started.is_none() => {
            steps.push(format!("placed in {wait:.0} s, still pulling its image"));
        }
        (None, _) if started.is_none() => steps.push("not placed on a host yet".to_owned()),
        _ => {}
    }
    steps.extend(between(created, started).map(|took| format!("started {took:.0} s after its creation")));
    let health = task.health_status().map(HealthStatus::as_str).filter(|health| *health != "UNKNOWN");
    steps.extend(health.map(|health| format!("its health is {health}")));
    steps.join(", ")
}

/// What ECR says of an image.
pub(super) async fn registry(aws: &Aws, image: &str) -> Option<String> {
    let (host, path) = image.split_once('/')?;
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let region = rest.split('.').next()?;
    let (repository, identity) = match path.split_once('@') {
        Some((name, digest)) => (name.split(':').next()?, ("digest", digest)),
        None => path.rsplit_once(':').map_or((path, ("tag", "latest")), |(name, tag)| (name, ("tag", tag))),
    };
    let (kind, value) = identity;
    if region != aws.region {
        return Some(format!("the image is in region {region}, which was not asked"));
    }
    let id = aws_sdk_ecr::types::ImageIdentifier::builder();
    let id = if kind == "digest" { id.image_digest(value) } else { id.image_tag(value) }.build();
    let request = aws.ecr.describe_images().registry_id(account).repository_name(repository).image_ids(id);
    Some(match call("ecr:DescribeImages", request.send()).await {
        Ok(answer) => {
            let tags: Vec<&str> = answer
                .image_details()
                .iter()
                .flat_map(aws_sdk_ecr::types::ImageDetail::image_tags)
                .map(String::as_str)
                .collect();
            let tags = if tags.is_empty() { "no tags".to_owned() } else { tags.join(", ") };
            format!("ECR has {kind} {value} in {repository} now ({tags})")
        }
        Err(error) if error.code == "ImageNotFoundException" => {
            format!("ECR has no image with {kind} {value} in {repository}")
        }
        Err(error) if error.code == "RepositoryNotFoundException" => {
            format!("ECR has no repository {repository} in account {account}")
        }
        Err(error) => format!("ECR could not be asked: {error}"),
    })
}
