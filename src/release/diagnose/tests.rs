#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::{Evidence, diagnose};
use crate::model::Cause;

fn of(given: Value) -> Cause {
    let evidence: Evidence = serde_json::from_value(given).unwrap();
    diagnose(&Evidence { key: "web".to_owned(), security_group: "shop-sg".to_owned(), ..evidence })
}

/// A task that did not start, for this reason.
fn unstarted(reason: &str) -> Value {
    json!({ "tasks": 3, "stop_code": "TaskFailedToStart", "reason": reason, "exits": [{ "container": "web" }] })
}

fn exited(code: i32, tasks: usize) -> Value {
    json!({
        "tasks": tasks, "stop_code": "EssentialContainerExited", "reason": "Essential container in task exited",
        "exits": [{ "container": "web", "code": code }]
    })
}

#[test]
fn other_words_for_the_same_failure_are_of_the_same_class() {
    for (class, reason) in [
        (
            "image-not-found",
            "CannotPullContainerError: Error response from daemon: manifest for shop:9 not found: manifest unknown",
        ),
        ("image-not-found", "CannotPullContainerError: The task can’t pull the image. Status: 404"),
        (
            "image-not-found",
            "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: RepositoryNotFoundException: The repository with name 'shop' does not exist in the registry",
        ),
        (
            "image-pull-forbidden",
            "CannotPullContainerError: pull access denied for shop, repository does not exist or may require 'docker login'",
        ),
        (
            "image-pull-forbidden",
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 3 time(s): AccessDeniedException: User is not authorized to perform: ecr:GetAuthorizationToken on resource: *",
        ),
        (
            "image-pull-timeout",
            "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. RequestError: send request failed caused by: Post \"https://api.ecr.eu-west-1.amazonaws.com/\": dial tcp 52.46.1.1:443: i/o timeout",
        ),
        (
            "image-pull-timeout",
            "CannotPullContainerError: inspect image has been retried 5 time(s): request canceled while waiting for connection",
        ),
        (
            "wrong-architecture",
            "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/amd64'",
        ),
        ("out-of-disk", "CannotPullContainerError: write /var/lib/x: no space left on device"),
        (
            "secret-not-found",
            "ResourceInitializationError: unable to pull secrets or registry auth: retrieved secret from Secrets Manager did not contain json key password",
        ),
        (
            "secret-forbidden",
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: AccessDeniedException: Access to KMS is not allowed",
        ),
        (
            "secret-unreachable",
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to get secrets from ssm: RequestError: context deadline exceeded",
        ),
        (
            "log-group",
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 time(s): AccessDeniedException",
        ),
        (
            "efs-mount",
            "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to resolve \"fs-1.efs.eu-west-1.amazonaws.com\"",
        ),
        ("cannot-start", "CannotCreateContainerError: API error (400): no command specified"),
        ("subnet-addresses", "Timeout waiting for network interface provisioning to complete."),
        (
            "capacity",
            "Capacity is unavailable at this time. Please try again later or in a different availability zone",
        ),
        ("unclassified", "SomethingNewError: out of phase"),
    ] {
        let cause = of(json!({ "groups": [unstarted(reason)] }));
        assert_eq!((cause.class.as_str(), cause.reason.as_deref()), (class, Some(reason)));
        assert_eq!((cause.tasks, cause.container.as_deref()), (3, Some("web")), "{reason}");
    }
}

#[test]
fn a_number_within_a_digest_is_no_status_code() {
    let digest = format!("sha256:{}", "4030".repeat(16));
    let cause =
        of(json!({ "groups": [unstarted(&format!("CannotPullContainerError: shop@{digest}: not found"))] }));
    assert_eq!(cause.class, "image-digest-gone");
}

#[test]
fn the_most_frequent_failure_is_told_and_the_others_are_evidence() {
    let pull = "CannotPullContainerError: request canceled";
    let mut one = unstarted(pull);
    one["tasks"] = 1.into();
    let cause = of(json!({ "groups": [exited(1, 4), one] }));
    assert_eq!((cause.class.as_str(), cause.tasks), ("essential-exited", 4));
    let other = format!("1 task failed in another way: {pull}");
    assert!(cause.evidence.contains(&other), "{:?}", cause.evidence);
}

#[test]
fn events_count_when_no_task_explains_it() {
    let event = "was unable to place a task. Reason: Capacity is unavailable at this time.";
    assert_eq!(of(json!({ "events": [event] })).class, "capacity");
    assert_eq!(of(json!({ "events": [event], "groups": [exited(1, 1)] })).class, "essential-exited");
    let both = ["is unable to consistently start tasks successfully.", event];
    assert_eq!(of(json!({ "events": both })).class, "capacity", "the cause before its consequence");
}

#[test]
fn a_log_speaks_of_the_architecture_only_with_an_exit_code_that_fits() {
    let evidence =
        |code| json!({ "groups": [exited(code, 1)], "logs": { "web": ["exec /app: exec format error"] } });
    assert_eq!(of(evidence(255)).class, "wrong-architecture");
    assert_eq!(of(evidence(3)).class, "essential-exited");
}

#[test]
fn a_kill_without_a_request_is_about_memory_and_one_after_a_request_about_sigterm() {
    let own = of(json!({ "groups": [exited(137, 1)], "cpu": 256, "memory": 2048, "next_size": [512, 3072] }));
    assert_eq!(own.class, "killed");
    assert!(
        own.remedy.starts_with("set `tasks.web.memory` to 3072 and `tasks.web.cpu` to 512"),
        "{}",
        own.remedy
    );
    let mut asked = exited(137, 1);
    asked["stop_code"] = "UserInitiated".into();
    let asked = of(json!({ "groups": [asked] }));
    assert_eq!(asked.class, "killed");
    assert!(asked.remedy.contains("SIGTERM"), "{}", asked.remedy);
}

#[test]
fn the_way_that_is_missing_is_named() {
    let with = |subnets: Value, public: bool| {
        let reason = "CannotPullContainerError: dial tcp 10.0.0.1:443: i/o timeout";
        of(json!({ "groups": [unstarted(reason)], "subnets": subnets, "public_ip": public }))
    };
    let isolated =
        with(json!([{ "id": "subnet-1", "zone": "eu-west-1a", "lacks": ["ecr.api", "s3"] }]), false);
    assert_eq!(
        isolated.remedy,
        "give subnet `subnet-1` a default route to a NAT gateway, or VPC endpoints for `ecr.api`, `s3`"
    );
    assert!(isolated.evidence.contains(
        &"subnet subnet-1 (eu-west-1a): no default route, and no endpoint for ecr.api, s3".to_owned()
    ));
    let private_in_public = with(json!([{ "id": "subnet-2", "route": "igw-1" }]), false);
    assert!(private_in_public.remedy.starts_with("set `tasks.web.assign_public_ip` to `true`"));
    let closed = with(json!([{ "id": "subnet-3", "route": "nat-1" }]), false);
    assert!(closed.remedy.starts_with("let security group `shop-sg`"), "{}", closed.remedy);
}

/// Tasks that a load balancer's check ended, in a group that asks for `/health` on port 8080.
fn unhealthy(reason: &str, description: &str, is_open: Option<bool>) -> Cause {
    of(json!({
        "groups": [{
            "tasks": 3, "stop_code": "ServiceSchedulerInitiated", "exits": [{ "container": "web", "code": 143 }],
            "reason": "Task failed ELB health checks in (target-group arn:x)", "ran_s": 92.4
        }],
        "grace": 60,
        "targets": [{ "state": "unhealthy", "reason": reason, "description": description, "targets": 2 }],
        "target_group": {
            "name": "front", "protocol": "HTTP", "port": 8080, "path": "/health", "matcher": "200-299", "timeout": 5,
            "balancers": ["arn:lb"], "sources": ["sg-alb"], "is_open": is_open
        }
    }))
}

#[test]
fn a_code_is_told_with_what_was_asked_and_the_keys_that_ask_it() {
    let mismatch = |codes: &str| {
        let told = format!("Health checks failed with these codes: [{codes}]");
        unhealthy("Target.ResponseCodeMismatch", &told, None)
    };
    let code = mismatch("502");
    assert_eq!(code.class, "elb-health-check");
    assert!(code.summary.contains("these codes: [502]"), "{}", code.summary);
    for part in [
        "`GET /health` on port 8080 with 200-299 (it answered 502, which means that the program or what it needs fails)",
        "`tasks.web.health_check.path` (`/health` now)",
        "`tasks.web.health_check.matcher` (`200-299` now)",
    ] {
        assert!(code.remedy.contains(part), "{}", code.remedy);
    }
    for (codes, part) in [
        ("404", "no such path"),
        ("401", "a login"),
        ("302", "another address"),
        ("301,502", "another address"),
    ] {
        assert!(mismatch(codes).remedy.contains(part), "{codes}: {}", mismatch(codes).remedy);
    }
    assert!(!mismatch("204").remedy.contains("which means"), "{}", mismatch("204").remedy);
}

#[test]
fn a_silent_task_is_behind_a_closed_way_or_does_not_listen() {
    let timeout = |is_open| unhealthy("Target.Timeout", "Request timed out", is_open).remedy;
    let closed = timeout(Some(false));
    assert!(
        closed.starts_with("let TCP port 8080 from sg-alb into security group `shop-sg`: no rule of it does"),
        "{closed}"
    );
    assert!(!closed.contains("0.0.0.0"), "{closed}");
    let open = timeout(Some(true));
    assert!(
        open.starts_with(
            "the security groups let the load balancer in, so let the program listen on 0.0.0.0:8080"
        ),
        "{open}"
    );
    for part in [
        "`tasks.web.health_check.timeout_seconds` (`5` now)",
        "`tasks.web.health_check.grace_period_seconds` (60 now)",
        "stopped after at most 92 s",
    ] {
        assert!(open.contains(part), "{open}");
    }
    let unknown = timeout(None);
    assert!(unknown.contains("if it does already, let the program listen"), "{unknown}");
    let refused = unhealthy("Target.FailedHealthChecks", "Health checks failed", None).remedy;
    assert!(refused.starts_with("let the program listen on 0.0.0.0:8080 (not on 127.0.0.1;"), "{refused}");
}

#[test]
fn a_target_group_without_traffic_needs_a_rule_or_a_zone() {
    let unused = |description: &str, balancers: Value| {
        of(json!({
            "targets": [{ "state": "unused", "reason": "Target.NotInUse", "description": description, "targets": 2 }],
            "target_group": { "name": "front", "balancers": balancers }
        }))
    };
    let alone = unused("Target group is not configured to receive traffic from the load balancer", json!([]));
    assert_eq!(alone.class, "target-unused");
    assert!(
        alone.remedy.starts_with("let a listener rule forward to `front`, which none does"),
        "{}",
        alone.remedy
    );
    let behind = unused("Target group is not configured to receive traffic", json!(["arn:lb"]));
    assert!(behind.remedy.contains("that gets requests"), "{}", behind.remedy);
    let zone = unused(
        "Target is in an Availability Zone that is not enabled for the load balancer",
        json!(["arn:lb"]),
    );
    assert!(zone.remedy.starts_with("enable the Availability Zones"), "{}", zone.remedy);
}

#[test]
fn a_target_that_is_still_checked_is_no_failure() {
    for (state, reason) in
        [("initial", "Elb.InitialHealthChecking"), ("initial", "Elb.RegistrationInProgress")]
    {
        let cause = of(json!({
            "state": "unfinished",
            "targets": [{ "state": state, "reason": reason, "targets": 1 }],
            "target_group": { "name": "front" }
        }));
        assert_eq!(cause.class, "slow-start", "{reason}");
        assert!(cause.evidence.iter().any(|line| line.contains(reason)), "{:?}", cause.evidence);
    }
}

#[test]
fn when_the_targets_are_gone_the_events_tell_what_the_health_check_got() {
    let cause = of(json!({
        "groups": [{
            "tasks": 3, "stop_code": "ServiceSchedulerInitiated", "exits": [{ "container": "web", "code": 143 }],
            "reason": "Task failed ELB health checks in (target-group arn:p:elasticloadbalancing:r:1:targetgroup/front/0a)"
        }],
        "events": ["(port 80) is unhealthy in (target-group arn:x) due to (reason Request timed out)."]
    }));
    assert_eq!(cause.class, "elb-health-check");
    assert!(
        cause.summary.starts_with("the health check of target group `front` failed (Request timed out). ")
    );
    assert!(cause.remedy.contains("security group `shop-sg`"), "{}", cause.remedy);
    assert!(!cause.remedy.contains("now)"), "nothing is known of what is set: {}", cause.remedy);
}

#[test]
fn exit_codes_have_a_remedy_of_their_own() {
    for (code, part) in [
        (0, "a program that goes on"),
        (2, "called the wrong way"),
        (127, "a command that the image has"),
        (1, "the last lines"),
    ] {
        let cause = of(json!({ "groups": [exited(code, 1)] }));
        assert_eq!((cause.class.as_str(), cause.exit_code), ("essential-exited", Some(code)));
        assert!(cause.remedy.contains(part), "{code}: {}", cause.remedy);
    }
    let of_code = |code| of(json!({ "groups": [exited(code, 1)] })).exit_meaning;
    assert_eq!(of_code(1).as_deref(), Some("the program failed"));
    assert_eq!(of_code(42), None);
}

#[test]
fn the_logs_of_the_other_containers_are_kept_apart() {
    let cause =
        of(json!({ "groups": [exited(1, 1)], "logs": { "proxy": ["p"], "web": ["a", "b"], "quiet": [] } }));
    assert_eq!(cause.log, ["a", "b"]);
    assert_eq!(cause.other_logs.len(), 1);
    assert_eq!(cause.other_logs[0].container, "proxy");
}

#[test]
fn a_hook_that_waits_is_continued_by_the_command_that_is_told() {
    let cause = of(json!({ "record": {
        "arn": "arn:p:ecs:r:1:service-deployment/c/s/d", "stage": "POST_SCALE_UP",
        "hooks": [{ "id": "h1", "kind": "PAUSE", "status": "AWAITING_ACTION", "expires": "2026-11-21T12:00:00Z" }]
    }}));
    assert_eq!(cause.class, "hook");
    assert!(
        cause.remedy.contains("--service-deployment-arn arn:p:ecs:r:1:service-deployment/c/s/d --hook-id h1")
    );
    assert!(
        cause.evidence[0].ends_with("PAUSE is AWAITING_ACTION at POST_SCALE_UP, until 2026-11-21T12:00:00Z")
    );
}

#[test]
fn a_deployment_that_was_stopped_on_request_says_so_unless_tasks_failed_before() {
    let record = json!({ "reason": "Service deployment rolled back because a rollback was requested." });
    assert_eq!(of(json!({ "record": record })).class, "stopped-by-hand");
    assert_eq!(of(json!({ "record": record, "groups": [exited(1, 1)] })).class, "essential-exited");
}

#[test]
fn nothing_known_is_said_to_be_nothing_known() {
    let cause = of(json!({ "record": { "reason": "Service deployment stopped." } }));
    assert_eq!(
        (cause.class.as_str(), cause.reason.as_deref()),
        ("unclassified", Some("Service deployment stopped."))
    );
    assert_eq!(of(json!({ "state": "unfinished" })).class, "slow-start");
}
