//! What the account says about the surroundings of a stack: facts for `doctor` and `iam check`. Reads only.

use std::collections::BTreeSet;

use aws_sdk_servicequotas::types::ServiceQuota;

use super::land::{Reach, Site, sites};
use super::registry::{Registry, client};
use super::survey::principal;
use super::{LookupError, network, placement, request};
use crate::aws::{Aws, absent, call};
use crate::config::Config;
use crate::model::CallError;
use crate::stack::Policy;

/// The IAM actions of this file, beside those of the network and of `survey`.
pub const READS: &[&str] = &[
    "ecr:DescribeRepositories",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "servicequotas:GetServiceQuota",
];

/// Quota "Fargate On-Demand vCPU resource count" of the service `fargate`.
const FARGATE_VCPU: &str = "L-3032A538";

/// Whether the tags of a repository can be moved; `None` when there is no such repository. Without a registry, the account's own.
pub async fn mutable_tags(
    aws: &Aws,
    registry: Option<(&str, &str)>,
    repository: &str,
) -> Result<Option<bool>, CallError> {
    let (account, region) = registry.unwrap_or((&aws.account, &aws.region));
    let registry = Registry { account: account.to_owned(), region: region.to_owned() };
    let sent = client(aws, &registry.region)
        .describe_repositories()
        .registry_id(&registry.account)
        .repository_names(repository)
        .send();
    let found = absent(call("ecr:DescribeRepositories", sent).await, &["RepositoryNotFoundException"])?;
    let first = found.as_ref().and_then(|found| found.repositories().first());
    let kind = first.and_then(|one| one.image_tag_mutability());
    // `IMMUTABLE_WITH_EXCLUSION` lets some tags move, `MUTABLE_WITH_EXCLUSION` most of them.
    Ok(first.map(|_| kind.is_none_or(|kind| kind.as_str() != "IMMUTABLE")))
}

/// The vCPUs that Fargate may run at once in this account and region.
pub async fn vcpu_quota(aws: &Aws) -> Result<f64, CallError> {
    const OP: &str = "servicequotas:GetServiceQuota";
    let sent = aws.quotas.get_service_quota().service_code("fargate").quota_code(FARGATE_VCPU).send();
    let found = call(OP, sent).await?;
    let value = found.quota().and_then(ServiceQuota::value);
    value.ok_or_else(|| CallError::local(OP, "the answer has no value"))
}

/// The trust policy of the role that the caller is; `None` when the caller is no role.
pub async fn trust(aws: &Aws) -> Option<Result<Policy, CallError>> {
    let principal = principal(&aws.caller)?;
    let (_, role) = principal.split_once(":role/")?;
    let name = role.rsplit('/').next().unwrap_or(role).to_owned();
    Some(trust_of(aws, &name).await)
}

async fn trust_of(aws: &Aws, role: &str) -> Result<Policy, CallError> {
    let found = call("iam:GetRole", aws.iam.get_role().role_name(role).send()).await?;
    let text = found.role().and_then(|role| role.assume_role_policy_document()).unwrap_or("{}");
    read("iam:GetRole", text)
}

fn read(op: &str, text: &str) -> Result<Policy, CallError> {
    Policy::read(text)
        .map_err(|error| CallError::local(op, format!("the policy document is not readable: {error}")))
}

/// Every policy of a role, inline and attached.
pub async fn policies(aws: &Aws, role: &str) -> Result<Vec<Policy>, CallError> {
    let mut found = Vec::new();
    let pages = aws.iam.list_role_policies().role_name(role).into_paginator().items().send();
    for name in call("iam:ListRolePolicies", pages.collect::<Result<Vec<_>, _>>()).await? {
        let sent = aws.iam.get_role_policy().role_name(role).policy_name(name).send();
        found.push(read("iam:GetRolePolicy", call("iam:GetRolePolicy", sent).await?.policy_document())?);
    }
    let pages = aws.iam.list_attached_role_policies().role_name(role).into_paginator().items().send();
    for policy in call("iam:ListAttachedRolePolicies", pages.collect::<Result<Vec<_>, _>>()).await? {
        let arn = policy.policy_arn().unwrap_or_default();
        let policy = call("iam:GetPolicy", aws.iam.get_policy().policy_arn(arn).send()).await?;
        let version = policy.policy().and_then(|policy| policy.default_version_id()).unwrap_or("v1");
        let sent = aws.iam.get_policy_version().policy_arn(arn).version_id(version).send();
        let version = call("iam:GetPolicyVersion", sent).await?;
        let text = version.policy_version().and_then(|version| version.document()).unwrap_or("{}");
        found.push(read("iam:GetPolicyVersion", text)?);
    }
    Ok(found)
}

/// A subnet that tasks run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Its id.
    pub id: String,
    /// Something passes its traffic on, or tasks get public addresses there.
    pub leads_out: bool,
    /// The VPC endpoints that tasks lack there without a way out.
    pub lacks: Vec<&'static str>,
}

/// The subnets that the tasks of the stack run in.
pub async fn chosen(aws: &Aws, config: &Config) -> Result<Vec<Chosen>, LookupError> {
    let land = network::read(aws, config.vpc_id.as_deref()).await?;
    let request = request(config);
    let decision = placement::decide(&land, &request)?;
    let ids: BTreeSet<&String> = decision.placements.values().flat_map(|place| &place.subnets).collect();
    let public = |id: &String| {
        decision.placements.values().any(|place| place.assign_public_ip && place.subnets.contains(id))
    };
    let vpc = land.vpcs.iter().find(|vpc| vpc.id == decision.vpc_id);
    let all: Vec<Site<'_>> = vpc.map(|vpc| sites(&land, vpc, request.secrets)).unwrap_or_default();
    let chosen = all.into_iter().filter(|site| ids.contains(&site.subnet.id)).map(|site| Chosen {
        leads_out: site.reach == Reach::Private || site.reach == Reach::Public && public(&site.subnet.id),
        id: site.subnet.id.clone(),
        lacks: site.lacks,
    });
    Ok(chosen.collect())
}
