//! One deployment under watch: what the polls showed of it so far, and what to do next.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_ecs::types::{
    Deployment, DeploymentCircuitBreaker, DesiredStatus, HealthStatus, Service, ServiceDeployment, Task,
};

use super::evidence::first_words;
use super::hopeless::Course;
use super::verdict::{self, Machine, Record, Sight, State};
use super::{OnEnd, Patience, Target, calls, find};
use crate::aws::{self, Aws};
use crate::model::{CallError, Progress, RolloutEvent, RolloutOutcome};

/// After so many polls without a record ECS has none.
const TRIES: u32 = 5;

/// How long ECS may not show a deployment that it has answered us with.
const HIDDEN: Duration = Duration::from_secs(30);

/// How long the end of a rollout that ECS has given up itself is waited for when nothing else is: a rollback is mostly a matter of
/// seconds, because old tasks still run, and what runs after it belongs to the verdict.
const CLOSING: Duration = Duration::from_mins(1);

/// How long between two looks at the tasks when nothing says that one failed.
const LOOK: Duration = Duration::from_secs(15);

/// One deployment under watch.
#[derive(Debug)]
pub struct Watched {
    /// What is watched.
    pub target: Target,
    /// `ecs-svc/…`.
    pub id: Option<String>,
    /// The ARN of its record.
    pub arn: Option<String>,
    /// The service, as of the last poll.
    pub service: Option<Service>,
    /// The record, as of the last poll.
    pub record: Option<ServiceDeployment>,
    /// ARN of the task definition.
    pub definition: Option<String>,
    /// Its tasks.
    pub course: Course,
    /// Why we gave it up: its rollback is waited for.
    pub rollback: Option<String>,
    /// When and why ECS gave it up: its end is near.
    given_up: Option<(Duration, String)>,
    machine: Machine,
    tries: u32,
    missing: bool,
    known: BTreeSet<String>,
    looked: Option<Duration>,
    look_again: bool,
    healthy: Option<i32>,
    progress: Option<Progress>,
    failure_told: bool,
}

/// What to do with a deployment after a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Poll again; whether something changed.
    On(bool),
    /// Stop it and bring the last good revision back, for this reason.
    RollBack(String),
    /// It is over, or not waited for any more.
    End(RolloutOutcome, Option<String>),
}

impl Watched {
    /// Nothing is known yet.
    pub fn new(target: Target) -> Self {
        let is_arn = target.deployment.starts_with("arn:");
        let name = || Some(target.deployment.clone());
        Self {
            id: if is_arn { None } else { name() },
            arn: if is_arn { name() } else { None },
            target,
            service: None,
            record: None,
            definition: None,
            course: Course::default(),
            rollback: None,
            given_up: None,
            machine: Machine::default(),
            tries: 0,
            missing: false,
            known: BTreeSet::new(),
            looked: None,
            look_again: false,
            healthy: None,
            progress: None,
            failure_told: false,
        }
    }

    /// Its name for people and commands: the id, else the ARN.
    pub fn name(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.target.deployment)
    }

    /// When it was created, in seconds since the epoch.
    pub fn created(&self) -> Option<f64> {
        self.machine.created().filter(|created| *created > 0.0)
    }

    /// Our deployment as `DescribeServices` lists it.
    pub fn ours(&self) -> Option<&Deployment> {
        verdict::deployment(self.service.as_ref()?, self.id.as_deref()?)
    }

    /// Takes the service, and says which record to read: ours, or what is likely ours.
    pub fn take_service(&mut self, service: Option<Service>) -> Option<String> {
        self.service = service;
        self.definition =
            self.ours().and_then(Deployment::task_definition).map(str::to_owned).or(self.definition.take());
        if self.arn.is_some() || self.missing {
            return self.arn.clone();
        }
        let is_primary = self.ours().and_then(Deployment::status) == Some("PRIMARY");
        let current = self.service.as_ref()?.current_service_deployment();
        current.filter(|_| is_primary).map(str::to_owned)
    }

    /// Takes the records that were read. Whether ours is still to be searched for.
    pub fn take_records(&mut self, records: &BTreeMap<String, ServiceDeployment>) -> bool {
        if let Some(arn) = &self.arn {
            if let Some(record) = records.get(arn) {
                self.record = Some(record.clone());
                self.tries = 0;
            } else {
                self.tries += 1;
                self.missing |= self.record.is_none() && self.tries >= TRIES;
            }
            self.find_id();
            return false;
        }
        // A read that lags behind may show our deployment beside the record of the one before it.
        let current = self.service.as_ref().and_then(Service::current_service_deployment);
        let found = current.and_then(|arn| records.get(arn));
        if let Some((record, ours)) = found.zip(self.ours())
            && ours.status() == Some("PRIMARY")
            && self.service.as_ref().is_some_and(|service| verdict::is_of(record, ours, service))
        {
            self.arn = record.service_deployment_arn().map(str::to_owned);
            self.record = Some(record.clone());
            return false;
        }
        !self.missing && self.service.is_some()
    }

    /// Only the ARN is known: the deployment that was created with it has the id that its tasks are started by.
    fn find_id(&mut self) {
        if self.id.is_some() {
            return;
        }
        let (Some(service), Some(record)) = (&self.service, &self.record) else { return };
        let is_current = service.current_service_deployment() == self.arn.as_deref();
        let mut deployments = service.deployments().iter();
        let ours = deployments.find(|one| {
            (one.status() == Some("PRIMARY")) == is_current && verdict::is_of(record, one, service)
        });
        self.id = ours.and_then(Deployment::id).map(str::to_owned);
    }

    /// Searches for our record where the usual way does not lead to it: at once, then at every third poll.
    pub async fn search(&mut self, aws: &Aws) -> Result<(), CallError> {
        self.tries += 1;
        let (Some(service), Some(id)) = (&self.service, &self.id) else { return Ok(()) };
        if self.tries % 3 != 1 {
            return Ok(());
        }
        self.arn = find::record_of(aws, &self.target.cluster, service, id).await?;
        if let Some(arn) = &self.arn {
            self.record = calls::records(aws, &BTreeSet::from([arn.clone()])).await?.remove(arn);
            self.tries = 0;
        } else {
            self.missing = self.tries >= TRIES && self.ours().is_some();
        }
        Ok(())
    }

    /// Whether the tasks should be looked at: one failed, some that ran do so no more, or nothing moved for a while.
    pub fn wants_look(&self, at: Duration) -> bool {
        if self.id.is_none() {
            return false;
        }
        let looked = self.looked.unwrap_or_default();
        let moves = self.record.as_ref().and_then(ServiceDeployment::status).is_none_or(is_open);
        self.look_again || (moves && self.created().is_some() && at.saturating_sub(looked) >= LOOK)
    }

    /// Looks at the tasks: the stopped ones, and the health of the running ones.
    pub async fn look(&mut self, aws: &Aws, at: Duration) -> Result<(), CallError> {
        self.looked = Some(at);
        let (cluster, service) = (&self.target.cluster, &self.target.service);
        let read = calls::tasks(aws, cluster, service, DesiredStatus::Stopped, &self.known);
        let stopped = match read.await {
            // Watching goes on without; why tasks failed is then for somebody with more permissions.
            Err(error) if error.is_access_denied() => return Ok(()),
            other => other?,
        };
        let ours = |task: &&Task| task.started_by() == self.id.as_deref();
        let mut found = false;
        for task in &stopped {
            // A task is listed as stopped when that is wanted of it; how it ended shows only later.
            if task.last_status() == Some("STOPPED") {
                self.known.insert(task.task_arn().unwrap_or_default().to_owned());
                found |= ours(&task) && self.course.stopped(task);
            }
        }
        self.look_again &= !found;
        let running = self.ours().map_or(0, Deployment::running_count);
        if running > 0 && at >= LOOK {
            let all = BTreeSet::new();
            let tasks = calls::tasks(aws, cluster, service, DesiredStatus::Running, &all).await?;
            let checked = tasks.iter().filter(ours).filter_map(Task::health_status);
            let checked: Vec<&HealthStatus> = checked
                .filter(|health| matches!(health, HealthStatus::Healthy | HealthStatus::Unhealthy))
                .collect();
            let healthy = checked.iter().filter(|health| ***health == HealthStatus::Healthy).count();
            self.healthy = if checked.is_empty() { None } else { i32::try_from(healthy).ok() };
        }
        Ok(())
    }

    /// Judges the last poll: what is to be told, and what to do next.
    pub fn judge(&mut self, at: Duration, patience: &Patience) -> (Vec<RolloutEvent>, Next) {
        let record = match &self.record {
            Some(record) => Record::Found(record),
            None if self.missing => Record::Missing,
            None => Record::Awaited,
        };
        let sight = Sight { id: self.id.as_deref(), service: self.service.as_ref(), record };
        let state = self.machine.see(sight);
        if state == State::Hidden {
            let what = format!("ECS does not show the deployment {}", self.name());
            let end = Next::End(RolloutOutcome::Stopped, Some(what));
            return (Vec::new(), if at >= HIDDEN { end } else { Next::On(false) });
        }
        let seconds = self.created().map_or(0.0, |created| (aws::now() - created).max(0.0));
        let progress = verdict::progress(&sight, self.healthy, seconds);
        self.course.runs(progress.running, at.as_secs_f64(), aws::now());
        let mut events = Vec::new();
        let service = self.target.service.clone();
        if let Some(task) = self.course.first().filter(|_| !self.failure_told) {
            let what = first_words(task);
            events.push(RolloutEvent::TaskFailed { service: service.clone(), what });
            self.failure_told = true;
        }
        let before = self.progress.as_ref();
        let fell = before.is_some_and(|before| progress.running < before.running);
        let failed = progress.failed > before.map_or(0, |before| before.failed);
        self.look_again |= failed || fell;
        let changed =
            before.is_none_or(|before| Progress { seconds: before.seconds, ..progress.clone() } != *before);
        if changed {
            events.push(RolloutEvent::Progress { service, progress: progress.clone() });
            self.progress = Some(progress);
        }
        if let (State::Doomed(RolloutOutcome::Failed, why), None) = (&state, &self.given_up) {
            self.given_up = Some((at, why.clone()));
        }
        let next = self.decide(state, at, changed || !events.is_empty(), patience);
        (events, next)
    }

    fn decide(&self, state: State, at: Duration, changed: bool, patience: &Patience) -> Next {
        let closing = self.given_up.as_ref().is_some_and(|(since, _)| at.saturating_sub(*since) < CLOSING);
        let hopeless = || self.course.hopeless(self.has_breaker()).map(str::to_owned);
        let state = match state {
            State::Running if patience.fail_fast => {
                hopeless().map_or(state, |why| State::Doomed(RolloutOutcome::Failed, why))
            }
            other => other,
        };
        match state {
            State::Ended(outcome, reason) => Next::End(outcome, reason.or_else(|| self.rollback.clone())),
            State::Doomed(RolloutOutcome::Failed, why)
                if self.rollback.is_none() && patience.on_failure == OnEnd::Rollback =>
            {
                Next::RollBack(why)
            }
            // Its end is near and the polls are few: they keep their shortest distance.
            State::Doomed(RolloutOutcome::Failed, _) if closing => Next::On(true),
            State::Doomed(outcome, why) if self.rollback.is_none() && patience.fail_fast => {
                Next::End(outcome, Some(why))
            }
            State::Doomed(..) | State::Running | State::Hidden => Next::On(changed),
        }
    }

    /// Why it has failed although it is not over: we, or ECS, gave it up.
    pub fn lost(&self) -> Option<&str> {
        self.rollback.as_deref().or(self.given_up.as_ref().map(|(_, why)| why.as_str()))
    }

    /// Whether ECS is taking it back already.
    pub fn is_rolling_back(&self) -> bool {
        self.record.as_ref().is_some_and(verdict::rolls_back_or_did)
    }

    fn has_breaker(&self) -> bool {
        let how = self.service.as_ref().and_then(Service::deployment_configuration);
        how.and_then(|how| how.deployment_circuit_breaker()).is_some_and(DeploymentCircuitBreaker::enable)
    }
}

/// Whether something of the record may still change.
pub fn is_open(status: &aws_sdk_ecs::types::ServiceDeploymentStatus) -> bool {
    use aws_sdk_ecs::types::ServiceDeploymentStatus as Status;
    !matches!(
        status,
        Status::Successful | Status::Stopped | Status::RollbackSuccessful | Status::RollbackFailed
    )
}
