//! The lock of a stack, as processes see it: who gets it, who is kept out, what is left behind.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::account::{block, holds, sdk};
use super::harness::{Run, World, is_of_the_lock, operation};
use super::interrupted::kill_after;
use super::stacks::example;

fn lock_calls(world: &World) -> Vec<String> {
    world.calls().iter().filter(|call| is_of_the_lock(call)).map(operation).collect()
}

/// A lock as a run that is gone leaves it behind. Forgets the recorded calls.
pub fn plant(world: &World, stack: &str, generation: u64, expires_in: i64, who: &str) -> String {
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let id = format!("{generation}-00000000deadbeef");
    let owner = json!({"who": who, "what": "apply", "run": "https://github.example/octo/app/actions/runs/7/attempts/1"});
    let record =
        json!({"id": id, "owner": owner, "since": now - 60, "expires": now + expires_in, "state": "held"});
    let client = aws_sdk_ssm::Client::new(&sdk(world));
    let name = format!("/fargate-stack/locks/{stack}/{generation}");
    let put = client.put_parameter().name(name).value(record.to_string());
    block(put.r#type(aws_sdk_ssm::types::ParameterType::String).send()).unwrap();
    world.forget_calls();
    id
}

/// The name of the stack of `minimal-daemon`.
const STACK: &str = "my-daemon";

#[test]
fn an_apply_makes_just_these_calls_for_the_lock_and_one_without_changes_only_looks() {
    let world = World::with(&example("minimal-daemon"));
    world.run(&["plan"]).expect(0);
    assert_eq!(lock_calls(&world), [""; 0], "a plan does not look at the lock");
    world.run(&["apply", "--yes"]).expect(0);
    // Looked, taken, checked, given back.
    let whole =
        ["ssm:GetParametersByPath", "ssm:PutParameter", "ssm:GetParametersByPath", "ssm:PutParameter"];
    assert_eq!(lock_calls(&world), whole);
    let calls = world.calls();
    let first = calls.iter().position(|call| call["mutating"] == true).unwrap();
    let last = calls.iter().rposition(|call| call["mutating"] == true).unwrap();
    assert!(is_of_the_lock(&calls[first]), "changed before the lock was taken: {}", calls[first]);
    assert!(is_of_the_lock(&calls[last]), "changed after the lock was given back: {}", calls[last]);

    world.forget_calls();
    world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(lock_calls(&world), ["ssm:GetParametersByPath"]);
    assert!(world.calls().iter().all(|call| call["mutating"] == false));

    // The next holder cleans up behind the last one.
    world.forget_calls();
    world.run(&["destroy", "--yes"]).expect(0);
    let mut cleaned = whole.to_vec();
    cleaned.insert(3, "ssm:DeleteParameters");
    assert_eq!(lock_calls(&world), cleaned);
    let left = world.locks();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].0.ends_with("/2") && left[0].1["state"] == "free", "{left:?}");
}

#[test]
fn without_the_lock_no_call_is_made_for_it() {
    let world = World::with(&example("minimal-daemon"));
    let id = plant(&world, STACK, 1, 600, "octo");
    world.run(&["apply", "--yes", "--no-lock"]).expect(0);
    assert_eq!(lock_calls(&world), [""; 0]);
    assert_eq!(world.lock_holder(), Some(id));
}

#[test]
fn a_locked_stack_is_refused_with_the_holder_and_how_to_go_on() {
    let world = World::with(&example("minimal-daemon"));
    let id = plant(&world, STACK, 3, 600, "octo\u{1b}[2J\n::error::forged");
    let run = world.run(&["apply", "--yes"]).expect(3);
    for part in [
        format!("error: the stack `{STACK}` is locked"),
        "held by  octo".to_owned(),
        "run      https://github.example/octo/app/actions/runs/7/attempts/1".to_owned(),
        "hint: `--lock-timeout 10m` waits for it".to_owned(),
        format!("`fargate-stack unlock {id}`"),
    ] {
        assert!(run.stderr.contains(&part), "{part} is missing:\n{}", run.stderr);
    }
    assert!(!run.stderr.contains('\u{1b}'), "{}", run.stderr);
    assert!(!run.stderr.lines().any(|line| line.starts_with("::error::forged")), "{}", run.stderr);
    assert!(world.calls().iter().all(|call| call["mutating"] == false));
    for command in [["release", "--yes"], ["destroy", "--yes"]] {
        world.run(&command).expect(3);
    }
    // Another stack of the account is not concerned.
    let other = example("minimal-daemon").replace("my-daemon", "other");
    world.write("other.yml", &other);
    world.run(&["apply", "--yes", "-c", "other.yml"]).expect(0);
}

#[test]
fn an_expired_lock_keeps_nobody_out() {
    let world = World::with(&example("minimal-daemon"));
    plant(&world, STACK, 3, -1, "octo");
    world.run(&["apply", "--yes"]).expect(0);
    assert!(world.locks().pop().unwrap().0.ends_with("/4"));
}

#[test]
fn unlock_takes_away_the_lock_that_it_names_and_no_other() {
    let world = World::with(&example("minimal-daemon"));
    let run = world.run(&["unlock", "1-0000000000000000", "--yes"]).expect(0);
    assert!(run.stdout.contains("nobody holds its lock"), "{}", run.stdout);
    world.run(&["unlock", "whatever", "--yes"]).expect(2);
    let id = plant(&world, STACK, 5, 600, "octo");
    let run = world.run(&["unlock", "4-00000000deadbeef", "--yes"]).expect(3);
    assert!(run.stderr.contains("octo") && run.stderr.contains(&id), "{}", run.stderr);
    // Nobody is there to answer.
    world.run(&["unlock", &id]).expect(3);
    assert!(world.changes().is_empty() && world.lock_holder() == Some(id.clone()));
    let deed = world.run(&["unlock", &id, "--yes", "--format", "json"]).expect(0).json();
    assert_eq!((&deed["changed"], &deed["holder"]["owner"]["who"]), (&json!(true), &json!("octo")));
    assert_eq!(world.lock_holder(), None);
    world.run(&["unlock", &id, "--yes"]).expect(0);
    world.run(&["apply", "--yes"]).expect(0);
}

#[test]
fn a_killed_apply_leaves_its_lock_and_the_next_one_goes_on_after_unlock() {
    let world = World::with(&example("worker"));
    world.control("POST", "latency", &json!({"account": world.account, "ms": 30}));
    let mut child =
        world.command(&["apply", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while world.mutations().len() < 4 {
        assert!(child.try_wait().unwrap().is_none(), "the apply ended early");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    world.control("POST", "latency", &json!({"account": world.account, "ms": 0}));
    // What was on its way takes effect without the process.
    std::thread::sleep(Duration::from_millis(500));
    let before = world.mutations().len();
    let id = world.lock_holder().expect("the lock is gone");
    let refused = world.run(&["apply", "--yes"]).expect(3);
    assert!(refused.stderr.contains(&id), "{}", refused.stderr);
    assert_eq!(world.mutations().len(), before);
    world.run(&["unlock", &id, "--yes"]).expect(0);
    world.run(&["apply", "--yes"]).expect(0);
    world.forget_calls();
    world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(world.mutations(), [""; 0]);
}

/// Starts the same command twice at once.
fn both(world: &World, args: &[&str]) -> Vec<Run> {
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..2).map(|_| scope.spawn(|| world.run(args))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

/// How often each call that makes something took effect.
fn made(world: &World) -> Vec<String> {
    let mut made: Vec<String> =
        world.changes().iter().filter(|call| call["result"] == "ok").map(operation).collect();
    made.sort();
    made
}

#[test]
fn of_two_applies_at_once_one_applies_and_the_other_is_refused_or_waits() {
    let alone = World::with(&example("worker"));
    alone.run(&["apply", "--yes"]).expect(0);
    let slow = |world: &World| world.control("POST", "latency", &json!({"account": world.account, "ms": 60}));

    let world = World::with(&example("worker"));
    slow(&world);
    let mut runs = both(&world, &["apply", "--yes"]);
    runs.sort_by_key(|run| run.code);
    assert_eq!((runs[0].code, runs[1].code), (0, 3), "{}\n{}", runs[0].stderr, runs[1].stderr);
    assert!(runs[1].stderr.contains("is locked"), "{}", runs[1].stderr);
    assert_eq!(made(&world), made(&alone));

    let world = World::with(&example("worker"));
    slow(&world);
    let runs = both(&world, &["apply", "--yes", "--lock-timeout", "60s"]);
    assert_eq!((runs[0].code, runs[1].code), (0, 0), "{}\n{}", runs[0].stderr, runs[1].stderr);
    let waited: Vec<&Run> = runs.iter().filter(|run| run.stdout.contains("No changes")).collect();
    assert_eq!(waited.len(), 1, "{}\n{}", runs[0].stdout, runs[1].stdout);
    assert!(
        waited[0].stderr.contains("is locked by") || waited[0].stderr.contains("meanwhile"),
        "{}",
        waited[0].stderr
    );
    assert_eq!(made(&world), made(&alone));
    assert_eq!(world.lock_holder(), None);
}

#[test]
fn two_stacks_do_not_wait_for_each_other() {
    let world = World::with(&example("minimal-daemon"));
    world.write("other.yml", &example("minimal-daemon").replace("my-daemon", "other"));
    let shared = &world;
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let (one, two) =
            (["apply", "--yes", "-c", "fargate-stack.yml"], ["apply", "--yes", "-c", "other.yml"]);
        let runs = [one, two].map(|args| scope.spawn(move || shared.run(&args)));
        runs.map(|run| run.join().unwrap()).into()
    });
    assert_eq!((runs[0].code, runs[1].code), (0, 0), "{}\n{}", runs[0].stderr, runs[1].stderr);
    assert_eq!(world.locks().len(), 2, "{:?}", world.locks());
}

/// An apply, between whose look at the lock and its taking somebody else held the lock, and did `change` after it was read.
fn overtaken(world: &World, change: impl FnOnce()) -> Run {
    world.control("POST", "latency", &json!({"account": world.account, "ms": 300}));
    let mut command = world.command(&["apply", "--yes"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    let wait_for = |operation: &str| {
        while !world.calls().iter().any(|call| call["operation"] == operation) {
            assert!(started.elapsed() < Duration::from_mins(1), "it does not get on to {operation}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    wait_for("GetParametersByPath");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let record: Value = json!({"id": "1-other", "owner": {}, "since": now, "expires": now, "state": "free"});
    let client = aws_sdk_ssm::Client::new(&sdk(world));
    let put =
        client.put_parameter().name(format!("/fargate-stack/locks/{STACK}/1")).value(record.to_string());
    block(put.r#type(aws_sdk_ssm::types::ParameterType::String).send()).unwrap();
    world.control("POST", "latency", &json!({"account": world.account, "service": "ssm", "ms": 3000}));
    wait_for("DescribeLogGroups");
    change();
    world.control("DELETE", &format!("latency?account={}", world.account), &Value::Null);
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_plan_that_is_not_true_any_more_is_refused_when_nobody_can_be_asked() {
    let world = World::with(&example("minimal-daemon"));
    let run = overtaken(&world, || {
        let logs = aws_sdk_cloudwatchlogs::Client::new(&sdk(&world));
        block(logs.create_log_group().log_group_name("/ecs/my-daemon").send()).unwrap();
    })
    .expect(3);
    assert!(run.stderr.contains("another run changed the stack"), "{}", run.stderr);
    assert_eq!(world.mutations(), ["logs:CreateLogGroup"], "it changed something");
}

#[test]
fn a_plan_that_is_still_true_is_carried_out_though_somebody_held_the_lock_meanwhile() {
    let world = World::with(&example("minimal-daemon"));
    let run = overtaken(&world, || {}).expect(0);
    assert_eq!(run.stdout.matches("Plan: 7 to create").count(), 1, "it was shown twice:\n{}", run.stdout);
    assert!(world.locks().pop().unwrap().0.ends_with("/2"), "{:?}", world.locks());
}

#[test]
fn a_missing_permission_for_the_lock_is_named_and_can_be_done_without() {
    for operation in ["GetParametersByPath", "PutParameter"] {
        let world = World::with(&example("minimal-daemon"));
        let fault = json!({"account": world.account, "service": "ssm", "operation": operation, "kind": "access_denied", "count": 100});
        world.control("POST", "faults", &fault);
        let run = world.run(&["apply", "--yes"]).expect(1);
        for part in [format!("`ssm:{operation}`"), "`--no-lock`".to_owned(), "iam print".to_owned()] {
            assert!(run.stderr.contains(&part), "{part} is missing:\n{}", run.stderr);
        }
        assert_eq!(world.mutations(), [""; 0]);
        world.run(&["apply", "--yes", "--no-lock"]).expect(0);
    }
}

#[test]
fn a_failed_apply_gives_its_lock_back() {
    let world = World::with(&example("minimal-daemon"));
    let fault = json!({"account": world.account, "service": "ecs", "operation": "CreateCluster", "kind": "access_denied"});
    world.control("POST", "faults", &fault);
    world.run(&["apply", "--yes"]).expect(5);
    assert_eq!(world.lock_holder(), None);
    world.run(&["apply", "--yes"]).expect(0);
}

#[test]
fn the_lock_is_free_while_a_rollout_is_waited_for() {
    let world = World::with(&example("minimal-daemon"));
    let slow = json!({"account": world.account, "service": "my-daemon", "outcome": "healthy", "after_s": 4});
    world.control("POST", "rollouts", &slow);
    let mut child =
        world.command(&["apply", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let given_back = || lock_calls(&world).iter().filter(|call| *call == "ssm:PutParameter").count() == 2;
    while !given_back() {
        assert!(child.try_wait().unwrap().is_none(), "the apply ended early");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(world.lock_holder(), None);
    assert!(child.try_wait().unwrap().is_none(), "there was no rollout to wait for");
    assert!(child.wait().unwrap().success());
}

#[test]
fn kill_after_leaves_a_world_that_can_be_applied() {
    let world = World::with(&example("minimal-daemon"));
    world.control("POST", "latency", &json!({"account": world.account, "ms": 30}));
    kill_after(&world, 2);
    assert_eq!(world.lock_holder(), None);
    assert!(!holds(&world).is_empty());
}
