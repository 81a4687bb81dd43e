//! `preflight`, `doctor` and `iam check`, as processes against the sandbox.

use serde_json::{Value, json};

use super::super::harness::World;

const WORKER: &str = include_str!("../../../examples/worker/fargate-stack.yml");

fn finding<'a>(document: &'a Value, about: &str) -> &'a Value {
    let all = document["findings"].as_array().unwrap();
    all.iter().find(|one| one["about"] == about).unwrap_or_else(|| panic!("no {about} in {document:#}"))
}

#[test]
fn preflight_needs_no_stack_file_and_changes_nothing() {
    let world = World::new();
    let run = world.run(&["preflight", "--format", "json"]);
    let found = run.json();
    assert_eq!(found["account"], world.account.as_str());
    for about in [
        "credentials",
        "VPC and subnets",
        "egress",
        "ECS",
        "CloudWatch Logs",
        "EventBridge",
        "Route 53",
        "ACM",
    ] {
        assert_eq!(finding(&found, about)["level"], "ok", "{found:#}");
    }
    assert!(world.mutations().is_empty(), "{:?}", world.mutations());
    let text = world.run(&["preflight", "--no-https", "--no-dns", "--no-secrets"]).stdout;
    assert!(text.contains("PASS") && text.contains("daemon services"), "{text}");
    for left_out in ["HTTPS services", "Route 53", "ACM", "Secrets Manager"] {
        assert!(!text.contains(left_out), "{text}");
    }
}

#[test]
fn preflight_fails_for_a_permission_and_names_it() {
    let world = World::new();
    world.control("POST", "faults", &json!({"account": world.account, "service": "logs", "operation": "DescribeLogGroups", "kind": "access_denied", "count": 9}));
    let run = world.run(&["preflight", "--format", "json"]).expect(2);
    let found = run.json();
    let logs = finding(&found, "CloudWatch Logs");
    assert_eq!(
        (logs["level"].as_str(), logs["remedy"].as_str()),
        (Some("fail"), Some("allow `logs:DescribeLogGroups`"))
    );
    assert!(found["kinds"].as_array().unwrap().iter().all(|kind| kind[1] == "no"), "{found:#}");
}

#[test]
fn preflight_of_an_empty_account_fails_for_its_network() {
    let world = World::seeded("empty");
    let found = world.run(&["preflight", "--format", "json"]).expect(2).json();
    assert_eq!(finding(&found, "VPC and subnets")["level"], "fail");
    assert_eq!(finding(&found, "egress")["level"], "fail");
}

#[test]
fn preflight_without_credentials_says_so() {
    let world = World::new();
    let mut command = world.command(&["preflight", "--format", "json"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let found = World::output(&mut command).expect(2).json();
    assert_eq!(finding(&found, "credentials")["level"], "fail");
    assert!(world.calls().is_empty());
}

#[test]
fn doctor_looks_at_workflows_and_account_and_tells_what_it_cannot_see() {
    let world = World::with(WORKER);
    world.write(
        ".github/workflows/stack.yml",
        "on: {pull_request_target: null}\njobs:\n  a:\n    permissions: write-all\n    steps: [{uses: org/fargate-stack-action@v1}]\n",
    );
    let mut command = world.command(&["doctor", "--format", "json"]);
    command.env("GITHUB_WORKSPACE", world.folder());
    let found = World::output(&mut command).expect(1).json();
    let levels: Vec<&str> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["about"] == "workflow stack.yml")
        .map(|one| one["level"].as_str().unwrap())
        .collect();
    assert_eq!(levels, ["fail", "warn", "fail"], "{found:#}");
    for (about, level) in [
        ("OIDC token", "unknown"),
        ("GitHub", "unknown"),
        ("egress", "ok"),
        ("repository helloworld", "warn"),
    ] {
        assert_eq!(finding(&found, about)["level"], level, "{found:#}");
    }
    assert!(world.mutations().is_empty(), "{:?}", world.mutations());
}

#[test]
fn doctor_never_shows_the_token_that_it_asks_with() {
    let world = World::with(WORKER);
    let mut command = world.command(&["doctor"]);
    command.env("GITHUB_TOKEN", "ghs_canary0123456789").env("GITHUB_REPOSITORY", &world.repository);
    command
        .env("GITHUB_API_URL", World::github_api())
        .env("GITHUB_GRAPHQL_URL", format!("{}/graphql", World::github_api()));
    command.env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/token", World::github_api()));
    command.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary-oidc-request");
    let run = World::output(&mut command);
    for canary in ["ghs_canary", "canary-oidc"] {
        assert!(
            !run.stdout.contains(canary) && !run.stderr.contains(canary),
            "{}\n{}",
            run.stdout,
            run.stderr
        );
    }
    assert!(run.stdout.contains("branch main"), "{}", run.stdout);
}

#[test]
fn a_printed_policy_fits_and_the_calls_of_a_run_are_allowed_by_it() {
    let world = World::with(WORKER);
    for role in ["plan", "apply", "run-task"] {
        let policy =
            world.run(&["iam", "print", "--role", role, "--repo", "octo/shop", "--only", "policy"]).expect(0);
        let file = world.write(&format!("{role}.json"), &policy.stdout);
        let run = world.run(&["iam", "check", "--role", role, "--policy", file.to_str().unwrap()]).expect(0);
        assert!(run.stdout.contains("allows what the stack needs, and no more"), "{}", run.stdout);
    }
    world.run(&["--record-calls", "calls.jsonl", "plan"]).expect(0);
    world.run(&["--record-calls", "calls.jsonl", "apply", "--yes"]).expect(0);
    let record = world.read("calls.jsonl");
    assert!(
        record.contains("ecs:CreateService")
            && record.lines().all(|line| {
                let call: Value = serde_json::from_str(line).unwrap();
                call.as_object().unwrap().keys().eq(["action"])
            }),
        "{record}"
    );
    world
        .run(&["iam", "check", "--role", "apply", "--policy", "apply.json", "--calls", "calls.jsonl"])
        .expect(0);
    let run = world
        .run(&["iam", "check", "--role", "plan", "--policy", "plan.json", "--calls", "calls.jsonl"])
        .expect(1);
    assert!(
        run.stdout.contains("ecs:CreateService") && run.stdout.contains("would be refused"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("ecs:DescribeClusters"), "{}", run.stdout);
}

#[test]
fn a_policy_that_lacks_something_or_allows_too_much_is_told() {
    let world = World::with(WORKER);
    let wide =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    world.write("wide.json", &wide.to_string());
    let run = world
        .run(&["iam", "check", "--role", "run-task", "--policy", "wide.json", "--format", "json"])
        .expect(0);
    assert_eq!(finding(&run.json(), "* on *")["level"], "warn");
    let narrow = json!({"Statement": {"Effect": "Allow", "Action": ["ecs:RunTask"], "Resource": "*"}});
    world.write("narrow.json", &narrow.to_string());
    let run = world.run(&["iam", "check", "--role", "run-task", "--policy", "narrow.json"]).expect(1);
    assert!(
        run.stdout.contains("missing")
            && run.stdout.contains("iam:PassRole")
            && run.stdout.contains("too wide"),
        "{}",
        run.stdout
    );
    world.write("broken.json", "{");
    let run = world.run(&["iam", "check", "--role", "plan", "--policy", "broken.json"]).expect(2);
    assert!(run.stderr.contains("could not read `broken.json`"), "{}", run.stderr);
}

#[test]
fn the_policies_of_a_role_in_aws_are_read() {
    let world = World::with(WORKER);
    let policy = world
        .run(&["iam", "print", "--role", "plan", "--repo", "octo/shop", "--only", "policy"])
        .expect(0)
        .stdout;
    let iam = super::super::kinds::clients(&world.account).iam;
    let trust = world
        .run(&["iam", "print", "--role", "plan", "--repo", "octo/shop", "--only", "trust"])
        .expect(0)
        .stdout;
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        iam.create_role()
            .role_name("worker-github-plan")
            .assume_role_policy_document(trust)
            .send()
            .await
            .unwrap();
        iam.put_role_policy()
            .role_name("worker-github-plan")
            .policy_name("p")
            .policy_document(policy)
            .send()
            .await
            .unwrap();
    });
    let run = world.run(&["iam", "check", "--role", "plan"]).expect(0);
    assert!(run.stdout.contains("allows what the stack needs, and no more"), "{}", run.stdout);
    let run = world.run(&["iam", "check", "--role", "plan", "--role-name", "nobody"]).expect(1);
    assert!(run.stderr.contains("iam:ListRolePolicies"), "{}", run.stderr);
}
