//! Which VPC and which subnets: the decisions, over plain facts. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::land::{Land, Reach, Site, Vpc, site_line, sites, vpc_line};
use super::{LookupError, Problem};
use crate::config::Subnets;
use crate::stack::Placement;

/// How many subnets ECS takes (`AwsVpcConfiguration.subnets`, ECS API reference).
const SUBNETS_MAX: usize = 16;

/// What the configuration asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// `vpc_id`.
    pub vpc_id: Option<String>,
    /// `subnets`.
    pub subnets: Subnets,
    /// Task key → wants a public address.
    pub tasks: BTreeMap<String, bool>,
    /// Some task reads secrets.
    pub secrets: bool,
}

/// The decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// The VPC.
    pub vpc_id: String,
    /// Task key → where it runs.
    pub placements: BTreeMap<String, Placement>,
    /// Tasks run in subnets without a route to the internet.
    pub is_isolated: bool,
    /// `public`, `private` or `isolated` → the subnets found, where the configuration names none.
    pub found: BTreeMap<&'static str, Vec<String>>,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// Chooses VPC and subnets.
pub fn decide(land: &Land, request: &Request) -> Result<Decision, LookupError> {
    let vpc = choose_vpc(land, request.vpc_id.as_deref())?;
    let sites = sites(land, vpc, request.secrets);
    let mut error = LookupError { problems: unknown(vpc, &sites, &request.subnets), calls: Vec::new() };
    if !error.is_empty() {
        return Err(error);
    }
    let mut decision = Decision { vpc_id: vpc.id.clone(), ..Decision::default() };
    for public in [false, true] {
        if !request.tasks.values().any(|wants| *wants == public) {
            continue;
        }
        let result = if public { in_public(vpc, &sites, request) } else { in_private(vpc, &sites, request) };
        let Some(choice) = error.take(result) else {
            continue;
        };
        decision.is_isolated |= !public && choice.sites.iter().any(|site| site.reach == Reach::Isolated);
        decision.warnings.extend(choice.warnings);
        let subnets = spread(&choice.sites);
        if choice.sites.len() > subnets.len() {
            let (all, used) = (choice.sites.len(), subnets.len());
            decision
                .warnings
                .push(format!("{all} subnets fit, and ECS takes {used}: the others are not used"));
        }
        let zones: BTreeSet<&str> = choice.sites.iter().map(|site| site.subnet.zone.as_str()).collect();
        if let [zone] = Vec::from_iter(zones).as_slice() {
            let warning =
                format!("all subnets that tasks run in are in {zone}: they stop when that zone fails");
            if !decision.warnings.contains(&warning) {
                decision.warnings.push(warning);
            }
        }
        if let Some(list) = choice.found {
            decision.found.insert(list, subnets.clone());
        }
        for (task, _) in request.tasks.iter().filter(|(_, wants)| **wants == public) {
            decision
                .placements
                .insert(task.clone(), Placement { subnets: subnets.clone(), assign_public_ip: public });
        }
    }
    if error.is_empty() { Ok(decision) } else { Err(error) }
}

/// One subnet of the stack's VPC, named on the command line: whether tasks get a public address there, and what to know.
pub fn named(land: &Land, request: &Request, id: &str) -> Result<(Placement, Option<String>), LookupError> {
    let vpc = choose_vpc(land, request.vpc_id.as_deref())?;
    let sites = sites(land, vpc, request.secrets);
    let Some(site) = sites.iter().find(|site| site.subnet.id == id && site.runs_fargate) else {
        let usable = sites.iter().filter(|site| site.runs_fargate).map(site_line);
        let what = format!("the VPC `{}` has no subnet `{id}` that Fargate runs in", vpc.id);
        return Err(Problem::new(what, "name one of these with `--subnet-id`").candidates(usable).into());
    };
    let warning = match site.reach {
        Reach::Private => None,
        Reach::Public => Some(format!("the subnet `{id}` is public: the task gets a public IP address")),
        Reach::Isolated if site.lacks.is_empty() => None,
        Reach::Isolated => Some(format!(
            "the subnet `{id}` has no route to the internet and its VPC lacks the endpoints {}: the task may not start there",
            site.lacks.join(", ")
        )),
    };
    let assign_public_ip = site.reach == Reach::Public;
    Ok((Placement { subnets: vec![id.to_owned()], assign_public_ip }, warning))
}

/// The subnets of one kind of placement.
#[derive(Debug)]
struct Choice<'a> {
    sites: Vec<&'a Site<'a>>,
    /// Which list of the configuration they would stand in; `None` when they stand there already.
    found: Option<&'static str>,
    warnings: Vec<String>,
}

fn choose_vpc<'a>(land: &'a Land, wanted: Option<&str>) -> Result<&'a Vpc, Problem> {
    let list = |vpcs: &mut dyn Iterator<Item = &Vpc>| vpcs.map(vpc_line).collect::<Vec<_>>();
    let region = &land.region;
    if let Some(id) = wanted {
        return land.vpcs.iter().find(|vpc| vpc.id == id).ok_or_else(|| {
            Problem::new(format!("there is no VPC `{id}` in {region}"), "set `vpc_id` to one that exists")
                .candidates(list(&mut land.vpcs.iter()))
                .key("vpc_id")
                .route(["vpc_id"])
        });
    }
    let open: Vec<&Vpc> = land.vpcs.iter().filter(|vpc| vpc.has_internet_gateway).collect();
    match open.as_slice() {
        [vpc] => Ok(vpc),
        [] => Err(Problem::new(
            format!("no VPC in {region} has an internet gateway, and `vpc_id` names none"),
            if land.vpcs.is_empty() {
                "create a VPC"
            } else {
                "set `vpc_id`, or attach an internet gateway to a VPC"
            },
        )
        .candidates(list(&mut land.vpcs.iter()))
        .key("vpc_id")),
        several => Err(Problem::new(
            format!(
                "{} VPCs in {region} have an internet gateway, and `vpc_id` does not say which one to use",
                several.len()
            ),
            "set `vpc_id` to one of them",
        )
        .candidates(list(&mut several.iter().copied()))
        .key("vpc_id")),
    }
}

/// Configured ids that the VPC does not have.
fn unknown(vpc: &Vpc, sites: &[Site<'_>], subnets: &Subnets) -> Vec<Problem> {
    let lists = [("public", &subnets.public), ("private", &subnets.private), ("isolated", &subnets.isolated)];
    let mut problems = Vec::new();
    for (list, ids) in lists {
        for (index, id) in
            ids.iter().enumerate().filter(|(_, id)| sites.iter().all(|site| site.subnet.id != **id))
        {
            problems.push(
                Problem::new(
                    format!("the VPC `{}` has no subnet `{id}`", vpc.id),
                    format!("correct `subnets.{list}`, or remove it and let the subnets be found"),
                )
                .candidates(sites.iter().map(site_line))
                .key(&format!("subnets.{list}"))
                .route(["subnets", list, &index.to_string()]),
            );
        }
    }
    problems
}

fn configured<'a>(sites: &'a [Site<'a>], ids: &[String]) -> Vec<&'a Site<'a>> {
    sites.iter().filter(|site| ids.contains(&site.subnet.id)).collect()
}

/// The subnets where Fargate runs: not on Outposts, and not in Local and Wavelength Zones.
fn found<'a>(sites: &'a [Site<'a>], fits: impl Fn(&Site<'a>) -> bool) -> Vec<&'a Site<'a>> {
    sites.iter().filter(|site| site.runs_fargate && fits(site)).collect()
}

/// Tasks without a public address: what the configuration names, else private subnets, else isolated ones with endpoints.
fn in_private<'a>(vpc: &Vpc, sites: &'a [Site<'a>], request: &Request) -> Result<Choice<'a>, LookupError> {
    let named = [("private", &request.subnets.private), ("isolated", &request.subnets.isolated)];
    if let Some((list, ids)) = named.into_iter().find(|(_, ids)| !ids.is_empty()) {
        return named_private(configured(sites, ids), list, ids);
    }
    let private = found(sites, |site| site.reach == Reach::Private);
    if !private.is_empty() {
        return Ok(Choice { sites: private, found: Some("private"), warnings: Vec::new() });
    }
    let isolated = found(sites, |site| site.reach == Reach::Isolated && site.lacks.is_empty());
    if !isolated.is_empty() {
        return Ok(Choice { sites: isolated, found: Some("isolated"), warnings: Vec::new() });
    }
    if sites.is_empty() {
        let problem = Problem::new(
            format!("the VPC `{}` has no subnets", vpc.id),
            "create subnets, or set another `vpc_id`",
        );
        return Err(problem.key("vpc_id").into());
    }
    let any_public = sites.iter().any(|site| site.reach == Reach::Public);
    let (key, public) = if any_public {
        ("assign_public_ip", ", or set `assign_public_ip: true` to run the tasks in the public subnets")
    } else {
        ("subnets.private", ", or name the subnets to use in `subnets.private`")
    };
    let problem = Problem::new(
        format!(
            "no subnet of the VPC `{}` lets a task without a public IP address reach ECR and CloudWatch Logs",
            vpc.id
        ),
        format!("add a NAT gateway with a route to it, add the VPC endpoints that are missing{public}"),
    );
    Err(problem.candidates(sites.iter().map(site_line)).key(key).into())
}

fn named_private<'a>(
    chosen: Vec<&'a Site<'a>>,
    list: &str,
    ids: &[String],
) -> Result<Choice<'a>, LookupError> {
    let mut error = LookupError::default();
    let mut warnings = Vec::new();
    for site in &chosen {
        let (id, lacks) = (&site.subnet.id, site.lacks.join(", "));
        match site.reach {
            Reach::Private => {}
            _ if site.lacks.is_empty() => {}
            Reach::Isolated => warnings.push(format!(
                "the subnet `{id}` has no route to the internet and its VPC lacks the endpoints {lacks}: tasks may not start there"
            )),
            Reach::Public => {
                let index = ids.iter().position(|other| other == id).unwrap_or_default().to_string();
                error.problems.push(
                    Problem::new(
                        format!("the subnet `{id}` is public: a task without a public IP address reaches nothing from there"),
                        format!("name private subnets in `subnets.{list}`, or set `assign_public_ip: true`"),
                    )
                    .key(&format!("subnets.{list}"))
                    .route(["subnets", list, &index]),
                );
            }
        }
    }
    if error.is_empty() { Ok(Choice { sites: chosen, found: None, warnings }) } else { Err(error) }
}

/// Tasks with a public address, because the configuration asks for one.
fn in_public<'a>(vpc: &Vpc, sites: &'a [Site<'a>], request: &Request) -> Result<Choice<'a>, LookupError> {
    let ids = &request.subnets.public;
    if ids.is_empty() {
        let public = found(sites, |site| site.reach == Reach::Public);
        if !public.is_empty() {
            return Ok(Choice { sites: public, found: Some("public"), warnings: Vec::new() });
        }
        let problem = Problem::new(
            format!("`assign_public_ip` is set, and the VPC `{}` has no public subnet", vpc.id),
            "route a subnet to an internet gateway, or remove `assign_public_ip`",
        );
        return Err(problem.candidates(sites.iter().map(site_line)).key("assign_public_ip").into());
    }
    let chosen = configured(sites, ids);
    let closed = chosen.iter().filter(|site| site.reach != Reach::Public);
    let problems: Vec<Problem> = closed
        .map(|site| {
            let id = &site.subnet.id;
            let index = ids.iter().position(|other| other == id).unwrap_or_default().to_string();
            Problem::new(
                format!(
                    "the subnet `{id}` is not public: its default route does not lead to an internet gateway"
                ),
                "name public subnets in `subnets.public`, or remove `assign_public_ip`",
            )
            .key("subnets.public")
            .route(["subnets", "public", &index])
        })
        .collect();
    if problems.is_empty() {
        return Ok(Choice { sites: chosen, found: None, warnings: Vec::new() });
    }
    Err(LookupError { problems, calls: Vec::new() })
}

/// At most as many as ECS takes: the first of every zone, then the second of every zone, and so on.
fn spread(sites: &[&Site<'_>]) -> Vec<String> {
    let mut zones: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for site in sites {
        zones.entry(&site.subnet.zone).or_default().push(&site.subnet.id);
    }
    let longest = zones.values().map(Vec::len).max().unwrap_or_default();
    let rounds = (0..longest).flat_map(|round| zones.values().filter_map(move |ids| ids.get(round)));
    rounds.take(SUBNETS_MAX).map(|id| (*id).to_owned()).collect()
}
