//! Load balancers, certificates and hosted zones as plain facts. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::inventory::Owned;
use crate::model::Address;
use crate::stack::tags;
use crate::stack::web::Scheme;

/// A load balancer of the region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadBalancer {
    /// Its ARN.
    pub arn: String,
    /// Its name, unique in the region.
    pub name: String,
    /// Its DNS name.
    pub dns_name: String,
    /// The hosted zone of that name.
    pub dns_zone: String,
    /// `None` for what is neither public nor internal.
    pub scheme: Option<Scheme>,
    /// `application`, `network`, `gateway`.
    pub kind: String,
    /// Its VPC.
    pub vpc: String,
    /// `active`, `provisioning`, `active_impaired`, `failed`.
    pub state: String,
    /// Availability Zone → subnet.
    pub zones: BTreeMap<String, String>,
    /// Its security groups.
    pub groups: Vec<String>,
}

/// A target group of the region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetGroup {
    /// Its ARN.
    pub arn: String,
    /// Its name, unique in the region.
    pub name: String,
    /// Its port.
    pub port: Option<u16>,
    /// `HTTP`, `HTTPS`, …
    pub protocol: String,
    /// `HTTP1`, `HTTP2`, `GRPC`; empty where there is none.
    pub version: String,
    /// Its VPC.
    pub vpc: String,
    /// `ip`, `instance`, `lambda`, `alb`.
    pub target_type: String,
    /// The ARNs of the load balancers that use it: one, except for some that are older than the limit.
    pub balancers: BTreeSet<String>,
}

/// A listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// Its port.
    pub port: u16,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// Its default action redirects to HTTPS.
    pub redirects: bool,
    /// The ARNs of its certificates, the default one first.
    pub certificates: Vec<String>,
    /// Its rules, without the default one.
    pub rules: Vec<Rule>,
}

/// A rule of a listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its ARN.
    pub arn: String,
    /// Its priority.
    pub priority: i32,
    /// What it asks for.
    pub conditions: Conditions,
    /// It asks for more than host and path.
    pub asks_more: bool,
    /// The ARNs of the target groups that it forwards to.
    pub forwards_to: Vec<String>,
    /// It redirects.
    pub redirects: bool,
}

/// Which requests a rule is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conditions {
    /// Host names; `*` and `?` stand for others. Empty = all.
    pub hosts: BTreeSet<String>,
    /// Paths; `*` and `?` stand for others. Empty = all.
    pub paths: BTreeSet<String>,
}

/// A certificate that is issued.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Issued {
    /// Its ARN.
    pub arn: String,
    /// Its domain and the alternatives.
    pub names: BTreeSet<String>,
    /// It has more names than the list of certificates tells.
    pub has_more: bool,
    /// Seconds since the epoch; 0 = unknown.
    pub not_after: i64,
    /// A private authority issued it: browsers do not trust it.
    pub is_private: bool,
}

/// One certificate in full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// Its ARN.
    pub arn: String,
    /// Its domain and the alternatives.
    pub names: BTreeSet<String>,
    /// `ISSUED`, `PENDING_VALIDATION`, …
    pub status: String,
    /// Name and value of the record that validates its domain, once ACM has given it; the name without the dot at the end.
    pub validation: Option<(String, String)>,
}

/// A hosted zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostedZone {
    /// Its id, without `/hostedzone/`.
    pub id: String,
    /// Its domain, in lower case, without the dot at the end.
    pub name: String,
    /// It answers only in VPCs.
    pub is_private: bool,
}

/// What is this stack's by its tags.
#[derive(Debug, Clone, Default)]
pub struct Ours(BTreeMap<String, (Address, BTreeMap<String, String>)>);

impl Ours {
    /// From the inventory.
    pub fn new(owned: &[Owned]) -> Self {
        let ours = |one: &Owned| Some((one.arn.clone(), (tags::address(&one.tags)?, one.tags.clone())));
        Self(owned.iter().filter_map(ours).collect())
    }

    /// The address of something of ours.
    pub fn address(&self, arn: &str) -> Option<&Address> {
        self.0.get(arn).map(|(address, _)| address)
    }

    /// Whether it is ours.
    pub fn has(&self, arn: &str) -> bool {
        self.0.contains_key(arn)
    }

    /// A tag of something of ours.
    pub fn tag(&self, arn: &str, key: &str) -> Option<&str> {
        self.0.get(arn)?.1.get(key).map(String::as_str)
    }

    /// The ARNs of ours of a kind, with their names (the second part of the address), in order.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self.0.iter().filter(move |(_, (address, _))| address.kind() == kind);
        all.map(|(arn, (address, _))| (arn.as_str(), address.name()))
    }
}

/// The load balancer that a listener is of, by their ARNs.
pub fn balancer_of(listener: &str) -> Option<String> {
    let (balancer, _) = listener.rsplit_once('/')?;
    balancer.contains(":listener/").then(|| balancer.replacen(":listener/", ":loadbalancer/", 1))
}

/// The last part of an ARN: the id of a certificate.
pub fn id_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::tags::listener_of;

    #[test]
    fn the_arn_of_a_rule_tells_its_listener_and_load_balancer() {
        let at = "arn:x:elasticloadbalancing:eu-west-1:1";
        let listener = listener_of(&format!("{at}:listener-rule/app/main/b1/l1/r1"));
        assert_eq!(listener, Some(format!("{at}:listener/app/main/b1/l1")));
        assert_eq!(
            balancer_of(&listener.unwrap_or_default()),
            Some(format!("{at}:loadbalancer/app/main/b1"))
        );
        assert_eq!(listener_of(&format!("{at}:listener/app/main/b1/l1")), None);
        assert_eq!(balancer_of(&format!("{at}:loadbalancer/app/main/b1")), None);
    }
}
