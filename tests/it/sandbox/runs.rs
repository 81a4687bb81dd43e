//! `RunTask` and what its containers write, seen through the SDK.

use std::time::{Duration, Instant};

use aws_sdk_cloudwatchlogs::Client as Logs;
use aws_sdk_ecs::operation::run_task::RunTaskOutput;
use aws_sdk_ecs::types::{LaunchType, LogConfiguration, LogDriver, Task};
use serde_json::{Value, json};

use super::super::account::block;
use super::{Bench, assert_refused, container};

const GROUP: &str = "/ecs/app";

/// A cluster, and a definition `job` whose container writes to the group.
async fn bench() -> Bench {
    let bench = Bench::new();
    bench.cluster().await;
    let log = LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options("awslogs-group", GROUP)
        .options("awslogs-region", "us-east-1")
        .options("awslogs-stream-prefix", "app");
    let web = container("web").log_configuration(log.build().unwrap()).build();
    bench.bare("job").execution_role_arn("exec").container_definitions(web).send().await.unwrap();
    bench
}

fn script(bench: &Bench, mut given: Value) {
    given["account"] = json!(bench.world.account);
    given["task"] = json!("job");
    bench.world.control("POST", "rollouts", &given);
}

async fn run(bench: &Bench) -> RunTaskOutput {
    let network = Bench::network(&[bench.subnet(0)], &[bench.group()]);
    let call = bench.ecs.run_task().cluster("main").task_definition("job").launch_type(LaunchType::Fargate);
    call.network_configuration(network).send().await.unwrap()
}

/// Waits until a task has stopped.
async fn stopped(bench: &Bench, arn: &str) -> Task {
    let started = Instant::now();
    loop {
        let found = bench.ecs.describe_tasks().cluster("main").tasks(arn).send().await.unwrap();
        let task = found.tasks().first().unwrap().clone();
        if task.last_status() == Some("STOPPED") {
            return task;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{task:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn arn(run: &RunTaskOutput) -> String {
    run.tasks().first().unwrap().task_arn().unwrap().to_owned()
}

#[test]
fn a_run_ends_with_its_exit_code_and_its_lines_are_in_its_stream() {
    block(async {
        let bench = bench().await;
        let logs = Logs::new(&bench.config);
        logs.create_log_group().log_group_name(GROUP).send().await.unwrap();
        let lines = ["starting", "ERROR no database", "ERROR giving up"];
        script(&bench, json!({"outcome": "crash", "exit_code": 3, "after_s": 0.3, "log": lines}));
        let arn = arn(&run(&bench).await);
        let task = stopped(&bench, &arn).await;
        assert_eq!(task.containers()[0].exit_code(), Some(3));
        assert_eq!(task.stop_code().unwrap().as_str(), "EssentialContainerExited");

        let stream = format!("app/web/{}", arn.rsplit('/').next().unwrap());
        let streams = logs.describe_log_streams().log_group_name(GROUP).send().await.unwrap();
        assert_eq!(streams.log_streams()[0].log_stream_name(), Some(stream.as_str()));
        let get =
            || logs.get_log_events().log_group_name(GROUP).log_stream_name(&stream).start_from_head(true);
        let page = get().limit(2).send().await.unwrap();
        let text = |events: &[aws_sdk_cloudwatchlogs::types::OutputLogEvent]| -> Vec<String> {
            events.iter().map(|one| one.message().unwrap().to_owned()).collect()
        };
        assert_eq!(text(page.events()), lines[..2]);
        let next = page.next_forward_token().unwrap();
        let rest = get().next_token(next).send().await.unwrap();
        assert_eq!(text(rest.events()), lines[2..]);
        let end = get().next_token(rest.next_forward_token().unwrap()).send().await.unwrap();
        assert!(end.events().is_empty());
        assert_eq!(end.next_forward_token(), rest.next_forward_token(), "the same token again means the end");
        let last = rest.events()[0].timestamp().unwrap();
        let before = get().end_time(last).send().await.unwrap();
        assert_eq!(before.events().len(), 2, "the end is not included");

        let filter = || logs.filter_log_events().log_group_name(GROUP);
        let found = filter().log_stream_name_prefix("app/web/").filter_pattern("ERROR").send().await.unwrap();
        assert_eq!(found.events().len(), 2);
        assert_eq!(found.events()[0].log_stream_name(), Some(stream.as_str()));
        let other = filter().log_stream_name_prefix("app/db/").send().await.unwrap();
        assert!(other.events().is_empty());
        let pages = filter().limit(2).into_paginator().send().try_collect().await.unwrap();
        assert_eq!(pages.iter().map(|page| page.events().len()).collect::<Vec<_>>(), [2, 1]);
        let named = filter().log_stream_names(&stream).send().await.unwrap();
        assert_eq!(named.events().len(), 3);
        let unknown = filter().log_stream_names("app/web").send().await;
        assert_refused(unknown, "ResourceNotFoundException: The specified log stream does not exist.");
        let bad = filter().log_group_name("/ecs/gone").send().await;
        assert_refused(bad, "ResourceNotFoundException");
    });
}

#[test]
fn what_is_written_without_a_group_is_lost() {
    block(async {
        let bench = bench().await;
        let logs = Logs::new(&bench.config);
        script(&bench, json!({"outcome": "healthy", "log": ["lost"]}));
        stopped(&bench, &arn(&run(&bench).await)).await;
        logs.create_log_group().log_group_name(GROUP).send().await.unwrap();
        let streams = logs.describe_log_streams().log_group_name(GROUP).send().await.unwrap();
        assert!(streams.log_streams().is_empty(), "{streams:?}");
    });
}

#[test]
fn a_token_used_for_another_call_names_the_tasks_of_the_first() {
    block(async {
        let bench = bench().await;
        let call = || {
            let network = Bench::network(&[bench.subnet(0)], &[bench.group()]);
            let call = bench.ecs.run_task().cluster("main").task_definition("job");
            call.launch_type(LaunchType::Fargate).network_configuration(network).client_token("once")
        };
        let first = arn(&call().send().await.unwrap());
        assert_eq!(arn(&call().send().await.unwrap()), first);
        let error = call().count(2).send().await.unwrap_err().into_service_error();
        let aws_sdk_ecs::operation::run_task::RunTaskError::ConflictException(conflict) = error else {
            panic!("{error:?}")
        };
        assert_eq!(conflict.resource_ids(), [first]);
    });
}

#[test]
fn a_run_without_capacity_is_answered_with_failures() {
    block(async {
        let bench = bench().await;
        script(&bench, json!({"outcome": "capacity"}));
        let answer = run(&bench).await;
        assert!(answer.tasks().is_empty());
        assert!(answer.failures()[0].reason().unwrap().starts_with("Capacity is unavailable at this time."));
    });
}
