//! `init` and `create-stack`: what they write, what they leave alone, and that it can be planned.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::harness::{Run, World};

/// A world without a stack file, and a repository.
fn repository() -> World {
    let world = World::new();
    world.write(".git/config", "[remote \"origin\"]\n\turl = git@github.com:octo/Shop.git\n");
    world.write(".git/refs/remotes/origin/HEAD", "ref: refs/remotes/origin/trunk\n");
    world
}

fn exists(world: &World, name: &str) -> bool {
    world.folder().join(name).exists()
}

/// Everything below a folder but `.git`.
fn files(world: &World) -> Vec<String> {
    let mut found = vec![];
    let mut open = vec![world.folder().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(world.folder()).unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != ".git" {
                open.push(path);
            } else if name != ".git" {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

/// A run without credentials.
fn offline(world: &World, args: &[&str]) -> Run {
    let mut command: Command = world.command(args);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"] {
        command.env_remove(name);
    }
    World::output(&mut command)
}

const WORKFLOWS: [&str; 2] = [".github/workflows/drift.yml", ".github/workflows/fargate.yml"];

#[test]
fn a_repository_with_a_dockerfile_gets_a_stack_file_that_can_be_planned_and_its_workflows() {
    let world = repository();
    world.write("Dockerfile", "FROM scratch\nEXPOSE 8080\nCMD [\"/run\"]\n");
    let run = world
        .run(&[
            "init",
            "--domain",
            "shop.example.com",
            "--image",
            "http-test:latest",
            "--region",
            "us-east-1",
        ])
        .expect(0);
    assert_eq!(
        world.read("fargate-stack.yml"),
        "app:\n  name: shop\nregion: us-east-1\ndomain: shop.example.com\ntasks:\n  shop:\n    type: https\n    \
         image: http-test:latest\n    container_port: 8080\n"
    );
    assert_eq!(files(&world), [WORKFLOWS[0], WORKFLOWS[1], "Dockerfile", "fargate-stack.yml"]);
    assert!(world.calls().is_empty(), "init asks AWS for nothing");
    let workflow = world.read(WORKFLOWS[1]);
    for text in
        ["      - trunk\n", "REPOSITORY: http-test\n", "role-to-assume: ${{ vars.FARGATE_APPLY_ROLE }}\n"]
    {
        assert!(workflow.contains(text), "{text}: {workflow}");
    }
    for text in [
        "aws ecr create-repository --repository-name http-test",
        "aws iam create-open-id-connect-provider --url https://token.actions.githubusercontent.com",
        "fargate-stack iam print --role apply --repo octo/Shop --branch trunk --environment production",
        "gh variable set FARGATE_IMAGE_ROLE --repo octo/Shop",
    ] {
        assert!(run.stdout.contains(text), "{text}: {}", run.stdout);
    }
    world.run(&["validate"]).expect(0);
    let plan = world.run(&["plan", "--format", "json"]).expect(0).json();
    assert!(
        plan["changes"].as_array().unwrap().iter().any(|change| change["address"] == "service.shop"),
        "{plan}"
    );
}

#[test]
fn every_type_gives_a_stack_file_that_validates_and_plans() {
    for (kind, more) in [
        ("daemon", &[][..]),
        ("task", &[]),
        ("scheduled", &["--schedule", "rate(1 day)"]),
        ("http", &["--domain", "in.example.com"]),
        ("https", &["--domain", "out.example.com"]),
    ] {
        let world = World::new();
        let words = ["init", "--type", kind, "--name", "thing", "--image", "helloworld:latest"];
        let words: Vec<&str> = words.iter().chain(more).copied().collect();
        world.run(&words).expect(0);
        world.run(&["validate"]).expect(0);
        world.run(&["plan"]).expect(0);
        let button = ".github/workflows/run-task.yml";
        assert_eq!(exists(&world, button), matches!(kind, "task" | "scheduled"), "{kind}");
        assert!(!world.read(WORKFLOWS[1]).contains("docker build"), "there is no Dockerfile");
    }
}

#[test]
fn an_empty_repository_without_answers_gets_the_defaults() {
    let world = World::new();
    world.run(&["init", "--yes", "--name", "my-daemon"]).expect(0);
    let stack = world.read("fargate-stack.yml");
    assert!(stack.contains("type: daemon") && stack.contains("image: my-daemon:latest"), "{stack}");
    let world = World::new();
    let run = offline(&world, &["init"]).expect(2);
    assert!(run.stderr.contains("no AWS region is set"), "{}", run.stderr);
    assert_eq!(files(&world), Vec::<String>::new());
}

#[test]
fn what_exists_is_listed_and_nothing_is_written() {
    let world = World::new();
    world.write(WORKFLOWS[0], "mine\n");
    world.write("fargate-stack.yml", "mine: too\n");
    let before = files(&world);
    let run = world.run(&["init", "--type", "task", "--name", "a"]).expect(3);
    for file in ["fargate-stack.yml", WORKFLOWS[0]] {
        assert!(run.stderr.contains(file), "{}", run.stderr);
    }
    assert_eq!(files(&world), before);
    assert_eq!(world.read(WORKFLOWS[0]), "mine\n");
    world.run(&["init", "--type", "task", "--name", "a", "--force"]).expect(0);
    assert!(world.read(WORKFLOWS[0]).starts_with("name: fargate drift"));
    assert!(world.read("fargate-stack.yml").starts_with("app:"));
}

#[test]
fn a_stack_file_that_is_there_stays_and_says_which_tasks_have_a_button() {
    let stack = "app: {name: jobs} # mine\ntasks:\n  migrate: {image: helloworld, command: [./m], run: {command: args}}\n  w: {type: daemon, image: helloworld}\n";
    let world = World::with(stack);
    world.write("Dockerfile", "FROM scratch\n");
    world.run(&["init"]).expect(0);
    assert_eq!(world.read("fargate-stack.yml"), stack);
    let button = world.read(".github/workflows/run-task.yml");
    assert!(button.contains("          - migrate\n") && !button.contains("- w\n"), "{button}");
    assert!(button.contains("task-command: ${{ inputs.arguments }}"), "{button}");
    assert!(world.read(WORKFLOWS[1]).contains("REPOSITORY: helloworld\n"));
    let world = World::with("app: {name: jobs}\ntasks: {a: {image: x, colour: red}}\n");
    world.run(&["init"]).expect(2);
    assert_eq!(files(&world), ["fargate-stack.yml"]);
}

#[test]
fn an_answer_that_would_mean_something_in_a_workflow_is_refused() {
    for (option, value) in [
        ("--environment", "x\n    permissions: write-all"),
        ("--branch", "${{ github.token }}"),
        ("--role-plan", "arn:aws:iam::1:role/x"),
        ("--action", "org/action@v1\n      - run: id"),
        ("--config", "../elsewhere.yml"),
        ("--name", "a b"),
        ("--domain", "no domain"),
        ("--region", "moon"),
    ] {
        let world = World::new();
        let words = ["init", "--yes", option, value];
        let run = world.run(&words).expect(2);
        assert!(run.stderr.contains("error: "), "{}", run.stderr);
        assert_eq!(files(&world), Vec::<String>::new(), "{option}");
    }
}

#[test]
fn words_become_a_stack_file_with_the_images_that_ecr_has() {
    let world = World::new();
    let words = [
        "create-stack",
        "shop",
        "daemon:worker",
        "image:helloworld",
        "env:A=b:c=d",
        "task:m",
        "image:none:1",
    ];
    let run = world.run(&words).expect(0);
    let wanted = "app:
  name: shop
account: \"ACCOUNT\"
region: us-east-1
tasks:
  worker:
    type: daemon
    image: \"ACCOUNT.dkr.ecr.us-east-1.amazonaws.com/helloworld:latest\"
    environment:
      A: b:c=d
  m:
    type: task
    image: none:1
";
    assert_eq!(run.stdout, wanted.replace("ACCOUNT", &world.account));
    assert_eq!(world.read("shop.yml"), run.stdout);
    assert!(run.stderr.contains("ECR has no repository `none`"), "{}", run.stderr);
    assert_eq!(world.mutations(), Vec::<String>::new());
    world.run(&["-c", "shop.yml", "validate"]).expect(0);
    // Again: the file is there.
    let run = world.run(&words).expect(3);
    assert!(run.stderr.contains("`shop.yml` exists already"), "{}", run.stderr);
    world.run(&["create-stack", "shop", "task:m", "image:x/y", "--force"]).expect(0);
    assert!(world.read("shop.yml").contains("image: x/y:latest"));
    world.run(&["-c", "other.yml", "create-stack", "shop", "task:m", "image:x/y"]).expect(0);
    assert!(exists(&world, "other.yml"));
    world.run(&["create-stack", "third", "task:m", "image:x/y", "--no-update"]).expect(0);
    assert!(!exists(&world, "third.yml"));
}

#[test]
fn without_credentials_the_words_are_taken_as_they_are() {
    let world = World::new();
    let run = offline(&world, &["create-stack", "shop", "daemon:worker", "image:helloworld:1.27"]).expect(0);
    assert_eq!(
        run.stdout,
        "app:\n  name: shop\ntasks:\n  worker:\n    type: daemon\n    image: helloworld:1.27\n"
    );
    assert!(run.stderr.contains("no AWS credentials"), "{}", run.stderr);
    assert!(world.calls().is_empty());
}

#[test]
fn a_wrong_word_is_named_with_its_place_and_nothing_is_asked_or_written() {
    let world = World::new();
    let run = world.run(&["create-stack", "shop", "daemon:worker", "imgae:x"]).expect(2);
    assert!(run.stderr.contains("error: word 3, `imgae:x`, is no clause"), "{}", run.stderr);
    let run = world.run(&["create-stack", "shop", "https:web", "image:x", "domain:nowhere"]).expect(2);
    assert!(run.stderr.contains("domain"), "{}", run.stderr);
    assert_eq!(files(&world), Vec::<String>::new());
    assert!(world.calls().is_empty());
}

#[test]
fn keys_that_a_later_version_reads_are_written_with_a_warning() {
    let world = World::new();
    let words = [
        "create-stack",
        "shop",
        "https:web",
        "image:x/y",
        "domain:a.example.com",
        "autoscaling:cpu",
        "waf:default",
    ];
    let run = world.run(&words).expect(0);
    let known = world.run(&["-c", "shop.yml", "validate"]).code == 0;
    for key in ["`tasks.web.autoscaling`", "`alb.waf`"] {
        assert_eq!(run.stderr.contains(key), !known, "{}", run.stderr);
    }
    assert!(
        run.stdout.contains("      cpu: 60\n") && run.stdout.contains("managed_rules:\n      - default\n")
    );
}

#[test]
fn the_document_of_init_is_json_when_asked_for() {
    let world = World::new();
    let document: Value = world.run(&["init", "--yes", "--name", "a", "--format", "json"]).expect(0).json();
    let listed: Vec<&str> = document["files"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(listed, ["fargate-stack.yml", WORKFLOWS[1], WORKFLOWS[0]]);
    assert!(listed.iter().all(|file| Path::new(&world.folder().join(file)).exists()));
}

#[test]
fn the_workflows_that_are_written_have_no_findings() {
    let mut linted = super::packaging::lint::Linted::new();
    for (folder, dockerfile, more) in [
        ("with-image", true, &["--type", "https", "--domain", "shop.example.com"][..]),
        ("without-image", false, &["--type", "task"]),
    ] {
        let world = repository();
        if dockerfile {
            world.write("Dockerfile", "FROM scratch\nEXPOSE 8080\n");
        }
        let words: Vec<&str> =
            ["init", "--name", "shop", "--region", "us-east-1"].iter().chain(more).copied().collect();
        world.run(&words).expect(0);
        let written: Vec<String> =
            files(&world).into_iter().filter(|file| file.starts_with(".github/workflows/")).collect();
        assert!(written.len() >= 2, "{written:?}");
        for file in written {
            linted.add(&format!("{folder}-{}", file.rsplit('/').next().unwrap()), &world.read(&file));
        }
    }
    linted.expect_clean();
}
