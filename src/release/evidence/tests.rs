#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{Container, Task, TaskStopCode};

use super::{first_words, groups, merged};
use crate::release::diagnose::Definition;

fn container(name: &str, code: Option<i32>, reason: &str) -> Container {
    let reason = Some(reason.to_owned()).filter(|text| !text.is_empty());
    Container::builder().name(name).set_exit_code(code).set_reason(reason).build()
}

fn task(id: &str, at: i64, code: &str, reason: &str, containers: Vec<Container>) -> Task {
    Task::builder()
        .task_arn(format!("arn:p:ecs:r:1:task/c/{id}"))
        .stop_code(TaskStopCode::from(code))
        .stopped_reason(reason)
        .stopped_at(DateTime::from_secs(at))
        .set_containers(Some(containers))
        .build()
}

fn exited(id: &str, at: i64, code: i32) -> Task {
    let exit = container("web", Some(code), "");
    task(id, at, "EssentialContainerExited", "Essential container in task exited", vec![exit])
}

#[test]
fn equal_failures_are_one_group_and_the_largest_group_is_first() {
    let timeout = |id: &str, at, address: &str| {
        let reason = format!("CannotPullContainerError: dial tcp {address}:443: i/o timeout");
        task(id, at, "TaskFailedToStart", &reason, vec![container("web", None, &reason)])
    };
    let tasks = [
        exited("a", 9, 1),
        timeout("b", 1, "10.0.0.1"),
        timeout("c", 3, "10.0.0.2"),
        timeout("d", 2, "10.0.9.9"),
    ];
    let groups = groups::of(&tasks, &[]);
    let seen: Vec<(usize, &str)> = groups.iter().map(|group| (group.tasks, group.task.as_str())).collect();
    assert_eq!(seen, [(3, "c"), (1, "a")], "the newest of a group stands for it");
}

#[test]
fn what_the_scheduler_replaces_or_scales_in_has_not_failed() {
    let stopped = |reason: &str| {
        task("a", 1, "ServiceSchedulerInitiated", reason, vec![container("web", Some(143), "")])
    };
    let scaled = stopped("Scaling activity initiated by (deployment ecs-svc/1)");
    assert_eq!(groups::of(&[scaled], &[]), []);
    let sick = stopped("Task failed ELB health checks in (target-group arn:x)");
    assert_eq!(groups::of(&[sick], &[]).len(), 1);
    let running = Task::builder().last_status("RUNNING").build();
    assert_eq!(groups::of(&[running], &[]), []);
}

#[test]
fn the_first_container_to_stop_is_the_one_that_was_not_told_to() {
    let definition =
        |name: &str, essential| Definition { name: name.to_owned(), essential, ..Definition::default() };
    let definitions = [definition("proxy", true), definition("web", true), definition("init", false)];
    let first = |containers: Vec<Container>| {
        let task = task("a", 1, "EssentialContainerExited", "", containers);
        groups::exits(&task, &definitions)[0].container.clone()
    };
    let with = |proxy, web, init| {
        vec![container("proxy", proxy, ""), container("web", web, ""), container("init", init, "")]
    };
    assert_eq!(first(with(Some(143), Some(1), Some(0))), "web");
    assert_eq!(first(with(Some(137), Some(0), Some(0))), "proxy");
    assert_eq!(first(with(Some(143), Some(0), Some(1))), "web", "an essential end counts, not a helper's");
    assert_eq!(
        first(with(Some(0), None, Some(1))),
        "init",
        "unless something essential waited for the helper"
    );
    let killed = container("proxy", Some(137), "OutOfMemoryError: Container killed due to memory usage");
    assert_eq!(first(vec![container("web", Some(1), ""), killed]), "proxy", "ECS says so");
}

#[test]
fn a_task_is_told_in_one_line() {
    assert_eq!(
        first_words(&exited("a", 1, 1)),
        "container `web` exited with 1 (the program failed): Essential container in task exited"
    );
    let reason = "CannotPullContainerError: not found";
    let unstarted = task("b", 1, "TaskFailedToStart", reason, vec![container("web", None, reason)]);
    assert_eq!(first_words(&unstarted), reason);
    assert_eq!(first_words(&Task::builder().build()), "the task stopped, and ECS gives no reason");
}

#[test]
fn a_task_that_was_seen_and_read_counts_once_in_its_later_state() {
    let seen = Task::builder().task_arn("arn:p:ecs:r:1:task/c/a").last_status("RUNNING").build();
    let other = exited("b", 1, 1);
    let merged = merged(vec![seen, other.clone()], vec![exited("a", 2, 1)]);
    assert_eq!(merged.len(), 2);
    assert!(merged.iter().all(|task| task.stop_code().is_some()));
}
