//! A run that is told to stop, as a runner does it: SIGINT to the process that the step began, SIGTERM 7.5 s later, and the end
//! 2.5 s after that.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::harness::World;
use super::lock::plant;
use super::stacks::example;

/// From the signal to the end of the process.
const LIMIT: Duration = Duration::from_secs(5);

/// Starts a command as the action does: by a shell that becomes it.
fn start(world: &World, args: &[&str]) -> Child {
    let binary = world.command(args);
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", "exec \"$0\" \"$@\""]).arg(binary.get_program()).args(args);
    shell.current_dir(world.folder()).env_clear().envs(world.environment());
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell.spawn().unwrap()
}

fn slow(world: &World, ms: u64) {
    world.control("POST", "latency", &json!({"account": world.account, "ms": ms}));
}

fn quick(world: &World) {
    world.control("DELETE", &format!("latency?account={}", world.account), &json!(null));
}

#[track_caller]
fn wait_for(child: &mut Child, ready: impl Fn() -> bool) {
    let started = Instant::now();
    while !ready() {
        assert!(child.try_wait().unwrap().is_none(), "it ended early");
        assert!(started.elapsed() < Duration::from_mins(1), "it does not get on");
        std::thread::sleep(Duration::from_millis(3));
    }
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Sends the signal, and gives the output of a process that ended in time.
#[track_caller]
fn stopped(child: Child, signal: &str) -> Output {
    let sent = Instant::now();
    send(&child, signal);
    let output = child.wait_with_output().unwrap();
    let took = sent.elapsed();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(took < LIMIT, "{signal}: the end came after {took:?}:\n{told}");
    assert_eq!(output.status.code(), Some(130), "{signal}:\n{told}");
    output
}

#[test]
fn an_apply_that_is_stopped_after_any_step_ends_in_time_and_the_next_one_finishes() {
    let whole = World::with(&example("worker"));
    whole.run(&["apply", "--yes"]).expect(0);
    let mut expected = whole.mutations();
    expected.sort();
    // The first wave, the middle, and the last steps, in which the service is made.
    let points =
        [(1, "-INT"), (3, "-TERM"), (5, "-INT"), (8, "-TERM"), (10, "-INT"), (expected.len() - 1, "-TERM")];
    std::thread::scope(|scope| {
        for part in points.chunks(2) {
            let expected = &expected;
            scope.spawn(move || {
                for (count, signal) in part {
                    let world = World::with(&example("worker"));
                    slow(&world, 250);
                    let mut child = start(&world, &["apply", "--yes"]);
                    wait_for(&mut child, || world.mutations().len() >= *count);
                    stopped(child, signal);
                    let done = world.mutations();
                    assert!(*count > 5 || done.len() < expected.len(), "{count}: nothing was left to do");
                    assert_eq!(world.lock_holder(), None, "{count} {signal}: the lock is held");
                    std::thread::sleep(Duration::from_millis(600));
                    assert_eq!(world.mutations(), done, "{count} {signal}: calls after the end");
                    quick(&world);
                    world.run(&["apply", "--yes"]).expect(0);
                    let mut all = world.mutations();
                    all.sort();
                    // Only what is written as a whole may be written again.
                    all.dedup();
                    let mut once = expected.clone();
                    once.dedup();
                    assert_eq!(all, once, "{count} {signal}");
                    for create in [
                        "ecs:CreateService",
                        "ecs:RegisterTaskDefinition",
                        "ec2:CreateSecurityGroup",
                        "iam:CreateRole",
                    ] {
                        let times = |calls: &[String]| calls.iter().filter(|call| *call == create).count();
                        assert_eq!(times(&world.mutations()), times(expected), "{count} {signal}: {create}");
                    }
                    world.forget_calls();
                    world.run(&["apply", "--yes"]).expect(0);
                    assert_eq!(world.mutations(), [""; 0], "{count} {signal}");
                }
            });
        }
    });
}

#[test]
fn nothing_new_is_called_once_the_running_calls_have_their_answers() {
    let world = World::with(&example("worker"));
    slow(&world, 400);
    let mut child = start(&world, &["apply", "--yes"]);
    wait_for(&mut child, || world.mutations().len() >= 2);
    let before = world.mutations().len();
    let output = stopped(child, "-INT");
    let after = world.mutations().len();
    // Eight steps may run at once, and a role is three calls.
    assert!(after - before <= 12, "{} calls after the signal", after - before);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("interrupted after"), "{told}");
    assert!(told.contains("not started"), "{told}");
}

#[test]
fn calls_without_an_answer_are_told_and_keep_the_lock_a_little_longer() {
    let world = World::with(&example("worker"));
    let mut child = {
        // Only what changes something is slow: longer than the process may live.
        world.control("POST", "latency", &json!({"account": world.account, "service": "iam", "ms": 6000}));
        start(&world, &["apply", "--yes"])
    };
    wait_for(&mut child, || world.mutations().iter().any(|call| call == "logs:CreateLogGroup"));
    let output = stopped(child, "-INT");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("a call has no answer yet"), "{told}");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let expires = world.locks().pop().unwrap().1["expires"].as_u64().unwrap();
    assert!(
        (now + 40..=now + 61).contains(&expires),
        "the lock expires in {} s",
        expires.saturating_sub(now)
    );
    quick(&world);
    world.run(&["apply", "--yes"]).expect(3);
    world.run(&["unlock", &world.lock_holder().unwrap(), "--yes"]).expect(0);
    world.run(&["apply", "--yes"]).expect(0);
}

#[test]
fn a_second_signal_changes_nothing() {
    let world = World::with(&example("worker"));
    slow(&world, 300);
    let mut child = start(&world, &["apply", "--yes"]);
    wait_for(&mut child, || world.mutations().len() >= 2);
    send(&child, "-INT");
    std::thread::sleep(Duration::from_millis(200));
    send(&child, "-INT");
    stopped(child, "-TERM");
    assert_eq!(world.lock_holder(), None);
}

#[test]
fn an_apply_that_is_stopped_while_it_plans_ends_at_once_and_has_changed_nothing() {
    let commands: [&[&str]; 4] =
        [&["apply", "--yes"], &["release", "--yes"], &["destroy", "--yes"], &["plan"]];
    std::thread::scope(|scope| {
        for command in commands {
            scope.spawn(move || {
                let world = World::with(&example("worker"));
                let mut child = start(&world, command);
                // Where the process is when nothing answers any more: at the lock, or in the plan.
                wait_for(&mut child, || !world.calls().is_empty());
                slow(&world, 20_000);
                std::thread::sleep(Duration::from_millis(500));
                let sent = Instant::now();
                let output = stopped(child, "-INT");
                assert!(sent.elapsed() < Duration::from_secs(2), "{command:?}: after {:?}", sent.elapsed());
                let told = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(told.contains("interrupted; nothing was changed"), "{told}");
                assert!(world.calls().iter().all(|call| call["mutating"] == false));
            });
        }
    });
}

#[test]
fn a_wait_for_an_image_for_a_lock_for_a_certificate_or_for_a_rollout_ends_at_the_signal() {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let world = World::with(&example("minimal-daemon"));
            let mut child = start(&world, &["apply", "--yes", "--image-tag", "cafe", "--wait-image", "5m"]);
            wait_for(&mut child, || world.calls().iter().filter(|call| call["service"] == "ecr").count() > 2);
            let sent = Instant::now();
            stopped(child, "-TERM");
            assert!(sent.elapsed() < Duration::from_secs(2), "image: after {:?}", sent.elapsed());
        });
        scope.spawn(|| {
            let world = World::with(&example("minimal-daemon"));
            plant(&world, "my-daemon", 1, 600, "octo");
            let mut child = start(&world, &["apply", "--yes", "--lock-timeout", "5m"]);
            wait_for(&mut child, || world.calls().iter().filter(|call| call["service"] == "ssm").count() > 1);
            let sent = Instant::now();
            let output = stopped(child, "-INT");
            assert!(sent.elapsed() < Duration::from_secs(2), "lock: after {:?}", sent.elapsed());
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(told.contains("is locked by octo"), "{told}");
        });
        scope.spawn(|| {
            let world = World::with(&example("https"));
            // ACM never gets to issue it while its calls are this slow.
            world.control("POST", "latency", &json!({"account": world.account, "service": "acm", "ms": 700}));
            let mut child = start(&world, &["apply", "--yes"]);
            wait_for(&mut child, || {
                world.mutations().iter().any(|call| call == "route53:ChangeResourceRecordSets")
            });
            stopped(child, "-INT");
            assert_eq!(world.lock_holder(), None);
        });
        scope.spawn(|| {
            let world = World::with(&example("minimal-daemon"));
            let stuck = json!({"account": world.account, "service": "my-daemon", "outcome": "stuck_pending"});
            world.control("POST", "rollouts", &stuck);
            let mut child = start(&world, &["apply", "--yes"]);
            wait_for(&mut child, || {
                world.calls().iter().any(|call| call["operation"] == "DescribeServiceDeployments")
            });
            stopped(child, "-TERM");
            assert_eq!(world.lock_holder(), None);
        });
    });
}
