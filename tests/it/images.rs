//! Which image runs: what stays, what is rolled, and what the reader is told.

use serde_json::Value;

use super::harness::World;
use super::inspect::{
    actions, change, image, latest, publish, push, recorded, repository, service, warnings,
};

const STACK: &str = "
app: {name: shop}
tasks:
  helper: {image: 'helloworld:latest'}
  web: {type: daemon, image: 'http-test:latest'}
";

/// The stack, applied, with a known image behind both tags `latest`.
fn applied() -> World {
    let world = World::with(STACK);
    push(&world, "helloworld", "latest");
    push(&world, "http-test", "latest");
    world.run(&["apply", "--yes"]).expect(0);
    world.forget_calls();
    world
}

fn plan(world: &World, more: &[&str]) -> Value {
    world.run(&[&["plan", "--format", "json"], more].concat()).expect(0).json()
}

#[test]
fn a_pushed_latest_never_changes_a_plan_without_a_tag() {
    let world = applied();
    let before = image(&world, "web");
    let pushed = push(&world, "http-test", "latest");
    assert!(!before.contains(&pushed));
    assert!(actions(&plan(&world, &[])).is_empty());
    world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(world.mutations(), Vec::<String>::new());

    // Another change of the task keeps the image that runs, too.
    world.write("fargate-stack.yml", &STACK.replace("'http-test:latest'", "'http-test:latest', size: large"));
    world.run(&["apply", "--yes"]).expect(0);
    let (definition, _) = latest(&world, "web");
    assert_eq!((definition.revision(), image(&world, "web")), (2, before));
}

#[test]
fn a_tag_rolls_the_images_that_have_it_and_names_those_that_do_not() {
    let world = applied();
    let kept = image(&world, "helper");
    let sha = "0123456789abcdef0123456789abcdef01234567";
    let digest = push(&world, "http-test", sha);
    let planned = plan(&world, &["--image-tag", sha]);
    let rolled: Vec<_> = actions(&planned).into_keys().collect();
    assert_eq!(rolled, ["service.web", "task_definition.web"]);
    assert_eq!(change(&planned, "service.web")["restarts_tasks"], true);
    let told = warnings(&planned);
    assert!(
        told.contains("`helloworld`") && told.contains(sha) && told.contains("the image that runs now stays"),
        "{told}"
    );
    let images = planned["images"].as_array().unwrap();
    let web = images.iter().find(|image| image["task"] == "web").unwrap();
    assert_eq!((&web["tag"], &web["digest"]), (&sha.into(), &digest.as_str().into()));

    world.run(&["apply", "--yes", "--image-tag", sha]).expect(0);
    assert!(image(&world, "web").ends_with(&digest));
    assert_eq!(image(&world, "helper"), kept);
    let (definition, tags) = latest(&world, "web");
    assert_eq!(service(&world, "shop-cluster", "web").task_definition(), definition.task_definition_arn());
    assert_eq!((tags["fargate-stack:image-tag"].as_str(), tags["fargate-stack:commit"].as_str()), (sha, sha));
    // What was released stays, with and without the tag.
    assert!(actions(&plan(&world, &[])).is_empty());
    assert!(actions(&plan(&world, &["--image-tag", sha])).is_empty());
}

#[test]
fn the_same_image_under_another_tag_changes_nothing() {
    let world = World::with(STACK);
    let same = |tag: &str| {
        let content = serde_json::json!({
            "account": world.account, "repository": "http-test", "tag": tag, "content": "the same"
        });
        world.control("POST", "ecr/images", &content)["digest"].clone()
    };
    assert_eq!(same("v1"), same("v2"));
    world.run(&["apply", "--yes", "--image-tag", "v1"]).expect(0);
    world.forget_calls();
    assert!(actions(&plan(&world, &["--image-tag", "v2"])).is_empty());
    world.run(&["apply", "--yes", "--image-tag", "v2"]).expect(0);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn another_tag_in_the_file_is_resolved_anew() {
    let world = applied();
    let digest = push(&world, "http-test", "v7");
    world.write("fargate-stack.yml", &STACK.replace("http-test:latest", "http-test:v7"));
    world.run(&["apply", "--yes"]).expect(0);
    assert!(image(&world, "web").ends_with(&digest));
    world.run(&["plan", "--detailed-exitcode"]).expect(0);
}

#[test]
fn an_image_outside_ecr_is_pinned_by_its_registry_and_no_tag_that_is_asked_for_changes_it() {
    let world = World::with(
        "{app: {name: shop}, tasks: {side: {image: 'public.ecr.aws/nginx/nginx:1.27'}, web: {image: 'http-test:latest'}}}",
    );
    let digest = publish("public.ecr.aws", "nginx/nginx", "1.27");
    let sha = push_commit(&world);
    assert!(!warnings(&plan(&world, &["--image-tag", &sha])).contains("public.ecr.aws"));
    world.run(&["apply", "--yes", "--image-tag", &sha]).expect(0);
    assert_eq!(image(&world, "side"), format!("public.ecr.aws/nginx/nginx@{digest}"));
    let (_, tags) = latest(&world, "side");
    assert_eq!(tags["fargate-stack:image-source"], "public.ecr.aws/nginx/nginx:1.27");
    assert_eq!(tags["fargate-stack:image-tag"], "1.27");
    world.run(&["plan", "--detailed-exitcode"]).expect(0);
    // A digest says which image it is, so nobody is asked, and there is nothing to warn about.
    let pinned = format!("public.ecr.aws/nginx/nginx@{digest}");
    world.write(
        "fargate-stack.yml",
        &format!("{{app: {{name: shop}}, tasks: {{side: {{image: '{pinned}'}}}}}}"),
    );
    assert_eq!(warnings(&plan(&world, &[])), "");
}

fn push_commit(world: &World) -> String {
    let sha = "fedcba9876543210fedcba9876543210fedcba98".to_owned();
    push(world, "http-test", &sha);
    sha
}

#[test]
fn a_digest_in_the_file_is_taken_as_it_is() {
    let world = World::new();
    repository(&world, "fixed");
    let first = push(&world, "fixed", "one");
    let sha = "0123456789abcdef0123456789abcdef01234567";
    push(&world, "fixed", sha);
    world.write(
        "fargate-stack.yml",
        &format!("{{app: {{name: fixed}}, tasks: {{job: {{image: 'fixed@{first}'}}}}}}"),
    );
    world.run(&["apply", "--yes", "--image-tag", sha]).expect(0);
    assert!(image(&world, "job").ends_with(&format!("fixed@{first}")));
    assert_eq!(recorded(&world, "ecs:RegisterTaskDefinition").len(), 1);
    world.run(&["plan", "--detailed-exitcode"]).expect(0);
}

#[test]
fn an_image_that_lost_its_tag_but_runs_stays() {
    let world = applied();
    let before = image(&world, "web");
    super::account::block(async {
        let ecr = aws_sdk_ecr::Client::new(&super::account::sdk(&world));
        let latest = aws_sdk_ecr::types::ImageIdentifier::builder().image_tag("latest").build();
        ecr.batch_delete_image().repository_name("http-test").image_ids(latest).send().await.unwrap();
    });
    assert!(actions(&plan(&world, &[])).is_empty());
    assert_eq!(image(&world, "web"), before);
}

#[test]
fn in_a_workflow_the_commit_is_the_tag_unless_another_is_asked_for() {
    let world = World::with("{app: {name: shop}, tasks: {web: {image: 'http-test:latest'}}}");
    let sha = "89abcdef0123456789abcdef0123456789abcdef";
    let digest = push(&world, "http-test", sha);
    let planned = |ci: bool, args: &[&str]| {
        let mut command = world.command(&[&["plan", "--format", "json"], args].concat());
        command.env("GITHUB_SHA", sha);
        if ci {
            command.env("CI", "true");
        }
        World::output(&mut command).expect(0).json()["images"][0]["digest"].clone()
    };
    assert_eq!(planned(true, &[]), digest.as_str());
    assert_ne!(planned(false, &[]), digest.as_str());
    assert_ne!(planned(true, &["--image-tag", "latest"]), digest.as_str());
}
