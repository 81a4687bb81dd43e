//! Who may start what: events, forks, refs.

use serde_json::json;

use super::super::harness::World;
use super::super::hub::HEAD;
use super::{refused, small};

#[test]
fn events_that_run_others_code_with_our_rights_are_refused_before_any_call() {
    for name in ["pull_request_target", "workflow_run", "issue_comment"] {
        let world = World::with(&small());
        world.open_pull_request();
        let mut event = world.pull_request_event();
        event["comment"] = json!({"body": "/apply", "user": {"login": "somebody"}});
        event["issue"] = json!({"number": 7, "pull_request": {}});
        let run = refused(&world, world.ci(name, &event), "unsafe-event");
        assert!(run.stderr.contains(name), "{}", run.stderr);
        assert_eq!((world.calls().len(), world.github_calls().len()), (0, 0), "{name}");
        for command in ["apply", "run-task"] {
            refused(&world, world.ci_with(name, &event, &[("command", command)]), "unsafe-event");
            assert_eq!((world.calls().len(), world.github_calls().len()), (0, 0), "{name} {command}");
        }
    }
}

#[test]
fn an_apply_cannot_be_asked_for_on_a_pull_request() {
    let world = World::with(&small());
    world.open_pull_request();
    let run = world.ci_with("pull_request", &world.pull_request_event(), &[("command", "apply"), ("approval", "none")]);
    refused(&world, run, "unsafe-event");
    assert_eq!(world.calls().len(), 0);
}

#[test]
fn a_push_that_rewrote_history_is_not_applied() {
    let world = World::with(&small());
    world.planned_and_merged();
    let mut event = world.push_event();
    event["forced"] = true.into();
    refused(&world, world.ci("push", &event), "forced-push");
    assert_eq!(world.calls().len(), 0);
}

#[test]
fn a_dispatch_from_another_branch_changes_nothing_unless_that_branch_is_named() {
    let world = World::with(&small());
    let event = world.dispatch_event("refs/heads/feature");
    let run = world.ci_with("workflow_dispatch", &event, &[("command", "apply"), ("approval", "none")]);
    let run = refused(&world, run, "ref-not-allowed");
    assert!(run.stderr.contains("refs/heads/feature"), "{}", run.stderr);
    assert_eq!((world.calls().len(), world.github_calls().len()), (0, 0));
    world.github("POST", "permissions", json!({"user": "author", "permission": "write"}));
    let inputs = [("command", "apply"), ("approval", "none"), ("allowed-refs", "feature")];
    world.ci_with("workflow_dispatch", &event, &inputs).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("applied"));
}

#[test]
fn a_dispatch_by_somebody_who_may_not_write_is_refused_whoever_pressed_the_button_first() {
    let world = World::with(&small());
    world.github("POST", "permissions", json!({"user": "operator", "permission": "admin"}));
    world.github("POST", "permissions", json!({"user": "visitor", "permission": "read"}));
    let event = world.dispatch_event("refs/heads/main");
    let mut command = world.ci_command("workflow_dispatch", &event);
    command.env("FARGATE_STACK_COMMAND", "apply").env("FARGATE_STACK_APPROVAL", "none");
    command.env("GITHUB_ACTOR", "operator").env("GITHUB_TRIGGERING_ACTOR", "visitor");
    let run = refused(&world, World::output(&mut command), "actor-not-permitted");
    assert!(run.stderr.contains("visitor"), "{}", run.stderr);
    assert_eq!(world.calls().len(), 0);
}

#[test]
fn a_merge_queue_gets_a_plan_and_no_comment() {
    let world = World::with(&small());
    world.open_pull_request();
    let event = json!({
        "action": "checks_requested",
        "merge_group": {
            "head_sha": HEAD, "head_ref": format!("refs/heads/gh-readonly-queue/main/pr-7-{HEAD}"),
            "base_sha": super::super::hub::BASE, "base_ref": "refs/heads/main",
        },
        "repository": {"full_name": world.repository, "default_branch": "main"},
    });
    world.ci("merge_group", &event).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("planned"));
    assert_eq!((world.mutations().len(), world.github_writes().len()), (0, 0));
}
