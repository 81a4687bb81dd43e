//! Plan, apply, apply again, destroy: for every example.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::account::holds;
use super::harness::World;
use super::inspect::text;

pub fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).join("fargate-stack.yml");
    std::fs::read_to_string(path).unwrap()
}

pub const EXAMPLES: &[&str] =
    &["http", "https", "minimal-daemon", "minimal-scheduled-task", "minimal-task", "multi", "worker"];

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

/// What one line of a plan stands for: the calls that it must make, once each, and those that it may make besides.
fn calls_of(kind: &str, action: &str) -> (Vec<&'static str>, &'static [&'static str]) {
    let (create, change, delete): (&str, &[&str], &str) = match kind {
        "cluster" => ("ecs:CreateCluster", &["ecs:TagResource"], "ecs:DeleteCluster"),
        "log_group" => {
            ("logs:CreateLogGroup", &["logs:PutRetentionPolicy", "logs:TagResource"], "logs:DeleteLogGroup")
        }
        "iam_role" => (
            "iam:CreateRole",
            &["iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:TagRole"],
            "iam:DeleteRole",
        ),
        "security_group" => (
            "ec2:CreateSecurityGroup",
            &[
                "ec2:CreateTags",
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:RevokeSecurityGroupIngress",
                "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
            ],
            "ec2:DeleteSecurityGroup",
        ),
        "load_balancer" => (
            "elasticloadbalancing:CreateLoadBalancer",
            &[
                "elasticloadbalancing:ModifyLoadBalancerAttributes",
                "elasticloadbalancing:SetSubnets",
                "elasticloadbalancing:SetSecurityGroups",
                "elasticloadbalancing:AddTags",
            ],
            "elasticloadbalancing:DeleteLoadBalancer",
        ),
        "target_group" => (
            "elasticloadbalancing:CreateTargetGroup",
            &[
                "elasticloadbalancing:ModifyTargetGroup",
                "elasticloadbalancing:ModifyTargetGroupAttributes",
                "elasticloadbalancing:AddTags",
            ],
            "elasticloadbalancing:DeleteTargetGroup",
        ),
        "listener" => (
            "elasticloadbalancing:CreateListener",
            &[
                "elasticloadbalancing:ModifyListener",
                "elasticloadbalancing:AddListenerCertificates",
                "elasticloadbalancing:RemoveListenerCertificates",
                "elasticloadbalancing:AddTags",
            ],
            "elasticloadbalancing:DeleteListener",
        ),
        "listener_rule" => (
            "elasticloadbalancing:CreateRule",
            &[
                "elasticloadbalancing:ModifyRule",
                "elasticloadbalancing:SetRulePriorities",
                "elasticloadbalancing:AddTags",
            ],
            "elasticloadbalancing:DeleteRule",
        ),
        "listener_certificate" => (
            "elasticloadbalancing:AddListenerCertificates",
            &[],
            "elasticloadbalancing:RemoveListenerCertificates",
        ),
        "certificate" => ("acm:RequestCertificate", &["acm:AddTagsToCertificate"], "acm:DeleteCertificate"),
        "dns_record" => (
            "route53:ChangeResourceRecordSets",
            &["route53:ChangeResourceRecordSets"],
            "route53:ChangeResourceRecordSets",
        ),
        "task_definition" => (
            "ecs:RegisterTaskDefinition",
            &["ecs:RegisterTaskDefinition", "ecs:TagResource"],
            "ecs:DeregisterTaskDefinition",
        ),
        "service" => ("ecs:CreateService", &["ecs:UpdateService", "ecs:TagResource"], "ecs:DeleteService"),
        "schedule" => (
            "events:PutRule",
            &["events:PutRule", "events:PutTargets", "events:TagResource", "events:RemoveTargets"],
            "events:DeleteRule",
        ),
        other => panic!("no calls are known for {other}"),
    };
    match action {
        "create" => (vec![create], change),
        "update" | "adopt" => (vec![], change),
        "replace" => (vec![create, delete], change),
        "delete" if kind == "service" => (vec![delete], &["ecs:UpdateService"]),
        "delete" if kind == "schedule" => (vec![delete], &["events:RemoveTargets"]),
        // A validation record may go over to another certificate of the same domain.
        "delete" if kind == "dns_record" => (vec![], &["route53:ChangeResourceRecordSets"]),
        "delete" if kind == "iam_role" => (vec![delete], &["iam:DeleteRolePolicy"]),
        "delete" if kind == "task_definition" => {
            (vec![], &["ecs:DeregisterTaskDefinition", "ecs:DeleteTaskDefinitions"])
        }
        "delete" => (vec![delete], &[]),
        _ => (vec![], &[]),
    }
}

/// The mutating calls since they were last forgotten are those that the plan stands for: none is missing, and none is more.
#[track_caller]
pub fn promises_kept(world: &World, plan: &Value) {
    let calls = world.changes();
    let made = calls.iter().filter(|call| call["result"] == "ok");
    let made = counted(
        made.map(|call| format!("{}:{}", text(&call["service"]), text(&call["operation"]))).collect(),
    );
    let mut must: BTreeMap<&str, usize> = BTreeMap::new();
    let mut may: BTreeSet<&str> = BTreeSet::new();
    for change in plan["changes"].as_array().unwrap() {
        let (kind, action) = (change["kind"].as_str().unwrap(), change["action"].as_str().unwrap());
        let (calls, others) = calls_of(kind, action);
        let settings = matches!(action, "update" | "adopt");
        assert!(
            !settings || others.iter().any(|call| made.contains_key(*call)),
            "{action} {kind} made none of {others:?}: {made:#?}"
        );
        for call in calls {
            *must.entry(call).or_default() += 1;
        }
        may.extend(others);
    }
    for (call, times) in &must {
        let found = made.get(*call).copied().unwrap_or_default();
        let right = if may.contains(call) { found >= *times } else { found == *times };
        assert!(right, "{call} was promised {times} times and made {found} times: {made:#?}");
    }
    for call in made.keys() {
        assert!(
            must.contains_key(call.as_str()) || may.contains(call.as_str()),
            "{call} was not promised: {made:#?}"
        );
    }
}

fn counted(calls: Vec<String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in calls {
        *counts.entry(call).or_default() += 1;
    }
    counts
}

/// Plans and applies the stack of a new world: the plan lists just this and changes nothing, the apply does just what it lists,
/// and then there is nothing left to do.
pub fn applied_as_planned(world: &World, expected: &[&str]) {
    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    assert_eq!(listed(&plan), expected);
    assert_eq!(world.mutations(), Vec::<String>::new(), "plan made a mutating call");

    world.forget_calls();
    world.run(&["apply", "--yes"]).expect(0);
    promises_kept(world, &plan);

    world.forget_calls();
    let second = world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(world.mutations(), Vec::<String>::new(), "a second apply made a mutating call");
    assert!(second.stdout.contains("No changes"), "{}", second.stdout);
}

fn whole_life_of(name: &str, expected: &[&str]) {
    let world = World::with(&example(name));
    let before = holds(&world);
    applied_as_planned(&world, expected);
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
