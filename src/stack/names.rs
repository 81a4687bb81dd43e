//! Every physical name, every address and every ARN that can be told before the resource exists, in one place.

use super::web::{self, Scheme};
use crate::config::{Config, normal_name};
use crate::model::{Address, Locator};

/// The names of a stack, from its configuration alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `app.name`.
    pub stack: String,
    /// `<app>-cluster`.
    pub cluster: String,
    /// `/ecs/<app>`.
    pub log_group: String,
    /// `Fargate<Norm>Role`.
    pub execution_role: String,
    /// `Fargate<Norm>Policy`.
    pub execution_policy: String,
    /// `Fargate<Norm>TaskRole`.
    pub task_role: String,
    /// `Fargate<Norm>TaskPolicy`.
    pub task_policy: String,
    /// `Events<Norm>Role`.
    pub events_role: String,
    /// `Events<Norm>Policy`.
    pub events_policy: String,
    /// `<app>-sg`.
    pub security_group: String,
    /// What the execution, task and events role are called without a name of their own: they may exist under these names
    /// from before the configuration named them.
    pub default_roles: [String; 3],
}

impl Names {
    /// The names that the configuration gives, and for the others those that `App::FargateStack` gives too (so that its
    /// stacks are found), except the log group's.
    pub fn new(config: &Config) -> Self {
        let app = &config.app.name;
        let norm = normal_name(app);
        let default_roles =
            [format!("Fargate{norm}Role"), format!("Fargate{norm}TaskRole"), format!("Events{norm}Role")];
        let [execution, task, events] = default_roles.clone();
        let or = |chosen: Option<&String>, default: String| chosen.cloned().unwrap_or(default);
        Self {
            stack: app.clone(),
            cluster: or(config.cluster.name.as_ref(), format!("{app}-cluster")),
            log_group: or(config.log_group.name.as_ref(), format!("/ecs/{app}")),
            execution_role: or(config.role.name.as_ref(), execution),
            execution_policy: or(config.role.policy_name.as_ref(), format!("Fargate{norm}Policy")),
            task_role: or(config.task_role.name.as_ref(), task),
            task_policy: or(config.task_role.policy_name.as_ref(), format!("Fargate{norm}TaskPolicy")),
            events_role: or(config.events_role.name.as_ref(), events),
            events_policy: or(config.events_role.policy_name.as_ref(), format!("Events{norm}Policy")),
            security_group: or(config.security_groups.fargate.group_name.as_ref(), format!("{app}-sg")),
            default_roles,
        }
    }

    /// The address of a resource.
    pub fn address(&self, kind: &str, name: &str) -> Address {
        Address::new(kind, name)
    }

    /// Where a resource of this stack is, by its physical name.
    pub fn at(&self, kind: &str, name: &str, physical_name: &str) -> Locator {
        Locator {
            address: self.address(kind, name),
            name: physical_name.to_owned(),
            parent: None,
            id: None,
            stack: self.stack.clone(),
        }
    }

    /// The `EventBridge` rule of a scheduled task.
    pub fn rule(&self, task: &str) -> String {
        format!("{task}-schedule")
    }

    /// The id of the rule's one target.
    pub fn target_id(&self, task: &str) -> String {
        format!("{task}-target")
    }

    /// The ECS service of a daemon.
    pub fn service(&self, task: &str) -> String {
        task.to_owned()
    }
}

/// What a load balancer of this stack is called when nothing stands in the way. A stack with two of them tells the internal one.
pub fn load_balancer(config: &Config, scheme: Scheme) -> String {
    let own = format!("{}-{}alb", config.app.name, infix(config, scheme));
    config.alb.name.clone().unwrap_or_else(|| web::balancing_name(&own, None))
}

/// The name of a load balancer's security group.
pub fn alb_security_group(config: &Config, scheme: Scheme) -> String {
    let own = format!("{}-{}alb-sg", config.app.name, infix(config, scheme));
    config.security_groups.alb.group_name.clone().unwrap_or(own)
}

/// What a web service's target group is called when nothing stands in the way: `<app>-tg`, as App::FargateStack calls it, for
/// the only web service of a stack whose name is the application's, `<app>-<task>-tg` else.
pub fn target_group(config: &Config, task: &str) -> String {
    let app = &config.app.name;
    let chosen = config.tasks.get(task).and_then(|task| task.target_group_name.clone());
    let own = if task == app { format!("{app}-tg") } else { format!("{app}-{task}-tg") };
    chosen.unwrap_or_else(|| web::balancing_name(&own, None))
}

fn infix(config: &Config, scheme: Scheme) -> &'static str {
    if scheme == Scheme::Internal && web::is_mixed(config) { "internal-" } else { "" }
}

/// Where in AWS: what every ARN starts with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// For example `eu-west-1`.
    pub region: String,
    /// 12 digits.
    pub account: String,
}

impl Scope {
    /// An IAM role without a path.
    pub fn role_arn(&self, role_name: &str) -> String {
        format!("arn:{}:iam::{}:role/{role_name}", self.partition, self.account)
    }

    /// A cluster.
    pub fn cluster_arn(&self, cluster: &str) -> String {
        self.arn("ecs", &format!("cluster/{cluster}"))
    }

    /// A log group, without the `:*` that stands for its streams.
    pub fn log_group_arn(&self, log_group: &str) -> String {
        self.arn("logs", &format!("log-group:{log_group}"))
    }

    /// A task-definition family (no revision: append `:7` or `:*`).
    pub fn task_definition_arn(&self, family: &str) -> String {
        self.arn("ecs", &format!("task-definition/{family}"))
    }

    /// An ECR repository.
    pub fn repository_arn(&self, repository: &str) -> String {
        self.arn("ecr", &format!("repository/{repository}"))
    }

    /// The host of the account's private ECR registry.
    pub fn registry(&self) -> String {
        format!("{}.dkr.ecr.{}.{}", self.account, self.region, dns_suffix(&self.partition))
    }

    /// Any regional ARN.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account)
    }
}

/// The domain of a partition's service endpoints (AWS SDK endpoint data).
fn dns_suffix(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "amazonaws.com.cn",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        _ => "amazonaws.com",
    }
}
