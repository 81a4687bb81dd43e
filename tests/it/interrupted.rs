//! An apply that is killed or loses an answer is finished by the next one, and nothing is made twice.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::account::holds;
use super::harness::World;
use super::stacks::example;

/// How many mutating calls a first apply of the example makes, and what the account holds after it. Names are equal in all
/// worlds; ids of VPCs are not, so they are cut.
fn whole(name: &str) -> (usize, Vec<String>) {
    let world = World::with(&example(name));
    world.run(&["apply", "--yes"]).expect(0);
    (world.mutations().len(), state(&world))
}

fn state(world: &World) -> Vec<String> {
    let cut = |line: &String| line.split(" in vpc-").next().unwrap().replace(&world.account, "ACCOUNT");
    holds(world).iter().map(cut).collect()
}

/// Starts an apply and kills it as soon as it has made `count` mutating calls.
pub fn kill_after(world: &World, count: usize) {
    let mut child =
        world.command(&["apply", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while world.mutations().len() < count && child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_mins(2), "the apply does not get on");
        std::thread::sleep(Duration::from_millis(2));
    }
    killed(world, &mut child);
}

/// Kills a run, and takes away the lock that it leaves behind: without that the next one would be refused until it expires.
pub fn killed(world: &World, child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
    if let Some(id) = world.lock_holder() {
        world.run(&["unlock", &id, "--yes"]).expect(0);
    }
}

#[test]
fn an_apply_killed_after_any_mutating_call_is_finished_by_the_next_with_nothing_made_twice() {
    let (calls, expected) = whole("worker");
    assert!(calls >= 14, "only {calls} mutating calls");
    let numbers: Vec<usize> = (1..calls).collect();
    std::thread::scope(|scope| {
        for part in numbers.chunks(calls.div_ceil(3)) {
            let expected = &expected;
            scope.spawn(move || {
                for count in part {
                    let world = World::with(&example("worker"));
                    world.control("POST", "latency", &json!({"account": world.account, "ms": 30}));
                    kill_after(&world, *count);
                    world.control("POST", "latency", &json!({"account": world.account, "ms": 0}));
                    world.run(&["apply", "--yes"]).expect(0);
                    assert_eq!(&state(&world), expected, "killed after {count} calls");
                    world.forget_calls();
                    world.run(&["apply", "--yes"]).expect(0);
                    assert_eq!(world.mutations(), Vec::<String>::new(), "killed after {count} calls");
                }
            });
        }
    });
}

#[test]
fn a_call_that_took_effect_without_an_answer_is_not_made_twice() {
    let (_, expected) = whole("worker");
    let operations = [
        ("ecs", "CreateCluster"),
        ("ecs", "RegisterTaskDefinition"),
        ("ecs", "CreateService"),
        ("logs", "CreateLogGroup"),
        ("iam", "CreateRole"),
        ("iam", "PutRolePolicy"),
        ("ec2", "CreateSecurityGroup"),
        ("events", "PutRule"),
        ("events", "PutTargets"),
    ];
    std::thread::scope(|scope| {
        for part in operations.chunks(3) {
            let expected = &expected;
            scope.spawn(move || {
                for (service, operation) in part {
                    let world = World::with(&example("worker"));
                    let fault = json!({"account": world.account, "service": service, "operation": operation, "kind": "timeout_after"});
                    world.control("POST", "faults", &fault);
                    let first = world.run(&["apply", "--yes"]);
                    let hit = world.calls().iter().any(|call| call["operation"] == *operation && !call["fault"].is_null());
                    assert!(hit, "the fault was not met: {operation}");
                    if first.code != 0 {
                        world.run(&["apply", "--yes"]).expect(0);
                    }
                    assert_eq!(&state(&world), expected, "{operation} lost its answer");
                }
            });
        }
    });
}

#[test]
fn throttled_calls_are_tried_again() {
    let world = World::with(&example("minimal-daemon"));
    for (service, operation) in
        [("ecs", "RegisterTaskDefinition"), ("iam", "CreateRole"), ("ecs", "CreateService")]
    {
        let fault =
            json!({"account": world.account, "service": service, "operation": operation, "kind": "throttle"});
        world.control("POST", "faults", &fault);
    }
    world.run(&["apply", "--yes"]).expect(0);
}

#[test]
fn a_refused_call_stops_what_waits_for_it_and_names_the_missing_permission() {
    let world = World::with(&example("minimal-daemon"));
    let fault = json!({"account": world.account, "service": "ecs", "operation": "RegisterTaskDefinition", "kind": "access_denied"});
    world.control("POST", "faults", &fault);
    let run = world.run(&["apply", "--yes"]).expect(5);
    assert!(
        run.stdout.contains("task_definition.my-daemon") || run.stderr.contains("task_definition.my-daemon")
    );
    assert!(
        format!("{}{}", run.stdout, run.stderr).contains("ecs:RegisterTaskDefinition"),
        "{}\n{}",
        run.stdout,
        run.stderr
    );
    assert!(!world.mutations().contains(&"ecs:CreateService".to_owned()));
    world.run(&["apply", "--yes"]).expect(0);
}

#[test]
fn an_interrupted_apply_finishes_running_calls_and_exits_with_130() {
    let world = World::with(&example("worker"));
    world.control("POST", "latency", &json!({"account": world.account, "ms": 150}));
    let child =
        world.command(&["apply", "--yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while world.mutations().len() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let signalled = Instant::now();
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(signalled.elapsed() < Duration::from_secs(9));
    world.control("POST", "latency", &json!({"account": world.account, "ms": 0}));
    // On a busy machine a call may have had no answer in time, and then the lock stays for a minute.
    world.run(&["apply", "--yes", "--lock-timeout", "90s"]).expect(0);
}
