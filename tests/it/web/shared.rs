//! Web services on a load balancer, a certificate and a zone of somebody else: used, and left as they were.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, FixedResponseActionConfig, HostHeaderConditionConfig,
    LoadBalancerSchemeEnum, ProtocolEnum, RuleCondition,
};
use serde_json::json;

use super::super::account::{block, sdk};
use super::super::harness::World;
use super::super::inspect::text;
use super::super::stacks::{listed, promises_kept};
use super::{settled, state};

const STACK: &str = "\
app: {name: guest}
domain: guest.example.com
tasks:
  web:
    type: https
    image: http-test:latest
    container_port: 8080
";

fn fixed() -> Action {
    let body = FixedResponseActionConfig::builder().status_code("200").message_body("hello").build();
    Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(body).build()
}

fn host(name: &str) -> RuleCondition {
    let hosts = HostHeaderConditionConfig::builder().values(name).build();
    RuleCondition::builder().field("host-header").host_header_config(hosts).build()
}

/// An issued certificate in the account.
pub fn issued(world: &World, domain: &str) -> String {
    let certificate = json!({"account": world.account, "domain": domain});
    text(&world.control("POST", "acm/certificates", &certificate)["arn"])
}

/// A public load balancer as somebody may have made it by hand, with a security group, plain and TLS listeners, and rules; its
/// ARN.
pub fn balancer(world: &World, name: &str, certificate: &str) -> String {
    let seed =
        world.control("GET", &format!("seed?account={}&region=us-east-1", world.account), &json!(null));
    let subnets: Vec<String> = seed["public_subnets"].as_array().unwrap().iter().map(text).collect();
    let vpc = text(&seed["vpc_id"]);
    block(async {
        let config = sdk(world);
        let ec2 = aws_sdk_ec2::Client::new(&config);
        let group = ec2.create_security_group().group_name(format!("{name}-group")).description("by hand");
        let group = group.vpc_id(&vpc).send().await.unwrap().group_id().unwrap().to_owned();
        for port in [80, 443] {
            let rule = ec2.authorize_security_group_ingress().group_id(&group).ip_protocol("tcp");
            rule.from_port(port).to_port(port).cidr_ip("0.0.0.0/0").send().await.unwrap();
        }
        let elb = aws_sdk_elasticloadbalancingv2::Client::new(&config);
        let request = elb.create_load_balancer().name(name).scheme(LoadBalancerSchemeEnum::InternetFacing);
        let made = request.set_subnets(Some(subnets)).security_groups(&group).send().await.unwrap();
        let arn = made.load_balancers()[0].load_balancer_arn().unwrap().to_owned();
        let plain = elb.create_listener().load_balancer_arn(&arn).port(80).protocol(ProtocolEnum::Http);
        plain.default_actions(fixed()).send().await.unwrap();
        let tls = elb.create_listener().load_balancer_arn(&arn).port(443).protocol(ProtocolEnum::Https);
        let given = Certificate::builder().certificate_arn(certificate).build();
        let tls = tls.certificates(given).default_actions(fixed()).send().await.unwrap();
        let https = tls.listeners()[0].listener_arn().unwrap().to_owned();
        for (priority, name) in [(100, "first.example.com"), (110, "second.example.com")] {
            let rule = elb.create_rule().listener_arn(&https).priority(priority).conditions(host(name));
            rule.actions(fixed()).send().await.unwrap();
        }
        arn
    })
}

/// What is there now and was not before.
fn added(before: &[String], now: &[String]) -> String {
    let before: BTreeSet<&String> = before.iter().collect();
    now.iter().filter(|line| !before.contains(line)).cloned().collect::<Vec<_>>().join("\n")
}

/// What was there before and is not now.
fn lost(before: &[String], now: &[String]) -> Vec<String> {
    let now: BTreeSet<&String> = now.iter().collect();
    before.iter().filter(|line| !now.contains(line)).cloned().collect()
}

#[test]
fn a_stack_on_somebody_elses_load_balancer_adds_its_rules_and_takes_nothing_else_with_it() {
    let world = World::with(STACK);
    let wildcard = issued(&world, "*.example.com");
    balancer(&world, "everybody", &wildcard);
    let before = state(&world);

    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    insta::assert_snapshot!("plan_on_a_shared_load_balancer", listed(&plan).join("\n"));
    world.forget_calls();
    world.run(&["apply", "--yes"]).expect(0);
    promises_kept(&world, &plan);
    let applied = state(&world);
    assert_eq!(lost(&before, &applied), Vec::<String>::new());
    insta::assert_snapshot!("added_to_a_shared_load_balancer", added(&before, &applied));

    settled(&world);

    world.run(&["destroy", "--yes"]).expect(0);
    assert_eq!(state(&world), before);
}

#[test]
fn a_certificate_that_a_foreign_listener_lacks_is_added_to_it_and_taken_back() {
    let world = World::with(STACK);
    let other = issued(&world, "other.example.org");
    balancer(&world, "everybody", &other);
    issued(&world, "guest.example.com");
    let before = state(&world);

    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    let lines = listed(&plan);
    assert!(
        lines.iter().any(|line| line.starts_with("create listener_certificate.public-443-")),
        "{lines:#?}"
    );
    world.forget_calls();
    world.run(&["apply", "--yes"]).expect(0);
    promises_kept(&world, &plan);
    assert!(state(&world).iter().any(|line| line.contains("2 certificates")), "{:#?}", state(&world));
    settled(&world);

    world.run(&["destroy", "--yes"]).expect(0);
    assert_eq!(state(&world), before);
}

#[test]
fn a_certificate_that_is_requested_for_a_foreign_listener_goes_with_the_stack() {
    let world = World::with(STACK);
    let other = issued(&world, "other.example.org");
    balancer(&world, "everybody", &other);
    let before = state(&world);
    world.run(&["apply", "--yes"]).expect(0);
    assert!(state(&world).contains(&"certificate guest.example.com ISSUED 0".to_owned()));
    settled(&world);
    world.run(&["destroy", "--yes"]).expect(0);
    assert_eq!(state(&world), before);
}

#[test]
fn two_stacks_share_a_load_balancer_and_one_of_them_goes() {
    let world = World::with(STACK);
    let wildcard = issued(&world, "*.example.com");
    balancer(&world, "everybody", &wildcard);
    world.run(&["apply", "--yes"]).expect(0);
    let first = state(&world);
    let second = STACK.replace("guest", "second-guest").replace("web:", "shop:");
    world.write("second.yml", &second);
    world.run(&["-c", "second.yml", "apply", "--yes"]).expect(0);
    world.run(&["plan", "--detailed-exitcode"]).expect(0);
    world.run(&["-c", "second.yml", "destroy", "--yes"]).expect(0);
    assert_eq!(state(&world), first);
}

/// What stands in the listener of this stack belongs to somebody who relies on it.
#[test]
fn a_load_balancer_of_this_stack_that_others_use_stays_until_they_are_gone() {
    let world = World::with(STACK);
    world.run(&["apply", "--yes"]).expect(0);
    let guest = STACK.replace("guest", "lodger").replace("web:", "room:");
    world.write("lodger.yml", &guest);
    world.run(&["-c", "lodger.yml", "apply", "--yes"]).expect(0);
    let rules = |world: &World| {
        state(world).into_iter().filter(|line| line.contains("lodger.example.com")).collect::<Vec<_>>()
    };
    let before = rules(&world);
    assert!(before.iter().any(|line| line.starts_with("rule ")), "{before:#?}");
    let run = world.run(&["destroy", "--yes"]).expect(5);
    assert!(format!("{}{}", run.stdout, run.stderr).contains("others use this listener"), "{}", run.stderr);
    assert_eq!(rules(&world), before);
    world.run(&["-c", "lodger.yml", "destroy", "--yes"]).expect(0);
    world.run(&["destroy", "--yes"]).expect(0);
    assert!(!state(&world).iter().any(|line| line.starts_with("loadbalancer")), "{:#?}", state(&world));
}

#[test]
fn one_of_two_services_is_removed_and_the_other_stays_as_it_was() {
    let world = World::with(STACK);
    world.run(&["apply", "--yes"]).expect(0);
    let one = state(&world);
    let two = format!(
        "{STACK}  api: {{type: https, image: 'http-test:latest', path: /api/*, container_port: 9000}}\n"
    );
    world.write("fargate-stack.yml", &two);
    world.run(&["apply", "--yes"]).expect(0);
    world.write("fargate-stack.yml", STACK);
    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    world.forget_calls();
    world.run(&["apply", "--yes"]).expect(0);
    promises_kept(&world, &plan);
    assert_eq!(state(&world), one);
}

/// The zone is in another account, which is reached by a role.
#[test]
fn records_go_into_a_zone_of_another_account() {
    let (world, dns) = (World::with(STACK), World::new());
    block(async {
        // No zone of the stack's own account fits.
        let own = aws_sdk_route53::Client::new(&sdk(&world));
        for zone in own.list_hosted_zones().send().await.unwrap().hosted_zones() {
            own.delete_hosted_zone().id(zone.id()).send().await.unwrap();
        }
        let iam = aws_sdk_iam::Client::new(&sdk(&dns));
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": format!("arn:aws:iam::{}:root", world.account)},
        }]});
        let role = iam.create_role().role_name("dns").assume_role_policy_document(trust.to_string());
        role.send().await.unwrap();
    });
    let refused = world.run(&["plan"]).expect(2);
    assert!(refused.stderr.contains("route53"), "{}", refused.stderr);
    let before = (state(&world), state(&dns));
    let role = format!("route53: {{role_arn: 'arn:aws:iam::{}:role/dns'}}\n{STACK}", dns.account);
    world.write("fargate-stack.yml", &role);
    world.run(&["apply", "--yes"]).expect(0);
    let records: Vec<String> = state(&dns).into_iter().filter(|line| line.starts_with("record ")).collect();
    insta::assert_snapshot!("records_in_another_account", records.join("\n"));
    settled(&world);
    world.run(&["destroy", "--yes"]).expect(0);
    assert_eq!((state(&world), state(&dns)), before);
}
