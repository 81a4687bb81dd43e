//! What the outcomes leave behind that are not a matter of the circuit breaker, and the calls about them.

use serde_json::{Value, json};

use super::scripts::script;
use super::verdicts::breaker;
use super::{Bench, GROUP, SLOW, service, with};

#[test]
fn a_sick_task_is_stopped_for_its_health_checks() {
    let mut bench = Bench::ready();
    let balancers = json!([{ "targetGroupArn": GROUP, "containerName": "web", "containerPort": 80 }]);
    let over = json!({ "loadBalancers": balancers, "desiredCount": 1, "deploymentConfiguration": breaker(json!({})) });
    bench.ecs.add_script(script(json!({ "service": "web", "outcome": "unhealthy" })));
    bench.ok("CreateService", with(service(), over));
    bench.after(10.0);
    let task = bench.tasks("STOPPED")[0].clone();
    assert_eq!(task["stopCode"], "ServiceSchedulerInitiated");
    assert_eq!(task["stoppedReason"], format!("Task failed ELB health checks in (target-group {GROUP})"));
    assert_eq!(bench.releases()[0]["status"], "ROLLBACK_FAILED");
    let events = bench.events();
    assert!(events.iter().any(|one| {
        one.starts_with(&format!("(service web) (port 80) is unhealthy in (target-group {GROUP}) due to"))
    }));
    let mut bench = Bench::watched(1, breaker(json!({})), json!({ "outcome": "unhealthy" }));
    assert_eq!(bench.release(10.0)["status"], "ROLLBACK_SUCCESSFUL");
    assert!(bench.events().iter().any(|one| one.ends_with(") failed container health checks.")));
}

#[test]
fn tasks_that_stay_pending_give_no_verdict() {
    let mut bench = Bench::watched(1, breaker(json!({})), json!({ "outcome": "stuck_pending" }));
    assert_eq!(bench.release(3600.0)["status"], "IN_PROGRESS");
    let seen = bench.service();
    assert_eq!((&seen["pendingCount"], &seen["runningCount"]), (&json!(1), &json!(1)));
    assert_eq!(bench.tasks("RUNNING")[1]["lastStatus"], "PENDING");
}

#[test]
fn somebody_else_can_take_over() {
    let mut bench = Bench::watched(1, breaker(json!({})), json!({ "outcome": "superseded", "after_s": 0.5 }));
    let own = bench.update(json!({ "forceNewDeployment": true }))["deployments"][0]["id"].clone();
    bench.after(1.0);
    let seen = bench.service();
    assert_eq!(seen["deployments"][1]["id"], own);
    assert!(seen["taskDefinition"].as_str().unwrap().ends_with("/web:2"));
    let other = bench.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web:2" }));
    assert!(other["taskDefinition"]["registeredBy"].as_str().unwrap().contains(":assumed-role/"));
    bench.after(10.0);
    let releases = bench.releases();
    let states: Vec<&str> = releases.iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]);
    assert_eq!(bench.service()["currentServiceDeployment"], releases[0]["serviceDeploymentArn"]);
}

#[test]
fn without_capacity_no_task_starts_and_the_event_says_so() {
    let given = json!({ "outcome": "capacity", "reason": "Full up." });
    let mut bench = Bench::watched(1, json!({}), given);
    bench.ecs.set_pace(SLOW);
    let before = bench.tasks("STOPPED").len() + bench.tasks("RUNNING").len();
    assert_eq!(bench.release(600.0)["status"], "IN_PROGRESS");
    assert_eq!(bench.tasks("STOPPED").len() + bench.tasks("RUNNING").len(), before);
    assert_eq!(bench.events()[0], "(service web) was unable to place a task. Reason: Full up.");
}

#[test]
fn an_alarm_counts_when_the_service_watches_it() {
    let config = |names: Value| {
        let alarms = json!({ "alarmNames": names, "enable": true, "rollback": true });
        with(breaker(json!({})), json!({ "alarms": alarms }))
    };
    let given = json!({ "outcome": "healthy", "alarms": ["5xx"], "after_s": 2 });
    let mut bench = Bench::watched(1, config(json!(["5xx", "latency"])), given.clone());
    let done = bench.release(20.0);
    assert_eq!(done["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        done["alarms"],
        json!({ "status": "TRIGGERED", "alarmNames": ["5xx", "latency"], "triggeredAlarmNames": ["5xx"] })
    );
    assert_eq!(done["deploymentCircuitBreaker"]["status"], "MONITORING_COMPLETE");
    assert!(bench.events().iter().any(|one| one.ends_with("deployment failed: alarm detected.")));
    let mut bench = Bench::watched(1, config(json!(["latency"])), given);
    let done = bench.release(20.0);
    assert_eq!(
        (&done["status"], &done["alarms"]["status"]),
        (&json!("SUCCESSFUL"), &json!("MONITORING_COMPLETE"))
    );
}

#[test]
fn a_stop_rolls_back_what_is_under_way_and_nothing_else() {
    let mut bench = Bench::watched(1, json!({}), json!({ "outcome": "stuck_pending" }));
    let release = bench.release(1.0)["serviceDeploymentArn"].clone();
    let input = json!({ "serviceDeploymentArn": release, "stopType": "ROLLBACK" });
    assert_eq!(bench.ok("StopServiceDeployment", input.clone())["serviceDeploymentArn"], release);
    assert_eq!(bench.releases()[0]["status"], "ROLLBACK_IN_PROGRESS");
    bench.refuses("StopServiceDeployment", input.clone(), "ConflictException", "ROLLBACK_IN_PROGRESS");
    bench.after(20.0);
    assert_eq!(bench.releases()[0]["status"], "ROLLBACK_SUCCESSFUL");
    bench.refuses("StopServiceDeployment", input, "ConflictException", "ROLLBACK_SUCCESSFUL");
    let unknown = release.as_str().unwrap().replace("/web/", "/web/x");
    let code = "ServiceDeploymentNotFoundException";
    bench.refuses("StopServiceDeployment", json!({ "serviceDeploymentArn": unknown }), code, "not found");
    let abort = json!({ "serviceDeploymentArn": release, "stopType": "ABORT" });
    bench.refuses("StopServiceDeployment", abort, "InvalidParameterException", "ABORT");
}

#[test]
fn service_deployments_are_listed_newest_first_by_state_and_time() {
    let mut bench = Bench::running();
    for _ in 0..24 {
        bench.release(20.0);
    }
    bench.update(json!({ "forceNewDeployment": true }));
    let mut list = |over: Value| {
        let input = with(json!({ "cluster": "app", "service": "web" }), over);
        bench.ok("ListServiceDeployments", input)
    };
    let count = |answer: &Value| answer["serviceDeployments"].as_array().unwrap().len();
    let first = list(json!({}));
    assert_eq!(count(&first), 20);
    let second = list(json!({ "nextToken": first["nextToken"] }));
    assert_eq!((count(&second), second.get("nextToken")), (6, None));
    let open = list(json!({ "status": ["PENDING", "IN_PROGRESS"] }));
    assert_eq!(count(&open), 1);
    assert_eq!(open["serviceDeployments"][0], list(json!({ "maxResults": 1 }))["serviceDeployments"][0]);
    let created = &open["serviceDeployments"][0]["createdAt"];
    assert_eq!(count(&list(json!({ "createdAt": { "after": created } }))), 1);
    assert_eq!(count(&list(json!({ "createdAt": { "before": created }, "maxResults": 100 }))), 25);
    bench.refuses(
        "ListServiceDeployments",
        json!({ "cluster": "app", "service": "web", "status": ["FAILED"] }),
        "InvalidParameterException",
        "status",
    );
    let many: Vec<String> = (0..21).map(|one| format!("arn:{one}")).collect();
    let input = json!({ "serviceDeploymentArns": many });
    bench.refuses("DescribeServiceDeployments", input, "InvalidParameterException", "20");
    let answer = bench.ok("DescribeServiceRevisions", json!({ "serviceRevisionArns": ["arn:1"] }));
    assert_eq!(answer["failures"], json!([{ "arn": "arn:1", "reason": "MISSING" }]));
}

#[test]
fn another_update_stops_a_deployment_that_is_under_way() {
    let mut bench = Bench::watched(1, breaker(json!({})), json!({ "outcome": "crash" }));
    bench.release(0.5);
    bench.release(20.0);
    let releases = bench.releases();
    assert_eq!((&releases[0]["status"], &releases[1]["status"]), (&json!("SUCCESSFUL"), &json!("STOPPED")));
    assert!(releases[1]["finishedAt"].is_number());
}

#[test]
fn everything_given_comes_through_word_for_word() {
    let given = json!({
        "outcome": "crash", "container": "web", "exit_code": 42, "container_reason": "`a`", "reason": "<b>",
        "stop_code": "SpotInterruption", "event": "had a bad day.", "detail": "no good"
    });
    let mut bench = Bench::watched(1, breaker(json!({})), given);
    let done = bench.release(20.0);
    assert_eq!((&done["statusReason"], &done["rollback"]["reason"]), (&json!("no good"), &json!("no good")));
    let stopped = bench.tasks("STOPPED");
    let task = stopped.iter().find(|one| one["stopCode"] == "SpotInterruption").unwrap();
    assert_eq!(task["stoppedReason"], "<b>");
    let web = &task["containers"][0];
    assert_eq!((&web["exitCode"], &web["reason"]), (&json!(42), &json!("`a`")));
    let told = bench.events().into_iter().filter(|one| one == "(service web) had a bad day.").count();
    assert_eq!(told, 1, "once a deployment");
}

#[test]
fn a_deployment_whose_targets_never_answer_waits_for_them() {
    let health = json!({ "state": "initial", "reason": "Elb.InitialHealthChecking" });
    let mut bench = Bench::watched(1, json!({}), json!({ "outcome": "healthy", "target_health": health }));
    assert_eq!(bench.release(3600.0)["status"], "IN_PROGRESS");
    assert_eq!(bench.service()["runningCount"], 2, "the old task stays until the new one is healthy");
}

#[test]
fn tasks_that_crash_after_the_verdict_change_nothing_but_are_replaced_with_pauses() {
    let mut bench = Bench::watched(0, breaker(json!({})), json!({ "outcome": "crash" }));
    assert_eq!(bench.release(10.0)["status"], "SUCCESSFUL", "no task, no failure");
    bench.update(json!({ "desiredCount": 1 }));
    bench.after(600.0);
    assert_eq!(bench.releases()[0]["status"], "SUCCESSFUL");
    let seen = bench.service()["deployments"][0].clone();
    assert_eq!((&seen["rolloutState"], &seen["failedTasks"]), (&json!("COMPLETED"), &json!(0)));
    let crashed = bench.tasks("STOPPED").len();
    assert!((6..20).contains(&crashed), "{crashed}");
}
