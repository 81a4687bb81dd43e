//! What ECS asks other services before it accepts a call.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::json::{list, text, texts};

/// The resources of other services that a call names, as far as they exist: the answer to [`Needs`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outside {
    /// By ARN.
    pub target_groups: BTreeMap<String, TargetGroup>,
    /// By subnet id.
    pub subnets: BTreeMap<String, Subnet>,
    /// Ids.
    pub security_groups: BTreeSet<String>,
    /// By role name (the last part of the ARN's path).
    pub roles: BTreeMap<String, Role>,
}

/// A target group of Elastic Load Balancing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetGroup {
    /// `ip`, `instance`, `lambda` or `alb`.
    pub target_type: String,
    /// The VPC that its targets are in.
    pub vpc_id: String,
    /// ARNs of the load balancers whose listeners or rules send to it.
    pub load_balancers: BTreeSet<String>,
}

/// A subnet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subnet {
    /// The VPC that it belongs to.
    pub vpc_id: String,
    /// Its Availability Zone, for example `eu-west-1a`.
    pub az: String,
}

/// An IAM role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// The service principals that its trust policy lets in.
    pub trusts: BTreeSet<String>,
}

/// What must be looked up in other services before a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// ARNs.
    pub target_groups: BTreeSet<String>,
    /// Subnet ids.
    pub subnets: BTreeSet<String>,
    /// Security group ids.
    pub security_groups: BTreeSet<String>,
    /// Role names, without path.
    pub roles: BTreeSet<String>,
}

impl Needs {
    /// The resources that `input` names. Roles of task definitions are not among them: ECS looks at the form of
    /// those ARNs only when the definition is registered, and assumes the roles when a task starts.
    pub fn of(operation: &str, input: &Value) -> Self {
        let mut needs = Self::default();
        if !matches!(operation, "CreateService" | "UpdateService" | "RunTask") {
            return needs;
        }
        let owned = |items: Vec<&str>| -> BTreeSet<String> { items.into_iter().map(str::to_owned).collect() };
        if let Some(network) = input.pointer("/networkConfiguration/awsvpcConfiguration") {
            needs.subnets = owned(texts(network, "subnets"));
            needs.security_groups = owned(texts(network, "securityGroups"));
        }
        for balancer in list(input, "loadBalancers") {
            needs.target_groups.extend(text(balancer, "targetGroupArn").map(str::to_owned));
            if let Some(advanced) = balancer.get("advancedConfiguration") {
                needs.target_groups.extend(text(advanced, "alternateTargetGroupArn").map(str::to_owned));
            }
        }
        needs.roles = service_roles(input).into_iter().map(|arn| role_name(arn).to_owned()).collect();
        needs
    }
}

/// The roles that ECS itself assumes for a service: of load balancers, volumes and VPC Lattice.
pub fn service_roles(input: &Value) -> Vec<&str> {
    let balancers = list(input, "loadBalancers").iter().filter_map(|one| one.get("advancedConfiguration"));
    let volumes = list(input, "volumeConfigurations").iter().filter_map(|one| one.get("managedEBSVolume"));
    let lattice = list(input, "vpcLatticeConfigurations").iter();
    balancers.chain(volumes).chain(lattice).filter_map(|one| text(one, "roleArn")).collect()
}

/// The name of the role that an ARN ends with.
pub fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
