//! How deployments end: failed tasks, the circuit breaker, alarms, rollbacks, and somebody else's deployments.

use serde_json::{Value, json};

use super::deployments::{Breaker, Deployment};
use super::json::text;
use super::releases::{Monitor, Rollback, Status, watched_alarms};
use super::scheduler::{World, listed};
use super::script::{Outcome, Plan, Script};
use super::services::Service;
use super::task_definitions;
use super::workloads::container_images;

/// Failed tasks in a row that a deployment without a circuit breaker replaces at once.
const PATIENCE: i32 = 5;
/// The longest pause between two attempts to start a task, in seconds.
const LONGEST_PAUSE_S: f64 = 900.0;

/// What ended a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Too many failed tasks.
    Breaker,
    /// An alarm that the service watches.
    Alarm,
    /// `StopServiceDeployment`.
    Request,
}

impl Cause {
    /// Why the service deployment is being, or was, rolled back.
    fn of_rollback(self) -> &'static str {
        match self {
            Self::Breaker => {
                "Service deployment rolled back because the circuit breaker threshold was exceeded."
            }
            Self::Alarm => {
                "Service deployment rolled back because one or more alarms were in the ALARM state."
            }
            Self::Request => "Service deployment rolled back because a rollback was requested.",
        }
    }

    /// Why the service deployment stopped where it was.
    fn of_stop(self) -> &'static str {
        match self {
            Self::Breaker => "Service deployment stopped because the circuit breaker threshold was exceeded.",
            Self::Alarm => "Service deployment stopped because one or more alarms were in the ALARM state.",
            Self::Request => "Service deployment stopped because this was requested.",
        }
    }

    /// The subject of `rolloutStateReason`.
    fn detector(self) -> &'static str {
        match self {
            Self::Breaker => "ECS deployment circuit breaker",
            Self::Alarm => "ECS deployment alarms",
            Self::Request => "ECS deployment stopped by request",
        }
    }

    /// What went wrong, in events and `rolloutStateReason`.
    fn words(self) -> &'static str {
        match self {
            Self::Breaker => "tasks failed to start.",
            Self::Alarm => "alarm detected.",
            Self::Request => "rollback requested.",
        }
    }
}

impl Deployment {
    /// When something of its script is due that is not a matter of its tasks: alarms, or another's deployment.
    pub fn trouble_at(&self, settings: &Value) -> Option<f64> {
        let script = self.script().filter(|_| self.is_open() && !self.is_rollback)?;
        let comes = script.outcome == Outcome::Superseded || !alarms(script, settings).is_empty();
        comes.then(|| self.created_at + script.after())
    }

    /// When the scheduler has to look at it, beside the moments of its tasks.
    pub fn moments(&self, settings: &Value) -> impl Iterator<Item = f64> {
        self.trouble_at(settings).into_iter().chain([self.retry_at])
    }

    /// Its circuit breaker; a script may have one of its own.
    fn breaker(&self, config: &Value, desired: i64) -> Breaker {
        let set = Breaker::of(config, desired);
        let forced = self.script().is_some_and(|script| {
            matches!(script.outcome, Outcome::Rollback | Outcome::RollbackFailed) && !script.by_alarm()
        });
        if forced { Breaker { on: true, rollback: true, ..set } } else { set }
    }
}

/// The alarms of a script that the service of these settings watches.
fn alarms(script: &Script, settings: &Value) -> Vec<String> {
    let watched = settings.get("deploymentConfiguration").map(watched_alarms).unwrap_or_default();
    script.alarms.iter().filter(|name| watched.contains(name)).cloned().collect()
}

/// A task that ended by itself.
pub struct Ended {
    by: Option<String>,
    was_healthy: bool,
}

impl World<'_> {
    /// Ends the tasks whose time has come.
    pub fn end_tasks(&mut self, service: &mut Service, at: f64) -> Vec<Ended> {
        let arns: Vec<String> = self.of(service).map(|one| one.arn.clone()).collect();
        let mut ended = Vec::new();
        for arn in arns {
            let Some(task) = self.tasks.get_mut(&arn).filter(|task| task.is_wanted()) else {
                continue;
            };
            if !task.end_by(at) {
                continue;
            }
            let (id, sick, registered) = (task.id().to_owned(), task.course.sick, task.registered);
            let (target, groups) = (task.course.target.clone(), task.balancers.clone());
            ended.push(Ended { by: task.started_by.clone(), was_healthy: task.has_been_healthy(at) });
            service.steady = false;
            if sick {
                let message = match groups.first() {
                    Some((group, port)) => {
                        let why = target.description.unwrap_or_else(|| "Health checks failed".into());
                        format!("(port {port}) is unhealthy in (target-group {group}) due to (reason {why}).")
                    }
                    None => format!("(task {id}) failed container health checks."),
                };
                service.event(self.ids, at, &message);
                service.event(self.ids, at, &format!("has stopped 1 running tasks: {}.", listed(&[id])));
            }
            for (group, _) in groups.iter().filter(|_| registered) {
                let message = format!("deregistered 1 targets in (target-group {group})");
                service.event(self.ids, at, &message);
            }
        }
        ended
    }

    /// What the last moment means for PRIMARY: counts, and a verdict if it is time for one.
    pub fn judge(&mut self, service: &mut Service, ended: &[Ended], at: f64) {
        let config = service.config();
        let (desired, settings) = (service.desired, service.settings.clone());
        let Some(primary) = service.deployments.first_mut() else {
            return;
        };
        let breaker = primary.breaker(&config, desired);
        let id = primary.id.clone();
        for one in ended.iter().filter(|one| one.by.as_deref() == Some(&id)) {
            // A task that was healthy before is a failure only to a breaker that never forgets.
            if primary.is_open() && (!one.was_healthy || !breaker.reset) {
                primary.failed += 1;
            }
            primary.streak += 1;
            pause(primary, breaker.on && primary.is_open(), at);
        }
        let mut healthy = false;
        for task in self.tasks.values_mut().filter(|one| !one.counted && one.has_been_healthy(at)) {
            if task.started_by.as_deref() == Some(&id) {
                task.counted = true;
                healthy = true;
            }
        }
        if healthy {
            primary.streak = 0;
            if breaker.reset && primary.is_open() {
                primary.failed = 0;
            }
        }
        let (open, failed, streak) = (primary.is_open(), primary.failed, primary.streak);
        let tired = streak > PATIENCE && !(breaker.on && open);
        let due = primary.trouble_at(&settings).is_some_and(|due| due <= at);
        let script = primary.script().cloned().filter(|_| due);
        let is_rollback = primary.is_rollback;
        if tired {
            self.complain(
                service,
                at,
                "is unable to consistently start tasks successfully. For more information, see the Troubleshooting \
                 section of the Amazon ECS Developer Guide.",
            );
        }
        let Some(release) = service.releases.first_mut().filter(|_| open) else {
            return;
        };
        release.start(at);
        if !is_rollback {
            release.failures = failed;
            release.threshold = breaker.threshold;
            if breaker.on && release.breaker == Monitor::Disabled {
                release.breaker = Monitor::Monitoring;
            }
        }
        let asked = release.status == Status::RollbackRequested;
        if asked {
            self.fail(service, Cause::Request, true, at);
        } else if breaker.on && failed >= breaker.threshold {
            release.breaker = Monitor::Triggered;
            self.fail(service, Cause::Breaker, breaker.rollback, at);
        } else if let Some(script) = script {
            let names = alarms(&script, &settings);
            if names.is_empty() {
                self.supersede(service, at);
            } else {
                release.alarms = Monitor::Triggered;
                release.triggered = names;
                let set = config.pointer("/alarms/rollback").and_then(Value::as_bool).unwrap_or(false);
                let forced = matches!(script.outcome, Outcome::Rollback | Outcome::RollbackFailed);
                self.fail(service, Cause::Alarm, set || forced, at);
            }
        }
    }

    /// PRIMARY has failed: back to the last deployment that completed, or the end.
    fn fail(&mut self, service: &mut Service, cause: Cause, back: bool, at: f64) {
        let Some(primary) = service.deployments.first_mut() else {
            return;
        };
        primary.close("FAILED", format!("{}: {}", cause.detector(), cause.words()), at);
        let (id, script, is_rollback) = (primary.id.clone(), primary.script().cloned(), primary.is_rollback);
        let release_arn = primary.release.clone();
        service.event(self.ids, at, &format!("(deployment {id}) deployment failed: {}", cause.words()));
        let detail = script.as_ref().and_then(|one| one.detail.clone());
        let completed = service.completed.clone().filter(|_| !is_rollback);
        let workload = completed.as_ref().and_then(|(_, arn)| service.workload(arn)).cloned();
        let Some(release) = service.releases.first_mut() else {
            return;
        };
        if !back && !is_rollback {
            let reason = detail.unwrap_or_else(|| cause.of_stop().to_owned());
            release.end(Status::Stopped, Some(reason), at);
            return;
        }
        let (Some((old, _)), Some(workload)) = (completed, workload) else {
            let nothing = "Service deployment rollback failed because there is no completed service deployment to \
                           roll back to.";
            let again = "Service deployment rollback failed because tasks of the rollback failed to start.";
            let reason = if is_rollback { again } else { nothing };
            release.end(Status::RollbackFailed, Some(detail.unwrap_or_else(|| reason.to_owned())), at);
            return;
        };
        let reason = detail.unwrap_or_else(|| cause.of_rollback().to_owned());
        release.turn(Status::RollbackInProgress, Some(reason.clone()), at);
        release.rollback = Some(Rollback { reason, started_at: at, revision: Some(workload.arn.clone()) });
        service.event(self.ids, at, &format!("rolling back to deployment {old}."));
        restore(&mut service.settings, &workload.settings);
        let plan = match script.filter(|one| one.outcome == Outcome::RollbackFailed) {
            Some(script) => Plan::new(self.pace, Some(Script { alarms: Vec::new(), ..script })),
            None => Plan::new(self.pace, None),
        };
        let mut deployment = Deployment::new(&service.settings, service.desired, plan, self.ids, at);
        deployment.revision = workload.arn;
        deployment.release = release_arn;
        deployment.is_rollback = true;
        deployment.words = format!("{}: rolling back to deploymentId {old}.", cause.detector());
        service.deployments.insert(0, deployment);
        service.steady = false;
        service.changed_at = at;
    }

    /// PRIMARY has completed, unless that was said before.
    pub fn complete(&mut self, service: &mut Service, at: f64) {
        let Some(primary) = service.deployments.first_mut().filter(|one| one.is_open()) else {
            return;
        };
        let id = primary.id.clone();
        primary.close("COMPLETED", format!("ECS deployment {id} completed."), at);
        service.completed = Some((id.clone(), primary.revision.clone()));
        if let Some(release) = service.releases.first_mut() {
            let back = primary.is_rollback;
            release.end(if back { Status::RollbackSuccessful } else { Status::Successful }, None, at);
        }
        service.event(self.ids, at, &format!("(deployment {id}) deployment completed."));
    }

    /// Somebody else registers another revision of the family and deploys it.
    fn supersede(&mut self, service: &mut Service, at: f64) {
        let arn = text(&service.settings, "taskDefinition").unwrap_or_default().to_owned();
        let who = format!(
            "arn:{}:sts::{}:assumed-role/other-pipeline/release",
            self.place.partition, self.place.account
        );
        let Some(revision) = task_definitions::register_variant(self.families, &arn, &who, at) else {
            return;
        };
        let (arn, images) = (revision.arn().to_owned(), container_images(revision));
        if let Some(settings) = service.settings.as_object_mut() {
            settings.insert("taskDefinition".to_owned(), json!(arn));
        }
        service.deploy(Plan::new(self.pace, None), images, self.place, self.ids, at);
    }

    /// Whether PRIMARY starts nothing now: it has no room, or pauses after failures.
    pub fn is_held_back(&mut self, service: &mut Service, at: f64) -> bool {
        let Some(primary) = service.deployments.first_mut() else {
            return true;
        };
        if at < primary.retry_at {
            return true;
        }
        let Some(why) = primary.script().and_then(Script::no_capacity).map(str::to_owned) else {
            return false;
        };
        // An attempt that finds no place counts as a failed task.
        let after = primary.script().map_or(0.0, Script::after);
        primary.streak += 1;
        if primary.is_open() {
            primary.failed += 1;
        }
        pause(primary, false, at);
        primary.retry_at = primary.retry_at.max(at + after.max(0.05));
        self.complain(service, at, &format!("was unable to place a task. Reason: {why}"));
        self.tell(service, at);
        true
    }

    /// Writes the event of the script, once.
    pub fn tell(&mut self, service: &mut Service, at: f64) {
        let Some(primary) = service.deployments.first_mut().filter(|one| !one.told) else {
            return;
        };
        primary.told = true;
        if let Some(event) = primary.script().and_then(|one| one.event.clone()) {
            service.event(self.ids, at, &event);
        }
    }
}

/// Without a circuit breaker ECS goes on for ever, with growing pauses; the sandbox's begin at a quarter of a second.
fn pause(deployment: &mut Deployment, watched: bool, at: f64) {
    let over = deployment.streak - PATIENCE;
    if over > 0 && !watched {
        deployment.retry_at = at + (0.25 * 2_f64.powi(over.min(20))).min(LONGEST_PAUSE_S);
    }
}

/// Puts the settings back that belong to a deployment.
fn restore(settings: &mut Value, old: &Value) {
    let keys = super::deployments::SPEC.iter().copied().chain(["loadBalancers", "serviceRegistries"]);
    let Some(members) = settings.as_object_mut() else {
        return;
    };
    for key in keys {
        match old.get(key) {
            Some(value) => members.insert(key.to_owned(), value.clone()),
            None => members.remove(key),
        };
    }
}
