#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::*;

const SHA: &str = "cccccccccccccccccccccccccccccccccccccccc";
const ZEROS: &str = "0000000000000000000000000000000000000000";

fn event(name: &str, payload: &Value) -> Event {
    Event::read(name, &payload.to_string()).unwrap()
}

fn pull(action: &str, head: &Value, sender: &str) -> Value {
    json!({
        "action": action, "number": 7, "sender": {"login": sender}, "repository": {"full_name": "octo/app"},
        "pull_request": {
            "number": 7, "head": {"sha": SHA, "ref": "grow", "repo": head},
            "base": {"sha": SHA, "ref": "main", "repo": {"full_name": "octo/app"}},
        },
    })
}

fn own() -> Value {
    json!({"full_name": "octo/app"})
}

fn push(ref_name: &str, more: &Value) -> Value {
    let mut push = json!({
        "ref": ref_name, "before": SHA, "after": SHA, "repository": {"default_branch": "main"},
        "sender": {"login": "octo"},
    });
    push.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    push
}

fn dispatch(ref_name: &str) -> Event {
    let repository = json!({"default_branch": "main"});
    event(
        "workflow_dispatch",
        &json!({"ref": ref_name, "repository": repository, "sender": {"login": "octo"}}),
    )
}

fn queue(action: &str) -> Event {
    let head_ref = format!("refs/heads/gh-readonly-queue/main/pr-7-{SHA}");
    event("merge_group", &json!({"action": action, "merge_group": {"head_sha": SHA, "head_ref": head_ref}}))
}

fn asked(command: JobCommand) -> Asked {
    Asked { command, ref_name: "refs/heads/main".to_owned(), ..Asked::default() }
}

/// A decision in one word, a refusal by its reason.
fn word(decision: &Decision) -> String {
    match decision {
        Decision::Plan(pull) => format!("plan #{}", pull.number),
        Decision::Static { .. } => "static".to_owned(),
        Decision::PlanQueue(group) => format!("queue #{}", group.number.unwrap_or_default()),
        Decision::PlanOnly => "plan only".to_owned(),
        Decision::Apply(_) => "apply".to_owned(),
        Decision::ApplyRef(dispatch) => format!("apply {}", dispatch.ref_name),
        Decision::Drift => "drift".to_owned(),
        Decision::Dispatch(command, dispatch) => format!("{} by {}", command.word(), dispatch.sender),
        Decision::Ignore { .. } => "ignore".to_owned(),
        Decision::Refuse { reason, message, hint } => {
            assert!(!message.is_empty() && !hint.is_empty(), "{decision:?}");
            (*reason).to_owned()
        }
    }
}

fn decided(event: &Event, command: JobCommand) -> String {
    word(&decide(event, &asked(command)))
}

#[test]
fn a_pull_request_is_planned_checked_only_or_left_alone() {
    use JobCommand::{Apply, Auto, Destroy, Drift, Plan, Redeploy, Release, Rollback, RunTask};
    let fork = json!({"full_name": "stranger/app"});
    let cases = [
        ("opened", own(), "octo", "plan #7"),
        ("synchronize", own(), "octo", "plan #7"),
        ("reopened", own(), "octo", "plan #7"),
        ("ready_for_review", own(), "octo", "plan #7"),
        ("edited", own(), "octo", "plan #7"),
        ("labeled", own(), "octo", "plan #7"),
        ("closed", own(), "octo", "ignore"),
        ("closed", fork.clone(), "stranger", "ignore"),
        ("opened", fork.clone(), "stranger", "static"),
        ("opened", Value::Null, "stranger", "static"),
        ("opened", own(), "dependabot[bot]", "static"),
    ];
    for (action, head, sender, wanted) in cases {
        let event = event("pull_request", &pull(action, &head, sender));
        assert_eq!(decided(&event, Auto), wanted, "{action} {head} {sender}");
        assert_eq!(decided(&event, Plan), wanted, "{action} {head} {sender}, explicit");
        for command in [Apply, Drift, RunTask, Release, Rollback, Redeploy, Destroy] {
            assert_eq!(decided(&event, command), UNSAFE_EVENT, "{action} {command:?}");
        }
    }
}

#[test]
fn a_push_is_applied_only_when_pull_requests_can_account_for_it() {
    use JobCommand::{Apply, Auto};
    let cases = [
        ("refs/heads/main", json!({}), "apply"),
        ("refs/heads/grow", json!({}), "ignore"),
        ("refs/heads/refs/heads/main", json!({}), "ignore"),
        ("refs/tags/main", json!({}), "ignore"),
        ("refs/heads/main", json!({"deleted": true}), "ignore"),
        ("refs/heads/main", json!({"after": ZEROS}), "ignore"),
        ("refs/heads/main", json!({"forced": true}), FORCED_PUSH),
        ("refs/heads/main", json!({"created": true}), FORCED_PUSH),
        ("refs/heads/main", json!({"before": ZEROS}), FORCED_PUSH),
        ("refs/heads/main", json!({"before": null}), FORCED_PUSH),
        ("refs/heads/grow", json!({"forced": true}), "ignore"),
        ("refs/heads/main", json!({"repository": {}}), "ignore"),
    ];
    for (name, more, wanted) in cases {
        let event = event("push", &push(name, &more));
        assert_eq!(decided(&event, Auto), wanted, "{name} {more}");
        assert_eq!(decided(&event, Apply), wanted, "{name} {more}, explicit");
    }
}

#[test]
fn a_push_does_something_else_only_when_that_is_asked_for() {
    use JobCommand::{Destroy, Drift, Plan, Redeploy, Release, Rollback, RunTask};
    let main = event("push", &push("refs/heads/main", &json!({})));
    let forced = event("push", &push("refs/heads/main", &json!({"forced": true})));
    let branch = event("push", &push("refs/heads/grow", &json!({})));
    let tag = event("push", &push("refs/tags/v1", &json!({})));
    let gone = event("push", &push("refs/heads/main", &json!({"deleted": true})));
    for (event, command, wanted) in [
        (&main, Plan, "plan only"),
        (&branch, Plan, "plan only"),
        (&forced, Plan, "plan only"),
        (&gone, Plan, "ignore"),
        (&main, Drift, "drift"),
        (&branch, Drift, "ignore"),
        (&main, RunTask, "run-task by octo"),
        (&main, Release, "release by octo"),
        (&main, Rollback, "rollback by octo"),
        (&main, Redeploy, "redeploy by octo"),
        (&main, Destroy, UNSAFE_EVENT),
        (&branch, RunTask, REF_NOT_ALLOWED),
        (&tag, Release, REF_NOT_ALLOWED),
        (&gone, RunTask, "ignore"),
    ] {
        assert_eq!(decided(event, command), wanted, "{event:?} {command:?}");
    }
}

#[test]
fn a_merge_queue_gets_a_plan_and_nothing_else() {
    use JobCommand::{Apply, Auto, Drift, Plan, RunTask};
    for (action, command, wanted) in [
        ("checks_requested", Auto, "queue #7"),
        ("checks_requested", Plan, "queue #7"),
        ("destroyed", Auto, "ignore"),
        ("", Auto, "ignore"),
        ("checks_requested", Apply, UNSAFE_EVENT),
        ("destroyed", Apply, UNSAFE_EVENT),
        ("checks_requested", RunTask, UNSAFE_EVENT),
        ("checks_requested", Drift, UNSAFE_EVENT),
    ] {
        assert_eq!(decided(&queue(action), command), wanted, "{action} {command:?}");
    }
}

#[test]
fn the_clock_looks_for_drift_and_changes_nothing() {
    use JobCommand::{Apply, Auto, Destroy, Drift, Plan, Redeploy, Release, Rollback, RunTask};
    let event = event("schedule", &json!({"schedule": "0 6 * * *"}));
    for (command, wanted) in [(Auto, "drift"), (Drift, "drift"), (Plan, "plan only")] {
        assert_eq!(decided(&event, command), wanted, "{command:?}");
    }
    for command in [Apply, RunTask, Release, Rollback, Redeploy, Destroy] {
        assert_eq!(decided(&event, command), UNSAFE_EVENT, "{command:?}");
    }
}

#[test]
fn a_dispatch_says_what_to_do_and_changes_something_from_allowed_refs_only() {
    use JobCommand::{Apply, Auto, Destroy, Drift, Plan, Redeploy, Release, Rollback, RunTask};
    let decided = |ref_name: &str, command: JobCommand, patterns: &[&str]| {
        let allowed_refs = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        word(&decide(
            &dispatch(ref_name),
            &Asked { command, ref_name: ref_name.to_owned(), allowed_refs, ..Asked::default() },
        ))
    };
    assert_eq!(decided("refs/heads/main", Auto, &[]), NO_COMMAND);
    assert_eq!(decided("refs/heads/anything", Plan, &[]), "plan only");
    assert_eq!(decided("refs/heads/main", Apply, &[]), "apply refs/heads/main");
    assert_eq!(decided("refs/heads/main", Drift, &[]), "drift");
    for command in [RunTask, Release, Rollback, Redeploy, Destroy] {
        assert_eq!(decided("refs/heads/main", command, &[]), format!("{} by octo", command.word()));
    }
    for command in [Apply, Drift, RunTask, Release, Rollback, Redeploy, Destroy] {
        for (ref_name, patterns) in [
            ("refs/heads/grow", &[][..]),
            ("refs/tags/main", &[]),
            ("refs/heads/refs/heads/main", &[]),
            ("main", &[]),
            ("", &[]),
            ("refs/heads/grow", &["release/*", "main"]),
            ("refs/heads/release/1/x", &["release/*"]),
            ("refs/heads/release/../main", &["**"]),
            ("refs/heads/release/a\nb", &["**", "release/*"]),
            ("refs/pull/7/merge", &["**", "*"]),
        ] {
            assert_eq!(decided(ref_name, command, patterns), REF_NOT_ALLOWED, "{ref_name:?} {command:?}");
        }
        for (ref_name, pattern) in [
            ("refs/heads/release/1", "release/*"),
            ("refs/tags/v1", "refs/tags/v*"),
            ("refs/heads/a/b/c", "**"),
        ] {
            assert_ne!(decided(ref_name, command, &[pattern]), REF_NOT_ALLOWED, "{ref_name} {command:?}");
        }
    }
}

#[test]
fn a_dispatch_whose_ref_is_told_in_two_ways_is_refused() {
    let main = asked(JobCommand::Apply);
    assert_eq!(word(&decide(&dispatch("refs/heads/grow"), &main)), REF_NOT_ALLOWED);
    let grow = Asked { ref_name: "refs/heads/grow".to_owned(), ..main.clone() };
    assert_eq!(word(&decide(&dispatch("refs/heads/main"), &grow)), REF_NOT_ALLOWED);
    assert_eq!(word(&decide(&dispatch(""), &main)), "apply ", "an old server does not tell it");
}

#[test]
fn a_default_branch_that_is_not_known_is_no_branch() {
    let event = event("workflow_dispatch", &json!({"ref": "refs/heads/main"}));
    assert_eq!(decided(&event, JobCommand::Apply), REF_NOT_ALLOWED);
}

#[test]
fn events_with_the_rights_of_this_repository_for_what_others_wrote_are_refused() {
    let payload = pull("opened", &own(), "octo");
    for name in [
        "pull_request_target",
        "workflow_run",
        "issue_comment",
        "issues",
        "pull_request_review",
        "pull_request_review_comment",
        "commit_comment",
        "discussion",
        "discussion_comment",
        "repository_dispatch",
        "fork",
        "watch",
        "gollum",
    ] {
        let event = event(name, &payload);
        for (command, _) in JobCommand::ALL {
            assert_eq!(decided(&event, command), UNSAFE_EVENT, "{name} {command:?}");
        }
    }
    assert_eq!(decided(&event("pull_request_target", &json!({})), JobCommand::Auto), UNSAFE_EVENT);
}

#[test]
fn an_unsafe_event_that_was_allowed_plans_the_own_pull_requests_and_nothing_else() {
    let allowed = |name: &str, head: &Value, command: JobCommand| {
        let asked = Asked { allow_unsafe_event: true, ..asked(command) };
        word(&decide(&event(name, &pull("opened", head, "stranger")), &asked))
    };
    let target = "pull_request_target";
    assert_eq!(allowed(target, &own(), JobCommand::Auto), "plan #7");
    assert_eq!(allowed(target, &json!({"full_name": "stranger/app"}), JobCommand::Auto), "static");
    assert_eq!(allowed(target, &Value::Null, JobCommand::Plan), "static");
    assert_eq!(allowed(target, &own(), JobCommand::Apply), UNSAFE_EVENT);
    for name in UNSAFE.iter().filter(|name| **name != target) {
        assert_eq!(allowed(name, &own(), JobCommand::Auto), UNSAFE_EVENT, "{name}");
        assert_eq!(allowed(name, &own(), JobCommand::Apply), UNSAFE_EVENT, "{name}");
    }
}

#[test]
fn every_other_event_asks_for_nothing_and_a_command_does_not_change_that() {
    for name in ["create", "delete", "release", "deployment", "status", "check_run", "label", "made_up"] {
        assert_eq!(decided(&event(name, &json!({})), JobCommand::Auto), "ignore", "{name}");
        for command in [JobCommand::Plan, JobCommand::Apply, JobCommand::Destroy] {
            assert_eq!(decided(&event(name, &json!({})), command), UNSAFE_EVENT, "{name} {command:?}");
        }
    }
}

#[test]
fn every_command_is_read_by_its_word() {
    for (command, word) in JobCommand::ALL {
        assert_eq!((JobCommand::parse(word), command.word()), (Some(command), word));
    }
    assert_eq!(JobCommand::parse("Apply"), None);
}
