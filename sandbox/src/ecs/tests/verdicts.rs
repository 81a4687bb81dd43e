//! The law of the circuit breaker, and what every outcome leaves behind.

use serde_json::{Value, json};

use super::scripts::script;
use super::{Bench, GROUP, SLOW, service, with};

impl Bench {
    /// The service `web` of `desired` tasks in steady state with this `deploymentConfiguration`, then the script.
    fn watched(desired: i64, config: Value, of: Value) -> Self {
        let mut bench = Self::ready();
        let over = json!({ "desiredCount": desired, "deploymentConfiguration": config });
        bench.ok("CreateService", with(service(), over));
        bench.after(10.0);
        bench.ecs.add_script(script(with(json!({ "service": "web" }), of)));
        bench
    }

    /// The service deployments, newest first.
    fn releases(&mut self) -> Vec<Value> {
        let listed = self.ok("ListServiceDeployments", json!({ "cluster": "app", "service": "web" }));
        let arns: Vec<Value> = listed["serviceDeployments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["serviceDeploymentArn"].clone())
            .collect();
        let shown = self.ok("DescribeServiceDeployments", json!({ "serviceDeploymentArns": arns }));
        shown["serviceDeployments"].as_array().unwrap().clone()
    }

    /// Deploys, lets `seconds` pass, and gives the newest service deployment.
    fn release(&mut self, seconds: f64) -> Value {
        self.update(json!({ "forceNewDeployment": true }));
        self.after(seconds);
        self.releases()[0].clone()
    }
}

fn breaker(over: Value) -> Value {
    json!({ "deploymentCircuitBreaker": with(json!({ "enable": true, "rollback": true }), over) })
}

#[test]
fn a_deployment_that_works_is_successful_and_keeps_its_times() {
    let mut bench = Bench::ready();
    let made =
        bench.ok("CreateService", with(service(), json!({ "deploymentConfiguration": breaker(json!({})) })));
    let current = made["service"]["currentServiceDeployment"].clone();
    let first = bench.ok("DescribeServiceDeployments", json!({ "serviceDeploymentArns": [current] }));
    assert_eq!(first["serviceDeployments"][0]["status"], "IN_PROGRESS");
    bench.after(10.0);
    let done = bench.releases().remove(0);
    assert_eq!((&done["serviceDeploymentArn"], &done["status"]), (&current, &json!("SUCCESSFUL")));
    assert_eq!(done["finishedAt"], json!(1_800_000_003.0));
    assert_eq!(done["sourceServiceRevisions"], json!([]));
    let target = &done["targetServiceRevision"];
    assert_eq!((&target["requestedTaskCount"], &target["runningTaskCount"]), (&json!(2), &json!(2)));
    assert_eq!(
        done["deploymentCircuitBreaker"],
        json!({ "status": "MONITORING_COMPLETE", "failureCount": 0, "threshold": 3 })
    );
    assert_eq!(done["alarms"], json!({ "status": "DISABLED" }));
    assert!(done.get("rollback").is_none() && done.get("stoppedAt").is_none());
    let seen = bench.service();
    assert_eq!(seen["currentServiceRevisions"][0]["arn"], target["arn"]);
    let revision = bench.ok("DescribeServiceRevisions", json!({ "serviceRevisionArns": [target["arn"]] }));
    let revision = &revision["serviceRevisions"][0];
    assert_eq!(revision["taskDefinition"], seen["taskDefinition"]);
    let image = &revision["containerImages"][0];
    let task = bench.tasks("RUNNING")[0].clone();
    assert_eq!(image["imageDigest"], task["containers"][0]["imageDigest"]);
}

#[test]
fn three_crashes_of_one_task_trip_the_breaker_and_the_old_revision_comes_back_as_a_new_deployment() {
    let mut bench = Bench::watched(1, breaker(json!({})), json!({ "outcome": "crash", "after_s": 0.2 }));
    let before = bench.service();
    bench.ok("RegisterTaskDefinition", super::definition());
    let failed = bench.update(json!({ "taskDefinition": "web:2" }))["deployments"][0]["id"].clone();
    bench.after(1.0);
    let under_way = bench.service();
    assert_eq!(under_way["deployments"][0]["id"], failed);
    assert_eq!(under_way["deployments"][0]["failedTasks"], 2);
    bench.after(0.5);
    let back = bench.service();
    let [new, broken, old] = [0, 1, 2].map(|at| back["deployments"][at].clone());
    assert_eq!((&broken["id"], &broken["rolloutState"]), (&failed, &json!("FAILED")));
    assert_eq!(broken["rolloutStateReason"], "ECS deployment circuit breaker: tasks failed to start.");
    assert_eq!(old["id"], before["deployments"][0]["id"]);
    assert!(new["id"] != old["id"] && new["id"] != broken["id"]);
    assert_eq!((&new["status"], &new["taskDefinition"]), (&json!("PRIMARY"), &before["taskDefinition"]));
    assert_eq!(back["taskDefinition"], before["taskDefinition"]);
    let release = bench.releases().remove(0);
    assert_eq!(release["status"], "ROLLBACK_IN_PROGRESS");
    assert_eq!(back["currentServiceDeployment"], release["serviceDeploymentArn"]);
    bench.after(10.0);
    let release = bench.releases().remove(0);
    assert_eq!(release["status"], "ROLLBACK_SUCCESSFUL");
    let why = "Service deployment rolled back because the circuit breaker threshold was exceeded.";
    assert_eq!((&release["statusReason"], &release["rollback"]["reason"]), (&json!(why), &json!(why)));
    assert_eq!(release["rollback"]["serviceRevisionArn"], release["sourceServiceRevisions"][0]["arn"]);
    assert_eq!(
        release["deploymentCircuitBreaker"],
        json!({ "status": "TRIGGERED", "failureCount": 3, "threshold": 3 })
    );
    let gone = bench.tasks("STOPPED");
    let own: Vec<&Value> = gone.iter().filter(|one| one["startedBy"] == failed).collect();
    assert_eq!(own.len(), 3);
    assert!(own.iter().all(|one| one["containers"][0]["exitCode"] == 1));
    let events = bench.events();
    let id = failed.as_str().unwrap();
    assert!(
        events
            .contains(&format!("(service web) (deployment {id}) deployment failed: tasks failed to start."))
    );
    let old = old["id"].as_str().unwrap();
    assert!(events.contains(&format!("(service web) rolling back to deployment {old}.")));
}

#[test]
fn a_slow_but_healthy_start_is_successful() {
    let mut bench = Bench::watched(2, breaker(json!({})), json!({ "outcome": "healthy", "after_s": 600 }));
    assert_eq!(bench.release(500.0)["status"], "IN_PROGRESS");
    bench.after(200.0);
    assert_eq!(bench.releases()[0]["status"], "SUCCESSFUL");
}

#[test]
fn one_crash_and_then_a_healthy_task_is_successful_and_takes_the_count_back() {
    let mut bench = Bench::watched(1, breaker(json!({})), json!({ "outcome": "crash_then_healthy" }));
    let seen = bench.release(0.55);
    assert_eq!(
        (&seen["status"], &seen["deploymentCircuitBreaker"]["failureCount"]),
        (&json!("IN_PROGRESS"), &json!(1))
    );
    bench.after(10.0);
    let done = bench.releases().remove(0);
    assert_eq!(
        (&done["status"], &done["deploymentCircuitBreaker"]["failureCount"]),
        (&json!("SUCCESSFUL"), &json!(0))
    );
}

#[test]
fn a_breaker_that_never_forgets_counts_all_failures() {
    let config = breaker(json!({
        "resetOnHealthyTask": false, "thresholdConfiguration": { "type": "COUNT", "value": 1 }
    }));
    let mut bench = Bench::watched(1, config, json!({ "outcome": "crash_then_healthy" }));
    let done = bench.release(10.0);
    assert_eq!(done["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(done["deploymentCircuitBreaker"]["threshold"], 1);
}

#[test]
fn scale_in_during_a_rollout_is_no_failure() {
    let mut bench = Bench::watched(6, breaker(json!({})), json!({ "outcome": "healthy", "after_s": 3 }));
    bench.update(json!({ "forceNewDeployment": true }));
    bench.after(1.0);
    bench.update(json!({ "desiredCount": 1 }));
    bench.after(20.0);
    let done = bench.releases().remove(0);
    assert_eq!(
        (&done["status"], &done["deploymentCircuitBreaker"]["failureCount"]),
        (&json!("SUCCESSFUL"), &json!(0))
    );
    assert_eq!(bench.service()["runningCount"], 1);
}

#[test]
fn the_threshold_follows_the_desired_count_between_its_bounds() {
    let threshold = |desired: i64, limit: Value| {
        let mut bench = Bench::watched(desired, breaker(limit), json!({ "outcome": "healthy" }));
        bench.release(0.5)["deploymentCircuitBreaker"]["threshold"].as_i64().unwrap()
    };
    assert_eq!(threshold(1, json!({})), 3);
    assert_eq!(threshold(25, json!({})), 13);
    assert_eq!(threshold(500, json!({})), 200);
    let of = |kind: &str, value: i64| json!({ "thresholdConfiguration": { "type": kind, "value": value } });
    assert_eq!(threshold(10, of("BOUNDED_PERCENT", 100)), 10);
    assert_eq!(threshold(2, of("UNBOUNDED_PERCENT", 50)), 1);
    assert_eq!(threshold(500, of("UNBOUNDED_PERCENT", 50)), 250);
    assert_eq!(threshold(50, of("COUNT", 7)), 7);
}

#[test]
fn without_rollback_the_deployment_stops_and_the_old_tasks_go_on() {
    let mut bench = Bench::watched(2, breaker(json!({ "rollback": false })), json!({ "outcome": "oom" }));
    let done = bench.release(10.0);
    assert_eq!(done["status"], "STOPPED");
    assert!(done["stoppedAt"].is_number() && done.get("rollback").is_none());
    let seen = bench.service();
    assert_eq!(seen["deployments"][0]["rolloutState"], "FAILED");
    assert_eq!((&seen["deployments"][1]["status"], &seen["runningCount"]), (&json!("ACTIVE"), &json!(2)));
    let failures = bench.tasks("STOPPED").len();
    bench.after(60.0);
    assert_eq!(bench.tasks("STOPPED").len(), failures, "a failed deployment starts nothing");
    assert_eq!(bench.release(20.0)["status"], "SUCCESSFUL", "the next one is free to go");
    assert_eq!(bench.service()["deployments"].as_array().unwrap().len(), 1);
}

#[test]
fn a_first_deployment_has_nothing_to_go_back_to() {
    let mut bench = Bench::ready();
    bench.ecs.add_script(script(json!({ "service": "web", "outcome": "pull_error" })));
    bench.ok("CreateService", with(service(), json!({ "deploymentConfiguration": breaker(json!({})) })));
    bench.after(10.0);
    let done = bench.releases().remove(0);
    assert_eq!(done["status"], "ROLLBACK_FAILED");
    assert_eq!(bench.service()["deployments"][0]["rolloutState"], "FAILED");
    assert_eq!(bench.tasks("RUNNING").len(), 0);
}

#[test]
fn a_rollback_can_fail_too() {
    let mut bench = Bench::watched(
        1,
        json!({}),
        json!({ "outcome": "rollback_failed", "after_s": 0.1, "detail": "why" }),
    );
    let done = bench.release(10.0);
    assert_eq!((&done["status"], &done["statusReason"]), (&json!("ROLLBACK_FAILED"), &json!("why")));
    assert_eq!(bench.service()["runningCount"], 1, "the old task still serves");
}

#[test]
fn without_a_breaker_ecs_tries_for_ever_with_growing_pauses() {
    let mut bench = Bench::watched(1, json!({}), json!({ "outcome": "crash" }));
    let seen = bench.release(3600.0);
    assert_eq!(
        (&seen["status"], &seen["deploymentCircuitBreaker"]["status"]),
        (&json!("IN_PROGRESS"), &json!("DISABLED"))
    );
    let failures = bench.service()["deployments"][0]["failedTasks"].as_i64().unwrap();
    assert!((10..30).contains(&failures), "{failures}");
    assert!(
        bench.events().iter().any(|one| one.contains("is unable to consistently start tasks successfully."))
    );
    assert!(bench.events().iter().all(|one| !one.contains("minimumHealthyPercent")), "it is not stuck");
}

#[test]
fn a_crash_after_the_deployment_completed_replaces_the_task_and_changes_no_verdict() {
    let mut bench = Bench::watched(1, breaker(json!({})), json!({ "outcome": "crash", "after_s": 60 }));
    assert_eq!(bench.release(10.0)["status"], "SUCCESSFUL");
    bench.after(1000.0);
    assert_eq!(bench.releases()[0]["status"], "SUCCESSFUL");
    let (running, stopped) = (bench.tasks("RUNNING").len(), bench.tasks("STOPPED").len());
    assert!(running == 1 && stopped > 10, "{running} {stopped}");
    assert_eq!(bench.service()["deployments"].as_array().unwrap().len(), 1);
}

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
