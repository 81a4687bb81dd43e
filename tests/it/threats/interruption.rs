//! A job that is cancelled, killed, or beside another one: nothing is lost, nothing is doubled, and what is told is true.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::harness::World;
use super::small;

/// Starts a command and leaves it running; its output goes nowhere.
fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until a condition holds.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_mins(1), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// The next call of this operation takes its time.
fn slow(world: &World, operation: &str) {
    let fault = json!({"account": world.account, "service": "*", "operation": operation, "kind": "timeout_after", "delay_ms": 60_000});
    world.control("POST", "faults", &fault);
}

fn made(world: &World, operation: &str) -> usize {
    world.calls().iter().filter(|call| call["operation"] == operation).count()
}

/// Plans, merges, and applies with a signal while a call runs; the world after that.
fn ended(name: &str, while_it_calls: &str) -> World {
    let world = World::with(&small());
    world.planned_and_merged();
    slow(&world, while_it_calls);
    let mut command = world.ci_command("push", &world.push_event());
    command.env("FARGATE_STACK_ENVIRONMENT", "production");
    let mut child = start(&mut command);
    until("the call", || made(&world, while_it_calls) > 0);
    let since = Instant::now();
    signal(&child, name);
    let status = child.wait().unwrap();
    if name != "-KILL" {
        assert_eq!(status.code(), Some(130), "{while_it_calls}");
        assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    }
    world
}

/// The last step of the action.
fn finalize(world: &World) {
    let mut command = world.runner_command("finalize", "push", &world.push_event());
    World::output(&mut command).expect(0);
}

/// The same commit again brings everything to its end, and leaves nothing twice.
fn resumed(world: &World) {
    let mut command = world.ci_command("push", &world.push_event());
    command.env("GITHUB_RUN_ID", "319").env("FARGATE_STACK_ENVIRONMENT", "production");
    let run = World::output(&mut command).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("applied"), "{}", run.stderr);
    let comment = world.comment();
    assert!(comment.contains("applied"), "{comment}");
    for operation in ["CreateCluster", "CreateService", "CreateSecurityGroup"] {
        assert_eq!(made(world, operation), 1, "{operation}");
    }
    world.forget_calls();
    let mut command = world.ci_command("push", &world.push_event());
    World::output(&mut command).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("no-changes"));
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn a_cancelled_job_ends_in_time_says_so_everywhere_and_is_resumed() {
    for name in ["-INT", "-TERM"] {
        let world = ended(name, "CreateRole");
        assert_eq!(world.output_of("outcome").as_deref(), Some("cancelled"), "{name}");
        let comment = world.comment();
        assert!(comment.contains("cancelled") || comment.contains("interrupted"), "{name}: {comment}");
        let deployments = world.github("GET", "deployments", Value::Null).to_string();
        assert!(deployments.contains("error"), "{name}: {deployments}");
        assert!(!deployments.contains("\"success\""), "{name}: {deployments}");
        let writes = world.github_writes().len();
        finalize(&world);
        assert_eq!(world.github_writes().len(), writes, "{name}: it was told already");
        resumed(&world);
    }
}

#[test]
fn a_killed_job_is_told_by_the_last_step_and_resumed_once_its_lock_is_gone() {
    let world = ended("-KILL", "CreateRole");
    assert!(world.comment().contains("Status: applying"), "{}", world.comment());
    finalize(&world);
    let comment = world.comment();
    assert!(comment.contains("interrupted") && !comment.contains("Status: applying"), "{comment}");
    let deployments = world.github("GET", "deployments", Value::Null).to_string();
    assert!(deployments.contains("error"), "{deployments}");
    // Nobody knows whether the killed process still calls: its lock stands until somebody takes it away, or until it expires.
    let mut command = world.ci_command("push", &world.push_event());
    command.env("FARGATE_STACK_LOCK_TIMEOUT", "0");
    let run = World::output(&mut command).expect(3);
    assert_eq!(world.output_of("failure-reason").as_deref(), Some("locked"), "{}", run.stderr);
    let id =
        run.stderr.split("fargate-stack unlock ").nth(1).unwrap().split(['`', ' ', '\n']).next().unwrap();
    world.run(&["unlock", id, "--yes"]).expect(0);
    resumed(&world);
}

#[test]
fn of_two_jobs_for_one_commit_one_applies_and_the_other_finds_it_done() {
    let world = World::with(&small());
    world.planned_and_merged();
    let latency = json!({"account": world.account, "ms": 50});
    world.control("POST", "latency", &latency);
    let event = world.push_event();
    let mut first = world.ci_command("push", &event);
    // Each runner has files of its own.
    world.write("second/output", "");
    world.write("second/summary", "");
    let mut second = world.ci_command("push", &event);
    for (name, file) in [
        ("GITHUB_OUTPUT", "second/output"),
        ("GITHUB_STEP_SUMMARY", "second/summary"),
        ("RUNNER_TEMP", "second"),
    ] {
        second.env(name, world.folder().join(file));
    }
    second.env("GITHUB_RUN_ID", "319");
    let (mut one, mut two) = (start(&mut first), start(&mut second));
    let (one, two) = (one.wait().unwrap(), two.wait().unwrap());
    assert_eq!(
        (one.code(), two.code()),
        (Some(0), Some(0)),
        "{} {}",
        world.read("runner/output"),
        world.read("second/output")
    );
    for operation in
        ["CreateCluster", "CreateService", "RegisterTaskDefinition", "CreateLogGroup", "CreateSecurityGroup"]
    {
        assert_eq!(made(&world, operation), 1, "{operation}");
    }
    let outcomes = [world.read("runner/output"), world.read("second/output")];
    let applied = outcomes.iter().filter(|text| text.contains("applied")).count();
    assert_eq!(applied, 1, "{outcomes:?}");
    assert!(world.comment().contains("applied"), "{}", world.comment());
}
