//! Releases: the plan narrowed to what an image changes, waiting, going back, and what was released.

use serde_json::{Value, json};

use super::harness::World;
use super::inspect::{actions, image, latest, push, recorded, service, warnings};

const STACK: &str = "
app: {name: shop}
tasks:
  helper: {image: 'helloworld:latest'}
  web: {type: daemon, image: 'http-test:latest'}
  nightly: {type: task, image: 'helloworld:latest', schedule: 'rate(1 day)'}
";

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

/// The stack, applied.
fn applied() -> World {
    World::applied(STACK)
}

fn revision(world: &World) -> String {
    let arn = service(world, "shop-cluster", "web").task_definition().unwrap().to_owned();
    arn.rsplit_once('/').unwrap().1.to_owned()
}

#[test]
fn a_release_changes_what_the_image_changes_and_nothing_else() {
    let world = applied();
    let digest = push(&world, "http-test", ONE);
    push(&world, "helloworld", ONE);
    // Differs too, but is no part of a release.
    world.write("fargate-stack.yml", &STACK.replace("app:", "log_group: {retention_days: 30}\napp:"));
    let run = world.run(&["release", "web", "--yes", "--image-tag", ONE]).expect(0);
    assert_eq!(world.mutations(), ["ecs:RegisterTaskDefinition", "ecs:UpdateService"]);
    assert!(image(&world, "web").ends_with(&digest));
    assert_eq!(latest(&world, "helper").0.revision(), 1);
    let told = "not part of this release: update log_group.main; `fargate-stack apply` does that";
    assert!(run.stdout.contains(told), "{}", run.stdout);
    assert_eq!(latest(&world, "web").1["fargate-stack:commit"], ONE);

    // What the service scales to is not the release's business.
    let update = recorded(&world, "ecs:UpdateService");
    assert_eq!(update.len(), 1);
    assert_eq!(update[0].get("desiredCount"), None, "{update:?}");
}

#[test]
fn an_identical_release_makes_no_revision_and_no_deployment() {
    let world = applied();
    push(&world, "http-test", ONE);
    push(&world, "helloworld", ONE);
    let first = world.run(&["release", "--yes", "--image-tag", ONE, "--format", "json"]).expect(0).json();
    assert_eq!(first["rollout"]["outcome"], "succeeded", "{first:#}");
    world.forget_calls();
    let second = world.run(&["release", "--yes", "--image-tag", ONE]).expect(0);
    assert_eq!(world.mutations(), Vec::<String>::new());
    assert!(second.stderr.contains("nothing to release"), "{}", second.stderr);
    let second = world.run(&["release", "--yes", "--image-tag", ONE, "--format", "json"]).expect(0).json();
    assert_eq!((&second["outcome"], &second["rollout"]), (&json!("no-changes"), &Value::Null));
}

#[test]
fn a_release_of_what_needs_an_apply_first_is_refused() {
    let world = World::with(STACK);
    let run = world.run(&["release", "--yes"]).expect(2);
    assert!(run.stderr.contains("this release needs cluster.main, "), "{}", run.stderr);
    assert!(run.stderr.contains("`fargate-stack apply` makes it"), "{}", run.stderr);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn a_task_that_does_not_exist_is_named_with_the_nearest_before_anything_is_asked() {
    let world = World::with(STACK);
    let run = world.run(&["release", "webb", "--yes"]).expect(2);
    assert!(
        run.stderr.contains("no task `webb`") && run.stderr.contains("did you mean `web`?"),
        "{}",
        run.stderr
    );
    let run = world.run(&["release", "--yes", "--allow-delete", "log_group.main"]).expect(2);
    assert!(run.stderr.contains("`--allow-delete log_group.main`"), "{}", run.stderr);
    assert_eq!(world.calls().len(), 0);
}

#[test]
fn without_waiting_it_says_how_to_wait() {
    let world = applied();
    push(&world, "http-test", ONE);
    let run = world.run(&["release", "web", "--yes", "--no-wait", "--image-tag", ONE]).expect(0);
    let deployment = service(&world, "shop-cluster", "web").deployments()[0].id().unwrap().to_owned();
    let told = format!("`fargate-stack wait web --deployment {deployment}`");
    assert!(run.stderr.contains(&told), "{told}: {}", run.stderr);
    assert_eq!(revision(&world), "web:2");
}

#[test]
fn a_change_of_tags_alone_rolls_nothing_out() {
    let world = applied();
    world.write("fargate-stack.yml", &STACK.replace("app:", "tags: {team: shop}\napp:"));
    let done = world.run(&["apply", "--yes", "--format", "json"]).expect(0).json();
    assert_eq!((&done["outcome"], &done["rollout"]), (&json!("applied"), &Value::Null), "{done:#}");
    assert_eq!(recorded(&world, "ecs:UpdateService").len(), 0);
    let planned = world.run(&["plan", "--format", "json"]).expect(0).json();
    assert!(actions(&planned).is_empty() && warnings(&planned).is_empty(), "{planned:#}");
}

#[test]
fn a_rollback_goes_to_what_ran_well_and_the_plan_then_shows_the_difference() {
    let world = applied();
    push(&world, "http-test", ONE);
    world.run(&["release", "web", "--yes", "--image-tag", ONE]).expect(0);
    world.forget_calls();
    let run = world.run(&["rollback", "web", "--yes", "--format", "json"]).expect(0);
    let done = run.json();
    assert_eq!(
        (&done["from"], &done["to"], &done["action"]),
        (&json!("web:2"), &json!("web:1"), &json!("update"))
    );
    assert_eq!(done["rollout"]["outcome"], "succeeded", "{done:#}");
    assert_eq!(world.mutations(), ["ecs:UpdateService"]);
    let sent = &recorded(&world, "ecs:UpdateService")[0];
    assert_eq!(
        sent.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["cluster", "service", "taskDefinition"]
    );
    assert_eq!(revision(&world), "web:1");
    assert!(run.stderr.contains("the stack file still wants web:2"), "{}", run.stderr);

    let planned = world.run(&["plan", "--format", "json"]).expect(0).json();
    assert_eq!(actions(&planned).into_keys().collect::<Vec<_>>(), ["service.web"]);

    // Back again would be forward: there is nothing before the first.
    world.forget_calls();
    let run = world.run(&["rollback", "web", "--yes"]).expect(2);
    assert!(run.stderr.contains("`--to` takes web:2 (commit 1111111, succeeded"), "{}", run.stderr);
    assert_eq!(world.mutations(), Vec::<String>::new());

    world.run(&["rollback", "--to", "11111111", "--yes"]).expect(0);
    assert_eq!(revision(&world), "web:2");
    let run = world.run(&["rollback", "--to", "2", "--yes"]).expect(0);
    assert!(run.stdout.contains("runs web:2 already"), "{}", run.stdout);

    let shown = world.run(&["releases", "--format", "json"]).expect(0).json();
    let listed: Vec<String> = shown["services"][0]["releases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["revision"], one["outcome"], one["runs_now"]))
        .collect();
    assert_eq!(
        listed,
        [
            r#""web:2" "succeeded" true"#,
            r#""web:1" "succeeded" false"#,
            r#""web:2" "succeeded" false"#,
            r#""web:1" "succeeded" false"#
        ]
    );
    assert_eq!(shown["services"][0]["releases"][0]["source"]["commit"], ONE);
    let text = world.run(&["releases"]).expect(0).stdout;
    assert!(text.lines().any(|line| line.contains("*    web:2") && line.contains("1111111")), "{text}");
}

#[test]
fn what_cannot_run_any_more_is_refused_with_what_can() {
    let world = applied();
    let first = image(&world, "web");
    for sha in [ONE, TWO] {
        push(&world, "http-test", sha);
        world.run(&["release", "web", "--yes", "--image-tag", sha]).expect(0);
    }
    world.forget_calls();
    let refused = |to: &str, why: &str| {
        let run = world.run(&["rollback", "--yes", "--to", to]).expect(2);
        assert!(run.stderr.contains(why), "{to}: {}", run.stderr);
        run.stderr
    };
    let told = refused("9", "there is no revision for `web:9`");
    assert!(told.contains("web:2 (commit 1111111") && told.contains("web:1 ("), "{told}");
    refused("helper:1", "`helper:1` is no revision of `web`");
    refused("deadbeef", "there is no revision for `commit deadbeef`");
    refused("worst", "`--to worst` is neither a revision nor a commit");
    super::account::block(async {
        let sdk = super::account::sdk(&world);
        let ecs = aws_sdk_ecs::Client::new(&sdk);
        ecs.deregister_task_definition().task_definition("web:2").send().await.unwrap();
        let ecr = aws_sdk_ecr::Client::new(&sdk);
        let digest = first.split_once('@').unwrap().1;
        let id = aws_sdk_ecr::types::ImageIdentifier::builder().image_digest(digest).build();
        ecr.batch_delete_image().repository_name("http-test").image_ids(id).send().await.unwrap();
    });
    let told = refused("2", "`web:2` is inactive");
    assert!(told.contains(&format!("`fargate-stack release --image-tag {ONE}` makes it anew")), "{told}");
    refused("1", "the image of `web:1` is gone");
    // Nothing older is taken silently instead.
    let run = world.run(&["rollback", "--yes"]).expect(2);
    assert!(run.stderr.contains("`web:2` is inactive"), "{}", run.stderr);
    assert_eq!(world.mutations().iter().filter(|call| call.contains("Service")).count(), 0);
    assert_eq!(revision(&world), "web:3");
}

#[test]
fn a_rollout_that_still_runs_is_stopped_and_rolled_back() {
    let world = applied();
    push(&world, "http-test", ONE);
    world.control(
        "POST",
        "rollouts",
        &json!({"account": world.account, "service": "web", "outcome": "stuck_pending"}),
    );
    world.run(&["release", "web", "--yes", "--no-wait", "--image-tag", ONE]).expect(0);
    world.forget_calls();
    let run = world.run(&["rollback", "--yes", "--format", "json"]).expect(0);
    assert_eq!(world.mutations(), ["ecs:StopServiceDeployment"]);
    assert_eq!(
        (&run.json()["action"], &run.json()["rollout"]["outcome"]),
        (&json!("stop"), &json!("rolled-back"))
    );
    assert_eq!(revision(&world), "web:1");
}

/// What the next deployment of a service does.
fn script(world: &World, mut what: Value) {
    what["account"] = world.account.clone().into();
    world.control("POST", "rollouts", &what);
}

fn reads_only(world: &World) {
    assert_eq!(world.mutations(), Vec::<String>::new());
    world.forget_calls();
}

#[test]
fn the_examples_are_released_fail_are_rolled_back_and_released_again() {
    const THREE: &str = "3333333333333333333333333333333333333333";
    for (example, task, cluster) in [
        ("minimal-daemon", "my-daemon", "my-daemon-cluster"),
        ("minimal-task", "my-one-shot", ""),
        ("minimal-scheduled-task", "my-cron-job", ""),
    ] {
        let world = World::with(&super::stacks::example(example));
        let run = |args: &[&str], code: i32| world.run(args).expect(code);
        let release = |sha: &str, code: i32| run(&["release", "--yes", "--image-tag", sha], code);
        let runs = || image(&world, task);
        run(&["apply", "--yes"], 0);

        // The first commit.
        let one = push(&world, "helloworld", ONE);
        let told = release(ONE, 0);
        assert!(runs().ends_with(&one), "{}", told.stdout);
        world.forget_calls();

        // The second one: its image is not there, then it is but its program crashes.
        let told = release(TWO, 2);
        assert!(told.stderr.contains(TWO) && told.stderr.contains("helloworld"), "{}", told.stderr);
        reads_only(&world);
        push(&world, "helloworld", TWO);
        if cluster.is_empty() {
            release(TWO, 0);
        } else {
            script(
                &world,
                json!({"service": task, "outcome": "crash", "exit_code": 3, "after_s": 0.1, "log": ["boom: no such table"]}),
            );
            let told = release(TWO, 4);
            assert!(
                told.stdout.contains("boom: no such table") && told.stdout.contains("exited with 3"),
                "{}",
                told.stdout
            );
            assert!(!told.stdout.contains("succeeded"), "{}", told.stdout);
            let running = |number: i32| {
                let arn = service(&world, cluster, task).task_definition().unwrap().to_owned();
                assert!(arn.ends_with(&format!("/{task}:{number}")), "{arn}");
            };
            running(2);
            let history = run(&["releases"], 0).stdout;
            assert!(history.contains("rolled-back") && history.contains("2222222"), "{history}");
            let told = run(&["rollback", "--yes"], 0);
            assert!(told.stdout.contains(&format!("{task}:3 was rolled back already")), "{}", told.stdout);
            running(2);
            run(&["rollback", "--yes", "--to", "1"], 0);
            running(1);
            run(&["rollback", "--yes", "--to", ONE], 0);
            running(2);
        }

        // The third is good, and the same once more is nothing.
        let three = push(&world, "helloworld", THREE);
        release(THREE, 0);
        assert!(runs().ends_with(&three));
        world.forget_calls();
        assert!(release(THREE, 0).stderr.contains("nothing to release"));
        reads_only(&world);
        run(&["plan", "--detailed-exitcode"], 0);
    }
}

#[test]
fn a_release_that_another_one_takes_the_place_of_is_named_so() {
    let world = applied();
    push(&world, "http-test", ONE);
    script(&world, json!({"service": "web", "outcome": "superseded", "after_s": 0.3}));
    let run = world.run(&["release", "web", "--yes", "--image-tag", ONE, "--format", "json"]).expect(4);
    assert_eq!(run.json()["outcome"], "applied");
    assert_eq!(run.json()["rollout"]["outcome"], "superseded", "{}", run.stdout);
}

#[test]
fn a_clean_up_takes_what_nothing_uses_and_a_rollback_does_not_need() {
    let world = applied();
    for sha in [ONE, TWO] {
        push(&world, "http-test", sha);
        push(&world, "helloworld", sha);
        world.run(&["release", "web", "nightly", "helper", "--yes", "--image-tag", sha]).expect(0);
    }
    world.run(&["rollback", "web", "--yes"]).expect(0);
    world.forget_calls();
    // web: 2 runs, 3 ran well before; nightly: the rule starts 3; helper: nothing uses any.
    let shown = world.run(&["revisions", "--keep", "1", "--delete"]).expect(3);
    assert_eq!(world.mutations(), Vec::<String>::new(), "{}", shown.stdout);
    let fates = |args: &[&str]| {
        let shown = world.run(&[&["revisions", "--format", "json"], args].concat()).expect(0).json();
        let of_task = |task: &Value| {
            let all = task["revisions"].as_array().unwrap().iter();
            all.map(|one| {
                format!("{} {}", super::inspect::text(&one["name"]), super::inspect::text(&one["fate"]))
            })
            .collect::<Vec<_>>()
        };
        shown["tasks"].as_array().unwrap().iter().flat_map(of_task).collect::<Vec<_>>()
    };
    let all = fates(&["--keep", "1", "--yes"]);
    let expected = [
        "helper:3 keep",
        "helper:2 deregister",
        "helper:1 deregister",
        "nightly:3 keep",
        "nightly:2 deregister",
        "nightly:1 deregister",
        "web:3 keep",
        "web:2 keep",
        "web:1 deregister",
    ];
    assert_eq!(all, expected);
    assert_eq!(world.mutations(), ["ecs:DeregisterTaskDefinition"; 5]);
    world.forget_calls();

    // One of them cannot be deleted: the others go, and it is told.
    world.control(
        "POST",
        "faults",
        &json!({"account": world.account, "service": "ecs", "operation": "DeregisterTaskDefinition", "kind": "access_denied"}),
    );
    push(&world, "helloworld", "four");
    world.run(&["release", "helper", "--yes", "--image-tag", "four"]).expect(0);
    let run = world.run(&["revisions", "helper", "--keep", "1", "--delete", "--yes"]).expect(5);
    assert!(run.stderr.contains("could not clean up helper:3"), "{}", run.stderr);
    assert!(run.stderr.contains("cleaned up 2 of 3 revisions"), "{}", run.stderr);
    world.run(&["revisions", "helper", "--keep", "1", "--delete", "--yes"]).expect(0);
    let run = world.run(&["revisions", "helper", "--keep", "1", "--delete", "--yes"]).expect(0);
    assert!(run.stderr.contains("nothing to clean up"), "{}", run.stderr);
}

#[test]
fn a_release_that_is_run_again_does_not_call_done_what_has_not_ended_well() {
    let world = World::with(STACK);
    // The first deployment of a service has nothing to be rolled back to.
    script(&world, json!({"service": "web", "outcome": "crash", "after_s": 0.1, "count": 5}));
    world.run(&["apply", "--yes"]).expect(4);
    world.forget_calls();
    let again = world.run(&["apply", "--yes"]).expect(4);
    assert!(again.stderr.contains("the rollout of web that began earlier"), "{}", again.stderr);
    world.run(&["release", "web", "--yes"]).expect(4);
    // Another task has nothing to do with it.
    world.run(&["release", "nightly", "--yes"]).expect(0);
    reads_only(&world);

    let slow = applied();
    push(&slow, "http-test", ONE);
    script(&slow, json!({"service": "web", "outcome": "healthy", "after_s": 2.0}));
    slow.run(&["release", "web", "--yes", "--no-wait", "--image-tag", ONE]).expect(0);
    let again =
        slow.run(&["release", "web", "--yes", "--image-tag", ONE, "--format", "json"]).expect(0).json();
    assert_eq!(
        (&again["outcome"], &again["rollout"]["outcome"]),
        (&json!("no-changes"), &json!("succeeded"))
    );
}

#[test]
fn a_release_and_a_rollback_leave_the_count_to_whoever_scales() {
    use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
    let world = applied();
    super::account::block(async {
        let sdk = super::account::sdk(&world);
        let scaling = aws_sdk_applicationautoscaling::Client::new(&sdk);
        let target = scaling.register_scalable_target().resource_id("service/shop-cluster/web");
        let target = target.service_namespace(ServiceNamespace::Ecs).min_capacity(2).max_capacity(4);
        target.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).send().await.unwrap();
        let ecs = aws_sdk_ecs::Client::new(&sdk);
        ecs.update_service().cluster("shop-cluster").service("web").desired_count(3).send().await.unwrap();
    });
    push(&world, "http-test", ONE);
    world.run(&["release", "web", "--yes", "--image-tag", ONE]).expect(0);
    assert_eq!(service(&world, "shop-cluster", "web").desired_count(), 3);
    world.run(&["rollback", "--yes"]).expect(0);
    let now = service(&world, "shop-cluster", "web");
    assert_eq!((now.desired_count(), now.running_count()), (3, 3));
}
