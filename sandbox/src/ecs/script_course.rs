//! The courses that scripts prescribe.

use std::collections::BTreeMap;

use serde_json::Value;

use super::course::{Course, End, Exit, Pace, TargetHealth, first_essential};
use super::json::text;
use super::script::{Outcome, Script};

/// How long a task without a health check must run before ECS takes it for healthy, in seconds. A crash within
/// that time is a failure of the deployment, a later one is not.
const GRACE_S: f64 = 40.0;

impl Script {
    /// The course of the `turn`th task (from 0) that a deployment starts.
    pub fn course(&self, turn: u64, on: &Ground<'_>) -> Course {
        let quick = Pace::quick();
        let mut course = match self.outcome {
            _ if self.by_alarm() => Course::healthy(quick),
            Outcome::Healthy => {
                let pace = self.after_s.map_or(on.pace, |after| on.pace.running_at(after));
                Course::healthy(pace)
            }
            Outcome::CrashThenHealthy if turn > 0 => Course::healthy(quick),
            Outcome::Crash | Outcome::CrashThenHealthy | Outcome::Rollback | Outcome::RollbackFailed => {
                self.crash(on)
            }
            Outcome::Oom => {
                let killed = "OutOfMemoryError: Container killed due to memory usage";
                let reason = self.container_reason.as_deref().or(self.reason.as_deref()).unwrap_or(killed);
                self.exit(on, self.exit_code.unwrap_or(137), Some(reason), None)
            }
            Outcome::PullError => {
                let image = on.image(self.failing(on.containers));
                self.no_start(
                    on,
                    &format!(
                        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve \
                         ref {image}: {image}: not found"
                    ),
                )
            }
            Outcome::InitError => self.no_start(
                on,
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                 failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to \
                 fetch secret: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
            ),
            Outcome::Unhealthy => self.unhealthy(on),
            Outcome::StuckPending | Outcome::Capacity => {
                Course { running_s: None, healthy_s: None, ..Course::healthy(quick) }
            }
            // Not complete before somebody else comes.
            Outcome::Superseded => Course::healthy(on.pace.running_at(self.after() + on.pace.running_s)),
        };
        if let Some(stop_s) = self.stop_s {
            course.stop_s = stop_s;
        }
        if let Some(health) = &self.target_health {
            course.target = health.clone();
            if self.outcome == Outcome::Healthy && health.state != "healthy" {
                // ECS waits for the load balancer, and there is nothing to wait for.
                course.healthy_s = None;
            }
        }
        course.saying(self.failing(on.containers), &self.log)
    }

    /// The course of a task of `RunTask`; nothing scripted is [`Course::of_run`].
    pub fn run(&self, on: &Ground<'_>) -> Course {
        if !matches!(self.outcome, Outcome::Healthy) {
            return self.course(0, on);
        }
        let name = self.failing(on.containers).to_owned();
        let pace = on.pace.running_at(self.after_s.unwrap_or(Course::RUN_STARTS_S));
        let mut course = Course::of_run(on.containers, pace, self.run_s.unwrap_or(Course::RUN_TAKES_S));
        if let Some(end) = &mut course.end {
            end.code = self.stop_code.clone().unwrap_or_else(|| end.code.clone());
            end.reason = self.reason.clone().unwrap_or_else(|| end.reason.clone());
            end.containers.insert(
                name.clone(),
                Exit { code: Some(self.exit_code.unwrap_or(0)), reason: self.container_reason.clone() },
            );
        }
        course.stop_s = self.stop_s.unwrap_or(course.stop_s);
        course.saying(&name, &self.log)
    }

    /// Name of the container that fails.
    fn failing<'a>(&'a self, containers: &'a [Value]) -> &'a str {
        self.container.as_deref().or_else(|| first_essential(containers)).unwrap_or_default()
    }

    fn crash(&self, on: &Ground<'_>) -> Course {
        self.exit(on, self.exit_code.unwrap_or(1), self.container_reason.as_deref(), self.reason.as_deref())
    }

    /// Runs for `after_s`, then an essential container exits and takes the others with it.
    fn exit(&self, on: &Ground<'_>, code: i32, reason: Option<&str>, stopped: Option<&str>) -> Course {
        let pace = Pace::quick();
        let ran_s = self.run_s.unwrap_or_else(|| self.after());
        let mut containers = on.terminated();
        let exit = Exit { code: Some(code), reason: reason.map(str::to_owned) };
        containers.insert(self.failing(on.containers).to_owned(), exit);
        let end = End {
            at_s: pace.running_s + ran_s,
            takes_s: 0.05,
            code: self.stop_code.clone().unwrap_or_else(|| "EssentialContainerExited".into()),
            reason: stopped.unwrap_or("Essential container in task exited").to_owned(),
            containers,
        };
        let healthy_s = (ran_s >= GRACE_S).then_some(pace.running_s + pace.settle_s);
        Course { healthy_s, end: Some(end), ..Course::healthy(pace) }
    }

    /// Gives up before RUNNING; the failing container and the task say the same.
    fn no_start(&self, on: &Ground<'_>, default: &str) -> Course {
        let pace = Pace::quick();
        let reason = self.reason.as_deref().unwrap_or(default);
        let said = self.container_reason.as_deref().unwrap_or(reason);
        let mut containers = on.terminated();
        for exit in containers.values_mut() {
            exit.code = None;
        }
        let exit = Exit { code: self.exit_code, reason: Some(said.to_owned()) };
        containers.insert(self.failing(on.containers).to_owned(), exit);
        let end = End {
            at_s: pace.pending_s + self.after_s.unwrap_or(0.2),
            takes_s: 0.05,
            code: self.stop_code.clone().unwrap_or_else(|| "TaskFailedToStart".into()),
            reason: reason.to_owned(),
            containers,
        };
        Course { running_s: None, healthy_s: None, end: Some(end), ..Course::healthy(pace) }
    }

    /// Runs, until the scheduler stops it for its failed health checks.
    fn unhealthy(&self, on: &Ground<'_>) -> Course {
        let pace = Pace::quick();
        let default = on.group.map_or_else(
            || "Task failed container health checks".to_owned(),
            |group| format!("Task failed ELB health checks in (target-group {group})"),
        );
        let mut containers = on.terminated();
        let exit = Exit { code: Some(self.exit_code.unwrap_or(143)), reason: self.container_reason.clone() };
        containers.insert(self.failing(on.containers).to_owned(), exit);
        let end = End {
            at_s: pace.running_s + self.after(),
            takes_s: pace.stop_s,
            code: self.stop_code.clone().unwrap_or_else(|| "ServiceSchedulerInitiated".into()),
            reason: self.reason.clone().unwrap_or(default),
            containers,
        };
        let target = TargetHealth {
            state: "unhealthy".into(),
            reason: Some("Target.ResponseCodeMismatch".into()),
            description: Some("Health checks failed with these codes: [502]".into()),
        };
        Course { healthy_s: None, end: Some(end), sick: true, target, ..Course::healthy(pace) }
    }
}

/// What a course depends on beside its script.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The containers of the task definition.
    pub containers: &'a [Value],
    /// The first target group of the service.
    pub group: Option<&'a str>,
    /// How fast tasks go.
    pub pace: Pace,
}

impl Ground<'_> {
    /// Every container ended by the SIGTERM that follows the end of an essential one: 128 + 15.
    fn terminated(&self) -> BTreeMap<String, Exit> {
        let name = |one: &Value| Some(text(one, "name")?.to_owned());
        let exit = || Exit { code: Some(143), reason: None };
        self.containers.iter().filter_map(name).map(|name| (name, exit())).collect()
    }

    fn image(&self, container: &str) -> &str {
        let named = self.containers.iter().find(|one| text(one, "name") == Some(container));
        named.and_then(|one| text(one, "image")).unwrap_or_default()
    }
}

impl Course {
    /// Seconds to RUNNING of a task of `RunTask`.
    pub const RUN_STARTS_S: f64 = 0.3;
    /// Seconds from then to its exit.
    pub const RUN_TAKES_S: f64 = 0.5;

    /// A task that does its work in `takes_s` and exits with 0.
    pub fn of_run(containers: &[Value], pace: Pace, takes_s: f64) -> Self {
        let end = End {
            at_s: pace.running_s + takes_s,
            takes_s: 0.1,
            code: "EssentialContainerExited".into(),
            reason: "Essential container in task exited".into(),
            containers: containers
                .iter()
                .filter_map(|one| Some((text(one, "name")?.to_owned(), Exit { code: Some(0), reason: None })))
                .collect(),
        };
        Self { end: Some(end), ..Self::healthy(pace) }
    }
}
