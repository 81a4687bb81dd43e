//! Plan, apply, apply again, destroy: for every example.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::account::holds;
use super::harness::World;

pub fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).join("fargate-stack.yml");
    std::fs::read_to_string(path).unwrap()
}

pub const EXAMPLES: &[&str] = &["minimal-task", "minimal-scheduled-task", "minimal-daemon", "worker"];

/// The addresses of a plan with their action and physical name.
pub fn listed(plan: &Value) -> Vec<String> {
    let changes = plan["changes"].as_array().unwrap();
    let line = |change: &Value| {
        let text = |key: &str| change[key].as_str().unwrap().to_owned();
        format!("{} {} ({})", text("action"), text("address"), text("physical_name"))
    };
    let mut lines: Vec<String> = changes.iter().map(line).collect();
    lines.sort();
    lines
}

/// The mutating calls that a plan of creations stands for.
fn promised(plan: &Value) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for change in plan["changes"].as_array().unwrap() {
        assert_eq!(change["action"], "create");
        let has = |prefix: &str| {
            change["attributes"]
                .as_array()
                .unwrap()
                .iter()
                .any(|attr| attr["path"].as_str().unwrap().starts_with(prefix))
        };
        let made: &[&str] = match change["kind"].as_str().unwrap() {
            "cluster" => &["ecs:CreateCluster"],
            "log_group" => &["logs:CreateLogGroup", "logs:PutRetentionPolicy"],
            "iam_role" if has("policies.") => &["iam:CreateRole", "iam:PutRolePolicy"],
            "iam_role" => &["iam:CreateRole"],
            "security_group" => &["ec2:CreateSecurityGroup"],
            "task_definition" => &["ecs:RegisterTaskDefinition"],
            "service" => &["ecs:CreateService"],
            "schedule" => &["events:PutRule", "events:PutTargets"],
            other => panic!("no calls are known for {other}"),
        };
        for call in made {
            *calls.entry((*call).to_owned()).or_default() += 1;
        }
    }
    calls
}

fn counted(calls: Vec<String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in calls {
        *counts.entry(call).or_default() += 1;
    }
    counts
}

fn whole_life_of(name: &str, expected: &[&str]) {
    let world = World::with(&example(name));
    let before = holds(&world);

    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    assert_eq!(listed(&plan), expected);
    assert_eq!(world.mutations(), Vec::<String>::new(), "plan made a mutating call");

    world.forget_calls();
    world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(counted(world.mutations()), promised(&plan), "apply made other calls than the plan listed");

    world.forget_calls();
    let second = world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(world.mutations(), Vec::<String>::new(), "a second apply made a mutating call");
    assert!(second.stdout.contains("No changes"), "{}", second.stdout);

    world.run(&["destroy", "--yes"]).expect(0);
    assert_eq!(holds(&world), before, "destroy did not leave the account as it was");
}

#[test]
fn the_task_example_lives_and_goes() {
    whole_life_of(
        "minimal-task",
        &[
            "create cluster.main (my-one-shot-cluster)",
            "create iam_role.execution (FargateMyOneShotRole)",
            "create iam_role.task (FargateMyOneShotTaskRole)",
            "create log_group.main (/ecs/my-one-shot)",
            "create security_group.tasks (my-one-shot-sg)",
            "create task_definition.my-one-shot (my-one-shot)",
        ],
    );
}

#[test]
fn the_scheduled_example_lives_and_goes() {
    whole_life_of(
        "minimal-scheduled-task",
        &[
            "create cluster.main (my-cron-job-cluster)",
            "create iam_role.events (EventsMyCronJobRole)",
            "create iam_role.execution (FargateMyCronJobRole)",
            "create iam_role.task (FargateMyCronJobTaskRole)",
            "create log_group.main (/ecs/my-cron-job)",
            "create schedule.my-cron-job (my-cron-job-schedule)",
            "create security_group.tasks (my-cron-job-sg)",
            "create task_definition.my-cron-job (my-cron-job)",
        ],
    );
}

#[test]
fn the_daemon_example_lives_and_goes() {
    whole_life_of(
        "minimal-daemon",
        &[
            "create cluster.main (my-daemon-cluster)",
            "create iam_role.execution (FargateMyDaemonRole)",
            "create iam_role.task (FargateMyDaemonTaskRole)",
            "create log_group.main (/ecs/my-daemon)",
            "create security_group.tasks (my-daemon-sg)",
            "create service.my-daemon (my-daemon)",
            "create task_definition.my-daemon (my-daemon)",
        ],
    );
}

#[test]
fn the_worker_example_lives_and_goes() {
    whole_life_of(
        "worker",
        &[
            "create cluster.main (worker-cluster)",
            "create iam_role.events (EventsWorkerRole)",
            "create iam_role.execution (FargateWorkerRole)",
            "create iam_role.task (FargateWorkerTaskRole)",
            "create log_group.main (/ecs/worker)",
            "create schedule.nightly (nightly-schedule)",
            "create security_group.tasks (worker-sg)",
            "create service.consumer (consumer)",
            "create task_definition.consumer (consumer)",
            "create task_definition.migrate (migrate)",
            "create task_definition.nightly (nightly)",
        ],
    );
}

#[test]
fn every_example_is_valid_by_the_checked_in_schema_and_needs_no_aws_to_validate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = std::fs::read_to_string(root.join("schema/fargate-stack.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let mut names: Vec<String> = std::fs::read_dir(root.join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut known = EXAMPLES.to_vec();
    known.sort_unstable();
    assert_eq!(names, known, "every example has a test of its life");
    let world = World::new();
    for name in names {
        let value: Value = serde_yaml::from_str(&example(&name)).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{name}");
        world.write("fargate-stack.yml", &example(&name));
        world.run(&["validate"]).expect(0);
    }
    assert_eq!(world.calls().len(), 0);
}

#[test]
fn a_log_group_made_by_hand_after_a_destroy_is_adopted_as_nobodys() {
    let world = World::with(&example("minimal-task"));
    world.run(&["apply", "--yes"]).expect(0);
    world.run(&["destroy", "--yes"]).expect(0);
    let logs = aws_sdk_cloudwatchlogs::Client::new(&super::account::sdk(&world));
    super::account::block(logs.create_log_group().log_group_name("/ecs/my-one-shot").send()).unwrap();
    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    assert!(
        listed(&plan).contains(&"adopt log_group.main (/ecs/my-one-shot)".to_owned()),
        "{:?}",
        listed(&plan)
    );
}
