//! What runs, in the shape of the JSON documents of `status`, `list-tasks`, `tasks`, `list-zones` and `show`.
//!
//! Times are RFC 3339 in UTC.

use serde::Serialize;

/// A service's scalable target at Application Auto Scaling, which owns the service's desired count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Scalable {
    /// Fewest tasks.
    pub min_capacity: i32,
    /// Most tasks.
    pub max_capacity: i32,
    /// What of it is suspended.
    pub suspended: Suspended,
}

impl Scalable {
    /// Nothing of it changes the count now.
    pub const fn is_suspended(&self) -> bool {
        self.suspended.scale_in && self.suspended.scale_out && self.suspended.scheduled
    }
}

/// What Application Auto Scaling does not do for now (`SuspendedState` of its API).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Suspended {
    /// Policies take no tasks away.
    pub scale_in: bool,
    /// Policies add no tasks.
    pub scale_out: bool,
    /// Scheduled actions do nothing.
    pub scheduled: bool,
}

impl Suspended {
    /// All of it.
    pub const ALL: Self = Self { scale_in: true, scale_out: true, scheduled: true };
    /// None of it.
    pub const NONE: Self = Self { scale_in: false, scale_out: false, scheduled: false };
}

/// How the services, schedules and other runs of a stack are.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Status {
    /// The stack's name.
    pub stack: String,
    /// The region.
    pub region: String,
    /// The cluster's name.
    pub cluster: String,
    /// The services, in order of name.
    pub services: Vec<ServiceStatus>,
    /// The scheduled tasks, in order of name.
    pub scheduled: Vec<ScheduleStatus>,
    /// What else of the stack runs.
    pub runs: Vec<TaskRun>,
    /// What could not be read, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// How a service is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ServiceStatus {
    /// Its task in the stack file, whose name it has in AWS too.
    pub service: String,
    /// It is there and not on its way out.
    pub deployed: bool,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`; empty when ECS does not know it.
    pub status: String,
    /// Tasks wanted.
    pub desired: i32,
    /// Tasks that run.
    pub running: i32,
    /// Tasks that start.
    pub pending: i32,
    /// Its PRIMARY deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentStatus>,
    /// `family:revision` that it is to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The family's newest active `family:revision`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_revision: Option<String>,
    /// Its images, by container.
    pub images: Vec<ImageStatus>,
    /// What scales it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Scalable>,
    /// How it is reached over its load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web: Option<WebStatus>,
    /// Its tasks, oldest first.
    pub tasks: Vec<TaskRun>,
    /// What ECS told of it, newest first, the same said twice in a row only once.
    pub events: Vec<ServiceEvent>,
}

/// How a service is reached over a load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WebStatus {
    /// The addresses that the stack file gives it, with `*` for what they leave open.
    pub urls: Vec<String>,
    /// The load balancer of which a listener forwards to the target group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<BalancerStatus>,
    /// The name of the target group; absent when the service has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_group: Option<String>,
    /// How many targets are how, by Availability Zone.
    pub zones: Vec<ZoneStatus>,
    /// The targets that are not healthy.
    pub targets: Vec<TargetStatus>,
}

/// A load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BalancerStatus {
    /// Its name.
    pub name: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// Its DNS name.
    pub dns_name: String,
    /// `active`, `provisioning`, …
    pub state: String,
}

/// How many targets of one Availability Zone are in which state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ZoneStatus {
    /// The zone; `unknown` when nobody tells.
    pub zone: String,
    /// They get requests.
    pub healthy: usize,
    /// They failed their checks.
    pub unhealthy: usize,
    /// They are checked for the first time.
    pub initial: usize,
    /// They end their open requests.
    pub draining: usize,
    /// They get no requests: no listener forwards to them, or their zone is not enabled.
    pub unused: usize,
    /// Their health is not known.
    pub unavailable: usize,
}

/// A target that is not healthy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TargetStatus {
    /// Address and port.
    pub target: String,
    /// Availability Zone.
    pub zone: String,
    /// `unhealthy`, `initial`, `draining`, `unused`, …
    pub state: String,
    /// `Target.Timeout`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The words of Elastic Load Balancing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A hosted zone of Route 53.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ZoneRow {
    /// For example `Z0123456789ABCDEFGHIJ`.
    pub id: String,
    /// Its domain.
    pub name: String,
    /// Only its VPCs see it.
    pub private: bool,
    /// How many record sets it has.
    pub records: i64,
    /// The VPCs that see it, when it is private.
    pub vpcs: Vec<ZoneOfVpc>,
}

/// A VPC that sees a private hosted zone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ZoneOfVpc {
    /// Its id.
    pub id: String,
    /// Its region.
    pub region: String,
}

/// The PRIMARY deployment of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeploymentStatus {
    /// `ecs-svc/…`.
    pub id: String,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`.
    pub state: String,
    /// ECS's words on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was made.
    pub since: String,
}

/// The image of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImageStatus {
    /// The container.
    pub container: String,
    /// The reference in the revision.
    pub image: String,
    /// `sha256:…`, when the revision pins it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The tag that it was found by, as the revision's tags say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The commit that it was built from, as the revision's tags say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What ECR has under the stack file's tag, if that was pushed later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer: Option<NewerImage>,
    /// ECR has the image; absent when nobody asked, for instance because it is in another registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_ecr: Option<bool>,
}

/// An image that was pushed after the one that runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewerImage {
    /// Its tag.
    pub tag: String,
    /// `sha256:…`.
    pub digest: String,
    /// When it was pushed.
    pub pushed: String,
}

/// One of the newest events of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ServiceEvent {
    /// When it was told last.
    pub at: String,
    /// ECS's words.
    pub message: String,
    /// How often in a row.
    pub times: usize,
}

/// How a scheduled task is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ScheduleStatus {
    /// The task in the stack file.
    pub task: String,
    /// Its EventBridge rule.
    pub rule: String,
    /// The rule is there.
    pub deployed: bool,
    /// `ENABLED` or `DISABLED`.
    pub state: String,
    /// `cron(…)` or `rate(…)`, in UTC.
    pub expression: String,
    /// `family:revision` that it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The family's newest active `family:revision`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_revision: Option<String>,
    /// What runs of it.
    pub runs: Vec<TaskRun>,
}

/// One task of ECS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TaskRun {
    /// Its id, the end of its ARN.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// The task in the stack file.
    pub task: String,
    /// `family:revision`.
    pub revision: String,
    /// `service:web`, `schedule:nightly`, `family:job`, …
    pub group: String,
    /// `PROVISIONING`, `PENDING`, `RUNNING`, …, `STOPPED`.
    pub status: String,
    /// `HEALTHY`, `UNHEALTHY` or `UNKNOWN`.
    pub health: String,
    /// CPU units.
    pub cpu: String,
    /// MiB.
    pub memory: String,
    /// Availability Zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Private IPv4 address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// What started it: a deployment, a rule, a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_by: Option<String>,
    /// When it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// When it came to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// From its start to its end, or to now; seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<i64>,
    /// Why it ended, as a word of the ECS API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_code: Option<String>,
    /// Why it ended, in ECS's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_reason: Option<String>,
    /// Its containers.
    pub containers: Vec<ContainerRun>,
}

/// One container of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ContainerRun {
    /// Its name.
    pub name: String,
    /// `sha256:…` of its image, once pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Its exit code, once it ended by itself or by a signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// What ECS says of its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One time that a schedule started its task, as CloudTrail recorded it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Firing {
    /// When EventBridge called `RunTask`.
    pub event_time: String,
    /// Why ECS refused, as a word of its API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Why ECS refused or placed nothing, in its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// `family:revision` or family that was asked for.
    pub revision: String,
    /// The task that came of it, as far as ECS still knows it (about an hour after its end).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<TaskRun>,
    /// The id of that task, known or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// What a command did, or why there was nothing to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// The command.
    pub command: &'static str,
    /// The task or service of the stack file.
    pub subject: String,
    /// Something in the account is different now.
    pub changed: bool,
    /// What was done, a sentence each; when nothing was, why.
    pub did: Vec<String>,
    /// What follows from it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
