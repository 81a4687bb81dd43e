//! Behavioural model of Elastic Load Balancing (version 2) for application load balancers: the state of one account in
//! one region, and what every call does to it.
//!
//! Values are texts, as the protocol writes them. What other services know comes with the call ([`Facts`]).

mod actions;
mod attributes;
mod balancers;
mod conditions;
mod groups;
mod health;
mod listeners;
mod rules;
mod tags;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::aws::error::Refusal;
use crate::ecs::Target;
use crate::ecs::ids::{Place, sha256_hex};
use crate::ecs::json::text;

use balancers::Balancer;
use groups::Group;
use listeners::Listener;
use rules::Rule;

/// The namespace of the answers.
pub const NAMESPACE: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";

/// What a call refuses, or the members of its result.
pub type Answer<T = Value> = Result<T, Refusal>;

/// What other services say about the resources that a call names.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// VPC and Availability Zone of the subnets that exist.
    pub subnets: BTreeMap<String, (String, String)>,
    /// VPC of the security groups that exist.
    pub security_groups: BTreeMap<String, String>,
    /// The default security group of each VPC.
    pub default_groups: BTreeMap<String, String>,
    /// VPCs that exist.
    pub vpcs: BTreeSet<String>,
    /// VPCs with an internet gateway.
    pub with_gateway: BTreeSet<String>,
    /// Status of the certificates that exist.
    pub certificates: BTreeMap<String, String>,
    /// The targets that ECS registers in the group, when a service uses it.
    pub tasks: Option<Vec<Target>>,
    /// Epoch seconds.
    pub now: f64,
}

/// All load balancing of one account and region.
#[derive(Debug)]
pub struct Elb {
    place: Place,
    used: u64,
    balancers: BTreeMap<String, Balancer>,
    groups: BTreeMap<String, Group>,
    listeners: BTreeMap<String, Listener>,
    rules: BTreeMap<String, Rule>,
    tags: BTreeMap<String, BTreeMap<String, String>>,
    /// What was set, by ARN; defaults are not in it.
    attributes: BTreeMap<String, BTreeMap<String, String>>,
    /// Security groups whose network interfaces a deleted load balancer holds until a moment.
    held: Vec<(String, f64)>,
}

impl Elb {
    /// An account without any load balancer.
    pub fn new(account: &str, region: &str) -> Self {
        Self {
            place: Place::new(account, region),
            used: 0,
            balancers: BTreeMap::new(),
            groups: BTreeMap::new(),
            listeners: BTreeMap::new(),
            rules: BTreeMap::new(),
            tags: BTreeMap::new(),
            attributes: BTreeMap::new(),
            held: Vec::new(),
        }
    }

    /// Answers one call; a refused one changes nothing.
    pub fn call(&mut self, operation: &str, input: &Value, facts: &Facts) -> Answer {
        match operation {
            "CreateLoadBalancer" => self.create_balancer(input, facts),
            "DescribeLoadBalancers" => self.describe_balancers(input, facts),
            "DeleteLoadBalancer" => self.delete_balancer(input, facts),
            "SetSubnets" => self.set_subnets(input, facts),
            "SetSecurityGroups" => self.set_security_groups(input, facts),
            "SetIpAddressType" => self.set_ip_address_type(input),
            "DescribeLoadBalancerAttributes" => self.show_attributes(input, "LoadBalancerArn"),
            "ModifyLoadBalancerAttributes" => self.modify_attributes(input, "LoadBalancerArn"),
            "DescribeTargetGroupAttributes" => self.show_attributes(input, "TargetGroupArn"),
            "ModifyTargetGroupAttributes" => self.modify_attributes(input, "TargetGroupArn"),
            "CreateTargetGroup" => self.create_group(input, facts),
            "DescribeTargetGroups" => self.describe_groups(input),
            "ModifyTargetGroup" => self.modify_group(input),
            "DeleteTargetGroup" => self.delete_group(input),
            "RegisterTargets" => self.register(input),
            "DeregisterTargets" => self.deregister(input),
            "DescribeTargetHealth" => self.target_health(input, facts),
            "CreateListener" => self.create_listener(input, facts),
            "DescribeListeners" => self.describe_listeners(input),
            "ModifyListener" => self.modify_listener(input, facts),
            "DeleteListener" => self.delete_listener(input),
            "AddListenerCertificates" => self.add_certificates(input, facts),
            "RemoveListenerCertificates" => self.remove_certificates(input),
            "DescribeListenerCertificates" => self.describe_certificates(input),
            "DescribeSSLPolicies" => listeners::describe_policies(input),
            "CreateRule" => self.create_rule(input),
            "DescribeRules" => self.describe_rules(input),
            "ModifyRule" => self.modify_rule(input),
            "DeleteRule" => self.delete_rule(input),
            "SetRulePriorities" => self.set_priorities(input),
            "AddTags" => self.add_tags(input),
            "RemoveTags" => self.remove_tags(input),
            "DescribeTags" => self.describe_tags(input),
            _ => Err(Refusal {
                status: 501,
                code: "NotEmulated".into(),
                message: format!("not emulated: elasticloadbalancing:{operation}"),
            }),
        }
    }

    /// ARN and tags of everything that can carry tags.
    pub fn tagged(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.tags.clone()
    }

    /// The certificates in use, each with the ARNs of its load balancers.
    pub fn certificates(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for listener in self.listeners.values() {
            for certificate in &listener.certificates {
                used.entry(certificate.clone()).or_default().insert(listener.balancer.clone());
            }
        }
        used
    }

    /// The security groups of all load balancers, and of those deleted a moment ago.
    pub fn security_groups(&self, now: f64) -> BTreeSet<String> {
        let held = self.held.iter().filter(|(_, until)| *until > now).map(|(id, _)| id);
        self.balancers.values().flat_map(|one| &one.security_groups).chain(held).cloned().collect()
    }

    /// What ECS asks about a target group: its target type, VPC and load balancers.
    pub fn target_group(&self, arn: &str) -> Option<crate::ecs::TargetGroup> {
        let group = self.groups.get(arn)?;
        Some(crate::ecs::TargetGroup {
            target_type: group.text("TargetType").to_owned(),
            vpc_id: group.text("VpcId").to_owned(),
            load_balancers: self.balancers_of(arn),
        })
    }

    /// The load balancers whose listeners or rules send to a target group.
    fn balancers_of(&self, group: &str) -> BTreeSet<String> {
        let listeners = self
            .listeners
            .values()
            .filter(|one| actions::groups(&one.actions).contains(group))
            .map(|one| one.balancer.clone());
        let rules = self
            .rules
            .values()
            .filter(|one| actions::groups(&one.actions).contains(group))
            .filter_map(|one| self.listeners.get(&one.listener))
            .map(|one| one.balancer.clone());
        listeners.chain(rules).collect()
    }

    /// 16 hexadecimal digits that were not given out before.
    fn id(&mut self) -> String {
        self.used += 1;
        let mut digits =
            sha256_hex(&format!("{}#{}", self.place.arn_of("elasticloadbalancing", ""), self.used));
        digits.truncate(16);
        digits
    }
}

/// A required text of the input.
fn need<'a>(input: &'a Value, key: &str) -> Answer<&'a str> {
    text(input, key)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| constraint("null", key, "Member must not be null"))
}

/// A number of the input within what the API allows.
fn number(input: &Value, key: &str, least: i64, most: i64) -> Answer<Option<i64>> {
    let Some(given) = text(input, key) else {
        return Ok(None);
    };
    let value: i64 = given.parse().map_err(|_| constraint(given, key, "Member must be an integer"))?;
    if value < least {
        let rule = format!("Member must have value greater than or equal to {least}");
        return Err(constraint(given, key, &rule));
    }
    if value > most {
        return Err(constraint(given, key, &format!("Member must have value less than or equal to {most}")));
    }
    Ok(Some(value))
}

/// The refusal of a value that breaks the API's own rules.
fn constraint(value: &str, key: &str, rule: &str) -> Refusal {
    let value = if value == "null" { value.to_owned() } else { format!("'{value}'") };
    let mut name = key.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    invalid(format!(
        "1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: {rule}"
    ))
}

/// `ValidationError`.
fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", message)
}

/// A page of items under `name`: `PageSize` of them after `Marker`.
fn page(name: &str, items: Vec<Value>, input: &Value) -> Answer {
    let size = number(input, "PageSize", 1, 400)?.and_then(|size| usize::try_from(size).ok()).unwrap_or(400);
    let from = match text(input, "Marker") {
        None | Some("") => 0,
        Some(marker) => marker.parse::<usize>().map_err(|_| invalid("Invalid marker"))?,
    };
    let total = items.len();
    let shown: Vec<Value> = items.into_iter().skip(from).take(size).collect();
    let end = from.saturating_add(shown.len());
    let mut answer = json!({});
    if let Some(members) = answer.as_object_mut() {
        members.insert(name.to_owned(), Value::Array(shown));
        if end < total {
            members.insert("NextMarker".to_owned(), json!(end.to_string()));
        }
    }
    Ok(answer)
}
