//! The subnets of load balancers, and where tasks run behind them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::lookup::land::{Land, Reach, Site, Vpc, site_line, sites};
use crate::lookup::placement::{Decision, Request};
use crate::lookup::{LookupError, Problem};
use crate::stack::web::Scheme;

/// The smallest subnet that a load balancer takes, as the length of its prefix (Elastic Load Balancing, "Subnets for your load
/// balancer").
const PREFIX_MAX: u8 = 27;

/// One subnet an Availability Zone for a load balancer of this stack, at least two. Where a zone has several, the one that it has
/// `now` stays.
pub fn balancer_subnets(
    land: &Land,
    request: &Request,
    vpc: &str,
    scheme: Scheme,
    now: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, LookupError> {
    let of_vpc = Vpc { id: vpc.to_owned(), ..Vpc::default() };
    let all = sites(land, &of_vpc, false);
    let subnets = &request.subnets;
    let public = ("public", &subnets.public, Reach::Public);
    let private = ("private", &subnets.private, Reach::Private);
    let isolated = ("isolated", &subnets.isolated, Reach::Isolated);
    // An internal load balancer works in public subnets as well: a VPC may have no others.
    let lists = match scheme {
        Scheme::Public => vec![public],
        Scheme::Internal => vec![private, isolated, public],
    };
    let named = lists
        .iter()
        .find(|(list, ids, _)| !ids.is_empty() && (*list != "public" || scheme == Scheme::Public));
    if let Some((list, ids, _)) = named {
        let chosen: Vec<&Site<'_>> = all.iter().filter(|site| ids.contains(&site.subnet.id)).collect();
        let closed = chosen.iter().filter(|site| scheme == Scheme::Public && site.reach != Reach::Public);
        let problems: Vec<Problem> = closed.map(|site| not_public(site, ids)).collect();
        if !problems.is_empty() {
            return Err(LookupError { problems, calls: Vec::new() });
        }
        let zones = by_zone(&chosen, now);
        return if zones.len() > 1 { Ok(zones) } else { Err(too_few(vpc, scheme, list, &all, true).into()) };
    }
    for (_, _, reach) in &lists {
        let fit = |site: &&Site<'_>| site.reach == *reach && site.runs_fargate && is_large(&site.subnet.cidr);
        let zones = by_zone(&all.iter().filter(fit).collect::<Vec<_>>(), now);
        if zones.len() > 1 {
            return Ok(zones);
        }
    }
    let list = if scheme == Scheme::Public { "public" } else { "private" };
    Err(too_few(vpc, scheme, list, &all, false).into())
}

fn by_zone(sites: &[&Site<'_>], now: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut zones: BTreeMap<String, String> = BTreeMap::new();
    for site in sites {
        let subnet = site.subnet;
        let chosen = zones.entry(subnet.zone.clone()).or_insert_with(|| subnet.id.clone());
        if now.get(&subnet.zone) == Some(&subnet.id) {
            chosen.clone_from(&subnet.id);
        }
    }
    zones
}

fn is_large(cidr: &str) -> bool {
    let prefix = cidr.rsplit_once('/').and_then(|(_, prefix)| prefix.parse::<u8>().ok());
    prefix.is_none_or(|prefix| prefix <= PREFIX_MAX)
}

fn not_public(site: &Site<'_>, ids: &[String]) -> Problem {
    let id = &site.subnet.id;
    let index = ids.iter().position(|other| other == id).unwrap_or_default().to_string();
    Problem::new(
        format!("the subnet `{id}` is not public, and the load balancer is: nobody would reach it there"),
        "name public subnets in `subnets.public`, or set `alb.type: private`",
    )
    .key("subnets.public")
    .route(["subnets", "public", &index])
}

fn too_few(vpc: &str, scheme: Scheme, list: &str, all: &[Site<'_>], is_named: bool) -> Problem {
    let word = scheme.word();
    let what = if is_named {
        format!("the subnets in `subnets.{list}` are in one Availability Zone, and a load balancer needs two")
    } else {
        format!(
            "the VPC `{vpc}` has no {list} subnets in two Availability Zones, which the load balancer needs to be {word}"
        )
    };
    let problem = Problem::new(
        what,
        format!("name subnets of two Availability Zones in `subnets.{list}`, or add what is missing"),
    );
    let key = format!("subnets.{list}");
    let problem = problem.candidates(all.iter().map(site_line)).key(&key);
    if is_named { problem.route(["subnets", list]) } else { problem }
}

/// A load balancer that tasks are behind.
#[derive(Debug, Clone, Copy)]
pub struct Behind<'a> {
    /// Its name.
    pub name: &'a str,
    /// The Availability Zones that it serves.
    pub zones: &'a BTreeSet<String>,
    /// It is this stack's own.
    pub is_own: bool,
}

/// Keeps tasks out of zones that their load balancer does not serve: it sends nothing there (`Target.NotInUse`). What is left must be
/// more than one zone, unless the configuration names the subnets.
pub fn narrow(
    land: &Land,
    request: &Request,
    decision: &mut Decision,
    tasks: &[&str],
    behind: Behind<'_>,
) -> Result<(), LookupError> {
    let zone =
        |id: &String| land.subnets.iter().find(|subnet| subnet.id == *id).map(|subnet| subnet.zone.as_str());
    let served = |id: &String| zone(id).is_some_and(|zone| behind.zones.contains(zone));
    let mut error = LookupError::default();
    for task in tasks {
        let Some(placement) = decision.placements.get_mut(*task) else {
            continue;
        };
        let public = request.tasks.get(*task).copied().unwrap_or_default();
        let subnets = &request.subnets;
        let is_named = if public {
            !subnets.public.is_empty()
        } else {
            !subnets.private.is_empty() || !subnets.isolated.is_empty()
        };
        let list = if public { "public" } else { "private" };
        let all = placement.subnets.clone();
        placement.subnets.retain(served);
        let left: BTreeSet<&str> = placement.subnets.iter().filter_map(zone).collect();
        let word = |zones: &BTreeSet<&str>| zones.iter().copied().collect::<Vec<_>>().join(", ");
        let lines =
            || all.iter().map(|id| format!("{id}  {}", zone(id).unwrap_or_default())).collect::<Vec<_>>();
        let where_it_is = word(&behind.zones.iter().map(String::as_str).collect());
        let hint = format!(
            "name subnets for the tasks in `subnets.{list}`{}",
            if behind.is_own {
                format!(", and of the same zones for the load balancer in `subnets.{}`", other(list))
            } else {
                ", or another load balancer in `alb.arn`".to_owned()
            }
        );
        let key = format!("subnets.{list}");
        match Vec::from_iter(&left).as_slice() {
            [] => {
                let what = format!(
                    "`{task}` would run in no Availability Zone that the load balancer `{}` serves ({where_it_is})",
                    behind.name
                );
                error.problems.push(Problem::new(what, hint).candidates(lines()).key(&key));
            }
            [only] if !is_named => {
                let what = format!(
                    "`{task}` would run in {only} alone, and stop when that zone fails: the load balancer `{}` serves {where_it_is}",
                    behind.name
                );
                error.problems.push(Problem::new(what, hint).candidates(lines()).key(&key));
            }
            [only] => {
                let warning =
                    format!("all subnets that tasks run in are in {only}: they stop when that zone fails");
                let of_task = format!(
                    "`{task}` runs in {only} only, as the load balancer `{}` serves no other zone of its subnets",
                    behind.name
                );
                if !decision.warnings.contains(&warning) && !decision.warnings.contains(&of_task) {
                    decision.warnings.push(of_task);
                }
            }
            _ => {}
        }
    }
    if error.is_empty() { Ok(()) } else { Err(error) }
}

fn other(list: &str) -> &'static str {
    if list == "public" { "private" } else { "public" }
}
