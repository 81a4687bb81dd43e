//! Elastic Load Balancing (version 2): the model, with what other services say about the resources that a call names.

use std::collections::BTreeSet;

use serde_json::Value;

use super::error::Refusal;
use super::form::{answer, nested};
use super::outside::described;
use crate::ecs::json::{list, text, texts};
use crate::elb::{Facts, NAMESPACE};
use crate::http::Response;
use crate::internal::{Internal, InternalError};
use crate::state::State;
use crate::xml;

/// Answers one call.
pub async fn call(
    state: &State,
    account: &str,
    region: &str,
    operation: &str,
    fields: &Value,
) -> Result<Response, Refusal> {
    let input = nested(fields);
    let internal = state.internal(account, region);
    let mut facts = facts(internal, operation, &input).await.map_err(|error| Refusal {
        status: 500,
        code: "InternalFailure".into(),
        message: error.to_string(),
    })?;
    facts.now = state.now();
    state.settle_certificates();
    facts.certificates = state.with_acm(account, region, |acm| acm.statuses());
    if let ("DescribeTargetHealth", Some(group)) = (operation, text(&input, "TargetGroupArn")) {
        facts.tasks = state.with_ecs(account, region, |ecs| ecs.targets(group, facts.now));
    }
    let result = state.with_elb(account, region, |elb| elb.call(operation, &input, &facts))?;
    Ok(answer(NAMESPACE, operation, &result))
}

/// What EC2 says about the network that a call names.
async fn facts(internal: Internal<'_>, operation: &str, input: &Value) -> Result<Facts, InternalError> {
    let mut facts = Facts::default();
    let owned = |ids: Vec<&str>| -> BTreeSet<String> { ids.into_iter().map(str::to_owned).collect() };
    let mut subnets = owned(texts(input, "Subnets"));
    subnets.extend(
        list(input, "SubnetMappings").iter().filter_map(|one| text(one, "SubnetId")).map(str::to_owned),
    );
    for subnet in described(internal, "DescribeSubnets", "subnet-id", "subnetSet", &subnets).await? {
        let text = |name: &str| xml::first(&subnet, name).unwrap_or_default();
        facts.vpcs.insert(text("vpcId"));
        facts.subnets.insert(text("subnetId"), (text("vpcId"), text("availabilityZone")));
    }
    let groups = owned(texts(input, "SecurityGroups"));
    let set = "securityGroupInfo";
    for group in described(internal, "DescribeSecurityGroups", "group-id", set, &groups).await? {
        let text = |name: &str| xml::first(&group, name).unwrap_or_default();
        facts.security_groups.insert(text("groupId"), text("vpcId"));
    }
    if operation == "CreateLoadBalancer" {
        let vpcs = facts.vpcs.clone();
        for group in described(internal, "DescribeSecurityGroups", "vpc-id", set, &vpcs).await? {
            if xml::first(&group, "groupName").as_deref() == Some("default") {
                let text = |name: &str| xml::first(&group, name).unwrap_or_default();
                facts.default_groups.insert(text("vpcId"), text("groupId"));
            }
        }
        let (action, filter) = ("DescribeInternetGateways", "attachment.vpc-id");
        for gateway in described(internal, action, filter, "internetGatewaySet", &vpcs).await? {
            facts.with_gateway.extend(xml::first(&gateway, "vpcId"));
        }
    }
    if let ("CreateTargetGroup", Some(vpc)) = (operation, text(input, "VpcId")) {
        let wanted = BTreeSet::from([vpc.to_owned()]);
        for found in described(internal, "DescribeVpcs", "vpc-id", "vpcSet", &wanted).await? {
            facts.vpcs.extend(xml::first(&found, "vpcId"));
        }
    }
    Ok(facts)
}
