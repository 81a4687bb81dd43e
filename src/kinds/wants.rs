//! What stacks want, kind by kind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use serde_json::Value;

use super::{samples, wanted};
use crate::stack::Stack;

fn addresses(stack: &Stack) -> Vec<String> {
    wanted(stack).unwrap().iter().map(|resource| resource.at.address.to_string()).collect()
}

fn attrs(stack: &Stack, address: &str) -> Value {
    let resources = wanted(stack).unwrap();
    let found = resources.into_iter().find(|resource| resource.at.address.to_string() == address);
    found.unwrap_or_else(|| panic!("no {address}")).attrs
}

/// The resources of the statement that allows `action`.
fn allowed(stack: &Stack, role: &str, action: &str) -> BTreeSet<String> {
    let role = attrs(stack, &format!("iam_role.{role}"));
    let policies = role["policies"].as_object().unwrap();
    let statements = policies.values().flat_map(|policy| policy["Statement"].as_array().unwrap());
    statements
        .filter(|statement| statement["Action"].as_array().unwrap().contains(&action.into()))
        .flat_map(|statement| statement["Resource"].as_array().unwrap())
        .map(|resource| resource.as_str().unwrap().to_owned())
        .collect()
}

fn set<const N: usize>(items: [&str; N]) -> BTreeSet<String> {
    items.map(str::to_owned).into()
}

const BASE: [&str; 5] =
    ["cluster.main", "log_group.main", "iam_role.execution", "iam_role.task", "security_group.tasks"];

#[test]
fn a_one_off_task_wants_the_base_and_its_task_definition() {
    let expected: Vec<&str> = BASE.into_iter().chain(["task_definition.my-one-shot"]).collect();
    assert_eq!(addresses(&samples::one_off()), expected);
}

#[test]
fn a_daemon_wants_a_service_besides() {
    let expected: Vec<&str> =
        BASE.into_iter().chain(["task_definition.my-daemon", "service.my-daemon"]).collect();
    assert_eq!(addresses(&samples::daemon()), expected);
}

#[test]
fn a_scheduled_task_wants_a_rule_and_the_role_of_events_besides() {
    let mut expected = BASE.to_vec();
    expected.insert(4, "iam_role.events");
    expected.extend(["task_definition.my-cron-job", "schedule.my-cron-job"]);
    assert_eq!(addresses(&samples::scheduled()), expected);
}

#[test]
fn a_whole_stack_wants_just_this() {
    insta::assert_json_snapshot!(shown(&samples::multi()));
}

#[test]
fn a_whole_web_stack_wants_just_this() {
    insta::assert_json_snapshot!(shown(&samples::web()));
}

fn shown(stack: &Stack) -> Vec<Value> {
    wanted(stack)
        .unwrap()
        .iter()
        .map(|resource| {
            serde_json::json!({
                "address": resource.at.address,
                "name": resource.at.name,
                "parent": resource.at.parent,
                "after": resource.after,
                "attrs": resource.attrs,
            })
        })
        .collect()
}

#[test]
fn the_tasks_let_the_load_balancer_of_somebody_else_in_and_nobody_else() {
    let ingress = &attrs(&samples::shared(), "security_group.tasks")["ingress"];
    assert_eq!(*ingress, serde_json::json!({"tcp 80 from load balancer main": "sg-0main"}));
}

#[test]
fn a_load_balancer_lets_whoever_may_in_on_the_ports_that_it_listens_on() {
    let ingress = &attrs(&samples::web(), "security_group.alb-public")["ingress"];
    let all =
        serde_json::json!({"tcp 443 from 0.0.0.0/0": "0.0.0.0/0", "tcp 80 from 0.0.0.0/0": "0.0.0.0/0"});
    assert_eq!(*ingress, all);
}

#[test]
fn a_name_that_leads_to_somebody_elses_load_balancer_is_known_from_the_start() {
    let record = attrs(&samples::shared(), "dns_record.plain.example.com");
    assert_eq!(record["target"], "main-1.eu-west-1.elb.amazonaws.com");
    assert_eq!(record["target_zone"], "Z32O12XQLNTSW2");
}

#[test]
fn a_certificate_that_is_validated_by_a_record_of_somebody_else_wants_no_record() {
    let mut stack = samples::web();
    stack.web.certificates.get_mut("www.example.com").unwrap().validated_elsewhere = true;
    let validations: Vec<String> =
        addresses(&stack).into_iter().filter(|address| address.ends_with("-validation")).collect();
    assert_eq!(validations, ["dns_record._.shop.example.com-validation"]);
}

#[test]
fn the_events_role_may_run_every_scheduled_task_and_pass_both_roles() {
    let stack = samples::multi();
    assert_eq!(
        allowed(&stack, "events", "ecs:RunTask"),
        set([
            "arn:aws:ecs:eu-west-1:123456789012:task-definition/hourly:*",
            "arn:aws:ecs:eu-west-1:123456789012:task-definition/nightly:*",
        ])
    );
    assert_eq!(
        allowed(&stack, "events", "iam:PassRole"),
        set([
            "arn:aws:iam::123456789012:role/Fargatemulti-stackRole",
            "arn:aws:iam::123456789012:role/Fargatemulti-stackTaskRole",
        ])
    );
}

#[test]
fn the_execution_role_may_read_the_secrets_of_all_tasks_and_no_others() {
    assert_eq!(
        allowed(&samples::multi(), "execution", "secretsmanager:GetSecretValue"),
        set([
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-key-d4e5f6",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-password-a1b2c3",
        ])
    );
    assert!(allowed(&samples::daemon(), "execution", "secretsmanager:GetSecretValue").is_empty());
}

#[test]
fn the_execution_role_may_pull_from_the_whole_path_of_each_repository_once() {
    assert_eq!(
        allowed(&samples::multi(), "execution", "ecr:BatchGetImage"),
        set([
            "arn:aws:ecr:eu-west-1:123456789012:repository/helloworld",
            "arn:aws:ecr:eu-west-1:123456789012:repository/team/worker",
        ])
    );
}

#[test]
fn a_stack_of_public_images_needs_no_registry_token() {
    let mut stack = samples::multi();
    stack.tasks.retain(|key, _| key == "migrate");
    assert!(allowed(&stack, "execution", "ecr:GetAuthorizationToken").is_empty());
    assert!(!allowed(&stack, "execution", "logs:PutLogEvents").is_empty());
}

#[test]
fn the_role_of_the_program_may_do_nothing_by_itself() {
    assert_eq!(attrs(&samples::multi(), "iam_role.task")["policies"], serde_json::json!({}));
}

#[test]
fn no_arn_of_another_partition_is_written() {
    let mut stack = samples::china();
    for task in stack.tasks.values_mut() {
        task.image.repository_arn = None;
    }
    let text: String = wanted(&stack).unwrap().iter().map(|resource| resource.attrs.to_string()).collect();
    assert!(text.contains("arn:aws-cn:ecs:cn-north-1:123456789012:cluster/fern-cluster"));
    assert!(!text.contains("arn:aws:"), "{text}");
}

#[test]
fn the_image_goes_into_the_task_definition_as_it_was_resolved() {
    let stack = samples::multi();
    let worker = attrs(&stack, "task_definition.worker");
    assert_eq!(worker["containers"][0]["image"], stack.tasks["worker"].image.image.image.as_str());
    let release = serde_json::json!({"source": "team/worker:latest", "tag": "4f2a9c1", "commit": "4f2a9c1"});
    assert_eq!(worker["release"], release);
}

#[test]
fn log_retention_of_no_days_keeps_logs_for_ever() {
    let stack = Stack { log_retention_days: 0, ..samples::daemon() };
    assert_eq!(attrs(&stack, "log_group.main")["retention_days"], Value::Null);
}

#[test]
fn a_rule_starts_its_task_in_all_subnets_with_the_id_that_the_reader_looks_for() {
    let stack = samples::scheduled();
    let target = &attrs(&stack, "schedule.my-cron-job")["target"];
    assert_eq!(target["subnets"], serde_json::json!(["subnet-0a", "subnet-0b"]));
    assert_eq!(target["id"], stack.names.target_id("my-cron-job").as_str());
    assert_eq!(target["id"], super::schedule::target_id("my-cron-job"));
}
