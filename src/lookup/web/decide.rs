//! The facts of web services from what was read. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::balancer::Use;
use super::found::{Conditions, Detail, Issued};
use super::listening::{self, At, Wish};
use super::placing;
use super::target_names::{self, Need};
use super::zones::{self, Zones};
use super::{
    First, Found, Naming, Side, certificates, ports, secured, services, tagged_zone, writes_records,
};
use crate::config::{Config, Task};
use crate::lookup::land::Land;
use crate::lookup::placement::{Decision, Request};
use crate::lookup::{LookupError, Problem};
use crate::stack::facts::{BalancerFact, CertificateFact, WebFacts};
use crate::stack::web::{Scheme, SharedBalancer, listener_port, redirects, slug};

/// Everything that the decisions depend on, beside what the later rounds read.
#[derive(Debug, Clone, Copy)]
pub struct All<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The region of the stack.
    pub region: &'a str,
    /// The VPC of the tasks.
    pub vpc: &'a str,
    /// The first round.
    pub first: &'a First,
    /// The network.
    pub land: &'a Land,
    /// What the configuration asks of it.
    pub request: &'a Request,
}

/// Decides what there is to decide. `naming` is missing when it could not be read.
pub fn decide(
    all: All<'_>,
    sides: &[Side],
    naming: Option<&Naming>,
    decision: &mut Decision,
) -> Result<Found, LookupError> {
    let mut error = LookupError::default();
    let mut found = Found::default();
    for side in sides {
        if let Some(fact) = error.take(balancer(all, side, decision, &mut found.warnings)) {
            found.facts.balancers.insert(side.scheme, fact);
        }
        error.take(rules(all, side, &mut found));
    }
    if let Some(naming) = naming {
        error.take(names(all, sides, naming, &mut found));
    }
    let vpc = all.land.vpcs.iter().find(|vpc| vpc.id == all.vpc);
    found.facts.vpc_ranges = vpc.map(|vpc| vpc.ranges.clone()).unwrap_or_default();
    resolve(sides, &mut found);
    if error.is_empty() { Ok(found) } else { Err(error) }
}

/// The load balancer, its security group or subnets, and where the tasks behind it run.
fn balancer(
    all: All<'_>,
    side: &Side,
    decision: &mut Decision,
    warnings: &mut Vec<String>,
) -> Result<BalancerFact, LookupError> {
    let All { config, first, land, request, .. } = all;
    warnings.extend(side.note.clone());
    let is_own = !matches!(side.used, Use::Shared(_));
    let listeners = side.listeners.iter();
    let listeners: BTreeMap<_, _> =
        listeners.map(|(port, one)| (*port, listening::fact(one, is_own, &first.ours))).collect();
    let (fact, zones) = match &side.used {
        Use::Own(_) | Use::Make(_) => {
            let existing = side.used.existing();
            let now = existing.map(|one| one.zones.clone()).unwrap_or_default();
            let subnets = placing::balancer_subnets(land, request, all.vpc, side.scheme, &now)?;
            let fact = BalancerFact::Own {
                name: side.used.name().to_owned(),
                arn: existing.map(|one| one.arn.clone()),
                subnets: subnets.values().cloned().collect(),
                listeners,
            };
            (fact, subnets.into_keys().collect())
        }
        Use::Shared(shared) => {
            let wanted = ports(config, side.scheme);
            let mut error = LookupError::default();
            for (port, tls) in &wanted {
                let at = At { used: &side.used, port: *port, listener: side.listeners.get(port) };
                let task = services(config).find(|(_, task)| {
                    Scheme::of(config, task) == side.scheme
                        && (listener_port(config, task) == *port || redirects(config, task))
                });
                let task = task.map(|(key, _)| key).unwrap_or_default();
                let checked = listening::check_protocol(at, *tls, task);
                error.take(checked.map_err(LookupError::from));
            }
            let wanted = wanted.into_keys().collect();
            let group = listening::security_group(shared, &side.open, config, &wanted);
            let group = error.take(group.map_err(LookupError::from));
            let Some((security_group, notes)) = group.filter(|_| error.is_empty()) else {
                return Err(error);
            };
            warnings.extend(notes);
            for (key, is_set) in
                [("allow", !config.alb.allow.is_empty()), ("idle_timeout", config.alb.idle_timeout.is_some())]
            {
                if is_set {
                    warnings.push(format!(
                        "`alb.{key}` has no effect: the load balancer `{}` is not this stack's own, and stays as it is",
                        shared.name
                    ));
                }
            }
            let balancer = SharedBalancer {
                arn: shared.arn.clone(),
                name: shared.name.clone(),
                dns_name: shared.dns_name.clone(),
                zone_id: shared.dns_zone.clone(),
                security_group,
            };
            let zones: BTreeSet<String> = shared.zones.keys().cloned().collect();
            (BalancerFact::Shared { balancer, listeners }, zones)
        }
    };
    let tasks: Vec<&str> = services(config)
        .filter(|(_, task)| Scheme::of(config, task) == side.scheme)
        .map(|(key, _)| key)
        .collect();
    let behind = placing::Behind { name: side.used.name(), zones: &zones, is_own };
    placing::narrow(land, request, decision, &tasks, behind)?;
    Ok(fact)
}

/// The target groups and the rules behind one load balancer.
fn rules(all: All<'_>, side: &Side, found: &mut Found) -> Result<(), LookupError> {
    let All { config, first, vpc, .. } = all;
    let mut wishes: BTreeMap<u16, Vec<Wish>> = BTreeMap::new();
    for (key, task) in services(config).filter(|(_, task)| Scheme::of(config, task) == side.scheme) {
        let need = Need {
            task: key,
            port: task.listens_on(),
            vpc,
            balancer: side.used.existing().map(|one| one.arn.as_str()),
            balancer_name: side.used.name(),
        };
        let name = target_names::choose(&first.groups, &first.ours, config, need);
        let group = first.groups.iter().find(|group| group.name == name).map(|group| group.arn.clone());
        found.facts.target_groups.insert(key.to_owned(), name);
        let domains = config.domains_of(task);
        let conditions = Conditions {
            hosts: domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
            paths: task.path.iter().cloned().collect(),
        };
        let wish = Wish {
            task: key.to_owned(),
            name: key.to_owned(),
            conditions,
            explicit: task.priority.and_then(|number| i32::try_from(number).ok()),
            group,
            redirects: false,
            route: domains.first().map(|domain| domain_route(config, key, task, domain)).unwrap_or_default(),
        };
        let redirect = Wish {
            name: format!("{key}-redirect"),
            explicit: None,
            group: None,
            redirects: true,
            ..wish.clone()
        };
        wishes.entry(listener_port(config, task)).or_default().push(wish);
        if redirects(config, task) && needs_redirect_rule(side, first) {
            wishes.entry(80).or_default().push(redirect);
        }
    }
    let mut error = LookupError::default();
    for (port, wishes) in wishes {
        let at = At { used: &side.used, port, listener: side.listeners.get(&port) };
        let placed = listening::place(at, &wishes, &first.ours, &first.groups);
        let Some((placed, warnings)) = error.take(placed) else {
            continue;
        };
        found.warnings.extend(warnings);
        for wish in wishes {
            if let Some(existing) = placed.get(&wish.name).cloned() {
                let into = if wish.redirects { &mut found.facts.redirects } else { &mut found.facts.rules };
                into.insert(wish.task, existing);
            }
        }
    }
    if error.is_empty() { Ok(()) } else { Err(error) }
}

/// Somebody else's listener on port 80 that does not redirect by itself (`Web::new` decides the same).
fn needs_redirect_rule(side: &Side, first: &First) -> bool {
    let foreign = side.listeners.get(&80).filter(|listener| !first.ours.has(&listener.arn));
    matches!(side.used, Use::Shared(_)) && foreign.is_some_and(|listener| !listener.redirects)
}

/// The zones of records, and the certificates.
fn names(all: All<'_>, sides: &[Side], naming: &Naming, found: &mut Found) -> Result<(), LookupError> {
    let All { config, first, vpc, .. } = all;
    let mut error = LookupError::default();
    let zones = zones(config, first, &naming.vpcs, vpc);
    for (key, task) in services(config).filter(|_| writes_records(config)) {
        let scheme = Scheme::of(config, task);
        for domain in config.domains_of(task) {
            let at = (domain.clone(), scheme);
            if found.facts.zones.contains_key(&at) {
                continue;
            }
            let route = domain_route(config, key, task, domain);
            let zone = zones::of_record(zones, domain, scheme, &route);
            if let Some(zone) = take_once(&mut error, zone) {
                found.facts.zones.insert(at, zone);
            }
        }
    }
    let secured = secured(config);
    if let Some(arn) = config.certificate_arn.as_ref().filter(|_| !secured.is_empty()) {
        let own = first.ours.address(arn).map(|address| address.name().to_owned());
        match own {
            Some(name) if secured.iter().all(|domain| slug(domain) == name) => {}
            Some(name) => {
                let what = format!(
                    "the certificate `{arn}` is this stack's own for `{}`, and goes with that domain",
                    name.replacen('_', "*", 1)
                );
                let hint = "remove `certificate_arn`: the stack's certificates are found by their tags";
                error
                    .problems
                    .push(Problem::new(what, hint).key("certificate_arn").route(["certificate_arn"]));
            }
            None => {
                let domains: Vec<&str> = secured.iter().copied().collect();
                let judged = certificates::judge(arn, all.region, first.pinned.as_ref(), &domains);
                error.take(judged.map_err(LookupError::from));
                let fact = |domain: &str| (domain.to_owned(), CertificateFact::Found(arn.clone()));
                found.facts.certificates = secured.iter().map(|domain| fact(domain)).collect();
                return if error.is_empty() { Ok(()) } else { Err(error) };
            }
        }
    }
    let issued: Vec<Issued> =
        first.issued.iter().filter(|one| !first.ours.has(&one.arn)).map(|one| in_full(one, naming)).collect();
    for (key, task) in services(config).filter(|(_, task)| task.kind == crate::config::TaskType::Https) {
        for domain in config.domains_of(task) {
            if found.facts.certificates.contains_key(domain) {
                continue;
            }
            let route = domain_route(config, key, task, domain);
            let public = if writes_records(config) { zones::public(zones, domain) } else { Ok(None) };
            let certificates_of = |domain: &str| -> Vec<&Detail> {
                let named = first.ours.of("certificate").filter(|(_, name)| slug(domain) == *name);
                named.filter_map(|(arn, _)| naming.own.get(arn)).collect()
            };
            let own = certificates_of(domain);
            let own_zone = own.iter().find_map(|one| tagged_zone(&first.ours, &one.arn));
            let known = certificates::Known {
                domain,
                route,
                own,
                issued: &issued,
                attached: attached(config, sides, domain),
                zone: public.clone().ok().flatten(),
                own_zone,
                no_records: !writes_records(config),
                validated_elsewhere: naming.elsewhere.contains(domain),
            };
            // Without a certificate the zones that are not told apart are what is wrong.
            let chosen = certificates::choose(&known).map_err(|problem| public.err().unwrap_or(problem));
            if let Some(mut fact) = take_once(&mut error, chosen) {
                if let CertificateFact::Own(own) = &mut fact {
                    // Its record is there already: it becomes this one's, instead of going with the other certificate.
                    let twins = certificates_of(&certificates::twin(domain));
                    let known = || twins.iter().find_map(|twin| twin.validation.clone());
                    own.validation = own.validation.take().or_else(known);
                }
                found.facts.certificates.insert(domain.clone(), fact);
            }
        }
    }
    share_validation(&mut found.facts);
    if error.is_empty() { Ok(()) } else { Err(error) }
}

/// A domain and its wildcard are validated by one record, which belongs to one of them.
fn share_validation(facts: &mut WebFacts) {
    let own = facts.certificates.iter().filter(|(_, fact)| matches!(fact, CertificateFact::Own(_)));
    let keepers = certificates::keepers(own.map(|(domain, _)| domain.as_str()));
    let keepers: BTreeSet<String> = keepers.into_values().map(str::to_owned).collect();
    for (domain, fact) in &mut facts.certificates {
        if let CertificateFact::Own(own) = fact {
            own.validated_elsewhere |= !keepers.contains(domain);
        }
    }
}

/// The same problem of several domains is told once.
fn take_once<T>(error: &mut LookupError, result: Result<T, Problem>) -> Option<T> {
    match result {
        Err(problem) if error.problems.contains(&problem) => None,
        other => error.take(other.map_err(LookupError::from)),
    }
}

fn in_full(one: &Issued, naming: &Naming) -> Issued {
    let names = naming.full.get(&one.arn).map_or(&one.names, |full| &full.names);
    Issued { names: names.clone(), ..one.clone() }
}

/// The certificates that the listeners of a domain have.
fn attached<'a>(config: &Config, sides: &'a [Side], domain: &str) -> BTreeSet<&'a str> {
    let mut attached = BTreeSet::new();
    for (_, task) in
        services(config).filter(|(_, task)| config.domains_of(task).iter().any(|one| one == domain))
    {
        let side = sides.iter().find(|side| side.scheme == Scheme::of(config, task));
        let listener = side.and_then(|side| side.listeners.get(&listener_port(config, task)));
        attached.extend(listener.into_iter().flat_map(|one| &one.certificates).map(String::as_str));
    }
    attached
}

/// Where a service's domain stands in the YAML; the only one may stand there without a list.
fn domain_route(config: &Config, key: &str, task: &Task, domain: &str) -> Vec<String> {
    let domains = config.domains_of(task);
    let index = domains.iter().position(|one| one == domain).filter(|_| domains.len() > 1);
    let route = if task.domain.is_empty() { vec!["domain"] } else { vec!["tasks", key, "domain"] };
    route.into_iter().map(str::to_owned).chain(index.map(|index| index.to_string())).collect()
}

/// What zones are chosen from.
pub fn zones<'a>(
    config: &'a Config,
    first: &'a First,
    vpcs: &'a BTreeMap<String, BTreeSet<String>>,
    vpc: &'a str,
) -> Zones<'a> {
    Zones { all: &first.zones, vpcs, vpc, named: config.route53.zone_id.as_deref() }
}

/// What `--update` writes: a load balancer of somebody else and a zone that all records go into.
fn resolve(sides: &[Side], found: &mut Found) {
    if let [Side { used: Use::Shared(shared), .. }] = sides {
        found.resolved.push((vec!["alb".to_owned(), "arn".to_owned()], json!(shared.arn)));
    }
    let ids: BTreeSet<&str> = found.facts.zones.values().map(|zone| zone.id.as_str()).collect();
    if let [id] = Vec::from_iter(ids).as_slice() {
        found.resolved.push((vec!["route53".to_owned(), "zone_id".to_owned()], json!(id)));
    }
}
