//! Faults and latency as a client of the SDK meets them.

use std::time::Duration;

use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use serde_json::{Value, json};

use super::super::account::block;
use super::super::harness::World;
use super::{Bench, assert_refused, clusters, refused};

/// `Operation result (fault)` of every recorded call.
fn record(world: &World) -> Vec<String> {
    let text = |call: &Value, key: &str| call[key].as_str().unwrap_or_default().to_owned();
    let line = |call: &Value| {
        format!("{} {} {}", text(call, "operation"), text(call, "result"), text(call, "fault"))
    };
    world.calls().iter().map(|call| line(call).trim_end().to_owned()).collect()
}

/// A client that tries once.
fn once(bench: &Bench) -> aws_sdk_ecs::Client {
    let config =
        aws_sdk_ecs::config::Builder::from(&bench.config).retry_config(RetryConfig::disabled()).build();
    aws_sdk_ecs::Client::from_conf(config)
}

#[test]
fn a_throttled_call_is_tried_again_by_the_sdk() {
    block(async {
        let bench = Bench::empty();
        bench.fault(json!({"service": "ecs", "operation": "CreateCluster", "kind": "throttle"}));
        bench.cluster().await;
        let expected = ["CreateCluster ThrottlingException throttle", "CreateCluster ok"];
        assert_eq!(record(&bench.world), expected);
        bench.fault(json!({"service": "ec2", "kind": "throttle"}));
        aws_sdk_ec2::Client::new(&bench.config).describe_vpcs().send().await.unwrap();
        bench.fault(json!({"service": "iam", "kind": "throttle"}));
        aws_sdk_iam::Client::new(&bench.config).list_roles().send().await.unwrap();
        assert_eq!(
            record(&bench.world)[2..],
            [
                "DescribeVpcs RequestLimitExceeded throttle",
                "DescribeVpcs ok",
                "ListRoles Throttling throttle",
                "ListRoles ok"
            ]
        );
    });
}

#[test]
fn an_internal_error_is_tried_again_by_the_sdk() {
    block(async {
        let bench = Bench::empty();
        bench.fault(json!({"service": "ecs", "kind": "error500"}));
        bench.cluster().await;
        assert_eq!(record(&bench.world), ["CreateCluster ServerException error500", "CreateCluster ok"]);
    });
}

#[test]
fn an_access_denied_has_the_code_of_its_service_and_names_the_action() {
    block(async {
        let bench = Bench::empty();
        bench.fault(json!({"kind": "access_denied", "count": 4}));
        let ecs = refused(bench.ecs.create_cluster().cluster_name("main").send().await);
        assert!(
            ecs.starts_with("AccessDeniedException: ")
                && ecs.contains("not authorized to perform: ecs:CreateCluster"),
            "{ecs}"
        );
        let iam = refused(aws_sdk_iam::Client::new(&bench.config).list_roles().send().await);
        assert!(iam.starts_with("AccessDenied: ") && iam.contains("iam:ListRoles"), "{iam}");
        let ec2 = refused(aws_sdk_ec2::Client::new(&bench.config).describe_vpcs().send().await);
        assert!(ec2.starts_with("UnauthorizedOperation: ") && ec2.contains("ec2:DescribeVpcs"), "{ec2}");
        let tagging = aws_sdk_resourcegroupstagging::Client::new(&bench.config).get_resources().send().await;
        let tagging = refused(tagging);
        assert!(
            tagging.starts_with("AccessDeniedException: ") && tagging.contains("tag:GetResources"),
            "{tagging}"
        );
        assert_eq!(bench.world.calls().len(), 4, "a refusal is not tried again");
        assert_eq!(clusters(&bench.ecs).await, 0, "it has no effect");
    });
}

#[test]
fn any_error_can_be_given_to_the_nth_call() {
    block(async {
        let bench = Bench::empty();
        let busy = "Too many concurrent attempts to create a new revision of the specified family.";
        let operation = "RegisterTaskDefinition";
        bench.fault(json!({
            "service": "ecs", "operation": operation, "nth": 2, "count": 2, "kind": "error", "code": "ClientException",
            "message": busy,
        }));
        bench.revision("web").await;
        for _ in 0..2 {
            assert_refused(bench.definition("web").send().await, &format!("ClientException: {busy}"));
        }
        assert!(bench.revision("web").await.ends_with(":2"), "a failed call used no number");
        let faults = bench.world.control("GET", "faults", &Value::Null);
        let ours = faults
            .as_array()
            .unwrap()
            .iter()
            .find(|fault| fault["account"] == json!(bench.world.account))
            .unwrap();
        assert_eq!(ours["seen"], 4);
    });
}

#[test]
fn a_dropped_call_has_no_effect_and_one_that_timed_out_has() {
    block(async {
        let bench = Bench::empty();
        let ecs = once(&bench);
        let make = |name: &str| ecs.create_cluster().cluster_name(name).send();
        bench.fault(json!({"service": "ecs", "operation": "CreateCluster", "kind": "drop"}));
        let error = make("main").await.unwrap_err();
        assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
        assert_eq!(error.code(), None, "there was no answer");
        assert_eq!(clusters(&ecs).await, 0);
        bench.fault(json!({"service": "ecs", "operation": "CreateCluster", "kind": "timeout_after"}));
        let error = make("main").await.unwrap_err();
        assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
        assert_eq!(clusters(&ecs).await, 1);
        let seen: Vec<String> =
            record(&bench.world).into_iter().filter(|line| line.starts_with("Create")).collect();
        assert_eq!(seen, ["CreateCluster dropped drop", "CreateCluster ok timeout_after"]);

        // With its retries the client makes a revision twice without knowing: the reason for planning again.
        bench
            .fault(json!({"service": "ecs", "operation": "RegisterTaskDefinition", "kind": "timeout_after"}));
        assert!(bench.revision("web").await.ends_with("web:2"));
    });
}

#[test]
fn an_answer_of_any_status_and_form_can_be_given() {
    block(async {
        let bench = Bench::empty();
        bench.fault(json!({
            "service": "ecs", "kind": "status", "status": 403, "content_type": "text/html", "body": "<html>proxy</html>",
        }));
        let error = once(&bench).list_clusters().send().await.unwrap_err();
        assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
        assert_eq!(error.raw_response().unwrap().body().bytes(), Some("<html>proxy</html>".as_bytes()));
        assert_eq!(clusters(&bench.ecs).await, 0, "one call was struck, the next one is not");
    });
}

#[test]
fn latency_delays_each_call_of_an_account() {
    block(async {
        let bench = Bench::empty();
        bench.world.control(
            "POST",
            "latency",
            &json!({"account": bench.world.account, "service": "ecs", "ms": 120}),
        );
        let started = std::time::Instant::now();
        clusters(&bench.ecs).await;
        assert!(started.elapsed() >= Duration::from_millis(120));
        assert!(bench.world.calls()[0]["ms"].as_u64().unwrap() >= 120);
    });
}
