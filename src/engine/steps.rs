//! Plan → steps: a replaced resource has two.

use std::collections::{BTreeMap, BTreeSet};

use super::Registry;
use crate::model::{Action, Address, Change, Plan, Replace, Step, Verb};

/// What each step waits for.
pub type StepGraph = BTreeMap<Step, BTreeSet<Step>>;

/// What a step does, for people.
pub fn doing(action: Action, verb: Verb) -> &'static str {
    match (action, verb) {
        (Action::Replace, Verb::Make) => "replace",
        (_, Verb::Remove) => "delete",
        (Action::Create, Verb::Make) => "create",
        (Action::Adopt, Verb::Make) => "adopt",
        _ => "update",
    }
}

/// The steps of a plan. `Make a` waits for `Make` of all that `a` refers to; `Remove d` waits for every user of `d` to be
/// made anew or removed, and for `d`'s own `Make` (or the other way round, where both cannot exist at once). Where nothing stands
/// against it, it waits for everything of its kind to be made, too: a name stays until the other one leads somewhere.
pub fn steps(registry: &Registry, plan: &Plan) -> StepGraph {
    let mut graph = StepGraph::new();
    for change in &plan.changes {
        for verb in verbs(change.action) {
            graph.entry(step(&change.at.address, *verb)).or_default();
        }
    }
    let nodes: BTreeSet<Step> = graph.keys().cloned().collect();
    let rules = |kind: &str| registry.get(kind).map(|driver| driver.rules());
    for (node, waits_for) in &mut graph {
        let kind = node.address.kind();
        let needs = plan.edges.get(&node.address);
        match node.verb {
            Verb::Make => {
                let makes = needs.into_iter().flatten().map(|need| step(need, Verb::Make));
                waits_for.extend(makes.filter(|make| nodes.contains(make)));
            }
            Verb::Remove => {
                let used_by =
                    |other: &&Step| rules(other.address.kind()).is_some_and(|r| r.uses.contains(&kind));
                waits_for.extend(nodes.iter().filter(used_by).cloned());
            }
        }
        let other = match node.verb {
            Verb::Make => step(&node.address, Verb::Remove),
            Verb::Remove => step(&node.address, Verb::Make),
        };
        if !nodes.contains(&other) {
            continue;
        }
        // A new physical name lets both exist, so the old one waits; the same name does not.
        let renamed = plan.changes.iter().filter(|change| change.at.address == node.address).count() > 1;
        let first = if renamed {
            Replace::MakeFirst
        } else {
            rules(kind).map_or(Replace::RemoveFirst, |r| r.replace)
        };
        match (first, node.verb) {
            (Replace::MakeFirst, Verb::Remove) | (Replace::RemoveFirst, Verb::Make) => {
                waits_for.insert(other);
            }
            (Replace::RemoveFirst, Verb::Remove) => {
                // Its users refer to the new one and wait for it: only users that leave come before.
                waits_for.retain(|user| user.verb == Verb::Remove);
            }
            (Replace::MakeFirst, Verb::Make) => {}
        }
    }
    for leaving in nodes.iter().filter(|node| node.verb == Verb::Remove) {
        let alike = |node: &&Step| node.verb == Verb::Make && node.address.kind() == leaving.address.kind();
        for made in nodes.iter().filter(alike) {
            if !waits(&graph, made, leaving)
                && let Some(waits_for) = graph.get_mut(leaving)
            {
                waits_for.insert(made.clone());
            }
        }
    }
    graph
}

/// Whether a step waits for another one, however far away.
fn waits(graph: &StepGraph, step: &Step, other: &Step) -> bool {
    let (mut open, mut seen) = (vec![step], BTreeSet::new());
    while let Some(at) = open.pop() {
        if at == other {
            return true;
        }
        open.extend(graph.get(at).into_iter().flatten().filter(|next| seen.insert(*next)));
    }
    false
}

/// The change that a step belongs to.
pub(super) fn change_of<'a>(plan: &'a Plan, step: &Step) -> Option<&'a Change> {
    plan.changes
        .iter()
        .find(|change| change.at.address == step.address && verbs(change.action).contains(&step.verb))
}

fn step(address: &Address, verb: Verb) -> Step {
    Step { address: address.clone(), verb }
}

fn verbs(action: Action) -> &'static [Verb] {
    match action {
        Action::Create | Action::Adopt | Action::Update => &[Verb::Make],
        Action::Replace => &[Verb::Make, Verb::Remove],
        Action::Delete => &[Verb::Remove],
        Action::Keep => &[],
    }
}
