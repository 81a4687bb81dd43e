//! What runs really call is what the printed policies allow: each example, from the first plan to its end.

use std::collections::BTreeSet;

use fargate_stack::access::compare::{Verdict, judge};
use fargate_stack::stack::Policy;
use serde_json::Value;

use super::super::harness::World;
use super::calls::asked;

const EXAMPLES: [(&str, &str); 7] = [
    ("minimal-task", include_str!("../../../examples/minimal-task/fargate-stack.yml")),
    ("minimal-daemon", include_str!("../../../examples/minimal-daemon/fargate-stack.yml")),
    ("minimal-scheduled-task", include_str!("../../../examples/minimal-scheduled-task/fargate-stack.yml")),
    ("worker", include_str!("../../../examples/worker/fargate-stack.yml")),
    ("http", include_str!("../../../examples/http/fargate-stack.yml")),
    ("https", include_str!("../../../examples/https/fargate-stack.yml")),
    ("multi", include_str!("../../../examples/multi/fargate-stack.yml")),
];

/// The printed policy of a role.
fn policy(world: &World, role: &str) -> Policy {
    let run =
        world.run(&["iam", "print", "--role", role, "--repo", "octo/shop", "--only", "policy"]).expect(0);
    world.forget_calls();
    Policy::read(&run.stdout).unwrap()
}

/// The calls since the last look that the policy does not allow.
fn refused(world: &World, policy: &Policy) -> BTreeSet<String> {
    let calls: Vec<Value> = world.calls();
    world.forget_calls();
    assert!(!calls.is_empty(), "the run made no calls");
    let policies = [policy.clone()];
    let mut found = BTreeSet::new();
    for call in &calls {
        let asked = asked(call);
        let verdict = judge(&policies, &asked.action, asked.resource.as_deref());
        if verdict != Verdict::Allowed {
            found.insert(format!("{} on {:?}: {verdict:?}", asked.action, asked.resource));
        }
    }
    found
}

fn nothing(found: &BTreeSet<String>, what: &str) {
    assert!(found.is_empty(), "{what}:\n{}", found.iter().cloned().collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_call_of_every_example_is_allowed_by_the_printed_policy_of_its_role() {
    for (name, text) in EXAMPLES {
        let world = World::with(text);
        let (plan, apply) = (policy(&world, "plan"), policy(&world, "apply"));
        world.run(&["plan"]).expect(0);
        assert!(world.mutations().is_empty(), "{name}: a plan changes nothing");
        nothing(&refused(&world, &plan), &format!("{name}: plan of nothing"));
        world.run(&["apply", "--yes"]).expect(0);
        nothing(&refused(&world, &apply), &format!("{name}: apply"));
        world.run(&["plan"]).expect(0);
        assert!(world.mutations().is_empty(), "{name}: a plan changes nothing");
        nothing(&refused(&world, &plan), &format!("{name}: plan of everything"));
        world.run(&["destroy", "--yes"]).expect(0);
        nothing(&refused(&world, &apply), &format!("{name}: destroy"));
    }
}

#[test]
fn every_call_of_a_run_is_allowed_by_the_printed_policy_of_the_role_for_runs() {
    for (text, task) in [(EXAMPLES[3].1, "migrate"), (EXAMPLES[6].1, "nightly"), (EXAMPLES[6].1, "web")] {
        let world = World::applied(text);
        let policy = policy(&world, "run-task");
        world.run(&["run-task", task]).expect(0);
        nothing(&refused(&world, &policy), &format!("run-task {task}"));
        let script = serde_json::json!({"account": world.account, "task": task, "outcome": "pull_error"});
        world.control("POST", "rollouts", &script);
        world.run(&["run-task", task]);
        nothing(&refused(&world, &policy), &format!("run-task {task} that fails"));
    }
}

#[test]
fn every_call_of_a_rollout_that_fails_is_allowed_by_the_printed_policy_of_the_apply_role() {
    let world = World::with(EXAMPLES[3].1);
    let apply = policy(&world, "apply");
    let script = serde_json::json!({"account": world.account, "service": "consumer", "outcome": "crash", "log": ["no"]});
    world.control("POST", "rollouts", &script);
    world.run(&["apply", "--yes"]).expect(4);
    nothing(&refused(&world, &apply), "a rollout that fails");
}

#[test]
fn a_policy_that_is_too_narrow_is_noticed() {
    let world = World::with(EXAMPLES[3].1);
    let mut policy = policy(&world, "plan");
    policy.statements.retain(|statement| statement.sid.as_deref() != Some("Cluster"));
    world.run(&["plan"]).expect(0);
    let found = refused(&world, &policy);
    assert!(found.iter().any(|line| line.starts_with("ecs:DescribeClusters")), "{found:?}");
    let other = World::with(&EXAMPLES[3].1.replace("name: worker", "name: other"));
    let policy = self::policy(&other, "plan");
    world.run(&["plan"]).expect(0);
    let found = refused(&world, &policy);
    assert!(found.iter().any(|line| line.contains("cluster/worker-cluster")), "{found:?}");
}

/// From now on the caller may do what this policy allows, and nothing else: the sandbox judges each call by its resources, its tags
/// and the roles that it passes.
fn only(world: &World, policy: &Policy) {
    let body = serde_json::json!({"account": world.account, "policy": policy, "enforce": true});
    world.control("POST", "iam/caller", &body);
}

#[test]
fn every_example_lives_and_ends_with_the_printed_policies_alone() {
    for (name, text) in EXAMPLES {
        let world = World::with(text);
        let (plan, apply) = (policy(&world, "plan"), policy(&world, "apply"));
        let allowed = |args: &[&str]| {
            let run = world.run(args);
            assert_eq!(run.code, 0, "{name} {args:?}:\n{}\n{}", run.stdout, run.stderr);
        };
        only(&world, &plan);
        allowed(&["plan"]);
        world.run(&["apply", "--yes"]).expect(1);
        assert!(
            world.calls().iter().all(|call| call["mutating"] != true || call["result"] != "ok"),
            "{name}: a plan role changed something"
        );
        only(&world, &apply);
        allowed(&["apply", "--yes"]);
        allowed(&["apply", "--yes"]);
        only(&world, &plan);
        allowed(&["plan"]);
        only(&world, &apply);
        allowed(&["destroy", "--yes"]);
    }
}

#[test]
fn a_run_goes_with_the_printed_policy_alone_and_only_of_the_named_tasks() {
    let world = World::applied(EXAMPLES[3].1);
    let run = world.run(&[
        "iam",
        "print",
        "--role",
        "run-task",
        "--repo",
        "octo/shop",
        "--task",
        "migrate",
        "--only",
        "policy",
    ]);
    only(&world, &Policy::read(&run.expect(0).stdout).unwrap());
    world.run(&["run-task", "migrate"]).expect(0);
    let refused = world.run(&["run-task", "nightly"]).expect(125);
    assert!(refused.stderr.contains("ecs:RunTask"), "{}", refused.stderr);
    world.run(&["apply", "--yes", "--image-tag", "latest"]).expect(1);
}
