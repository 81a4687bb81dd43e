//! Whether an image fits: its processor, the registry that it comes from, and what its repository does with it.

use std::io::Write as _;

use aws_sdk_ecr::types::ImageTagMutability;
use serde_json::{Value, json};

use super::account::{block, sdk};
use super::harness::{Run, World};
use super::inspect::{image, latest, publish, push, recorded, repository, warnings};

const SHA: &str = "6e2f0a9c3b7e2468ace013579bdf02468ace1358";

fn stack(task: &str) -> String {
    format!("{{app: {{name: fit}}, tasks: {{web: {{{task}}}}}}}")
}

fn push_for(world: &World, tag: &str, platforms: &[&str]) {
    let image =
        json!({"account": world.account, "repository": "http-test", "tag": tag, "platforms": platforms});
    world.control("POST", "ecr/images", &image);
}

#[track_caller]
fn says(run: &Run, parts: &[&str]) {
    for part in parts {
        assert!(run.stderr.contains(part), "{part} is not in:\n{}", run.stderr);
    }
}

fn plan(world: &World) -> Value {
    world.run(&["plan", "--format", "json"]).expect(0).json()
}

#[test]
fn an_image_for_another_processor_is_refused_by_the_plan() {
    let world = World::with(&stack("image: 'http-test:latest'"));
    push_for(&world, SHA, &["linux/arm64"]);
    let run = world.run(&["plan", "--image-tag", SHA]).expect(2);
    says(
        &run,
        &[
            &format!(
                "the image of `http-test` tagged `{SHA}` is built for `linux/arm64`, and task `web` runs on X86_64"
            ),
            "cpu_architecture: ARM64",
            "linux/amd64",
            "fargate-stack.yml:1:",
        ],
    );
    push_for(&world, "both", &["linux/amd64", "linux/arm64"]);
    world.run(&["plan", "--image-tag", "both"]).expect(0);
    push_for(&world, "exotic", &["linux/s390x", "windows/amd64"]);
    let run = world.run(&["plan", "--image-tag", "exotic"]).expect(2);
    says(&run, &["`linux/s390x`, `windows/amd64`"]);
    assert!(!run.stderr.contains("cpu_architecture: ARM64"), "{}", run.stderr);
}

#[test]
fn a_task_for_arm_runs_on_arm_and_an_image_that_runs_is_checked_when_the_processor_changes() {
    for word in ["ARM64", "arm64"] {
        let world = World::with(&stack(&format!("image: 'http-test:arm', cpu_architecture: {word}")));
        push_for(&world, "arm", &["linux/arm64"]);
        world.run(&["apply", "--yes"]).expect(0);
        let (definition, _) = latest(&world, "web");
        let platform = definition.runtime_platform().unwrap();
        assert_eq!(platform.cpu_architecture().unwrap().as_str(), "ARM64");
        world.run(&["plan", "--detailed-exitcode"]).expect(0);

        world.write("fargate-stack.yml", &stack("image: 'http-test:arm'"));
        let run = world.run(&["plan"]).expect(2);
        says(&run, &["is built for `linux/arm64`, and task `web` runs on X86_64"]);
    }
    // At the top for all tasks, and a task's own wins.
    let world = World::with(
        "{app: {name: fit}, cpu_architecture: arm64, tasks: {a: {image: 'http-test:latest'}, b: {image: 'http-test:latest', cpu_architecture: amd64}}}",
    );
    push_for(&world, "latest", &["linux/amd64", "linux/arm64"]);
    world.run(&["apply", "--yes"]).expect(0);
    for (task, cpu) in [("a", "ARM64"), ("b", "X86_64")] {
        let (definition, _) = latest(&world, task);
        assert_eq!(definition.runtime_platform().unwrap().cpu_architecture().unwrap().as_str(), cpu);
    }
}

#[test]
fn what_may_not_be_read_of_an_image_is_noted_and_stops_nothing() {
    let world = World::with(&stack("image: 'http-test:latest'"));
    push_for(&world, SHA, &["linux/arm64"]);
    let deny = |operation: &str| {
        let fault = json!({"account": world.account, "service": "ecr", "operation": operation, "kind": "access_denied", "count": 9});
        world.control("POST", "faults", &fault);
    };
    deny("GetDownloadUrlForLayer");
    let run = world.run(&["plan", "--image-tag", SHA]).expect(0);
    says(&run, &["was not checked", "ecr:GetDownloadUrlForLayer"]);
    deny("BatchGetImage");
    deny("DescribeRepositories");
    deny("GetLifecyclePolicy");
    let run = world.run(&["plan", "--image-tag", SHA]).expect(0);
    says(&run, &["was not checked", "ecr:BatchGetImage"]);
    assert!(!run.stdout.contains("imageTagMutability"), "{}", run.stdout);
}

#[test]
fn an_image_that_runs_costs_no_look_at_its_repository() {
    let world = World::with(&stack("image: 'http-test:latest'"));
    world.run(&["apply", "--yes"]).expect(0);
    world.forget_calls();
    assert_eq!(warnings(&plan(&world)), "");
    assert!(world.calls().iter().all(|call| call["service"] != "ecr"));
}

#[test]
fn a_repository_whose_tags_move_or_that_removes_the_image_is_told() {
    let world = World::with(&stack("image: 'kept:latest'"));
    repository(&world, "kept");
    push(&world, "kept", SHA);
    push(&world, "kept", "latest");
    let settle = |mutability: ImageTagMutability, rule: Value| {
        let policy = json!({"rules": [{"rulePriority": 1, "selection": rule, "action": {"type": "expire"}}]});
        block(async {
            let ecr = aws_sdk_ecr::Client::new(&sdk(&world));
            let change = ecr.put_image_tag_mutability().repository_name("kept");
            change.image_tag_mutability(mutability).send().await.unwrap();
            let policy = policy.to_string();
            ecr.put_lifecycle_policy()
                .repository_name("kept")
                .lifecycle_policy_text(policy)
                .send()
                .await
                .unwrap();
        });
    };
    let told = |tag: &str| {
        let run = world.run(&["plan", "--format", "json", "--image-tag", tag]).expect(0);
        warnings(&run.json())
    };
    let count = |status: Value| {
        let mut rule = json!({"countType": "imageCountMoreThan", "countNumber": 30});
        rule.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
        rule
    };
    let untagged = || count(json!({"tagStatus": "untagged"}));
    settle(ImageTagMutability::Mutable, untagged());
    insta::assert_snapshot!(told(SHA), @"the ECR repository `kept` lets tags move to other images (`imageTagMutability`); the digest is what is released");
    insta::assert_snapshot!(told("latest"), @r"
    the ECR repository `kept` lets tags move to other images (`imageTagMutability`); the digest is what is released
    the lifecycle policy of the ECR repository `kept` may remove the image tagged `latest` while it runs: rule 1 keeps 30 images, of those without a tag
    ");
    settle(ImageTagMutability::Immutable, untagged());
    assert_eq!(told("latest"), "");
    settle(ImageTagMutability::Immutable, count(json!({"tagStatus": "tagged", "tagPrefixList": ["prod"]})));
    assert_eq!(told(SHA), "");
    settle(ImageTagMutability::Immutable, count(json!({"tagStatus": "any"})));
    insta::assert_snapshot!(told(SHA), @"the lifecycle policy of the ECR repository `kept` may remove the image tagged `6e2f0a9c3b7e2468ace013579bdf02468ace1358` while it runs: rule 1 keeps 30 images");
}

#[test]
fn an_image_outside_ecr_stays_until_the_file_names_another_or_the_task_is_refreshed() {
    let world = World::with(&stack("image: 'moving/app:1'"));
    let first = publish_anew("moving/app");
    world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(image(&world, "web"), format!("moving/app@{first}"));
    let second = publish_anew("moving/app");
    assert_ne!(first, second);
    world.run(&["plan", "--detailed-exitcode"]).expect(0);
    world.run(&["apply", "--yes", "--refresh", "web"]).expect(0);
    assert_eq!(image(&world, "web"), format!("moving/app@{second}"));
}

fn publish_anew(repository: &str) -> String {
    let image = json!({"repository": repository, "tag": "1"});
    World::control_of_all("POST", "registry/images", &image)["digest"].as_str().unwrap().to_owned()
}

#[test]
fn an_image_outside_ecr_that_does_not_exist_or_is_for_another_processor_is_refused() {
    let world = World::with(&stack("image: 'quay.io/fit/absent:1'"));
    publish("quay.io", "fit/absent", "2");
    let run = world.run(&["plan"]).expect(2);
    says(
        &run,
        &[
            "the registry `quay.io` has no image `quay.io/fit/absent:1`",
            "fargate-stack.yml:1:",
            "tasks.web.image",
        ],
    );
    for platforms in [&["linux/arm64"][..], &["linux/arm64", "windows/amd64"]] {
        let image = json!({"host": "quay.io", "repository": "fit/arm", "tag": "1", "platforms": platforms});
        World::control_of_all("POST", "registry/images", &image);
        world.write("fargate-stack.yml", &stack("image: 'quay.io/fit/arm:1'"));
        let run = world.run(&["plan"]).expect(2);
        says(&run, &["is built for `linux/arm64`", "runs on X86_64", "cpu_architecture: ARM64"]);
    }
}

#[test]
fn a_private_image_is_pinned_with_the_credentials_of_docker_and_stays_as_written_without() {
    let world = World::with(&stack("image: 'ghcr.io/fit/private:1'"));
    let image_of = json!({
        "host": "ghcr.io", "repository": "fit/private", "tag": "1", "content": "private",
        "private": {"user": "octocat", "password": "canary-password"}
    });
    let pushed = World::control_of_all("POST", "registry/images", &image_of);
    let told = warnings(&plan(&world));
    assert!(
        told.contains("`ghcr.io` refuses to tell its digest") && told.contains("docker login ghcr.io"),
        "{told}"
    );

    let auth = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "octocat:canary-password");
    let config = json!({"auths": {"ghcr.io": {"auth": auth}}}).to_string();
    world.write(".docker/config.json", &config);
    let run = world.run(&["apply", "--yes", "--log-level", "trace"]).expect(0);
    assert!(!run.stderr.contains("canary-password") && !run.stdout.contains("canary-password"));
    assert_eq!(image(&world, "web"), format!("ghcr.io/fit/private@{}", pushed["digest"].as_str().unwrap()));

    // Wrong ones are no reason to fail: Fargate pulls with its own.
    let other = World::with(&stack("image: 'ghcr.io/fit/private:1'"));
    let auth = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "octocat:wrong");
    let folder =
        other.write("elsewhere/config.json", &json!({"auths": {"ghcr.io": {"auth": auth}}}).to_string());
    let mut command = other.command(&["plan"]);
    let run = World::output(command.env("DOCKER_CONFIG", folder.parent().unwrap())).expect(0);
    assert!(run.stdout.contains("refuses it to the account of the Docker configuration"), "{}", run.stdout);
}

#[test]
fn a_registry_that_limits_or_does_not_answer_leaves_the_image_as_it_is_written() {
    let world = World::with(&stack("image: 'fit/limited:1'"));
    let limited = json!({"repository": "fit/limited", "tag": "1", "rate_limited": true});
    World::control_of_all("POST", "registry/images", &limited);
    let told = warnings(&plan(&world));
    assert!(told.contains("Docker Hub's limit") && told.contains("docker login"), "{told}");

    let nobody = |endpoint: &str| {
        let mut command = world.command(&["plan"]);
        World::output(command.env("FARGATE_STACK_REGISTRY_ENDPOINT", endpoint))
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = nobody(&format!("http://{free}")).expect(0);
    assert!(run.stdout.contains("could not be asked (no connection)"), "{}", run.stdout);

    // Somebody who answers something else.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let run = nobody(&format!("http://{place}")).expect(0);
    assert!(run.stdout.contains("could not be asked"), "{}", run.stdout);

    let run = nobody("registry.example.com").expect(2);
    says(&run, &["FARGATE_STACK_REGISTRY_ENDPOINT is `registry.example.com`", "http://127.0.0.1:5000"]);
}

#[test]
fn the_calls_for_a_new_image_are_few() {
    let world = World::with(&stack("image: 'http-test:latest'"));
    push_for(&world, SHA, &["linux/amd64"]);
    world.run(&["apply", "--yes", "--image-tag", SHA]).expect(0);
    let count = |operation: &str| recorded(&world, &format!("ecr:{operation}")).len();
    let all = [
        "DescribeImages",
        "BatchGetImage",
        "GetDownloadUrlForLayer",
        "DescribeRepositories",
        "GetLifecyclePolicy",
    ];
    assert_eq!(all.map(count), [2, 1, 1, 1, 1]);
}
