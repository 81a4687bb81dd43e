//! Which IAM actions a role of this stack needs: those that the code declares, without the services that the stack has no use for.

use std::collections::BTreeSet;

use super::Role;
use crate::config::{Config, ImageRef, TaskType};
use crate::stack::Scope;
use crate::{kinds, lock, lookup, ops, release};

/// Why a role that reads must never do these, whatever else is attached to it: they show secrets and data, or act in containers.
pub const NEVER_ON_PLAN: &[&str] = &[
    "ecs:ExecuteCommand",
    "ecs:RunTask",
    "kms:Decrypt",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "s3:GetObject",
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameterHistory",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
];

/// What a stack file says that decides about permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a yes or no about the stack file")]
pub struct Uses {
    /// Services.
    pub services: bool,
    /// Services behind a load balancer.
    pub web: bool,
    /// … with certificates.
    pub https: bool,
    /// Records in Route 53.
    pub records: bool,
    /// … that another role makes.
    pub dns_role: bool,
    /// Schedules.
    pub schedules: bool,
    /// Secrets.
    pub secrets: bool,
    /// Images in ECR.
    pub ecr: bool,
}

impl Uses {
    /// Reads it from the configuration.
    pub fn of(config: &Config) -> Self {
        let any = |kind: fn(TaskType) -> bool| config.tasks.values().any(|task| kind(task.kind));
        let web = any(TaskType::is_web);
        Self {
            services: any(TaskType::is_service),
            web,
            https: any(|kind| kind == TaskType::Https),
            records: web && config.route53.records.unwrap_or(true),
            dns_role: config.route53.role_arn.is_some() || config.route53.profile.is_some(),
            schedules: config.tasks.values().any(|task| task.schedule.is_some()),
            secrets: config.tasks.values().any(|task| !task.secrets.is_empty()),
            ecr: !repositories(config).is_empty(),
        }
    }

    /// Whether the stack has a use for a service of AWS, by its prefix in IAM.
    fn has(self, service: &str) -> bool {
        match service {
            "acm" => self.https,
            "ecr" => self.ecr,
            "elasticloadbalancing" => self.web,
            "events" => self.schedules,
            "route53" => self.records && !self.dns_role,
            "secretsmanager" => self.secrets,
            _ => true,
        }
    }

    /// Whether the stack may have resources of a kind.
    fn has_kind(self, kind: &str) -> bool {
        match kind {
            "service" => self.services,
            "schedule" => self.schedules,
            "load_balancer" | "target_group" | "listener" | "listener_rule" => self.web,
            "certificate" | "listener_certificate" => self.https,
            "dns_record" => self.records,
            _ => true,
        }
    }
}

/// An ECR repository that an image of the stack file is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    /// Account and region, unless it is the registry of the stack's own account and region.
    pub registry: Option<(String, String)>,
    /// Its name.
    pub name: String,
}

impl Repository {
    /// Its ARN, seen from the stack.
    pub fn arn(&self, scope: &Scope) -> String {
        match &self.registry {
            Some((account, region)) => {
                let scope = Scope { account: account.clone(), region: region.clone(), ..scope.clone() };
                scope.repository_arn(&self.name)
            }
            None => scope.repository_arn(&self.name),
        }
    }
}

/// The ECR repositories of the stack file. A short name is looked for in the account's own registry first.
pub fn repositories(config: &Config) -> BTreeSet<Repository> {
    let images = config.tasks.values().filter_map(|task| ImageRef::parse(&task.image).ok());
    images
        .filter_map(|image| match &image.registry {
            None => Some(Repository { registry: None, name: image.repository }),
            Some(host) => {
                let lookup::Registry { account, region } = lookup::Registry::from_host(host)?;
                Some(Repository { registry: Some((account, region)), name: image.repository })
            }
        })
        .collect()
}

/// The actions that a role needs, apart from `iam:CreateServiceLinkedRole` and `iam:PassRole` (which follow from the writes), sorted.
pub fn actions(role: Role, uses: Uses) -> BTreeSet<&'static str> {
    let mut found = match role {
        Role::Plan => plan(uses),
        Role::Apply => apply(uses),
        Role::RunTask => run_task(),
    };
    found.retain(|action| uses.has(action.split(':').next().unwrap_or_default()));
    if role == Role::RunTask {
        // A run is behind no load balancer.
        found.retain(|action| !action.starts_with("elasticloadbalancing:"));
    }
    if uses.records && uses.dns_role && role != Role::RunTask {
        found.insert("sts:AssumeRole");
    }
    found
}

/// What a plan reads.
fn plan(uses: Uses) -> BTreeSet<&'static str> {
    let mut found = lookup::reads();
    found.extend(["sts:GetCallerIdentity", "tag:GetResources"]);
    for entry in kinds::all().iter().filter(|entry| uses.has_kind(entry.kind)) {
        found.extend(entry.rules.reads);
    }
    found
}

/// A plan, its changes, its rollouts with their causes and the way back, and the lock.
fn apply(uses: Uses) -> BTreeSet<&'static str> {
    let mut found = plan(uses);
    for entry in kinds::all().iter().filter(|entry| uses.has_kind(entry.kind)) {
        found.extend(entry.rules.writes);
    }
    if uses.services {
        // Cleaning up old revisions is done by hand, with the permissions of whoever does it.
        let by_hand: BTreeSet<&str> = ["ecs:ListServices", "events:ListRuleNamesByTarget"].into();
        found.extend(release::reads().difference(&by_hand));
        found.extend(release::writes());
    }
    found.extend(lock::READS.iter().chain(lock::WRITES));
    found
}

/// What `run-task` reads to find the task's place and image, the run itself, its log, and why it failed.
fn run_task() -> BTreeSet<&'static str> {
    let mut found = lookup::reads();
    let declared = [
        ops::deployed::READS,
        ops::logs::READS,
        ops::run_watch::READS,
        ops::run_watch::WRITES,
        ops::run_task::WRITES,
        release::evidence::READS,
    ];
    found.extend(declared.into_iter().flatten());
    found.extend(["sts:GetCallerIdentity", "tag:GetResources"]);
    for other in ["acm:", "route53:", "ecs:DescribeServices", "ecs:DescribeServiceRevisions"] {
        found.retain(|action| !action.starts_with(other));
    }
    found
}
