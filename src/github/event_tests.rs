#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::*;

fn pull_payload(head_repo: &Value, sender: &str) -> Value {
    json!({
        "action": "synchronize",
        "number": 7,
        "pull_request": {
            "number": 7, "title": "Grow", "draft": true, "merged": false, "user": {"login": "author"},
            "head": {"sha": "a".repeat(40), "ref": "grow", "repo": head_repo},
            "base": {"sha": "b".repeat(40), "ref": "main", "repo": {"full_name": "octo/app", "fork": false}},
            "labels": [{"name": "x"}],
        },
        "repository": {"full_name": "octo/app", "default_branch": "main"},
        "sender": {"login": sender},
    })
}

fn read_pull(head_repo: &Value, sender: &str) -> PullRequestEvent {
    match Event::read("pull_request", &pull_payload(head_repo, sender).to_string()).unwrap() {
        Event::PullRequest(pull) => pull,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pull_request_of_the_own_repository_has_credentials() {
    let pull = read_pull(&json!({"full_name": "Octo/App"}), "author");
    assert_eq!((pull.number, pull.action.as_str(), pull.draft, pull.merged), (7, "synchronize", true, false));
    assert_eq!((pull.head_sha, pull.head_ref.as_str()), ("a".repeat(40), "grow"));
    assert_eq!((pull.base_sha, pull.base_ref.as_str()), ("b".repeat(40), "main"));
    let pull = read_pull(&json!({"full_name": "Octo/App"}), "author");
    assert_eq!((pull.is_fork(), pull.credentials()), (false, Credentials::Available));
}

#[test]
fn a_fork_a_deleted_fork_and_dependabot_have_none() {
    let own = json!({"full_name": "octo/app"});
    for (repo, sender, fork, wanted) in [
        (json!({"full_name": "stranger/app"}), "stranger", true, Credentials::Fork),
        (Value::Null, "stranger", true, Credentials::DeletedFork),
        (own, "dependabot[bot]", false, Credentials::Dependabot),
    ] {
        let pull = read_pull(&repo, sender);
        assert_eq!((pull.is_fork(), pull.credentials()), (fork, wanted), "{repo}");
    }
}

#[test]
fn a_base_that_is_not_named_counts_as_a_fork() {
    let mut payload = pull_payload(&json!({"full_name": "octo/app"}), "author");
    payload["pull_request"]["base"]["repo"] = Value::Null;
    payload["repository"] = Value::Null;
    assert!(Event::read("pull_request", &payload.to_string()).unwrap().is_fork());
}

#[test]
fn a_push_is_read_and_its_default_branch_known() {
    let text = json!({
        "before": "b".repeat(40), "after": "c".repeat(40), "ref": "refs/heads/main", "forced": true,
        "deleted": false, "created": false, "head_commit": {"id": "c".repeat(40), "message": "Merge\n\nmore"},
        "commits": [{"id": "d".repeat(40)}, {"id": "nonsense"}, {"id": "c".repeat(40)}],
        "sender": {"login": "octo"}, "repository": {"default_branch": "main"},
    });
    let Event::Push(push) = Event::read("push", &text.to_string()).unwrap() else { panic!() };
    assert_eq!((push.branch(), push.is_default_branch()), (Some("main"), true));
    assert_eq!((push.forced, push.deleted, push.created), (true, false, false));
    assert_eq!(push.sender, "octo");
    assert_eq!(
        (push.message.as_str(), push.commits),
        ("Merge\n\nmore", vec!["d".repeat(40), "c".repeat(40)])
    );
}

#[test]
fn a_new_a_deleted_branch_and_a_tag_are_told_from_an_update() {
    let read = |before: &str, after: &str, name: &str| {
        let text =
            json!({"before": before, "after": after, "ref": name, "repository": {"default_branch": "main"}});
        match Event::read("push", &text.to_string()).unwrap() {
            Event::Push(push) => (push.created, push.deleted, push.is_default_branch()),
            other => panic!("{other:?}"),
        }
    };
    let sha = "c".repeat(40);
    assert_eq!(read(NO_COMMIT, &sha, "refs/heads/x"), (true, false, false));
    assert_eq!(read(&sha, NO_COMMIT, "refs/heads/main"), (false, true, true));
    assert_eq!(read(&sha, &sha, "refs/tags/main"), (false, false, false));
}

#[test]
fn an_event_with_secrets_for_foreign_code_is_not_a_pull_request() {
    let text = pull_payload(&Value::Null, "stranger").to_string();
    for name in ["workflow_run", "issue_comment", "release", "PULL_REQUEST"] {
        assert_eq!(Event::read(name, &text).unwrap(), Event::Other { name: name.into() });
        assert_eq!(Event::read(name, "not json").unwrap().name(), name);
    }
    let target = Event::read("pull_request_target", &text).unwrap();
    assert!(matches!(&target, Event::PullRequestTarget(pull) if pull.number == 7));
    assert_eq!((target.name(), target.is_fork()), ("pull_request_target", true));
    let broken = Event::read("pull_request_target", "not json").unwrap();
    assert_eq!(broken, Event::Other { name: "pull_request_target".into() });
}

fn group(payload: &Value) -> MergeGroupEvent {
    match Event::read("merge_group", &payload.to_string()).unwrap() {
        Event::MergeGroup(group) => group,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_queue_names_its_last_pull_request_and_a_base_that_may_hold_slashes() {
    let head_ref = format!("refs/heads/gh-readonly-queue/release/v1/pr-104-{}", "a".repeat(40));
    let group = group(&json!({
        "action": "checks_requested",
        "merge_group": {
            "head_sha": "c".repeat(40), "head_ref": head_ref, "base_sha": "b".repeat(40),
            "base_ref": "refs/heads/release/v1", "head_commit": {"id": "c".repeat(40)},
        },
    }));
    assert_eq!((group.number, group.base_ref.as_str()), (Some(104), "release/v1"));
    assert_eq!((group.head_sha, group.base_sha), ("c".repeat(40), "b".repeat(40)));
    assert_eq!((group.action.as_str(), group.head_ref), ("checks_requested", head_ref));
}

#[test]
fn a_ref_that_is_not_of_a_queue_names_no_pull_request() {
    let sha = "a".repeat(40);
    for head_ref in [
        String::new(),
        format!("refs/heads/main/pr-1-{sha}"),
        format!("refs/heads/gh-readonly-queue/pr-1-{sha}"),
        format!("refs/heads/gh-readonly-queue//pr-1-{sha}"),
        format!("refs/heads/gh-readonly-queue/main/pr-0-{sha}"),
        format!("refs/heads/gh-readonly-queue/main/pr--1-{sha}"),
        format!("refs/heads/gh-readonly-queue/main/pr-99999999999999999999999-{sha}"),
        format!("refs/heads/gh-readonly-queue/main/pr-1-{sha}/x"),
        "refs/heads/gh-readonly-queue/main/pr-1-abc".to_owned(),
        "refs/heads/gh-readonly-queue/main/pr-1".to_owned(),
    ] {
        let group = group(&json!({"merge_group": {"head_ref": head_ref}}));
        assert_eq!((group.number, group.base_ref.as_str()), (None, ""), "{head_ref}");
    }
    let unnamed =
        json!({"merge_group": {"head_ref": format!("refs/heads/gh-readonly-queue/a/b/pr-3-{sha}")}});
    assert_eq!(group(&unnamed).base_ref, "a/b", "the queue's ref tells a base that the event does not");
    assert_eq!(group(&json!({})), MergeGroupEvent::default());
}

#[test]
fn inputs_of_a_dispatch_are_text_whatever_their_type() {
    let text = json!({
        "ref": "refs/heads/main", "workflow": ".github/workflows/run.yml", "sender": {"login": "octo"},
        "repository": {"default_branch": "main"},
        "inputs": {"task": "migrate; id #", "force": true, "count": 3, "unset": null, "list": ["a"], "empty": ""},
    });
    let Event::Dispatch(event) = Event::read("workflow_dispatch", &text.to_string()).unwrap() else {
        panic!()
    };
    let inputs: Vec<_> = event.inputs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        inputs,
        [("count", "3"), ("empty", ""), ("force", "true"), ("list", "[\"a\"]"), ("task", "migrate; id #")]
    );
    assert_eq!((event.ref_name.as_str(), event.sender.as_str()), ("refs/heads/main", "octo"));
    assert_eq!(event.default_branch.as_deref(), Some("main"));
    let empty = Event::read("workflow_dispatch", r#"{"inputs": null}"#).unwrap();
    assert_eq!(empty, Event::Dispatch(DispatchEvent::default()));
}

#[test]
fn a_schedule_tells_its_cron_expression() {
    let text = json!({"schedule": "0 6 * * *", "repository": {"default_branch": "trunk"}});
    let wanted = ScheduleEvent { cron: "0 6 * * *".into(), default_branch: Some("trunk".into()) };
    assert_eq!(Event::read("schedule", &text.to_string()).unwrap(), Event::Schedule(wanted));
    assert_eq!(Event::read("schedule", "{}").unwrap(), Event::Schedule(ScheduleEvent::default()));
}

#[test]
fn what_cannot_be_used_is_named_without_quoting_it() {
    let mut no_sha = pull_payload(&Value::Null, "author");
    no_sha["pull_request"]["head"]["sha"] = json!("; rm -rf /");
    for (name, text, wanted) in [
        ("pull_request", "{}".to_owned(), "has no usable `pull_request`"),
        ("pull_request", no_sha.to_string(), "has no usable `pull_request.head.sha`"),
        ("push", json!({"after": "a".repeat(40)}).to_string(), "has no usable `ref`"),
        ("push", "[".to_owned(), "is not readable"),
    ] {
        let error = Event::read(name, &text).unwrap_err().to_string();
        assert!(error.contains(wanted) && !error.contains("rm -rf"), "{error}");
    }
}
