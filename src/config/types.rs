//! What the user wrote, as types. The JSON Schema is made from the same types, and so are the key reference and the messages.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compat;
use super::fargate::{Capacity, Size};
use super::schedule::Schedule;
use super::secret::SecretRef;

/// One stack: an ECS cluster, its roles, one security group, one log group, and tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = compat::config_keys)]
pub struct Config {
    /// The application, whose name drives the names of everything in the stack.
    pub app: App,
    /// The AWS account that the stack belongs to (12 digits). Nothing is done when the credentials are of another account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<compat::Text>", extend("examples" = ["123456789012"]))]
    pub account: Option<String>,
    /// The AWS region. Without it, `--region` or the standard AWS settings of the environment decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["us-east-1"]))]
    pub region: Option<String>,
    /// The profile of the AWS configuration files to use, unless `--profile` names another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["sandbox"]))]
    pub profile: Option<String>,
    /// The VPC for the tasks. Without it, the only VPC of the region that has an internet gateway is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["vpc-0123456789abcdef0"]))]
    pub vpc_id: Option<String>,
    /// The subnets for the tasks. Without it, they are found by the route tables of the VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnets: Option<Subnets>,
    /// Places the tasks in public subnets with a public IP address each, instead of private subnets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assign_public_ip: Option<bool>,
    /// The ECS cluster.
    #[serde(default)]
    #[schemars(with = "Option<Cluster>")]
    pub cluster: Cluster,
    /// The execution role: what ECS may do to start the tasks (pull images, write logs, read secrets).
    #[serde(default)]
    #[schemars(with = "Option<compat::RoleOrName>")]
    pub role: Role,
    /// The task role: what the containers themselves may do.
    #[serde(default)]
    #[schemars(with = "Option<compat::RoleOrName>")]
    pub task_role: Role,
    /// The events role: what EventBridge may do to start scheduled tasks.
    #[serde(default)]
    #[schemars(with = "Option<compat::RoleOrName>")]
    pub events_role: Role,
    /// The CloudWatch log group that all tasks write to.
    #[serde(default)]
    #[schemars(with = "Option<LogGroup>")]
    pub log_group: LogGroup,
    /// The security groups.
    #[serde(default)]
    #[schemars(with = "Option<SecurityGroups>")]
    pub security_groups: SecurityGroups,
    /// What the images of the tasks are built for, and with it the processor that Fargate runs them on. Default: `X86_64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<compat::ArchitectureForm>", extend("examples" = ["ARM64"]))]
    pub cpu_architecture: Option<CpuArchitecture>,
    /// What a release does with a task whose ECR repository has no image with the tag that is released. Default:
    /// `required` as soon as a workflow names the tag, `auto` otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["required"]))]
    pub release: Option<ReleaseRule>,
    /// Tags for everything in the stack (at most 40 pairs; keys up to 128 characters, values up to 256).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "Option<BTreeMap<String, compat::Text>>", extend("examples" = [{"team": "payments"}]))]
    pub tags: BTreeMap<String, String>,
    /// The tasks. The key names the ECS service, the task definition family and the container.
    #[schemars(extend("minProperties" = 1, "x-expects" = "a mapping from task names to tasks"))]
    pub tasks: BTreeMap<String, Task>,
}

/// The application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct App {
    /// The name of the application: letters, digits, `-` and `_`.
    #[schemars(extend("examples" = ["my-app"]))]
    pub name: String,
    /// The version of the application, for display only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<compat::Text>", extend("examples" = ["1.4.2"]))]
    pub version: Option<String>,
}

/// Subnet ids by reachability. Which list a subnet stands in is a wish; the route tables decide what it really is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subnets {
    /// Subnets with a route to an internet gateway.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["subnet-0123456789abcdef0"]]))]
    pub public: Vec<String>,
    /// Subnets with a way out (NAT gateway, transit gateway, …) but none in.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["subnet-0123456789abcdef0"]]))]
    pub private: Vec<String>,
    /// Subnets without a default route, usable with VPC endpoints.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["subnet-0123456789abcdef0"]]))]
    pub isolated: Vec<String>,
}

/// The ECS cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = compat::with_arn)]
pub struct Cluster {
    /// The name of the cluster. Default: `<app>-cluster`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// An IAM role with one inline policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = compat::with_arn)]
pub struct Role {
    /// The name of the role (up to 64 characters). The default is made from the name of the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name of its inline policy (up to 128 characters). The default is made from the name of the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_name: Option<String>,
}

/// The CloudWatch log group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = compat::with_arn)]
pub struct LogGroup {
    /// The name of the log group. Default: `/ecs/<app>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many days log events are kept; one of the values that CloudWatch Logs knows. Default: 14.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-expects" = "a whole number of days", "examples" = [30]))]
    pub retention_days: Option<u32>,
}

/// The security groups of the stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = compat::security_groups_keys)]
pub struct SecurityGroups {
    /// The security group of the tasks.
    #[serde(default)]
    #[schemars(with = "Option<SecurityGroup>")]
    pub fargate: SecurityGroup,
}

/// A security group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = compat::security_group_keys)]
pub struct SecurityGroup {
    /// The name of the group (up to 255 characters). Default: `<app>-sg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
}

/// How a task runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TaskType {
    /// Runs to its end: on request, or by its `schedule`.
    #[default]
    Task,
    /// Runs all the time as an ECS service without a load balancer.
    Daemon,
}

/// The processors of Fargate (`runtimePlatform.cpuArchitecture` of the ECS API).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CpuArchitecture {
    /// Intel and AMD; `amd64` in Docker's words.
    #[default]
    #[serde(rename = "X86_64")]
    X86,
    /// Graviton; `arm64` in Docker's words.
    #[serde(rename = "ARM64")]
    Arm,
}

impl CpuArchitecture {
    /// The word of the ECS API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86 => "X86_64",
            Self::Arm => "ARM64",
        }
    }

    /// The word of image manifests.
    pub fn in_images(self) -> &'static str {
        match self {
            Self::X86 => "amd64",
            Self::Arm => "arm64",
        }
    }
}

/// What a release does with a task whose repository lacks the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReleaseRule {
    /// The release fails, and nothing is changed.
    Required,
    /// The task keeps the image that runs, with a warning.
    Auto,
}

/// One container image and how it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = compat::task_keys)]
pub struct Task {
    /// How the task runs. Default: `task`.
    #[serde(rename = "type", default)]
    #[schemars(with = "Option<TaskType>")]
    pub kind: TaskType,
    /// The container image: `repository[:tag]` of the account's own ECR, or a full reference with a registry.
    #[schemars(extend("examples" = ["helloworld:latest"]))]
    pub image: String,
    /// Replaces the command of the image. A list is taken as it is; text is split into words as a POSIX shell does (quotes and
    /// backslashes, but no variables or operators).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<compat::CommandForm>", extend("examples" = ["./run --once", ["./run", "--once"]]))]
    pub command: Option<Vec<String>>,
    /// Environment variables: a mapping, or a list of `NAME=value` or of `{name, value}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "Option<compat::EnvironmentForm>", extend("examples" = [{"LOG_LEVEL": "info"}]))]
    pub environment: BTreeMap<String, String>,
    /// Secrets of AWS Secrets Manager as environment variables: `path[:NAME]`, or the ARN of a secret with `:NAME`. Without a
    /// name, the last part of the path in upper case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Option<Vec<compat::SecretForm>>", extend("examples" = [["/my-app/db/password:DB_PASSWORD"]]))]
    pub secrets: Vec<SecretRef>,
    /// When EventBridge starts the task (UTC): `cron(minute hour day-of-month month day-of-week year)` or `rate(5 minutes)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("examples" = ["cron(0 15 * * ? *)", "rate(1 day)"]))]
    pub schedule: Option<Schedule>,
    /// A named pair of CPU and memory. Default: `tiny` for a task on request, `medium` for everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// CPU units (1024 are one vCPU). Wins over `size`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-expects" = "an integer number of CPU units", "examples" = [256]))]
    pub cpu: Option<u32>,
    /// Memory in MiB, or text with a unit such as `2 GB`. Wins over `size`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<compat::MemoryForm>", extend("examples" = [512]))]
    pub memory: Option<u32>,
    /// The name of the container. Default: the task's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The family of the task definition. Default: the task's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// How many tasks a service starts with. Sent when the service is created, and not after. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 5000), extend("x-expects" = "a whole number of tasks"))]
    pub desired_count: Option<u32>,
    /// Places this task as the key of the same name at the top does, and wins over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assign_public_ip: Option<bool>,
    /// Lets `exec` open sessions in the containers: tasks that start from now on run the agent for it, and the task role may
    /// use it. Running tasks are not changed; `redeploy` replaces them. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_execute_command: Option<bool>,
    /// What the image is built for; as the key of the same name at the top, and wins over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<compat::ArchitectureForm>", extend("examples" = ["ARM64"]))]
    pub cpu_architecture: Option<CpuArchitecture>,
    /// As the key of the same name at the top, and wins over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseRule>,
    /// Tags for what belongs to this task, over those of the stack.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "Option<BTreeMap<String, compat::Text>>")]
    pub tags: BTreeMap<String, String>,
}

impl Config {
    /// The processor of a task.
    pub fn cpu_architecture_of(&self, task: &Task) -> CpuArchitecture {
        task.cpu_architecture.or(self.cpu_architecture).unwrap_or_default()
    }

    /// What the file says about a task whose image lacks the tag that is released.
    pub fn release_of(&self, task: &Task) -> Option<ReleaseRule> {
        task.release.or(self.release)
    }
}

impl Task {
    /// CPU and memory in effect: `cpu` and `memory` win over `size`, and `size` has a default by the kind of task.
    pub fn capacity(&self) -> Capacity {
        let sized =
            self.size.unwrap_or_else(|| Size::default_of(self.kind, self.schedule.is_some())).capacity();
        Capacity { cpu: self.cpu.unwrap_or(sized.cpu), memory: self.memory.unwrap_or(sized.memory) }
    }
}
