//! Accounts for the tests of the decisions.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use super::found::{Conditions, Listener, LoadBalancer, Ours, Rule, TargetGroup};
use crate::aws::inventory::Owned;
use crate::config::{Config, parse};
use crate::stack::web::Scheme;
use crate::stack::{ADDRESS, STACK};

/// A configuration of one service, with more lines.
pub fn https(more: &str) -> Config {
    config(&format!(
        "app: {{name: shop}}\ndomain: shop.example.com\n{more}\ntasks:\n  web: {{type: https, image: 'shop:v1'}}\n"
    ))
}

/// A configuration.
pub fn config(text: &str) -> Config {
    parse("fargate-stack.yml", text).unwrap()
}

/// The ARN of something of Elastic Load Balancing.
pub fn arn(resource: &str) -> String {
    format!("arn:aws:elasticloadbalancing:eu-west-1:123456789012:{resource}")
}

/// A load balancer of `vpc-1`, with the id `b-NAME`.
pub fn balancer(name: &str, scheme: Scheme) -> LoadBalancer {
    LoadBalancer {
        arn: arn(&format!("loadbalancer/app/{name}/b-{name}")),
        name: name.to_owned(),
        dns_name: format!("{name}.elb.example"),
        dns_zone: "ZELB".to_owned(),
        scheme: Some(scheme),
        kind: "application".to_owned(),
        vpc: "vpc-1".to_owned(),
        state: "active".to_owned(),
        zones: BTreeMap::from([
            ("eu-west-1a".to_owned(), "subnet-public-a".to_owned()),
            ("eu-west-1b".to_owned(), "subnet-public-b".to_owned()),
        ]),
        groups: vec!["sg-1".to_owned(), "sg-2".to_owned()],
    }
}

/// The ARN of a rule of the listener `l1` of such a load balancer.
pub fn rule_arn(balancer: &str, id: &str) -> String {
    arn(&format!("listener-rule/app/{balancer}/b-{balancer}/l1/{id}"))
}

/// A rule there, by hosts and paths.
pub fn rule(id: &str, priority: i32, conditions: Conditions, forwards_to: &[&str]) -> Rule {
    Rule {
        arn: rule_arn("main", id),
        priority,
        conditions,
        forwards_to: forwards_to.iter().map(|arn| (*arn).to_owned()).collect(),
        ..Rule::default()
    }
}

/// The listener `l1` of the load balancer `main`.
pub fn listener(port: u16, rules: Vec<Rule>) -> Listener {
    Listener {
        arn: arn("listener/app/main/b-main/l1"),
        port,
        protocol: if port == 443 { "HTTPS" } else { "HTTP" }.to_owned(),
        rules,
        ..Listener::default()
    }
}

/// Conditions by host and path.
pub fn asks(hosts: &[&str], paths: &[&str]) -> Conditions {
    let set = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<BTreeSet<_>>();
    Conditions { hosts: set(hosts), paths: set(paths) }
}

/// A target group of the wanted kind, used by these load balancers.
pub fn group(name: &str, balancers: &[&str]) -> TargetGroup {
    TargetGroup {
        arn: arn(&format!("targetgroup/{name}/0")),
        name: name.to_owned(),
        port: Some(80),
        protocol: "HTTP".to_owned(),
        version: "HTTP1".to_owned(),
        vpc: "vpc-1".to_owned(),
        target_type: "ip".to_owned(),
        balancers: balancers.iter().map(|arn| (*arn).to_owned()).collect(),
    }
}

/// ARN, address and more tags.
type Tagged<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// What is ours.
pub fn ours(all: &[Tagged<'_>]) -> Ours {
    let owned = all.iter().map(|(arn, address, more)| {
        let own = [(STACK, "shop"), (ADDRESS, *address)];
        let tags = own.iter().chain(*more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Owned { arn: (*arn).to_owned(), tags: tags.collect() }
    });
    Ours::new(&owned.collect::<Vec<_>>())
}
