//! An apply of web services that is killed, or loses an answer, is finished by the next one, and nothing is made twice.

use std::time::Duration;

use serde_json::json;

use super::super::account::{block, sdk};
use super::super::harness::World;
use super::super::interrupted::{kill_after, killed};
use super::super::stacks::example;
use super::{settled, state};

/// The mutating calls of a first apply of the example, and what the account holds after it.
fn whole() -> (Vec<String>, Vec<String>) {
    let world = World::with(&example("multi"));
    world.run(&["apply", "--yes"]).expect(0);
    (world.mutations(), state(&world))
}

#[track_caller]
fn converges(world: &World, expected: &[String], what: &str) {
    world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(state(world), expected, "{what}");
    world.forget_calls();
    world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(world.mutations(), Vec::<String>::new(), "{what}");
}

#[test]
fn an_apply_of_web_services_killed_after_any_mutating_call_is_finished_by_the_next() {
    let (calls, expected) = whole();
    assert!(calls.len() >= 30, "only {} mutating calls", calls.len());
    let numbers: Vec<usize> = (1..calls.len()).collect();
    std::thread::scope(|scope| {
        for part in 0..4 {
            let (numbers, expected) = (&numbers, &expected);
            scope.spawn(move || {
                for count in numbers.iter().skip(part).step_by(4) {
                    let world = World::with(&example("multi"));
                    world.control("POST", "latency", &json!({"account": world.account, "ms": 20}));
                    kill_after(&world, *count);
                    world.control("POST", "latency", &json!({"account": world.account, "ms": 0}));
                    converges(&world, expected, &format!("killed after {count} calls"));
                }
            });
        }
    });
}

#[test]
fn a_call_for_a_web_service_that_took_effect_without_an_answer_is_not_made_twice() {
    let (calls, expected) = whole();
    let mut operations: Vec<String> = calls;
    operations.sort();
    operations.dedup();
    std::thread::scope(|scope| {
        for part in 0..4 {
            let (operations, expected) = (&operations, &expected);
            scope.spawn(move || {
                for call in operations.iter().skip(part).step_by(4) {
                    let (service, operation) = call.split_once(':').unwrap();
                    let world = World::with(&example("multi"));
                    let fault = json!({"account": world.account, "service": service, "operation": operation, "kind": "timeout_after"});
                    world.control("POST", "faults", &fault);
                    world.run(&["apply", "--yes"]);
                    let met = world.calls().iter().any(|one| one["operation"] == operation && !one["fault"].is_null());
                    assert!(met, "the fault was not met: {call}");
                    converges(&world, expected, &format!("{call} lost its answer"));
                }
            });
        }
    });
}

/// The certificate is requested, and its record cannot be written: the next apply goes on where this one ended.
#[test]
fn an_apply_that_ends_while_the_certificate_is_not_issued_goes_on_later() {
    let world = World::with(&example("https"));
    let fault = json!({
        "account": world.account, "service": "route53", "operation": "ChangeResourceRecordSets",
        "kind": "access_denied", "count": 100,
    });
    world.control("POST", "faults", &fault);
    let run = world.run(&["apply", "--yes"]).expect(5);
    let told = format!("{}{}", run.stdout, run.stderr);
    assert!(told.contains("route53:ChangeResourceRecordSets"), "{told}");
    world.control("DELETE", &format!("faults?account={}", world.account), &serde_json::Value::Null);
    let certificates = |world: &World| {
        state(world).into_iter().filter(|line| line.starts_with("certificate ")).collect::<Vec<_>>()
    };
    assert_eq!(certificates(&world), ["certificate https-test.example.com PENDING_VALIDATION 0"]);
    world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(certificates(&world), ["certificate https-test.example.com ISSUED 0"]);
}

/// What waits for the certificate can be killed while it waits.
#[test]
fn an_apply_that_is_killed_while_it_waits_for_the_certificate_is_finished_by_the_next() {
    let world = World::with(&example("https"));
    // Nothing is issued as long as time stands still.
    world.control("POST", "latency", &json!({"account": world.account, "service": "acm", "ms": 300}));
    let mut child = world.command(&["apply", "--yes"]).spawn().unwrap();
    let requested =
        |world: &World| world.mutations().iter().any(|call| call == "route53:ChangeResourceRecordSets");
    while !requested(&world) {
        assert!(child.try_wait().unwrap().is_none(), "the apply ended early");
        std::thread::sleep(Duration::from_millis(5));
    }
    killed(&world, &mut child);
    world.control("POST", "latency", &json!({"account": world.account, "service": "acm", "ms": 0}));
    world.run(&["apply", "--yes"]).expect(0);
    settled(&world);
}

/// The service moves to another target group: the old rule goes only when the new tasks are healthy, also when the apply that
/// began it was killed and the next one has nothing to do for the service.
#[test]
fn traffic_stays_with_the_old_tasks_until_the_new_ones_are_healthy_though_the_apply_was_killed() {
    let world = World::with(&example("https"));
    world.run(&["apply", "--yes"]).expect(0);
    let slow = json!({"account": world.account, "service": "https-test", "outcome": "healthy", "after_s": 4});
    world.control("POST", "rollouts", &slow);
    world.write("fargate-stack.yml", &format!("{}    container_port: 8080\n", example("https")));
    world.forget_calls();
    let mut child = world.command(&["apply", "--yes"]).spawn().unwrap();
    while !world.mutations().iter().any(|call| call == "ecs:UpdateService") {
        assert!(child.try_wait().unwrap().is_none(), "the apply ended early");
        std::thread::sleep(Duration::from_millis(5));
    }
    killed(&world, &mut child);
    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    let left: Vec<String> =
        super::super::stacks::listed(&plan).into_iter().filter(|line| !line.starts_with("keep ")).collect();
    assert!(left.iter().any(|line| line.starts_with("delete listener_rule.https-test")), "{left:#?}");
    assert!(!left.iter().any(|line| line.contains("service.https-test")), "{left:#?}");
    world.run(&["apply", "--yes"]).expect(0);
    let calls = world.calls();
    let deleted =
        calls.iter().find(|call| call["operation"] == "DeleteRule").unwrap()["time"].as_f64().unwrap();
    let updated =
        calls.iter().find(|call| call["operation"] == "UpdateService").unwrap()["time"].as_f64().unwrap();
    assert!(
        deleted - updated > 3.5,
        "the old rule went {} s after the service began to move",
        deleted - updated
    );
}

/// A record moves into another zone, and the apply is killed when nothing but a tag led to the old one.
#[test]
fn a_record_that_moved_to_another_zone_leaves_nothing_in_the_old_one_though_the_apply_was_killed() {
    let world = World::with(&example("https"));
    world.run(&["apply", "--yes"]).expect(0);
    block(async {
        let dns = aws_sdk_route53::Client::new(&sdk(&world));
        let zone = dns.create_hosted_zone().name("https-test.example.com").caller_reference("moved");
        zone.send().await.unwrap();
    });
    world.forget_calls();
    world.control("POST", "latency", &json!({"account": world.account, "ms": 30}));
    let mut child = world.command(&["apply", "--yes"]).spawn().unwrap();
    while !world.mutations().iter().any(|call| call == "elasticloadbalancing:AddTags") {
        assert!(child.try_wait().unwrap().is_none(), "the apply ended early: {:?}", world.mutations());
        std::thread::sleep(Duration::from_millis(2));
    }
    killed(&world, &mut child);
    world.control("POST", "latency", &json!({"account": world.account, "ms": 0}));
    world.run(&["apply", "--yes"]).expect(0);
    let records = |world: &World| {
        let all = state(world).into_iter().filter(|line| line.starts_with("record "));
        all.filter(|line| line.contains(" A ")).collect::<Vec<_>>()
    };
    assert_eq!(records(&world).len(), 1, "{:#?}", state(&world));
    assert!(
        !state(&world).iter().any(|line| line.contains("https-test._fargate-stack.example.com")),
        "{:#?}",
        state(&world)
    );
    settled(&world);
}
