//! Whether an account and these credentials can carry a stack: facts for `preflight`, each with its own refusal. Reads only, all at
//! the same time; one that is refused hides no other.

use aws_sdk_iam::types::ContextKeyTypeEnum;

use super::land::{Reach, sites, vpc_line};
use super::{LookupError, network};
use crate::aws::{Aws, absent, call};
use crate::model::CallError;

/// The IAM actions of this file, beside those of the network.
pub const READS: &[&str] = &[
    "acm:ListCertificates",
    "ecr:DescribeRepositories",
    "ecs:ListClusters",
    "ecs:ListTaskDefinitions",
    "elasticloadbalancing:DescribeLoadBalancers",
    "events:ListEventBuses",
    "iam:GetRole",
    "iam:SimulatePrincipalPolicy",
    "logs:DescribeLogGroups",
    "route53:ListHostedZones",
];

/// What a read that is only tried gave.
pub type Tried = Result<(), CallError>;

/// The facts.
#[derive(Debug, Clone)]
pub struct Survey {
    /// ARN of the caller.
    pub caller: String,
    /// ECS has its own role in the account.
    pub ecs_role: Result<bool, CallError>,
    /// So has Elastic Load Balancing.
    pub balancing_role: Result<bool, CallError>,
    /// The VPCs of the region.
    pub vpcs: Result<Vec<Ground>, LookupError>,
    /// `ecs:ListClusters` and `ecs:ListTaskDefinitions`.
    pub ecs: [Tried; 2],
    /// `elasticloadbalancing:DescribeLoadBalancers`.
    pub balancing: Tried,
    /// `logs:DescribeLogGroups`.
    pub logs: Tried,
    /// `ecr:DescribeRepositories`.
    pub ecr: Tried,
    /// `events:ListEventBuses`.
    pub events: Tried,
    /// `route53:ListHostedZones`.
    pub dns: Tried,
    /// `acm:ListCertificates`.
    pub certificates: Tried,
    /// What IAM says to passing roles to ECS and to EventBridge; `None` for who needs no permission (the root user).
    pub pass_role: Option<Result<Decision, CallError>>,
}

/// A VPC, as far as it matters for tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ground {
    /// Id, block and name, for a line.
    pub line: String,
    /// Availability Zones with subnets that Fargate runs in.
    pub zones: usize,
    /// Subnets that pass traffic on: NAT gateway, transit gateway, …
    pub private: usize,
    /// Subnets with an internet gateway: tasks need a public address there.
    pub public: usize,
    /// Subnets without a way out, and with every endpoint that a task needs.
    pub served: usize,
    /// The endpoints that tasks without a way out lack, of the subnet that lacks the fewest.
    pub lacks: Vec<&'static str>,
    /// Secrets Manager has an endpoint where nothing leads out.
    pub secrets: bool,
}

/// What IAM's simulator says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Allowed.
    Allowed,
    /// Nothing allows it.
    Implicit,
    /// A statement denies it.
    Explicit,
}

/// Which parts are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Certificates.
    pub https: bool,
    /// Hosted zones.
    pub dns: bool,
}

/// Reads everything. What is not wanted is not asked for.
pub async fn survey(aws: &Aws, caller: &str, wanted: Wanted) -> Survey {
    let unless = |wanted: bool, tried: Tried| if wanted { tried } else { Ok(()) };
    let dns = async {
        if !wanted.dns {
            return Ok(());
        }
        call("route53:ListHostedZones", aws.dns.list_hosted_zones().max_items(1).send()).await.map(drop)
    };
    let certificates = async {
        if !wanted.https {
            return Ok(());
        }
        call("acm:ListCertificates", aws.certificates.list_certificates().max_items(1).send()).await.map(drop)
    };
    // Boxed, because together they are large.
    let network = Box::pin(async {
        let (ecs, balancing) = tokio::join!(
            linked(aws, "AWSServiceRoleForECS"),
            linked(aws, "AWSServiceRoleForElasticLoadBalancing")
        );
        (vpcs(aws).await, ecs, balancing)
    });
    let tried = Box::pin(async {
        tokio::join!(
            call("ecs:ListClusters", aws.ecs.list_clusters().max_results(1).send()),
            call("ecs:ListTaskDefinitions", aws.ecs.list_task_definitions().max_results(1).send()),
            call(
                "elasticloadbalancing:DescribeLoadBalancers",
                aws.balancing.describe_load_balancers().page_size(1).send()
            ),
            call("logs:DescribeLogGroups", aws.logs.describe_log_groups().limit(1).send()),
            call("ecr:DescribeRepositories", aws.ecr.describe_repositories().max_results(1).send()),
            call("events:ListEventBuses", aws.events.list_event_buses().limit(1).send()),
        )
    });
    let (network, tried, dns, certificates, pass_role) =
        tokio::join!(network, tried, Box::pin(dns), Box::pin(certificates), Box::pin(passing(aws, caller)));
    let (vpcs, ecs_role, balancing_role) = network;
    let (clusters, definitions, balancing, logs, ecr, events) = tried;
    Survey {
        caller: caller.to_owned(),
        ecs_role,
        balancing_role,
        vpcs,
        ecs: [clusters.map(drop), definitions.map(drop)],
        balancing: balancing.map(drop),
        logs: logs.map(drop),
        ecr: ecr.map(drop),
        events: events.map(drop),
        dns: unless(wanted.dns, dns),
        certificates: unless(wanted.https, certificates),
        pass_role,
    }
}

/// Whether a service made its own role in the account already.
pub async fn linked(aws: &Aws, role: &str) -> Result<bool, CallError> {
    let found = call("iam:GetRole", aws.iam.get_role().role_name(role).send()).await;
    Ok(absent(found, &["NoSuchEntity"])?.is_some())
}

/// The VPCs with what their subnets reach.
async fn vpcs(aws: &Aws) -> Result<Vec<Ground>, LookupError> {
    let land = network::read(aws, None).await?;
    let ground = |vpc| {
        let usable: Vec<_> = sites(&land, vpc, false).into_iter().filter(|site| site.runs_fargate).collect();
        let zones: std::collections::BTreeSet<&str> =
            usable.iter().map(|site| site.subnet.zone.as_str()).collect();
        let of = |reach: Reach| usable.iter().filter(move |site| site.reach == reach);
        let lacks = of(Reach::Isolated).map(|site| site.lacks.clone()).min_by_key(Vec::len);
        let with_secrets = sites(&land, vpc, true);
        Ground {
            line: vpc_line(vpc),
            zones: zones.len(),
            private: of(Reach::Private).count(),
            public: of(Reach::Public).count(),
            served: of(Reach::Isolated).filter(|site| site.lacks.is_empty()).count(),
            lacks: lacks.unwrap_or_default(),
            secrets: with_secrets.iter().any(|site| !site.lacks.contains(&"secretsmanager")),
        }
    };
    Ok(land.vpcs.iter().map(ground).collect())
}

/// The role of a caller by its ARN: an assumed role's session is not what policies are attached to.
pub fn principal(caller: &str) -> Option<String> {
    let (head, resource) = caller.rsplit_once(':')?;
    match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["root"] => None,
        ["assumed-role", role, _] => Some(format!("{}:role/{role}", head.replacen(":sts:", ":iam:", 1))),
        _ => Some(caller.to_owned()),
    }
}

/// What IAM says to passing the roles of a stack called `my-svc`, the worse of both services.
async fn passing(aws: &Aws, caller: &str) -> Option<Result<Decision, CallError>> {
    let principal = principal(caller)?;
    let role = |name: &str| format!("arn:{}:iam::{}:role/{name}", aws.partition, aws.account);
    let tasks = ["FargateMySvcRole", "FargateMySvcTaskRole"].map(role);
    let events = ["EventsMySvcRole"].map(role);
    let (tasks, events) = tokio::join!(
        simulate(aws, &principal, &["iam:PassRole"], &tasks, Some("ecs-tasks.amazonaws.com")),
        simulate(aws, &principal, &["iam:PassRole"], &events, Some("events.amazonaws.com")),
    );
    let worst = |answers: Vec<(String, Decision)>| answers.into_iter().map(|(_, decision)| decision).max();
    Some(match (tasks, events) {
        (Ok(tasks), Ok(events)) => Ok(worst(tasks).max(worst(events)).unwrap_or(Decision::Implicit)),
        (Err(error), _) | (_, Err(error)) => Err(error),
    })
}

/// Asks IAM's simulator about actions on resources (none: any); the worst answer for each action.
pub async fn simulate(
    aws: &Aws,
    principal: &str,
    actions: &[&str],
    resources: &[String],
    passed_to: Option<&str>,
) -> Result<Vec<(String, Decision)>, CallError> {
    let mut request = aws
        .iam
        .simulate_principal_policy()
        .policy_source_arn(principal)
        .set_action_names(Some(actions.iter().map(|action| (*action).to_owned()).collect()));
    if !resources.is_empty() {
        request = request.set_resource_arns(Some(resources.to_vec()));
    }
    if let Some(service) = passed_to {
        let entry = aws_sdk_iam::types::ContextEntry::builder()
            .context_key_name("iam:PassedToService")
            .context_key_type(ContextKeyTypeEnum::String)
            .context_key_values(service);
        request = request.context_entries(entry.build());
    }
    let pages = request.into_paginator().items().send();
    let answers = call("iam:SimulatePrincipalPolicy", pages.collect::<Result<Vec<_>, _>>()).await?;
    let mut found = std::collections::BTreeMap::new();
    for answer in answers {
        let decision = match answer.eval_decision().as_str() {
            "allowed" => Decision::Allowed,
            "explicitDeny" => Decision::Explicit,
            _ => Decision::Implicit,
        };
        let worst = found.entry(answer.eval_action_name().to_owned()).or_insert(decision);
        *worst = decision.max(*worst);
    }
    Ok(found.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_attached_to_the_role_and_not_to_its_session() {
        for (caller, expected) in [
            ("arn:aws:iam::123456789012:root", None),
            ("arn:aws:iam::123456789012:user/a/octo", Some("arn:aws:iam::123456789012:user/a/octo")),
            (
                "arn:aws:sts::123456789012:assumed-role/deploy/run-1",
                Some("arn:aws:iam::123456789012:role/deploy"),
            ),
            (
                "arn:aws-cn:sts::123456789012:assumed-role/deploy/x",
                Some("arn:aws-cn:iam::123456789012:role/deploy"),
            ),
        ] {
            assert_eq!(principal(caller).as_deref(), expected, "{caller}");
        }
    }
}
