//! The first whole loop: pull request → comment, merge → apply, and every reason not to.

use serde_json::{Value, json};

use super::harness::World;
use super::hub::{HEAD, MERGE, decoded_record};
use super::stacks::example;

#[test]
fn a_pull_request_gets_one_comment_and_its_merge_applies_exactly_that_plan() {
    let world = World::with(&example("worker"));
    world.open_pull_request();
    let run = world.ci("pull_request", &world.pull_request_event()).expect(0);
    assert_eq!(world.mutations(), Vec::<String>::new());
    assert_eq!(world.output_of("outcome").as_deref(), Some("planned"), "{}", run.stderr);
    assert_eq!(world.output_of("create").as_deref(), Some("11"));
    let comments = world.comments();
    assert_eq!(comments.len(), 1);
    let body = comments[0]["body"].as_str().unwrap();
    let visible: Vec<&str> =
        body.lines().filter(|line| !line.starts_with("<!--") && !line.trim().is_empty()).collect();
    assert!(visible[0].starts_with("### Fargate plan") && visible[0].contains("create 11"), "{}", visible[0]);
    for text in [body, &decoded_record(body).to_string()] {
        assert!(!text.contains(&world.account), "the account id is shown whole: {text}");
    }
    assert!(world.read("runner/summary").contains("service.consumer"));
    let planned = world.output_of("plan-digest").unwrap();

    world.merge_pull_request();
    let run = world.ci("push", &world.push_event()).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("applied"), "{}", run.stdout);
    assert_eq!(world.output_of("plan-digest"), Some(planned));
    assert!(world.mutations().contains(&"ecs:CreateService".to_owned()));
    let comments = world.comments();
    assert_eq!(comments.len(), 1);
    assert!(comments[0]["body"].as_str().unwrap().contains("applied"), "{}", comments[0]["body"]);

    world.forget_calls();
    world.ci("push", &world.push_event()).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("no-changes"));
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn the_image_of_the_merge_commit_is_released_although_it_was_built_after_the_plan() {
    let world = World::with(&example("minimal-daemon"));
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    world.merge_pull_request();
    let image = json!({"account": world.account, "repository": "helloworld", "tag": MERGE, "platforms": ["linux/amd64"]});
    let digest = world.control("POST", "ecr/images", &image)["digest"].as_str().unwrap().to_owned();
    world.ci("push", &world.push_event()).expect(0);
    let registered =
        world.calls().into_iter().find(|call| call["operation"] == "RegisterTaskDefinition").unwrap();
    assert!(registered["parameters"].to_string().contains(&digest), "{registered}");
}

#[test]
fn a_plan_that_is_not_the_one_that_was_shown_is_refused_with_each_field() {
    let world = World::with(&example("minimal-daemon"));
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    world.merge_pull_request();
    world.write(
        "fargate-stack.yml",
        &example("minimal-daemon").replace("type: daemon", "type: daemon\n    cpu: 2048\n    memory: 4096"),
    );
    let run = world.ci("push", &world.push_event()).expect(3);
    assert_eq!(world.mutations(), Vec::<String>::new());
    assert_eq!(world.output_of("outcome").as_deref(), Some("refused"));
    assert!(
        run.stdout.contains("cpu") && run.stdout.contains("1024") && run.stdout.contains("2048"),
        "{}",
        run.stdout
    );
    assert!(world.read("runner/summary").contains("2048"));
}

#[test]
fn a_change_in_aws_after_the_plan_is_refused_too() {
    let world = World::with(&example("minimal-task"));
    world.run(&["apply", "--yes"]).expect(0);
    world.write(
        "fargate-stack.yml",
        &example("minimal-task").replace("type: task", "type: task\n    size: small"),
    );
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    world.merge_pull_request();
    let logs = aws_sdk_cloudwatchlogs::Client::new(&super::account::sdk(&world));
    super::account::block(
        logs.put_retention_policy().log_group_name("/ecs/my-one-shot").retention_in_days(365).send(),
    )
    .unwrap();
    world.forget_calls();
    let run = world.ci("push", &world.push_event()).expect(3);
    assert!(run.stdout.contains("log_group.main"), "{}", run.stdout);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn a_comment_that_somebody_else_edited_approves_nothing() {
    let world = World::with(&example("minimal-task"));
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    let comment = world.comments().remove(0);
    let harmless = comment["body"].as_str().unwrap().replace("create 6", "create 5");
    world.github(
        "POST",
        &format!("comments/{}/edit", comment["id"]),
        json!({"user": "somebody", "body": harmless}),
    );
    world.merge_pull_request();
    let run = world.ci("push", &world.push_event()).expect(3);
    assert!(run.stderr.contains("was edited by `somebody`"), "{}", run.stderr);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn a_comment_that_somebody_else_wrote_is_neither_taken_nor_touched() {
    let world = World::with(&example("minimal-task"));
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    let forged = world.comments().remove(0)["body"].clone();
    let other = World::with(&example("minimal-task"));
    other.open_pull_request();
    other.github("POST", "comments", json!({"number": 7, "user": "somebody", "body": forged}));
    other.merge_pull_request();
    other.ci("push", &other.push_event()).expect(3);
    assert_eq!(other.mutations(), Vec::<String>::new());
    other.ci("pull_request", &other.pull_request_event()).expect(0);
    let comments = other.comments();
    assert_eq!(comments.len(), 2);
    assert_eq!(comments[0]["body"], forged);
}

#[test]
fn a_push_without_a_merged_pull_request_is_refused_unless_nothing_changes() {
    let world = World::with(&example("minimal-task"));
    world.open_pull_request();
    let mut event = world.push_event();
    event["after"] = HEAD.into();
    let run = world.ci("push", &event).expect(3);
    assert!(run.stderr.contains("no merged pull request"), "{}", run.stderr);
    assert_eq!(world.mutations(), Vec::<String>::new());
    world.run(&["apply", "--yes"]).expect(0);
    world.ci("push", &event).expect(0);
}

#[test]
fn an_equal_plan_leaves_the_comment_untouched_and_a_different_one_edits_it_in_place() {
    let world = World::with(&example("minimal-task"));
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    let first = world.comments().remove(0);
    let writes = |world: &World| {
        let comment = |call: &Value| call["operation"].as_str().unwrap().contains("comments");
        world.github_writes().iter().filter(|call| comment(call)).count()
    };
    let before = writes(&world);
    let mut again = world.ci_command("pull_request", &world.pull_request_event());
    World::output(again.env("GITHUB_RUN_ID", "319")).expect(0);
    assert_eq!(writes(&world), before, "an equal comment was written again");
    world.write(
        "fargate-stack.yml",
        &example("minimal-task").replace("type: task", "type: task\n    size: small"),
    );
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    let comments = world.comments();
    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0]["id"], first["id"]);
    assert_ne!(comments[0]["body"], first["body"]);
}

#[test]
fn the_comment_is_found_behind_more_than_a_hundred_others() {
    let world = World::with(&example("minimal-task"));
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    world.github("POST", "comments", json!({"number": 7, "user": "talker", "body": "hm", "count": 130}));
    world.write(
        "fargate-stack.yml",
        &example("minimal-task").replace("type: task", "type: task\n    size: small"),
    );
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    assert_eq!(world.comments().len(), 131);
}

#[test]
fn a_head_that_moved_on_keeps_its_own_comment() {
    let world = World::with(&example("minimal-task"));
    world.open_pull_request();
    world.github("POST", "pulls/7/push", json!({"head_sha": "00000000000000000000000000000000000000dd"}));
    let run = world.ci("pull_request", &world.pull_request_event()).expect(0);
    assert_eq!(world.comments().len(), 0);
    assert!(run.stderr.contains("moved on"), "{}", run.stderr);
}

#[test]
fn a_fork_a_deleted_fork_and_dependabot_get_static_validation_without_any_call() {
    for change in ["fork", "deleted", "dependabot"] {
        let world = World::with(&example("minimal-task"));
        world.open_pull_request();
        let mut event = world.pull_request_event();
        match change {
            "fork" => event["pull_request"]["head"]["repo"]["full_name"] = "somebody/app".into(),
            "deleted" => event["pull_request"]["head"]["repo"] = Value::Null,
            _ => event["sender"]["login"] = "dependabot[bot]".into(),
        }
        world.ci("pull_request", &event).expect(0);
        assert_eq!(world.output_of("outcome").as_deref(), Some("validated"), "{change}");
        assert_eq!(world.calls().len(), 0, "{change}");
        assert_eq!(world.github_writes().len(), 0, "{change}");
        assert!(world.read("runner/summary").contains("valid"), "{change}");
        world.write("fargate-stack.yml", "app: {name: x}\ntasks: {a: {image: i, cpu: half}}\n");
        let run = world.ci("pull_request", &event).expect(2);
        assert!(run.stderr.contains("::error file=fargate-stack.yml,line=2"), "{}", run.stderr);
    }
}

#[test]
fn a_job_without_credentials_validates_on_a_pull_request_and_fails_on_a_push() {
    let world = World::with(&example("minimal-task"));
    world.open_pull_request();
    let mut command = world.ci_command("pull_request", &world.pull_request_event());
    World::output(command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY")).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("validated"));
    assert_eq!((world.calls().len(), world.github_writes().len()), (0, 0));
    world.merge_pull_request();
    let mut command = world.ci_command("push", &world.push_event());
    World::output(command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY")).expect(1);
    assert_eq!(world.output_of("outcome").as_deref(), Some("failed"));
}

#[test]
fn events_that_ask_for_nothing_are_told_so() {
    let world = World::with(&example("minimal-task"));
    let mut other_branch = world.push_event();
    other_branch["ref"] = "refs/heads/feature".into();
    let mut closed = world.pull_request_event();
    closed["action"] = "closed".into();
    for (name, event) in [("push", other_branch), ("pull_request", closed), ("deployment", json!({}))] {
        world.ci(name, &event).expect(0);
        assert_eq!(world.output_of("outcome").as_deref(), Some("ignored"), "{name}");
    }
    assert_eq!(world.calls().len(), 0);
}

#[test]
fn a_token_that_may_not_comment_is_told_which_permission_is_missing() {
    let world = World::with(&example("minimal-task"));
    world.open_pull_request();
    let mut command = world.ci_command("pull_request", &world.pull_request_event());
    let run = World::output(command.env("GITHUB_TOKEN", "readonly-token")).expect(1);
    assert!(run.stderr.contains("pull-requests: write"), "{}", run.stderr);
}

#[test]
fn a_bad_gateway_and_a_lost_answer_do_not_double_the_comment() {
    const CREATE: &str = "POST /repos/{owner}/{repo}/issues/{issue_number}/comments";
    for fault in [
        json!({"kind": "status", "status": 502, "body": "<html>bad gateway</html>", "content_type": "text/html"}),
        json!({"kind": "timeout_after"}),
    ] {
        let world = World::with(&example("minimal-task"));
        world.open_pull_request();
        world.github_fault(CREATE, fault.clone());
        world.ci("pull_request", &world.pull_request_event()).expect(0);
        assert_eq!(world.comments().len(), 1, "{fault}");
    }
}

#[test]
fn environment_values_reach_neither_comment_nor_summary_nor_log() {
    let canary = "canary-7f3a9c";
    let world = World::with(&format!(
        "app: {{name: shy}}\ntasks:\n  job:\n    image: helloworld:latest\n    environment: {{PASSWORD: {canary}}}\n"
    ));
    world.open_pull_request();
    let run = world.ci("pull_request", &world.pull_request_event()).expect(0);
    let mut sinks = vec![run.stdout, run.stderr, world.read("runner/summary"), world.read("runner/output")];
    sinks.push(world.comments()[0]["body"].to_string());
    sinks.push(decoded_record(&world.comment()).to_string());
    for sink in sinks {
        assert!(!sink.contains(canary), "{sink}");
    }
    assert!(world.comments()[0]["body"].as_str().unwrap().contains("### Fargate plan"));
}

#[test]
fn a_tag_of_the_stack_file_that_moved_since_the_plan_is_refused() {
    let world = World::with(&example("minimal-task"));
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    world.merge_pull_request();
    let image = json!({"account": world.account, "repository": "helloworld", "tag": "latest", "platforms": ["linux/amd64"]});
    world.control("POST", "ecr/images", &image);
    let run = world.ci("push", &world.push_event()).expect(3);
    assert!(run.stdout.contains("tag latest"), "{}", run.stdout);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn an_apply_that_fails_half_way_says_so_in_exit_code_output_summary_and_comment() {
    let world = World::with(&example("minimal-task"));
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    world.merge_pull_request();
    let fault = json!({"account": world.account, "service": "ecs", "operation": "RegisterTaskDefinition", "kind": "access_denied"});
    world.control("POST", "faults", &fault);
    let run = world.ci("push", &world.push_event()).expect(5);
    assert_eq!(world.output_of("outcome").as_deref(), Some("partial"));
    for text in [run.stderr, world.read("runner/summary"), world.comments()[0]["body"].to_string()] {
        assert!(
            text.contains("task_definition.my-one-shot") && text.contains("ecs:RegisterTaskDefinition"),
            "{text}"
        );
    }
}

#[test]
fn a_push_whose_image_is_missing_fails_when_the_workflow_names_the_tag_and_keeps_what_runs_otherwise() {
    let world = World::with(&example("worker"));
    world.open_pull_request();
    let ci = |name: &str, event: &Value, tag: &str| {
        World::output(world.ci_command(name, event).env("FARGATE_STACK_IMAGE_TAG", tag))
    };
    // The pull request is planned before its image is built.
    ci("pull_request", &world.pull_request_event(), HEAD).expect(0);
    let body = world.comments()[0]["body"].as_str().unwrap().to_owned();
    assert!(body.contains("has no image tagged") && body.contains(HEAD), "{body}");
    world.merge_pull_request();
    let run = ci("push", &world.push_event(), MERGE).expect(2);
    for part in ["the ECR repository `helloworld`", MERGE, "is to be released with"] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert_eq!(world.output_of("outcome").as_deref(), Some("failed"));
    assert_eq!(world.mutations(), Vec::<String>::new());
    let mut bad = world.ci_command("push", &world.push_event());
    let run = World::output(bad.env("FARGATE_STACK_WAIT_IMAGE", "soon")).expect(2);
    assert!(run.stderr.contains("`wait-image` is `soon`"), "{}", run.stderr);

    // The commit alone is a default: what is kept or taken instead stands in comment and summary.
    world.ci("push", &world.push_event()).expect(0);
    let comment = world.comments()[0]["body"].as_str().unwrap().to_owned();
    for text in [comment, world.read("runner/summary")] {
        assert!(text.contains("has no image tagged") && text.contains(MERGE), "{text}");
    }
}

#[test]
fn a_push_waits_for_its_image_and_the_revision_names_the_pull_request() {
    let world = World::with(&example("worker"));
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    world.merge_pull_request();
    let image = json!({"account": world.account, "repository": "helloworld", "tag": MERGE, "content": "late", "delay_s": 2});
    world.control("POST", "ecr/images", &image);
    let mut command = world.ci_command("push", &world.push_event());
    command.env("FARGATE_STACK_IMAGE_TAG", MERGE).env("FARGATE_STACK_WAIT_IMAGE", "1m");
    let run = World::output(&mut command).expect(0);
    assert!(run.stderr.contains("waiting up to 60 s"), "{}", run.stderr);
    let family = latest_family(&world);
    let (_, tags) = super::inspect::latest(&world, &family);
    let repository = &world.repository;
    assert_eq!(tags["fargate-stack:commit"], MERGE);
    assert_eq!(tags["fargate-stack:pull-request"], format!("https://github.example/{repository}/pull/7"));
    assert_eq!(
        tags["fargate-stack:run"],
        format!("https://github.example/{repository}/actions/runs/318/attempts/1")
    );
}

fn latest_family(world: &World) -> String {
    let made = super::inspect::recorded(world, "ecs:RegisterTaskDefinition");
    made[0]["family"].as_str().unwrap().to_owned()
}

#[test]
fn a_tag_of_its_own_that_was_pushed_again_since_the_plan_is_refused() {
    let world = World::with(&example("worker"));
    let push = |content: &str| {
        let image =
            json!({"account": world.account, "repository": "helloworld", "tag": "v1.4", "content": content});
        world.control("POST", "ecr/images", &image);
    };
    let ci = |name: &str, event: &Value| {
        World::output(world.ci_command(name, event).env("FARGATE_STACK_IMAGE_TAG", "v1.4"))
    };
    push("first");
    world.open_pull_request();
    ci("pull_request", &world.pull_request_event()).expect(0);
    world.merge_pull_request();
    push("second");
    let run = ci("push", &world.push_event()).expect(3);
    assert!(run.stdout.contains("image (tag v1.4)"), "{}", run.stdout);
    assert_eq!(world.mutations(), Vec::<String>::new());
    push("first");
    ci("push", &world.push_event()).expect(0);
}

#[test]
fn a_merge_whose_rollout_fails_fails_the_job_with_the_cause_everywhere() {
    let world = World::with(&example("minimal-daemon"));
    world.run(&["apply", "--yes"]).expect(0);
    let image = |tag: &str| {
        let image = json!({"account": world.account, "repository": "helloworld", "tag": tag, "platforms": ["linux/amd64"]});
        world.control("POST", "ecr/images", &image);
    };
    world.open_pull_request();
    world.ci("pull_request", &world.pull_request_event()).expect(0);
    world.merge_pull_request();
    image(MERGE);
    let crash = json!({"account": world.account, "service": "my-daemon", "outcome": "crash", "exit_code": 3, "after_s": 0.1, "log": ["boom: no such table"]});
    world.control("POST", "rollouts", &crash);
    // The plan of a pull request that only releases an image does nothing that needs to be approved field by field.
    let run = world.ci("push", &world.push_event()).expect(4);
    assert_eq!(world.output_of("outcome").as_deref(), Some("rollout-failed"), "{}", run.stdout);
    assert!(["failed", "rolled-back"].contains(&world.output_of("rollout").unwrap().as_str()));
    assert_eq!(world.output_of("revisions").as_deref(), Some("my-daemon:2"));
    assert!(
        run.stderr.lines().any(|line| line.starts_with("::error title=rollout::my-daemon: ")),
        "{}",
        run.stderr
    );
    assert!(run.stdout.contains("boom: no such table"), "{}", run.stdout);
    let comments = world.comments();
    assert_eq!(comments.len(), 1);
    for document in [comments[0]["body"].as_str().unwrap(), &world.read("runner/summary")] {
        let title = document.lines().find(|line| line.starts_with("### ")).unwrap();
        assert!(title.contains("done, 2 steps, but the rollout"), "{document}");
        assert!(document.contains("boom: no such table") && document.contains("exited with 3"), "{document}");
        assert!(!document.contains(&world.account), "{document}");
    }

    // Without waiting the job ends well, and says how to wait.
    image("nobody-waits");
    let mut command = world.ci_command("push", &world.push_event());
    command.envs([("FARGATE_STACK_WAIT", "maybe")]);
    let run = World::output(&mut command).expect(2);
    assert!(run.stderr.contains("`wait` must be `true` or `false`, not `maybe`"), "{}", run.stderr);
    let mut command = world.ci_command("push", &world.push_event());
    command.envs([("FARGATE_STACK_TIMEOUT", "soon")]);
    let run = World::output(&mut command).expect(2);
    assert!(
        run.stderr.contains("`timeout` must be a time such as `90s` or `15m`, not `soon`"),
        "{}",
        run.stderr
    );
}
