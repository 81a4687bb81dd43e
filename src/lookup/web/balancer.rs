//! Which load balancer: the decision, over plain facts. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::balancing::Tags;
use super::found::{LoadBalancer, Ours, balancer_of};
use crate::config::Config;
use crate::lookup::Problem;
use crate::stack::tags::listener_of;
use crate::stack::web::{Scheme, balancing_name};
use crate::stack::{STACK, load_balancer};

/// The tag by which App::FargateStack marks what it made.
const PREDECESSOR: (&str, &str) = ("CreatedBy", "FargateStack");

/// Tags of load balancers that a Kubernetes cluster manages: it removes rules that it does not know.
const KUBERNETES: [&str; 2] = ["elbv2.k8s.aws/", "kubernetes.io/"];

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// Who must be able to reach it.
    pub scheme: Scheme,
    /// The VPC of the tasks.
    pub vpc: &'a str,
    /// One of the services that it is for.
    pub task: &'a str,
    /// For messages.
    pub region: &'a str,
}

/// What is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// This stack's own, which exists.
    Own(LoadBalancer),
    /// This stack's own, to be made under this name.
    Make(String),
    /// Somebody else's.
    Shared(LoadBalancer),
}

impl Use {
    /// The load balancer, when it exists.
    pub fn existing(&self) -> Option<&LoadBalancer> {
        match self {
            Self::Own(found) | Self::Shared(found) => Some(found),
            Self::Make(_) => None,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Own(found) | Self::Shared(found) => &found.name,
            Self::Make(name) => name,
        }
    }
}

/// How far the decision comes.
#[allow(clippy::large_enum_variant, reason = "one or two are made a plan")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It depends on the tags of these.
    Ask(Vec<String>),
    /// It is made, with what the reader should know.
    Chosen(Box<Use>, Option<String>),
}

/// Chooses. `tags` are those that an earlier step asked for.
pub fn choose(all: &[LoadBalancer], ours: &Ours, tags: Option<&Tags>, ask: Ask<'_>) -> Result<Step, Problem> {
    let Ask { config, scheme, .. } = ask;
    let fits = |one: &&LoadBalancer| misfit(one, ask).is_none();
    if let Some(arn) = &config.alb.arn {
        let found = all.iter().find(|one| one.arn == *arn).ok_or_else(|| unknown(all, arn, ask))?;
        misfit(found, ask).map_or(Ok(()), |what| Err(unfit(&what, "arn")))?;
        return Ok(settled(found, ours, tags, ask));
    }
    if let Some(found) = config.alb.name.as_ref().and_then(|name| all.iter().find(|one| one.name == *name)) {
        match misfit(found, ask) {
            None => return Ok(settled(found, ours, tags, ask)),
            // The stack's own goes when another one has taken its place.
            Some(_) if ours.has(&found.arn) => {}
            Some(what) => return Err(unfit(&what, "name")),
        }
    }
    let own = all.iter().filter(fits).find(|one| is_own(one, ours));
    if let Some(own) = own {
        let renamed = config.alb.name.as_ref().filter(|name| **name != own.name);
        let note = renamed.map(|_| {
            format!("the load balancer keeps its name `{}`: it cannot be changed (`alb.name`)", own.name)
        });
        return Ok(chosen(Use::Own(own.clone()), note));
    }
    if config.alb.create == Some(true) || config.alb.name.is_some() {
        return Ok(made(all, tags, ask));
    }
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for (rule, _) in ours.of("listener_rule") {
        if let Some(arn) = listener_of(rule).and_then(|listener| balancer_of(&listener)) {
            *used.entry(arn).or_default() += 1;
        }
    }
    let used = all.iter().filter(fits).filter_map(|one| Some((used.get(&one.arn)?, one)));
    if let Some((_, found)) = used.max_by(|(a, x), (b, y)| a.cmp(b).then_with(|| y.arn.cmp(&x.arn))) {
        return Ok(chosen(Use::Shared(found.clone()), None));
    }
    let candidates: Vec<&LoadBalancer> = all.iter().filter(fits).collect();
    if candidates.is_empty() {
        return Ok(made(all, tags, ask));
    }
    let Some(tags) = tags else {
        return Ok(Step::Ask(candidates.iter().map(|one| one.arn.clone()).collect()));
    };
    if let Some(adopted) = candidates.iter().find(|one| is_predecessors(one, tags, ask)) {
        return Ok(chosen(Use::Own((*adopted).clone()), None));
    }
    let managed = |one: &&&LoadBalancer| {
        let keys = tags.get(&one.arn).into_iter().flat_map(BTreeMap::keys);
        keys.into_iter().any(|key| KUBERNETES.iter().any(|start| key.starts_with(start)))
    };
    let candidates: Vec<&LoadBalancer> = candidates.iter().filter(|one| !managed(one)).copied().collect();
    match candidates.as_slice() {
        [] => Ok(made(all, Some(tags), ask)),
        [one] => {
            let stack = tags.get(&one.arn).and_then(|tags| tags.get(STACK));
            let whose = stack.map(|stack| format!(" (of the stack `{stack}`)")).unwrap_or_default();
            let note = format!(
                "the services share the load balancer `{}`{whose}, the only {} one of the VPC; `alb.create: true` makes one of their own",
                one.name,
                scheme.word()
            );
            Ok(chosen(Use::Shared((*one).clone()), Some(note)))
        }
        several => Err(Problem::new(
            format!(
                "{} load balancers of the VPC `{}` are {}, and nothing says which one `{}` is to use",
                several.len(),
                ask.vpc,
                scheme.word(),
                ask.task
            ),
            "set `alb.arn` to one of them, or `alb.create: true` (`--create-alb`) to make one for this stack",
        )
        .candidates(several.iter().map(|one| line(one)))
        .key("alb.arn")),
    }
}

fn chosen(used: Use, note: Option<String>) -> Step {
    Step::Chosen(Box::new(used), note)
}

/// A load balancer in a list for people.
fn line(one: &LoadBalancer) -> String {
    format!("{}  {}", one.arn, one.dns_name)
}

fn is_own(one: &LoadBalancer, ours: &Ours) -> bool {
    ours.address(&one.arn).is_some_and(|address| address.kind() == "load_balancer")
}

/// What App::FargateStack called the load balancer that it made.
fn predecessors_name(ask: Ask<'_>) -> String {
    balancing_name(&format!("{}-alb", ask.config.app.name), None)
}

fn is_predecessors(one: &LoadBalancer, tags: &Tags, ask: Ask<'_>) -> bool {
    let (key, value) = PREDECESSOR;
    one.name == predecessors_name(ask)
        && tags.get(&one.arn).and_then(|tags| tags.get(key)).is_some_and(|found| found == value)
}

/// One that the configuration names: whose is it?
fn settled(found: &LoadBalancer, ours: &Ours, tags: Option<&Tags>, ask: Ask<'_>) -> Step {
    if is_own(found, ours) {
        return chosen(Use::Own(found.clone()), None);
    }
    if found.name != predecessors_name(ask) {
        return chosen(Use::Shared(found.clone()), None);
    }
    match tags {
        None => Step::Ask(vec![found.arn.clone()]),
        Some(tags) if is_predecessors(found, tags, ask) => chosen(Use::Own(found.clone()), None),
        Some(_) => chosen(Use::Shared(found.clone()), None),
    }
}

/// One to be made, under a name that is free. A load balancer that App::FargateStack made under it is taken instead.
fn made(all: &[LoadBalancer], tags: Option<&Tags>, ask: Ask<'_>) -> Step {
    let name = load_balancer(ask.config, ask.scheme);
    let Some(taken) = all.iter().find(|one| one.name == name) else {
        return chosen(Use::Make(name), None);
    };
    if misfit(taken, ask).is_none() {
        match tags {
            None => return Step::Ask(vec![taken.arn.clone()]),
            Some(tags) if is_predecessors(taken, tags, ask) => {
                return chosen(Use::Own(taken.clone()), None);
            }
            Some(_) => {}
        }
    }
    let names: BTreeSet<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let mark = |round: usize| format!("{} {} {round}", ask.scheme.word(), ask.vpc);
    let free = (0..).map(|round| balancing_name(&name, Some(&mark(round))));
    let free = free.take(all.len() + 1).find(|name| !names.contains(name.as_str()));
    chosen(Use::Make(free.unwrap_or(name)), None)
}

/// Why a load balancer cannot serve: what is wrong with it, and what to do beside naming another.
fn misfit(one: &LoadBalancer, ask: Ask<'_>) -> Option<(String, &'static str)> {
    let name = &one.name;
    if one.kind != "application" {
        let what = format!(
            "the load balancer `{name}` is a {} load balancer, not an application load balancer",
            one.kind
        );
        return Some((what, ""));
    }
    if one.vpc != ask.vpc {
        let what = format!(
            "the load balancer `{name}` is in the VPC `{}`, and the tasks are in `{}`",
            one.vpc, ask.vpc
        );
        return Some((what, ", or `vpc_id`"));
    }
    if one.scheme != Some(ask.scheme) {
        let is = one.scheme.map_or("of another scheme", Scheme::word);
        let what = format!(
            "the load balancer `{name}` is {is}, and `{}` needs one that is {}",
            ask.task,
            ask.scheme.word()
        );
        return Some((what, ", or `alb.type`"));
    }
    (one.state == "failed").then(|| (format!("the load balancer `{name}` is in the state `failed`"), ""))
}

fn unfit((what, also): &(String, &'static str), key: &str) -> Problem {
    let hint = format!("correct `alb.{key}`{also}, or remove `alb.{key}` to let one be found or made");
    Problem::new(what.clone(), hint).key(&format!("alb.{key}")).route(["alb", key])
}

fn unknown(all: &[LoadBalancer], arn: &str, ask: Ask<'_>) -> Problem {
    let usable = all.iter().filter(|one| misfit(one, ask).is_none());
    Problem::new(
        format!("there is no load balancer `{arn}` in {}", ask.region),
        "correct `alb.arn`, or remove it to let one be found or made",
    )
    .candidates(usable.map(line))
    .key("alb.arn")
    .route(["alb", "arn"])
}
