//! What Elastic Load Balancing says, and EC2 about the security groups of load balancers.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{IpPermission, SecurityGroup};
use aws_sdk_elasticloadbalancingv2::types as elb;
use tokio::task::JoinSet;

use super::found::{Listener, LoadBalancer, Rule, TargetGroup};
use crate::aws::{Aws, call};
use crate::lookup::{LookupError, joined};
use crate::model::CallError;
use crate::stack::web::Scheme;

/// The IAM actions of this file.
pub const READS: &[&str] = &[
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeListenerCertificates",
    "ec2:DescribeSecurityGroups",
];

/// How many ARNs `DescribeTags` takes (Elastic Load Balancing API reference).
const TAGS_MAX: usize = 20;

/// Tags by ARN.
pub type Tags = BTreeMap<String, BTreeMap<String, String>>;

/// Every load balancer of the region, in order of name.
pub async fn load_balancers(aws: &Aws) -> Result<Vec<LoadBalancer>, CallError> {
    let pages = aws.balancing.describe_load_balancers().into_paginator().items().send();
    let found = call("elasticloadbalancing:DescribeLoadBalancers", pages.collect::<Result<Vec<_>, _>>());
    let mut all: Vec<LoadBalancer> = found.await?.iter().map(load_balancer).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Every target group of the region, in order of name.
pub async fn target_groups(aws: &Aws) -> Result<Vec<TargetGroup>, CallError> {
    let pages = aws.balancing.describe_target_groups().into_paginator().items().send();
    let found = call("elasticloadbalancing:DescribeTargetGroups", pages.collect::<Result<Vec<_>, _>>());
    let mut all: Vec<TargetGroup> = found.await?.iter().map(target_group).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// The tags of these load balancers.
pub async fn tags(aws: &Aws, arns: &[String]) -> Result<Tags, LookupError> {
    let mut reads = JoinSet::new();
    for part in arns.chunks(TAGS_MAX) {
        let ask = aws.balancing.describe_tags().set_resource_arns(Some(part.to_vec()));
        reads.spawn(async move { Ok(call("elasticloadbalancing:DescribeTags", ask.send()).await?) });
    }
    let mut error = LookupError::default();
    let mut found = Tags::new();
    for answer in joined(reads, &mut error).await {
        for one in answer.tag_descriptions() {
            let pair = |tag: &elb::Tag| Some((tag.key()?.to_owned(), text(tag.value())));
            found.insert(text(one.resource_arn()), one.tags().iter().filter_map(pair).collect());
        }
    }
    if error.is_empty() { Ok(found) } else { Err(error) }
}

/// The listeners of a load balancer by port, with their default certificates and without rules.
pub async fn listeners(aws: &Aws, balancer: &str) -> Result<BTreeMap<u16, Listener>, CallError> {
    let ask = aws.balancing.describe_listeners().load_balancer_arn(balancer);
    let pages = ask.into_paginator().items().send().collect::<Result<Vec<_>, _>>();
    let found = call("elasticloadbalancing:DescribeListeners", pages).await?;
    Ok(found.iter().map(listener).map(|one| (one.port, one)).collect())
}

/// Adds the rules of a listener, and all its certificates when it speaks TLS.
pub async fn filled(aws: &Aws, mut listener: Listener) -> Result<Listener, LookupError> {
    let ask = aws.balancing.describe_rules().listener_arn(&listener.arn);
    let rules = ask.into_paginator().items().send().collect::<Result<Vec<_>, _>>();
    let rules = call("elasticloadbalancing:DescribeRules", rules);
    let certificates = async {
        if listener.protocol != "HTTPS" {
            return Ok(Vec::new());
        }
        let ask = aws.balancing.describe_listener_certificates().listener_arn(&listener.arn);
        let pages = ask.into_paginator().items().send().collect::<Result<Vec<_>, _>>();
        call("elasticloadbalancing:DescribeListenerCertificates", pages).await
    };
    let (rules, certificates) = tokio::join!(rules, certificates);
    let mut error = LookupError::default();
    let rules = error.take(rules.map_err(LookupError::from)).unwrap_or_default();
    let certificates = error.take(certificates.map_err(LookupError::from)).unwrap_or_default();
    listener.rules = rules.iter().filter_map(rule).collect();
    for arn in certificates.iter().filter_map(elb::Certificate::certificate_arn) {
        if !listener.certificates.iter().any(|known| known == arn) {
            listener.certificates.push(arn.to_owned());
        }
    }
    if error.is_empty() { Ok(listener) } else { Err(error) }
}

/// Security group → the ports of these that it lets in from anywhere at all.
pub async fn open_ports(
    aws: &Aws,
    groups: &[String],
    ports: &BTreeSet<u16>,
) -> Result<BTreeMap<String, BTreeSet<u16>>, CallError> {
    let ask = aws.ec2.describe_security_groups().set_group_ids(Some(groups.to_vec()));
    let found = call("ec2:DescribeSecurityGroups", ask.send()).await?;
    let open = |group: &SecurityGroup| {
        let lets = |port: &&u16| group.ip_permissions().iter().any(|one| lets_in(one, **port));
        ports.iter().filter(lets).copied().collect()
    };
    Ok(found.security_groups().iter().map(|group| (text(group.group_id()), open(group))).collect())
}

fn lets_in(permission: &IpPermission, port: u16) -> bool {
    let port = i32::from(port);
    match permission.ip_protocol() {
        Some("-1") => true,
        Some("tcp" | "6") => {
            permission.from_port().is_none_or(|from| from <= port)
                && permission.to_port().is_none_or(|to| port <= to)
        }
        _ => false,
    }
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn port(number: Option<i32>) -> Option<u16> {
    number.and_then(|number| u16::try_from(number).ok())
}

fn load_balancer(found: &elb::LoadBalancer) -> LoadBalancer {
    let state = found.state().and_then(elb::LoadBalancerState::code);
    let zone =
        |zone: &elb::AvailabilityZone| Some((zone.zone_name()?.to_owned(), zone.subnet_id()?.to_owned()));
    LoadBalancer {
        arn: text(found.load_balancer_arn()),
        name: text(found.load_balancer_name()),
        dns_name: text(found.dns_name()),
        dns_zone: text(found.canonical_hosted_zone_id()),
        scheme: match found.scheme() {
            Some(elb::LoadBalancerSchemeEnum::InternetFacing) => Some(Scheme::Public),
            Some(elb::LoadBalancerSchemeEnum::Internal) => Some(Scheme::Internal),
            _ => None,
        },
        kind: text(found.r#type().map(elb::LoadBalancerTypeEnum::as_str)),
        vpc: text(found.vpc_id()),
        state: text(state.map(elb::LoadBalancerStateEnum::as_str)),
        zones: found.availability_zones().iter().filter_map(zone).collect(),
        groups: found.security_groups().to_vec(),
    }
}

fn target_group(found: &elb::TargetGroup) -> TargetGroup {
    TargetGroup {
        arn: text(found.target_group_arn()),
        name: text(found.target_group_name()),
        port: port(found.port()),
        protocol: text(found.protocol().map(elb::ProtocolEnum::as_str)),
        version: text(found.protocol_version()),
        vpc: text(found.vpc_id()),
        target_type: text(found.target_type().map(elb::TargetTypeEnum::as_str)),
        balancers: found.load_balancer_arns().iter().cloned().collect(),
    }
}

fn listener(found: &elb::Listener) -> Listener {
    let to_https = |action: &elb::Action| {
        action.redirect_config().is_some_and(|redirect| redirect.protocol() == Some("HTTPS"))
    };
    let certificates = found.certificates().iter().filter_map(elb::Certificate::certificate_arn);
    Listener {
        arn: text(found.listener_arn()),
        port: port(found.port()).unwrap_or_default(),
        protocol: text(found.protocol().map(elb::ProtocolEnum::as_str)),
        redirects: found.default_actions().iter().any(to_https),
        certificates: certificates.map(str::to_owned).collect(),
        rules: Vec::new(),
    }
}

/// The default rule has no number for a priority, and is none of those that matter here.
fn rule(found: &elb::Rule) -> Option<Rule> {
    let mut rule =
        Rule { arn: text(found.rule_arn()), priority: found.priority()?.parse().ok()?, ..Rule::default() };
    for condition in found.conditions() {
        let values = match condition.field() {
            Some("host-header") => {
                let own = condition.host_header_config().map(elb::HostHeaderConditionConfig::values);
                Some((&mut rule.conditions.hosts, own))
            }
            Some("path-pattern") => {
                let own = condition.path_pattern_config().map(elb::PathPatternConditionConfig::values);
                Some((&mut rule.conditions.paths, own))
            }
            _ => None,
        };
        let values = values.map(|(into, own)| {
            into.extend(own.filter(|own| !own.is_empty()).unwrap_or(condition.values()).iter().cloned());
            !into.is_empty()
        });
        rule.asks_more |= values != Some(true);
    }
    rule.conditions.hosts = rule.conditions.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
    for action in found.actions() {
        rule.redirects |= action.redirect_config().is_some();
        let groups = action.forward_config().map(elb::ForwardActionConfig::target_groups).unwrap_or_default();
        let groups = groups.iter().filter_map(elb::TargetGroupTuple::target_group_arn);
        for arn in action.target_group_arn().into_iter().chain(groups) {
            if !rule.forwards_to.iter().any(|known| known == arn) {
                rule.forwards_to.push(arn.to_owned());
            }
        }
    }
    Some(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_let_in_by_all_traffic_and_by_a_range_of_tcp() {
        let rule = |protocol: &str, from: Option<i32>, to: Option<i32>| {
            IpPermission::builder().ip_protocol(protocol).set_from_port(from).set_to_port(to).build()
        };
        assert!(lets_in(&rule("-1", None, None), 443));
        assert!(lets_in(&rule("tcp", Some(0), Some(65535)), 443));
        assert!(lets_in(&rule("tcp", Some(443), Some(443)), 443));
        assert!(!lets_in(&rule("tcp", Some(80), Some(80)), 443));
        assert!(!lets_in(&rule("udp", Some(443), Some(443)), 443));
    }

    #[test]
    fn conditions_of_both_spellings_are_read_and_others_are_noticed() {
        let new = elb::HostHeaderConditionConfig::builder().values("App.example.com").build();
        let host = elb::RuleCondition::builder().field("host-header").host_header_config(new).build();
        let path = elb::RuleCondition::builder().field("path-pattern").values("/api/*").build();
        let found = elb::Rule::builder().priority("7").conditions(host).conditions(path);
        let seen = rule(&found.clone().build()).unwrap_or_default();
        assert_eq!(seen.conditions.hosts, BTreeSet::from(["app.example.com".to_owned()]));
        assert_eq!(seen.conditions.paths, BTreeSet::from(["/api/*".to_owned()]));
        assert!(!seen.asks_more);
        let header = elb::RuleCondition::builder().field("http-header").build();
        assert!(rule(&found.conditions(header).build()).is_some_and(|rule| rule.asks_more));
        assert_eq!(rule(&elb::Rule::builder().priority("default").build()), None);
    }
}
