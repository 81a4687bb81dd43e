//! `wait` against rollouts that end in every way.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{DeploymentCircuitBreaker, DeploymentConfiguration};
use serde_json::{Value, json};

use fargate_stack::model::{RolloutEvent, RolloutOutcome};
use fargate_stack::release::{OnEnd, Patience, Target, watch};
use fargate_stack::stack::Names;

use super::account::{block, sdk};
use super::harness::{Run, World};
use super::inspect::{recorded, text};
use super::kinds::clients;
use super::stacks::example;

const CLUSTER: &str = "my-daemon-cluster";
const SERVICE: &str = "my-daemon";

/// A world whose service runs well.
fn running() -> World {
    let world = World::with(&example("minimal-daemon"));
    world.run(&["apply", "--yes"]).expect(0);
    world.forget_calls();
    world
}

/// Says what the next deployment does.
fn next(world: &World, mut script: Value) {
    script["account"] = json!(world.account);
    script["service"] = json!(SERVICE);
    world.control("POST", "rollouts", &script);
}

/// Deploys again, with the circuit breaker on or off; the deployment's id.
fn deploy(world: &World, breaker: bool) -> String {
    block(async {
        let how = DeploymentCircuitBreaker::builder().enable(breaker).rollback(breaker).build();
        let how = DeploymentConfiguration::builder().deployment_circuit_breaker(how).build();
        let request = Client::new(&sdk(world)).update_service().cluster(CLUSTER).service(SERVICE);
        let answer = request.force_new_deployment(true).deployment_configuration(how).send().await.unwrap();
        answer.service.unwrap().deployments()[0].id().unwrap().to_owned()
    })
}

/// The one service of a report.
fn one(run: &Run) -> Value {
    let report = run.json();
    let [one] = report["services"].as_array().unwrap().as_slice() else { panic!("{report:#}") };
    assert_eq!(report["outcome"], one["outcome"]);
    one.clone()
}

/// Waits for a deployment.
fn wait(world: &World, id: &str, more: &[&str]) -> Run {
    let args = [&["wait", SERVICE, "--deployment", id, "--format", "json"], more].concat();
    world.run(&args)
}

#[test]
fn a_rollout_that_goes_well_succeeds_and_proves_its_digest() {
    let world = running();
    let id = deploy(&world, true);
    let run = wait(&world, &id, &[]).expect(0);
    let told = one(&run);
    assert_eq!((text(&told["outcome"]), text(&told["deployment"])), ("succeeded".to_owned(), id.clone()));
    assert!(text(&told["digests"][SERVICE]).starts_with("sha256:"), "{told:#}");
    assert_eq!((&told["running"], &told["cause"], &told["next"]), (&Value::Null, &Value::Null, &Value::Null));
    assert!(run.stderr.contains("done: my-daemon: succeeded after"), "{}", run.stderr);

    // Later, without its name and with it, the verdict is there at once.
    let started = Instant::now();
    assert_eq!(one(&world.run(&["wait", "--format", "json"]).expect(0))["outcome"], "succeeded");
    wait(&world, &id, &[]).expect(0);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[test]
fn a_success_with_another_image_than_the_one_that_was_pinned_is_a_failure() {
    let world = running();
    let id = deploy(&world, true);
    let wanted = format!("sha256:{}", "0".repeat(64));
    let target = Target {
        key: SERVICE.to_owned(),
        cluster: CLUSTER.to_owned(),
        service: SERVICE.to_owned(),
        deployment: id,
        expected: BTreeMap::from([(SERVICE.to_owned(), wanted.clone())]),
    };
    let patience = Patience {
        timeout: Duration::from_mins(1),
        fail_fast: true,
        on_failure: OnEnd::Leave,
        on_cancel: OnEnd::Leave,
    };
    let names =
        Names::new(&fargate_stack::config::load(&world.folder().join("fargate-stack.yml")).unwrap().config);
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let mut events = Vec::new();
    let mut tell = |event| events.push(event);
    let aws = clients(&world.account);
    let report = block(watch(&aws, &names, vec![target], &patience, stopped, &mut tell)).unwrap();
    let one = &report.services[0];
    assert_eq!((report.outcome, one.outcome), (RolloutOutcome::Failed, RolloutOutcome::Failed));
    let cause = one.cause.as_ref().unwrap();
    assert_eq!((cause.class.as_str(), cause.container.as_deref()), ("digest-mismatch", Some(SERVICE)));
    let evidence = cause.evidence.join(" ");
    assert!(evidence.contains(&wanted) && evidence.contains(&one.digests[SERVICE]), "{evidence}");
    assert!(matches!(events.last(), Some(RolloutEvent::Ended(_))));
}

#[test]
fn a_rollback_by_the_breaker_is_never_success_whenever_and_however_it_is_asked_for() {
    let world = running();
    next(&world, json!({"outcome": "crash", "exit_code": 3, "after_s": 0.2}));
    let id = deploy(&world, true);
    let told = one(&wait(&world, &id, &["--no-fail-fast"]).expect(4));
    assert_eq!((text(&told["outcome"]), text(&told["deployment"])), ("rolled-back".to_owned(), id.clone()));
    assert!(text(&told["status_reason"]).contains("circuit breaker"), "{told:#}");
    assert!(told["cause"].is_object(), "{told:#}");
    // The rollback has completed: the PRIMARY deployment is another, COMPLETED, of the same revision.
    std::thread::sleep(Duration::from_secs(2));
    let newest = one(&world.run(&["wait", "--format", "json"]).expect(4));
    assert_eq!(newest["outcome"], "rolled-back", "{newest:#}");
    let again = one(&wait(&world, &id, &[]).expect(4));
    assert_eq!(again["outcome"], "rolled-back", "{again:#}");
}

#[test]
fn a_rollback_that_fails_is_failed() {
    let world = running();
    next(&world, json!({"outcome": "rollback_failed", "after_s": 0.2}));
    let id = deploy(&world, true);
    let told = one(&wait(&world, &id, &["--no-fail-fast"]).expect(4));
    assert_eq!(told["outcome"], "failed", "{told:#}");
    assert_eq!(told["next"], json!(["fargate-stack rollback my-daemon"]));
}

#[test]
fn a_deployment_that_another_one_takes_the_place_of_is_superseded() {
    let world = running();
    next(&world, json!({"outcome": "superseded", "after_s": 1.0}));
    let id = deploy(&world, true);
    let told = one(&wait(&world, &id, &[]).expect(4));
    assert_eq!(told["outcome"], "superseded", "{told:#}");
    assert_eq!(told["deployment"], id, "{told:#}");
    assert_ne!(told["running"], Value::Null, "{told:#}");
    assert_eq!(told["cause"]["class"], "superseded", "{told:#}");
    // Whoever asks when the other is finished hears the same, and the other has succeeded.
    std::thread::sleep(Duration::from_secs(3));
    let again = one(&wait(&world, &id, &[]).expect(4));
    assert_eq!(again["outcome"], "superseded", "{again:#}");
    assert_eq!(one(&world.run(&["wait", "--format", "json"]).expect(0))["outcome"], "succeeded");
}

#[test]
fn a_service_deleted_under_way_is_stopped() {
    let world = running();
    next(&world, json!({"outcome": "stuck_pending"}));
    let id = deploy(&world, true);
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(&world, &id, &["--timeout", "60s"]));
        std::thread::sleep(Duration::from_secs(1));
        block(async {
            let request = Client::new(&sdk(&world)).delete_service().cluster(CLUSTER).service(SERVICE);
            request.force(true).send().await.unwrap();
        });
        waiting.join().unwrap()
    });
    assert_eq!(one(&waiting.expect(4))["outcome"], "stopped");
}

#[test]
fn when_the_time_is_over_it_says_what_still_runs_and_how_to_go_on_waiting() {
    let world = running();
    next(&world, json!({"outcome": "stuck_pending"}));
    let id = deploy(&world, true);
    let started = Instant::now();
    let told = one(&wait(&world, &id, &["--timeout", "3s"]).expect(4));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(told["outcome"], "timed-out", "{told:#}");
    assert_eq!(told["next"], json!([format!("fargate-stack wait my-daemon --deployment {id}")]));
    assert_eq!(world.mutations(), ["ecs:UpdateService"], "it is left to ECS");
}

/// Interrupts a wait for a stuck deployment; what it gave, and how long it took to end.
fn interrupted(world: &World, signal: &str, more: &[&str]) -> (Run, Duration) {
    next(world, json!({"outcome": "stuck_pending"}));
    let id = deploy(world, true);
    let args = [&["wait", "--deployment", &id, "--format", "json"], more].concat();
    let mut child = world.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("starting tasks") {
        assert!(stderr.read_line(&mut told).unwrap() > 0, "{told}");
    }
    // In the midst of a pause.
    std::thread::sleep(Duration::from_millis(700));
    let signalled = Instant::now();
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    stderr.read_to_string(&mut told).unwrap();
    let code = child.wait().unwrap().code().unwrap();
    (Run { code, stdout, stderr: told }, signalled.elapsed())
}

#[test]
fn a_signal_ends_the_wait_within_a_second_and_leaves_the_rollout() {
    for signal in ["-INT", "-TERM"] {
        let world = running();
        let (run, took) = interrupted(&world, signal, &[]);
        let told = one(&run.expect(130));
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert_eq!(told["outcome"], "cancelled", "{told:#}");
        let id = text(&told["deployment"]);
        assert_eq!(told["next"], json!([format!("fargate-stack wait my-daemon --deployment {id}")]));
        assert_eq!(world.mutations(), ["ecs:UpdateService"]);
    }
}

#[test]
fn a_signal_takes_the_rollout_back_with_one_call_when_that_is_asked_for() {
    let world = running();
    let (run, took) = interrupted(&world, "-INT", &["--on-cancel", "rollback"]);
    let told = one(&run.expect(130));
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(text(&told["status_reason"]).contains("being rolled back"), "{told:#}");
    assert_eq!(world.mutations(), ["ecs:UpdateService", "ecs:StopServiceDeployment"]);
    let id = text(&told["deployment"]);
    assert_eq!(one(&wait(&world, &id, &["--no-fail-fast"]).expect(4))["outcome"], "rolled-back");
}

#[test]
fn what_trying_again_does_not_heal_is_told_although_ecs_would_go_on_for_ever() {
    let world = running();
    let reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref x: not found";
    next(&world, json!({"outcome": "pull_error", "reason": reason}));
    let id = deploy(&world, false);
    let started = Instant::now();
    let run = wait(&world, &id, &[]).expect(4);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    let told = one(&run);
    assert_eq!(told["outcome"], "failed", "{told:#}");
    assert!(text(&told["status_reason"]).contains("trying again does not heal"), "{told:#}");
    let failed = run.stderr.find("task failed: my-daemon: ").unwrap_or_else(|| panic!("{}", run.stderr));
    assert!(run.stderr[failed..].contains("not found"), "{}", run.stderr);
    assert!(
        failed < run.stderr.find("failed: my-daemon: failed").unwrap(),
        "the task comes first: {}",
        run.stderr
    );
    assert_eq!(world.mutations(), ["ecs:UpdateService"]);
}

#[test]
fn crashes_that_no_breaker_counts_are_told_after_three_and_taken_back_when_that_is_asked_for() {
    let world = running();
    next(&world, json!({"outcome": "crash", "exit_code": 2, "after_s": 0.3}));
    let id = deploy(&world, false);
    let told = one(&wait(&world, &id, &["--on-failure", "rollback"]).expect(4));
    assert_eq!(told["outcome"], "rolled-back", "{told:#}");
    assert_eq!(world.mutations(), ["ecs:UpdateService", "ecs:StopServiceDeployment"]);
}

#[test]
fn a_slow_start_and_one_crash_before_all_is_well_are_successes() {
    for script in [
        json!({"outcome": "healthy", "after_s": 7}),
        json!({"outcome": "crash_then_healthy", "after_s": 0.3}),
    ] {
        for breaker in [true, false] {
            let world = running();
            next(&world, script.clone());
            let id = deploy(&world, breaker);
            assert_eq!(one(&wait(&world, &id, &[]).expect(0))["outcome"], "succeeded", "{script}");
        }
    }
}

#[test]
fn trouble_with_aws_is_borne_for_a_while_and_what_does_not_pass_is_told_with_the_way_on() {
    let world = running();
    next(&world, json!({"outcome": "healthy", "after_s": 4}));
    let id = deploy(&world, true);
    let fault = |kind: Value| {
        let mut fault =
            json!({"account": world.account, "service": "ecs", "operation": "DescribeServiceDeployments"});
        fault.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
        world.control("POST", "faults", &fault);
    };
    // The SDK tries a call three times: two rounds fail.
    fault(json!({"kind": "throttle", "count": 6}));
    assert_eq!(one(&wait(&world, &id, &[]).expect(0))["outcome"], "succeeded");
    next(&world, json!({"outcome": "stuck_pending"}));
    let id = deploy(&world, true);
    let expired = json!({"kind": "error", "code": "ExpiredTokenException", "message": "The security token included in the request is expired", "count": 1, "nth": 2});
    fault(expired);
    let run = wait(&world, &id, &[]).expect(1);
    assert!(run.stderr.contains("the rollout of `my-daemon` goes on"), "{}", run.stderr);
    assert!(
        run.stderr.contains(&format!("fargate-stack wait my-daemon --deployment {id}")),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("have expired"), "{}", run.stderr);
}

#[test]
fn an_unknown_deployment_is_an_error_that_names_what_there_is() {
    let world = running();
    for wrong in [
        "ecs-svc/1",
        "arn:aws:ecs:us-east-1:1:service-deployment/my-daemon-cluster/my-daemon/x",
        "arn:x",
        "7",
    ] {
        let run = world.run(&["wait", "--deployment", wrong]).expect(2);
        assert!(run.stderr.contains(&format!("there is no deployment `{wrong}`")), "{}", run.stderr);
        assert!(run.stderr.contains("my-daemon: ecs-svc/"), "{}", run.stderr);
        assert!(run.stderr.contains(":service-deployment/my-daemon-cluster/my-daemon/"), "{}", run.stderr);
    }
    let run = world.run(&["wait", "my-demon"]).expect(2);
    assert!(run.stderr.contains("did you mean `my-daemon`?"), "{}", run.stderr);
    assert_eq!(world.mutations(), Vec::<String>::new());
    let empty = World::with(&example("minimal-daemon"));
    let run = empty.run(&["wait"]).expect(2);
    assert!(run.stderr.contains("there is no service `my-daemon`"), "{}", run.stderr);
}

#[test]
fn a_deployment_is_found_by_the_arn_of_its_record_too() {
    let world = running();
    let id = deploy(&world, true);
    wait(&world, &id, &[]).expect(0);
    let arn = block(async {
        let request = Client::new(&sdk(&world)).list_service_deployments().cluster(CLUSTER).service(SERVICE);
        let found = request.send().await.unwrap();
        found.service_deployments()[0].service_deployment_arn().unwrap().to_owned()
    });
    let told = one(&wait(&world, &arn, &[]).expect(0));
    assert_eq!(told["deployment"], id, "{told:#}");
}

#[test]
fn twelve_services_are_polled_together_within_the_budget() {
    let tasks: Vec<String> =
        (0..12).map(|n| format!("  w{n}:\n    type: daemon\n    image: helloworld:latest\n")).collect();
    let world = World::with(&format!("app:\n  name: many\ntasks:\n{}", tasks.concat()));
    world.run(&["apply", "--yes", "--no-wait"]).expect(0);
    world.run(&["wait"]).expect(0);
    let script = json!({"account": world.account, "service": "w0", "outcome": "stuck_pending"});
    world.control("POST", "rollouts", &script);
    block(async {
        let ecs = Client::new(&sdk(&world));
        for n in 0..12 {
            let request = ecs.update_service().cluster("many-cluster").service(format!("w{n}"));
            request.force_new_deployment(true).send().await.unwrap();
        }
    });
    world.forget_calls();
    let run = world.run(&["wait", "--timeout", "20s", "--format", "json"]).expect(4);
    let report = run.json();
    assert_eq!(report["outcome"], "timed-out");
    let ended =
        report["services"].as_array().unwrap().iter().filter(|one| one["outcome"] == "succeeded").count();
    assert_eq!(ended, 11);
    // 20 s: polls after 2, 2, 3, 3, 4 s, at most anew after each change; two and one call for each of them. The first look at each
    // service, to find its newest deployment, comes before.
    let rounds = recorded(&world, "ecs:DescribeServiceDeployments").len() - 12;
    assert!((5..=12).contains(&rounds), "{rounds} rounds");
    let services = recorded(&world, "ecs:DescribeServices").len();
    assert!(services <= 12 + 2 * (rounds + 1) + 2, "{services} calls in {rounds} rounds");
    let tasks = recorded(&world, "ecs:ListTasks").len();
    assert!(tasks <= 12, "{tasks}");
}

#[test]
fn a_workflow_gets_one_group_with_a_line_a_change() {
    let world = running();
    next(&world, json!({"outcome": "healthy", "after_s": 4}));
    let id = deploy(&world, true);
    let mut command = world.command(&["wait", "--deployment", &id]);
    let run = World::output(command.env("GITHUB_ACTIONS", "true").env("CI", "true")).expect(0);
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(lines.first(), Some(&"::group::Rollout of my-daemon"), "{}", run.stderr);
    assert_eq!(lines.last(), Some(&"::endgroup::"), "{}", run.stderr);
    assert!(
        lines.iter().any(|line| line.contains("my-daemon: starting tasks, 0 of 1 running")),
        "{}",
        run.stderr
    );
}
