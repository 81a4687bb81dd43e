//! Canaries: a value that must not be seen, in every place where one can be, and in no place where people look.

use serde_json::{Value, json};

use super::super::harness::{Run, World};
use super::super::hub::{decoded_record, holds};

const CANARY: &str = "canary-7f3a9c51d0e2";

fn stack(old: &str, new: &str) -> String {
    format!(
        "app: {{name: shy}}\ntasks:\n  job:\n    type: daemon\n    image: helloworld:latest\n    environment: {{PASSWORD: {old}{new}, LEVEL: info}}\n    secrets: [helloworld/api-key:API_KEY]\n"
    )
}

/// Every place where people look.
fn sinks(world: &World, run: &Run) -> Vec<(&'static str, String)> {
    let mut sinks = vec![
        ("standard output", run.stdout.clone()),
        ("standard error", run.stderr.clone()),
        ("summary", world.read("runner/summary")),
        ("outputs", world.read("runner/output")),
    ];
    for file in std::fs::read_dir(world.folder().join("runner/temp")).unwrap() {
        sinks.push(("temporary file", std::fs::read_to_string(file.unwrap().path()).unwrap()));
    }
    for comment in world.comments() {
        let body = comment["body"].as_str().unwrap();
        sinks.push(("record", decoded_record(body).to_string()));
        sinks.push(("comment", body.to_owned()));
    }
    let checks = world.github("GET", "check-runs", Value::Null);
    for check in checks.as_array().cloned().unwrap_or_default() {
        let text = check["output"]["text"].as_str().unwrap_or_default();
        sinks.push(("check run", check.to_string()));
        if let Some(record) = fargate_stack::github::marker::decode(text) {
            sinks.push(("record of the check run", record.to_string()));
        }
    }
    for path in ["deployments", "issues"] {
        sinks.push(("deployments and issues", world.github("GET", path, Value::Null).to_string()));
    }
    sinks
}

#[track_caller]
fn unseen(world: &World, run: &Run) {
    let sinks = sinks(world, run);
    assert!(sinks.len() >= 6);
    for (place, text) in sinks {
        assert!(!holds(&text, CANARY), "{place}: {text}");
        assert!(!text.contains("sandbox-token"), "{place} holds the token: {text}");
    }
}

#[test]
fn a_secret_value_reaches_no_place_where_people_look() {
    let world = World::with(&stack(CANARY, ""));
    let secrets = aws_sdk_secretsmanager::Client::new(&super::super::account::sdk(&world));
    super::super::account::block(
        secrets.put_secret_value().secret_id("helloworld/api-key").secret_string(CANARY).send(),
    )
    .unwrap();
    world.open_pull_request();
    let run = world.ci("pull_request", &world.pull_request_event()).expect(0);
    unseen(&world, &run);
    world.merge_pull_request();
    let inputs = [("environment", "production")];
    let run = world.ci_with("push", &world.push_event(), &inputs).expect(0);
    unseen(&world, &run);

    // What runs now is the old side of the next plan.
    world.write("fargate-stack.yml", &stack("other-", "value"));
    world.open_pull(8, "00000000000000000000000000000000000000b8");
    let run = world
        .ci("pull_request", &world.event_of_pull(8, "00000000000000000000000000000000000000b8"))
        .expect(0);
    unseen(&world, &run);
    let run = world.ci("schedule", &json!({"schedule": "0 6 * * *", "repository": {"full_name": world.repository, "default_branch": "main"}})).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("drift"), "{}", run.stderr);
    unseen(&world, &run);
    // Refusals and failures.
    let (before, after) =
        ("00000000000000000000000000000000000000a1", "00000000000000000000000000000000000000a2");
    for sha in [before, after] {
        world.github("POST", "commits", json!({"sha": sha, "branch": "main"}));
    }
    world.write("fargate-stack.yml", &stack(CANARY, "-2"));
    let run = world
        .ci(
            "push",
            &world.event_of_push(
                "00000000000000000000000000000000000000a1",
                "00000000000000000000000000000000000000a2",
            ),
        )
        .expect(3);
    unseen(&world, &run);
    let run =
        world.ci_with("push", &world.push_event(), &[("approval", "none"), ("timeout", "2m")]).expect(0);
    unseen(&world, &run);
}

#[test]
fn errors_of_aws_tell_neither_credentials_nor_account_ids_in_comments() {
    let world = World::with(&super::small());
    world.planned_and_merged();
    let message = format!(
        "User: arn:aws:sts::{}:assumed-role/x/ASIAQWERTYUIOPASDFGH is not authorized; https://s3.amazonaws.com/b?X-Amz-Signature=0a1b2c3d4e5f&X-Amz-Security-Token=FwoGZXIvYXdzEAAa",
        world.account
    );
    let fault = json!({"account": world.account, "service": "ecs", "operation": "RegisterTaskDefinition", "kind": "error", "code": "AccessDeniedException", "message": message});
    world.control("POST", "faults", &fault);
    let run = world.ci("push", &world.push_event()).expect(5);
    for text in [run.stdout, run.stderr, world.read("runner/summary"), world.comment()] {
        for part in ["ASIAQWERTYUIOPASDFGH", "0a1b2c3d4e5f", "FwoGZXIvYXdzEAAa"] {
            assert!(!text.contains(part), "{part}: {text}");
        }
    }
    for text in [world.read("runner/summary"), world.comment()] {
        assert!(text.contains("AccessDeniedException") && !text.contains(&world.account), "{text}");
    }
}
