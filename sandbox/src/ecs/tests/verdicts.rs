//! The law of the circuit breaker.

use serde_json::{Value, json};

use super::scripts::script;
use super::{Bench, service, with};

impl Bench {
    /// The service `web` of `desired` tasks in steady state with this `deploymentConfiguration`, then the script.
    pub fn watched(desired: i64, config: Value, of: Value) -> Self {
        let mut bench = Self::ready();
        let over = json!({ "desiredCount": desired, "deploymentConfiguration": config });
        bench.ok("CreateService", with(service(), over));
        bench.after(10.0);
        bench.ecs.add_script(script(with(json!({ "service": "web" }), of)));
        bench
    }

    /// The service deployments, newest first.
    pub fn releases(&mut self) -> Vec<Value> {
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
    pub fn release(&mut self, seconds: f64) -> Value {
        self.update(json!({ "forceNewDeployment": true }));
        self.after(seconds);
        self.releases()[0].clone()
    }
}

/// The circuit breaker with rollback.
pub fn breaker(over: Value) -> Value {
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
