//! Evidence as plain data: what the table of causes looks at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Everything that is known of a failed or stuck rollout or run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evidence {
    /// The task's key in the stack file.
    pub key: String,
    /// The cluster's name.
    pub cluster: String,
    /// The service's name; absent for a run.
    pub service: Option<String>,
    /// `ecs-svc/…`.
    pub deployment: Option<String>,
    /// The name of the role that ECS uses to start tasks.
    pub execution_role: String,
    /// The name of the role of the programs in the containers.
    pub task_role: String,
    /// The name of the security group of the tasks.
    pub security_group: String,
    /// The AWS region.
    pub region: String,
    /// Where it is.
    pub state: State,
    /// Who made the newer deployment, or what it runs, as far as it can be told.
    pub newer: Option<String>,
    /// The tasks that failed, those with most failures first.
    pub groups: Vec<Group>,
    /// Events of the service since the deployment began, newest first.
    pub events: Vec<String>,
    /// ECS's record of the deployment.
    pub record: Record,
    /// `failures` of `RunTask`, each `REASON: detail`.
    pub failures: Vec<String>,
    /// Targets of the service that are not healthy.
    pub targets: Vec<Target>,
    /// The target group of the service; its name is empty when it has none.
    pub target_group: TargetGroup,
    /// Seconds after a task's start in which failed checks do not stop it (`healthCheckGracePeriodSeconds`).
    pub grace: Option<i32>,
    /// The containers of the task definition.
    pub containers: Vec<Definition>,
    /// CPU units of the task.
    pub cpu: Option<u32>,
    /// MiB of the task.
    pub memory: Option<u32>,
    /// The next larger size that Fargate has: CPU units and MiB.
    pub next_size: Option<(u32, u32)>,
    /// `X86_64` or `ARM64`.
    pub architecture: Option<String>,
    /// Container → the end of its log, oldest line first.
    pub logs: BTreeMap<String, Vec<String>>,
    /// What the tasks' subnets lead to.
    pub subnets: Vec<Subnet>,
    /// Whether the tasks get public addresses.
    pub public_ip: bool,
    /// What the registry says of the image.
    pub registry: Vec<String>,
    /// Tasks wanted.
    pub desired: Option<i32>,
    /// `minimumHealthyPercent` of the service.
    pub minimum_percent: Option<i32>,
    /// `maximumPercent` of the service.
    pub maximum_percent: Option<i32>,
    /// A container runs another digest than its revision pins.
    pub mismatch: Option<Mismatch>,
    /// When the newest task passed which step, for a rollout without any failure.
    pub timeline: Vec<String>,
    /// What could not be read, or is worth to know.
    pub notes: Vec<String>,
}

/// Where a rollout or a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It failed, or cannot succeed any more.
    #[default]
    Failed,
    /// A newer deployment took its place.
    Superseded,
    /// It still ran when the waiting for it ended.
    Unfinished,
}

/// Tasks that failed in the same way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Group {
    /// How many.
    pub tasks: usize,
    /// The id of the newest.
    pub task: String,
    /// `TaskFailedToStart`, `EssentialContainerExited`, … (`stopCode` of `DescribeTasks`).
    pub stop_code: String,
    /// `stoppedReason` of the newest, as it came.
    pub reason: String,
    /// Its containers, the first to stop first.
    pub exits: Vec<Exit>,
    /// Attachments that failed: `type status: details`.
    pub attachments: Vec<String>,
    /// `FARGATE` or `FARGATE_SPOT`, when a capacity provider started it.
    pub provider: Option<String>,
    /// It was RUNNING for this long, in seconds.
    pub ran_s: Option<f64>,
    /// When the newest stopped, in seconds since the epoch; 0 when ECS does not tell.
    pub stopped_at: f64,
}

/// The end of one container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exit {
    /// Its name.
    pub container: String,
    /// Absent when it never ran.
    pub code: Option<i32>,
    /// `reason`, as it came.
    pub reason: String,
}

/// The parts of a service deployment that tell why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Record {
    /// `statusReason`.
    pub reason: Option<String>,
    /// `rollback.reason`.
    pub rollback: Option<String>,
    /// `alarms.triggeredAlarmNames`.
    pub alarms: Vec<String>,
    /// `deploymentCircuitBreaker`, when it counts: `TRIGGERED, 3 of 3 failed tasks`.
    pub breaker: Option<String>,
    /// `lifecycleStage`.
    pub stage: Option<String>,
    /// Hooks that failed or wait.
    pub hooks: Vec<Hook>,
    /// Its ARN, which the AWS command line takes.
    pub arn: Option<String>,
}

/// One hook of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hook {
    /// Its id.
    pub id: String,
    /// `AWS_LAMBDA` or `PAUSE`.
    pub kind: String,
    /// The function's ARN; empty for a pause.
    pub target: String,
    /// `FAILED`, `TIMED_OUT`, `AWAITING_ACTION`.
    pub status: String,
    /// When it expires, if it does.
    pub expires: Option<String>,
}

/// Targets in the same state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Target {
    /// `unhealthy`, `unused`, …
    pub state: String,
    /// `Target.ResponseCodeMismatch`, …
    pub reason: String,
    /// `Health checks failed with these codes: [502]`.
    pub description: String,
    /// How many.
    pub targets: usize,
}

/// A target group, and what its health check asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetGroup {
    /// Its name.
    pub name: String,
    /// `HTTP`, …; empty when the group could not be read.
    pub protocol: String,
    /// The port that is asked; absent when it is the one of the traffic.
    pub check_port: Option<i32>,
    /// The port of the traffic: the container's.
    pub port: i32,
    /// The path that is asked for.
    pub path: String,
    /// The codes that mean healthy.
    pub matcher: String,
    /// Seconds that an answer may take.
    pub timeout: i32,
    /// The ARNs of the load balancers of which a listener forwards to it.
    pub balancers: Vec<String>,
    /// The security groups of its load balancer.
    pub sources: Vec<String>,
    /// Whether the security groups of the tasks let the load balancer in on the port that is asked; absent when nobody looked.
    pub is_open: Option<bool>,
}

impl TargetGroup {
    /// The port that is asked.
    pub fn asked(&self) -> i32 {
        self.check_port.unwrap_or(self.port)
    }
}

/// A container as the task definition has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Its entry point; empty = the image's own.
    pub entry_point: Vec<String>,
    /// Its command; empty = the image's own.
    pub command: Vec<String>,
    /// What its health check runs; empty when it has none.
    pub health_check: Vec<String>,
    /// Where its secrets come from: names and ARNs, never values.
    pub secrets: Vec<String>,
    /// Files of environment variables.
    pub env_files: Vec<String>,
    /// `awslogs-group`.
    pub log_group: Option<String>,
    /// `awslogs-stream-prefix`.
    pub log_prefix: Option<String>,
    /// Whether the task ends with it.
    pub essential: bool,
}

/// A subnet of the tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// Its Availability Zone.
    pub zone: String,
    /// Free addresses.
    pub free: Option<i32>,
    /// Where its default route leads: an id such as `nat-…` or `igw-…`; absent when there is none.
    pub route: Option<String>,
    /// The endpoints that the VPC lacks, by short name: `ecr.api`, `s3`; told only where there is no default route.
    pub lacks: Vec<String>,
}

/// A digest that is not the pinned one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mismatch {
    /// The container.
    pub container: String,
    /// The digest of the revision.
    pub pinned: String,
    /// The digest that runs.
    pub running: String,
}

impl Evidence {
    /// The definition of a container.
    pub fn definition(&self, container: &str) -> Option<&Definition> {
        self.containers.iter().find(|one| one.name == container)
    }

    /// The image of a container; empty when unknown.
    pub fn image(&self, container: Option<&str>) -> &str {
        let named = container.and_then(|name| self.definition(name));
        named.or_else(|| self.containers.first()).map_or("", |one| one.image.as_str())
    }

    /// `tasks.KEY.FIELD` of the stack file.
    pub fn field(&self, field: &str) -> String {
        format!("`tasks.{}.{field}`", self.key)
    }
}

impl Group {
    /// The first container to stop.
    pub fn first(&self) -> Option<&Exit> {
        self.exits.first()
    }
}
