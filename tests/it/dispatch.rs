//! What people start by hand: who may, what the stack file allows, and what comes of it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Run, World};
use super::hub::{holds, with_inputs};

const JOBS: &str = "
app:
  name: jobs
tasks:
  closed: {image: helloworld:latest, run: {allowed: false}}
  fixed: {image: helloworld:latest}
  guarded: {image: helloworld:latest, run: {permission: maintain}}
  migrate:
    image: helloworld:latest
    command: [./migrate, --all]
    environment: {LOG_LEVEL: info}
    secrets: [helloworld/api-key:API_KEY]
    run: {command: args, environment: [DRY_RUN], max_cpu: 512, max_memory: 1024}
  worker: {type: daemon, image: helloworld:latest}
";

const BRANCH: &str = "refs/heads/main";

/// The jobs, applied; `operator` may write.
fn world() -> World {
    let world = World::applied(JOBS);
    permit(&world, "operator", "write");
    world
}

fn permit(world: &World, user: &str, permission: &str) {
    world.github(
        "POST",
        "permissions",
        json!({"user": user, "permission": permission, "role_name": permission}),
    );
}

/// What the next run of a task does.
fn script(world: &World, task: &str, script: &Value) {
    let mut script = script.clone();
    script["account"] = json!(world.account);
    script["task"] = json!(task);
    world.control("POST", "rollouts", &script);
}

/// Starts the workflow as `operator`.
fn dispatch(world: &World, inputs: &[(&str, &str)]) -> Run {
    let mut command = world.ci_command("workflow_dispatch", &world.dispatch_event(BRANCH));
    command.env("GITHUB_TRIGGERING_ACTOR", "operator");
    World::output(with_inputs(&mut command, inputs))
}

fn run_task(world: &World, inputs: &[(&str, &str)]) -> Run {
    let all: Vec<(&str, &str)> = [("command", "run-task")].iter().chain(inputs).copied().collect();
    dispatch(world, &all)
}

fn sent(world: &World) -> Vec<Value> {
    let calls = world.calls().into_iter().filter(|call| call["operation"] == "RunTask");
    calls.map(|call| call["parameters"].clone()).collect()
}

/// The job ended with this reason, before AWS was asked for anything.
#[track_caller]
fn stopped(world: &World, run: Run, code: i32, reason: &str) -> Run {
    let run = run.expect(code);
    assert_eq!(world.output_of("failure-reason").as_deref(), Some(reason), "{}", run.stderr);
    assert_eq!(world.calls(), Vec::<Value>::new(), "AWS was asked before the guards");
    run
}

/// The commands that GitHub's runner finds in a log, by its rules: `::name::` at the start of a line or `##[name]` anywhere, and none
/// between `stop-commands` and its word.
fn commands(log: &str) -> Vec<String> {
    let mut found = vec![];
    let mut word: Option<String> = None;
    for line in log.split(['\n', '\r']) {
        let new = line.trim_start().strip_prefix("::").and_then(|rest| rest.split_once("::"));
        let old = line.split_once("##[").and_then(|(_, rest)| rest.split_once(']'));
        let Some((command, data)) = new.or(old) else { continue };
        let name = command.split(' ').next().unwrap();
        match &word {
            Some(until) if name == until => word = None,
            Some(_) => {}
            None if name == "stop-commands" => word = Some(data.to_owned()),
            None => found.push(name.to_owned()),
        }
    }
    assert_eq!(word, None, "the block is never closed: {log}");
    found
}

#[test]
fn a_task_runs_with_its_log_outputs_and_a_summary() {
    let world = world();
    script(&world, "fixed", &json!({"outcome": "healthy", "log": ["first", "last <b>line</b>"]}));
    let run = run_task(&world, &[("task", "fixed")]).expect(0);
    assert!(run.stdout.contains("first\nlast <b>line</b>\n"), "{}", run.stdout);
    assert_eq!(world.output_of("outcome").as_deref(), Some("ran"));
    assert_eq!(world.output_of("task-exit-code").as_deref(), Some("0"));
    assert_eq!(world.output_of("failure-reason"), None);
    let arn = world.output_of("task-arn").unwrap();
    assert!(arn.contains(":task/jobs-cluster/"), "{arn}");
    let summary = world.read("runner/summary");
    for text in ["Task fixed", "exited with 0", "fixed:1", "first", "https://github.example/octo/"] {
        assert!(summary.contains(text), "{text}: {summary}");
    }
    assert!(!summary.contains(&world.account), "the account id is shown whole: {summary}");
    let [sent] = &sent(&world)[..] else { panic!() };
    assert!(sent["overrides"].is_null(), "{sent}");
    assert_eq!(sent["startedBy"], "github-run/318");
}

#[test]
fn the_exit_code_of_the_program_is_that_of_the_step() {
    let world = world();
    script(&world, "fixed", &json!({"outcome": "crash", "exit_code": 7, "log": ["oh"]}));
    run_task(&world, &[("task", "fixed")]).expect(7);
    assert_eq!(world.output_of("outcome").as_deref(), Some("ran"));
    assert_eq!(world.output_of("task-exit-code").as_deref(), Some("7"));
    assert_eq!(world.output_of("failure-reason").as_deref(), Some("task-failed"));
    assert!(world.read("runner/summary").contains("exited with 7"));
    script(&world, "fixed", &json!({"outcome": "pull_error"}));
    let run = World::output(
        with_inputs(
            &mut world.ci_command("workflow_dispatch", &world.dispatch_event(BRANCH)),
            &[("command", "run-task"), ("task", "fixed")],
        )
        .env("GITHUB_TRIGGERING_ACTOR", "operator")
        .env("GITHUB_RUN_ID", "319"),
    )
    .expect(125);
    assert_eq!(world.output_of("failure-reason").as_deref(), Some("task-not-started"), "{}", run.stderr);
    assert_eq!(world.output_of("outcome").as_deref(), Some("failed"));
}

#[test]
fn what_the_stack_file_allows_is_sent_and_nothing_else() {
    let world = world();
    let inputs = [
        ("task", "migrate"),
        ("task-command", r#"["--one", "$(id); \"x\""]"#),
        ("task-env", "DRY_RUN=a=b c\n\n"),
        ("task-cpu", "512"),
        ("task-memory", "1024"),
    ];
    run_task(&world, &inputs).expect(0);
    let [sent] = &sent(&world)[..] else { panic!() };
    let container = &sent["overrides"]["containerOverrides"][0];
    assert_eq!(container["command"], json!(["./migrate", "--all", "--one", "$(id); \"x\""]));
    assert_eq!(container["environment"], json!([{"name": "DRY_RUN", "value": "a=b c"}]));
    assert_eq!((&sent["overrides"]["cpu"], &sent["overrides"]["memory"]), (&json!("512"), &json!("1024")));
}

#[test]
fn what_the_stack_file_does_not_allow_is_refused_before_any_call() {
    let world = world();
    for (inputs, code, reason) in [
        (&[("task", "closed")][..], 3, "task-not-allowed"),
        (&[("task", "worker")], 3, "task-not-allowed"),
        (&[("task", "fixed"), ("task-command", "[\"sh\"]")], 3, "override-not-allowed"),
        (&[("task", "fixed"), ("task-env", "A=hunter2")], 3, "env-not-allowed"),
        (&[("task", "migrate"), ("task-env", "DRY_RUN=1\nAPI_KEY=hunter2")], 3, "env-not-allowed"),
        (&[("task", "migrate"), ("task-env", "LOG_LEVEL=debug")], 3, "env-not-allowed"),
        (&[("task", "migrate"), ("task-cpu", "1024")], 3, "too-large"),
        (&[("task", "migrate"), ("task-memory", "2048")], 3, "too-large"),
        (&[("task", "migrate"), ("task-command", "sh -c id")], 2, "bad-input"),
        (&[("task", "migrate"), ("task-command", "[\"a\", 1]")], 2, "bad-input"),
        (&[("task", "migrate"), ("task-env", "hunter2")], 2, "bad-input"),
        (&[("task", "migrate"), ("task-timeout", "soon")], 2, "bad-input"),
        (&[("task", "a; id")], 2, "bad-input"),
        (&[("task", "migrat")], 2, "usage"),
    ] {
        let run = stopped(&world, run_task(&world, inputs), code, reason);
        assert!(!run.stderr.contains("hunter2") && !run.stdout.contains("hunter2"), "{}", run.stderr);
        assert_eq!(world.github_calls(), Vec::<Value>::new(), "{inputs:?}");
    }
}

#[test]
fn whoever_started_this_attempt_must_have_the_permission() {
    let world = world();
    permit(&world, "reader", "read");
    for (actor, task, more, allowed) in [
        ("operator", "fixed", &[][..], true),
        ("reader", "fixed", &[], false),
        ("nobody", "fixed", &[], false),
        ("operator", "guarded", &[], false),
        ("operator", "fixed", &[("min-permission", "admin")], false),
    ] {
        world.forget_calls();
        let mut command = world.ci_command("workflow_dispatch", &world.dispatch_event(BRANCH));
        // The first run was somebody else's, who may everything.
        permit(&world, "author", "admin");
        command.env("GITHUB_TRIGGERING_ACTOR", actor).env("GITHUB_ACTOR", "author");
        with_inputs(&mut command, &[("command", "run-task"), ("task", task)]);
        let run = World::output(with_inputs(&mut command, more));
        if allowed {
            run.expect(0);
        } else {
            let run = stopped(&world, run, 3, "actor-not-permitted");
            assert!(run.stderr.contains(actor), "{}", run.stderr);
        }
    }
    permit(&world, "operator", "maintain");
    world.forget_calls();
    run_task(&world, &[("task", "guarded")]).expect(0);
}

#[test]
fn another_branch_is_refused_for_every_command() {
    let world = world();
    for command in ["run-task", "release", "rollback", "redeploy", "destroy"] {
        let event = world.dispatch_event("refs/heads/feature");
        let mut job = world.ci_command("workflow_dispatch", &event);
        job.env("GITHUB_TRIGGERING_ACTOR", "operator");
        let inputs = [("command", command), ("task", "fixed"), ("confirm", "jobs")];
        stopped(&world, World::output(with_inputs(&mut job, &inputs)), 3, "ref-not-allowed");
    }
}

#[test]
fn a_hostile_log_has_no_command_for_the_runner() {
    let world = world();
    let log = [
        "::error::pwned",
        "  ::add-mask::a",
        "text ##[set-output name=x]y",
        "::stop-commands::abc",
        "\u{1b}[31m::warning::red",
        "a\r::notice::b",
    ];
    script(&world, "fixed", &json!({"outcome": "crash", "exit_code": 1, "log": log}));
    let run = run_task(&world, &[("task", "fixed")]).expect(1);
    assert_eq!(commands(&run.stdout), Vec::<String>::new(), "{}", run.stdout);
    assert!(run.stdout.contains("pwned") && run.stdout.starts_with("::stop-commands::"), "{}", run.stdout);
    assert!(commands(&run.stderr).iter().all(|name| name == "error"), "{}", run.stderr);
    // The port of the runner finds what it is there to find.
    assert_eq!(
        commands("::error::x\na ##[group]b\n::stop-commands::w\n::error::y\n::w::"),
        ["error", "group"]
    );
    let summary = world.read("runner/summary");
    assert!(!summary.contains('\u{1b}') && summary.contains("```text"), "{summary}");
}

#[test]
fn a_cancelled_run_stops_its_task_and_says_so() {
    let world = world();
    script(&world, "fixed", &json!({"outcome": "healthy", "run_s": 600, "log": ["working"]}));
    let mut command = world.ci_command("workflow_dispatch", &world.dispatch_event(BRANCH));
    command.env("GITHUB_TRIGGERING_ACTOR", "operator");
    with_inputs(&mut command, &[("command", "run-task"), ("task", "fixed")]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while sent(&world).is_empty() {
        assert!(begun.elapsed() < Duration::from_mins(1), "the task was never started");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stdout}");
    assert!(world.mutations().contains(&"ecs:StopTask".to_owned()));
    assert_eq!(world.output_of("outcome").as_deref(), Some("cancelled"));
    assert_eq!(world.output_of("failure-reason").as_deref(), Some("cancelled"));
    assert!(world.output_of("task-arn").is_some());
    assert_eq!(commands(&stdout), Vec::<String>::new(), "{stdout}");
}

#[test]
fn a_secret_that_is_given_to_a_run_is_in_no_output() {
    let world = world();
    let canary = "canary-7f3a9d";
    run_task(&world, &[("task", "migrate"), ("task-env", &format!("DRY_RUN={canary}"))]).expect(0);
    let bad = [
        &[("task", "migrate"), ("task-env", "OTHER=canary-7f3a9d")][..],
        &[("task", "migrate"), ("task-env", "canary-7f3a9d")],
        &[("task", "migrate"), ("task-command", "canary-7f3a9d")],
    ];
    let mut sinks = vec![];
    for inputs in bad {
        let run = run_task(&world, inputs);
        sinks.extend([run.stdout, run.stderr, world.read("runner/summary"), world.read("runner/output")]);
    }
    let run = run_task(&world, &[("task", "migrate"), ("task-env", &format!("DRY_RUN={canary}"))]).expect(0);
    sinks.extend([run.stdout, run.stderr, world.read("runner/summary"), world.read("runner/output")]);
    assert!(sinks.iter().all(|sink| !holds(sink, canary)), "{sinks:?}");
}

#[test]
fn a_stack_must_be_named_when_there_are_several() {
    let world = world();
    world.write("stacks/other.yml", "app: {name: other}\ntasks: {fixed: {image: helloworld:latest}}\n");
    let files = "fargate-stack.yml\nstacks/*.yml";
    let run = run_task(&world, &[("task", "fixed"), ("config", files)]);
    let run = stopped(&world, run, 2, "stack-not-named");
    assert!(run.stderr.contains("`jobs`") && run.stderr.contains("`other`"), "{}", run.stderr);
    run_task(&world, &[("task", "fixed"), ("config", files), ("stacks", "jobs")]).expect(0);
    world.forget_calls();
    let run = run_task(&world, &[("task", "fixed"), ("aws-account-ids", "999999999999")]).expect(2);
    assert!(run.stderr.contains("aws-account-ids"), "{}", run.stderr);
    let asked: Vec<Value> = world.calls().iter().map(|call| call["operation"].clone()).collect();
    assert_eq!(asked, [json!("GetCallerIdentity")]);
}

#[test]
fn deleting_a_stack_needs_its_name_and_the_approval_of_the_environment() {
    let world = world();
    for confirm in ["", "job", "JOBS", "other"] {
        stopped(
            &world,
            dispatch(&world, &[("command", "destroy"), ("confirm", confirm)]),
            3,
            "not-confirmed",
        );
    }
    world.github("POST", "environments", json!({"name": "production", "reviewers": ["lead"]}));
    let sure = [("command", "destroy"), ("confirm", "jobs"), ("environment", "production")];
    stopped(&world, dispatch(&world, &sure), 3, "not-approved");
    let other = json!({"user": "lead", "state": "approved", "environments": ["staging"]});
    world.github("POST", "runs/318/approvals", other);
    stopped(&world, dispatch(&world, &sure), 3, "not-approved");
    let answer = json!({"user": "lead", "state": "approved", "environments": ["production"]});
    world.github("POST", "runs/318/approvals", answer);
    let run = dispatch(&world, &sure).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("applied"), "{}", run.stderr);
    assert!(world.mutations().contains(&"ecs:DeleteCluster".to_owned()));
}

#[test]
fn a_redeploy_a_release_and_a_rollback_go_through_the_same_guards() {
    let world = world();
    permit(&world, "reader", "read");
    for command in ["redeploy", "release", "rollback"] {
        let mut job = world.ci_command("workflow_dispatch", &world.dispatch_event(BRANCH));
        job.env("GITHUB_TRIGGERING_ACTOR", "reader");
        let inputs = [("command", command), ("service", "worker")];
        stopped(&world, World::output(with_inputs(&mut job, &inputs)), 3, "actor-not-permitted");
    }
    stopped(&world, dispatch(&world, &[("command", "redeploy"), ("service", "a b")]), 2, "bad-input");
    dispatch(&world, &[("command", "redeploy"), ("service", "worker")]).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("applied"));
    assert!(world.mutations().contains(&"ecs:UpdateService".to_owned()));
    dispatch(&world, &[("command", "release"), ("service", "worker"), ("image-tag", "latest")]).expect(0);
    assert_eq!(world.output_of("outcome").as_deref(), Some("applied"));
}
