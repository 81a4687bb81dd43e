//! What approves: reviews, environments, and the rest of an apply that did not come to its end.

use serde_json::{Value, json};

use super::super::harness::World;
use super::super::hub::{HEAD, MERGE};
use super::{bigger, refused, small};

const REVIEW: &[(&str, &str)] = &[("approval", "digest+review")];

fn review(world: &World, user: &str, state: &str, commit: &str) {
    world.github("POST", "pulls/7/reviews", json!({"user": user, "state": state, "commit_id": commit}));
}

fn may(world: &World, user: &str, permission: &str) {
    world.github("POST", "permissions", json!({"user": user, "permission": permission}));
}

/// A pull request with a plan; the stub's clock goes on by a minute after it.
fn planned() -> World {
    let world = World::with(&small());
    may(&world, "reviewer", "write");
    world.open_pull_request();
    world.ci_with("pull_request", &world.pull_request_event(), REVIEW).expect(0);
    world.github("POST", "clock", json!({"advance_s": 60}));
    world
}

fn pushed(world: &World) -> super::Run {
    world.merge_pull_request();
    world.forget_calls();
    world.ci_with("push", &world.push_event(), REVIEW)
}

#[test]
fn a_review_after_the_plan_by_somebody_who_may_write_approves_it() {
    let world = planned();
    review(&world, "reviewer", "APPROVED", HEAD);
    pushed(&world).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("applied"));
    assert!(world.comment().contains("reviewer"), "{}", world.comment());
}

#[test]
fn no_review_one_from_before_the_plan_and_one_by_the_wrong_person_do_not() {
    type Case = (&'static str, fn(&World));
    let cases: [Case; 5] = [
        ("none", |_| ()),
        ("author", |world| {
            may(world, "author", "write");
            review(world, "author", "APPROVED", HEAD);
        }),
        ("reader", |world| {
            may(world, "visitor", "read");
            review(world, "visitor", "APPROVED", HEAD);
        }),
        ("other commit", |world| review(world, "reviewer", "APPROVED", MERGE)),
        ("changes requested later", |world| {
            review(world, "reviewer", "APPROVED", HEAD);
            may(world, "second", "write");
            review(world, "second", "CHANGES_REQUESTED", HEAD);
        }),
    ];
    for (name, arrange) in cases {
        let world = planned();
        arrange(&world);
        let run = pushed(&world);
        let run = refused(&world, run, "not-reviewed");
        assert!(run.stderr.contains("approving review"), "{name}: {}", run.stderr);
    }
}

#[test]
fn a_review_from_before_the_plan_was_changed_does_not_count() {
    let world = planned();
    review(&world, "reviewer", "APPROVED", HEAD);
    world.github("POST", "clock", json!({"advance_s": 60}));
    world.write("fargate-stack.yml", &bigger());
    world.ci_with("pull_request", &world.pull_request_event(), REVIEW).expect(0);
    let run = pushed(&world);
    refused(&world, run, "not-reviewed");
}

#[test]
fn what_is_left_of_an_interrupted_apply_needs_no_new_approval() {
    let world = World::with(&small());
    world.planned_and_merged();
    let fault = json!({"account": world.account, "service": "ecs", "operation": "RegisterTaskDefinition", "kind": "access_denied"});
    world.control("POST", "faults", &fault);
    world.ci("push", &world.push_event()).expect(5);
    assert_eq!(world.output_of("outcome").as_deref(), Some("partial"));
    let mut made = world.mutations();
    made.retain(|call| call != "ecs:RegisterTaskDefinition"); // it was refused
    world.forget_calls();
    let mut again = world.ci_command("push", &world.push_event());
    again.env("GITHUB_RUN_ATTEMPT", "2");
    let run = World::output(&mut again).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("applied"), "{}", run.stderr);
    assert!(run.stderr.contains("done already"), "{}", run.stderr);
    for call in world.mutations() {
        let again = made.contains(&call) && !call.starts_with("ssm:") && call != "iam:PutRolePolicy";
        assert!(!again, "{call} was made twice");
    }
    let comment = world.comment();
    assert!(comment.contains("attempts/1): applied in part") && comment.contains("attempts/2)"), "{comment}");
}

#[test]
fn what_is_left_is_no_approval_for_anything_else() {
    let world = World::with(&small());
    world.planned_and_merged();
    let fault = json!({"account": world.account, "service": "ecs", "operation": "RegisterTaskDefinition", "kind": "access_denied"});
    world.control("POST", "faults", &fault);
    world.ci("push", &world.push_event()).expect(5);
    world.forget_calls();
    world.write("fargate-stack.yml", &bigger());
    let run = world.ci("push", &world.push_event());
    let run = refused(&world, run, "plan-differs");
    assert!(run.stdout.contains("cpu"), "{}", run.stdout);
}

#[test]
fn a_refusal_names_the_field_and_why_it_differs() {
    let world = World::with(&small());
    world.planned_and_merged();
    world.write("fargate-stack.yml", &bigger());
    let run = world.ci("push", &world.push_event());
    let run = refused(&world, run, "plan-differs");
    for part in ["task_definition.my-daemon", "cpu", "2048", "config changed"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert!(world.comment().contains("refused"), "{}", world.comment());
}

#[test]
fn a_push_of_several_pull_requests_is_approved_by_all_of_their_plans() {
    let world = World::with(&small());
    world.write("other.yml", &small().replace("my-daemon", "other-daemon"));
    let both = [("config", "fargate-stack.yml\nother.yml")];
    for (number, head, files) in
        [(7, HEAD, &both[..]), (8, "00000000000000000000000000000000000000b8", &both[..])]
    {
        world.open_pull(number, head);
        world.ci_with("pull_request", &world.event_of_pull(number, head), files).expect(0);
    }
    let landed =
        world.github("POST", "queue", json!({"numbers": [7, 8], "method": "squash", "base": "main"}));
    world.forget_calls();
    let event = world.event_of_push(landed["before"].as_str().unwrap(), landed["after"].as_str().unwrap());
    let run = world.ci_with("push", &event, &both).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("applied"), "{}", run.stderr);
    for number in [7, 8] {
        let body = world.comments_of(number)[0]["body"].as_str().unwrap().to_owned();
        assert!(body.contains("applied"), "{number}: {body}");
    }
}

#[test]
fn the_pull_request_of_a_push_is_found_however_it_was_merged() {
    for method in ["merge", "squash", "rebase"] {
        let world = World::with(&small());
        world.open_pull_request();
        world.ci("pull_request", &world.pull_request_event()).expect(0);
        // GitHub learns some seconds later which pull request brought a commit.
        let landed = world.github(
            "POST",
            "queue",
            json!({"numbers": [7], "method": method, "base": "main", "lag": 1}),
        );
        let event =
            world.event_of_push(landed["before"].as_str().unwrap(), landed["after"].as_str().unwrap());
        let run = world.ci("push", &event).expect(0);
        assert_eq!(world.output_of("outcome").as_deref(), Some("applied"), "{method}: {}", run.stderr);
    }
}

#[test]
fn an_environment_approves_the_plan_that_an_earlier_job_showed_and_no_other() {
    let world = World::with(&small());
    for sha in [super::super::hub::BASE, MERGE] {
        world.github("POST", "commits", json!({"sha": sha, "branch": "main"}));
    }
    let push = world.push_event();
    // Nobody was shown it on a pull request: the first job shows it and changes nothing.
    let run = world.ci_with("push", &push, &[("on-drift", "replan")]).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("needs-approval"), "{}", run.stderr);
    assert_eq!(world.mutations(), Vec::<String>::new());
    let digest = world.output_of("plan-digest").unwrap();
    let inputs = |digest: &str| {
        vec![
            ("approval".to_owned(), "environment".to_owned()),
            ("environment".to_owned(), "production".to_owned()),
            ("plan-digest".to_owned(), digest.to_owned()),
        ]
    };
    let job = |digest: &str| {
        let inputs = inputs(digest);
        let inputs: Vec<(&str, &str)> = inputs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        world.ci_with("push", &push, &inputs)
    };
    let run = job(&digest);
    refused(&world, run, "not-approved");
    world.github(
        "POST",
        "runs/318/approvals",
        json!({"user": "chief", "state": "approved", "environments": ["production"]}),
    );
    let run = job(&"0".repeat(64));
    refused(&world, run, "plan-differs");
    let run = job(&digest).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("applied"), "{}", run.stderr);
    assert!(world.read("runner/summary").contains("chief"), "{}", world.read("runner/summary"));
    let deployments = world.github("GET", "deployments", Value::Null);
    assert!(deployments.to_string().contains("production"), "{deployments}");
}

#[test]
fn an_old_plan_still_approves_what_it_equals_and_its_age_is_told() {
    let world = World::with(&small());
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    let comment = world.comments().remove(0);
    let mut record = super::super::hub::decoded_record(comment["body"].as_str().unwrap());
    let then = record["planned_at"].as_u64().unwrap() - 20 * 86_400;
    record["planned_at"] = then.into();
    let old = super::super::hub::with_record(comment["body"].as_str().unwrap(), &record);
    world.edit_comment(&comment["id"], "github-actions[bot]", &old);
    world.merge_pull_request();
    let run = world.ci("push", &world.push_event()).expect(0);
    assert!(run.stderr.contains("20 days old"), "{}", run.stderr);
}
