//! Rules that are there, in the way, or to be made; listeners and security groups of others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use super::balancer::Use;
use super::found::{Conditions, Listener, LoadBalancer, Ours, Rule, TargetGroup};
use super::listening::{At, Placed, Wish, check_protocol, fact, place, security_group};
use super::testing::{arn, asks, balancer, group, https, listener, ours, rule, rule_arn};
use crate::lookup::{LookupError, Problem};
use crate::stack::web::Scheme::Public;

const HOST: &str = "shop.example.com";

fn groups() -> Vec<TargetGroup> {
    vec![group("shop-web-tg", &[]), group("other-tg", &[])]
}

fn group_arn(name: &str) -> String {
    arn(&format!("targetgroup/{name}/0"))
}

fn wish() -> Wish {
    Wish {
        task: "web".into(),
        name: "web".into(),
        conditions: asks(&[HOST], &[]),
        group: Some(group_arn("shop-web-tg")),
        route: vec!["domain".into(), "0".into()],
        ..Wish::default()
    }
}

fn placed(wish: Wish, rules: Vec<Rule>, ours: &Ours) -> Result<Placed, LookupError> {
    let used = Use::Shared(balancer("main", Public));
    let listener = listener(443, rules);
    place(At { used: &used, port: 443, listener: Some(&listener) }, &[wish], ours, &groups())
}

/// Priority and ARN of the only rule.
fn found(wish: Wish, rules: Vec<Rule>, ours: &Ours) -> (i32, Option<String>) {
    let name = wish.name.clone();
    let (mut all, _) = placed(wish, rules, ours).unwrap();
    let one = all.remove(&name).unwrap();
    (one.priority, one.arn)
}

fn problem(result: Result<impl std::fmt::Debug, LookupError>) -> Problem {
    let error = result.unwrap_err();
    let [problem] = error.problems.as_slice() else { panic!("{error:?}") };
    problem.clone()
}

fn of_web(id: &str) -> Ours {
    ours(&[(&rule_arn("main", id), "listener_rule.web", &[])])
}

#[test]
fn a_new_rule_gets_a_free_number_and_an_own_one_keeps_its_own() {
    let mine = group_arn("shop-web-tg");
    assert_eq!(found(wish(), vec![rule("r0", 100, asks(&["x"], &[]), &[])], &Ours::default()), (110, None));
    let rules = vec![rule("r1", 7, asks(&["before.example.com"], &[]), &[&mine])];
    assert_eq!(found(wish(), rules, &of_web("r1")), (7, Some(rule_arn("main", "r1"))));
}

#[test]
fn another_target_group_is_another_rule_after_the_old_one() {
    let rules = vec![rule("r1", 100, asks(&[HOST], &[]), &[&group_arn("other-tg")])];
    assert_eq!(found(wish(), rules.clone(), &of_web("r1")), (110, Some(rule_arn("main", "r1"))));
    let not_made_yet = Wish { group: None, ..wish() };
    assert_eq!(found(not_made_yet, rules, &of_web("r1")).0, 110);
}

#[test]
fn after_an_interrupted_move_the_new_rule_is_the_one() {
    let mine = group_arn("shop-web-tg");
    let rules = vec![
        rule("r1", 100, asks(&[HOST], &[]), &[&group_arn("other-tg")]),
        rule("r2", 110, asks(&[HOST], &[]), &[&mine]),
    ];
    let (one, two) = (rule_arn("main", "r1"), rule_arn("main", "r2"));
    let ours = ours(&[(&one, "listener_rule.web", &[]), (&two, "listener_rule.web", &[])]);
    assert_eq!(found(wish(), rules, &ours), (110, Some(two)));
}

#[test]
fn the_rule_of_a_task_that_got_another_name_goes_when_the_new_one_serves() {
    let rules = vec![rule("r1", 100, asks(&[HOST], &[]), &[&group_arn("other-tg")])];
    let ours = ours(&[(&rule_arn("main", "r1"), "listener_rule.before", &[])]);
    assert_eq!(found(wish(), rules, &ours), (110, None));
}

#[test]
fn a_rule_of_somebody_else_for_the_same_requests_is_in_the_way() {
    let rules = vec![rule("r1", 10, asks(&[HOST], &[]), &[&group_arn("other-tg")])];
    let found = problem(placed(wish(), rules, &Ours::default()));
    insta::assert_snapshot!(format!("{found}\nhint: {}", found.hint), @r"
    rule 10 of the listener on port 443 of the load balancer `main` is for `shop.example.com` already, and forwards to `other-tg`
    hint: delete that rule, or give `web` another `domain` or `path`
    ");
    assert_eq!(found.route, ["domain", "0"]);
    let answers = vec![rule("r1", 10, asks(&[HOST], &[]), &[])];
    assert!(problem(placed(wish(), answers, &Ours::default())).what.ends_with("answers by itself"));
    let narrower = Rule { asks_more: true, ..rule("r1", 10, asks(&[HOST], &[]), &[]) };
    assert!(placed(wish(), vec![narrower], &Ours::default()).is_ok());
}

#[test]
fn a_rule_to_the_target_group_that_is_taken_over_is_taken_over_too() {
    let rules = vec![rule("r1", 10, asks(&[HOST], &[]), &[&group_arn("shop-web-tg")])];
    assert_eq!(found(wish(), rules, &Ours::default()), (10, Some(rule_arn("main", "r1"))));
    let redirect = Wish { name: "web-redirect".into(), group: None, redirects: true, ..wish() };
    let rules = vec![Rule { redirects: true, ..rule("r1", 10, asks(&[HOST], &[]), &[]) }];
    assert_eq!(found(redirect, rules, &Ours::default()), (10, Some(rule_arn("main", "r1"))));
}

#[test]
fn a_priority_of_the_configuration_must_be_free() {
    let rules = vec![rule("r1", 10, asks(&["other.example.com"], &["/x"]), &[])];
    let wish = Wish { explicit: Some(10), ..wish() };
    let found = problem(placed(wish.clone(), rules.clone(), &Ours::default()));
    insta::assert_snapshot!(format!("{found}\nhint: {}", found.hint), @r"
    the listener on port 443 of the load balancer `main` has another rule with the priority 10, for `other.example.com`, `/x`
    hint: choose another number for `tasks.web.priority`, or remove it to let a free one be found
    ");
    assert_eq!(found.route, ["tasks", "web", "priority"]);
    let (all, _) = placed(wish, rules, &of_web("r1")).unwrap();
    assert_eq!(all["web"].priority, 100, "its own rule has it until the new one serves");
}

#[test]
fn two_priorities_cannot_be_exchanged_at_once() {
    let used = Use::Own(balancer("main", Public));
    let (a, b) = (group_arn("shop-web-tg"), group_arn("other-tg"));
    let listener = listener(
        443,
        vec![rule("r1", 10, asks(&["a"], &[]), &[&a]), rule("r2", 20, asks(&["b"], &[]), &[&b])],
    );
    let ours = ours(&[
        (&rule_arn("main", "r1"), "listener_rule.a", &[]),
        (&rule_arn("main", "r2"), "listener_rule.b", &[]),
    ]);
    let named = |name: &str, group: &str, explicit| Wish {
        task: name.into(),
        name: name.into(),
        conditions: asks(&[name], &[]),
        group: Some(group.into()),
        explicit: Some(explicit),
        ..Wish::default()
    };
    let at = At { used: &used, port: 443, listener: Some(&listener) };
    let found = problem(place(at, &[named("a", &a, 20), named("b", &b, 10)], &ours, &groups()));
    assert_eq!(found.what, "the rules of `a` and `b` cannot exchange their priorities in one step");
}

#[test]
fn a_rule_that_is_asked_before_and_gets_everything_is_told() {
    let said = |foreign: Conditions| {
        let (_, warnings) = placed(wish(), vec![rule("r1", 10, foreign, &[])], &Ours::default()).unwrap();
        warnings.join("\n")
    };
    insta::assert_snapshot!(said(asks(&["*.example.com"], &[])), @"rule 10 of the listener on port 443 of the load balancer `main`, for `*.example.com`, is asked before the rule of `web`, and gets its requests");
    assert_eq!(said(asks(&["*.example.com"], &["/api/*"])), "");
    assert_eq!(said(asks(&["*.example.org"], &[])), "");
}

#[test]
fn a_listener_must_speak_what_is_needed() {
    let used = Use::Shared(balancer("main", Public));
    let plain = Listener { protocol: "HTTP".into(), ..listener(443, Vec::new()) };
    let found =
        check_protocol(At { used: &used, port: 443, listener: Some(&plain) }, true, "web").unwrap_err();
    assert_eq!(
        found.what,
        "the listener on port 443 of the load balancer `main` speaks HTTP, and `web` needs HTTPS there"
    );
    assert_eq!(found.hint, "set `alb.port` to another port, or `alb.arn` to another load balancer");
    let tls = Listener { protocol: "HTTPS".into(), ..listener(80, Vec::new()) };
    let found = check_protocol(At { used: &used, port: 80, listener: Some(&tls) }, false, "web").unwrap_err();
    assert!(found.hint.contains("`alb.redirect_80: false`"));
    assert!(check_protocol(At { used: &used, port: 80, listener: None }, false, "web").is_ok());
}

#[test]
fn certificates_that_this_stack_added_are_not_those_of_others() {
    let certificate = |id: &str| format!("arn:aws:acm:eu-west-1:123456789012:certificate/{id}");
    let listener = Listener {
        certificates: ["theirs", "added", "own"].map(certificate).to_vec(),
        ..listener(443, Vec::new())
    };
    let ours = ours(&[
        (&rule_arn("main", "r1"), "listener_rule.web", &[("fargate-stack:certificates", "public-443 added")]),
        (
            &rule_arn("elsewhere", "r2"),
            "listener_rule.api",
            &[("fargate-stack:certificates", "public-443 theirs")],
        ),
        (&certificate("own"), "certificate.shop.example.com", &[]),
    ]);
    let found = fact(&listener, false, &ours);
    assert_eq!(found.certificates, [certificate("theirs")]);
    assert!(!found.is_ours);
    assert!(
        fact(&listener, true, &ours).is_ours,
        "on a load balancer of its own every listener is or will be"
    );
}

/// Group → ports that it lets in.
fn open(groups: &[(&str, &[u16])]) -> BTreeMap<String, BTreeSet<u16>> {
    groups.iter().map(|(id, ports)| ((*id).to_owned(), ports.iter().copied().collect())).collect()
}

#[test]
fn tasks_accept_traffic_from_the_group_that_lets_the_listeners_port_in() {
    let shared = balancer("main", Public);
    let ports = BTreeSet::from([80, 443]);
    let choose =
        |groups: &[(&str, &[u16])]| security_group(&shared, &open(groups), &https(""), &ports).unwrap();
    assert_eq!(choose(&[("sg-1", &[80]), ("sg-2", &[80, 443])]), ("sg-2".to_owned(), vec![]));
    assert_eq!(choose(&[("sg-1", &[80]), ("sg-2", &[443])]), ("sg-2".to_owned(), vec![]));
    let (group, warnings) = choose(&[("sg-1", &[]), ("sg-2", &[80])]);
    assert_eq!(group, "sg-1");
    insta::assert_snapshot!(warnings.join("\n"), @"no security group of the load balancer `main` lets port 443 in: nobody reaches the services there");
}

#[test]
fn the_group_that_is_named_must_be_the_load_balancers() {
    let (mine, other) = ("sg-0123456789abcdef0", "sg-0fedcba9876543210");
    let shared = LoadBalancer { groups: vec!["sg-1".into(), mine.into()], ..balancer("main", Public) };
    let choose = |id: &str| {
        let config = https(&format!("security_groups: {{alb: {{group_id: {id}}}}}"));
        security_group(&shared, &open(&[("sg-1", &[443])]), &config, &BTreeSet::from([443]))
    };
    assert_eq!(choose(mine).unwrap().0, mine);
    let found = choose(other).unwrap_err();
    insta::assert_snapshot!(found, @r"
    the load balancer `main` does not have the security group `sg-0fedcba9876543210`
      sg-1
      sg-0123456789abcdef0
    ");
    assert_eq!(found.route, ["security_groups", "alb", "group_id"]);
}
