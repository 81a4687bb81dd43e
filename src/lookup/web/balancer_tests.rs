//! One test for each row of the table of load balancers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use super::balancer::{Ask, Step, Use, choose};
use super::balancing::Tags;
use super::found::{LoadBalancer, Ours};
use super::testing::{arn, balancer, https, ours, rule_arn};
use crate::config::Config;
use crate::lookup::Problem;
use crate::stack::web::Scheme::{Internal, Public};

fn step(all: &[LoadBalancer], ours: &Ours, tags: Option<&Tags>, config: &Config) -> Result<Step, Problem> {
    choose(all, ours, tags, Ask { config, scheme: Public, vpc: "vpc-1", task: "web", region: "eu-west-1" })
}

/// The choice without any tags being asked for, and its note.
#[track_caller]
fn chosen(all: &[LoadBalancer], ours: &Ours, config: &Config) -> (Use, Option<String>) {
    match step(all, ours, None, config).unwrap() {
        Step::Chosen(used, note) => (*used, note),
        Step::Ask(arns) => panic!("asks for the tags of {arns:?}"),
    }
}

/// The choice after the tags of these were asked for.
#[track_caller]
fn after(
    asked: &[&LoadBalancer],
    tags: &[(&LoadBalancer, &str, &str)],
    all: &[LoadBalancer],
    config: &Config,
) -> Result<(Use, Option<String>), Problem> {
    let arns: Vec<String> = asked.iter().map(|one| one.arn.clone()).collect();
    assert_eq!(step(all, &Ours::default(), None, config), Ok(Step::Ask(arns)));
    let tag = |(one, key, value): &(&LoadBalancer, &str, &str)| {
        (one.arn.clone(), BTreeMap::from([((*key).to_owned(), (*value).to_owned())]))
    };
    let tags: Tags = tags.iter().map(tag).collect();
    match step(all, &Ours::default(), Some(&tags), config)? {
        Step::Chosen(used, note) => Ok((*used, note)),
        Step::Ask(arns) => panic!("asks again for {arns:?}"),
    }
}

fn problem(all: &[LoadBalancer], config: &Config) -> Problem {
    step(all, &Ours::default(), None, config).unwrap_err()
}

#[test]
fn one_is_made_where_there_is_none_that_could_serve() {
    let make = (Use::Make("shop-alb".to_owned()), None);
    assert_eq!(chosen(&[], &Ours::default(), &https("")), make);
    let network = LoadBalancer { kind: "network".into(), ..balancer("net", Public) };
    let elsewhere = LoadBalancer { vpc: "vpc-2".into(), ..balancer("far", Public) };
    let failed = LoadBalancer { state: "failed".into(), ..balancer("broken", Public) };
    let all = [network, elsewhere, failed, balancer("inner", Internal)];
    assert_eq!(chosen(&all, &Ours::default(), &https("")), make);
}

#[test]
fn the_only_one_is_shared_and_the_reader_is_told() {
    let main = balancer("main", Public);
    let (used, note) = after(&[&main], &[], std::slice::from_ref(&main), &https("")).unwrap();
    assert_eq!(used, Use::Shared(main.clone()));
    insta::assert_snapshot!(note.unwrap(), @"the services share the load balancer `main`, the only public one of the VPC; `alb.create: true` makes one of their own");
    let other = (&main, "fargate-stack:stack", "portal");
    let (_, note) = after(&[&main], &[other], std::slice::from_ref(&main), &https("")).unwrap();
    assert!(note.unwrap().contains("`main` (of the stack `portal`)"));
}

#[test]
fn of_two_none_is_guessed() {
    let (blue, green) = (balancer("blue", Public), balancer("green", Public));
    let problem = after(&[&blue, &green], &[], &[blue.clone(), green.clone()], &https("")).unwrap_err();
    insta::assert_snapshot!(problem, @r"
    2 load balancers of the VPC `vpc-1` are public, and nothing says which one `web` is to use
      arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/blue/b-blue  blue.elb.example
      arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/green/b-green  green.elb.example
    ");
    assert_eq!(problem.key.as_deref(), Some("alb.arn"));
}

#[test]
fn one_that_kubernetes_manages_is_no_candidate() {
    let (blue, green) = (balancer("blue", Public), balancer("green", Public));
    let managed = (&blue, "elbv2.k8s.aws/cluster", "c1");
    let all = [blue.clone(), green.clone()];
    let (used, _) = after(&[&blue, &green], &[managed], &all, &https("")).unwrap();
    assert_eq!(used, Use::Shared(green.clone()));
    let (used, _) = after(&[&blue], &[managed], std::slice::from_ref(&blue), &https("")).unwrap();
    assert_eq!(used, Use::Make("shop-alb".to_owned()));
}

#[test]
fn what_app_fargate_stack_made_is_taken_over() {
    let (before, other) = (balancer("shop-alb", Public), balancer("other", Public));
    let made = (&before, "CreatedBy", "FargateStack");
    let all = [other.clone(), before.clone()];
    let (used, note) = after(&[&other, &before], &[made], &all, &https("")).unwrap();
    assert_eq!((used, note), (Use::Own(before.clone()), None));
    // As its file names it.
    for keys in [
        format!("alb: {{arn: '{}'}}", before.arn),
        "alb: {name: shop-alb}".into(),
        "alb: {create: true}".into(),
    ] {
        let (used, _) = after(&[&before], &[made], &all, &https(&keys)).unwrap();
        assert_eq!(used, Use::Own(before.clone()), "{keys}");
    }
    // The same name alone proves nothing.
    let (used, _) = after(&[&before], &[], &all, &https("alb: {name: shop-alb}")).unwrap();
    assert_eq!(used, Use::Shared(before.clone()));
}

#[test]
fn the_one_that_is_named_is_used_whatever_else_there_is() {
    let (blue, green) = (balancer("blue", Public), balancer("green", Public));
    let all = [blue, green.clone()];
    for keys in [format!("alb: {{arn: '{}'}}", green.arn), "alb: {name: green}".into()] {
        assert_eq!(chosen(&all, &Ours::default(), &https(&keys)), (Use::Shared(green.clone()), None));
    }
    let own = ours(&[(&green.arn, "load_balancer.public", &[])]);
    assert_eq!(chosen(&all, &own, &https("alb: {name: green}")).0, Use::Own(green));
}

#[test]
fn a_name_that_does_not_exist_is_the_name_of_the_one_to_make() {
    let all = [balancer("main", Public)];
    assert_eq!(chosen(&all, &Ours::default(), &https("alb: {name: front}")).0, Use::Make("front".into()));
}

#[test]
fn one_that_is_named_must_exist_and_fit() {
    let all = [
        LoadBalancer { kind: "network".into(), ..balancer("net", Public) },
        LoadBalancer { vpc: "vpc-2".into(), ..balancer("far", Public) },
        balancer("inner", Internal),
        LoadBalancer { state: "failed".into(), ..balancer("broken", Public) },
        balancer("main", Public),
    ];
    let said = |name: &str| {
        let config = https(&format!("alb: {{arn: '{}'}}", arn(&format!("loadbalancer/app/{name}/b-{name}"))));
        let problem = problem(&all, &config);
        assert_eq!(problem.route, ["alb", "arn"]);
        format!("{problem}\nhint: {}", problem.hint)
    };
    insta::assert_snapshot!(said("nowhere"), @r"
    there is no load balancer `arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/nowhere/b-nowhere` in eu-west-1
      arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/main/b-main  main.elb.example
    hint: correct `alb.arn`, or remove it to let one be found or made
    ");
    insta::assert_snapshot!(said("net"), @r"
    the load balancer `net` is a network load balancer, not an application load balancer
    hint: correct `alb.arn`, or remove `alb.arn` to let one be found or made
    ");
    insta::assert_snapshot!(said("far"), @r"
    the load balancer `far` is in the VPC `vpc-2`, and the tasks are in `vpc-1`
    hint: correct `alb.arn`, or `vpc_id`, or remove `alb.arn` to let one be found or made
    ");
    insta::assert_snapshot!(said("inner"), @r"
    the load balancer `inner` is internal, and `web` needs one that is public
    hint: correct `alb.arn`, or `alb.type`, or remove `alb.arn` to let one be found or made
    ");
    assert!(said("broken").contains("in the state `failed`"));
    assert_eq!(problem(&all, &https("alb: {name: inner}")).route, ["alb", "name"]);
}

#[test]
fn the_stacks_own_stays_under_the_name_that_it_has() {
    let all = [balancer("main", Public), balancer("shop-alb-0a1b2c", Public)];
    let own = ours(&[(&all[1].arn, "load_balancer.public", &[])]);
    assert_eq!(chosen(&all, &own, &https("")), (Use::Own(all[1].clone()), None));
    let (used, note) = chosen(&all, &own, &https("alb: {name: front}"));
    assert_eq!(used, Use::Own(all[1].clone()));
    assert!(note.unwrap().contains("keeps its name `shop-alb-0a1b2c`"));
}

#[test]
fn the_one_that_holds_the_stacks_rules_goes_on_to_be_shared_without_a_question() {
    let all = [balancer("main", Public), balancer("other", Public)];
    let rules = ours(&[
        (&rule_arn("other", "r1"), "listener_rule.web", &[]),
        (&rule_arn("main", "r2"), "listener_rule.web", &[]),
        (&rule_arn("main", "r3"), "listener_rule.web-redirect", &[]),
    ]);
    assert_eq!(chosen(&all, &rules, &https("")), (Use::Shared(all[0].clone()), None));
    // Until one of its own is asked for.
    assert_eq!(chosen(&all, &rules, &https("alb: {create: true}")).0, Use::Make("shop-alb".into()));
}

#[test]
fn create_makes_one_beside_others() {
    let all = [balancer("main", Public)];
    assert_eq!(chosen(&all, &Ours::default(), &https("alb: {create: true}")).0, Use::Make("shop-alb".into()));
}

#[test]
fn another_scheme_or_vpc_is_another_load_balancer_with_a_name_of_its_own() {
    let config = https("");
    for before in
        [balancer("shop-alb", Internal), LoadBalancer { vpc: "vpc-0".into(), ..balancer("shop-alb", Public) }]
    {
        let own = ours(&[(&before.arn, "load_balancer.public", &[])]);
        let (used, _) = chosen(std::slice::from_ref(&before), &own, &config);
        let Use::Make(name) = used else { panic!("{used:?}") };
        assert!(name.starts_with("shop-alb-") && name.len() <= 32, "{name}");
        // The old one may have a chosen name, and go all the same.
        let config = https("alb: {name: shop-alb}");
        let (used, _) = chosen(&[before], &own, &config);
        assert!(matches!(used, Use::Make(name) if name.starts_with("shop-alb-")));
    }
}
