use serde_json::{Value, json};

use super::super::script::Script;
use super::{Bench, GROUP, IDLE, service, with};

/// A service of one task behind the target group.
fn balanced(bench: &mut Bench, script: Option<Value>) {
    if let Some(script) = script {
        let script: Script = serde_json::from_value(script).unwrap();
        bench.ecs.add_script(script);
    }
    let balancers = json!([{ "targetGroupArn": GROUP, "containerName": "web", "containerPort": 80 }]);
    bench.ok("CreateService", with(service(), json!({ "desiredCount": 1, "loadBalancers": balancers })));
}

/// States and reasons of the targets.
fn states(bench: &mut Bench) -> Vec<String> {
    let targets = bench.ecs.targets(GROUP, bench.now).unwrap();
    let said = |one: super::super::Target| match one.health.reason {
        Some(reason) => format!("{} {reason}", one.health.state),
        None => one.health.state,
    };
    targets.into_iter().map(said).collect()
}

#[test]
fn a_target_is_initial_then_healthy_then_draining_then_gone() {
    let mut bench = Bench::ready();
    balanced(&mut bench, None);
    let mut seen = Vec::new();
    for at in 0..90 {
        if at == 50 {
            bench.update(json!({ "desiredCount": 0 }));
        }
        seen.push(states(&mut bench).join(", "));
        bench.after(0.1);
    }
    seen.dedup();
    let expected =
        ["", "initial Elb.InitialHealthChecking", "healthy", "draining Target.DeregistrationInProgress", ""];
    assert_eq!(seen, expected);
}

#[test]
fn a_target_is_the_address_of_the_task_at_the_containers_port() {
    let mut bench = Bench::ready();
    balanced(&mut bench, None);
    bench.after(5.0);
    let targets = bench.ecs.targets(GROUP, bench.now).unwrap();
    let task = bench.tasks("RUNNING")[0].clone();
    let network = &task["containers"][0]["networkInterfaces"][0];
    assert_eq!((json!(targets[0].address), targets[0].port), (network["privateIpv4Address"].clone(), 80));
    assert_eq!(json!(targets[0].zone), task["availabilityZone"]);
}

#[test]
fn a_script_says_what_is_wrong_with_a_target() {
    let mut bench = Bench::ready();
    let health =
        json!({ "state": "unhealthy", "reason": "Target.Timeout", "description": "Request timed out" });
    balanced(&mut bench, Some(json!({ "service": "web", "outcome": "healthy", "target_health": health })));
    bench.after(5.0);
    assert_eq!(states(&mut bench), ["unhealthy Target.Timeout"]);
}

#[test]
fn a_group_without_a_service_is_none_of_ecs() {
    let mut bench = Bench::running();
    assert_eq!(bench.ecs.targets(IDLE, bench.now), None);
}

#[test]
fn old_tasks_stay_in_the_old_group_until_they_stop_and_new_ones_go_into_the_new() {
    let mut bench = Bench::ready();
    let other = format!("{GROUP}0");
    let behind = bench.outside.target_groups[GROUP].clone();
    bench.outside.target_groups.insert(other.clone(), behind);
    balanced(&mut bench, None);
    bench.after(5.0);
    assert_eq!(states(&mut bench), ["healthy"]);
    let balancer =
        |group: &str| json!({ "targetGroupArn": group, "containerName": "web", "containerPort": 80 });
    bench.update(json!({ "loadBalancers": [balancer(&other)] }));
    assert_eq!(bench.ecs.targets(&other, bench.now), Some(Vec::new()));
    let mut seen = Vec::new();
    for _ in 0..60 {
        let old = bench.ecs.targets(GROUP, bench.now).map(|all| all.len());
        let new = bench.ecs.targets(&other, bench.now).map(|all| all.len());
        seen.push((old, new));
        bench.after(0.2);
    }
    seen.dedup();
    assert_eq!(seen, [(Some(1), Some(0)), (Some(1), Some(1)), (None, Some(1))]);
    bench.update(json!({ "loadBalancers": [balancer(GROUP), balancer(&other)] }));
    bench.after(20.0);
    assert_eq!(states(&mut bench), ["healthy"]);
    assert_eq!(bench.ecs.targets(&other, bench.now).unwrap().len(), 1);
    bench.ok("DeleteService", json!({ "cluster": "app", "service": "web", "force": true }));
    assert_eq!(states(&mut bench), ["draining Target.DeregistrationInProgress"]);
    bench.after(20.0);
    assert_eq!(bench.ecs.targets(GROUP, bench.now), None);
}

#[test]
fn a_grace_period_belongs_to_load_balancers() {
    let mut bench = Bench::ready();
    let grace = json!({ "healthCheckGracePeriodSeconds": 30 });
    let (code, text) =
        ("InvalidParameterException", "only valid for services configured to use load balancers");
    bench.refuses("CreateService", with(service(), grace.clone()), code, text);
    balanced(&mut bench, None);
    bench.update(grace);
    bench.update(json!({ "loadBalancers": [] }));
    let input = json!({ "cluster": "app", "service": "web", "healthCheckGracePeriodSeconds": 30 });
    bench.refuses("UpdateService", input, code, text);
}
