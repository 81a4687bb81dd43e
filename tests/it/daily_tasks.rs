//! Tasks by hand: what the stack file has, what runs, what stopped, and stopping.

use aws_sdk_ecs::types::{AssignPublicIp, AwsVpcConfiguration, LaunchType, NetworkConfiguration};
use serde_json::{Value, json};

use super::account::{block, sdk};
use super::harness::World;
use super::inspect::service;

const STACK: &str = "
app: {name: shop}
region: us-east-1
tasks:
  web: {type: daemon, image: 'http-test:latest', environment: {PASSWORD: hunter2}}
  job: {image: 'helloworld:latest', secrets: ['helloworld/api-key:API_KEY']}
  nightly: {image: 'helloworld:latest', schedule: 'rate(1 day)', size: small}
";

const NONE: [&str; 0] = [];

fn applied() -> World {
    World::applied(STACK)
}

/// Starts this many runs of a family that last, and gives their ids in order.
fn started(world: &World, family: &str, count: i32) -> Vec<String> {
    world.control(
        "POST",
        "rollouts",
        &json!({"account": world.account, "task": family, "outcome": "healthy", "run_s": 600, "count": count}),
    );
    let vpc = service(world, "shop-cluster", "web");
    let vpc = vpc.network_configuration().unwrap().awsvpc_configuration().unwrap();
    let network = AwsVpcConfiguration::builder()
        .set_subnets(Some(vpc.subnets().to_vec()))
        .set_security_groups(Some(vpc.security_groups().to_vec()))
        .assign_public_ip(AssignPublicIp::Disabled)
        .build()
        .unwrap();
    let mut ids: Vec<String> = block(async {
        let ecs = aws_sdk_ecs::Client::new(&sdk(world));
        let answer = ecs
            .run_task()
            .cluster("shop-cluster")
            .task_definition(family)
            .launch_type(LaunchType::Fargate)
            .count(count)
            .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build())
            .send()
            .await
            .unwrap();
        assert!(answer.failures().is_empty(), "{:?}", answer.failures());
        answer.tasks().iter().map(|task| id(task.task_arn().unwrap())).collect()
    });
    ids.sort();
    world.forget_calls();
    ids
}

fn id(arn: &str) -> String {
    arn.rsplit_once('/').unwrap().1.to_owned()
}

/// Task and id of each task of `list-tasks`.
fn listed(world: &World, which: &[&str]) -> Vec<(String, String)> {
    let words = [&["list-tasks"], which, &["--format", "json"]].concat();
    let document = world.run(&words).expect(0).json();
    let text = |task: &Value, field: &str| task[field].as_str().unwrap().to_owned();
    let tasks = document["tasks"].as_array().unwrap().iter();
    let mut found: Vec<_> = tasks.map(|task| (text(task, "task"), text(task, "id"))).collect();
    found.sort();
    found
}

#[test]
fn the_tasks_of_the_stack_file_are_listed_without_aws_and_without_values() {
    let world = World::with(STACK);
    let run = world.run(&["tasks"]).expect(0);
    insta::assert_snapshot!(run.stdout, @r"
    shop
      cluster         shop-cluster
      region          us-east-1
      tasks           3
      execution role  FargateShopRole
      task role       FargateShopTaskRole

      task     type       size                      schedule     image              environment  secrets
      job      task       256 CPU units, 512 MiB                 helloworld:latest               API_KEY
      nightly  scheduled  512 CPU units, 1024 MiB   rate(1 day)  helloworld:latest
      web      daemon     1024 CPU units, 2048 MiB               http-test:latest   PASSWORD
    ");
    let document = world.run(&["tasks", "--format", "json"]).expect(0);
    assert!(!document.stdout.contains("hunter2"), "{}", document.stdout);
    assert_eq!(
        document.json()["tasks"][2],
        json!({"task": "web", "type": "daemon", "family": "web", "cpu": 1024, "memory": 2048, "schedule": null,
               "desired_count": 1, "web": null, "image": "http-test:latest", "environment": ["PASSWORD"], "secrets": []})
    );
    assert!(world.calls().is_empty());
}

#[test]
fn only_the_stacks_own_tasks_are_listed_and_stopped_ones_tell_why() {
    let world = applied();
    assert_eq!(listed(&world, &[]).len(), 1);
    let ids = started(&world, "job", 2);
    let jobs: Vec<(String, String)> = ids.iter().map(|id| ("job".to_owned(), id.clone())).collect();
    assert_eq!(listed(&world, &[])[..2], jobs);
    // The same cluster, and a family that the stack file does not have any more.
    world.write("fargate-stack.yml", &STACK.replace("  job: {", "  other: {"));
    assert_eq!(listed(&world, &[]).len(), 1);
    assert!(world.run(&["stop-task", &ids[0]]).expect(2).stderr.contains("has no running task"));
    assert_eq!(world.mutations(), NONE);
    world.write("fargate-stack.yml", STACK);

    world.run(&["stop-task", &ids[0], "--reason", "\u{1b}[2Jdone\n::error::x"]).expect(0);
    let stopped = world.run(&["list-tasks", "stopped"]).expect(0).stdout;
    assert!(stopped.contains(&ids[0]) && stopped.contains("UserInitiated"), "{stopped}");
    assert!(stopped.contains("\\u{1b}[2Jdone\\n::error::x"), "{stopped}");
}

#[test]
fn of_several_runs_none_is_stopped_until_one_is_named() {
    let world = applied();
    let ids = started(&world, "job", 2);
    let run = world.run(&["stop-task", "job"]).expect(2);
    assert!(ids.iter().all(|id| run.stderr.contains(id.as_str())), "{}", run.stderr);
    assert!(run.stderr.contains("`--all` stops every one of them"), "{}", run.stderr);
    assert_eq!(world.mutations(), NONE);

    let arn = format!("arn:aws:ecs:us-east-1:{}:task/shop-cluster/{}", world.account, ids[0]);
    world.run(&["stop-task", &arn]).expect(0);
    assert_eq!(world.mutations(), ["ecs:StopTask"]);
    world.forget_calls();
    let again = world.run(&["stop-task", &ids[0], "--format", "json"]).expect(0).json();
    assert_eq!((&again["changed"], world.mutations()), (&json!(false), vec![]));
    // One is left: now its name is enough.
    world.run(&["stop-task", "job"]).expect(0);
    world.forget_calls();
    let none = world.run(&["stop-task", "job"]).expect(0);
    assert!(none.stdout.contains("none runs; nothing to do"), "{}", none.stdout);
    assert_eq!(world.mutations(), NONE);
}

#[test]
fn all_runs_of_a_task_are_stopped_when_asked() {
    let world = applied();
    let ids = started(&world, "job", 3);
    let run = world.run(&["stop-task", "job", "--all"]).expect(0);
    assert_eq!(world.mutations(), ["ecs:StopTask"; 3]);
    assert!(ids.iter().all(|id| run.stdout.contains(id.as_str())), "{}", run.stdout);
    let service = world.run(&["stop-task", "web"]).expect(0);
    assert!(service.stdout.contains("its service starts another one"), "{}", service.stdout);
}

#[test]
fn a_task_or_an_id_that_does_not_exist_stops_nothing() {
    let world = applied();
    let run = world.run(&["stop-task", "jobb"]).expect(2);
    assert!(run.stderr.contains("did you mean `job`?"), "{}", run.stderr);
    let run = world.run(&["stop-task"]).expect(2);
    assert!(run.stderr.contains("name one of the 3 tasks"), "{}", run.stderr);
    let run = world.run(&["stop-task", "0123456789abcdef0123456789abcdef"]).expect(2);
    assert!(run.stderr.contains("the stack file has no running task `0123"), "{}", run.stderr);
    assert_eq!(world.mutations(), NONE);
}
