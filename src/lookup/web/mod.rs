//! Web services: the load balancers, listeners, rules, target groups, certificates and zones that there are, and which of them the
//! stack uses. Reads in few rounds; the decisions are pure.

mod acm;
mod balancer;
#[cfg(test)]
mod balancer_tests;
mod balancing;
mod certificates;
mod decide;
mod found;
mod listening;
#[cfg(test)]
mod listening_tests;
#[cfg(test)]
mod naming_tests;
mod placing;
#[cfg(test)]
mod placing_tests;
mod route53;
mod rules;
#[cfg(test)]
mod rules_tests;
mod target_names;
#[cfg(test)]
mod testing;
mod zones;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio::task::JoinSet;

use super::land::Land;
use super::placement::{Decision, Request};
use super::{LookupError, joined};
use crate::aws::Aws;
use crate::aws::inventory::Inventory;
use crate::config::{Config, Task, TaskType};
use crate::stack::facts::{CertificateFact, WebFacts};
use crate::stack::web::{Scheme, Zone, listener_port, redirects, slug};
use crate::stack::{Names, tags};

use balancer::{Step, Use};
use found::{Detail, HostedZone, Issued, Listener, LoadBalancer, Ours, TargetGroup};

/// The IAM actions of these files, and their sources for the law about them.
pub const READS: [&[&str]; 3] = [acm::READS, balancing::READS, route53::READS];
#[cfg(test)]
pub const SOURCES: [&str; 3] =
    [include_str!("acm.rs"), include_str!("balancing.rs"), include_str!("route53.rs")];

/// What the account has, read before the VPC is known.
#[derive(Debug, Clone, Default)]
pub struct First {
    ours: Ours,
    balancers: Vec<LoadBalancer>,
    groups: Vec<TargetGroup>,
    issued: Vec<Issued>,
    /// The certificate that `certificate_arn` names, when it exists.
    pinned: Option<Detail>,
    zones: Vec<HostedZone>,
}

/// The facts of web services, what the reader should know, and what `--update` writes.
#[derive(Debug, Default)]
pub struct Found {
    /// The facts.
    pub facts: WebFacts,
    /// What the reader should know.
    pub warnings: Vec<String>,
    /// Route in the YAML → value.
    pub resolved: Vec<(Vec<String>, Value)>,
}

/// The web services of a configuration.
fn services(config: &Config) -> impl Iterator<Item = (&str, &Task)> {
    config.tasks.iter().filter(|(_, task)| task.kind.is_web()).map(|(key, task)| (key.as_str(), task))
}

/// The domains of the `https` services.
fn secured(config: &Config) -> BTreeSet<&str> {
    let https = services(config).filter(|(_, task)| task.kind == TaskType::Https);
    https.flat_map(|(_, task)| config.domains_of(task)).map(String::as_str).collect()
}

/// The schemes that are used, each with one of its services.
fn schemes(config: &Config) -> BTreeMap<Scheme, &str> {
    let mut schemes = BTreeMap::new();
    for (key, task) in services(config) {
        schemes.entry(Scheme::of(config, task)).or_insert(key);
    }
    schemes
}

/// The ports that a load balancer of this scheme must listen on, and whether with TLS.
fn ports(config: &Config, scheme: Scheme) -> BTreeMap<u16, bool> {
    let mut ports = BTreeMap::new();
    for (_, task) in services(config).filter(|(_, task)| Scheme::of(config, task) == scheme) {
        if redirects(config, task) {
            ports.entry(80).or_insert(false);
        }
        ports.insert(listener_port(config, task), task.kind == TaskType::Https);
    }
    ports
}

fn writes_records(config: &Config) -> bool {
    config.route53.records.unwrap_or(true)
}

/// The first round. Nothing is read, and there is nothing, when the stack has no web services.
pub async fn first(
    aws: &Aws,
    config: &Config,
    inventory: &Inventory<'_>,
) -> Result<Option<First>, LookupError> {
    if services(config).next().is_none() {
        return Ok(None);
    }
    let has_tls = !secured(config).is_empty();
    let named = config.certificate_arn.as_deref().filter(|_| has_tls);
    let issued = async { if has_tls && named.is_none() { acm::issued(aws).await } else { Ok(Vec::new()) } };
    let pinned = async {
        match named.filter(|arn| certificates::is_in(arn, &aws.region)) {
            Some(arn) => acm::describe(aws, arn).await,
            None => Ok(None),
        }
    };
    let zones = async { if writes_records(config) { route53::zones(aws).await } else { Ok(Vec::new()) } };
    let (balancers, groups, issued, pinned, zones, owned) = tokio::join!(
        balancing::load_balancers(aws),
        balancing::target_groups(aws),
        issued,
        pinned,
        zones,
        inventory.all(),
    );
    let mut error = LookupError::default();
    let first = First {
        ours: error.take(owned.map_err(LookupError::from)).map(Ours::new).unwrap_or_default(),
        balancers: error.take(balancers.map_err(LookupError::from)).unwrap_or_default(),
        groups: error.take(groups.map_err(LookupError::from)).unwrap_or_default(),
        issued: error.take(issued.map_err(LookupError::from)).unwrap_or_default(),
        pinned: error.take(pinned.map_err(LookupError::from)).flatten(),
        zones: error.take(zones.map_err(LookupError::from)).unwrap_or_default(),
    };
    if error.is_empty() { Ok(Some(first)) } else { Err(error) }
}

/// A load balancer that is used, and what it has.
#[derive(Debug, Clone)]
struct Side {
    scheme: Scheme,
    used: Use,
    note: Option<String>,
    /// By port; those that are used with their rules and certificates.
    listeners: BTreeMap<u16, Listener>,
    /// Security group → the wanted ports that it lets in; of a load balancer of somebody else.
    open: BTreeMap<String, BTreeSet<u16>>,
}

/// What the names of the services depend on.
#[derive(Debug, Clone, Default)]
struct Naming {
    /// This stack's certificates by ARN.
    own: BTreeMap<String, Detail>,
    /// The certificates of others whose list of names was too long for the first answer, by ARN.
    full: BTreeMap<String, Detail>,
    /// Private zone → its VPCs.
    vpcs: BTreeMap<String, BTreeSet<String>>,
    /// The domains whose own certificate is validated by a record of somebody else.
    elsewhere: BTreeSet<String>,
}

/// The other rounds, and the decisions. Changes where the services run: their load balancer must serve the zone.
pub async fn rest(
    aws: &Aws,
    config: &Config,
    names: &Names,
    first: First,
    land: &Land,
    request: &Request,
    decision: &mut Decision,
) -> Result<Found, LookupError> {
    let vpc = decision.vpc_id.clone();
    let (sides, naming) =
        tokio::join!(sides(aws, config, &first, &vpc), naming(aws, config, names, &first, &vpc));
    let mut error = LookupError::default();
    let sides = error.take(sides);
    let naming = error.take(naming);
    let all = decide::All { config, region: &aws.region, vpc: &vpc, first: &first, land, request };
    let sides = sides.unwrap_or_default();
    let found = error.take(decide::decide(all, &sides, naming.as_ref(), decision));
    match found {
        Some(mut found) if error.is_empty() => {
            found.facts.traces = traces(&first.ours, &found.facts);
            Ok(found)
        }
        _ => Err(error),
    }
}

/// The zones that tags of the stack lead to and that no record is wanted in. They may hold some still, and nothing else tells.
fn traces(ours: &Ours, facts: &WebFacts) -> BTreeSet<Zone> {
    let own = facts.certificates.values().filter_map(|fact| match fact {
        CertificateFact::Own(own) => Some(&own.zone),
        CertificateFact::Found(_) => None,
    });
    let wanted: BTreeSet<&Zone> = facts.zones.values().chain(own).collect();
    let tagged = ["target_group", "certificate"].into_iter().flat_map(|kind| ours.of(kind));
    let tagged = tagged.filter_map(|(arn, _)| ours.tag(arn, tags::ZONES));
    let tagged = tagged.flat_map(|zones| zones.split(' ').filter_map(Zone::parse));
    tagged.filter(|zone| !wanted.contains(zone)).collect()
}

/// Chooses the load balancers and reads what they have.
async fn sides(aws: &Aws, config: &Config, first: &First, vpc: &str) -> Result<Vec<Side>, LookupError> {
    let mut error = LookupError::default();
    let wanted = schemes(config);
    let choose = |tags: Option<&balancing::Tags>| {
        let ask = |(scheme, task): (&Scheme, &&str)| {
            let ask = balancer::Ask { config, scheme: *scheme, vpc, task, region: &aws.region };
            (*scheme, balancer::choose(&first.balancers, &first.ours, tags, ask))
        };
        wanted.iter().map(ask).map(|(scheme, step)| step.map(|step| (scheme, step))).collect::<Vec<_>>()
    };
    let mut steps = choose(None);
    let asks = steps.iter().flatten().filter_map(|(_, step)| match step {
        Step::Ask(arns) => Some(arns.clone()),
        Step::Chosen(..) => None,
    });
    let asks: Vec<String> = asks.flatten().collect();
    if !asks.is_empty() {
        steps = choose(Some(&balancing::tags(aws, &asks).await?));
    }
    let mut reads = JoinSet::new();
    for step in steps {
        let Some((scheme, Step::Chosen(used, note))) = error.take(step.map_err(LookupError::from)) else {
            continue;
        };
        let (aws, ports) = (aws.clone(), ports(config, scheme).into_keys().collect::<BTreeSet<u16>>());
        reads.spawn(async move { side(&aws, scheme, *used, note, &ports).await });
    }
    let mut sides = joined(reads, &mut error).await;
    sides.sort_by_key(|side: &Side| side.scheme);
    if error.is_empty() { Ok(sides) } else { Err(error) }
}

async fn side(
    aws: &Aws,
    scheme: Scheme,
    used: Use,
    note: Option<String>,
    ports: &BTreeSet<u16>,
) -> Result<Side, LookupError> {
    let Some(existing) = used.existing() else {
        return Ok(Side { scheme, used, note, listeners: BTreeMap::new(), open: BTreeMap::new() });
    };
    let open = async {
        // Without a group to name, EC2 would tell all.
        match &used {
            Use::Shared(shared) if !shared.groups.is_empty() => {
                balancing::open_ports(aws, &shared.groups, ports).await
            }
            _ => Ok(BTreeMap::new()),
        }
    };
    let (listeners, open) = tokio::join!(balancing::listeners(aws, &existing.arn), open);
    let mut error = LookupError::default();
    let listeners = error.take(listeners.map_err(LookupError::from)).unwrap_or_default();
    let open = error.take(open.map_err(LookupError::from)).unwrap_or_default();
    let (used_ones, mut others): (BTreeMap<_, _>, BTreeMap<_, _>) =
        listeners.into_iter().partition(|(port, _)| ports.contains(port));
    let mut reads = JoinSet::new();
    for (_, listener) in used_ones {
        let aws = aws.clone();
        reads.spawn(async move { balancing::filled(&aws, listener).await });
    }
    others.extend(joined(reads, &mut error).await.into_iter().map(|one| (one.port, one)));
    if error.is_empty() { Ok(Side { scheme, used, note, listeners: others, open }) } else { Err(error) }
}

/// Reads what certificates and zones do not tell in their lists.
async fn naming(
    aws: &Aws,
    config: &Config,
    names: &Names,
    first: &First,
    vpc: &str,
) -> Result<Naming, LookupError> {
    let mut error = LookupError::default();
    let secured: BTreeSet<&str> = match &config.certificate_arn {
        Some(arn) if !first.ours.has(arn) => BTreeSet::new(),
        _ => secured(config),
    };
    let own = first.ours.of("certificate");
    let own: Vec<(&str, &str)> = own
        .filter_map(|(arn, name)| Some((arn, *secured.iter().find(|domain| slug(domain) == name)?)))
        .collect();
    // What leaves may have left the record that a newcomer is validated by.
    let is_twin = |name: &str| secured.iter().any(|domain| slug(&certificates::twin(domain)) == name);
    let twins = first.ours.of("certificate").filter(|(_, name)| is_twin(name)).map(|(arn, _)| arn);
    let asked: BTreeSet<&str> = own.iter().map(|(arn, _)| *arn).chain(twins).collect();
    let has_own = |domain: &str| own.iter().any(|(_, of)| *of == domain);
    let told = |domain: &str| first.issued.iter().any(|one| certificates::covered(&one.names, domain));
    let open = secured.iter().any(|domain| !has_own(domain) && !told(domain));
    let long = first.issued.iter().filter(|one| open && one.has_more).map(|one| one.arn.as_str());
    let mut details = JoinSet::new();
    for arn in asked.into_iter().chain(long) {
        let (aws, arn) = (aws.clone(), arn.to_owned());
        details.spawn(async move { Ok::<_, LookupError>(acm::describe(&aws, &arn).await?) });
    }
    let mut vpcs = JoinSet::new();
    for zone in private_zones(config, first) {
        let aws = aws.clone();
        vpcs.spawn(async move {
            let found = route53::vpcs(&aws, &zone).await?;
            Ok::<_, LookupError>((zone, found))
        });
    }
    let validation = |domain: &str| {
        let none = BTreeMap::new();
        let zones = decide::zones(config, first, &none, vpc);
        zones::public(zones, domain).ok().flatten()
    };
    let mut marked = JoinSet::new();
    let zones: BTreeSet<Zone> = own.iter().filter_map(|(_, domain)| validation(domain)).collect();
    for zone in zones.into_iter().filter(|_| writes_records(config)) {
        let (aws, stack) = (aws.clone(), names.stack.clone());
        marked.spawn(async move { Ok::<_, LookupError>(route53::marked(&aws, &zone, &stack).await?) });
    }
    // All three run already; who is waited for first does not matter.
    let details: Vec<Option<Detail>> = joined(details, &mut error).await;
    let vpcs = joined(vpcs, &mut error).await.into_iter().collect();
    let marked: BTreeSet<String> = joined(marked, &mut error).await.into_iter().flatten().collect();
    let details = details.into_iter().flatten().map(|one| (one.arn.clone(), one));
    let (own_details, full): (BTreeMap<_, _>, BTreeMap<_, _>) =
        details.partition(|(arn, _)| first.ours.has(arn));

    let mut elsewhere = JoinSet::new();
    for (arn, domain) in &own {
        let record = own_details.get(*arn).and_then(|one| one.validation.clone());
        let twin = certificates::twin(domain);
        let is_marked = |domain: &str| marked.contains(&format!("dns_record.{}-validation", slug(domain)));
        let ours = is_marked(domain) || is_marked(&twin);
        let zone = validation(domain).filter(|_| !ours && writes_records(config));
        if let (Some((name, value)), Some(zone)) = (record, zone) {
            let (aws, domain) = (aws.clone(), (*domain).to_owned());
            elsewhere.spawn(async move {
                let there = route53::has_cname(&aws, &zone, &name, &value).await?;
                Ok::<_, LookupError>(there.then_some(domain))
            });
        }
    }
    let elsewhere = joined(elsewhere, &mut error).await.into_iter().flatten().collect();
    if error.is_empty() { Ok(Naming { own: own_details, full, vpcs, elsewhere }) } else { Err(error) }
}

/// The private zones whose VPCs matter.
fn private_zones(config: &Config, first: &First) -> BTreeSet<String> {
    let internal = services(config).filter(|(_, task)| Scheme::of(config, task) == Scheme::Internal);
    let domains = internal.flat_map(|(_, task)| config.domains_of(task));
    let found = domains.flat_map(|domain| zones::private(&first.zones, domain));
    let named = config.route53.zone_id.as_ref();
    found.filter(|zone| named.is_none_or(|id| *id == zone.id)).map(|zone| zone.id.clone()).collect()
}

/// The zone that the tag of something of ours names first.
fn tagged_zone(ours: &Ours, arn: &str) -> Option<Zone> {
    ours.tag(arn, tags::ZONES)?.split(' ').find_map(Zone::parse)
}
