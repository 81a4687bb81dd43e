//! What belongs to a stack: names taken by other stacks, adoption, what leaves the file, changes made by hand.

use aws_sdk_ecs::types::{
    AwsVpcConfiguration, CapacityProviderStrategyItem, Compatibility, ContainerDefinition, LaunchType,
    NetworkConfiguration, NetworkMode, TaskDefinitionStatus,
};
use aws_sdk_eventbridge::types::RuleState;
use serde_json::{Value, json};

use super::account::{block, holds, sdk};
use super::harness::World;
use super::inspect::{actions, attributes, change, latest, recorded, service, tags, targets, text, warnings};

const WORKER: &str = "
app: {name: worker}
tasks:
  consumer: {type: daemon, image: 'helloworld:latest', desired_count: 2}
  nightly: {image: 'helloworld:latest', schedule: cron(0 2 * * ? *)}
";

fn applied(stack: &str) -> World {
    let world = World::with(stack);
    world.run(&["apply", "--yes"]).expect(0);
    world.forget_calls();
    world
}

#[track_caller]
fn planned(world: &World) -> Value {
    world.run(&["plan", "--format", "json"]).expect(0).json()
}

#[track_caller]
fn nothing_to_do(world: &World) {
    world.run(&["plan", "--detailed-exitcode"]).expect(0);
}

fn pairs(expected: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    expected.iter().map(|(address, action)| ((*address).to_owned(), (*action).to_owned())).collect()
}

#[test]
fn a_name_that_another_stack_uses_is_refused_and_that_stack_is_named() {
    let world =
        applied("{app: {name: first}, tasks: {job: {image: 'helloworld:latest', schedule: rate(1 hour)}}}");
    let mine = "image: 'helloworld:latest'";
    let cases = [
        (format!("tasks: {{job: {{{mine}}}}}"), "task_definition.job", "`job`"),
        (format!("tasks: {{other: {{{mine}, family: job}}}}"), "task_definition.other", "`job`"),
        (
            format!("tasks: {{job: {{{mine}, family: mine, schedule: rate(1 day)}}}}"),
            "schedule.job",
            "`job-schedule`",
        ),
        (
            format!("tasks: {{x: {{{mine}}}}}, log_group: {{name: /ecs/first}}"),
            "log_group.main",
            "`/ecs/first`",
        ),
        (
            format!("tasks: {{x: {{{mine}}}}}, role: {{name: FargateFirstRole}}"),
            "iam_role.execution",
            "`FargateFirstRole`",
        ),
        (
            format!("tasks: {{x: {{{mine}}}}}, cluster: {{name: first-cluster}}"),
            "cluster.main",
            "`first-cluster`",
        ),
        (
            format!("tasks: {{x: {{{mine}}}}}, security_groups: {{fargate: {{group_name: first-sg}}}}"),
            "security_group.tasks",
            "`first-sg`",
        ),
    ];
    for (keys, address, name) in cases {
        world.write("fargate-stack.yml", &format!("{{app: {{name: second}}, {keys}}}"));
        let run = world.run(&["apply", "--yes"]).expect(2);
        for part in [address, name, "the stack `first`", "hint: "] {
            assert!(run.stderr.contains(part), "`{part}` is not in:\n{}", run.stderr);
        }
    }
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn the_end_of_one_stack_leaves_the_other_one_of_the_account_alone() {
    let world = applied("{app: {name: first}, tasks: {one: {type: daemon, image: 'helloworld:latest'}}}");
    let first = holds(&world);
    world.write(
        "fargate-stack.yml",
        "{app: {name: second}, tasks: {two: {type: daemon, image: 'helloworld:latest'}}}",
    );
    world.run(&["apply", "--yes"]).expect(0);
    world.run(&["destroy", "--yes"]).expect(0);
    assert_eq!(holds(&world), first);
}

/// Makes by hand, without tags, one of each kind with the names of the stack `worker`.
fn made_by_hand(world: &World) {
    let seed = world.control("GET", &format!("seed?account={}", world.account), &Value::Null);
    let vpc = text(&seed["vpc_id"]);
    let trust = |service: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": format!("{service}.amazonaws.com")}, "Action": "sts:AssumeRole"}
        ]})
        .to_string()
    };
    block(async {
        let config = sdk(world);
        let ecs = aws_sdk_ecs::Client::new(&config);
        ecs.create_cluster().cluster_name("worker-cluster").send().await.unwrap();
        let logs = aws_sdk_cloudwatchlogs::Client::new(&config);
        logs.create_log_group().log_group_name("/ecs/worker").send().await.unwrap();
        let iam = aws_sdk_iam::Client::new(&config);
        for (name, service) in [
            ("FargateWorkerRole", "ecs-tasks"),
            ("FargateWorkerTaskRole", "ecs-tasks"),
            ("EventsWorkerRole", "events"),
        ] {
            iam.create_role()
                .role_name(name)
                .assume_role_policy_document(trust(service))
                .send()
                .await
                .unwrap();
        }
        let ec2 = aws_sdk_ec2::Client::new(&config);
        let group = ec2.create_security_group().group_name("worker-sg").description("by hand").vpc_id(&vpc);
        group.send().await.unwrap();
        for family in ["consumer", "nightly"] {
            register(&ecs, family, &[family]).await;
        }
        let events = aws_sdk_eventbridge::Client::new(&config);
        events.put_rule().name("nightly-schedule").schedule_expression("rate(5 days)").send().await.unwrap();
    });
}

async fn register(ecs: &aws_sdk_ecs::Client, family: &str, containers: &[&str]) {
    let mut request = ecs.register_task_definition().family(family).network_mode(NetworkMode::Awsvpc);
    request = request.requires_compatibilities(Compatibility::Fargate).cpu("256").memory("512");
    for name in containers {
        request = request.container_definitions(
            ContainerDefinition::builder()
                .name(*name)
                .image("public.ecr.aws/nginx/nginx:1.27")
                .essential(true)
                .build(),
        );
    }
    request.send().await.unwrap();
}

#[test]
fn what_was_made_by_hand_under_our_names_is_adopted_and_tagged_and_never_made_anew() {
    let world = World::with(WORKER);
    made_by_hand(&world);
    world.forget_calls();
    let plan = planned(&world);
    let expected = [
        ("cluster.main", "adopt"),
        ("iam_role.events", "adopt"),
        ("iam_role.execution", "adopt"),
        ("iam_role.task", "adopt"),
        ("log_group.main", "adopt"),
        ("schedule.nightly", "adopt"),
        ("security_group.tasks", "adopt"),
        ("service.consumer", "create"),
        ("task_definition.consumer", "adopt"),
        ("task_definition.nightly", "adopt"),
    ];
    assert_eq!(actions(&plan), pairs(&expected));
    assert_eq!(world.mutations(), Vec::<String>::new());
    let shown = world.run(&["plan"]).expect(0).stdout;
    assert!(shown.contains("adopt"), "{shown}");

    world.run(&["apply", "--yes"]).expect(0);
    let calls = world.mutations();
    for forbidden in [
        "ecs:CreateCluster",
        "logs:CreateLogGroup",
        "iam:CreateRole",
        "ec2:CreateSecurityGroup",
        "events:RemoveTargets",
        "events:DeleteRule",
        "ecs:DeregisterTaskDefinition",
    ] {
        assert!(!calls.iter().any(|call| call == forbidden), "{forbidden} was called: {calls:?}");
    }
    nothing_to_do(&world);
    let (definition, tags) = latest(&world, "nightly");
    assert_eq!((definition.revision(), tags["fargate-stack:stack"].as_str()), (2, "worker"));
    assert_eq!(targets(&world, "nightly-schedule").len(), 1);

    // Adopted is owned: the end of the stack takes it along, but revisions by hand stay.
    world.run(&["destroy", "--yes"]).expect(0);
    let left = holds(&world);
    let of_worker: Vec<_> =
        left.iter().filter(|line| line.contains("orker") || line.contains("nightly")).collect();
    assert_eq!(of_worker.len(), 1, "{of_worker:?}");
    assert!(of_worker[0].contains("task-definition/nightly:1"), "{of_worker:?}");
}

#[test]
fn a_service_made_by_hand_that_cannot_be_changed_in_place_is_refused_and_not_replaced() {
    let world = World::with(WORKER);
    let seed = world.control("GET", &format!("seed?account={}", world.account), &Value::Null);
    let subnet = text(&seed["private_subnets"][0]);
    block(async {
        let ecs = aws_sdk_ecs::Client::new(&sdk(&world));
        let request = ecs.create_cluster().cluster_name("worker-cluster");
        request.capacity_providers("FARGATE_SPOT").send().await.unwrap();
        register(&ecs, "foreign", &["foreign"]).await;
        let vpc = AwsVpcConfiguration::builder().subnets(subnet).build().unwrap();
        let spot =
            CapacityProviderStrategyItem::builder().capacity_provider("FARGATE_SPOT").weight(1).build();
        let request = ecs.create_service().cluster("worker-cluster").service_name("consumer");
        let request = request.task_definition("foreign").desired_count(1);
        let request = request.capacity_provider_strategy(spot.unwrap());
        let network = NetworkConfiguration::builder().awsvpc_configuration(vpc).build();
        request.network_configuration(network).send().await.unwrap();
    });
    world.forget_calls();
    let run = world.run(&["apply", "--yes"]).expect(2);
    assert!(run.stderr.contains("service.consumer") && run.stderr.contains("launch_type"), "{}", run.stderr);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn a_task_that_leaves_the_file_takes_its_service_schedule_and_task_definition_along() {
    let world = applied(WORKER);
    world.write("fargate-stack.yml", "{app: {name: worker}, tasks: {other: {image: 'helloworld:latest'}}}");
    let expected = [
        ("iam_role.events", "delete"),
        ("iam_role.execution", "keep"),
        ("schedule.nightly", "delete"),
        ("service.consumer", "delete"),
        ("task_definition.consumer", "delete"),
        ("task_definition.nightly", "delete"),
        ("task_definition.other", "create"),
    ];
    let expected: Vec<_> = expected.into_iter().filter(|(_, action)| *action != "keep").collect();
    assert_eq!(actions(&planned(&world)), pairs(&expected));
    world.run(&["apply", "--yes"]).expect(0);
    nothing_to_do(&world);
    let left = holds(&world);
    for gone in [
        "service consumer",
        "rule nightly",
        "task-definition/consumer",
        "task-definition/nightly",
        "EventsWorker",
    ] {
        assert!(!left.iter().any(|line| line.contains(gone)), "{gone}: {left:#?}");
    }
}

#[test]
fn a_renamed_log_group_stays_with_its_logs_until_it_is_named() {
    let world = applied("{app: {name: logs}, tasks: {job: {image: 'helloworld:latest'}}}");
    let renamed =
        "{app: {name: logs}, log_group: {name: /ecs/new}, tasks: {job: {image: 'helloworld:latest'}}}";
    world.write("fargate-stack.yml", renamed);
    let plan = planned(&world);
    assert_eq!(change(&plan, "log_group.main")["action"], "create");
    let told = warnings(&plan);
    assert!(told.contains("/ecs/logs") && told.contains("--allow-delete log_group.main"), "{told}");
    world.run(&["apply", "--yes"]).expect(0);
    let groups = |world: &World| -> Vec<String> {
        holds(world).into_iter().filter(|line| line.starts_with("log group")).collect()
    };
    assert_eq!(groups(&world), ["log group /ecs/logs Some(14)", "log group /ecs/new Some(14)"]);
    assert!(warnings(&planned(&world)).contains("/ecs/logs"), "the warning stays as long as the group does");
    world.run(&["apply", "--yes", "--allow-delete", "log_group.main"]).expect(0);
    assert_eq!(groups(&world), ["log group /ecs/new Some(14)"]);
    assert_eq!(warnings(&planned(&world)), "");
}

#[test]
fn a_service_scaled_by_hand_keeps_its_count_and_the_file_counts_at_creation_only() {
    let world = applied(WORKER);
    assert_eq!(service(&world, "worker-cluster", "consumer").desired_count(), 2);
    block(async {
        let ecs = aws_sdk_ecs::Client::new(&sdk(&world));
        ecs.update_service()
            .cluster("worker-cluster")
            .service("consumer")
            .desired_count(5)
            .send()
            .await
            .unwrap();
    });
    nothing_to_do(&world);
    world.write("fargate-stack.yml", &WORKER.replace("desired_count: 2", "desired_count: 3, size: large"));
    world.run(&["apply", "--yes"]).expect(0);
    let after = service(&world, "worker-cluster", "consumer");
    assert_eq!(after.desired_count(), 5);
    assert!(after.task_definition().unwrap().ends_with("consumer:2"), "{after:?}");
}

#[test]
fn a_rule_disabled_by_hand_stays_disabled_when_its_expression_changes() {
    let world = applied(WORKER);
    let state = |world: &World| {
        block(async {
            let events = aws_sdk_eventbridge::Client::new(&sdk(world));
            let rule = events.describe_rule().name("nightly-schedule").send().await.unwrap();
            (rule.state().unwrap().clone(), rule.schedule_expression().unwrap().to_owned())
        })
    };
    block(async {
        let events = aws_sdk_eventbridge::Client::new(&sdk(&world));
        events.disable_rule().name("nightly-schedule").send().await.unwrap();
    });
    nothing_to_do(&world);
    world.write("fargate-stack.yml", &WORKER.replace("cron(0 2 * * ? *)", "cron(0 3 * * ? *)"));
    world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(state(&world), (RuleState::Disabled, "cron(0 3 * * ? *)".to_owned()));
}

#[test]
fn what_was_changed_by_hand_shows_as_an_update_and_is_mended() {
    let world = applied(WORKER);
    block(async {
        let config = sdk(&world);
        let logs = aws_sdk_cloudwatchlogs::Client::new(&config);
        logs.put_retention_policy()
            .log_group_name("/ecs/worker")
            .retention_in_days(365)
            .send()
            .await
            .unwrap();
        let ecs = aws_sdk_ecs::Client::new(&config);
        register(&ecs, "nightly", &["nightly", "spy"]).await;
        ecs.update_service()
            .cluster("worker-cluster")
            .service("consumer")
            .platform_version("1.4.0")
            .send()
            .await
            .unwrap();
        let iam = aws_sdk_iam::Client::new(&config);
        let wide = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
        iam.put_role_policy()
            .role_name("FargateWorkerRole")
            .policy_name("FargateWorkerPolicy")
            .policy_document(wide.to_string())
            .send()
            .await
            .unwrap();
        let events = aws_sdk_eventbridge::Client::new(&config);
        events.remove_targets().rule("nightly-schedule").ids("nightly-target").send().await.unwrap();
    });
    let plan = planned(&world);
    let retention = attributes(change(&plan, "log_group.main"));
    assert_eq!(retention["retention_days"], (json!(365), json!(14)));
    for address in ["iam_role.execution", "schedule.nightly", "service.consumer", "log_group.main"] {
        assert_eq!(change(&plan, address)["action"], "update", "{address}");
    }
    assert_eq!(change(&plan, "service.consumer")["restarts_tasks"], true);
    // A revision that somebody registered carries no tags of ours: it is taken over by one that does.
    let definition = change(&plan, "task_definition.nightly");
    assert!(["update", "adopt"].contains(&definition["action"].as_str().unwrap()), "{definition:#}");
    let spy = serde_json::to_string(definition).unwrap();
    assert!(spy.contains("spy"), "the extra container is shown: {spy}");
    world.run(&["apply", "--yes"]).expect(0);
    nothing_to_do(&world);
    let (definition, tags) = latest(&world, "nightly");
    assert_eq!((definition.revision(), definition.container_definitions().len()), (3, 1));
    assert_eq!(tags["fargate-stack:address"], "task_definition.nightly");
    let target = targets(&world, "nightly-schedule");
    assert!(target[0].ecs_parameters().unwrap().task_definition_arn().ends_with("nightly:3"));
}

#[test]
fn tags_that_others_add_stay_and_ours_come_back() {
    let world = applied(WORKER);
    let arn = service(&world, "worker-cluster", "consumer").service_arn().unwrap().to_owned();
    block(async {
        let ecs = aws_sdk_ecs::Client::new(&sdk(&world));
        let tag = aws_sdk_ecs::types::Tag::builder().key("cost-centre").value("42").build();
        ecs.tag_resource().resource_arn(&arn).tags(tag).send().await.unwrap();
    });
    nothing_to_do(&world);
    block(async {
        let ecs = aws_sdk_ecs::Client::new(&sdk(&world));
        ecs.untag_resource().resource_arn(&arn).tag_keys("fargate-stack:stack").send().await.unwrap();
    });
    assert_eq!(actions(&planned(&world)), pairs(&[("service.consumer", "adopt")]));
    world.forget_calls();
    world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(world.mutations(), ["ecs:TagResource"]);
    let service = service(&world, "worker-cluster", "consumer");
    let tags = tags(service.tags());
    assert_eq!((tags["cost-centre"].as_str(), tags["fargate-stack:stack"].as_str()), ("42", "worker"));
}

#[test]
fn an_unchanged_task_definition_is_never_registered_again() {
    let world = applied(WORKER);
    for change in ["desired_count: 3", "desired_count: 2, tags: {team: blue}"] {
        world.write("fargate-stack.yml", &WORKER.replace("desired_count: 2", change));
        world.run(&["apply", "--yes"]).expect(0);
    }
    assert_eq!(recorded(&world, "ecs:RegisterTaskDefinition"), Vec::<Value>::new());
    let (definition, tags) = latest(&world, "consumer");
    assert_eq!((definition.revision(), tags["team"].as_str()), (1, "blue"));
    assert_eq!(definition.status(), Some(&TaskDefinitionStatus::Active));
    assert_eq!(service(&world, "worker-cluster", "consumer").launch_type(), Some(&LaunchType::Fargate));
}

#[test]
fn a_role_that_gets_a_name_of_its_own_leaves_nothing_under_its_default_name() {
    let world = World::with("{app: {name: shop}, tasks: {job: {image: 'helloworld:latest'}}}");
    world.run(&["apply", "--yes"]).expect(0);
    world.write(
        "fargate-stack.yml",
        "{app: {name: shop}, role: {name: puller}, tasks: {job: {image: 'helloworld:latest'}}}",
    );
    world.run(&["apply", "--yes"]).expect(0);
    let held = super::account::holds(&world);
    assert!(held.iter().any(|line| line.starts_with("role puller ")), "{held:?}");
    assert!(!held.iter().any(|line| line.starts_with("role FargateShopRole ")), "{held:?}");
    world.run(&["plan", "--detailed-exitcode"]).expect(0);
}

#[test]
fn an_environment_that_comes_or_goes_shows_names_and_no_values() {
    let canary = "canary-51c0de";
    let plain = "{app: {name: shop}, tasks: {job: {image: 'helloworld:latest'}}}";
    let with = format!(
        "{{app: {{name: shop}}, tasks: {{job: {{image: 'helloworld:latest', environment: {{PASSWORD: {canary}}}}}}}}}"
    );
    let world = World::with(plain);
    world.run(&["apply", "--yes"]).expect(0);
    for stack in [with.as_str(), plain] {
        world.write("fargate-stack.yml", stack);
        for format in ["text", "json", "markdown"] {
            let run = world.run(&["plan", "--format", format]).expect(0);
            assert!(run.stdout.contains("PASSWORD"), "{}", run.stdout);
            assert!(!format!("{}{}", run.stdout, run.stderr).contains(canary), "{}", run.stdout);
        }
        world.run(&["apply", "--yes"]).expect(0);
    }
}
