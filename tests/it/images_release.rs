//! From a commit to an image: its forms, builds that still push, and what happens when there is none.

use serde_json::{Value, json};

use super::harness::{Run, World};
use super::inspect::{actions, image, latest, push, recorded, text, warnings};

const COMMIT: &str = "5d1f0a9c3b7e2468ace013579bdf02468ace1357";
const STACK: &str = "
app: {name: shop}
tasks:
  helper: {image: 'helloworld:latest'}
  web: {type: daemon, image: 'http-test:latest'}
";

fn push_image(world: &World, more: &Value) -> Value {
    let mut image = json!({"account": world.account, "repository": "http-test", "tag": COMMIT});
    image.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.control("POST", "ecr/images", &image)
}

fn in_a_workflow(world: &World, args: &[&str]) -> Run {
    World::output(world.command(args).env("CI", "true"))
}

#[track_caller]
fn says(run: &Run, parts: &[&str]) {
    for part in parts {
        assert!(run.stderr.contains(part), "{part} is not in:\n{}", run.stderr);
    }
}

#[test]
fn a_commit_finds_its_image_in_every_form_of_its_tag() {
    let world = World::with("{app: {name: shop}, tasks: {web: {image: 'http-test:latest'}}}");
    let other = COMMIT.replace("5d1f0a9", "7777777");
    let third = COMMIT.replace("5d1f0a9", "8888888");
    for (tag, asked, commit) in [
        ("sha-5d1f0a9", COMMIT, COMMIT),
        ("7777777c3b7e", &other, &other),
        (&third, "8888888", &third),
        ("sha-aaaaaaabbbbbbb", "aaaaaaa", "aaaaaaabbbbbbb"),
    ] {
        let digest = push(&world, "http-test", tag);
        let run = world.run(&["apply", "--yes", "--image-tag", asked]).expect(0);
        assert!(image(&world, "web").ends_with(&digest), "{tag} for {asked}: {}", run.stderr);
        let (_, tags) = latest(&world, "web");
        let kept = |key: &str| tags[&format!("fargate-stack:{key}")].as_str();
        assert_eq!((kept("image-tag"), kept("commit")), (tag, commit));
    }
}

#[test]
fn the_exact_tag_is_asked_for_first_and_alone() {
    let world = World::with("{app: {name: shop}, tasks: {web: {image: 'http-test:latest'}}}");
    let short = push(&world, "http-test", "5d1f0a9");
    let exact = push(&world, "http-test", COMMIT);
    assert_ne!(short, exact);
    world.run(&["apply", "--yes", "--image-tag", COMMIT]).expect(0);
    assert!(image(&world, "web").ends_with(&exact));
    world.forget_calls();
    world.run(&["plan", "--image-tag", COMMIT]).expect(0);
    assert_eq!(recorded(&world, "ecr:DescribeImages").len(), 1);
    assert_eq!(recorded(&world, "ecr:BatchGetImage").len(), 0, "what runs is not looked at again");
}

#[test]
fn a_short_commit_of_several_images_is_refused_with_their_tags() {
    let world = World::with(STACK);
    for tag in ["5d1f0a91", "5d1f0a92"] {
        push(&world, "http-test", tag);
    }
    let run = world.run(&["apply", "--yes", "--image-tag", "5d1f0a9"]).expect(2);
    says(&run, &["begin with `5d1f0a9`", "5d1f0a91", "5d1f0a92", "fargate-stack.yml:5:30", "more digits"]);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn a_build_that_still_pushes_is_waited_for_and_released() {
    let world = World::with("{app: {name: shop}, tasks: {web: {image: 'http-test:latest'}}}");
    push_image(&world, &json!({"delay_s": 2.5, "content": "late"}));
    let run = world.run(&["apply", "--yes", "--image-tag", COMMIT, "--wait-image", "30s"]).expect(0);
    says(&run, &["waiting up to 30 s", "`http-test`", COMMIT, "is in the ECR repository"]);
    let (_, tags) = latest(&world, "web");
    assert_eq!(tags["fargate-stack:commit"], COMMIT);
}

#[test]
fn the_wait_is_bounded_and_ends_as_if_nobody_had_waited() {
    let world = World::with(STACK);
    push(&world, "helloworld", COMMIT);
    let began = std::time::Instant::now();
    let run = in_a_workflow(&world, &["apply", "--image-tag", COMMIT, "--wait-image", "1s"]).expect(2);
    assert!(began.elapsed().as_secs() < 20);
    says(&run, &["waiting up to 1 s", "no image tagged", COMMIT, "`http-test`"]);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn a_workflow_that_names_a_tag_fails_before_anything_changes_when_an_image_lacks_it() {
    let world = World::with(STACK);
    push(&world, "helloworld", COMMIT);
    let run = in_a_workflow(&world, &["apply", "--image-tag", COMMIT]).expect(2);
    says(
        &run,
        &[
            &format!("the ECR repository `http-test` of the account {} (us-east-1)", world.account),
            &format!("no image tagged `{COMMIT}`, which task `web` is to be released with"),
            "fargate-stack.yml:5:30",
            "wait-image",
            "release: auto",
            "latest",
        ],
    );
    assert_eq!(world.mutations(), Vec::<String>::new());
    // Its plan is no release, and the commit of the run is only a default.
    in_a_workflow(&world, &["plan", "--image-tag", COMMIT]).expect(0);
    World::output(world.command(&["apply"]).env("CI", "true").env("GITHUB_SHA", COMMIT)).expect(0);
}

#[test]
fn the_stack_file_says_for_which_tasks_an_image_is_required() {
    let auto = STACK.replace("app:", "release: auto\napp:");
    let one = STACK.replace("'http-test:latest'", "'http-test:latest', release: auto");
    for stack in [&auto, &one] {
        let world = World::with(stack);
        push(&world, "helloworld", COMMIT);
        let run = in_a_workflow(&world, &["apply", "--image-tag", COMMIT, "--wait-image", "1m"]).expect(0);
        assert!(!run.stderr.contains("waiting"), "{}", run.stderr);
        let told = format!("the ECR repository `http-test` has no image tagged `{COMMIT}`");
        assert!(run.stdout.contains(&told) && run.stdout.contains("(task `web`)"), "{}", run.stdout);
    }
    // By hand a tag is required only where the file says so.
    let world = World::with(STACK);
    push(&world, "helloworld", COMMIT);
    world.run(&["apply", "--yes", "--image-tag", COMMIT]).expect(0);
    world.write("fargate-stack.yml", &STACK.replace("app:", "release: required\napp:"));
    let run = world.run(&["apply", "--yes", "--image-tag", COMMIT]).expect(2);
    says(&run, &["which task `web` is to be released with"]);
}

#[test]
fn an_image_that_expects_no_commit_does_not_fail_a_release() {
    let world = World::new();
    let fixed = push(&world, "http-test", "fixed");
    super::inspect::publish("ghcr.io", "shop/side", "v1");
    world.write(
        "fargate-stack.yml",
        &format!(
            "{{app: {{name: shop}}, tasks: {{job: {{image: 'http-test@{fixed}'}}, side: {{image: 'ghcr.io/shop/side:v1'}}}}}}"
        ),
    );
    in_a_workflow(&world, &["apply", "--image-tag", COMMIT]).expect(0);
}

#[test]
fn an_archived_image_is_told_with_how_to_restore_it() {
    let world = World::with("{app: {name: shop}, tasks: {web: {image: 'http-test:old'}}}");
    push_image(&world, &json!({"status": "archived"}));
    push_image(&world, &json!({"status": "archived", "tag": "old"}));
    for args in [&["plan", "--image-tag", COMMIT][..], &["plan"]] {
        let run = world.run(args).expect(2);
        says(&run, &["is archived, and cannot be pulled", "update-image-storage-class", "imageTag="]);
    }
}

#[test]
fn the_revision_names_the_pull_request_and_the_run_that_registered_it() {
    let world = World::with("{app: {name: shop}, tasks: {web: {image: 'http-test:latest'}}}");
    let run = |id: &str, args: &[&str]| {
        let mut command = world.command(args);
        command.envs([
            ("CI", "true"),
            ("GITHUB_REPOSITORY", "octo/shop"),
            ("GITHUB_SERVER_URL", "https://github.example"),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_RUN_ID", id),
        ]);
        World::output(&mut command)
    };
    run("318", &["apply"]).expect(0);
    let named = || {
        let (definition, tags) = latest(&world, "web");
        (definition.revision(), tags["fargate-stack:run"].clone(), tags["fargate-stack:pull-request"].clone())
    };
    let first = (
        1,
        "https://github.example/octo/shop/actions/runs/318/attempts/1".to_owned(),
        "https://github.example/octo/shop/pull/7".to_owned(),
    );
    assert_eq!(named(), first);
    // Another run is no reason to register anything, and takes nothing over when it only changes tags.
    world.forget_calls();
    run("319", &["apply"]).expect(0);
    assert_eq!(world.mutations(), Vec::<String>::new());
    world.write(
        "fargate-stack.yml",
        "{app: {name: shop}, tasks: {web: {image: 'http-test:latest', tags: {team: shop}}}}",
    );
    run("320", &["apply"]).expect(0);
    assert_eq!(latest(&world, "web").1["team"], "shop");
    assert_eq!(named(), first);
    // A plan shows no run: it would differ each time.
    let planned = run("321", &["plan", "--format", "json"]).expect(0).stdout;
    assert!(!planned.contains("actions/runs/321"), "{planned}");
}

#[test]
fn a_refreshed_task_gets_what_its_tag_means_now() {
    let world = World::with(STACK);
    push(&world, "http-test", "latest");
    world.run(&["apply", "--yes"]).expect(0);
    let newer = push(&world, "http-test", "latest");
    push(&world, "helloworld", "latest");
    let planned = world.run(&["plan", "--refresh", "web", "--format", "json"]).expect(0).json();
    assert_eq!(actions(&planned).into_keys().collect::<Vec<_>>(), ["service.web", "task_definition.web"]);
    world.run(&["apply", "--yes", "--refresh", "web"]).expect(0);
    assert!(image(&world, "web").ends_with(&newer));
    let run = world.run(&["plan", "--refresh", "wep"]).expect(2);
    says(&run, &["the stack file has no task `wep`", "web"]);
}

#[test]
fn a_plan_names_repository_and_tag_of_what_its_release_would_lack() {
    let world = World::with(&STACK.replace("app:", "release: required\napp:"));
    let planned = world.run(&["plan", "--image-tag", COMMIT, "--format", "json"]).expect(0).json();
    let told = warnings(&planned);
    assert!(told.contains("`http-test`") && told.contains("`helloworld`") && told.contains(COMMIT), "{told}");
    assert!(text(&planned["images"][0]["digest"]).starts_with("sha256:"));
}

#[test]
fn a_release_of_one_task_waits_for_its_image_alone() {
    let world = World::with(STACK);
    world.run(&["apply", "--yes"]).expect(0);
    let digest = push(&world, "http-test", COMMIT);
    let run =
        in_a_workflow(&world, &["release", "web", "--image-tag", COMMIT, "--wait-image", "1m"]).expect(0);
    assert!(!run.stderr.contains("waiting up to"), "{}", run.stderr);
    assert!(image(&world, "web").ends_with(&digest));
    let run = in_a_workflow(&world, &["release", "--image-tag", COMMIT]).expect(2);
    says(&run, &["`helloworld`", "which task `helper` is to be released with"]);
}
