//! Scripted rollouts through the SDK: one outcome a test, and what it leaves for a diagnosis.

use aws_sdk_ecs::types::{
    DeploymentAlarms, DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentRolloutState,
    DesiredStatus, Service, ServiceDeployment, ServiceDeploymentRollbackMonitorsStatus as Monitor,
    ServiceDeploymentStatus as Status, StopServiceDeploymentStopType, Task,
};
use serde_json::{Value, json};

use super::super::account::block;
use super::super::harness::World;
use super::{Bench, assert_refused};

impl Bench {
    /// What the next deployment of `web` does.
    pub(super) fn script(&self, mut of: Value) {
        of["account"] = Value::from(self.world.account.clone());
        if of.get("task").is_none() {
            of["service"] = Value::from("web");
        }
        self.world.control("POST", "rollouts", &of);
    }

    /// The service `web` of one task, complete, with the circuit breaker on or off; then a deployment of a new
    /// revision with this script, until it has a verdict.
    async fn release(breaker: bool, of: Value) -> (Self, ServiceDeployment) {
        let bench = Self::new();
        let config = DeploymentConfiguration::builder().deployment_circuit_breaker(on(breaker)).build();
        bench.ready(config).await;
        bench.script(of);
        let arn = bench.deploy().await;
        let done = bench.until(&arn, is_final).await;
        (bench, done)
    }

    /// The service `web` of one task, complete.
    async fn ready(&self, config: DeploymentConfiguration) {
        self.cluster().await;
        self.revision("web").await;
        self.service("web").desired_count(1).deployment_configuration(config).send().await.unwrap();
        self.watch("the first rollout completes", |service| {
            service.deployments()[0].rollout_state() == Some(&DeploymentRolloutState::Completed)
        })
        .await;
    }

    /// Deploys a new revision; the ARN of the service deployment.
    async fn deploy(&self) -> String {
        let revision = self.revision("web").await;
        let answer = self.update().task_definition(revision).send().await.unwrap();
        answer.service().unwrap().current_service_deployment().unwrap().to_owned()
    }

    async fn deployment(&self, arn: &str) -> ServiceDeployment {
        let answer =
            self.ecs.describe_service_deployments().service_deployment_arns(arn).send().await.unwrap();
        answer.service_deployments()[0].clone()
    }

    async fn until(&self, arn: &str, done: impl Fn(&ServiceDeployment) -> bool) -> ServiceDeployment {
        for _ in 0..300 {
            let seen = self.deployment(arn).await;
            if done(&seen) {
                return seen;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("waited in vain: {:?}", self.deployment(arn).await);
    }

    /// The tasks that ended by themselves, and their service.
    async fn failures(&self) -> (Service, Vec<Task>) {
        let stopped = self.tasks(DesiredStatus::Stopped).await;
        let own = |task: &Task| !task.stopped_reason().unwrap_or_default().starts_with("Scaling activity");
        (self.look().await, stopped.into_iter().filter(own).collect())
    }
}

fn on(enable: bool) -> DeploymentCircuitBreaker {
    DeploymentCircuitBreaker::builder().enable(enable).rollback(enable).build()
}

fn is_final(deployment: &ServiceDeployment) -> bool {
    matches!(
        deployment.status(),
        Some(Status::Successful | Status::Stopped | Status::RollbackSuccessful | Status::RollbackFailed)
    )
}

fn messages(service: &Service) -> String {
    service.events().iter().filter_map(|event| event.message()).collect::<Vec<_>>().join("\n")
}

/// Code, reason, exit code and reason of the container.
fn told(task: &Task) -> (&str, &str, Option<i32>, Option<&str>) {
    let web = &task.containers()[0];
    (task.stop_code().unwrap().as_str(), task.stopped_reason().unwrap(), web.exit_code(), web.reason())
}

#[test]
fn healthy_is_successful_and_the_revision_names_what_runs() {
    block(async {
        let (bench, done) = Bench::release(true, json!({ "outcome": "healthy", "after_s": 0.3 })).await;
        assert_eq!(done.status(), Some(&Status::Successful));
        let (created, started, finished) = (done.created_at(), done.started_at(), done.finished_at());
        let at = |time: Option<&aws_sdk_ecs::primitives::DateTime>| time.unwrap().as_secs_f64();
        assert!(at(created) <= at(started) && at(started) < at(finished));
        assert!(done.stopped_at().is_none() && done.rollback().is_none());
        let breaker = done.deployment_circuit_breaker().unwrap();
        assert_eq!((breaker.status(), breaker.threshold()), (Some(&Monitor::MonitoringComplete), 3));
        let target = done.target_service_revision().unwrap();
        assert_eq!((target.requested_task_count(), target.running_task_count()), (1, 1));
        assert_eq!(done.source_service_revisions().len(), 1);
        let revision = target.arn().unwrap();
        let shown =
            bench.ecs.describe_service_revisions().service_revision_arns(revision).send().await.unwrap();
        let shown = &shown.service_revisions()[0];
        let service = bench.look().await;
        assert_eq!(shown.task_definition(), service.task_definition());
        assert_eq!(service.current_service_revisions()[0].arn(), Some(revision));
        let task = &bench.tasks(DesiredStatus::Running).await[0];
        assert_eq!(shown.container_images()[0].image_digest(), task.containers()[0].image_digest());
        let listed =
            bench.ecs.list_service_deployments().cluster("main").service("web").send().await.unwrap();
        let states: Vec<_> = listed.service_deployments().iter().map(|one| one.status().unwrap()).collect();
        assert_eq!(states, [&Status::Successful, &Status::Successful]);
    });
}

#[test]
fn crash_trips_the_breaker_within_seconds_and_brings_the_old_revision_back() {
    block(async {
        let given = json!({ "outcome": "crash", "after_s": 0.2, "exit_code": 3, "log": ["boom"] });
        let (bench, done) = Bench::release(true, given).await;
        assert_eq!(done.status(), Some(&Status::RollbackSuccessful));
        assert!(done.status_reason().unwrap().contains("circuit breaker threshold was exceeded"));
        let breaker = done.deployment_circuit_breaker().unwrap();
        assert_eq!((breaker.status(), breaker.failure_count()), (Some(&Monitor::Triggered), 3));
        let back = done.rollback().unwrap();
        assert_eq!(back.service_revision_arn(), done.source_service_revisions()[0].arn());
        let (service, failed) = bench.failures().await;
        assert!(service.task_definition().unwrap().ends_with("/web:1"));
        assert_eq!(failed.len(), 3);
        let reason = "Essential container in task exited";
        assert!(failed.iter().all(|one| told(one) == ("EssentialContainerExited", reason, Some(3), None)));
        let by = failed[0].started_by().unwrap();
        assert_ne!(service.deployments()[0].id(), Some(by), "the rollback is a deployment of its own");
        let said = messages(&service);
        assert!(
            said.contains(&format!("(deployment {by}) deployment failed: tasks failed to start.")),
            "{said}"
        );
        assert!(said.contains("(service web) rolling back to deployment ecs-svc/"), "{said}");
        let took = done.finished_at().unwrap().as_secs_f64() - done.created_at().unwrap().as_secs_f64();
        assert!(took < 4.0, "{took} seconds");
    });
}

#[test]
fn crash_then_healthy_is_successful() {
    block(async {
        let (bench, done) =
            Bench::release(true, json!({ "outcome": "crash_then_healthy", "after_s": 0.1 })).await;
        assert_eq!(done.status(), Some(&Status::Successful));
        assert_eq!(bench.failures().await.1.len(), 1);
    });
}

#[test]
fn pull_and_init_errors_stop_tasks_that_never_started() {
    block(async {
        for (outcome, words) in
            [("pull_error", "CannotPullContainerError: "), ("init_error", "ResourceInitializationError: ")]
        {
            let (bench, done) = Bench::release(true, json!({ "outcome": outcome, "after_s": 0.1 })).await;
            assert_eq!(done.status(), Some(&Status::RollbackSuccessful));
            let (_, failed) = bench.failures().await;
            let (code, reason, exit, container) = told(&failed[0]);
            assert_eq!((code, exit), ("TaskFailedToStart", None));
            assert!(reason.starts_with(words), "{reason}");
            assert_eq!(container, Some(reason));
            assert!(failed[0].started_at().is_none());
        }
    });
}

#[test]
fn oom_and_a_given_reason_come_through_word_for_word() {
    block(async {
        let (bench, _) = Bench::release(true, json!({ "outcome": "oom", "after_s": 0.1 })).await;
        let (_, failed) = bench.failures().await;
        let (_, _, exit, container) = told(&failed[0]);
        assert_eq!(exit, Some(137));
        assert_eq!(container, Some("OutOfMemoryError: Container killed due to memory usage"));
        let given = json!({ "outcome": "pull_error", "after_s": 0.1, "reason": "a `word` <b>of</b> AWS" });
        let (bench, _) = Bench::release(true, given).await;
        assert_eq!(told(&bench.failures().await.1[0]).1, "a `word` <b>of</b> AWS");
    });
}

#[test]
fn unhealthy_tasks_are_stopped_by_the_scheduler() {
    block(async {
        let (bench, done) = Bench::release(true, json!({ "outcome": "unhealthy", "after_s": 0.1 })).await;
        assert_eq!(done.status(), Some(&Status::RollbackSuccessful));
        let (service, failed) = bench.failures().await;
        let (code, reason, ..) = told(&failed[0]);
        assert_eq!((code, reason), ("ServiceSchedulerInitiated", "Task failed container health checks"));
        assert!(messages(&service).contains(") failed container health checks."));
    });
}

#[test]
fn stuck_pending_goes_on_until_somebody_stops_it() {
    block(async {
        let bench = Bench::new();
        bench.ready(DeploymentConfiguration::builder().deployment_circuit_breaker(on(true)).build()).await;
        bench.script(json!({ "outcome": "stuck_pending" }));
        let arn = bench.deploy().await;
        bench.watch("the task is pending", |service| service.pending_count() == 1).await;
        let seen = bench.deployment(&arn).await;
        assert_eq!(seen.status(), Some(&Status::InProgress));
        assert_eq!(seen.target_service_revision().unwrap().pending_task_count(), 1);
        let stop = || {
            let stop = bench.ecs.stop_service_deployment().service_deployment_arn(&arn);
            stop.stop_type(StopServiceDeploymentStopType::Rollback).send()
        };
        stop().await.unwrap();
        assert_refused(stop().await, "ConflictException: ");
        let done = bench.until(&arn, is_final).await;
        assert_eq!(done.status(), Some(&Status::RollbackSuccessful));
        assert_refused(stop().await, "ConflictException: ");
        let unknown = format!("{arn}x");
        let unknown = bench.ecs.stop_service_deployment().service_deployment_arn(unknown).send().await;
        assert_refused(unknown, "ServiceDeploymentNotFoundException: ");
    });
}

#[test]
fn rollback_happens_even_without_a_breaker_and_can_fail() {
    block(async {
        let given = json!({ "outcome": "rollback", "after_s": 0.1, "detail": "because" });
        let (_, done) = Bench::release(false, given).await;
        assert_eq!(
            (done.status(), done.status_reason()),
            (Some(&Status::RollbackSuccessful), Some("because"))
        );
        let (bench, done) =
            Bench::release(false, json!({ "outcome": "rollback_failed", "after_s": 0.1 })).await;
        assert_eq!(done.status(), Some(&Status::RollbackFailed));
        let service = bench.look().await;
        assert_eq!(service.deployments()[0].rollout_state(), Some(&DeploymentRolloutState::Failed));
        assert_eq!(service.running_count(), 1, "the old task was never stopped");
    });
}

#[test]
fn superseded_ends_stopped_while_another_revision_wins() {
    block(async {
        let (bench, done) = Bench::release(true, json!({ "outcome": "superseded", "after_s": 0.2 })).await;
        assert_eq!(done.status(), Some(&Status::Stopped));
        let service = bench.look().await;
        let winner = service.current_service_deployment().unwrap();
        assert_ne!(Some(winner), done.service_deployment_arn());
        assert!(service.task_definition().unwrap().ends_with("/web:3"));
        assert_eq!(bench.until(winner, is_final).await.status(), Some(&Status::Successful));
        let other = bench.ecs.describe_task_definition().task_definition("web:3").send().await.unwrap();
        assert!(other.task_definition().unwrap().registered_by().unwrap().contains(":assumed-role/"));
    });
}

#[test]
fn capacity_starts_no_task_and_says_so_in_an_event() {
    block(async {
        let (bench, done) = Bench::release(true, json!({ "outcome": "capacity", "after_s": 0.1 })).await;
        assert_eq!(done.status(), Some(&Status::RollbackSuccessful), "no place is a failed task");
        let (service, failed) = bench.failures().await;
        assert!(failed.is_empty());
        let said = messages(&service);
        let words = "was unable to place a task. Reason: Capacity is unavailable at this time.";
        assert!(said.contains(words), "{said}");
    });
}

#[test]
fn an_alarm_that_is_watched_rolls_back() {
    block(async {
        let bench = Bench::new();
        let alarms =
            DeploymentAlarms::builder().alarm_names("5xx").enable(true).rollback(true).build().unwrap();
        bench.ready(DeploymentConfiguration::builder().alarms(alarms).build()).await;
        bench.script(json!({ "outcome": "healthy", "alarms": ["5xx"], "after_s": 0.5 }));
        let arn = bench.deploy().await;
        let done = bench.until(&arn, is_final).await;
        assert_eq!(done.status(), Some(&Status::RollbackSuccessful));
        let alarms = done.alarms().unwrap();
        assert_eq!(alarms.status(), Some(&Monitor::Triggered));
        assert_eq!(alarms.triggered_alarm_names(), ["5xx"]);
        assert_eq!(bench.failures().await.1.len(), 0, "no task failed");
    });
}

#[test]
fn scripts_are_listed_until_they_are_played_and_can_be_taken_back() {
    let bench = Bench::empty();
    let account = &bench.world.account;
    let list = || bench.world.control("GET", &format!("rollouts?account={account}"), &Value::Null);
    assert_eq!(list(), json!([]));
    bench.script(json!({ "outcome": "crash", "count": 2 }));
    bench.script(json!({ "outcome": "oom", "task": "job" }));
    let listed = list();
    assert_eq!((&listed[0]["service"], &listed[0]["count"]), (&json!("web"), &json!(2)));
    assert_eq!((&listed[1]["task"], &listed[1]["region"]), (&json!("job"), &json!("us-east-1")));
    bench.world.control("DELETE", &format!("rollouts?account={account}"), &Value::Null);
    assert_eq!(list(), json!([]));
    for (given, words) in [
        (json!({ "service": "web", "outcome": "explode" }), "unknown variant `explode`"),
        (json!({ "service": "web", "outcome": "crash", "exitcode": 1 }), "unknown field `exitcode`"),
        (json!({ "outcome": "crash" }), "exactly one of `service` and `task`"),
    ] {
        let url = format!("{}/_sandbox/rollouts", World::aws_endpoint());
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.post(&url).send_json(&given).unwrap();
        assert_eq!(answer.status(), 400);
        let said = answer.body_mut().read_to_string().unwrap();
        assert!(said.contains(words), "{said}");
    }
}
