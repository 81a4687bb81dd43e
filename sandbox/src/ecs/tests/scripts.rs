use serde_json::{Value, json};

use super::{Bench, definition, service, with};
use crate::ecs::Script;
use crate::ecs::course::Pace;
use crate::ecs::script::{Ground, Subject};

pub fn script(of: Value) -> Script {
    serde_json::from_value(of).unwrap()
}

fn fault(of: Value) -> String {
    match serde_json::from_value::<Script>(of) {
        Ok(script) => script.fault().expect("must be refused"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_script_that_cannot_be_meant_is_refused() {
    let both = json!({ "service": "web", "task": "web", "outcome": "crash" });
    assert!(fault(both).contains("exactly one of"));
    assert!(fault(json!({ "outcome": "crash" })).contains("exactly one of"));
    assert!(fault(json!({ "service": "web", "outcome": "explode" })).contains("unknown variant `explode`"));
    let typo = json!({ "service": "web", "outcome": "crash", "exitcode": 3 });
    assert!(fault(typo).contains("unknown field `exitcode`"));
    assert!(fault(json!({ "service": "web", "outcome": "crash", "after_s": -1 })).contains("`after_s`"));
    assert!(fault(json!({ "service": "web", "outcome": "crash", "count": 0 })).contains("`count`"));
    assert!(fault(json!({ "task": "web", "outcome": "superseded" })).contains("only possible"));
    let code = json!({ "service": "web", "outcome": "crash", "stop_code": "Crashed" });
    assert!(fault(code).contains("`Crashed` is no stop code"));
}

#[test]
fn the_first_script_that_fits_is_used_up_by_its_count() {
    let mut bench = Bench::empty();
    bench.ecs.add_script(script(json!({ "service": "web", "outcome": "crash", "count": 2 })));
    bench.ecs.add_script(script(json!({ "service": "web", "outcome": "oom" })));
    bench.ecs.add_script(script(json!({ "task": "web", "outcome": "pull_error" })));
    let mut next = |subject| bench.ecs.take_script(subject).map(|one| format!("{:?}", one.outcome));
    assert_eq!(next(Subject::Service("api")), None);
    assert_eq!(next(Subject::Service("shop-web")).as_deref(), Some("Crash"), "the key in a stack");
    assert_eq!(next(Subject::Service("web")).as_deref(), Some("Crash"));
    assert_eq!(next(Subject::Service("web")).as_deref(), Some("Oom"));
    assert_eq!(next(Subject::Service("web")), None);
    assert_eq!(next(Subject::Task("web")).as_deref(), Some("PullError"));
}

#[test]
fn a_run_exits_by_itself_and_says_its_lines_in_between() {
    let containers = [json!({ "name": "side", "essential": false }), json!({ "name": "main" })];
    let on = Ground { containers: &containers, group: None, pace: Pace::default() };
    let given = json!({ "task": "t", "outcome": "healthy", "exit_code": 3, "run_s": 1.0, "log": ["a", "b"] });
    let course = script(given).run(&on);
    let end = course.end.unwrap();
    assert_eq!((end.containers["main"].code, end.containers["side"].code), (Some(3), Some(0)));
    let running = course.running_s.unwrap();
    assert!((end.at_s - running - 1.0).abs() < 1e-9);
    let said: Vec<(&str, &str)> =
        course.log.iter().map(|line| (line.container.as_str(), line.text.as_str())).collect();
    assert_eq!(said, [("main", "a"), ("main", "b")]);
    assert!(course.log.iter().all(|line| line.offset_s > running && line.offset_s < end.at_s));
}

#[test]
fn a_failed_task_can_be_described_with_code_reason_and_containers() {
    let mut bench = Bench::ready();
    let side = json!({ "name": "side", "image": "busybox:1", "essential": false });
    let main = definition()["containerDefinitions"][0].clone();
    bench.ok("RegisterTaskDefinition", with(definition(), json!({ "containerDefinitions": [side, main] })));
    let given = json!({ "service": "web", "outcome": "oom", "after_s": 0.2 });
    bench.ecs.add_script(script(given));
    bench.ok("CreateService", with(service(), json!({ "desiredCount": 1 })));
    bench.after(0.5);
    let id = bench.service()["deployments"][0]["id"].clone();
    let task = bench.tasks("STOPPED")[0].clone();
    assert_eq!((&task["lastStatus"], &task["startedBy"]), (&json!("STOPPED"), &id));
    assert_eq!(task["stopCode"], "EssentialContainerExited");
    assert_eq!(task["stoppedReason"], "Essential container in task exited");
    let (side, web) = (&task["containers"][0], &task["containers"][1]);
    assert_eq!((&side["exitCode"], side.get("reason")), (&json!(143), None));
    assert_eq!(web["exitCode"], 137);
    assert_eq!(web["reason"], "OutOfMemoryError: Container killed due to memory usage");
}

#[test]
fn a_task_that_never_ran_has_no_exit_code_and_no_digest() {
    let mut bench = Bench::ready();
    bench
        .ecs
        .add_script(script(json!({ "service": "web", "outcome": "pull_error", "reason": "no such thing" })));
    bench.ok("CreateService", with(service(), json!({ "desiredCount": 1 })));
    bench.after(0.4);
    let task = bench.tasks("STOPPED")[0].clone();
    assert_eq!(
        (&task["stopCode"], &task["stoppedReason"]),
        (&json!("TaskFailedToStart"), &json!("no such thing"))
    );
    let web = &task["containers"][0];
    assert!(web.get("exitCode").is_none() && web.get("imageDigest").is_none());
    assert!(task.get("startedAt").is_none());
    assert_eq!(web["reason"], "no such thing");
}
