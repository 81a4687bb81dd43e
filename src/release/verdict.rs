//! The verdict on one deployment, from what the polls show. Pure: one sight in, one state out.
//!
//! The `ServiceDeployment` record decides (ECS API reference, `ServiceDeployment.status`): of its final states only `SUCCESSFUL`
//! is success. `FAILED` is no state of it: a tripped circuit breaker without rollback ends in `STOPPED`. Where ECS has no record
//! (deployments before 2024-10-25) the `rolloutState` of our own deployment id decides; that of another id never does, because
//! a finished rollback is a `COMPLETED` deployment with an id of its own.

use aws_sdk_ecs::types::{
    Deployment, DeploymentLifecycleHookStatus as HookStatus, DeploymentRolloutState as RolloutState, Service,
    ServiceDeployment, ServiceDeploymentCircuitBreaker, ServiceDeploymentRollbackMonitorsStatus as Monitor,
    ServiceDeploymentStatus as Status, ServiceRevisionSummary,
};
use aws_smithy_types::DateTime;

use crate::model::{Progress, RolloutOutcome};

/// In how many sights in a row a newer deployment must be the primary one before a record that still says `IN_PROGRESS` is not
/// waited for any more: the two are written one after the other.
const OVERTAKEN: u32 = 3;

/// How far apart the clocks of two records of the same moment may be, in seconds.
pub const SAME_MOMENT: f64 = 5.0;

/// The record of our deployment.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    /// ECS has it.
    Found(&'a ServiceDeployment),
    /// It should be there soon.
    Awaited,
    /// ECS has none: an old deployment.
    Missing,
}

/// What one poll shows.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// `ecs-svc/…`; `None` when only the record is known.
    pub id: Option<&'a str>,
    /// The service; `None` when ECS does not know it.
    pub service: Option<&'a Service>,
    /// The record.
    pub record: Record<'a>,
}

/// Where the deployment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// ECS does not show it yet: reads lag behind writes.
    Hidden,
    /// It may still succeed.
    Running,
    /// It goes on until somebody acts on it, or until it will have had this outcome.
    Doomed(RolloutOutcome, String),
    /// It is over, with ECS's words if there are any.
    Ended(RolloutOutcome, Option<String>),
}

/// What earlier sights showed.
#[derive(Debug, Default)]
pub struct Machine {
    /// When our deployment was created; `Some` as soon as it was seen.
    created: Option<f64>,
    /// Its `rolloutState` was `FAILED`.
    failed: bool,
    /// Sights in a row with a newer primary deployment.
    overtaken: u32,
}

impl Machine {
    /// When our deployment was created, in seconds since the epoch.
    pub fn created(&self) -> Option<f64> {
        self.created
    }

    /// Takes the next sight.
    pub fn see(&mut self, sight: Sight<'_>) -> State {
        let service = sight.service.filter(|service| matches!(service.status(), None | Some("ACTIVE")));
        let ours = service.and_then(|service| deployment(service, sight.id?));
        let record = if let Record::Found(record) = sight.record { Some(record) } else { None };
        let created = ours.and_then(Deployment::created_at).or_else(|| record?.created_at());
        if ours.is_some() || record.is_some() {
            self.created = Some(created.map_or(self.created.unwrap_or_default(), DateTime::as_secs_f64));
        }
        self.failed |= ours.and_then(Deployment::rollout_state) == Some(&RolloutState::Failed);
        let newer = service.and_then(|service| self.newer(service, sight.id, record));
        self.overtaken = if newer.is_some() { self.overtaken + 1 } else { 0 };
        if let Some(record) = record {
            return self.by_record(record, newer, service.is_some());
        }
        let Some(service) = service else {
            return if self.created.is_some() { gone() } else { State::Hidden };
        };
        match sight.record {
            Record::Missing => self.by_rollout_state(service, ours, newer),
            _ if self.created.is_none() => State::Hidden,
            _ if self.failed => doomed("tasks keep failing"),
            _ => State::Running,
        }
    }

    /// The primary deployment, when it is another one than ours and younger. A read that lags behind shows an older one.
    fn newer<'a>(
        &self,
        service: &'a Service,
        id: Option<&str>,
        record: Option<&ServiceDeployment>,
    ) -> Option<&'a Deployment> {
        let (created, primary) = (self.created?, primary(service)?);
        let other = match id {
            Some(id) => primary.id() != Some(id),
            None => service.current_service_deployment() != record?.service_deployment_arn(),
        };
        let born = primary.created_at().map(DateTime::as_secs_f64);
        (other && born.is_none_or(|born| born > created)).then_some(primary)
    }

    fn by_record(
        &self,
        record: &ServiceDeployment,
        newer: Option<&Deployment>,
        service_is_there: bool,
    ) -> State {
        let reason = record.status_reason().map(str::to_owned);
        let because = |text: &str| reason.clone().unwrap_or_else(|| text.to_owned());
        let replaced = newer.is_some_and(|newer| took_over(newer, record));
        match record.status() {
            Some(Status::Successful) => State::Ended(RolloutOutcome::Succeeded, reason),
            Some(Status::RollbackSuccessful) => State::Ended(RolloutOutcome::RolledBack, reason),
            Some(Status::RollbackFailed) => State::Ended(RolloutOutcome::Failed, reason),
            Some(Status::Stopped) if self.failed || tripped(record).is_some() => {
                State::Ended(RolloutOutcome::Failed, reason.or_else(|| tripped(record).map(str::to_owned)))
            }
            Some(Status::Stopped) if replaced => State::Ended(RolloutOutcome::Superseded, reason),
            Some(Status::Stopped) => State::Ended(RolloutOutcome::Stopped, reason),
            Some(Status::StopRequested) if replaced => {
                State::Doomed(RolloutOutcome::Superseded, because("a newer deployment takes its place"))
            }
            Some(Status::StopRequested) => {
                State::Doomed(RolloutOutcome::Stopped, because("it is being stopped"))
            }
            Some(Status::RollbackRequested | Status::RollbackInProgress) => {
                let reason = record.rollback().and_then(|rollback| rollback.reason()).map(str::to_owned);
                State::Doomed(
                    RolloutOutcome::Failed,
                    reason.unwrap_or_else(|| because("it is being rolled back")),
                )
            }
            // Pending, in progress, and states that ECS may get one day: none of them is an end.
            _ => {
                if let Some(hook) = waiting_hook(record) {
                    return State::Ended(RolloutOutcome::Paused, Some(hook));
                }
                match tripped(record) {
                    Some(what) => doomed(&because(what)),
                    None if self.failed => doomed(&because("tasks keep failing")),
                    None if !service_is_there => gone(),
                    None if self.overtaken >= OVERTAKEN => {
                        State::Doomed(RolloutOutcome::Superseded, "a newer deployment takes its place".into())
                    }
                    None => State::Running,
                }
            }
        }
    }

    fn by_rollout_state(
        &self,
        service: &Service,
        ours: Option<&Deployment>,
        newer: Option<&Deployment>,
    ) -> State {
        if let Some(newer) = newer {
            let why = newer.rollout_state_reason().map(str::to_owned);
            if !(self.failed || is_rollback(service, newer)) {
                return State::Ended(RolloutOutcome::Superseded, why);
            }
            return match newer.rollout_state() {
                Some(RolloutState::Completed) => State::Ended(RolloutOutcome::RolledBack, why),
                Some(RolloutState::Failed) => State::Ended(RolloutOutcome::Failed, why),
                _ => doomed("it is being rolled back"),
            };
        }
        let Some(ours) = ours else {
            // A read from before our deployment, or between two of them.
            return if self.created.is_some() { State::Running } else { State::Hidden };
        };
        let why = ours.rollout_state_reason().map(str::to_owned);
        match ours.rollout_state() {
            _ if ours.status() != Some("PRIMARY") => State::Running,
            Some(RolloutState::Completed) if is_rollback(service, ours) => {
                State::Ended(RolloutOutcome::RolledBack, why)
            }
            Some(RolloutState::Completed) => State::Ended(RolloutOutcome::Succeeded, why),
            Some(RolloutState::Failed) if rolls_back(service) => {
                doomed(why.as_deref().unwrap_or("tasks keep failing"))
            }
            Some(RolloutState::Failed) => State::Ended(RolloutOutcome::Failed, why),
            // Services behind a Classic Load Balancer have no rollout state: what is left is that nothing else runs.
            None if service.deployments().len() == 1
                && ours.pending_count() == 0
                && ours.running_count() == ours.desired_count() =>
            {
                State::Ended(RolloutOutcome::Succeeded, why)
            }
            _ => State::Running,
        }
    }
}

/// Numbers and phase for people, of the newest sight.
pub fn progress(sight: &Sight<'_>, healthy: Option<i32>, seconds: f64) -> Progress {
    let ours = sight.service.zip(sight.id).and_then(|(service, id)| deployment(service, id));
    let record = if let Record::Found(record) = sight.record { Some(record) } else { None };
    let target = record.and_then(ServiceDeployment::target_service_revision);
    let number = |of: fn(&Deployment) -> i32, or: Option<i32>| ours.map(of).or(or).unwrap_or_default();
    let breaker = record.and_then(ServiceDeployment::deployment_circuit_breaker);
    let failed = ours
        .map_or(0, Deployment::failed_tasks)
        .max(breaker.map_or(0, ServiceDeploymentCircuitBreaker::failure_count));
    let mut told = Progress {
        phase: String::new(),
        desired: number(Deployment::desired_count, target.map(ServiceRevisionSummary::requested_task_count)),
        running: number(Deployment::running_count, target.map(ServiceRevisionSummary::running_task_count)),
        pending: number(Deployment::pending_count, target.map(ServiceRevisionSummary::pending_task_count)),
        healthy,
        failed,
        seconds,
    };
    told.phase = phase(sight, record, &told);
    told
}

fn phase(sight: &Sight<'_>, record: Option<&ServiceDeployment>, now: &Progress) -> String {
    match record.and_then(ServiceDeployment::status) {
        Some(Status::Successful) => return "done".to_owned(),
        Some(Status::RollbackRequested | Status::RollbackInProgress) => return "rolling back".to_owned(),
        Some(Status::RollbackSuccessful) => return "rolled back".to_owned(),
        Some(Status::RollbackFailed) => return "the rollback failed".to_owned(),
        Some(Status::StopRequested) => return "stopping".to_owned(),
        Some(Status::Stopped) => return "stopped".to_owned(),
        Some(Status::Pending | Status::InProgress) | None => {}
        Some(unknown) => return format!("in the state {}", unknown.as_str()),
    }
    if let Some(stage) = record.and_then(ServiceDeployment::lifecycle_stage) {
        return stage.as_str().to_lowercase().replace('_', " ");
    }
    let others = || sight.service.map(Service::deployments).unwrap_or_default().iter();
    let mut others = others().filter(|one| one.id() != sight.id && one.running_count() > 0);
    let phase = if now.running < now.desired && now.running == 0 && now.failed > 0 {
        "starting tasks again"
    } else if now.running < now.desired {
        "starting tasks"
    } else if now.desired == 0 {
        "no tasks are wanted"
    } else if others.any(|one| one.desired_count() < one.running_count()) {
        "stopping old tasks"
    } else {
        "waiting for health checks"
    };
    phase.to_owned()
}

/// The deployment of a service with this id.
pub fn deployment<'a>(service: &'a Service, id: &str) -> Option<&'a Deployment> {
    service.deployments().iter().find(|one| one.id() == Some(id))
}

/// The deployment that new tasks belong to.
pub fn primary(service: &Service) -> Option<&Deployment> {
    service.deployments().iter().find(|one| one.status() == Some("PRIMARY"))
}

/// Whether a record can be that of this deployment of a service: they are created in one moment, and no other deployment is nearer
/// to it.
pub fn is_of(record: &ServiceDeployment, ours: &Deployment, service: &Service) -> bool {
    record.created_at().is_some_and(|born| was_created_at(born.as_secs_f64(), ours, service))
}

/// The same for the time of a record's creation, in seconds since the epoch.
pub fn was_created_at(born: f64, ours: &Deployment, service: &Service) -> bool {
    let distance = |one: &Deployment| one.created_at().map(|at| (at.as_secs_f64() - born).abs());
    let Some(mine) = distance(ours) else { return false };
    mine <= SAME_MOMENT && !service.deployments().iter().filter_map(distance).any(|other| other < mine)
}

/// Whether the record is of a deployment that was, or is being, rolled back.
pub fn rolls_back_or_did(record: &ServiceDeployment) -> bool {
    let status = record.status();
    record.rollback().is_some()
        || matches!(
            status,
            Some(
                Status::RollbackRequested
                    | Status::RollbackInProgress
                    | Status::RollbackSuccessful
                    | Status::RollbackFailed
            )
        )
}

/// Whether this deployment was there when the other was stopped.
fn took_over(newer: &Deployment, record: &ServiceDeployment) -> bool {
    let end = record.stopped_at().or(record.finished_at()).map(DateTime::as_secs_f64);
    let born = newer.created_at().map(DateTime::as_secs_f64);
    born.zip(end).is_none_or(|(born, end)| born <= end + SAME_MOMENT)
}

/// Which of ECS's failure detectors has tripped.
fn tripped(record: &ServiceDeployment) -> Option<&'static str> {
    let breaker = record.deployment_circuit_breaker().and_then(|breaker| breaker.status());
    let alarms = record.alarms().and_then(|alarms| alarms.status());
    if breaker == Some(&Monitor::Triggered) {
        return Some("the deployment circuit breaker was triggered");
    }
    (alarms == Some(&Monitor::Triggered)).then_some("an alarm was triggered")
}

/// The hook that waits for somebody, in words.
fn waiting_hook(record: &ServiceDeployment) -> Option<String> {
    let mut hooks = record.lifecycle_hook_details().iter();
    let hook = hooks.find(|hook| hook.status() == Some(&HookStatus::AwaitingAction))?;
    let stage = record.lifecycle_stage().map(|stage| format!(" at {}", stage.as_str())).unwrap_or_default();
    Some(format!("hook {} waits for an action{stage}", hook.hook_id().unwrap_or("without an id")))
}

fn rolls_back(service: &Service) -> bool {
    let how = service.deployment_configuration();
    let breaker = how.and_then(|how| how.deployment_circuit_breaker());
    let alarms = how.and_then(|how| how.alarms());
    breaker.is_some_and(|it| it.enable() && it.rollback())
        || alarms.is_some_and(|it| it.enable() && it.rollback())
}

/// Whether a deployment is ECS's own return to an earlier one: an event says so (`rolling back to deployment ecs-svc/…`). Only
/// asked where no record tells.
fn is_rollback(service: &Service, deployment: &Deployment) -> bool {
    let Some(id) = deployment.id() else { return false };
    let words = format!("rolling back to deployment {id}");
    let said = |text: &str| {
        text.find(&words).is_some_and(|at| {
            !text.get(at + words.len()..).unwrap_or_default().starts_with(|c: char| c.is_ascii_digit())
        })
    };
    service.events().iter().filter_map(|event| event.message()).any(said)
}

fn doomed(why: &str) -> State {
    State::Doomed(RolloutOutcome::Failed, why.to_owned())
}

fn gone() -> State {
    State::Ended(RolloutOutcome::Stopped, Some("the service is deleted".to_owned()))
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
