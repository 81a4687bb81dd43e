//! Config + facts → `Stack`: every default made explicit. Pure.

mod capacity;
mod endpoints;
pub mod facts;
pub mod marker;
mod names;
mod policy;
pub mod tags;
#[cfg(test)]
mod tests;
mod urls;
pub mod web;

use std::collections::BTreeMap;

use crate::config::{self, Config, Task};
use crate::model::{Image, ImageOrigin};

pub use capacity::next_size;
pub use endpoints::endpoints;
pub use facts::{Facts, Placement, Provenance};
pub use names::{Names, Scope, alb_security_group, load_balancer, target_group};
pub use policy::{Policy, Statement};
pub use tags::{ADDRESS, STACK, owner, ownership};
pub use urls::urls;
pub use web::{Web, WebService};

/// What the user wants, with every default made explicit and every name decided.
#[derive(Debug, Clone)]
pub struct Stack {
    /// `app.name`.
    pub name: String,
    /// Every physical name and address.
    pub names: Names,
    /// 12 digits.
    pub account: String,
    /// For example `eu-west-1`.
    pub region: String,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The VPC of the security group.
    pub vpc_id: String,
    /// Days that logs are kept.
    pub log_retention_days: i32,
    /// The user's tags for every resource of the stack.
    pub tags: BTreeMap<String, String>,
    /// Which run makes what is made.
    pub provenance: Provenance,
    /// The tasks by key.
    pub tasks: BTreeMap<String, StackTask>,
    /// What its web services share.
    pub web: Web,
    /// What the lookups want the reader to know.
    pub warnings: Vec<String>,
}

/// What a task is run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runs {
    /// Only when asked.
    OneOff,
    /// By an `EventBridge` rule with this (normalised) expression.
    Scheduled(String),
    /// As an ECS service.
    Service(ServiceRun),
}

/// An ECS service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRun {
    /// Tasks at creation.
    pub desired_count: i32,
    /// How ECS replaces tasks.
    pub deployment: Deployment,
    /// How it is reached; `None` without a load balancer.
    pub web: Option<Box<WebService>>,
}

/// How ECS replaces tasks (rolling update).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deployment {
    /// Per cent of the desired tasks that always run (rounded up).
    pub minimum_healthy_percent: i32,
    /// Per cent of the desired tasks that never are exceeded (rounded down).
    pub maximum_percent: i32,
    /// A rollout whose tasks keep failing ends.
    pub circuit_breaker: bool,
    /// … and the last good revision comes back.
    pub rollback: bool,
}

impl Deployment {
    fn new(wanted: &config::Deployment) -> Self {
        let circuit_breaker = wanted.circuit_breaker.unwrap_or(true);
        Self {
            minimum_healthy_percent: wanted.minimum_healthy_percent.map_or(100, whole),
            maximum_percent: wanted.maximum_percent.map_or(200, whole),
            circuit_breaker,
            rollback: wanted.rollback.unwrap_or(circuit_breaker),
        }
    }
}

/// One task, everything decided.
#[derive(Debug, Clone)]
pub struct StackTask {
    /// The key in the configuration; names service, rule and addresses.
    pub key: String,
    /// How it is run.
    pub runs: Runs,
    /// Task-definition family.
    pub family: String,
    /// Container name.
    pub container: String,
    /// CPU units (1024 = 1 vCPU).
    pub cpu: i32,
    /// MiB.
    pub memory: i32,
    /// `X86_64` or `ARM64`.
    pub cpu_architecture: &'static str,
    /// Subnet ids, at most 16, spread over Availability Zones.
    pub subnets: Vec<String>,
    /// The task gets a public address (it runs in public subnets).
    pub assign_public_ip: bool,
    /// The image as the task definition will hold it, and how it was found.
    pub image: facts::TaskImage,
    /// Empty = the image's own.
    pub command: Vec<String>,
    /// Plain environment.
    pub environment: BTreeMap<String, String>,
    /// Environment variable → secret ARN.
    pub secrets: BTreeMap<String, String>,
    /// Sessions can be opened in its containers.
    pub execute_command: bool,
    /// The user's tags for this task's resources, stack tags included.
    pub tags: BTreeMap<String, String>,
}

/// How long logs are kept when nothing is said.
const RETENTION_DAYS: i32 = 14;

impl Stack {
    /// Makes everything explicit. What `facts` does not know of a task (it was read for another configuration) stays as written.
    pub fn new(config: &Config, facts: Facts) -> Self {
        let Facts {
            account,
            region,
            partition,
            vpc_id,
            placements,
            images,
            secrets,
            web,
            provenance,
            warnings,
            resolved: _,
        } = facts;
        let (web, services) = Web::new(config, &web);
        let mut facts = TaskFacts { placements, images, secrets, services };
        let tasks = config
            .tasks
            .iter()
            .map(|(key, task)| (key.clone(), StackTask::new(key, task, config, &mut facts)))
            .collect();
        Self {
            name: config.app.name.clone(),
            names: Names::new(config),
            account,
            region,
            partition,
            vpc_id,
            log_retention_days: config.log_group.retention_days.map_or(RETENTION_DAYS, whole),
            tags: config.tags.clone(),
            provenance,
            tasks,
            web,
            warnings,
        }
    }

    /// Where the stack is.
    pub fn scope(&self) -> Scope {
        Scope {
            partition: self.partition.clone(),
            region: self.region.clone(),
            account: self.account.clone(),
        }
    }

    /// The images of the tasks, in order of task key.
    pub fn images(&self) -> Vec<Image> {
        self.tasks.values().map(|task| task.image.image.clone()).collect()
    }
}

/// The facts of tasks, by key.
struct TaskFacts {
    placements: BTreeMap<String, Placement>,
    images: BTreeMap<String, facts::TaskImage>,
    secrets: BTreeMap<String, String>,
    services: BTreeMap<String, WebService>,
}

impl StackTask {
    fn new(key: &str, task: &Task, config: &Config, facts: &mut TaskFacts) -> Self {
        let capacity = task.capacity();
        let placement = facts.placements.remove(key).unwrap_or_default();
        let image = facts.images.remove(key).unwrap_or_else(|| as_written(key, task));
        let arn = |path: &String| facts.secrets.get(path).unwrap_or(path).clone();
        let secrets = task.secrets.iter().map(|secret| (secret.env.clone(), arn(&secret.path))).collect();
        let mut tags = config.tags.clone();
        tags.extend(task.tags.clone());
        Self {
            key: key.to_owned(),
            runs: runs(key, task, facts),
            family: family(key, task).to_owned(),
            container: container(key, task).to_owned(),
            cpu: whole(capacity.cpu),
            memory: whole(capacity.memory),
            cpu_architecture: config.cpu_architecture_of(task).as_str(),
            subnets: placement.subnets,
            assign_public_ip: placement.assign_public_ip,
            image,
            command: task.command.clone().unwrap_or_default(),
            environment: task.environment.clone(),
            secrets,
            execute_command: task.enable_execute_command.unwrap_or_default(),
            tags,
        }
    }
}

/// The task-definition family of a task.
pub fn family<'a>(key: &'a str, task: &'a Task) -> &'a str {
    task.family.as_deref().unwrap_or(key)
}

/// The container name of a task.
pub fn container<'a>(key: &'a str, task: &'a Task) -> &'a str {
    task.name.as_deref().unwrap_or(key)
}

fn runs(key: &str, task: &Task, facts: &mut TaskFacts) -> Runs {
    match &task.schedule {
        _ if task.kind.is_service() => Runs::Service(ServiceRun {
            desired_count: task.desired_count.map_or(1, whole),
            deployment: Deployment::new(&task.deployment),
            web: facts.services.remove(key).map(Box::new),
        }),
        Some(schedule) => Runs::Scheduled(schedule.to_string()),
        None => Runs::OneOff,
    }
}

fn as_written(key: &str, task: &Task) -> facts::TaskImage {
    let image = Image {
        task: key.to_owned(),
        image: task.image.clone(),
        tag: None,
        digest: None,
        origin: ImageOrigin::Outside,
    };
    facts::TaskImage { image, source: task.image.clone(), repository_arn: None, commit: None }
}

/// The SDK's integers are signed; the configuration's checks keep every number far below the limit.
fn whole(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
