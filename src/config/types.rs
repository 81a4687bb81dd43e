//! What the user wrote, as types. The JSON Schema is made from the same types, and so are the key reference and the messages.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compat;
use super::fargate::{Capacity, Size};
use super::run::RunRule;
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
    /// The names under which the `http` and `https` services are reached, unless a service names its own: one domain or a list.
    /// The first label may be `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Option<compat::DomainForm>", extend("examples" = ["app.example.com"]))]
    pub domain: Vec<String>,
    /// The certificate (ACM, in the stack's region) of the `https` services. Without it, an issued one that covers the domain is
    /// used, and one is requested where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"]))]
    pub certificate_arn: Option<String>,
    /// Where the DNS records of the domains go.
    #[serde(default)]
    #[schemars(with = "Option<Route53>")]
    pub route53: Route53,
    /// The load balancer of the `http` and `https` services.
    #[serde(default)]
    #[schemars(with = "Option<Alb>")]
    pub alb: Alb,
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
pub struct SecurityGroups {
    /// The security group of the tasks.
    #[serde(default)]
    #[schemars(with = "Option<SecurityGroup>")]
    pub fargate: SecurityGroup,
    /// The security group of the load balancer.
    #[serde(default)]
    #[schemars(with = "Option<AlbSecurityGroup>")]
    pub alb: AlbSecurityGroup,
}

/// The security group of the load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = compat::alb_security_group_keys)]
pub struct AlbSecurityGroup {
    /// The name of the group that is made for the stack's own load balancer (up to 255 characters). Default: `<app>-alb-sg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// For a load balancer that is not the stack's own: the one of its security groups that the tasks accept traffic from. Default:
    /// the first one that lets the port of the listener in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["sg-0123456789abcdef0"]))]
    pub group_id: Option<String>,
}

/// Route 53.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route53 {
    /// The profile of the AWS configuration files for Route 53, when the hosted zone is in another account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["dns"]))]
    pub profile: Option<String>,
    /// The role to assume for Route 53, when the hosted zone is in another account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["arn:aws:iam::123456789012:role/dns"]))]
    pub role_arn: Option<String>,
    /// The hosted zone of the domains. Default: the zone with the longest name that the domain ends with, public for a public
    /// load balancer and private for an internal one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["Z0123456789ABCDEFGHIJ"]))]
    pub zone_id: Option<String>,
    /// Whether DNS records are made at all. With `false` the domains must be pointed to the load balancer by other means, and an
    /// issued certificate must exist. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<bool>,
}

/// Who can reach a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlbType {
    /// The internet (`internet-facing` in the API), in public subnets.
    Public,
    /// The VPC and what is connected to it (`internal` in the API), in private subnets.
    Private,
}

/// The load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = compat::alb_keys)]
pub struct Alb {
    /// An existing load balancer to use. Without it, the stack's own one is used; else the only one of the VPC with the right
    /// scheme; else one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/main/0123456789abcdef"]))]
    pub arn: Option<String>,
    /// The name of the load balancer: of an existing one to use, or of the one that is made. Default: `<app>-alb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Makes a load balancer for this stack even where an existing one could be used (as `--create-alb` does). Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<compat::FlagForm>")]
    pub create: Option<bool>,
    /// Who can reach the services. Default: `public` for `https`, `private` for `http`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AlbType>,
    /// The port that the load balancer listens on. Default: 443 for `https`, 80 for `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535), extend("x-expects" = "a port number"))]
    pub port: Option<u16>,
    /// For `https`: whether port 80 redirects to it. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<compat::FlagForm>")]
    pub redirect_80: Option<bool>,
    /// The TLS policy of `https` listeners that are made. Default: `ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["ELBSecurityPolicy-TLS13-1-2-2021-06"]))]
    pub ssl_policy: Option<String>,
    /// Seconds without data after which the stack's own load balancer closes a connection. Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4000), extend("x-expects" = "a whole number of seconds"))]
    pub idle_timeout: Option<u32>,
    /// Who may connect to the stack's own load balancer: address ranges, security groups (`sg-…`) and prefix lists (`pl-…`).
    /// Default: everybody for a public one, the address ranges of the VPC for an internal one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["203.0.113.0/24"]]))]
    pub allow: Vec<String>,
}

/// How the load balancer finds out whether a task can serve.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthCheck {
    /// Must be true: a load balancer always checks tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<compat::FlagForm>")]
    pub enabled: Option<bool>,
    /// The path that is asked for. Default: `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["/health"]))]
    pub path: Option<String>,
    /// The port that is asked. Default: the container's port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535), extend("x-expects" = "a port number"))]
    pub port: Option<u16>,
    /// The status codes that mean healthy: `200`, `200,204` or `200-299`. Default: `200`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<compat::Text>", extend("examples" = ["200-299"]))]
    pub matcher: Option<String>,
    /// Seconds between two checks of a task (5 to 300). Default: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 300), extend("x-expects" = "a whole number of seconds"))]
    pub interval_seconds: Option<u32>,
    /// Seconds that an answer may take (2 to 120). Default: 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 120), extend("x-expects" = "a whole number of seconds"))]
    pub timeout_seconds: Option<u32>,
    /// How many good answers in a row make an unhealthy task healthy (2 to 10). Default: 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 10), extend("x-expects" = "a whole number of answers"))]
    pub healthy_threshold_count: Option<u32>,
    /// How many bad answers in a row make a task unhealthy (2 to 10). Default: 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 10), extend("x-expects" = "a whole number of answers"))]
    pub unhealthy_threshold_count: Option<u32>,
    /// Seconds after its start in which ECS does not stop a task for failed checks. Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-expects" = "a whole number of seconds"))]
    pub grace_period_seconds: Option<u32>,
}

/// How ECS replaces the tasks of a service (rolling update).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deployment {
    /// Per cent of the desired tasks that always run, rounded up. Default: 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100), extend("x-expects" = "a whole number of per cent"))]
    pub minimum_healthy_percent: Option<u32>,
    /// Per cent of the desired tasks that are never exceeded, rounded down. Default: 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2000), extend("x-expects" = "a whole number of per cent"))]
    pub maximum_percent: Option<u32>,
    /// Whether a rollout whose tasks keep failing ends. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<bool>,
    /// Whether the last good revision then comes back. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<bool>,
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
    /// Runs all the time as an ECS service behind an internal load balancer on port 80.
    Http,
    /// Runs all the time as an ECS service behind a public load balancer on port 443, with a certificate.
    Https,
}

impl TaskType {
    /// It runs as an ECS service.
    pub fn is_service(self) -> bool {
        self != Self::Task
    }

    /// It is behind a load balancer.
    pub fn is_web(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
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
    /// For `http` and `https`: as the key of the same name at the top, and instead of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Option<compat::DomainForm>", extend("examples" = ["api.example.com"]))]
    pub domain: Vec<String>,
    /// For `http` and `https`: the paths that the service answers for, one or a list; `*` stands for any characters. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Option<compat::PathForm>", extend("examples" = ["/api/*"]))]
    pub path: Vec<String>,
    /// For `http` and `https`: the place of the service's rule among those of the listener (1 to 50000, the lowest is asked first).
    /// Default: a free one, more specific rules before others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50000), extend("x-expects" = "a whole number"))]
    pub priority: Option<u32>,
    /// For `http` and `https`: the port that the container listens on. Default: `port`, else 80.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535), extend("x-expects" = "a port number", "examples" = [8080]))]
    pub container_port: Option<u16>,
    /// The same as `container_port`, which wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535), extend("x-expects" = "a port number"))]
    pub port: Option<u16>,
    /// For `http` and `https`: how the load balancer finds out whether a task can serve.
    #[serde(default)]
    #[schemars(with = "Option<HealthCheck>")]
    pub health_check: HealthCheck,
    /// For `http` and `https`: seconds that a task may still answer open requests after it was taken out (0 to 3600). Default: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 3600), extend("x-expects" = "a whole number of seconds"))]
    pub deregistration_delay: Option<u32>,
    /// For `http` and `https`: whether a client comes back to the same task, by a cookie of the load balancer: true (for a day), or
    /// for how many seconds (1 to 604800). Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<compat::StickinessForm>")]
    pub stickiness: Option<u32>,
    /// For `http` and `https`: the name of the target group (up to 32 characters). The default is made from the names of the
    /// application and the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_group_name: Option<String>,
    /// For services: how ECS replaces tasks.
    #[serde(default)]
    #[schemars(with = "Option<Deployment>")]
    pub deployment: Deployment,
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
    /// What a workflow that somebody starts by hand may do with the task. Without it, a workflow runs tasks of the type `task` as
    /// they are, and no services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunRule>,
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

    /// The names under which a web service is reached.
    pub fn domains_of<'a>(&'a self, task: &'a Task) -> &'a [String] {
        if task.domain.is_empty() { &self.domain } else { &task.domain }
    }

    /// Who can reach a web service.
    pub fn reach_of(&self, task: &Task) -> AlbType {
        let by_type = if task.kind == TaskType::Https { AlbType::Public } else { AlbType::Private };
        self.alb.kind.unwrap_or(by_type)
    }

    /// What the file says about a task whose image lacks the tag that is released.
    pub fn release_of(&self, task: &Task) -> Option<ReleaseRule> {
        task.release.or(self.release)
    }
}

impl Task {
    /// The port that the container of a web service listens on.
    pub fn listens_on(&self) -> u16 {
        self.container_port.or(self.port).unwrap_or(80)
    }

    /// CPU and memory in effect: `cpu` and `memory` win over `size`, and `size` has a default by the kind of task.
    pub fn capacity(&self) -> Capacity {
        let sized =
            self.size.unwrap_or_else(|| Size::default_of(self.kind, self.schedule.is_some())).capacity();
        Capacity { cpu: self.cpu.unwrap_or(sized.cpu), memory: self.memory.unwrap_or(sized.memory) }
    }
}
