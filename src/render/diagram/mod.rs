//! The picture of a plan for Markdown: who reaches what, and what of it changes. From the plan alone, and nothing is in it that
//! the table and the diff do not tell.

mod graph;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::graph::{Graph, Key, Node, Sort, State};
use super::redact;
use crate::model::{Action, Address, Change, Plan};

/// What belongs to a part that is drawn, or to all of them: never drawn as something that a task uses.
const INNER: &[&str] = &[
    "certificate",
    "cluster",
    "dns_record",
    "iam_role",
    "listener",
    "listener_certificate",
    "listener_rule",
    "load_balancer",
    "log_group",
    "schedule",
    "security_group",
    "service",
    "target_group",
    "task_definition",
];

/// The lines of a Mermaid flowchart; none when there is nothing to see.
pub(super) fn diagram(plan: &Plan) -> Vec<String> {
    let survey = Survey::new(plan);
    let mut graph = Graph::default();
    survey.balancers(&mut graph);
    survey.names(&mut graph);
    survey.tasks(&mut graph);
    for node in graph.nodes.values_mut() {
        node.text = redact::accounts(&node.text, &plan.account);
    }
    graph.lines()
}

/// A plan by kinds and names.
struct Survey<'a> {
    plan: &'a Plan,
    /// One address may have two changes: one of a new thing, one of its predecessor that goes.
    changes: BTreeMap<&'a str, BTreeMap<&'a str, Vec<&'a Change>>>,
}

impl<'a> Survey<'a> {
    fn new(plan: &'a Plan) -> Self {
        let mut changes: BTreeMap<_, BTreeMap<_, Vec<&Change>>> = BTreeMap::new();
        for change in &plan.changes {
            let address = &change.at.address;
            changes.entry(address.kind()).or_default().entry(address.name()).or_default().push(change);
        }
        Self { plan, changes }
    }

    /// The resources of a kind by name.
    fn of<'s>(&'s self, kind: &str) -> impl Iterator<Item = (&'a str, &'s [&'a Change])> + use<'s, 'a> {
        let found = self.changes.get(kind).into_iter().flatten();
        found.map(|(name, changes)| (*name, changes.as_slice()))
    }

    fn get(&self, kind: &str, name: &str) -> &[&'a Change] {
        let found = self.changes.get(kind).and_then(|of| of.get(name));
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// What a resource refers to, or waits for.
    fn uses(&self, change: &Change) -> impl Iterator<Item = &'a Address> {
        let wanted = change.want.is_some();
        let edges = self.plan.edges.get(&change.at.address).filter(|_| wanted);
        edges.into_iter().flatten()
    }

    /// The load balancers, with the ports of their listeners, and where their requests come from.
    fn balancers(&self, graph: &mut Graph) {
        let mut ports: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
        for (name, changes) in self.of("load_balancer") {
            let entry = entry(Some(name));
            for change in changes {
                let key = (Sort::Balancer, change.at.name.clone());
                graph.join(&key, "load balancer", &change.at.name, state(change));
                graph.arrow(&entry, &key);
            }
        }
        for (name, changes) in self.of("listener") {
            for change in changes {
                let Some(balancer) = self.of_listener(change) else { continue };
                let key = (Sort::Balancer, balancer.clone());
                graph.join(&key, "load balancer", &balancer, indirect(change));
                if let Some((scheme, port)) = name.rsplit_once('-') {
                    graph.arrow(&entry(Some(scheme)), &key);
                    // What goes is no port any more.
                    let port = port.parse::<u16>().ok().filter(|_| change.action != Action::Delete);
                    ports.entry(balancer).or_default().extend(port);
                }
            }
        }
        for (_, changes) in self.of("listener_rule") {
            for balancer in changes.iter().filter_map(|change| self.of_rule(change)) {
                let key = (Sort::Balancer, balancer.clone());
                graph.join(&key, "load balancer", &balancer, State::Plain);
            }
        }
        for (balancer, ports) in ports {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            let noun = if ports.len() == 1 { "port" } else { "ports" };
            if let Some(node) = graph.nodes.get_mut(&(Sort::Balancer, balancer)).filter(|_| !ports.is_empty())
            {
                node.text = format!("{}, {noun} {}", node.text, ports.join(" and "));
            }
        }
    }

    /// The DNS names between the clients and the load balancers.
    fn names(&self, graph: &mut Graph) {
        for (address, changes) in self.of("dns_record") {
            if address.ends_with("-validation") {
                continue;
            }
            for change in changes {
                let key = (Sort::Name, address.to_owned());
                graph.join(&key, "DNS name", &change.at.name, state(change));
                let balancers: BTreeSet<Key> =
                    self.uses(change).filter_map(|used| self.behind(used)).collect();
                let internal = address.ends_with("-internal")
                    || balancers
                        .iter()
                        .any(|one| graph.arrows.contains(&(entry(Some("internal")), one.clone())));
                let entry = entry(Some(if internal { "internal" } else { "public" }));
                for balancer in balancers {
                    // Requests find the load balancer by its names.
                    graph.arrows.remove(&(entry.clone(), balancer.clone()));
                    graph.arrow(&key, &balancer);
                }
                graph.arrow(&entry, &key);
            }
        }
        let reached: BTreeSet<Key> = graph.arrows.iter().map(|(_, to)| to.clone()).collect();
        let open: Vec<Key> = graph.nodes.keys().filter(|key| key.0 == Sort::Balancer).cloned().collect();
        for balancer in open.iter().filter(|key| !reached.contains(*key)) {
            graph.arrow(&entry(None), balancer);
        }
        graph.entries();
    }

    /// Services, scheduled tasks and others, each with what it uses.
    fn tasks(&self, graph: &mut Graph) {
        for (name, changes) in self.of("service") {
            let rules = self.get("listener_rule", name);
            let sort = if rules.is_empty() { Sort::Worker } else { Sort::Web };
            let key = (sort, name.to_owned());
            for change in changes {
                graph.join(&key, if rules.is_empty() { "worker" } else { "service" }, name, state(change));
            }
            for part in ["task_definition", "target_group", "listener_rule"] {
                self.get(part, name).iter().for_each(|change| graph.mark(&key, indirect(change)));
            }
            for balancer in rules.iter().filter_map(|rule| self.of_rule(rule)) {
                graph.arrow(&(Sort::Balancer, balancer), &key);
            }
            self.used(name, &key, changes, graph);
        }
        for (name, changes) in self.of("schedule") {
            let (key, task) = ((Sort::Schedule, name.to_owned()), (Sort::Task, name.to_owned()));
            for change in changes {
                let expression = text(change, "expression").unwrap_or(name);
                graph.join(&key, "schedule", expression, state(change));
            }
            graph.arrow(&key, &task);
        }
        for (name, changes) in self.of("task_definition") {
            let gone = |kind: &str| self.get(kind, name).iter().all(|change| change.action == Action::Delete);
            if !gone("service") {
                continue;
            }
            let key = (Sort::Task, name.to_owned());
            for change in changes {
                graph.join(&key, "task", name, state(change));
            }
            self.used(name, &key, &[], graph);
        }
    }

    /// What a task uses: its secrets, and resources of the stack that hold data.
    fn used(&self, name: &str, key: &Key, more: &[&Change], graph: &mut Graph) {
        let definitions = self.get("task_definition", name);
        for change in definitions.iter().filter(|change| change.action != Action::Delete) {
            let containers = attrs(change).and_then(|attrs| attrs.get("containers")?.as_array());
            let secrets = containers.into_iter().flatten().filter_map(|one| one.get("secrets")?.as_object());
            for arn in secrets.flat_map(|secrets| secrets.values()).filter_map(Value::as_str) {
                let used = (Sort::Used, format!("secret {arn}"));
                graph.join(&used, "secret", secret(arn), State::Plain);
                graph.arrow(key, &used);
            }
        }
        for used in definitions.iter().chain(more).flat_map(|change| self.uses(change)) {
            if INNER.contains(&used.kind()) {
                continue;
            }
            let to = (Sort::Used, used.to_string());
            for change in self.get(used.kind(), used.name()) {
                graph.join(&to, &used.kind().replace('_', " "), used.name(), state(change));
            }
            graph.arrow(key, &to);
        }
    }

    /// The name of the load balancer that a listener is on.
    fn of_listener(&self, listener: &Change) -> Option<String> {
        let own = self.uses(listener).find(|used| used.kind() == "load_balancer");
        let own = own.and_then(|address| self.get(address.kind(), address.name()).first().copied());
        own.map(|change| change.at.name.clone()).or_else(|| balancer_in(text(listener, "load_balancer")?))
    }

    /// The name of the load balancer that a rule belongs to.
    fn of_rule(&self, rule: &Change) -> Option<String> {
        let own = self.uses(rule).find(|used| used.kind() == "listener");
        let own = own.and_then(|address| self.get(address.kind(), address.name()).first().copied());
        own.and_then(|listener| self.of_listener(listener)).or_else(|| balancer_in(text(rule, "listener")?))
    }

    /// The load balancer that something leads to.
    fn behind(&self, used: &Address) -> Option<Key> {
        let change = self.get(used.kind(), used.name()).first()?;
        let name = match used.kind() {
            "load_balancer" => Some(change.at.name.clone()),
            "listener_rule" => self.of_rule(change),
            _ => None,
        };
        name.map(|name| (Sort::Balancer, name))
    }
}

impl Graph {
    /// Adds a node, or another part of it.
    fn join(&mut self, key: &Key, noun: &str, text: &str, state: State) {
        let node = Node { state, noun: noun.to_owned(), text: text.to_owned() };
        if self.nodes.contains_key(key) {
            self.mark(key, state);
        } else {
            self.nodes.insert(key.clone(), node);
        }
    }

    /// Something happens to a part of a node. What is made and what goes beside each other is a replacement.
    fn mark(&mut self, key: &Key, state: State) {
        let Some(node) = self.nodes.get_mut(key) else { return };
        node.state = match (node.state, state) {
            (State::Plain, state) => state,
            (State::New, State::Deleted) | (State::Deleted, State::New) => State::Replaced,
            (first, _) => first,
        };
    }

    fn arrow(&mut self, from: &Key, to: &Key) {
        self.arrows.insert((from.clone(), to.clone()));
    }

    /// Draws the places that an arrow begins at.
    fn entries(&mut self) {
        let from: BTreeSet<Key> = self.arrows.iter().map(|(from, _)| from.clone()).collect();
        for key in from.into_iter().filter(|key| key.0 == Sort::Entry) {
            let node = Node { state: State::Plain, noun: String::new(), text: key.1.clone() };
            self.nodes.insert(key, node);
        }
    }
}

/// Where requests come from, by the scheme of the load balancer.
fn entry(scheme: Option<&str>) -> Key {
    let place = match scheme {
        Some("internal") => "VPC",
        Some(_) => "internet",
        // Only the listener of somebody else is known.
        None => "clients",
    };
    (Sort::Entry, place.to_owned())
}

fn state(change: &Change) -> State {
    match change.action {
        Action::Keep => State::Plain,
        Action::Create => State::New,
        Action::Adopt | Action::Update => State::Changed,
        Action::Replace => State::Replaced,
        Action::Delete => State::Deleted,
    }
}

/// What a change does to the thing that it is a part of.
fn indirect(change: &Change) -> State {
    if change.action == Action::Keep { State::Plain } else { State::Changed }
}

/// What is wanted; of what goes, what there is.
fn attrs(change: &Change) -> Option<&Value> {
    let seen = change.seen.as_ref().map(|seen| &seen.attrs);
    change.want.as_ref().map(|want| &want.attrs).or(seen)
}

fn text<'c>(change: &'c Change, attribute: &str) -> Option<&'c str> {
    attrs(change)?.get(attribute)?.as_str()
}

/// The name in the ARN of an application load balancer, of its listeners or of their rules.
fn balancer_in(arn: &str) -> Option<String> {
    arn.split_once("/app/")?.1.split('/').next().map(str::to_owned)
}

/// The name of a secret without the six characters that Secrets Manager adds to it in the ARN, or of a parameter.
fn secret(arn: &str) -> &str {
    if let Some((_, name)) = arn.split_once(":secret:") {
        let name = name.split(':').next().unwrap_or(name);
        return match name.rsplit_once('-') {
            Some((plain, added)) if added.len() == 6 => plain,
            _ => name,
        };
    }
    arn.split_once(":parameter/").map_or(arn, |(_, name)| name)
}
