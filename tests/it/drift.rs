//! Drift: one issue for each stack that differs, closed when it does not; and plans whose base has moved.

use serde_json::{Value, json};

use super::harness::World;
use super::hub::BASE;
use super::stacks::example;

impl World {
    /// The clock starts the workflow.
    fn drifts(&self, run: &str) -> super::harness::Run {
        let event = json!({"schedule": "17 5 * * *", "repository": {"full_name": self.repository, "default_branch": "main"}});
        let mut command = self.ci_command("schedule", &event);
        World::output(command.env("GITHUB_RUN_ID", run))
    }

    fn issues(&self) -> Vec<Value> {
        self.github("GET", "issues", Value::Null).as_array().unwrap().clone()
    }

    /// Somebody changes the retention of the stack's log group by hand.
    fn keeps_logs_for(&self, days: i32) {
        let logs = aws_sdk_cloudwatchlogs::Client::new(&super::account::sdk(self));
        let change = logs.put_retention_policy().log_group_name("/ecs/my-daemon").retention_in_days(days);
        super::account::block(change.send()).unwrap();
    }
}

#[test]
fn a_drift_keeps_one_issue_open_until_it_is_gone() {
    let world = World::applied(&example("minimal-daemon"));
    world.drifts("1").expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("no-changes"));
    assert_eq!(world.issues().len(), 0);

    world.keeps_logs_for(365);
    world.forget_calls();
    world.drifts("2").expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("drift"));
    assert_eq!(world.mutations(), Vec::<String>::new());
    let issues = world.issues();
    assert_eq!(issues.len(), 1);
    let text = issues[0].to_string();
    assert!(text.contains("my-daemon") && text.contains("log_group.main") && text.contains("365"), "{text}");
    assert!(!text.contains(&world.account), "{text}");

    let writes = world.github_writes().len();
    world.drifts("3").expect(0);
    assert_eq!(world.github_writes().len(), writes, "the same drift was told again");

    world.keeps_logs_for(30);
    world.drifts("4").expect(0);
    let issues = world.issues();
    assert_eq!((issues.len(), issues[0]["state"].as_str()), (1, Some("open")));
    assert!(issues[0]["body"].as_str().unwrap().contains("30"), "{}", issues[0]);

    world.run(&["apply", "--yes"]).expect(0);
    world.drifts("5").expect(0);
    let issues = world.issues();
    assert_eq!((issues.len(), issues[0]["state"].as_str()), (1, Some("closed")), "{issues:?}");
}

#[test]
fn a_release_is_no_drift() {
    let world = World::applied(&example("minimal-daemon"));
    let image =
        json!({"account": world.account, "repository": "helloworld", "tag": "latest", "content": "newer"});
    world.control("POST", "ecr/images", &image);
    world.drifts("1").expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("no-changes"));
}

#[test]
fn a_plan_whose_base_has_moved_is_marked_and_still_approves_what_it_equals() {
    let world = World::with(&example("minimal-daemon"));
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    assert!(world.comment().contains("Status: planned"), "{}", world.comment());
    let moved = "00000000000000000000000000000000000000a9";
    world.github("POST", "commits", json!({"sha": moved, "branch": "main", "message": "Something else"}));
    let event = json!({"schedule": "17 5 * * *", "repository": {"full_name": world.repository, "default_branch": "main"}});
    let mut command = world.ci_command("schedule", &event);
    World::output(command.env("GITHUB_SHA", moved)).expect(0);
    let comment = world.comment();
    assert!(
        comment.contains("outdated") && comment.contains(&BASE[..7]) && comment.contains(&moved[..7]),
        "{comment}"
    );

    let landed = world.github("POST", "queue", json!({"numbers": [7], "method": "squash", "base": "main"}));
    let push = world.event_of_push(landed["before"].as_str().unwrap(), landed["after"].as_str().unwrap());
    world.ci("push", &push).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("applied"));
}
