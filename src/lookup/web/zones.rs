//! Which hosted zone a name belongs into. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::found::HostedZone;
use crate::lookup::Problem;
use crate::stack::web::{Scheme, Zone};

/// What Route 53 has, and what the configuration says about it.
#[derive(Debug, Clone, Copy)]
pub struct Zones<'a> {
    /// Every zone.
    pub all: &'a [HostedZone],
    /// Private zone → the VPCs that it answers in; of those zones that matter.
    pub vpcs: &'a BTreeMap<String, BTreeSet<String>>,
    /// The VPC of the tasks.
    pub vpc: &'a str,
    /// `route53.zone_id`.
    pub named: Option<&'a str>,
}

/// The private zones that could be the one of an internal name: whether they are shows in their VPCs.
pub fn private<'a>(all: &'a [HostedZone], domain: &str) -> impl Iterator<Item = &'a HostedZone> {
    all.iter().filter(move |zone| zone.is_private && holds(zone, domain))
}

/// The zone for the record of a domain; `route` is where the domain stands.
pub fn of_record(zones: Zones<'_>, domain: &str, scheme: Scheme, route: &[String]) -> Result<Zone, Problem> {
    if let Some(id) = zones.named {
        return named(zones, id, domain, scheme);
    }
    if scheme == Scheme::Public {
        return public(zones, domain)
            .and_then(|found| found.ok_or_else(|| none(zones, domain, scheme, route)));
    }
    let all: Vec<&HostedZone> = private(zones.all, domain).collect();
    let here = |zone: &&&HostedZone| zones.vpcs.get(&zone.id).is_some_and(|vpcs| vpcs.contains(zones.vpc));
    let associated: Vec<&HostedZone> = all.iter().filter(here).copied().collect();
    if associated.is_empty() && !all.is_empty() {
        let what = format!(
            "no private hosted zone for `{domain}` answers in the VPC `{}`, where the load balancer is",
            zones.vpc
        );
        let hint = "associate one of them with the VPC, or name another one in `route53.zone_id`";
        return Err(Problem::new(what, hint).candidates(all.into_iter().map(line)).key("route53.zone_id"));
    }
    longest(&associated, domain)?.ok_or_else(|| none(zones, domain, scheme, route))
}

/// The public zone that the record for the validation of a certificate goes into, if there is one.
pub fn public(zones: Zones<'_>, domain: &str) -> Result<Option<Zone>, Problem> {
    let fits = |zone: &&HostedZone| !zone.is_private && holds(zone, domain);
    if let Some(named) = zones.named.and_then(|id| zones.all.iter().find(|zone| zone.id == id)).filter(fits) {
        return Ok(Some(zone(named)));
    }
    longest(&zones.all.iter().filter(fits).collect::<Vec<_>>(), domain)
}

/// The zone whose name is the longest; two of the same name are not told apart.
fn longest(fit: &[&HostedZone], domain: &str) -> Result<Option<Zone>, Problem> {
    let length = fit.iter().map(|zone| zone.name.len()).max();
    let best: Vec<&HostedZone> = fit.iter().filter(|zone| Some(zone.name.len()) == length).copied().collect();
    match best.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(zone(one))),
        several => {
            let kind = if several.iter().any(|zone| zone.is_private) { "private" } else { "public" };
            let what = format!("{} {kind} hosted zones could hold the records of `{domain}`", several.len());
            let hint = "set `route53.zone_id` to one of them";
            Err(Problem::new(what, hint)
                .candidates(several.iter().map(|zone| line(zone)))
                .key("route53.zone_id"))
        }
    }
}

fn named(zones: Zones<'_>, id: &str, domain: &str, scheme: Scheme) -> Result<Zone, Problem> {
    let wrong = |what: String, hint: &str| {
        let fit = zones.all.iter().filter(|zone| holds(zone, domain));
        let problem = Problem::new(what, hint).candidates(fit.map(line));
        problem.key("route53.zone_id").route(["route53", "zone_id"])
    };
    let hint = "correct `route53.zone_id`, or remove it to let the zone be found";
    let Some(found) = zones.all.iter().find(|zone| zone.id == id) else {
        let far = "correct `route53.zone_id`, or name the account of the zone with `route53.role_arn` or `route53.profile`";
        return Err(wrong(format!("the account that is asked has no hosted zone `{id}`"), far));
    };
    let name = &found.name;
    if !holds(found, domain) {
        return Err(wrong(
            format!("the hosted zone `{id}` is of `{name}`, which `{domain}` is not below"),
            hint,
        ));
    }
    if found.is_private && scheme == Scheme::Public {
        let what = format!(
            "the hosted zone `{id}` of `{name}` is private, and the load balancer of `{domain}` is public"
        );
        return Err(wrong(what, hint));
    }
    let elsewhere = zones.vpcs.get(id).is_some_and(|vpcs| !vpcs.contains(zones.vpc));
    if found.is_private && elsewhere {
        let what = format!("the hosted zone `{id}` of `{name}` does not answer in the VPC `{}`", zones.vpc);
        return Err(wrong(what, "associate it with the VPC, or correct `route53.zone_id`"));
    }
    Ok(zone(found))
}

fn none(zones: Zones<'_>, domain: &str, scheme: Scheme, route: &[String]) -> Problem {
    let kind = if scheme == Scheme::Public { "public" } else { "private" };
    let other = zones.all.iter().any(|zone| holds(zone, domain));
    let also = if other { "name one of these in `route53.zone_id`, " } else { "" };
    Problem::new(
        format!("there is no {kind} hosted zone for `{domain}`"),
        format!(
            "create one, {also}name the account that has it with `route53.role_arn` or `route53.profile`, or set `route53.records: false` to make the records by other means"
        ),
    )
    .candidates(zones.all.iter().filter(|zone| !other || holds(zone, domain)).take(LISTED).map(line))
    .key("route53.zone_id")
    .route(route)
}

/// How many zones an error lists when none fits.
const LISTED: usize = 10;

/// Whether a name is the zone's, or below it.
fn holds(zone: &HostedZone, domain: &str) -> bool {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let above = domain.strip_suffix(zone.name.as_str());
    above.is_some_and(|above| !zone.name.is_empty() && (above.is_empty() || above.ends_with('.')))
}

fn zone(found: &HostedZone) -> Zone {
    Zone { id: found.id.clone(), name: found.name.clone() }
}

/// A zone in a list for people.
fn line(zone: &HostedZone) -> String {
    format!("{}  {}  {}", zone.id, zone.name, if zone.is_private { "private" } else { "public" })
}
