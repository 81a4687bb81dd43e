//! Starts runs of a task, once even when the answer is lost.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ecs::error::SdkError;
use aws_sdk_ecs::operation::run_task::RunTaskError;
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, ContainerOverride, Failure, KeyValuePair, LaunchType,
    NetworkConfiguration, PropagateTags, Task, TaskOverride,
};
use serde_json::{Value, json};

use crate::aws::{Aws, Retry, call, retrying};
use crate::model::CallError;

use super::deployed::Revision;

/// The IAM actions of this file. The tags of the task definition go to its tasks, which is a permission of its own.
pub const WRITES: &[&str] = &["ecs:RunTask", "ecs:TagResource", "iam:PassRole"];

/// The longest overrides of one call, in characters of their JSON (`RunTask`, `overrides`).
pub const OVERRIDES_MAX: usize = 8192;

/// What a run changes of its task definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The container that they are for.
    pub container: String,
    /// Replaces the command.
    pub command: Option<Vec<String>>,
    /// More environment variables. Their values are never shown.
    pub environment: BTreeMap<String, String>,
    /// CPU units of the task.
    pub cpu: Option<u32>,
    /// MiB of the task.
    pub memory: Option<u32>,
}

impl Overrides {
    /// As ECS counts them, and as a client token is made from them.
    pub fn document(&self) -> Value {
        let mut container = json!({"name": self.container});
        if let (Some(command), Some(fields)) = (&self.command, container.as_object_mut()) {
            fields.insert("command".to_owned(), json!(command));
        }
        if let Some(fields) = container.as_object_mut().filter(|_| !self.environment.is_empty()) {
            let pair = |(name, value): (&String, &String)| json!({"name": name, "value": value});
            fields.insert("environment".to_owned(), self.environment.iter().map(pair).collect());
        }
        let mut document = json!({"containerOverrides": [container]});
        for (key, value) in [("cpu", self.cpu), ("memory", self.memory)] {
            if let (Some(value), Some(fields)) = (value, document.as_object_mut()) {
                fields.insert(key.to_owned(), json!(value.to_string()));
            }
        }
        document
    }

    /// How long they are, in characters.
    pub fn length(&self) -> usize {
        self.document().to_string().chars().count()
    }

    fn request(&self) -> TaskOverride {
        let pair =
            |(name, value): (&String, &String)| KeyValuePair::builder().name(name).value(value).build();
        let environment: Vec<KeyValuePair> = self.environment.iter().map(pair).collect();
        let container = ContainerOverride::builder()
            .name(&self.container)
            .set_command(self.command.clone())
            .set_environment((!environment.is_empty()).then_some(environment))
            .build();
        TaskOverride::builder()
            .container_overrides(container)
            .set_cpu(self.cpu.map(|units| units.to_string()))
            .set_memory(self.memory.map(|mib| mib.to_string()))
            .build()
    }

    /// Nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.command.is_none() && self.environment.is_empty() && self.cpu.is_none() && self.memory.is_none()
    }
}

/// What is to be run, and where.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// What is run.
    pub revision: &'a Revision,
    /// Subnet ids, at most 16.
    pub subnets: Vec<String>,
    /// The tasks get public addresses.
    pub public_ip: bool,
    /// The id of the security group.
    pub security_group: String,
    /// What this run changes.
    pub overrides: Overrides,
    /// How many, 1 to 10.
    pub count: u8,
    /// Sessions can be opened in it.
    pub execute_command: bool,
    /// The same token starts once: 1 to 64 characters.
    pub token: String,
    /// Who asks, for ECS's record: letters, digits, `-`, `_`, `/`.
    pub started_by: String,
}

/// What `RunTask` answered.
#[derive(Debug)]
pub enum Start {
    /// These tasks are there; `failures` tells of those that are not.
    Placed {
        /// At least one.
        tasks: Vec<Task>,
        /// Why there are fewer than were asked for.
        failures: Vec<Failure>,
        /// An earlier call with the same token started them.
        again: bool,
    },
    /// None was started.
    NotPlaced(Vec<Failure>),
    /// Another call used the token for something else; the ARNs of its tasks.
    TokenTaken(Vec<String>),
}

/// A role that was made a moment ago cannot be assumed everywhere yet.
const SETTLING: Retry = Retry {
    on: &[("ClientException", "unable to assume"), ("InvalidParameterException", "unable to assume")],
    limit: Duration::from_secs(30),
};

/// Starts the tasks. Every attempt carries the same token, so a lost answer is asked for again without a second start.
pub async fn start(aws: &Aws, ask: &Ask<'_>) -> Result<Start, CallError> {
    const OP: &str = "ecs:RunTask";
    let public = if ask.public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(ask.subnets.clone()))
        .security_groups(&ask.security_group)
        .assign_public_ip(public)
        .build()
        .map_err(|error| CallError::local(OP, format!("this is a bug: {error}")))?;
    let network = NetworkConfiguration::builder().awsvpc_configuration(vpc).build();
    let overrides = (!ask.overrides.is_empty()).then(|| ask.overrides.request());
    let taken = Mutex::new(None);
    let answer = retrying(SETTLING, || {
        let request = aws.ecs.run_task().cluster(ask.cluster).task_definition(&ask.revision.arn);
        let request = request
            .launch_type(LaunchType::Fargate)
            .network_configuration(network.clone())
            .set_overrides(overrides.clone())
            .count(i32::from(ask.count))
            .client_token(&ask.token)
            .started_by(&ask.started_by)
            .enable_ecs_managed_tags(true)
            .enable_execute_command(ask.execute_command)
            .propagate_tags(PropagateTags::TaskDefinition);
        let taken = &taken;
        async move {
            let sent = request.send().await;
            if let Err(SdkError::ServiceError(refused)) = &sent
                && let RunTaskError::ConflictException(conflict) = refused.err()
            {
                *taken.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(conflict.resource_ids().to_vec());
            }
            call(OP, std::future::ready(sent)).await
        }
    })
    .await;
    if let Some(arns) = taken.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Ok(Start::TokenTaken(arns));
    }
    let answer = answer?;
    let (tasks, failures) = (answer.tasks().to_vec(), answer.failures().to_vec());
    if tasks.is_empty() {
        return Ok(Start::NotPlaced(failures));
    }
    // What has just been asked for is PROVISIONING.
    let new = |task: &Task| matches!(task.last_status(), None | Some("PROVISIONING"));
    Ok(Start::Placed { again: !tasks.iter().all(new), tasks, failures })
}

/// Why tasks were not started, each once, in ECS's words.
pub fn reasons(failures: &[Failure]) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for failure in failures {
        let words: Vec<&str> = [failure.reason(), failure.detail()].into_iter().flatten().collect();
        let reason = words.join(": ");
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_counted_as_ecs_writes_them() {
        let overrides = Overrides {
            container: "job".to_owned(),
            command: Some(vec!["run".to_owned(), "--once".to_owned()]),
            environment: BTreeMap::from([("A".to_owned(), "b=c".to_owned())]),
            cpu: Some(512),
            memory: None,
        };
        let text = r#"{"containerOverrides":[{"name":"job","command":["run","--once"],"environment":[{"name":"A","value":"b=c"}]}],"cpu":"512"}"#;
        assert_eq!(overrides.document().to_string(), text);
        assert_eq!(overrides.length(), text.len());
        assert!(!overrides.is_empty());
    }
}
