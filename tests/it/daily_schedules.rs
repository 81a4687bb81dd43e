//! Schedules and roles by hand: switched off and on, pointed at a new revision, and what CloudTrail tells of them.

use serde_json::json;

use super::account::{block, sdk};
use super::harness::World;

const STACK: &str = "
app: {name: shop}
tasks:
  nightly: {image: 'helloworld:latest', schedule: 'rate(1 day)'}
  job: {image: 'helloworld:latest'}
";

const NONE: [&str; 0] = [];

fn applied() -> World {
    World::applied(STACK)
}

/// What the rule's one target starts.
fn target(world: &World) -> String {
    block(async {
        let events = aws_sdk_eventbridge::Client::new(&sdk(world));
        let targets = events.list_targets_by_rule().rule("nightly-schedule").send().await.unwrap();
        let [target] = targets.targets() else { panic!("{targets:?}") };
        target.ecs_parameters().unwrap().task_definition_arn().rsplit_once('/').unwrap().1.to_owned()
    })
}

#[test]
fn a_disabled_schedule_stays_disabled_through_an_apply_until_it_is_enabled() {
    let world = applied();
    world.run(&["disable-scheduled-task"]).expect(0);
    assert_eq!(world.mutations(), ["events:DisableRule"]);
    world.forget_calls();
    let again = world.run(&["disable-scheduled-task", "nightly", "--format", "json"]).expect(0).json();
    assert_eq!(again["changed"], json!(false));
    let apply = world.run(&["apply", "--yes"]).expect(0);
    assert!(apply.stdout.contains("No changes"), "{}", apply.stdout);
    let status = world.run(&["status", "--format", "json"]).expect(0).json();
    assert_eq!(status["scheduled"][0]["state"], "DISABLED");
    assert_eq!(status["scheduled"][0]["revision"], "nightly:1");
    assert_eq!(world.mutations(), NONE);
    world.run(&["enable-scheduled-task", "nightly"]).expect(0);
    assert_eq!(world.mutations(), ["events:EnableRule"]);
    world.forget_calls();
    world.run(&["enable-scheduled-task", "nightly"]).expect(0);
    assert_eq!(world.mutations(), NONE);
}

#[test]
fn a_task_without_a_schedule_is_neither_switched_nor_pointed() {
    let world = World::with(STACK);
    for command in ["enable-scheduled-task", "disable-scheduled-task", "update-target"] {
        let run = world.run(&[command, "job"]).expect(2);
        assert!(run.stderr.contains("the stack file has no scheduled task `job`"), "{}", run.stderr);
        let run = world.run(&[command, "nightli"]).expect(2);
        assert!(run.stderr.contains("did you mean `nightly`?"), "{}", run.stderr);
    }
    let run = world.run(&["enable-scheduled-task"]).expect(2);
    assert!(run.stderr.contains("there is no rule `nightly-schedule`"), "{}", run.stderr);
    assert_eq!(world.mutations(), NONE);
}

#[test]
fn a_rule_that_is_not_ours_is_left_alone() {
    let world = applied();
    block(async {
        let events = aws_sdk_eventbridge::Client::new(&sdk(&world));
        let arn = format!("arn:aws:events:us-east-1:{}:rule/nightly-schedule", world.account);
        events.untag_resource().resource_arn(arn).tag_keys("fargate-stack:stack").send().await.unwrap();
    });
    world.forget_calls();
    let run = world.run(&["disable-scheduled-task"]).expect(3);
    assert!(run.stderr.contains("`fargate-stack apply` adopts it"), "{}", run.stderr);
    assert_eq!(world.mutations(), NONE);
}

#[test]
fn a_schedule_gets_the_newest_revision_and_never_is_without_a_target() {
    let world = applied();
    world.write("fargate-stack.yml", &STACK.replace("schedule: '", "size: large, schedule: '"));
    let registered = world.run(&["register-task-definition", "nightly"]).expect(0);
    assert!(registered.stdout.contains("`fargate-stack update-target nightly`"), "{}", registered.stdout);
    assert_eq!(target(&world), "nightly:1");
    world.forget_calls();
    world.run(&["update-target"]).expect(3);
    assert_eq!(world.mutations(), NONE);
    world.run(&["update-target", "--yes"]).expect(0);
    assert_eq!(world.mutations(), ["events:PutTargets"]);
    assert_eq!(target(&world), "nightly:2");
    world.forget_calls();
    let again = world.run(&["update-target", "--yes", "--format", "json"]).expect(0).json();
    assert_eq!((&again["outcome"], world.mutations()), (&json!("no-changes"), vec![]));
}

#[test]
fn a_role_that_somebody_changed_is_brought_up_to_date_and_nothing_else() {
    let world = applied();
    world.write("fargate-stack.yml", &STACK.replace("schedule: '", "size: large, schedule: '"));
    block(async {
        let iam = aws_sdk_iam::Client::new(&sdk(&world));
        let policy = json!({"Version": "2012-10-17",
                            "Statement": {"Effect": "Deny", "Action": "ecs:RunTask", "Resource": "*"}});
        iam.put_role_policy()
            .role_name("EventsShopRole")
            .policy_name("EventsShopPolicy")
            .policy_document(policy.to_string())
            .send()
            .await
            .unwrap();
    });
    world.forget_calls();
    let run = world.run(&["update-policy", "--yes"]).expect(0);
    assert_eq!(world.mutations(), ["iam:PutRolePolicy"]);
    assert!(run.stdout.contains("not part of this update of the roles"), "{}", run.stdout);
    world.forget_calls();
    world.run(&["update-policy", "--yes"]).expect(0);
    assert_eq!(world.mutations(), NONE);
}

#[test]
fn what_a_schedule_started_and_what_was_refused_is_shown_from_the_trail() {
    let world = applied();
    let fire = || {
        world.control(
            "POST",
            "schedules/fire",
            &json!({"account": world.account, "rule": "nightly-schedule"}),
        )
    };
    let none = world.run(&["show", "cloudtrail-events", "nightly"]).expect(0);
    assert!(none.stderr.contains("some minutes after"), "{}", none.stderr);
    fire();
    world.control(
        "POST",
        "faults",
        &json!({"account": world.account, "operation": "RunTask", "kind": "access_denied"}),
    );
    fire();
    let document = world.run(&["show", "cloudtrail-events", "--format", "json"]).expect(0).json();
    let events = document["events"].as_array().unwrap();
    assert_eq!(events.len(), 2, "{document:#}");
    assert_eq!(events[0]["revision"], "nightly:1");
    assert_eq!(events[0]["run"]["group"], "schedule:nightly", "{document:#}");
    assert!(events[1]["error_code"].as_str().unwrap().contains("AccessDenied"), "{document:#}");
    let text = world.run(&["show", "cloudtrail-events", "nightly", "1h"]).expect(0).stdout;
    assert!(text.contains("AccessDenied"), "{text}");
    let run = world.run(&["show", "cloudtrail-events", "nightly", "1h", "2h"]).expect(2);
    assert!(run.stderr.contains("is later than"), "{}", run.stderr);
    world.run(&["show", "cloudtrail-events", "job"]).expect(2);
}
