//! `run-task`: started once, its log shown, its exit code ours.

use std::process::Stdio;
use std::time::{Duration, Instant};

use aws_sdk_ecs::types::Task;
use serde_json::{Value, json};

use super::account::{block, sdk};
use super::harness::{Run, World};
use super::inspect::push;

const JOB: &str = "
app:
  name: jobs
tasks:
  migrate:
    image: helloworld:latest
    environment: {LOG_LEVEL: info}
";

fn world() -> World {
    let world = World::with(JOB);
    world.run(&["apply", "--yes"]).expect(0);
    world.forget_calls();
    world
}

/// What the next run of the task does.
fn script(world: &World, script: &Value) {
    let mut script = script.clone();
    script["account"] = json!(world.account);
    script["task"] = json!("migrate");
    world.control("POST", "rollouts", &script);
}

/// Every task of the cluster, stopped ones too.
fn tasks(world: &World) -> Vec<Task> {
    block(async {
        let ecs = aws_sdk_ecs::Client::new(&sdk(world));
        let mut arns = vec![];
        for status in ["RUNNING", "STOPPED"] {
            let request = ecs.list_tasks().cluster("jobs-cluster").desired_status(status.into());
            arns.extend(request.send().await.unwrap().task_arns().to_vec());
        }
        if arns.is_empty() {
            return vec![];
        }
        let request = ecs.describe_tasks().cluster("jobs-cluster").set_tasks(Some(arns));
        request.send().await.unwrap().tasks().to_vec()
    })
}

fn calls(world: &World, operation: &str) -> Vec<Value> {
    world.calls().into_iter().filter(|call| call["operation"] == operation).collect()
}

#[test]
fn a_run_shows_its_log_on_standard_output_and_exits_with_zero() {
    let world = world();
    script(&world, &json!({"outcome": "healthy", "log": ["first", "second\twith tab", "third"]}));
    let run = world.run(&["run-task"]).expect(0);
    assert_eq!(run.stdout, "first\nsecond    with tab\nthird\n");
    assert!(run.stderr.contains("started 1 task of migrate:1 as "), "{}", run.stderr);
    assert!(run.stderr.contains(" exited with 0"), "{}", run.stderr);
    let [call] = &calls(&world, "RunTask")[..] else { panic!() };
    let sent = &call["parameters"];
    assert_eq!(sent["launchType"], "FARGATE");
    assert_eq!(sent["propagateTags"], "TASK_DEFINITION");
    let network = &sent["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(network["subnets"].as_array().unwrap().len(), 2, "{network}");
    assert_eq!(network["assignPublicIp"], "DISABLED");
    assert!(sent["overrides"].is_null(), "{sent}");
    let [task] = &tasks(&world)[..] else { panic!() };
    assert!(task.started_by().unwrap().starts_with("fargate-stack/"));
}

#[test]
fn the_exit_code_is_the_programs() {
    for (outcome, code) in
        [(json!({"outcome": "crash"}), 1), (json!({"outcome": "crash", "exit_code": 42}), 42)]
    {
        let world = world();
        script(&world, &outcome);
        let run = world.run(&["run-task", "migrate"]).expect(code);
        assert!(run.stderr.contains(&format!("exited with {code}")), "{}", run.stderr);
    }
}

#[test]
fn a_program_killed_for_its_memory_exits_with_137_and_says_so() {
    let world = world();
    script(&world, &json!({"outcome": "oom", "log": ["allocating"]}));
    let run = world.run(&["run-task", "migrate"]).expect(137);
    assert_eq!(run.stdout, "allocating\n");
    assert!(run.stderr.contains("exited with 137; migrate: OutOfMemoryError"), "{}", run.stderr);
}

#[test]
fn a_task_that_cannot_start_exits_with_125_and_ecss_words() {
    let world = world();
    script(&world, &json!({"outcome": "pull_error"}));
    let run = world.run(&["run-task", "migrate"]).expect(125);
    assert!(run.stderr.contains("error: the task `migrate` did not start"), "{}", run.stderr);
    assert!(run.stderr.contains("CannotPullContainerError"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[test]
fn a_lack_of_capacity_starts_nothing_and_exits_with_125() {
    let world = world();
    script(&world, &json!({"outcome": "capacity"}));
    let run = world.run(&["run-task", "migrate"]).expect(125);
    assert!(run.stderr.contains("Capacity is unavailable"), "{}", run.stderr);
    assert!(tasks(&world).is_empty());
}

#[test]
fn a_start_whose_answer_is_lost_is_one_task() {
    let world = world();
    let fault =
        json!({"account": world.account, "service": "ecs", "operation": "RunTask", "kind": "timeout_after"});
    world.control("POST", "faults", &fault);
    let run = world.run(&["run-task", "migrate"]).expect(0);
    assert!(calls(&world, "RunTask").len() > 1, "the fault was not met");
    assert_eq!(tasks(&world).len(), 1, "{}", run.stderr);
}

#[test]
fn a_step_of_a_workflow_that_is_repeated_finds_its_first_run() {
    let world = world();
    script(&world, &json!({"outcome": "crash", "exit_code": 3, "log": ["only once"]}));
    let step = |options: &[&str]| {
        let words: Vec<&str> = ["run-task", "migrate"].iter().chain(options).copied().collect();
        let mut command = world.command(&words);
        command.env("CI", "true").env("GITHUB_RUN_ID", "42").env("GITHUB_RUN_ATTEMPT", "1");
        World::output(&mut command)
    };
    step(&[]).expect(3);
    let again = step(&[]).expect(3);
    assert_eq!(again.stdout, "only once\n");
    assert!(again.stderr.contains("started before by a call with the same client token"), "{}", again.stderr);
    let all = tasks(&world);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].started_by(), Some("github-run/42"));
    step(&["--env", "A=b"]).expect(0);
    assert_eq!(tasks(&world).len(), 2, "another run has another token");
}

#[test]
fn a_token_that_was_used_for_something_else_names_the_tasks_of_that() {
    let world = world();
    world.run(&["run-task", "migrate", "--client-token", "mine", "--no-wait"]).expect(0);
    let run =
        world.run(&["run-task", "migrate", "--client-token", "mine", "--cpu", "512", "--memory", "1024"]);
    let run = run.expect(125);
    assert!(
        run.stderr.contains("the client token `mine` was used for a run with other options"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains(tasks(&world)[0].task_arn().unwrap()), "{}", run.stderr);
}

#[test]
fn overrides_reach_the_run_and_values_are_never_shown() {
    let world = world();
    let words = [
        "run-task",
        "migrate",
        "--command",
        r#"["./migrate", "--all"]"#,
        "--env",
        "TOKEN=hunter2=x",
        "--cpu",
        "512",
        "--memory",
        "1024",
        "--log-level",
        "trace",
    ];
    let run = world.run(&words).expect(0);
    assert!(!format!("{}{}", run.stdout, run.stderr).contains("hunter2"), "{}\n{}", run.stdout, run.stderr);
    let all = tasks(&world);
    let overrides = all[0].overrides().unwrap();
    assert_eq!((overrides.cpu(), overrides.memory()), (Some("512"), Some("1024")));
    let container = &overrides.container_overrides()[0];
    assert_eq!(container.name(), Some("migrate"));
    assert_eq!(container.command(), ["./migrate", "--all"]);
    assert_eq!(container.environment()[0].value(), Some("hunter2=x"));
}

#[test]
fn a_wrong_command_line_ends_before_any_call() {
    let world = World::with(JOB);
    for (words, complaint) in [
        (&["run-task", "migrat"][..], "did you mean `migrate`?"),
        (&["run-task", "--cpu", "512"], "Fargate has no 512 CPU units with `512` MiB"),
        (&["run-task", "--env", "NOVALUE"], "the 1st `--env` is not `NAME=VALUE`"),
        (&["run-task", "--command", "[1]"], "`--command` is not a JSON list of strings"),
        (&["run-task", "--count", "11"], "11 is not in 1..=10"),
    ] {
        let run = world.run(words).expect(2);
        assert!(run.stderr.contains(complaint), "{words:?}: {}", run.stderr);
    }
    assert_eq!(world.calls(), Vec::<Value>::new());
}

#[test]
fn a_stack_that_is_not_applied_is_to_be_applied_first() {
    let world = World::with(JOB);
    let run = world.run(&["run-task"]).expect(125);
    assert!(run.stderr.contains("the stack `jobs` is not applied"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: `fargate-stack apply`"), "{}", run.stderr);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn a_revision_with_another_image_is_refused_unless_forced() {
    let world = world();
    let held = push(&world, "helloworld", "v1");
    world.run(&["apply", "--yes", "--image-tag", "v1"]).expect(0);
    let wanted = push(&world, "helloworld", "v2");
    world.run(&["run-task", "--image-tag", "v1", "--no-wait"]).expect(0);
    let run = world.run(&["run-task", "--image-tag", "v2"]).expect(3);
    assert!(run.stderr.contains(&held) && run.stderr.contains(&wanted), "{}", run.stderr);
    assert!(run.stderr.contains("hint: `--force` runs the image that the revision holds"), "{}", run.stderr);
    assert_eq!(calls(&world, "RunTask").len(), 1);
    world.run(&["run-task", "--image-tag", "v2", "--force", "--no-wait"]).expect(0);
    let run = world.run(&["run-task", "--image-tag", "absent"]).expect(3);
    assert!(
        run.stderr.contains("there is no image of `helloworld:latest` tagged `absent`"),
        "{}",
        run.stderr
    );
    // A stack file that names another tag means another image, too.
    world.write("fargate-stack.yml", &JOB.replace("helloworld:latest", "helloworld:v2"));
    world.run(&["run-task"]).expect(3);
}

#[test]
fn without_waiting_the_arns_are_the_document() {
    let world = world();
    let run = world.run(&["run-task", "--no-wait", "--count", "2"]).expect(0);
    let mut arns: Vec<String> =
        tasks(&world).iter().map(|task| task.task_arn().unwrap().to_owned()).collect();
    let mut shown: Vec<String> = run.stdout.lines().map(str::to_owned).collect();
    arns.sort();
    shown.sort();
    assert_eq!(shown, arns);
    let document = world.run(&["run-task", "--no-wait", "--format", "json"]).expect(0).json();
    assert_eq!(document["outcome"], "started");
    assert_eq!(document["exit_code"], Value::Null);
}

#[test]
fn several_runs_have_a_prefix_and_end_with_the_highest_code() {
    let world = world();
    script(&world, &json!({"outcome": "crash", "exit_code": 7, "log": ["hello"]}));
    let run = world.run(&["run-task", "--count", "3"]).expect(7);
    assert_eq!(run.stdout.lines().count(), 3, "{}", run.stdout);
    for task in tasks(&world) {
        let id = task.task_arn().unwrap().rsplit('/').next().unwrap();
        assert!(run.stdout.contains(&format!("{} migrate | hello\n", &id[..8])), "{}", run.stdout);
    }
}

#[test]
fn the_json_document_tells_how_it_ended_and_the_log_goes_to_standard_error() {
    let world = world();
    script(&world, &json!({"outcome": "crash", "exit_code": 2, "log": ["one line"]}));
    let run = world.run(&["run-task", "--format", "json"]).expect(2);
    let document = run.json();
    assert_eq!(document["outcome"], "failed");
    assert_eq!(document["exit_code"], 2);
    assert_eq!(document["revision"], "migrate:1");
    assert_eq!(document["tasks"][0]["stop_code"], "EssentialContainerExited");
    assert_eq!(document["tasks"][0]["containers"], json!([{"name": "migrate", "exit_code": 2}]));
    assert!(run.stderr.contains("one line"), "{}", run.stderr);
    script(&world, &json!({"outcome": "init_error"}));
    let document = world.run(&["run-task", "--format", "json"]).expect(125).json();
    assert_eq!(document["outcome"], "not-started");
    assert!(document["cause"]["class"].is_string(), "{document:#}");
}

#[test]
fn a_hostile_log_gives_no_commands_to_the_runner_or_the_terminal() {
    let world = world();
    let log = ["::error::pwned", "\u{1b}[2J\u{1b}[31mred", "a\rb", "##[group]x", "\u{202e}reversed"];
    script(&world, &json!({"outcome": "healthy", "log": log}));
    let mut command = world.command(&["run-task"]);
    let run = World::output(command.env("GITHUB_ACTIONS", "true").env("CI", "true")).expect(0);
    assert!(!run.stdout.contains('\u{1b}') && !run.stdout.contains('\r') && !run.stdout.contains('\u{202e}'));
    assert!(run.stdout.lines().all(|line| !line.trim_start().starts_with("::")), "{}", run.stdout);
    assert!(!run.stdout.contains("##["), "{}", run.stdout);
    assert!(run.stdout.contains("red") && run.stdout.contains("pwned"), "{}", run.stdout);
}

/// Everything in the log group, in order.
fn logged(world: &World) -> Vec<String> {
    block(async {
        let logs = aws_sdk_cloudwatchlogs::Client::new(&sdk(world));
        let events = logs.filter_log_events().log_group_name("/ecs/jobs").send().await.unwrap();
        events.events().iter().map(|event| event.message().unwrap().to_owned()).collect()
    })
}

/// Starts it, waits until it runs, sends it a signal.
fn interrupted(world: &World, options: &[&str], signal: &str) -> Run {
    // Five lines a second, for two minutes.
    let log: Vec<String> = (1..=600).map(|number| format!("line {number}")).collect();
    script(world, &json!({"outcome": "healthy", "run_s": 120, "log": log}));
    let words: Vec<&str> = ["run-task", "migrate"].iter().chain(options).copied().collect();
    let child = world.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while !tasks(world).iter().any(|task| task.last_status() == Some("RUNNING")) {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(1500));
    let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_signal_stops_the_task_and_its_log_is_complete() {
    for signal in ["-INT", "-TERM"] {
        let world = world();
        let run = interrupted(&world, &[], signal).expect(130);
        let lines = logged(&world);
        assert!((3..100).contains(&lines.len()), "{lines:?}");
        assert_eq!(run.stdout.lines().collect::<Vec<_>>(), lines);
        let [task] = &tasks(&world)[..] else { panic!() };
        assert_eq!(task.last_status(), Some("STOPPED"));
        assert_eq!(task.stopped_reason(), Some("fargate-stack run-task was interrupted"));
    }
}

#[test]
fn a_signal_leaves_a_task_that_is_to_keep_running() {
    let world = world();
    let run = interrupted(&world, &["--keep-running"], "-INT").expect(130);
    assert_eq!(calls(&world, "StopTask"), Vec::<Value>::new());
    assert!(run.stderr.contains("`fargate-stack stop-task "), "{}", run.stderr);
    assert_eq!(tasks(&world)[0].last_status(), Some("RUNNING"));
}

#[test]
fn a_run_that_takes_too_long_is_stopped_and_exits_with_124() {
    let world = world();
    script(&world, &json!({"outcome": "healthy", "run_s": 600}));
    let run = world.run(&["run-task", "--timeout", "2s"]).expect(124);
    assert!(run.stderr.contains("the task `migrate` did not end in time"), "{}", run.stderr);
    assert_eq!(tasks(&world)[0].last_status(), Some("STOPPED"));
}

#[test]
fn a_subnet_must_be_one_of_the_vpc_and_a_public_one_brings_an_address() {
    let world = world();
    let seed =
        world.control("GET", &format!("seed?account={}&region=us-east-1", world.account), &Value::Null);
    let public = seed["public_subnets"][0].as_str().unwrap().to_owned();
    let run = world.run(&["run-task", "--no-wait", "--subnet-id", "subnet-0123"]).expect(2);
    assert!(
        run.stderr.contains("has no subnet `subnet-0123`") && run.stderr.contains(&public),
        "{}",
        run.stderr
    );
    let run = world.run(&["run-task", "--no-wait", "--subnet-id", &public]).expect(0);
    assert!(run.stderr.contains("is public"), "{}", run.stderr);
    let sent = &calls(&world, "RunTask")[0]["parameters"]["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(sent["subnets"], json!([public]));
    assert_eq!(sent["assignPublicIp"], "ENABLED");
}

#[test]
fn a_missing_permission_is_named_and_a_lost_log_does_not_end_the_run() {
    let world = world();
    let deny = |operation: &str, service: &str| {
        let fault = json!({"account": world.account, "service": service, "operation": operation, "kind": "access_denied", "count": 1000});
        world.control("POST", "faults", &fault);
    };
    deny("GetLogEvents", "logs");
    script(&world, &json!({"outcome": "crash", "exit_code": 9}));
    let run = world.run(&["run-task"]).expect(9);
    assert!(run.stderr.contains("the logs cannot be shown: logs:GetLogEvents refused"), "{}", run.stderr);
    deny("RunTask", "ecs");
    let run = world.run(&["run-task"]).expect(125);
    assert!(
        run.stderr.contains("the credentials in use lack the permission `ecs:RunTask`"),
        "{}",
        run.stderr
    );
}
