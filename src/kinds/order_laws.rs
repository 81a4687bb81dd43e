//! In which order the steps of an apply happen where traffic must not be lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use super::laws::{offline, references};
use super::{registry, samples, wanted};
use crate::engine::{StepGraph, steps};
use crate::model::{Action, Address, Change, Plan, Reason, Step, Verb};
use crate::stack::Stack;
use crate::stack::web::Scheme;

/// The steps of a plan that does this, for a stack.
fn graph(stack: &Stack, actions: &[(&str, Action)]) -> StepGraph {
    let edges: BTreeMap<Address, BTreeSet<Address>> = wanted(stack)
        .unwrap()
        .into_iter()
        .map(|want| {
            let needs = references(&want.attrs).into_iter().map(|reference| reference.address);
            (want.at.address, needs.chain(want.after).collect())
        })
        .collect();
    let change = |(index, (address, action)): (usize, &(&str, Action))| {
        let address: Address = address.parse().unwrap();
        assert!(*action == Action::Delete || edges.contains_key(&address), "{address} is not wanted");
        Change {
            at: stack.names.at(address.kind(), address.name(), &index.to_string()),
            action: *action,
            reason: Reason::Absent,
            want: None,
            seen: None,
            attrs: Vec::new(),
            written: Vec::new(),
            restarts_tasks: false,
        }
    };
    let changes = actions.iter().enumerate().map(change).collect();
    let plan = Plan {
        stack: stack.name.clone(),
        account: String::new(),
        region: String::new(),
        changes,
        edges,
        images: Vec::new(),
        endpoints: Vec::new(),
        warnings: Vec::new(),
        fingerprint: String::new(),
    };
    steps(&registry(&offline()), &plan)
}

/// `make service.web` or `remove service.web`.
fn step(text: &str) -> Step {
    let (verb, address) = text.split_once(' ').unwrap();
    let verb = if verb == "make" { Verb::Make } else { Verb::Remove };
    Step { address: address.parse().unwrap(), verb }
}

/// Everything that a step waits for, however far away.
fn before(graph: &StepGraph, step: &Step) -> BTreeSet<Step> {
    let mut open = vec![step.clone()];
    let mut found = BTreeSet::new();
    while let Some(at) = open.pop() {
        open.extend(graph[&at].iter().filter(|next| found.insert((*next).clone())).cloned());
    }
    assert!(!found.contains(step), "{step:?} waits for itself");
    found
}

/// Fails unless each step of the chain waits for the one before it.
#[track_caller]
fn in_order(graph: &StepGraph, chain: &[&str]) {
    for pair in chain.windows(2) {
        let (first, then) = (step(pair[0]), step(pair[1]));
        assert!(graph.contains_key(&first), "no step {}", pair[0]);
        assert!(before(graph, &then).contains(&first), "{} does not wait for {}", pair[1], pair[0]);
    }
    for step in graph.keys() {
        before(graph, step);
    }
}

#[test]
fn a_target_group_goes_only_after_the_new_tasks_are_healthy_and_the_old_rule_is_gone() {
    let graph = graph(
        &samples::web(),
        &[
            ("target_group.web", Action::Create),
            ("listener_rule.web", Action::Replace),
            ("service.web", Action::Update),
            ("target_group.web", Action::Delete),
        ],
    );
    in_order(
        &graph,
        &[
            "make target_group.web",
            "make listener_rule.web",
            "make service.web",
            "remove listener_rule.web",
            "remove target_group.web",
        ],
    );
}

#[test]
fn what_is_reached_by_another_load_balancer_leaves_the_old_one_when_its_name_has_moved() {
    let stack = samples::web_at(Scheme::Internal);
    let graph = graph(
        &stack,
        &[
            ("security_group.alb-internal", Action::Create),
            ("security_group.tasks", Action::Update),
            ("load_balancer.internal", Action::Create),
            ("listener.internal-443", Action::Create),
            ("target_group.web", Action::Create),
            ("listener_rule.web", Action::Create),
            ("service.web", Action::Update),
            ("dns_record.www.example.com-internal", Action::Create),
            ("dns_record.www.example.com", Action::Delete),
            ("listener_rule.web", Action::Delete),
            ("target_group.web", Action::Delete),
            ("listener.public-443", Action::Delete),
            ("load_balancer.public", Action::Delete),
            ("security_group.alb-public", Action::Delete),
        ],
    );
    let new =
        ["make security_group.alb-internal", "make load_balancer.internal", "make listener.internal-443"];
    let moved = ["make listener_rule.web", "make service.web", "make dns_record.www.example.com-internal"];
    let old = ["remove dns_record.www.example.com", "remove listener_rule.web", "remove listener.public-443"];
    let last = ["remove load_balancer.public", "remove security_group.alb-public"];
    in_order(&graph, &[&new[..], &moved, &old, &last].concat());
    in_order(&graph, &["make target_group.web", "make listener_rule.web"]);
    in_order(&graph, &["remove listener_rule.web", "remove target_group.web"]);
}

#[test]
fn a_service_that_leaves_takes_its_name_and_rule_before_its_target_group() {
    let graph = graph(
        &samples::web(),
        &[
            ("dns_record.old.example.com", Action::Delete),
            ("service.old", Action::Delete),
            ("listener_rule.old", Action::Delete),
            ("target_group.old", Action::Delete),
            ("certificate.old.example.com", Action::Delete),
            ("listener.public-443", Action::Update),
        ],
    );
    in_order(
        &graph,
        &[
            "remove dns_record.old.example.com",
            "remove service.old",
            "remove listener_rule.old",
            "remove target_group.old",
        ],
    );
    in_order(&graph, &["make listener.public-443", "remove certificate.old.example.com"]);
}

#[test]
fn a_certificate_in_a_foreign_listener_comes_after_the_rule_that_tells_of_it_and_goes_before_it() {
    let graph_of = |action| {
        let mut actions = vec![
            ("certificate.new.example.com", action),
            ("listener_rule.secure", action),
            ("listener_certificate.public-443-new.example.com", action),
        ];
        actions.rotate_left(1);
        graph(&samples::shared(), &actions)
    };
    let certificate = "listener_certificate.public-443-new.example.com";
    let made = graph_of(Action::Create);
    in_order(&made, &["make listener_rule.secure", &format!("make {certificate}")]);
    in_order(&made, &["make certificate.new.example.com", &format!("make {certificate}")]);
    let gone = graph_of(Action::Delete);
    in_order(&gone, &[&format!("remove {certificate}"), "remove listener_rule.secure"]);
    in_order(&gone, &[&format!("remove {certificate}"), "remove certificate.new.example.com"]);
}

#[test]
fn no_first_apply_and_no_destruction_waits_for_itself() {
    for stack in samples::all() {
        let addresses: Vec<String> =
            wanted(&stack).unwrap().iter().map(|want| want.at.address.to_string()).collect();
        for action in [Action::Create, Action::Delete, Action::Replace] {
            let actions: Vec<(&str, Action)> =
                addresses.iter().map(|address| (address.as_str(), action)).collect();
            in_order(&graph(&stack, &actions), &[]);
        }
    }
}
