//! `iam print`: the documents, without AWS and with it.

use super::super::harness::World;

const WORKER: &str = include_str!("../../../examples/worker/fargate-stack.yml");
const MULTI: &str = include_str!("../../../examples/multi/fargate-stack.yml");

fn printed(world: &World, role: &str, more: &[&str]) -> String {
    let mut args = vec!["iam", "print", "--role", role, "--repo", "octo/shop"];
    args.extend(more);
    world.run(&args).expect(0).stdout
}

/// A stack file with an account, so that nothing is asked.
fn fixed(text: &str) -> World {
    World::with(&format!("account: \"123456789012\"\nregion: eu-west-1\n{text}"))
}

#[test]
fn the_policies_of_the_examples_are_these() {
    for (name, text) in [("worker", WORKER), ("multi", MULTI)] {
        let world = fixed(text);
        for role in ["plan", "apply", "run-task"] {
            insta::assert_snapshot!(
                format!("policy of {name} {role}"),
                printed(&world, role, &["--only", "policy"])
            );
        }
        assert!(world.calls().is_empty(), "account and region are known, so AWS is not asked");
    }
}

#[test]
fn the_text_holds_the_files_and_the_commands_that_make_the_role() {
    let world = fixed(WORKER);
    let text =
        printed(&world, "apply", &["--environment", "live", "--owner-id", "7", "--repository-id", "42"]);
    let commands = text.split("Commands:").nth(1).unwrap();
    insta::assert_snapshot!(commands.trim(), @r"
    aws iam create-role --role-name worker-github-apply --assume-role-policy-document file://worker-github-apply-trust.json
      aws iam put-role-policy --role-name worker-github-apply --policy-name worker-github-apply-policy --policy-document file://worker-github-apply-policy.json

    note: when a kind of resource leaves the stack file, print the role anew after the apply that deletes it, not before
    note: what exists without the stack's tags cannot be adopted with this role: let the first `apply` be done with wider rights
    ");
    for file in ["worker-github-apply-trust.json:", "worker-github-apply-policy.json:"] {
        assert!(text.contains(file), "{text}");
    }
    assert!(text.contains("repo:octo@7/shop@42:environment:live"), "{text}");
    let json = world
        .run(&["iam", "print", "--role", "plan", "--repo", "octo/shop", "--format", "json"])
        .expect(0)
        .json();
    assert_eq!(json["attach_as"], "inline");
    assert_eq!(json["name"], "worker-github-plan");
    assert!(json["policies"][0]["characters"].as_u64().unwrap() < 10_240);
}

#[test]
fn the_account_comes_from_the_credentials_and_without_any_a_placeholder_says_so() {
    let world = World::with(WORKER);
    let text = printed(&world, "plan", &[]);
    assert!(
        text.contains(&format!("arn:aws:ecs:us-east-1:{}:cluster/worker-cluster", world.account)),
        "{text}"
    );
    let mut offline = world.command(&["iam", "print", "--role", "plan", "--repo", "octo/shop"]);
    offline
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_REGION", "cn-north-1");
    let text = World::output(&mut offline).expect(0).stdout;
    assert!(text.contains("arn:aws-cn:ecs:cn-north-1:<ACCOUNT>:cluster/worker-cluster"), "{text}");
    assert!(text.contains("put its 12 digits in for <ACCOUNT>"), "{text}");
}

#[test]
fn a_run_task_role_can_be_for_one_task() {
    let world = fixed(WORKER);
    let text = printed(&world, "run-task", &["--task", "migrate", "--only", "policy"]);
    let policy: serde_json::Value = serde_json::from_str(&text).unwrap();
    let run = policy["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["Sid"] == "RunFamilies")
        .unwrap()
        .clone();
    assert_eq!(run["Action"], serde_json::json!(["ecs:RunTask"]));
    assert_eq!(
        run["Resource"],
        serde_json::json!(["arn:aws:ecs:eu-west-1:123456789012:task-definition/migrate:*"])
    );
    assert_eq!(
        run["Condition"]["ArnEquals"]["ecs:cluster"],
        serde_json::json!(["arn:aws:ecs:eu-west-1:123456789012:cluster/worker-cluster"])
    );
}

#[test]
fn a_stack_with_many_tasks_gets_several_managed_policies() {
    let mut text = "account: \"123456789012\"\nregion: eu-west-1\napp: {name: big}\ntasks:\n".to_owned();
    for task in 0..120 {
        let line = format!(
            "  a-task-with-a-rather-long-name-{task:03}: {{image: helloworld, schedule: rate(1 day)}}\n"
        );
        text.push_str(&line);
    }
    let world = World::with(&text);
    let json = world
        .run(&["iam", "print", "--role", "apply", "--repo", "octo/shop", "--format", "json"])
        .expect(0)
        .json();
    assert_eq!(json["attach_as"], "managed");
    let parts = json["policies"].as_array().unwrap();
    assert!(parts.len() > 1);
    for part in parts {
        assert!(part["characters"].as_u64().unwrap() <= 6_144, "{}", part["characters"]);
    }
    let commands = json["commands"].as_array().unwrap();
    assert_eq!(commands.len(), 1 + 2 * parts.len());
}

#[test]
fn words_that_would_be_patterns_in_a_trust_are_refused() {
    let world = fixed(WORKER);
    let mut told = String::new();
    for args in [
        ["--repo", "octo/*", "--branch", "main"],
        ["--repo", "octo/shop", "--branch", "*"],
        ["--repo", "octo/shop", "--issuer", "a b"],
        ["--repo", "octo/shop", "--task", "nothing"],
    ] {
        let run = world.run(&[&["iam", "print", "--role", "run-task"][..], &args].concat()).expect(2);
        assert!(run.stdout.is_empty());
        told.push_str(&run.stderr);
    }
    insta::assert_snapshot!(told, @r"
    error: `octo/*` is not a repository

    hint: it is written `owner/name`
    error: `*` is not the name of a branch

    hint: write it without `refs/heads/`
    error: `a b` is not a host

    hint: write a host like `octo.ghe.com` or `github.example.com`
    error: there is no task `nothing` in the stack file

    hint: its tasks are consumer, migrate, nightly
    ");
    let run = world.run(&["iam", "print", "--role", "plan"]).expect(2);
    assert!(run.stderr.contains("add `--repo OWNER/REPO`"), "{}", run.stderr);
}
