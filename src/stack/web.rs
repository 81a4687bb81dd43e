//! Web services: load balancers, listeners, rules, certificates and records, everything decided. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Names;
use super::facts::{BalancerFact, CertificateFact, Existing, WebFacts};
use super::{marker, tags};
use crate::config::{AlbType, Config, Task, TaskType};
use crate::model::Address;

/// The TLS policy that AWS recommends (Elastic Load Balancing, "Security policies for your Application Load Balancer").
const SSL_POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09";
/// Seconds; the default of Elastic Load Balancing (`idle_timeout.timeout_seconds`).
const IDLE_TIMEOUT: u32 = 60;
/// Seconds; the default of Elastic Load Balancing is 300, which makes every rollout wait.
const DEREGISTRATION_DELAY: u32 = 30;
/// Seconds.
const GRACE_PERIOD: u32 = 60;
/// The longest name of a load balancer and of a target group (`CreateLoadBalancer`, `CreateTargetGroup`).
const NAME_MAX: usize = 32;

/// Who can reach a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// The internet.
    Public,
    /// The VPC and what is connected to it.
    Internal,
}

impl Scheme {
    /// In addresses and for people: `public` or `internal`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
        }
    }

    /// In the API: `internet-facing` or `internal`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "internet-facing",
            Self::Internal => "internal",
        }
    }

    /// The scheme that a task's load balancer has.
    pub fn of(config: &Config, task: &Task) -> Self {
        match config.reach_of(task) {
            AlbType::Public => Self::Public,
            AlbType::Private => Self::Internal,
        }
    }
}

/// A Route 53 hosted zone, spelled `id/name` where one text must tell both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Zone {
    /// For example `Z0123456789ABCDEFGHIJ`.
    pub id: String,
    /// Its domain, without the dot at the end.
    pub name: String,
}

impl Zone {
    /// From its spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, name) = text.split_once('/')?;
        Some(Self { id: id.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.id, self.name)
    }
}

/// What the web services of a stack share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Web {
    /// The load balancers that are used.
    pub balancers: BTreeMap<Scheme, Balancer>,
    /// What they listen on, by scheme and port.
    pub listeners: BTreeMap<(Scheme, u16), Listener>,
    /// The certificates that are this stack's own, by domain.
    pub certificates: BTreeMap<String, OwnCertificate>,
    /// The names of services, by domain and scheme.
    pub aliases: BTreeMap<(String, Scheme), Alias>,
    /// Zones that no record is wanted in any more, and that may hold some of this stack's still.
    pub traces: BTreeSet<Zone>,
}

/// A load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Balancer {
    /// This stack's own: `load_balancer.<scheme>` and `security_group.alb-<scheme>`.
    Own(OwnBalancer),
    /// Somebody else's: never changed, except that rules, certificates and listeners on free ports are added.
    Shared(SharedBalancer),
}

/// A load balancer of this stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBalancer {
    /// Its physical name.
    pub name: String,
    /// Its ARN, when it exists.
    pub arn: Option<String>,
    /// The name of its security group.
    pub security_group: String,
    /// One subnet an Availability Zone, at least two.
    pub subnets: BTreeSet<String>,
    /// Seconds.
    pub idle_timeout: u32,
    /// Who may connect: CIDR blocks, `sg-…`, `pl-…`.
    pub allow: BTreeSet<String>,
}

/// A load balancer of somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedBalancer {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its DNS name.
    pub dns_name: String,
    /// The hosted zone of that name (`CanonicalHostedZoneId`).
    pub zone_id: String,
    /// The one of its security groups that the tasks accept traffic from (`sg-…`).
    pub security_group: String,
}

/// What listens on one port of one load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listener {
    /// This stack's own: `listener.<scheme>-<port>`.
    Own(OwnListener),
    /// Somebody else's: only our rules and certificates in it are ours.
    Shared {
        /// Its ARN.
        arn: String,
        /// Certificates that others did not give it, to be added by SNI: `listener_certificate.<scheme>-<port>-<short>`.
        certificates: BTreeSet<Certificate>,
    },
}

/// A listener of this stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnListener {
    /// Its ARN, when it exists.
    pub arn: Option<String>,
    /// What it answers to requests that no rule is for.
    pub default: DefaultAction,
    /// For HTTPS.
    pub tls: Option<Tls>,
}

/// What a listener answers to requests that no rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultAction {
    /// 404.
    NotFound,
    /// 301 to HTTPS on this port.
    Redirect(u16),
}

/// TLS of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The security policy.
    pub policy: String,
    /// The certificate for clients that name no server, or one that no other fits.
    pub default: Certificate,
    /// The others, chosen by SNI.
    pub more: BTreeSet<Certificate>,
}

/// A certificate that a listener has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certificate {
    /// One that exists and is not this stack's, by ARN.
    Found(String),
    /// This stack's own for this domain: `certificate.<domain>`.
    Own(String),
}

impl Certificate {
    /// What tells it from others in an address: the domain, or the start of the ARN's id.
    pub fn short(&self) -> String {
        match self {
            Self::Own(domain) => slug(domain),
            Self::Found(arn) => arn.rsplit('/').next().unwrap_or_default().chars().take(8).collect(),
        }
    }
}

/// A certificate of this stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCertificate {
    /// Its ARN, when it exists.
    pub arn: Option<String>,
    /// The public zone that the record for its validation goes into.
    pub zone: Zone,
    /// The name and the value of that record, once ACM has given them.
    pub validation: Option<(String, String)>,
    /// Somebody else keeps that record (the same domain has another certificate): it is not this stack's.
    pub validated_elsewhere: bool,
}

/// A name that leads to a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// Where its record is.
    pub zone: Zone,
    /// The services that answer to it.
    pub tasks: BTreeSet<String>,
}

/// How one service is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebService {
    /// Its load balancer.
    pub scheme: Scheme,
    /// The port of its listener.
    pub port: u16,
    /// The port of port 80's listener that needs a redirect rule of this service's, because somebody else's listener there does not
    /// redirect by itself.
    pub redirect_from: Option<u16>,
    /// The host names of its rule.
    pub domains: BTreeSet<String>,
    /// The paths of its rule; empty = all.
    pub paths: BTreeSet<String>,
    /// The priority of its rule.
    pub priority: i32,
    /// The ARN of its rule, when it exists in the listener that is wanted.
    pub rule: Option<String>,
    /// Priority and ARN of its redirect rule, with `redirect_from`.
    pub redirect: Option<Existing>,
    /// The certificates that the listener of its rule is given for it, where the listener is somebody else's.
    pub certificates: BTreeSet<Certificate>,
    /// The port that the container listens on.
    pub container_port: u16,
    /// The physical name of its target group.
    pub target_group: String,
    /// Its health check.
    pub health_check: HealthCheck,
    /// Seconds.
    pub deregistration_delay: u32,
    /// Seconds of the load balancer's cookie; `None` = no stickiness.
    pub stickiness: Option<u32>,
    /// Seconds after a task's start in which failed checks do not stop it.
    pub grace_period: u32,
    /// The zones that its records are in, as evidence in tags: they are found by it when nothing else names them.
    pub zones: BTreeSet<Zone>,
}

/// A health check, every default spelled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Path.
    pub path: String,
    /// Port; `None` = the port that the traffic goes to.
    pub port: Option<u16>,
    /// Status codes.
    pub matcher: String,
    /// Seconds.
    pub interval: u32,
    /// Seconds.
    pub timeout: u32,
    /// Answers.
    pub healthy_threshold: u32,
    /// Answers.
    pub unhealthy_threshold: u32,
}

impl HealthCheck {
    fn new(check: &crate::config::HealthCheck) -> Self {
        Self {
            path: check.path.clone().unwrap_or_else(|| "/".to_owned()),
            port: check.port,
            matcher: check.matcher.clone().unwrap_or_else(|| "200".to_owned()),
            interval: check.interval_seconds.unwrap_or(30),
            timeout: check.timeout_seconds.unwrap_or(5),
            healthy_threshold: check.healthy_threshold_count.unwrap_or(5),
            unhealthy_threshold: check.unhealthy_threshold_count.unwrap_or(2),
        }
    }
}

/// The port of a web service's listener.
pub fn listener_port(config: &Config, task: &Task) -> u16 {
    config.alb.port.unwrap_or(if task.kind == TaskType::Https { 443 } else { 80 })
}

/// Whether port 80 redirects to the `https` services.
pub fn redirects(config: &Config, task: &Task) -> bool {
    task.kind == TaskType::Https
        && config.alb.redirect_80.unwrap_or(true)
        && listener_port(config, task) != 80
}

/// A domain in an address: `*` is `_`.
pub fn slug(domain: &str) -> String {
    domain.replace('*', "_")
}

/// Names of load balancers and target groups have at most 32 letters, digits and hyphens: other characters become hyphens, and a
/// name that is too long is cut and told apart by a digest of the whole. `mark` distinguishes names of equal things that must
/// exist beside each other.
pub fn balancing_name(name: &str, mark: Option<&str>) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    if mark.is_none() && plain.len() <= NAME_MAX && plain == name {
        return plain.to_owned();
    }
    let digest = marker::digest(&format!("{name}\n{}", mark.unwrap_or_default()));
    let digest: String = digest.chars().take(6).collect();
    let room = NAME_MAX - digest.len() - 1;
    let start: String = plain.chars().take(room).collect();
    format!("{}-{digest}", start.trim_end_matches('-'))
}

impl Web {
    /// Joins what the configuration says with what the account has; the second member is by task.
    pub(super) fn new(config: &Config, facts: &WebFacts) -> (Self, BTreeMap<String, WebService>) {
        let mut web = Self { traces: facts.traces.clone(), ..Self::default() };
        let mut services = BTreeMap::new();
        for (key, task) in config.tasks.iter().filter(|(_, task)| task.kind.is_web()) {
            let scheme = Scheme::of(config, task);
            let Some(balancer) = facts.balancers.get(&scheme) else {
                continue;
            };
            web.balancers.entry(scheme).or_insert_with(|| balancer_of(config, facts, scheme, balancer));
            let port = listener_port(config, task);
            let certificates: BTreeSet<Certificate> = match task.kind {
                TaskType::Https => {
                    config.domains_of(task).iter().filter_map(|name| certificate(facts, name)).collect()
                }
                _ => BTreeSet::new(),
            };
            let missing = web.listen(config, balancer, (scheme, port), &certificates);
            let redirect_from = redirects(config, task).then_some(80);
            let redirect_from = redirect_from.filter(|from| web.redirect(balancer, scheme, *from, port));
            for domain in config.domains_of(task) {
                if let Some(zone) = facts.zones.get(&(domain.clone(), scheme)) {
                    let alias = Alias { zone: zone.clone(), tasks: BTreeSet::new() };
                    let alias = web.aliases.entry((domain.clone(), scheme)).or_insert(alias);
                    alias.tasks.insert(key.clone());
                }
            }
            let rule = facts.rules.get(key).cloned().unwrap_or_default();
            let zones = config.domains_of(task).iter();
            let zones = zones.filter_map(|domain| facts.zones.get(&(domain.clone(), scheme))).cloned();
            let check = &task.health_check;
            let service = WebService {
                scheme,
                port,
                redirect_from,
                domains: config.domains_of(task).iter().cloned().collect(),
                paths: task.path.iter().cloned().collect(),
                priority: rule.priority,
                rule: rule.arn,
                redirect: redirect_from.and_then(|_| facts.redirects.get(key).cloned()),
                certificates: missing,
                container_port: task.listens_on(),
                target_group: facts.target_groups.get(key).cloned().unwrap_or_default(),
                health_check: HealthCheck::new(check),
                deregistration_delay: task.deregistration_delay.unwrap_or(DEREGISTRATION_DELAY),
                stickiness: task.stickiness,
                grace_period: check.grace_period_seconds.unwrap_or(GRACE_PERIOD),
                zones: zones.collect(),
            };
            services.insert(key.clone(), service);
        }
        web.certificates = facts
            .certificates
            .iter()
            .filter_map(|(domain, fact)| match fact {
                CertificateFact::Own(own) => Some((domain.clone(), own.clone())),
                CertificateFact::Found(_) => None,
            })
            .collect();
        (web, services)
    }

    /// The domains for whose validation this stack keeps a record.
    pub fn validated(&self) -> impl Iterator<Item = (&String, &OwnCertificate)> {
        self.certificates.iter().filter(|(_, own)| !own.validated_elsewhere)
    }

    /// The records that must be there before a certificate of this stack is issued: `dns_record.<domain>-validation`.
    pub fn validations(&self, names: &Names) -> Vec<Address> {
        let name = |domain: &str| names.address("dns_record", &format!("{}-validation", slug(domain)));
        self.validated().map(|(domain, _)| name(domain)).collect()
    }

    /// The tag that leads to the records of a stack: these zones, and those that may hold some still, as many as a tag holds.
    pub fn zones_tag<'a>(&'a self, zones: impl Iterator<Item = &'a Zone>) -> String {
        let zones = zones.chain(&self.traces).map(ToString::to_string);
        let tag = zones.reduce(|tag, zone| match format!("{tag} {zone}") {
            longer if longer.chars().count() <= tags::VALUE_MAX => longer,
            _ => tag,
        });
        tag.unwrap_or_default()
    }

    /// Makes sure that there is a listener with these certificates; gives those that a listener of somebody else must be given.
    fn listen(
        &mut self,
        config: &Config,
        balancer: &BalancerFact,
        at: (Scheme, u16),
        wanted: &BTreeSet<Certificate>,
    ) -> BTreeSet<Certificate> {
        if let Some(shared) = balancer.listeners().get(&at.1).filter(|listener| !listener.is_ours) {
            let arn = shared.arn.clone();
            let missing: BTreeSet<Certificate> =
                wanted.iter().filter(|one| !shared.has(one)).cloned().collect();
            let listener =
                self.listeners.entry(at).or_insert(Listener::Shared { arn, certificates: BTreeSet::new() });
            if let Listener::Shared { certificates, .. } = listener {
                certificates.extend(missing.iter().cloned());
            }
            return missing;
        }
        let arn = balancer.listeners().get(&at.1).map(|listener| listener.arn.clone());
        let own = OwnListener { arn, default: DefaultAction::NotFound, tls: None };
        let listener = self.listeners.entry(at).or_insert(Listener::Own(own));
        if let (Listener::Own(own), Some(first)) = (listener, wanted.first()) {
            let policy = config.alb.ssl_policy.clone().unwrap_or_else(|| SSL_POLICY.to_owned());
            let tls =
                own.tls.get_or_insert_with(|| Tls { policy, default: first.clone(), more: BTreeSet::new() });
            tls.more.extend(wanted.iter().cloned());
            // The same one whatever the order of the tasks.
            if let Some(first) = tls.more.iter().chain([&tls.default]).min().cloned() {
                tls.more.insert(tls.default.clone());
                tls.default = first;
                tls.more.remove(&tls.default);
            }
        }
        BTreeSet::new()
    }

    /// Lets a listener of ours redirect; says whether a rule is needed for it, because the listener is somebody else's and does
    /// not redirect by itself.
    fn redirect(&mut self, balancer: &BalancerFact, scheme: Scheme, from: u16, to: u16) -> bool {
        if let Some(foreign) = balancer.listeners().get(&from).filter(|listener| !listener.is_ours) {
            if !foreign.redirects {
                let shared = Listener::Shared { arn: foreign.arn.clone(), certificates: BTreeSet::new() };
                self.listeners.entry((scheme, from)).or_insert(shared);
            }
            return !foreign.redirects;
        }
        let arn = balancer.listeners().get(&from).map(|listener| listener.arn.clone());
        let own = OwnListener { arn, default: DefaultAction::NotFound, tls: None };
        let listener = self.listeners.entry((scheme, from)).or_insert(Listener::Own(own));
        if let Listener::Own(own) = listener {
            own.default = DefaultAction::Redirect(to);
        }
        false
    }
}

fn certificate(facts: &WebFacts, domain: &str) -> Option<Certificate> {
    facts.certificates.get(domain).map(|fact| match fact {
        CertificateFact::Found(arn) => Certificate::Found(arn.clone()),
        CertificateFact::Own(_) => Certificate::Own(domain.to_owned()),
    })
}

fn balancer_of(config: &Config, facts: &WebFacts, scheme: Scheme, fact: &BalancerFact) -> Balancer {
    match fact {
        BalancerFact::Shared { balancer, .. } => Balancer::Shared(balancer.clone()),
        BalancerFact::Own { name, arn, subnets, .. } => {
            let configured = config.alb.allow.iter().cloned().collect::<BTreeSet<_>>();
            let allow = match scheme {
                _ if !configured.is_empty() => configured,
                Scheme::Public => BTreeSet::from(["0.0.0.0/0".to_owned()]),
                Scheme::Internal => facts.vpc_ranges.iter().cloned().collect(),
            };
            Balancer::Own(OwnBalancer {
                name: name.clone(),
                arn: arn.clone(),
                security_group: super::names::alb_security_group(config, scheme),
                subnets: subnets.iter().cloned().collect(),
                idle_timeout: config.alb.idle_timeout.unwrap_or(IDLE_TIMEOUT),
                allow,
            })
        }
    }
}

/// Whether web services of this configuration need load balancers of both schemes.
pub fn is_mixed(config: &Config) -> bool {
    let web = config.tasks.values().filter(|task| task.kind.is_web());
    let schemes: BTreeSet<Scheme> = web.map(|task| Scheme::of(config, task)).collect();
    schemes.len() > 1
}
