//! `logs`: what a task wrote, from when to when, and on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::account::{block, sdk};
use super::harness::World;

const STACK: &str = "
app:
  name: jobs
tasks:
  migrate:
    image: helloworld:latest
";

/// An applied stack whose task ran once and wrote these lines.
fn ran(log: &[&str]) -> World {
    let world = World::with(STACK);
    world.run(&["apply", "--yes"]).expect(0);
    let script = json!({"account": world.account, "task": "migrate", "outcome": "healthy", "log": log});
    world.control("POST", "rollouts", &script);
    world.run(&["run-task"]).expect(0);
    world
}

fn id(world: &World) -> String {
    block(async {
        let ecs = aws_sdk_ecs::Client::new(&sdk(world));
        let request = ecs.list_tasks().cluster("jobs-cluster").desired_status("STOPPED".into());
        let arns = request.send().await.unwrap().task_arns().to_vec();
        arns[0].rsplit('/').next().unwrap().to_owned()
    })
}

/// Writes events of another task: minutes ago and text.
fn write(world: &World, task: &str, events: &[(i64, &str)]) {
    block(async {
        let logs = aws_sdk_cloudwatchlogs::Client::new(&sdk(world));
        let stream = format!("jobs/migrate/{task}");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let now = i64::try_from(now).unwrap();
        let _ = logs.create_log_stream().log_group_name("/ecs/jobs").log_stream_name(&stream).send().await;
        let mut request = logs.put_log_events().log_group_name("/ecs/jobs").log_stream_name(&stream);
        for (minutes, text) in events {
            let event = aws_sdk_cloudwatchlogs::types::InputLogEvent::builder();
            request =
                request.log_events(event.timestamp(now - minutes * 60_000).message(*text).build().unwrap());
        }
        request.send().await.unwrap();
    });
}

#[test]
fn everything_is_shown_with_local_times() {
    let world = ran(&["first", "second"]);
    let run = world.run(&["logs", "--no-time"]).expect(0);
    assert_eq!(run.stdout, "first\nsecond\n");
    let hour = |zone: &str| {
        let run = World::output(world.command(&["logs", "migrate"]).env("TZ", zone)).expect(0);
        let line = run.stdout.lines().next().unwrap().to_owned();
        assert!(line.ends_with(" first") && line.len() == "2026-05-31 14:30:00 first".len(), "{line}");
        line[11..13].parse::<i32>().unwrap()
    };
    assert_eq!((hour("Asia/Tokyo") - hour("UTC")).rem_euclid(24), 9);
}

#[test]
fn start_and_end_bound_what_is_shown_and_several_tasks_are_told_apart() {
    let world = ran(&["now"]);
    write(&world, "aaaaaaaabbbb", &[(180, "three hours ago"), (90, "half past one"), (30, "lately")]);
    let shown = |words: &[&str]| {
        let words: Vec<&str> = ["logs"].iter().chain(words).chain(&["--no-time"]).copied().collect();
        world.run(&words).expect(0).stdout
    };
    assert_eq!(shown(&["2h", "1h"]), "half past one\n");
    assert_eq!(shown(&["migrate", "1D", "1H"]), "three hours ago\nhalf past one\n");
    let short = &id(&world)[..8];
    assert_eq!(
        shown(&["45m"]),
        format!("aaaaaaaa | lately\n{short} | now\n"),
        "a task is named as soon as there are two"
    );
    assert_eq!(shown(&["--filter", "\"half past\""]), "half past one\n");
    let none = world.run(&["logs", "--filter", "absent"]).expect(0);
    assert_eq!((none.stdout.as_str(), none.stderr.trim_end()), ("", "`migrate` logged nothing"));
    let mut command = world.command(&["logs", "--no-time"]);
    let in_ci = World::output(command.env("CI", "true")).expect(0);
    assert_eq!(in_ci.stdout.lines().count(), 2, "the last hour: {}", in_ci.stdout);
    assert!(in_ci.stderr.contains("the last hour"), "{}", in_ci.stderr);
}

#[test]
fn wrong_words_are_told_before_any_call() {
    let world = World::with(STACK);
    for (words, complaint) in [
        (&["logs", "migrat"][..], "did you mean `migrate`?"),
        (&["logs", "migrate", "yesterday"], "`yesterday` is not a time"),
        (&["logs", "0h"], "`0h` is no time back"),
        (&["logs", "2999-01-01"], "`2999-01-01` is in the future"),
        (&["logs", "1h", "2999-01-01"], "`2999-01-01` is in the future"),
        (&["logs", "1h", "2h"], "`1h` is later than `2h`"),
        (&["logs", "1h", "30m", "20m"], "`20m` is one word too many"),
        (&["logs", "--container", "proxy"], "has no container `proxy`"),
        (&["logs", "2h", "1h", "--follow"], "`--follow` shows what is yet to come"),
    ] {
        let run = world.run(words).expect(2);
        assert!(run.stderr.contains(complaint), "{words:?}: {}", run.stderr);
    }
    assert_eq!(world.calls(), Vec::<Value>::new());
    let run = world.run(&["logs"]).expect(1);
    assert!(run.stderr.contains("there is no log group `/ecs/jobs`"), "{}", run.stderr);
}

#[test]
fn a_filter_that_cloudwatch_refuses_is_shown() {
    let world = ran(&["x"]);
    let run = world.run(&["logs", "--filter", "a:b"]).expect(2);
    assert!(run.stderr.contains("does not take the filter `a:b`"), "{}", run.stderr);
}

#[test]
fn a_followed_run_is_shown_to_its_end_and_every_line_once() {
    let world = World::with(STACK);
    world.run(&["apply", "--yes"]).expect(0);
    let lines: Vec<String> = (1..=20).map(|number| format!("line {number}")).collect();
    let script =
        json!({"account": world.account, "task": "migrate", "outcome": "healthy", "run_s": 4, "log": lines});
    world.control("POST", "rollouts", &script);
    world.run(&["run-task", "--no-wait"]).expect(0);
    let begun = Instant::now();
    let run = world.run(&["logs", "--follow", "--poll", "1", "--no-time"]).expect(0);
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), lines);
    assert!(run.stderr.contains("nothing of it runs: no more will come"), "{}", run.stderr);
}

#[test]
fn json_is_one_document_a_line_and_hostile_lines_are_harmless() {
    let hostile = ["::error::pwned", "\u{1b}[31mred\u{1b}[0m", "##[error]x"];
    let world = ran(&hostile);
    let mut command = world.command(&["logs", "--no-time"]);
    let text = World::output(command.env("GITHUB_ACTIONS", "true")).expect(0).stdout;
    assert!(!text.contains('\u{1b}') && !text.contains("##["), "{text}");
    assert!(text.lines().all(|line| !line.starts_with("::")), "{text}");
    let run = world.run(&["logs", "--format", "json"]).expect(0);
    let events: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages: Vec<&str> = events.iter().map(|event| event["message"].as_str().unwrap()).collect();
    assert_eq!(messages, hostile);
    assert_eq!(events[0]["container"], "migrate");
    assert_eq!(events[0]["task"], json!(id(&world)));
    assert!(events[0]["time"].as_str().unwrap().ends_with('Z'));
}
