//! One row of a table for each way that a fact can be.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::preflight::{Parts, exit, kinds, rows, without_credentials};
use crate::lookup::LookupError;
use crate::lookup::survey::{Decision, Ground, Survey};
use crate::model::{Able, CallError, Finding, Level};

use Able::{Maybe, No, Yes};

const ALL: Parts = Parts { https: true, dns: true, secrets: true };

fn ground() -> Ground {
    Ground { line: "vpc-1".into(), zones: 2, private: 2, public: 2, ..Ground::default() }
}

fn fine() -> Survey {
    Survey {
        caller: "arn:aws:iam::123456789012:user/octo".into(),
        ecs_role: Ok(true),
        balancing_role: Ok(true),
        vpcs: Ok(vec![ground()]),
        ecs: [Ok(()), Ok(())],
        balancing: Ok(()),
        logs: Ok(()),
        ecr: Ok(()),
        events: Ok(()),
        dns: Ok(()),
        certificates: Ok(()),
        pass_role: Some(Ok(Decision::Allowed)),
    }
}

fn denied(op: &str) -> CallError {
    CallError { code: "AccessDenied".into(), ..CallError::local(op, "no") }
}

fn row<'a>(rows: &'a [Finding], about: &str) -> &'a Finding {
    rows.iter().find(|row| row.about == about).unwrap()
}

fn with(change: impl FnOnce(&mut Survey)) -> Vec<Finding> {
    let mut survey = fine();
    change(&mut survey);
    rows(&survey, ALL)
}

#[test]
fn an_account_with_everything_passes_and_can_run_everything() {
    let rows = rows(&fine(), ALL);
    assert!(rows.iter().all(|row| row.level == Level::Ok), "{rows:?}");
    assert_eq!((rows.len(), exit(&rows)), (13, 0));
    assert!(kinds(&rows, ALL).iter().all(|(_, able)| *able == Able::Yes));
}

/// Takes something away from an account that has everything.
type Change = fn(&mut Survey);

#[test]
fn a_permission_that_is_missing_fails_and_is_named() {
    let wrong: [(&str, Level, Change, &str); 9] = [
        (
            "ECS",
            Level::Fail,
            |s| s.ecs[1] = Err(denied("ecs:ListTaskDefinitions")),
            "allow `ecs:ListTaskDefinitions`",
        ),
        (
            "Elastic Load Balancing",
            Level::Fail,
            |s| s.balancing = Err(denied("elasticloadbalancing:DescribeLoadBalancers")),
            "allow `elasticloadbalancing:DescribeLoadBalancers`",
        ),
        (
            "CloudWatch Logs",
            Level::Fail,
            |s| s.logs = Err(denied("logs:DescribeLogGroups")),
            "allow `logs:DescribeLogGroups`",
        ),
        (
            "ECR",
            Level::Warn,
            |s| s.ecr = Err(denied("ecr:DescribeRepositories")),
            "allow `ecr:DescribeRepositories`",
        ),
        (
            "EventBridge",
            Level::Fail,
            |s| s.events = Err(denied("events:ListEventBuses")),
            "allow `events:ListEventBuses`",
        ),
        (
            "Route 53",
            Level::Fail,
            |s| s.dns = Err(denied("route53:ListHostedZones")),
            "allow `route53:ListHostedZones`",
        ),
        (
            "ACM",
            Level::Fail,
            |s| s.certificates = Err(denied("acm:ListCertificates")),
            "allow `acm:ListCertificates`",
        ),
        (
            "service-linked roles",
            Level::Fail,
            |s| s.ecs_role = Err(denied("iam:GetRole")),
            "allow `iam:GetRole`",
        ),
        (
            "VPC and subnets",
            Level::Fail,
            |s| {
                s.vpcs = Err(LookupError {
                    problems: vec![],
                    calls: vec![denied("ec2:DescribeVpcs"), denied("ec2:DescribeSubnets")],
                });
            },
            "allow `ec2:DescribeVpcs` and `ec2:DescribeSubnets`",
        ),
    ];
    for (about, level, change, remedy) in wrong {
        let rows = with(change);
        let found = row(&rows, about);
        assert_eq!((found.level, found.remedy.as_str()), (level, remedy), "{about}");
        assert_eq!(exit(&rows), if level == Level::Fail { 2 } else { 1 }, "{about}");
    }
}

#[test]
fn a_call_that_fails_otherwise_is_no_missing_permission() {
    let rows = with(|survey| survey.logs = Err(CallError::local("logs:DescribeLogGroups", "no connection")));
    let found = row(&rows, "CloudWatch Logs");
    assert!(!found.remedy.contains("allow") && found.found.contains("no connection"), "{found:?}");
}

#[test]
fn several_vpcs_are_listed_and_no_error() {
    let other = Ground { line: "vpc-2".into(), zones: 1, ..Ground::default() };
    let rows = with(|survey| survey.vpcs = Ok(vec![ground(), other]));
    let found = row(&rows, "VPC and subnets");
    assert_eq!(found.level, Level::Ok);
    assert!(found.found.contains("vpc-1") && found.found.contains("vpc-2"), "{found:?}");
    assert!(found.remedy.contains("vpc_id"));
}

#[test]
fn one_zone_is_too_few_and_no_vpc_is_none() {
    for (vpcs, part) in
        [(vec![Ground { zones: 1, ..ground() }], "a second Availability Zone"), (vec![], "another region")]
    {
        let rows = with(|survey| survey.vpcs = Ok(vpcs));
        let found = row(&rows, "VPC and subnets");
        assert_eq!(found.level, Level::Fail);
        assert!(found.remedy.contains(part), "{found:?}");
    }
}

#[test]
fn every_way_out_is_judged() {
    let none = Ground { private: 0, public: 0, ..ground() };
    for (vpc, level, part) in [
        (ground(), Level::Ok, "2 subnets with a way out"),
        (Ground { served: 1, ..none.clone() }, Level::Ok, "1 subnet with the VPC endpoints"),
        (Ground { public: 2, ..none.clone() }, Level::Warn, "only 2 subnets with an internet gateway"),
        (Ground { lacks: vec!["logs", "s3"], ..none.clone() }, Level::Fail, "no subnet leads out"),
    ] {
        let rows = with(|survey| survey.vpcs = Ok(vec![vpc]));
        let found = row(&rows, "egress");
        assert_eq!(found.level, level);
        assert!(found.found.contains(part), "{found:?}");
        if level == Level::Fail {
            assert!(found.remedy.ends_with("logs, s3"), "{found:?}");
            assert_eq!(row(&rows, "Secrets Manager").level, Level::Warn);
        }
    }
}

#[test]
fn what_iam_says_to_passing_roles_decides() {
    for (decision, level) in [
        (None, Level::Ok),
        (Some(Ok(Decision::Allowed)), Level::Ok),
        (Some(Ok(Decision::Implicit)), Level::Warn),
        (Some(Ok(Decision::Explicit)), Level::Fail),
        (Some(Err(denied("iam:SimulatePrincipalPolicy"))), Level::Warn),
    ] {
        let rows = with(|survey| survey.pass_role = decision);
        assert_eq!(row(&rows, "iam:PassRole").level, level);
    }
}

#[test]
fn a_role_that_ecs_has_not_made_yet_is_a_doubt_and_that_of_load_balancing_is_none() {
    assert_eq!(row(&with(|survey| survey.ecs_role = Ok(false)), "service-linked roles").level, Level::Warn);
    assert_eq!(
        row(&with(|survey| survey.balancing_role = Ok(false)), "service-linked roles").level,
        Level::Ok
    );
}

#[test]
fn each_kind_of_task_needs_its_own_rows() {
    let able = |rows: &[Finding]| kinds(rows, ALL).into_iter().map(|(_, able)| able).collect::<Vec<_>>();
    assert_eq!(able(&with(|s| s.balancing = Err(denied("x")))), [No, No, Yes, Yes, Yes]);
    assert_eq!(able(&with(|s| s.certificates = Err(denied("x")))), [Yes, No, Yes, Yes, Yes]);
    assert_eq!(able(&with(|s| s.events = Err(denied("x")))), [Yes, Yes, No, Yes, Yes]);
    assert_eq!(able(&with(|s| s.logs = Err(denied("x")))), [No; 5]);
    assert_eq!(able(&with(|s| s.pass_role = Some(Ok(Decision::Implicit)))), [Maybe; 5]);
    assert_eq!(able(&with(|s| s.dns = Err(denied("x")))), [Yes; 5]);
    assert_eq!(able(&without_credentials("none")), [No; 5]);
}

#[test]
fn what_is_left_out_has_no_row() {
    let none = Parts { https: false, dns: false, secrets: false };
    let rows = rows(&fine(), none);
    assert_eq!(rows.len(), 10);
    assert!(kinds(&rows, none).iter().all(|(kind, _)| !kind.contains("HTTPS")));
}
