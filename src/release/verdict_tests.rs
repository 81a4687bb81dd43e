//! Every row of the verdict: what ECS may show, and what it means.
#![allow(clippy::unwrap_used, reason = "tests")]

use aws_sdk_ecs::types::{
    DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentLifecycleHookDetail, Rollback,
    ServiceDeploymentAlarms, ServiceDeploymentLifecycleStage as Stage, ServiceEvent,
};

use super::*;

const OURS: &str = "ecs-svc/2";

fn at(secs: i64) -> DateTime {
    DateTime::from_secs(secs)
}

/// A deployment `ecs-svc/N`, created at N × 100 s.
fn deployed(n: i64, status: &str, state: &str) -> Deployment {
    Deployment::builder()
        .id(format!("ecs-svc/{n}"))
        .status(status)
        .rollout_state(RolloutState::from(state))
        .created_at(at(n * 100))
        .desired_count(1)
        .task_definition(format!("web:{n}"))
        .build()
}

fn service(deployments: Vec<Deployment>) -> Service {
    Service::builder().status("ACTIVE").set_deployments(Some(deployments)).build()
}

/// Ours as the primary one beside its forerunner.
fn usual(state: &str) -> Service {
    service(vec![deployed(2, "PRIMARY", state), deployed(1, "ACTIVE", "COMPLETED")])
}

/// A newer one has taken the place of ours.
fn other(state: &str) -> Service {
    service(vec![deployed(3, "PRIMARY", state), deployed(2, "ACTIVE", "IN_PROGRESS")])
}

fn record(status: &str) -> ServiceDeployment {
    ServiceDeployment::builder()
        .service_deployment_arn("arn:x:service-deployment/c/web/2")
        .status(Status::from(status))
        .created_at(at(200))
        .build()
}

fn see(service: &Service, record: &ServiceDeployment) -> State {
    Machine::default().see(Sight { id: Some(OURS), service: Some(service), record: Record::Found(record) })
}

fn without(machine: &mut Machine, service: &Service) -> State {
    machine.see(Sight { id: Some(OURS), service: Some(service), record: Record::Missing })
}

fn outcome(state: &State) -> Option<RolloutOutcome> {
    if let State::Ended(outcome, _) = state { Some(*outcome) } else { None }
}

fn fate(state: &State) -> Option<RolloutOutcome> {
    if let State::Doomed(outcome, _) = state { Some(*outcome) } else { None }
}

#[test]
fn of_all_the_states_of_the_record_only_successful_is_success() {
    use RolloutOutcome::{Failed, RolledBack, Stopped, Succeeded};
    for status in Status::values() {
        let state = see(&usual("COMPLETED"), &record(status));
        let expected = match *status {
            "SUCCESSFUL" => Some(Succeeded),
            "STOPPED" => Some(Stopped),
            "ROLLBACK_SUCCESSFUL" => Some(RolledBack),
            "ROLLBACK_FAILED" => Some(Failed),
            _ => None,
        };
        assert_eq!(outcome(&state), expected, "{status}: {state:?}");
        let expected = match *status {
            "ROLLBACK_REQUESTED" | "ROLLBACK_IN_PROGRESS" => Some(Failed),
            "STOP_REQUESTED" => Some(Stopped),
            _ => None,
        };
        assert_eq!(fate(&state), expected, "{status}: {state:?}");
    }
}

#[test]
fn a_state_that_nobody_knows_is_no_end() {
    for status in ["BAKING", "FAILED", "COMPLETED", ""] {
        assert_eq!(see(&usual("COMPLETED"), &record(status)), State::Running, "{status}");
    }
    let sight =
        Sight { id: Some(OURS), service: Some(&usual("X")), record: Record::Found(&record("BAKING")) };
    assert_eq!(progress(&sight, None, 1.0).phase, "in the state BAKING");
}

#[test]
fn stopped_means_failed_when_a_detector_tripped_superseded_when_a_newer_one_took_over_and_else_stopped() {
    let mut tripped = record("STOPPED");
    tripped.deployment_circuit_breaker = Some(
        ServiceDeploymentCircuitBreaker::builder()
            .status(Monitor::Triggered)
            .failure_count(3)
            .threshold(3)
            .build(),
    );
    assert_eq!(outcome(&see(&usual("FAILED"), &tripped)), Some(RolloutOutcome::Failed));
    assert_eq!(outcome(&see(&usual("FAILED"), &record("STOPPED"))), Some(RolloutOutcome::Failed));
    assert_eq!(outcome(&see(&other("IN_PROGRESS"), &record("STOPPED"))), Some(RolloutOutcome::Superseded));
    assert_eq!(outcome(&see(&usual("IN_PROGRESS"), &record("STOPPED"))), Some(RolloutOutcome::Stopped));
    let mut long_ago = record("STOPPED");
    long_ago.stopped_at = Some(at(250));
    assert_eq!(
        outcome(&see(&other("COMPLETED"), &long_ago)),
        Some(RolloutOutcome::Stopped),
        "the other came 50 s later"
    );
}

#[test]
fn a_tripped_detector_is_the_end_of_hope_before_the_state_changes() {
    let mut breaker = record("IN_PROGRESS");
    let tripped =
        ServiceDeploymentCircuitBreaker::builder().status(Monitor::Triggered).failure_count(3).threshold(3);
    breaker.deployment_circuit_breaker = Some(tripped.build());
    assert_eq!(fate(&see(&usual("IN_PROGRESS"), &breaker)), Some(RolloutOutcome::Failed));
    let mut alarms = record("IN_PROGRESS");
    alarms.alarms = Some(ServiceDeploymentAlarms::builder().status(Monitor::Triggered).build());
    assert_eq!(fate(&see(&usual("IN_PROGRESS"), &alarms)), Some(RolloutOutcome::Failed));
    assert_eq!(fate(&see(&usual("FAILED"), &record("IN_PROGRESS"))), Some(RolloutOutcome::Failed));
    for calm in ["MONITORING", "MONITORING_COMPLETE", "DISABLED", "NEW"] {
        let mut calm_record = record("IN_PROGRESS");
        let status = Monitor::from(calm);
        calm_record.deployment_circuit_breaker = Some(
            ServiceDeploymentCircuitBreaker::builder().status(status).failure_count(2).threshold(3).build(),
        );
        assert_eq!(see(&usual("IN_PROGRESS"), &calm_record), State::Running, "{calm}");
    }
}

#[test]
fn a_rollback_by_the_breaker_is_no_success_although_the_primary_deployment_is_completed() {
    // What DescribeServices shows at the end: a new id with the old revision, completed; nothing of ours.
    let after = service(vec![deployed(3, "PRIMARY", "COMPLETED")]);
    assert_eq!(outcome(&see(&after, &record("ROLLBACK_SUCCESSFUL"))), Some(RolloutOutcome::RolledBack));
    let mut rolling = record("ROLLBACK_IN_PROGRESS");
    rolling.rollback = Some(Rollback::builder().reason("Service deployment rolled back.").build());
    assert_eq!(
        see(&after, &rolling),
        State::Doomed(RolloutOutcome::Failed, "Service deployment rolled back.".to_owned())
    );
}

#[test]
fn a_hook_that_waits_for_somebody_is_a_pause_and_any_other_hook_is_not() {
    for (status, paused) in
        [("AWAITING_ACTION", true), ("IN_PROGRESS", false), ("SUCCEEDED", false), ("NEW", false)]
    {
        let mut hooked = record("IN_PROGRESS");
        let detail = DeploymentLifecycleHookDetail::builder().hook_id("h-1").status(HookStatus::from(status));
        hooked.lifecycle_hook_details = Some(vec![detail.build()]);
        hooked.lifecycle_stage = Some(Stage::PostScaleUp);
        let state = see(&usual("IN_PROGRESS"), &hooked);
        if paused {
            let words = "hook h-1 waits for an action at POST_SCALE_UP".to_owned();
            assert_eq!(state, State::Ended(RolloutOutcome::Paused, Some(words)));
        } else {
            assert_eq!(state, State::Running, "{status}");
        }
    }
}

#[test]
fn a_read_that_lags_behind_decides_nothing() {
    let before = service(vec![deployed(1, "PRIMARY", "COMPLETED")]);
    for record in [Record::Awaited, Record::Missing] {
        let mut machine = Machine::default();
        let sight = Sight { id: Some(OURS), service: Some(&before), record };
        assert_eq!(machine.see(sight), State::Hidden, "from before our deployment");
        assert_eq!(machine.see(Sight { id: Some(OURS), service: None, record }), State::Hidden);
        machine.see(Sight { service: Some(&usual("IN_PROGRESS")), ..sight });
        assert_eq!(machine.see(sight), State::Running, "an older read after a newer one: {record:?}");
    }
}

#[test]
fn completed_is_not_trusted_while_the_record_is_awaited() {
    let sight = Sight { id: Some(OURS), service: Some(&usual("COMPLETED")), record: Record::Awaited };
    assert_eq!(Machine::default().see(sight), State::Running);
}

#[test]
fn without_a_record_the_rollout_state_of_our_own_id_decides() {
    let one = |service: &Service| without(&mut Machine::default(), service);
    assert_eq!(outcome(&one(&usual("COMPLETED"))), Some(RolloutOutcome::Succeeded));
    assert_eq!(outcome(&one(&usual("FAILED"))), Some(RolloutOutcome::Failed));
    assert_eq!(one(&usual("IN_PROGRESS")), State::Running);
    assert_eq!(one(&usual("NEW_WORD")), State::Running);
    let mut breaker = usual("FAILED");
    let how = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
    breaker.deployment_configuration =
        Some(DeploymentConfiguration::builder().deployment_circuit_breaker(how).build());
    assert_eq!(fate(&one(&breaker)), Some(RolloutOutcome::Failed), "its rollback is still to come");
}

#[test]
fn without_a_record_a_newer_primary_is_a_rollback_only_when_ours_failed_or_ecs_says_so() {
    let gone = |state: &str| service(vec![deployed(3, "PRIMARY", state)]);
    let mut superseded = Machine::default();
    without(&mut superseded, &usual("IN_PROGRESS"));
    assert_eq!(outcome(&without(&mut superseded, &gone("IN_PROGRESS"))), Some(RolloutOutcome::Superseded));
    let mut failed = Machine::default();
    without(&mut failed, &usual("FAILED"));
    assert_eq!(fate(&without(&mut failed, &gone("IN_PROGRESS"))), Some(RolloutOutcome::Failed));
    assert_eq!(outcome(&without(&mut failed, &gone("COMPLETED"))), Some(RolloutOutcome::RolledBack));
    assert_eq!(outcome(&without(&mut failed, &gone("FAILED"))), Some(RolloutOutcome::Failed));
    let mut told = Machine::default();
    without(&mut told, &usual("IN_PROGRESS"));
    let mut says = gone("COMPLETED");
    let event = |text: &str| vec![ServiceEvent::builder().message(text).build()];
    says.events = Some(event("(service web) rolling back to deployment ecs-svc/3."));
    assert_eq!(outcome(&without(&mut told, &says)), Some(RolloutOutcome::RolledBack));
    says.events = Some(event("(service web) rolling back to deployment ecs-svc/34."));
    assert_eq!(outcome(&without(&mut told, &says)), Some(RolloutOutcome::Superseded), "another one's event");
}

#[test]
fn a_completed_rollback_is_no_success_even_when_it_is_what_is_watched() {
    let mut machine = Machine::default();
    let mut rollback = usual("COMPLETED");
    let event = ServiceEvent::builder().message("(service web) rolling back to deployment ecs-svc/2.");
    rollback.events = Some(vec![event.build()]);
    assert_eq!(outcome(&without(&mut machine, &rollback)), Some(RolloutOutcome::RolledBack));
}

#[test]
fn a_newer_primary_must_stay_before_a_running_record_is_called_superseded() {
    let mut machine = Machine::default();
    let (record, overtaken) = (record("IN_PROGRESS"), other("IN_PROGRESS"));
    let sight = Sight { id: Some(OURS), service: Some(&overtaken), record: Record::Found(&record) };
    assert_eq!(machine.see(sight), State::Running);
    assert_eq!(machine.see(sight), State::Running);
    assert_eq!(fate(&machine.see(sight)), Some(RolloutOutcome::Superseded));
}

#[test]
fn a_service_that_is_deleted_under_way_is_stopped() {
    for status in ["DRAINING", "INACTIVE"] {
        let mut machine = Machine::default();
        without(&mut machine, &usual("IN_PROGRESS"));
        let mut leaving = usual("IN_PROGRESS");
        leaving.status = Some(status.to_owned());
        assert_eq!(outcome(&without(&mut machine, &leaving)), Some(RolloutOutcome::Stopped), "{status}");
    }
}

#[test]
fn a_service_that_wants_no_tasks_succeeds_by_its_record() {
    let mut none = deployed(2, "PRIMARY", "COMPLETED");
    none.desired_count = 0;
    assert_eq!(
        outcome(&see(&service(vec![none.clone()]), &record("SUCCESSFUL"))),
        Some(RolloutOutcome::Succeeded)
    );
    none.rollout_state = Some(RolloutState::InProgress);
    assert_eq!(see(&service(vec![none.clone()]), &record("IN_PROGRESS")), State::Running);
    assert_eq!(without(&mut Machine::default(), &service(vec![none])), State::Running);
}

#[test]
fn where_there_is_no_rollout_state_nothing_but_ours_must_run() {
    let mut ours = deployed(2, "PRIMARY", "X");
    ours.rollout_state = None;
    ours.running_count = 1;
    let one = |deployments| outcome(&without(&mut Machine::default(), &service(deployments)));
    assert_eq!(one(vec![ours.clone()]), Some(RolloutOutcome::Succeeded));
    assert_eq!(one(vec![ours.clone(), deployed(1, "ACTIVE", "COMPLETED")]), None);
    ours.running_count = 0;
    assert_eq!(one(vec![ours]), None);
}

#[test]
fn a_record_from_another_moment_or_nearer_to_another_deployment_is_not_ours() {
    let is_of = |ours: &Deployment, others: Vec<Deployment>| {
        super::is_of(&record("SUCCESSFUL"), ours, &service([vec![ours.clone()], others].concat()))
    };
    assert!(is_of(&deployed(2, "PRIMARY", "IN_PROGRESS"), vec![deployed(1, "ACTIVE", "COMPLETED")]));
    assert!(!is_of(&deployed(3, "PRIMARY", "IN_PROGRESS"), vec![]));
    // Two deployments within seconds, and a read that lags behind: the record of the first beside the second.
    let mut soon = deployed(3, "PRIMARY", "IN_PROGRESS");
    soon.created_at = Some(at(203));
    assert!(!is_of(&soon, vec![deployed(2, "ACTIVE", "COMPLETED")]));
}

#[test]
fn the_phase_follows_the_tasks() {
    let phase = |running: i32, failed: i32, old: (i32, i32)| {
        let mut ours = deployed(2, "PRIMARY", "IN_PROGRESS");
        (ours.running_count, ours.failed_tasks) = (running, failed);
        let mut before = deployed(1, "ACTIVE", "COMPLETED");
        (before.desired_count, before.running_count) = old;
        let (service, record) = (service(vec![ours, before]), record("IN_PROGRESS"));
        let sight = Sight { id: Some(OURS), service: Some(&service), record: Record::Found(&record) };
        progress(&sight, None, 3.0).phase
    };
    assert_eq!(phase(0, 0, (1, 1)), "starting tasks");
    assert_eq!(phase(0, 2, (1, 1)), "starting tasks again");
    assert_eq!(phase(1, 0, (1, 1)), "waiting for health checks");
    assert_eq!(phase(1, 0, (0, 1)), "stopping old tasks");
    assert_eq!(phase(1, 0, (0, 0)), "waiting for health checks");
}
