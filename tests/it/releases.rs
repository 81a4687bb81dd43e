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
    let world = World::with(STACK);
    world.run(&["apply", "--yes"]).expect(0);
    world.forget_calls();
    world
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
    let told = "not part of this release: update log_group.main, update task_definition.helper, update \
                task_definition.nightly; `fargate-stack apply` does that";
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
