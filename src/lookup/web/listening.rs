//! What happens in a listener: which rules are there already, where new ones go, and what is in the way. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::balancer::Use;
use super::found::{Conditions, Listener, LoadBalancer, Ours, Rule, TargetGroup, id_of};
use super::rules::{self, Wanted};
use crate::config::Config;
use crate::lookup::{LookupError, Problem};
use crate::stack::facts::{Existing, ListenerFact};
use crate::stack::tags::{self, listener_of};

/// A rule that a service needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// The service.
    pub task: String,
    /// The name of the rule's address.
    pub name: String,
    /// Which requests it is for.
    pub conditions: Conditions,
    /// The priority that the configuration gives it.
    pub explicit: Option<i32>,
    /// The ARN of the service's target group, when it exists; a rule that redirects has none.
    pub group: Option<String>,
    /// It redirects, instead of forwarding.
    pub redirects: bool,
    /// Where its domain stands in the YAML.
    pub route: Vec<String>,
}

/// The rules of a listener, by name of their address, and what the reader should know.
pub type Placed = (BTreeMap<String, Existing>, Vec<String>);

/// One listener of one load balancer.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// The load balancer.
    pub used: &'a Use,
    /// Its port.
    pub port: u16,
    /// What listens there now.
    pub listener: Option<&'a Listener>,
}

/// Finds the rules that exist and gives every other one its place.
pub fn place(
    at: At<'_>,
    wishes: &[Wish],
    ours: &Ours,
    groups: &[TargetGroup],
) -> Result<Placed, LookupError> {
    let none = Vec::new();
    let all = at.listener.map_or(&none, |listener| &listener.rules);
    let mut error = LookupError::default();
    let mut wanted = Vec::new();
    let mut found: BTreeMap<&str, &Rule> = BTreeMap::new();
    for wish in wishes {
        let fit = rule_of(wish, wishes, all, ours);
        if let Fit::Taken(rule) = fit {
            error.problems.push(taken(at, wish, rule, groups));
            continue;
        }
        let (now, after) = match fit {
            Fit::Keep(rule) => (Some(rule.priority), None),
            Fit::Replace(rule, last) => {
                found.extend(rule.map(|rule| (wish.name.as_str(), rule)));
                (None, Some(last))
            }
            _ => (None, None),
        };
        if let Fit::Keep(rule) = fit {
            found.insert(&wish.name, rule);
        }
        let held = all.iter().find(|rule| Some(rule.priority) == wish.explicit);
        let foreign = held.filter(|rule| !ours.has(&rule.arn) && found.get(wish.name.as_str()) != Some(rule));
        if let Some(rule) = foreign {
            error.problems.push(occupied(at, wish, rule));
            continue;
        }
        wanted.push(Wanted {
            name: wish.name.clone(),
            conditions: wish.conditions.clone(),
            explicit: wish.explicit,
            now,
            after,
        });
    }
    let places = rules::place(&wanted, &all.iter().map(|rule| rule.priority).collect());
    if !places.exchanged.is_empty() {
        let names = places.exchanged.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
        let what = format!("the rules of {names} cannot exchange their priorities in one step");
        let hint = "give one of them a number that is free, apply, and then the one that it is to have";
        let route = places.exchanged.first().map(|name| ["tasks", name.as_str(), "priority"]);
        error.problems.push(Problem::new(what, hint).route(route.into_iter().flatten()));
    }
    if !error.is_empty() {
        return Err(error);
    }
    let mut warnings = places.warnings;
    let mut existing = BTreeMap::new();
    for wish in wishes {
        let priority = places.priorities.get(&wish.name).copied().unwrap_or_default();
        warnings.extend(shadowed(at, wish, priority, all, ours, found.get(wish.name.as_str()).copied()));
        let arn = found.get(wish.name.as_str()).map(|rule| rule.arn.clone());
        existing.insert(wish.name.clone(), Existing { priority, arn });
    }
    Ok((existing, warnings))
}

/// What there is for a rule.
#[derive(Debug, Clone, Copy)]
enum Fit<'a> {
    /// Nothing.
    Nothing,
    /// It itself.
    Keep(&'a Rule),
    /// What it takes the place of, which is ours: the rule of the same address if there is one, and the priority to come after.
    Replace(Option<&'a Rule>, i32),
    /// A rule of somebody else for the same requests.
    Taken(&'a Rule),
}

fn rule_of<'a>(wish: &Wish, wishes: &[Wish], all: &'a [Rule], ours: &Ours) -> Fit<'a> {
    let does_it = |rule: &&Rule| {
        if wish.redirects {
            rule.redirects
        } else {
            wish.group.as_ref().is_some_and(|group| rule.forwards_to.contains(group))
        }
    };
    let name = |rule: &Rule| {
        ours.address(&rule.arn)
            .filter(|address| address.kind() == "listener_rule")
            .map(|address| address.name().to_owned())
    };
    let own: Vec<&Rule> = all.iter().filter(|rule| name(rule).as_deref() == Some(&wish.name)).collect();
    if let Some(rule) = own.iter().find(|rule| does_it(rule)) {
        return Fit::Keep(rule);
    }
    let last = own.iter().map(|rule| rule.priority).max();
    if let (Some(rule), Some(last)) = (own.first(), last) {
        return Fit::Replace(Some(rule), last);
    }
    let same = all.iter().filter(|rule| rule.conditions == wish.conditions && !rule.asks_more);
    let (of_ours, of_others): (Vec<&Rule>, Vec<&Rule>) = same.partition(|rule| ours.has(&rule.arn));
    if let Some(rule) = of_others.first() {
        let adopted = of_others.iter().find(|rule| does_it(rule));
        return adopted.map_or(Fit::Taken(rule), |rule| Fit::Keep(rule));
    }
    // A task that got another name: its rule goes when the new one serves.
    let leaves = |rule: &&&Rule| name(rule).is_none_or(|name| wishes.iter().all(|wish| wish.name != name));
    let last = of_ours.iter().filter(leaves).map(|rule| rule.priority).max();
    last.map_or(Fit::Nothing, |last| Fit::Replace(None, last))
}

fn place_of(at: At<'_>) -> String {
    format!("the listener on port {} of the load balancer `{}`", at.port, at.used.name())
}

fn asked(conditions: &Conditions) -> String {
    let all: Vec<String> =
        conditions.hosts.iter().chain(&conditions.paths).map(|value| format!("`{value}`")).collect();
    if all.is_empty() { "any request".to_owned() } else { all.join(", ") }
}

fn taken(at: At<'_>, wish: &Wish, rule: &Rule, groups: &[TargetGroup]) -> Problem {
    let name = |arn: &String| {
        let group = groups.iter().find(|group| group.arn == *arn);
        format!("`{}`", group.map_or(arn.as_str(), |group| &group.name))
    };
    let to = rule.forwards_to.iter().map(name).collect::<Vec<_>>().join(", ");
    let does = match (rule.redirects, to.is_empty()) {
        (true, _) => "redirects".to_owned(),
        (_, true) => "answers by itself".to_owned(),
        _ => format!("forwards to {to}"),
    };
    Problem::new(
        format!(
            "rule {} of {} is for {} already, and {does}",
            rule.priority,
            place_of(at),
            asked(&rule.conditions)
        ),
        format!("delete that rule, or give `{}` another `domain` or `path`", wish.task),
    )
    .key("domain")
    .route(&wish.route)
}

fn occupied(at: At<'_>, wish: &Wish, rule: &Rule) -> Problem {
    let task = &wish.task;
    Problem::new(
        format!(
            "{} has another rule with the priority {}, for {}",
            place_of(at),
            rule.priority,
            asked(&rule.conditions)
        ),
        format!("choose another number for `tasks.{task}.priority`, or remove it to let a free one be found"),
    )
    .key(&format!("tasks.{task}.priority"))
    .route(["tasks", task, "priority"])
}

/// A rule of somebody else that gets the requests before.
fn shadowed(
    at: At<'_>,
    wish: &Wish,
    priority: i32,
    all: &[Rule],
    ours: &Ours,
    own: Option<&Rule>,
) -> Option<String> {
    let before = all.iter().filter(|rule| rule.priority < priority && !rule.asks_more);
    let mut before = before.filter(|rule| !ours.has(&rule.arn) && own != Some(*rule));
    let rule = before.find(|rule| rules::shadows(&rule.conditions, &wish.conditions))?;
    Some(format!(
        "rule {} of {}, for {}, is asked before the rule of `{}`, and gets its requests",
        rule.priority,
        place_of(at),
        asked(&rule.conditions),
        wish.name
    ))
}

/// A listener of somebody else must speak what the service needs.
pub fn check_protocol(at: At<'_>, tls: bool, task: &str) -> Result<(), Problem> {
    let needs = if tls { "HTTPS" } else { "HTTP" };
    match at.listener {
        Some(listener) if listener.protocol != needs => Err(Problem::new(
            format!("{} speaks {}, and `{task}` needs {needs} there", place_of(at), listener.protocol),
            if tls || at.port != 80 {
                "set `alb.port` to another port, or `alb.arn` to another load balancer"
            } else {
                "set `alb.redirect_80: false`, or `alb.arn` to another load balancer"
            },
        )
        .key("alb.port")),
        _ => Ok(()),
    }
}

/// The listener as a fact.
pub fn fact(listener: &Listener, is_own_balancer: bool, ours: &Ours) -> ListenerFact {
    let mut added: BTreeSet<&str> = BTreeSet::new();
    for (rule, _) in ours.of("listener_rule") {
        if listener_of(rule).as_deref() == Some(&listener.arn) {
            let words = ours.tag(rule, tags::CERTIFICATES).unwrap_or_default().split(' ');
            added.extend(words.skip(1).filter(|id| !id.is_empty()));
        }
    }
    let foreign = |arn: &&String| !ours.has(arn) && !added.contains(id_of(arn));
    ListenerFact {
        arn: listener.arn.clone(),
        is_ours: is_own_balancer || ours.has(&listener.arn),
        redirects: listener.redirects,
        certificates: listener.certificates.iter().filter(foreign).cloned().collect(),
    }
}

/// The security group of a load balancer of somebody else that the tasks accept traffic from, and what to know about it.
pub fn security_group(
    shared: &LoadBalancer,
    open: &BTreeMap<String, BTreeSet<u16>>,
    config: &Config,
    ports: &BTreeSet<u16>,
) -> Result<(String, Vec<String>), Problem> {
    let name = &shared.name;
    let lets = |group: &&String, port: &u16| open.get(*group).is_some_and(|ports| ports.contains(port));
    let closed = ports.iter().filter(|port| !shared.groups.iter().any(|group| lets(&group, port)));
    let warnings: Vec<String> = closed
        .map(|port| {
            format!("no security group of the load balancer `{name}` lets port {port} in: nobody reaches the services there")
        })
        .collect();
    if let Some(id) = &config.security_groups.alb.group_id {
        if shared.groups.contains(id) {
            return Ok((id.clone(), warnings));
        }
        let what = format!("the load balancer `{name}` does not have the security group `{id}`");
        let hint = "set `security_groups.alb.group_id` to one of these, or remove it";
        let at = ["security_groups", "alb", "group_id"];
        let problem = Problem::new(what, hint).candidates(shared.groups.iter().cloned());
        return Err(problem.key(&at.join(".")).route(at));
    }
    // The redirect is a port too, but the one of the service counts first.
    let all = |group: &&String| ports.iter().all(|port| lets(group, port));
    let highest = |group: &&String| ports.last().is_some_and(|port| lets(group, port));
    let groups = &shared.groups;
    let chosen = groups.iter().find(all).or_else(|| groups.iter().find(highest)).or(groups.first());
    chosen.map(|id| (id.clone(), warnings)).ok_or_else(|| {
        let what = format!(
            "the load balancer `{name}` has no security group that the tasks could accept traffic from"
        );
        Problem::new(what, "give it one, or set `alb.create: true`").key("alb.arn")
    })
}
