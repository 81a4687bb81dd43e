//! Services by hand: how many tasks they run, whose count it is, new tasks, new revisions, creation and removal.

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
use serde_json::{Value, json};

use super::account::{block, sdk};
use super::harness::World;
use super::inspect::{recorded, service};

const STACK: &str = "
app: {name: shop}
tasks:
  web: {type: daemon, image: 'http-test:latest'}
  worker: {type: daemon, image: 'helloworld:latest', desired_count: 2}
  job: {image: 'helloworld:latest'}
";

const NONE: [&str; 0] = [];

/// The stack, applied.
fn applied() -> World {
    World::applied(STACK)
}

fn desired(world: &World, name: &str) -> i32 {
    service(world, "shop-cluster", name).desired_count()
}

/// Registers the service at Application Auto Scaling, as its owner does who scales it.
fn scaled(world: &World, name: &str, min: i32, max: i32) {
    block(async {
        let client = aws_sdk_applicationautoscaling::Client::new(&sdk(world));
        client
            .register_scalable_target()
            .service_namespace(ServiceNamespace::Ecs)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .resource_id(format!("service/shop-cluster/{name}"))
            .min_capacity(min)
            .max_capacity(max)
            .send()
            .await
            .unwrap();
    });
    world.forget_calls();
}

#[test]
fn a_service_is_scaled_once_and_waited_for() {
    let world = applied();
    let run = world.run(&["scale", "web", "3"]).expect(0);
    assert_eq!(world.mutations(), ["ecs:UpdateService"]);
    assert!(run.stdout.contains("set the number of tasks from 1 to 3"), "{}", run.stdout);
    assert_eq!(service(&world, "shop-cluster", "web").running_count(), 3);
    let sent = &recorded(&world, "ecs:UpdateService")[0];
    let mut fields: Vec<&String> = sent.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["cluster", "desiredCount", "service"]);

    world.forget_calls();
    let again = world.run(&["scale", "web", "3", "--format", "json"]).expect(0).json();
    assert_eq!(world.mutations(), NONE);
    assert_eq!(
        again,
        json!({"command": "scale", "subject": "service web", "changed": false,
               "did": ["3 tasks are wanted already; nothing to do"]})
    );
}

#[test]
fn words_that_are_no_service_or_no_count_change_nothing() {
    let world = World::with(STACK);
    for (words, told) in [
        (vec!["scale", "webb", "3"], "did you mean `web`?"),
        (vec!["scale", "job", "3"], "the stack file has no service `job`"),
        (vec!["scale", "3"], "name one of the 2 services"),
        (vec!["scale", "web"], "`scale` needs the number of tasks"),
        (vec!["scale", "web", "many"], "`many` is not a number of tasks"),
        (vec!["scale", "web", "5001"], "a service runs 0 to 5000 tasks"),
        (vec!["start-service", "web", "0"], "`stop-service` stops all of its tasks"),
        (vec!["deploy-service", "webb"], "did you mean `web`?"),
        (vec!["redeploy", "webb"], "did you mean `web`?"),
        (vec!["update-service", "webb"], "did you mean `web`?"),
        (vec!["remove-service", "webb", "--yes"], "did you mean `web`?"),
        (vec!["stop-service", "webb", "--yes"], "did you mean `web`?"),
        (vec!["status", "webb"], "did you mean `web`?"),
        (vec!["register-task-definition", "jobb"], "did you mean `job`?"),
    ] {
        let run = world.run(&words).expect(2);
        assert!(run.stderr.contains(told), "{words:?}: {}", run.stderr);
    }
    assert!(world.calls().is_empty(), "AWS was asked before the words were read");
    // It is in the stack file, and not in the account.
    let run = world.run(&["scale", "web", "3"]).expect(2);
    assert!(run.stderr.contains("`fargate-stack deploy-service web` creates it"), "{}", run.stderr);
    assert_eq!(world.mutations(), NONE);
}

#[test]
fn a_stopped_service_starts_with_what_the_stack_file_says() {
    let world = applied();
    let asked = world.run(&["stop-service", "worker"]).expect(3);
    assert!(asked.stderr.contains("`--yes` goes on without asking"), "{}", asked.stderr);
    assert_eq!(world.mutations(), NONE);
    world.run(&["stop-service", "worker", "--yes"]).expect(0);
    assert_eq!(desired(&world, "worker"), 0);
    world.forget_calls();
    let again = world.run(&["stop-service", "worker"]).expect(0);
    assert!(again.stdout.contains("stopped already"), "{}", again.stdout);
    assert_eq!(world.mutations(), NONE);

    world.run(&["start-service", "worker"]).expect(0);
    assert_eq!(desired(&world, "worker"), 2);
    // What runs more than that stays.
    world.run(&["scale", "worker", "3", "--no-wait"]).expect(0);
    world.forget_calls();
    let run = world.run(&["start-service", "worker"]).expect(0);
    assert!(run.stdout.contains("3 tasks are wanted already"), "{}", run.stdout);
    assert_eq!((desired(&world, "worker"), world.mutations()), (3, vec![]));
    world.run(&["start-service", "worker", "1"]).expect(0);
    assert_eq!(desired(&world, "worker"), 1);
}

#[test]
fn a_count_that_autoscaling_owns_is_refused_and_nothing_is_called() {
    let world = applied();
    scaled(&world, "web", 1, 4);
    for words in [["scale", "web", "3"], ["scale", "web", "9"], ["start-service", "web", "3"]] {
        let run = world.run(&words).expect(3);
        assert!(run.stderr.contains("autoscaling owns the count of this service"), "{}", run.stderr);
        assert!(run.stderr.contains("`autoscaling.min_capacity`"), "{}", run.stderr);
    }
    // Up to date already, and a count beside it: refused as any other.
    world.run(&["deploy-service", "web", "3"]).expect(3);
    let run = world.run(&["start-service", "web"]).expect(0);
    assert!(run.stdout.contains("autoscaling decides how many (1 to 4 tasks)"), "{}", run.stdout);
    assert_eq!((desired(&world, "web"), world.mutations()), (1, vec![]));
}

#[test]
fn a_scaled_service_that_is_stopped_stays_stopped_until_it_is_started() {
    let world = applied();
    scaled(&world, "web", 2, 4);
    let run = world.run(&["stop-service", "web", "--yes"]).expect(0);
    assert_eq!(world.mutations(), ["application-autoscaling:RegisterScalableTarget", "ecs:UpdateService"]);
    assert!(run.stdout.contains("suspended autoscaling"), "{}", run.stdout);
    world.forget_calls();
    world.run(&["stop-service", "web", "--yes"]).expect(0);
    assert_eq!(world.mutations(), NONE);

    let document = world.run(&["start-service", "web", "--format", "json"]).expect(0).json();
    assert_eq!(world.mutations(), ["application-autoscaling:RegisterScalableTarget", "ecs:UpdateService"]);
    assert_eq!(document["did"], json!(["resumed autoscaling", "set the number of tasks from 0 to 2"]));
    let status = world.run(&["status", "web", "--format", "json"]).expect(0).json();
    assert_eq!(
        status["services"][0]["autoscaling"],
        json!({"min_capacity": 2, "max_capacity": 4,
               "suspended": {"scale_in": false, "scale_out": false, "scheduled": false}})
    );
}

#[test]
fn a_stop_that_ends_half_way_says_what_is_done_and_can_be_repeated() {
    let world = applied();
    scaled(&world, "web", 2, 4);
    world.control(
        "POST",
        "faults",
        &json!({"account": world.account, "operation": "UpdateService", "kind": "access_denied"}),
    );
    let run = world.run(&["stop-service", "web", "--yes"]).expect(5);
    assert!(run.stderr.contains("suspended autoscaling before that"), "{}", run.stderr);
    world.forget_calls();
    world.run(&["stop-service", "web", "--yes"]).expect(0);
    assert_eq!((desired(&world, "web"), world.mutations()), (0, vec!["ecs:UpdateService".to_owned()]));
}

#[test]
fn who_may_not_ask_whose_the_count_is_changes_nothing() {
    let world = applied();
    world.control(
        "POST",
        "faults",
        &json!({"account": world.account, "operation": "DescribeScalableTargets", "count": 9,
                "kind": "access_denied"}),
    );
    let run = world.run(&["scale", "web", "3"]).expect(1);
    assert!(run.stderr.contains("application-autoscaling:DescribeScalableTargets"), "{}", run.stderr);
    assert_eq!(world.mutations(), NONE);
    let status = world.run(&["status", "web"]).expect(0);
    assert!(status.stdout.contains("who scales the services is unknown"), "{}", status.stdout);
}

#[test]
fn tasks_that_fail_after_a_scale_end_the_waiting_with_their_reason() {
    let world = applied();
    world.run(&["stop-service", "web", "--yes"]).expect(0);
    world.control(
        "POST",
        "rollouts",
        &json!({"account": world.account, "service": "web", "outcome": "crash", "after_s": 0.1,
                "exit_code": 3, "count": 1}),
    );
    // A script takes hold with the next deployment.
    world.run(&["redeploy", "web", "--no-wait"]).expect(0);
    let run = world.run(&["start-service", "web", "--timeout", "60s"]).expect(4);
    assert!(run.stderr.contains("fail again and again"), "{}", run.stderr);
    assert!(run.stderr.contains("exit code 3"), "{}", run.stderr);
}

#[test]
fn a_redeployment_replaces_the_tasks_and_is_watched() {
    let world = applied();
    let before = service(&world, "shop-cluster", "web").deployments()[0].id().unwrap().to_owned();
    let document = world.run(&["redeploy", "web", "--format", "json"]).expect(0).json();
    assert_eq!(world.mutations(), ["ecs:UpdateService"]);
    assert_eq!(document["rollout"]["outcome"], "succeeded", "{document:#}");
    assert_ne!(document["rollout"]["services"][0]["deployment"], json!(before));
    world.control(
        "POST",
        "rollouts",
        &json!({"account": world.account, "service": "web", "outcome": "crash", "after_s": 0.1}),
    );
    let failed = world.run(&["redeploy", "web"]).expect(4);
    assert!(failed.stdout.contains("replaces all tasks by new ones of web:1"), "{}", failed.stdout);
}

#[test]
fn a_service_gets_the_newest_revision_only_if_it_has_an_older_one() {
    let world = applied();
    let run = world.run(&["update-service", "web"]).expect(0);
    assert!(run.stdout.contains("it has the newest revision, web:1, already"), "{}", run.stdout);
    assert_eq!(world.mutations(), NONE);

    world.write("fargate-stack.yml", &STACK.replace("http-test:latest'", "http-test:latest', size: large"));
    let registered = world.run(&["register-task-definition", "web", "--format", "json"]).expect(0).json();
    assert_eq!((&registered["revision"], &registered["changed"]), (&json!("web:2"), &json!(true)));
    assert_eq!(world.mutations(), ["ecs:RegisterTaskDefinition"]);
    world.forget_calls();
    let again = world.run(&["register-task-definition", "web", "--format", "json"]).expect(0).json();
    assert_eq!((&again["revision"], &again["changed"]), (&json!("web:2"), &json!(false)));
    assert_eq!(world.mutations(), NONE);

    let run = world.run(&["update-service", "web"]).expect(0);
    assert!(run.stdout.contains("rolls out web:2 in place of web:1"), "{}", run.stdout);
    assert_eq!(world.mutations(), ["ecs:UpdateService"]);
    assert!(service(&world, "shop-cluster", "web").task_definition().unwrap().ends_with("/web:2"));
}

#[test]
fn a_revision_that_somebody_else_registered_is_not_rolled_out() {
    let world = applied();
    block(async {
        let ecs = aws_sdk_ecs::Client::new(&sdk(&world));
        let found = ecs.describe_task_definition().task_definition("web").send().await.unwrap();
        let found = found.task_definition().unwrap();
        ecs.register_task_definition()
            .family("web")
            .set_container_definitions(Some(found.container_definitions().to_vec()))
            .cpu(found.cpu().unwrap())
            .memory(found.memory().unwrap())
            .network_mode(found.network_mode().unwrap().clone())
            .requires_compatibilities(aws_sdk_ecs::types::Compatibility::Fargate)
            .execution_role_arn(found.execution_role_arn().unwrap())
            .send()
            .await
            .unwrap();
    });
    world.forget_calls();
    let run = world.run(&["update-service", "web"]).expect(3);
    assert!(run.stderr.contains("`web:2` was not registered by this stack"), "{}", run.stderr);
    assert_eq!(world.mutations(), NONE);
}

#[test]
fn a_service_goes_and_comes_again_by_itself() {
    let world = applied();
    world.run(&["remove-service", "web"]).expect(3);
    assert_eq!(world.mutations(), NONE);
    world.run(&["remove-service", "web", "--yes"]).expect(0);
    assert_eq!(world.mutations(), ["ecs:DeleteService"]);
    world.forget_calls();
    let again = world.run(&["remove-service", "web"]).expect(0);
    assert!(again.stdout.contains("it is not deployed; nothing to do"), "{}", again.stdout);
    let status = world.run(&["status", "web"]).expect(0);
    assert!(status.stdout.contains("not deployed"), "{}", status.stdout);
    assert_eq!(world.mutations(), NONE);

    // The count is the first one of the service; nothing else is made.
    let run = world.run(&["create-service", "web", "2"]).expect(0);
    assert_eq!(world.mutations(), ["ecs:CreateService"]);
    assert_eq!(desired(&world, "web"), 2);
    assert!(run.stdout.contains("create"), "{}", run.stdout);
    // A second one brings up to date, and creates nothing.
    world.forget_calls();
    world.run(&["deploy-service", "web"]).expect(0);
    assert_eq!((desired(&world, "web"), world.mutations()), (2, vec![]));
    world.write("fargate-stack.yml", &STACK.replace("http-test:latest'", "http-test:latest', size: large"));
    let document = world.run(&["deploy-service", "web", "--format", "json"]).expect(0).json();
    assert_eq!(document["rollout"]["outcome"], "succeeded", "{document:#}");
    assert_eq!(world.mutations(), ["ecs:RegisterTaskDefinition", "ecs:UpdateService"]);
    assert_eq!(desired(&world, "web"), 2);
    world.forget_calls();
    world.run(&["deploy-service", "web", "1"]).expect(0);
    assert_eq!((desired(&world, "web"), world.mutations()), (1, vec!["ecs:UpdateService".to_owned()]));
}

#[test]
fn a_service_whose_cluster_is_not_there_needs_an_apply() {
    let world = World::with(STACK);
    let run = world.run(&["deploy-service", "web"]).expect(2);
    assert!(run.stderr.contains("`fargate-stack apply` makes it"), "{}", run.stderr);
    assert_eq!(world.mutations(), NONE);
}

#[test]
fn what_belongs_to_nobody_or_to_another_stack_is_left_alone() {
    let world = applied();
    let arn = service(&world, "shop-cluster", "web").service_arn().unwrap().to_owned();
    let tag = |stack: Option<&str>| {
        block(async {
            let ecs = aws_sdk_ecs::Client::new(&sdk(&world));
            if let Some(name) = stack {
                let tag = aws_sdk_ecs::types::Tag::builder().key("fargate-stack:stack").value(name);
                ecs.tag_resource().resource_arn(&arn).tags(tag.build()).send().await.unwrap();
            } else {
                let request = ecs.untag_resource().resource_arn(&arn);
                request.tag_keys("fargate-stack:stack").send().await.unwrap();
            }
        });
        world.forget_calls();
    };
    for (owner, told) in
        [(Some("other"), "belongs to the stack `other`"), (None, "is not managed by the stack `shop` yet")]
    {
        tag(owner);
        for words in [
            vec!["scale", "web", "3"],
            vec!["stop-service", "web", "--yes"],
            vec!["start-service", "web"],
            vec!["redeploy", "web"],
            vec!["update-service", "web"],
            vec!["remove-service", "web", "--yes"],
        ] {
            let run = world.run(&words).expect(3);
            assert!(run.stderr.contains(told), "{words:?}: {}", run.stderr);
        }
        assert_eq!(world.mutations(), NONE);
    }
}

#[test]
fn the_status_of_a_service_tells_what_runs_and_what_is_newer() {
    let world = applied();
    world.run(&["scale", "web", "2"]).expect(0);
    let document = world.run(&["status", "--format", "json"]).expect(0).json();
    assert_eq!(document["stack"], "shop");
    let web = &document["services"][0];
    assert_eq!(
        (&web["service"], &web["desired"], &web["running"], &web["revision"], &web["newest_revision"]),
        (&json!("web"), &json!(2), &json!(2), &json!("web:1"), &json!("web:1"))
    );
    assert_eq!(web["deployment"]["state"], "COMPLETED");
    assert_eq!(web["tasks"].as_array().unwrap().len(), 2);
    let task = &web["tasks"][0];
    assert_eq!((&task["status"], &task["revision"]), (&json!("RUNNING"), &json!("web:1")));
    assert!(task["ip"].as_str().unwrap().starts_with("10."), "{task:#}");
    assert_eq!(task["containers"][0]["digest"], web["images"][0]["digest"]);
    assert_eq!((&web["images"][0]["in_ecr"], &web["images"][0]["newer"]), (&json!(true), &Value::Null));
    assert!(!web["events"].as_array().unwrap().is_empty());
    assert_eq!(world.mutations(), ["ecs:UpdateService"]);

    // Somebody pushes, and registers a revision that nothing runs.
    let pushed = world.control(
        "POST",
        "ecr/images",
        &json!({"account": world.account, "repository": "http-test", "tag": "latest"}),
    );
    world.write("fargate-stack.yml", &STACK.replace("http-test:latest'", "http-test:latest', size: large"));
    world.run(&["register-task-definition", "web"]).expect(0);
    let web = world.run(&["status", "web", "--format", "json"]).expect(0).json()["services"][0].clone();
    assert_eq!(web["images"][0]["newer"]["digest"], pushed["digest"], "{web:#}");
    assert_eq!(web["newest_revision"], "web:2");
    let text = world.run(&["status", "web", "--max-events", "0"]).expect(0).stdout;
    assert!(text.contains("web:1, the newest is web:2"), "{text}");
    assert!(text.contains("newer in ECR: "), "{text}");
    assert!(!text.contains("has reached a steady state"), "{text}");
    let markdown = world.run(&["status", "web", "--format", "markdown"]).expect(0).stdout;
    assert!(markdown.contains("#### service web"), "{markdown}");
    assert!(!markdown.contains(&world.account), "{markdown}");
}

#[test]
fn a_watched_status_tells_each_change_in_a_line_until_it_is_interrupted() {
    use std::io::{BufRead, BufReader};
    let world = applied();
    let mut command = world.command(&["status", "--watch"]);
    let mut child = command
        .env("CI", "true")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().starts_with("web: 1 desired, 1 running, 0 pending, web:1"));
    assert!(next().starts_with("worker: 2 desired, 2 running"));
    world.run(&["scale", "web", "2", "--no-wait"]).expect(0);
    let changed = next();
    assert!(changed.starts_with("web: 2 desired, "), "{changed}");
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
