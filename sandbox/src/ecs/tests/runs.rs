use serde_json::{Value, json};

use super::super::script::Script;
use super::{Bench, container, definition, network, with};

/// A call that runs one task.
fn run() -> Value {
    json!({
        "cluster": "app",
        "taskDefinition": "web",
        "launchType": "FARGATE",
        "networkConfiguration": network(&["subnet-a", "subnet-b"]),
    })
}

/// The one task that a call starts.
fn start(bench: &mut Bench, input: Value) -> Value {
    let answer = bench.ok("RunTask", input);
    assert_eq!((answer["failures"].clone(), answer["tasks"].as_array().unwrap().len()), (json!([]), 1));
    answer["tasks"][0].clone()
}

fn look(bench: &mut Bench, task: &Value) -> Value {
    let input = json!({ "cluster": "app", "tasks": [task["taskArn"]], "include": ["TAGS"] });
    bench.ok("DescribeTasks", input)["tasks"][0].clone()
}

fn script(bench: &mut Bench, given: Value) {
    let script: Script = serde_json::from_value(given).unwrap();
    assert_eq!(script.fault(), None);
    bench.ecs.add_script(script);
}

#[test]
fn a_run_does_its_work_and_exits_with_zero() {
    let mut bench = Bench::ready();
    let task = start(&mut bench, with(run(), json!({ "startedBy": "ci/7" })));
    assert_eq!((&task["lastStatus"], &task["group"]), (&json!("PROVISIONING"), &json!("family:web")));
    assert_eq!((&task["startedBy"], &task["launchType"]), (&json!("ci/7"), &json!("FARGATE")));
    assert_eq!(task["platformVersion"], "1.4.0");
    bench.after(0.4);
    assert_eq!(look(&mut bench, &task)["lastStatus"], "RUNNING");
    bench.after(0.6);
    let ended = look(&mut bench, &task);
    assert_eq!(
        (&ended["lastStatus"], &ended["stopCode"]),
        (&json!("STOPPED"), &json!("EssentialContainerExited"))
    );
    assert_eq!(ended["containers"][0]["exitCode"], 0);
}

#[test]
fn a_script_decides_how_a_run_ends_and_once_unless_it_counts() {
    let mut bench = Bench::ready();
    script(&mut bench, json!({ "task": "web", "outcome": "healthy", "exit_code": 7 }));
    let (scripted, plain) = (start(&mut bench, run()), start(&mut bench, run()));
    bench.after(2.0);
    assert_eq!(look(&mut bench, &scripted)["containers"][0]["exitCode"], 7);
    assert_eq!(look(&mut bench, &plain)["containers"][0]["exitCode"], 0);
}

#[test]
fn a_run_without_capacity_is_a_failure_for_each_task() {
    let mut bench = Bench::ready();
    script(&mut bench, json!({ "task": "web", "outcome": "capacity", "reason": "RESOURCE:FARGATE" }));
    let answer = bench.ok("RunTask", with(run(), json!({ "count": 2 })));
    let failure = json!({ "reason": "RESOURCE:FARGATE" });
    assert_eq!(answer, json!({ "tasks": [], "failures": [failure, failure] }));
}

#[test]
fn the_same_token_with_the_same_call_finds_the_same_tasks() {
    let mut bench = Bench::ready();
    let call = with(run(), json!({ "count": 2, "clientToken": "run-1" }));
    let arns = |answer: &Value| -> Vec<Value> {
        answer["tasks"].as_array().unwrap().iter().map(|task| task["taskArn"].clone()).collect()
    };
    let first = arns(&bench.ok("RunTask", call.clone()));
    bench.after(5.0);
    assert_eq!(arns(&bench.ok("RunTask", call.clone())), first);
    let error = bench.call("RunTask", &with(call.clone(), json!({ "count": 1 }))).unwrap_err();
    assert_eq!((error.code.as_str(), &error.extra["resourceIds"]), ("ConflictException", &json!(first)));
    bench.after(4000.0);
    assert_ne!(arns(&bench.ok("RunTask", call)), first, "a token is forgotten with its tasks");
}

#[test]
fn overrides_are_shown_and_keep_to_the_definition() {
    let mut bench = Bench::ready();
    let over =
        json!({ "name": "web", "command": ["migrate"], "environment": [{ "name": "A", "value": "1" }] });
    let overrides = json!({ "containerOverrides": [over], "cpu": "512", "memory": "1024" });
    let task = start(&mut bench, with(run(), json!({ "overrides": overrides })));
    assert_eq!(task["overrides"]["containerOverrides"], json!([over]));
    assert_eq!((&task["cpu"], &task["memory"]), (&json!("512"), &json!("1024")));
    let plain = start(&mut bench, run());
    assert_eq!(plain["overrides"]["containerOverrides"], json!([{ "name": "web" }]));

    let mut refuses = |overrides: Value, message: &str| {
        let input = with(run(), json!({ "overrides": overrides }));
        bench.refuses("RunTask", input, "InvalidParameterException", message);
    };
    let of = |one: Value| json!({ "containerOverrides": [one] });
    refuses(
        of(json!({ "name": "db" })),
        "Override for container named db is not a container in the TaskDefinition.",
    );
    refuses(json!({ "cpu": "512" }), "No Fargate configuration exists for given values: 512 CPU, 512 memory");
    refuses(of(json!({ "name": "web", "command": ["x".repeat(8200)] })), "length must be at most 8192");
}

#[test]
fn a_call_that_cannot_be_met_starts_nothing() {
    let mut bench = Bench::ready();
    for (change, message) in [
        (json!({ "count": 11 }), "count must be between 1 and 10."),
        (json!({ "count": 0 }), "count must be between 1 and 10."),
        (json!({ "networkConfiguration": null }), "Network Configuration must be provided"),
        (json!({ "propagateTags": "SERVICE" }), "propagateTags"),
        (json!({ "startedBy": "x".repeat(129) }), "startedBy"),
        (json!({ "startedBy": "a b" }), "startedBy"),
        (json!({ "clientToken": "x".repeat(65) }), "Invalid client token"),
        (json!({ "launchType": null }), "No Container Instances were found in your cluster."),
        (json!({ "enableExecuteCommand": true }), "taskRoleArn"),
        (json!({ "networkConfiguration": network(&["subnet-z"]) }), "subnet-z"),
    ] {
        bench.refuses("RunTask", with(run(), change), "InvalidParameterException", message);
    }
    bench.refuses("RunTask", with(run(), json!({ "taskDefinition": "no" })), "ClientException", "not found");
    bench.refuses("RunTask", with(run(), json!({ "cluster": "no" })), "ClusterNotFoundException", "");
    let listed = bench.ok("ListTasks", json!({ "cluster": "app" }));
    assert_eq!(listed["taskArns"], json!([]));
}

#[test]
fn tags_come_from_the_call_the_definition_and_ecs() {
    let mut bench = Bench::empty();
    bench.ok("CreateCluster", json!({ "clusterName": "app" }));
    let tag = |key: &str, value: &str| json!({ "key": key, "value": value });
    bench.ok("RegisterTaskDefinition", with(definition(), json!({ "tags": [tag("a", "1"), tag("b", "1")] })));
    let more = json!({
        "tags": [tag("b", "2")], "propagateTags": "TASK_DEFINITION", "enableECSManagedTags": true,
    });
    let task = start(&mut bench, with(run(), more));
    assert_eq!(task["tags"], json!([tag("a", "1"), tag("aws:ecs:clusterName", "app"), tag("b", "2")]));
    assert_eq!(start(&mut bench, run())["tags"], json!([]));
}

#[test]
fn a_stopped_run_ends_on_its_signal_or_is_killed_after_its_patience() {
    let mut bench = Bench::empty();
    bench.ok("CreateCluster", json!({ "clusterName": "app" }));
    let patient = with(container(), json!({ "stopTimeout": 2 }));
    bench.ok("RegisterTaskDefinition", with(definition(), json!({ "containerDefinitions": [patient] })));
    for (stop_s, code, gone_after) in [(1.0, 143, 1.0), (60.0, 137, 2.0)] {
        let slow = json!({ "task": "web", "outcome": "healthy", "run_s": 600.0, "stop_s": stop_s });
        script(&mut bench, slow);
        let task = start(&mut bench, run());
        bench.after(1.0);
        bench.ok("StopTask", json!({ "cluster": "app", "task": task["taskArn"], "reason": "not needed" }));
        bench.after(gone_after - 0.1);
        assert_ne!(look(&mut bench, &task)["lastStatus"], "STOPPED");
        bench.after(0.1);
        let gone = look(&mut bench, &task);
        assert_eq!(
            (&gone["lastStatus"], &gone["containers"][0]["exitCode"]),
            (&json!("STOPPED"), &json!(code))
        );
        assert_eq!(
            (&gone["stopCode"], &gone["stoppedReason"]),
            (&json!("UserInitiated"), &json!("not needed"))
        );
    }
}

#[test]
fn a_run_holds_its_security_groups_until_it_has_stopped() {
    let mut bench = Bench::ready();
    start(&mut bench, run());
    assert_eq!(bench.ecs.groups_of_runs(bench.now), ["sg-1".to_owned()].into());
    assert_eq!(bench.ecs.groups_of_runs(bench.now + 5.0), [].into());
}

#[test]
fn a_run_that_is_stopped_before_it_started_has_no_exit_code() {
    let mut bench = Bench::ready();
    script(&mut bench, json!({ "task": "web", "outcome": "stuck_pending" }));
    let task = start(&mut bench, run());
    bench.after(1.0);
    bench.ok("StopTask", json!({ "cluster": "app", "task": task["taskArn"] }));
    bench.after(5.0);
    let gone = look(&mut bench, &task);
    assert_eq!((&gone["lastStatus"], gone["containers"][0].get("exitCode")), (&json!("STOPPED"), None));
}

/// A definition whose container writes to CloudWatch Logs.
fn writing() -> Value {
    let options = json!({
        "awslogs-group": "/ecs/app", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "app",
    });
    let log = json!({ "logConfiguration": { "logDriver": "awslogs", "options": options } });
    with(definition(), json!({ "containerDefinitions": [with(container(), log)] }))
}

#[test]
fn lines_fall_due_in_their_time_and_once() {
    let mut bench = Bench::ready();
    bench.ok("RegisterTaskDefinition", writing());
    let log = ["one", "two", "three"];
    script(&mut bench, json!({ "task": "web", "outcome": "healthy", "run_s": 4.0, "log": log }));
    let task = start(&mut bench, run());
    assert_eq!(bench.ecs.due_logs(bench.now), [], "nothing is there before the container starts");
    let id = task["taskArn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let mut seen = Vec::new();
    for _ in 0..6 {
        bench.after(1.0);
        for batch in bench.ecs.due_logs(bench.now) {
            assert_eq!((batch.group.as_str(), batch.stream), ("/ecs/app", format!("app/web/{id}")));
            seen.push(batch.lines.into_iter().map(|(_, text)| text).collect::<Vec<_>>());
        }
    }
    assert_eq!(seen, [vec![], vec!["one".to_owned()], vec!["two".into()], vec!["three".into()]]);
}

#[test]
fn a_stopped_container_writes_nothing_more() {
    let mut bench = Bench::ready();
    bench.ok("RegisterTaskDefinition", writing());
    script(&mut bench, json!({ "task": "web", "outcome": "healthy", "run_s": 4.0, "log": ["one", "two"] }));
    let task = start(&mut bench, run());
    bench.after(2.0);
    bench.ok("StopTask", json!({ "cluster": "app", "task": task["taskArn"] }));
    bench.after(60.0);
    let lines: Vec<String> =
        bench.ecs.due_logs(bench.now).into_iter().flat_map(|one| one.lines).map(|(_, text)| text).collect();
    assert_eq!(lines, ["one"]);
}

#[test]
fn a_session_needs_a_running_task_that_allows_it() {
    let mut bench = Bench::ready();
    let role = json!({ "taskRoleArn": "arn:aws:iam::123456789012:role/task" });
    bench.ok("RegisterTaskDefinition", with(definition(), role));
    let (open, closed) = (json!({ "enableExecuteCommand": true }), json!({}));
    let (open, closed) = (start(&mut bench, with(run(), open)), start(&mut bench, with(run(), closed)));
    let exec = |task: &Value| json!({ "cluster": "app", "task": task["taskArn"], "command": "/bin/sh", "interactive": true });
    bench.refuses("ExecuteCommand", exec(&open), "InvalidParameterException", "not in the RUNNING state");
    bench.after(0.5);
    let session = bench.ok("ExecuteCommand", exec(&open));
    assert_eq!((&session["containerName"], &session["taskArn"]), (&json!("web"), &open["taskArn"]));
    assert!(session["session"]["streamUrl"].as_str().unwrap().starts_with("wss://ssmmessages.eu-west-1."));
    assert!(!session["session"]["tokenValue"].as_str().unwrap().is_empty());
    bench.refuses(
        "ExecuteCommand",
        exec(&closed),
        "InvalidParameterException",
        "execute command was not enabled",
    );
    let quiet = with(exec(&open), json!({ "interactive": false }));
    bench.refuses("ExecuteCommand", quiet, "InvalidParameterException", "Interactive is the only mode");
    let other = with(exec(&open), json!({ "container": "db" }));
    bench.refuses("ExecuteCommand", other, "InvalidParameterException", "container");
}
