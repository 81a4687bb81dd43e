//! What ends a rollout early, and above all what does not.
#![allow(clippy::unwrap_used, reason = "tests")]

use aws_sdk_ecs::types::Container;

use super::*;

const NOT_FOUND: &str = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
                         shop/web:abc: shop/web:abc: not found";
const NO_ROUTE: &str = "CannotPullContainerError: pull image manifest has been retried 5 time(s): dial tcp 10.0.0.1:443: i/o timeout";
const NO_SECRET: &str = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                         failed: ResourceNotFoundException: Secrets Manager can't find the specified secret.";
const NO_ENDPOINT: &str = "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secrets from \
                           ssm: RequestCanceled: request context canceled: context deadline exceeded";

fn task(n: u32, code: Code, reason: &str) -> Task {
    Task::builder()
        .task_arn(format!("task/{n}"))
        .stop_code(code)
        .stopped_reason(reason)
        .stopped_at(DateTime::from_secs(1000 + i64::from(n)))
        .build()
}

fn not_started(n: u32, reason: &str) -> Task {
    task(n, Code::TaskFailedToStart, reason)
}

fn crashed(n: u32) -> Task {
    let mut task = task(n, Code::EssentialContainerExited, "Essential container in task exited");
    task.started_at = Some(DateTime::from_secs(1000));
    task.containers = Some(vec![Container::builder().name("web").exit_code(1).build()]);
    task
}

fn course(tasks: impl IntoIterator<Item = Task>) -> Course {
    let mut course = Course::default();
    for task in tasks {
        course.stopped(&task);
    }
    course
}

#[test]
fn a_start_that_trying_again_does_not_heal_is_hopeless_the_second_time() {
    for reason in [NOT_FOUND, NO_SECRET] {
        assert_eq!(course([not_started(1, reason)]).hopeless(true), None, "{reason}");
        let two = course([not_started(1, reason), not_started(2, reason)]);
        assert!(two.hopeless(true).is_some() && two.hopeless(false).is_some(), "{reason}");
    }
}

#[test]
fn a_refused_permission_is_hopeless_only_when_it_stays_refused() {
    const REFUSED: &str = "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException: User: x \
                           is not authorized to perform: secretsmanager:GetSecretValue";
    let soon = course((1..4).map(|n| not_started(n, REFUSED)));
    assert_eq!(soon.hopeless(true), None, "IAM may not show a new role everywhere yet");
    assert!(course([not_started(1, REFUSED), not_started(40, REFUSED)]).hopeless(true).is_some());
}

#[test]
fn the_same_task_read_twice_is_one_failure() {
    let mut course = Course::default();
    assert!(course.stopped(&not_started(1, NOT_FOUND)));
    assert!(!course.stopped(&not_started(1, NOT_FOUND)));
    assert_eq!((course.tasks().len(), course.hopeless(true)), (1, None));
}

#[test]
fn what_may_heal_is_left_to_the_breaker() {
    for reason in
        [NO_ROUTE, NO_ENDPOINT, "CannotPullContainerError: toomanyrequests: rate exceeded", "something new"]
    {
        let three = course((1..4).map(|n| not_started(n, reason)));
        assert_eq!(three.hopeless(true), None, "{reason}");
        assert!(three.hopeless(false).is_some(), "without a breaker nobody else ends it: {reason}");
    }
}

#[test]
fn a_container_says_it_as_well_as_the_task() {
    let with = |n| {
        let mut task = not_started(n, "Task failed to start");
        task.containers = Some(vec![Container::builder().reason(NOT_FOUND).build()]);
        task
    };
    assert!(course([with(1), with(2)]).hopeless(true).is_some());
}

#[test]
fn a_deployment_of_which_a_task_ran_is_not_hopeless_for_a_failed_start() {
    let mut course = course([not_started(1, NOT_FOUND), not_started(2, NOT_FOUND)]);
    course.runs(1, 0.0, 1000.0);
    assert_eq!(course.hopeless(true), None);
    course.runs(0, 2.0, 1002.0);
    assert_eq!(course.hopeless(true), None, "it ran once, so the image can be pulled");
}

#[test]
fn crashes_are_the_breakers_when_there_is_one_and_hopeless_after_three_when_there_is_none() {
    assert_eq!(course((1..10).map(crashed)).hopeless(true), None);
    assert_eq!(course((1..3).map(crashed)).hopeless(false), None);
    assert!(course((1..4).map(crashed)).hopeless(false).is_some());
}

#[test]
fn crashes_before_a_steady_time_count_no_more() {
    let mut course = course((1..4).map(crashed));
    course.runs(1, 10.0, 1010.0);
    assert_eq!(course.hopeless(false), None, "a task runs");
    course.runs(1, 51.0, 1051.0);
    course.runs(0, 60.0, 1060.0);
    assert_eq!(course.hopeless(false), None, "it ran for 41 s since");
    let mut short = Course::default();
    (1..4).map(crashed).for_each(|task| {
        short.stopped(&task);
        short.runs(1, 10.0, 1010.0);
        short.runs(0, 15.0, 1015.0);
    });
    assert!(short.hopeless(false).is_some(), "5 s are not steady");
}

#[test]
fn tasks_stopped_by_scaling_by_somebody_or_with_their_host_are_no_failures() {
    for (code, reason) in [
        (Code::ServiceSchedulerInitiated, "Scaling activity initiated by (deployment ecs-svc/1)"),
        (Code::UserInitiated, "Task stopped by user"),
        (Code::SpotInterruption, "Your Spot Task was interrupted."),
        (
            Code::TerminationNotice,
            "ECS is performing maintenance on the underlying infrastructure hosting the task",
        ),
        (Code::InfrastructureHealth, "The host is unhealthy"),
    ] {
        let five = course((1..6).map(|n| task(n, code.clone(), reason)));
        assert_eq!((five.tasks().len(), five.hopeless(false)), (0, None), "{reason}");
    }
    let unhealthy = task(1, Code::ServiceSchedulerInitiated, "Task failed container health checks");
    assert_eq!(course([unhealthy]).tasks().len(), 1);
}

#[test]
fn the_first_failure_is_the_one_that_stopped_first() {
    let course = course([crashed(3), crashed(2), crashed(4)]);
    assert_eq!(course.first().and_then(Task::task_arn), Some("task/2"));
}
