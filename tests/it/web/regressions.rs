//! What `App::FargateStack` 1.1.0 does wrong with web services and must never happen here.

use serde_json::Value;

use super::super::account::{block, sdk};
use super::super::harness::World;
use super::super::inspect::{latest, service};
use super::super::stacks::example;
use super::shared::{balancer, issued};
use super::state;

fn has(world: &World, parts: &[&str]) -> bool {
    state(world).iter().any(|line| parts.iter().all(|part| line.contains(part)))
}

/// B2: an account without a load balancer ended the plan.
#[test]
fn an_account_without_a_load_balancer_gets_one() {
    let world = World::with(&example("http"));
    world.run(&["apply", "--yes"]).expect(0);
    assert!(has(&world, &["loadbalancer/http-test-alb", "Internal"]), "{:#?}", state(&world));
}

/// B2: several load balancers ended it with a raw error.
#[test]
fn several_load_balancers_are_named_and_the_key_that_chooses_one() {
    let world = World::with(&example("https"));
    let wildcard = issued(&world, "*.example.com");
    let first = balancer(&world, "first", &wildcard);
    balancer(&world, "second", &wildcard);
    let run = world.run(&["plan"]).expect(2);
    for part in ["first", "second", "alb.arn", "--create-alb"] {
        assert!(run.stderr.contains(part), "no {part} in {}", run.stderr);
    }
    let own = world.run(&["plan", "--create-alb", "--format", "json"]).expect(0).json();
    let lines = super::super::stacks::listed(&own);
    assert!(lines.contains(&"create load_balancer.public (https-test-alb)".to_owned()), "{lines:#?}");
    world.write("fargate-stack.yml", &format!("alb: {{arn: '{}'}}\n{}", first, example("https")));
    let shared = world.run(&["plan", "--format", "json"]).expect(0).json();
    assert!(!super::super::stacks::listed(&shared).iter().any(|line| line.contains("load_balancer")));
}

/// B3 and B4: no listener could be made, and no certificate was found unless the file named it.
#[test]
fn listeners_are_made_and_a_certificate_is_found_without_being_named() {
    let world = World::with(&example("https"));
    issued(&world, "*.example.com");
    world.run(&["apply", "--yes"]).expect(0);
    assert!(has(&world, &["listener 443 of https-test-alb", "1 certificates"]), "{:#?}", state(&world));
    assert!(has(&world, &["listener 80 of https-test-alb", "redirect to", "443"]));
    assert!(
        !state(&world).iter().any(|line| line.starts_with("certificate https-test")),
        "no other is requested"
    );
}

/// B7: the removal of a service on a shared load balancer crashed half-way.
#[test]
fn a_service_on_a_shared_load_balancer_is_removed_whole() {
    let world = World::with(&example("https"));
    let wildcard = issued(&world, "*.example.com");
    balancer(&world, "everybody", &wildcard);
    let before = state(&world);
    world.run(&["apply", "--yes"]).expect(0);
    world.run(&["destroy", "--yes"]).expect(0);
    assert_eq!(state(&world), before);
}

/// B24: any other port than 80 was opened and mapped in one place only.
#[test]
fn another_container_port_holds_from_end_to_end() {
    let world = World::with(&format!("{}    container_port: 8080\n", example("https")));
    world.run(&["apply", "--yes"]).expect(0);
    let (definition, _) = latest(&world, "https-test");
    let ports = definition.container_definitions()[0].port_mappings();
    assert_eq!(
        ports.iter().map(aws_sdk_ecs::types::PortMapping::container_port).collect::<Vec<_>>(),
        [Some(8080)]
    );
    assert!(ports.iter().all(|port| port.host_port().is_none_or(|host| host == 8080)));
    let service = service(&world, "https-test-cluster", "https-test");
    assert_eq!(service.load_balancers()[0].container_port(), Some(8080));
    assert!(has(&world, &["targetgroup/", "Some(8080)"]), "{:#?}", state(&world));
    assert!(has(&world, &["ingress of https-test-sg", "Some(8080)-Some(8080) from https-test-alb-sg"]));
    // And the targets are there, on that port, and healthy.
    let group = service.load_balancers()[0].target_group_arn().unwrap();
    let health = block(async {
        let elb = aws_sdk_elasticloadbalancingv2::Client::new(&sdk(&world));
        elb.describe_target_health().target_group_arn(group).send().await.unwrap()
    });
    let [target] = health.target_health_descriptions() else { panic!("{health:?}") };
    assert_eq!(target.target().unwrap().port(), Some(8080));
    assert_eq!(target.target_health().unwrap().state().unwrap().as_str(), "healthy");
}

/// B25: the path was never sent, and thresholds and codes of the user were overwritten.
#[test]
fn every_setting_of_the_health_check_arrives() {
    let check = "health_check: {path: /up, port: 9000, matcher: 200-204, interval_seconds: 12, timeout_seconds: 4, \
                 healthy_threshold_count: 3, unhealthy_threshold_count: 4}";
    let world = World::with(&format!("{}    {check}\n", example("https")));
    world.run(&["apply", "--yes"]).expect(0);
    let parts = [
        "Some(\"/up\")",
        "Some(\"9000\")",
        "Some(\"200-204\")",
        "every Some(12)",
        "within Some(4)",
        "up Some(3)",
        "down Some(4)",
    ];
    assert!(has(&world, &parts), "{:#?}", state(&world));
    assert!(has(&world, &["ingress of https-test-sg", "Some(9000)"]), "the check's port is open");
}

/// B26: one of the calls was made in another region.
#[test]
fn every_call_is_made_in_the_region_of_the_stack() {
    let world = World::with(&example("https"));
    world.run(&["apply", "--yes"]).expect(0);
    world.run(&["plan"]).expect(0);
    let global = ["iam", "sts", "route53"];
    let strays: Vec<Value> = world
        .calls()
        .into_iter()
        .filter(|call| !global.contains(&call["service"].as_str().unwrap()) && call["region"] != "us-east-1")
        .collect();
    assert_eq!(strays, Vec::<Value>::new());
}
