//! Schedules that fire, and what CloudTrail and the scalable targets tell.

use aws_sdk_cloudtrail::Client as CloudTrail;
use aws_sdk_cloudtrail::operation::lookup_events::LookupEventsOutput;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use aws_sdk_eventbridge::types::{
    AwsVpcConfiguration, EcsParameters, LaunchType, NetworkConfiguration, RuleState, Target,
};
use serde_json::{Value, json};

use super::super::account::block;
use super::{Bench, assert_refused, control};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;

/// A cluster, a definition, a role, and a rule `nightly` that runs a task with an override.
async fn scheduled() -> Bench {
    let bench = Bench::new();
    bench.cluster().await;
    let definition = bench.revision("job").await;
    let iam = aws_sdk_iam::Client::new(&bench.config);
    iam.create_role().role_name("events").assume_role_policy_document(TRUST).send().await.unwrap();
    let network = AwsVpcConfiguration::builder().subnets(bench.subnet(0)).security_groups(bench.group());
    let network = NetworkConfiguration::builder().awsvpc_configuration(network.build().unwrap()).build();
    let ecs = EcsParameters::builder().task_definition_arn(definition).launch_type(LaunchType::Fargate);
    let target = Target::builder()
        .id("run")
        .arn(bench.arn("ecs", "cluster/main"))
        .role_arn(format!("arn:aws:iam::{}:role/events", bench.world.account))
        .input(r#"{"containerOverrides":[{"name":"web","command":["nightly"]}]}"#)
        .ecs_parameters(ecs.network_configuration(network).build().unwrap());
    let events = aws_sdk_eventbridge::Client::new(&bench.config);
    events.put_rule().name("nightly").schedule_expression("rate(1 day)").send().await.unwrap();
    events.put_targets().rule("nightly").targets(target.build().unwrap()).send().await.unwrap();
    bench
}

fn fire(bench: &Bench) -> Value {
    let rule = json!({"account": bench.world.account, "rule": "nightly"});
    bench.world.control("POST", "schedules/fire", &rule)["fired"][0].clone()
}

/// The events of one operation, newest first.
async fn events(bench: &Bench, name: &str) -> Vec<Event> {
    let by = LookupAttribute::builder().attribute_key(LookupAttributeKey::EventName).attribute_value(name);
    let lookup = CloudTrail::new(&bench.config).lookup_events().lookup_attributes(by.build().unwrap());
    lookup.send().await.unwrap().events().to_vec()
}

fn record(event: &Event) -> Value {
    serde_json::from_str(event.cloud_trail_event().unwrap()).unwrap()
}

#[test]
fn a_fired_schedule_runs_its_task_as_its_role() {
    block(async {
        let bench = scheduled().await;
        let fired = fire(&bench);
        assert_eq!(fired["result"], "ok", "{fired}");
        let arn = fired["tasks"][0].as_str().unwrap();
        let found = bench.ecs.describe_tasks().cluster("main").tasks(arn).send().await.unwrap();
        let task = found.tasks().first().unwrap();
        assert_eq!(task.started_by(), Some("events-rule/nightly"));
        assert_eq!(task.overrides().unwrap().container_overrides()[0].command(), ["nightly"]);

        let event = &events(&bench, "RunTask").await[0];
        assert_eq!((event.event_source(), event.read_only()), (Some("ecs.amazonaws.com"), Some("false")));
        let record = record(event);
        assert_eq!(record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"], "events");
        assert_eq!(record["userIdentity"]["invokedBy"], "events.amazonaws.com");
        assert_eq!(record["responseElements"]["tasks"][0]["taskArn"], arn);
        assert_eq!(record["requestParameters"]["startedBy"], "events-rule/nightly");
        assert!(record.get("errorCode").is_none());
    });
}

#[test]
fn a_schedule_that_may_not_run_tasks_leaves_its_error_in_the_trail() {
    block(async {
        let bench = scheduled().await;
        bench.fault(json!({"operation": "RunTask", "kind": "access_denied"}));
        assert_eq!(fire(&bench)["result"], "AccessDeniedException");
        let record = record(&events(&bench, "RunTask").await[0]);
        assert_eq!(record["errorCode"], "AccessDeniedException");
        assert!(record["errorMessage"].as_str().unwrap().contains("ecs:RunTask"));
        assert_eq!(record["responseElements"], Value::Null);
    });
}

#[test]
fn a_role_that_is_gone_and_a_disabled_rule_run_nothing() {
    block(async {
        let bench = scheduled().await;
        let iam = aws_sdk_iam::Client::new(&bench.config);
        iam.delete_role().role_name("events").send().await.unwrap();
        assert_eq!(fire(&bench)["tasks"], json!([]));
        assert!(events(&bench, "RunTask").await.is_empty());
        let rules = aws_sdk_eventbridge::Client::new(&bench.config);
        rules.disable_rule().name("nightly").send().await.unwrap();
        let rule = rules.describe_rule().name("nightly").send().await.unwrap();
        assert_eq!(rule.state(), Some(&RuleState::Disabled));
        let input = json!({"account": bench.world.account, "rule": "nightly"});
        let (status, said) = control("schedules/fire", &input);
        assert_eq!(status, 409, "{said}");
    });
}

#[test]
fn events_are_looked_up_by_attribute_and_time_page_by_page() {
    block(async {
        let bench = Bench::empty();
        bench.cluster().await;
        for _ in 0..3 {
            bench.ecs.list_clusters().send().await.unwrap();
        }
        let trail = CloudTrail::new(&bench.config);
        let pages = trail.lookup_events().max_results(2).into_paginator().send().try_collect().await.unwrap();
        let names: Vec<&str> =
            pages.iter().flat_map(LookupEventsOutput::events).filter_map(Event::event_name).collect();
        let own = |name: &&&str| **name != "LookupEvents";
        let names: Vec<&str> = names.iter().filter(own).copied().collect();
        assert_eq!(names, ["ListClusters", "ListClusters", "ListClusters", "CreateCluster"]);
        assert!(pages.iter().all(|page| page.events().len() <= 2));
        let found = events(&bench, "CreateCluster").await;
        assert_eq!(found.len(), 1);

        let at = *found[0].event_time().unwrap();
        let later = aws_sdk_cloudtrail::primitives::DateTime::from_secs(at.secs() + 3600);
        let none = trail.lookup_events().start_time(later).send().await.unwrap();
        assert!(none.events().is_empty());
        let until = trail.lookup_events().start_time(at).end_time(later).send().await.unwrap();
        assert!(until.events().iter().any(|event| event.event_name() == Some("CreateCluster")));
        let backwards = trail.lookup_events().start_time(later).end_time(at).send().await;
        assert_refused(backwards, "InvalidTimeRangeException");
        assert_refused(
            trail.lookup_events().next_token("nonsense").send().await,
            "InvalidNextTokenException",
        );
    });
}

#[test]
fn a_service_is_a_scalable_target_and_its_desired_count_stays_its_own() {
    use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
    block(async {
        let bench = Bench::new().with_service(1).await;
        let scaling = aws_sdk_applicationautoscaling::Client::new(&bench.config);
        let register = |resource: &str, least: i32, most: i32| {
            let call = scaling.register_scalable_target().service_namespace(ServiceNamespace::Ecs);
            let call = call.scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
            call.resource_id(resource).min_capacity(least).max_capacity(most).send()
        };
        register("service/main/web", 2, 4).await.unwrap();
        let gone = register("service/main/gone", 2, 4).await;
        assert_refused(gone, "ValidationException: ECS service doesn't exist: service/main/gone");
        assert_refused(register("service/main/web", 4, 2).await, "ValidationException: Maximum capacity");
        let found = scaling
            .describe_scalable_targets()
            .service_namespace(ServiceNamespace::Ecs)
            .resource_ids("service/main/web")
            .send()
            .await
            .unwrap();
        let target = found.scalable_targets().first().unwrap();
        assert_eq!((target.min_capacity(), target.max_capacity()), (2, 4));
        bench.update().desired_count(7).send().await.unwrap();
        assert_eq!(bench.look().await.desired_count(), 7);
    });
}
