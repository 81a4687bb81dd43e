//! What of the stack is in the account: the revision that a run uses, and the security group of the tasks.

use std::time::Duration;

use aws_sdk_ec2::types::{Filter, SecurityGroup};
use aws_sdk_ecs::types::{ContainerDefinition, LogDriver, SortOrder, TaskDefinition};
use aws_sdk_ecs::types::{TaskDefinitionField, TaskDefinitionStatus};

use crate::aws::{Aws, absent, call};
use crate::model::CallError;
use crate::stack::{Names, STACK};

/// The IAM actions of this file.
pub const READS: &[&str] =
    &["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions", "ec2:DescribeSecurityGroups"];

/// How many of the newest revisions are looked at for one that carries the stack's tag.
const LOOKED_AT: usize = 20;

/// How long ECS lets a container end after SIGTERM when nothing is said (`ContainerDefinition.stopTimeout`).
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// A revision of a task-definition family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Its ARN.
    pub arn: String,
    /// `family:revision`.
    pub name: String,
    /// CPU units, when they are a plain number.
    pub cpu: Option<u32>,
    /// MiB, when they are a plain number.
    pub memory: Option<u32>,
    /// Its containers.
    pub containers: Vec<Container>,
    /// `family:revision` of a newer active one that is not the stack's.
    pub passed_over: Option<String>,
}

/// A container of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// The task stops when it stops.
    pub essential: bool,
    /// Where its output goes, if that can be read: by `awslogs`, to this region.
    pub log: Option<LogPlace>,
    /// How long it has after SIGTERM.
    pub stop_timeout: Duration,
}

/// Where a container writes its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// The log group.
    pub group: String,
    /// What its stream starts with: `<prefix>/<container>`.
    pub prefix: String,
}

impl LogPlace {
    /// The stream of one task.
    pub fn stream(&self, task: &str) -> String {
        format!("{}/{task}", self.prefix)
    }
}

impl Revision {
    /// The container of the program: the one that the stack file names, else the first essential one.
    pub fn main(&self, name: &str) -> Option<&Container> {
        let named = self.containers.iter().find(|container| container.name == name);
        named.or_else(|| self.containers.iter().find(|container| container.essential))
    }

    /// How long the slowest container has to end after SIGTERM.
    pub fn stop_timeout(&self) -> Duration {
        self.containers.iter().map(|container| container.stop_timeout).max().unwrap_or(STOP_TIMEOUT)
    }
}

/// The newest active revision of a family that carries the stack's tag.
pub async fn revision(aws: &Aws, names: &Names, family: &str) -> Result<Option<Revision>, CallError> {
    let request = aws.ecs.list_task_definitions().family_prefix(family).status(TaskDefinitionStatus::Active);
    let answer = call("ecs:ListTaskDefinitions", request.sort(SortOrder::Desc).send()).await?;
    // The prefix also finds families with longer names.
    let of_family = |arn: &&String| name_of(arn).rsplit_once(':').is_some_and(|(name, _)| name == family);
    let mut passed_over = None;
    for arn in answer.task_definition_arns().iter().filter(of_family).take(LOOKED_AT) {
        let request = aws.ecs.describe_task_definition().task_definition(arn);
        let request = request.include(TaskDefinitionField::Tags);
        // ECS calls it a ClientException when a revision was deregistered meanwhile.
        let sent = call("ecs:DescribeTaskDefinition", request.send()).await;
        let Some(found) = absent(sent, &["ClientException"])? else { continue };
        let ours =
            found.tags().iter().any(|tag| tag.key() == Some(STACK) && tag.value() == Some(&names.stack));
        match found.task_definition() {
            Some(definition) if ours => return Ok(Some(read(definition, &aws.region, passed_over))),
            _ => passed_over = passed_over.or_else(|| Some(name_of(arn).to_owned())),
        }
    }
    Ok(None)
}

fn name_of(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, name)| name)
}

fn read(definition: &TaskDefinition, region: &str, passed_over: Option<String>) -> Revision {
    let arn = definition.task_definition_arn().unwrap_or_default();
    Revision {
        arn: arn.to_owned(),
        name: name_of(arn).to_owned(),
        cpu: definition.cpu().and_then(|text| text.parse().ok()),
        memory: definition.memory().and_then(|text| text.parse().ok()),
        containers: definition.container_definitions().iter().map(|one| container(one, region)).collect(),
        passed_over,
    }
}

fn container(found: &ContainerDefinition, region: &str) -> Container {
    let name = found.name().unwrap_or_default();
    let log = found.log_configuration().filter(|log| *log.log_driver() == LogDriver::Awslogs);
    let option = |key: &str| log.and_then(|log| log.options()).and_then(|options| options.get(key));
    let here = option("awslogs-region").is_none_or(|of| of == region);
    let place = option("awslogs-group").zip(option("awslogs-stream-prefix")).filter(|_| here);
    let seconds = found.stop_timeout().and_then(|seconds| u64::try_from(seconds).ok());
    Container {
        name: name.to_owned(),
        image: found.image().unwrap_or_default().to_owned(),
        essential: found.essential().unwrap_or(true),
        log: place
            .map(|(group, prefix)| LogPlace { group: group.clone(), prefix: format!("{prefix}/{name}") }),
        stop_timeout: seconds.map_or(STOP_TIMEOUT, Duration::from_secs),
    }
}

/// The id of the tasks' security group; `None` when the VPC has none of this name, or when it is another stack's.
pub async fn security_group(aws: &Aws, names: &Names, vpc_id: &str) -> Result<Option<String>, CallError> {
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let request = aws.ec2.describe_security_groups().filters(filter("vpc-id", vpc_id));
    let request = request.filters(filter("group-name", &names.security_group));
    let answer = call("ec2:DescribeSecurityGroups", request.send()).await?;
    // A filter takes `*` and `?` as patterns.
    let ours = |group: &&SecurityGroup| {
        let owner = group.tags().iter().find(|tag| tag.key() == Some(STACK)).and_then(|tag| tag.value());
        group.group_name() == Some(&names.security_group) && owner.is_none_or(|owner| owner == names.stack)
    };
    let group = answer.security_groups().iter().find(ours);
    Ok(group.and_then(SecurityGroup::group_id).map(str::to_owned))
}
