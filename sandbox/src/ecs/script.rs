//! Scripts: what the next deployments of a service, or the next runs of a task, are going to do.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Ecs;
use super::course::{Course, Pace, TargetHealth};
pub use super::script_course::Ground;

/// One script. Everything but the subject and the outcome has a default.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Name of a service, or its key in a stack: what follows the last of the name's prefixes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Family of the tasks of `RunTask`, or the task's key in a stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What happens.
    pub outcome: Outcome,
    /// Seconds: to RUNNING for `healthy`, from RUNNING to the end for crashes, to the event otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_s: Option<f64>,
    /// What the container exits with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// AWS's words, verbatim: the `stoppedReason`; the container's `reason` for `oom`; the event's for `capacity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the container writes to its log.
    #[serde(default)]
    pub log: Vec<String>,
    /// For how many deployments or runs this holds.
    #[serde(default = "one")]
    pub count: u32,
    /// Which container fails and writes; the first essential one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The container's `reason`, verbatim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_reason: Option<String>,
    /// The task's `stopCode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_code: Option<String>,
    /// One more event of the service, written when its first task starts or fails to; comes after `(service NAME) `.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What the load balancer says about the tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_health: Option<TargetHealth>,
    /// Alarms that go off after `after_s`; they count if the service watches them.
    #[serde(default)]
    pub alarms: Vec<String>,
    /// The `statusReason` of the service deployment once it has failed, verbatim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Seconds from the order to stop a task to STOPPED.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_s: Option<f64>,
    /// Seconds that a run of a task goes on after RUNNING, before it exits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_s: Option<f64>,
}

fn one() -> u32 {
    1
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Tasks come to run and stay.
    Healthy,
    /// Every task runs for a moment and exits.
    Crash,
    /// The first task crashes, the others are fine.
    CrashThenHealthy,
    /// The image cannot be pulled.
    PullError,
    /// Secrets, logs or volumes cannot be prepared.
    InitError,
    /// Every task is killed for its use of memory.
    Oom,
    /// Tasks run, fail their health checks and are stopped.
    Unhealthy,
    /// Tasks never get beyond PENDING.
    StuckPending,
    /// The deployment fails and is rolled back, whatever the circuit breaker's settings.
    Rollback,
    /// The deployment fails, and so does its rollback.
    RollbackFailed,
    /// Somebody else deploys another revision meanwhile.
    Superseded,
    /// Fargate has no room: no task starts.
    Capacity,
}

/// The stop codes of the API.
const STOP_CODES: [&str; 7] = [
    "TaskFailedToStart",
    "EssentialContainerExited",
    "UserInitiated",
    "ServiceSchedulerInitiated",
    "SpotInterruption",
    "TerminationNotice",
    "InfrastructureHealth",
];

/// What Fargate says when it is full.
const NO_CAPACITY: &str = "Capacity is unavailable at this time. Please try again later or in a different \
                           availability zone. For more information, see the Troubleshooting section of the Amazon \
                           ECS Developer Guide.";

impl Script {
    /// What is wrong with it, if anything.
    pub fn fault(&self) -> Option<String> {
        if self.service.is_some() == self.task.is_some() {
            return Some("exactly one of `service` and `task` is needed".into());
        }
        if self.count == 0 {
            return Some("`count` must be at least 1".into());
        }
        for (name, seconds) in [("after_s", self.after_s), ("stop_s", self.stop_s), ("run_s", self.run_s)] {
            if seconds.is_some_and(|seconds| !seconds.is_finite() || seconds < 0.0) {
                return Some(format!("`{name}` must be 0 or more seconds"));
            }
        }
        if let Some(code) = self.stop_code.as_deref().filter(|code| !STOP_CODES.contains(code)) {
            return Some(format!("`{code}` is no stop code; there are {}", STOP_CODES.join(", ")));
        }
        let of_services = matches!(
            self.outcome,
            Outcome::CrashThenHealthy
                | Outcome::Unhealthy
                | Outcome::Rollback
                | Outcome::RollbackFailed
                | Outcome::Superseded
        );
        (self.task.is_some() && of_services).then(|| "this outcome is only possible for a `service`".into())
    }

    /// Whether nothing can be placed, and the words for it.
    pub fn no_capacity(&self) -> Option<&str> {
        (self.outcome == Outcome::Capacity).then(|| self.reason.as_deref().unwrap_or(NO_CAPACITY))
    }

    /// Whether its tasks fail by themselves, or its deployment does.
    pub fn fails(&self) -> bool {
        !matches!(self.outcome, Outcome::Healthy | Outcome::Superseded)
    }

    /// Whether alarms are what goes wrong, and not the tasks.
    pub fn by_alarm(&self) -> bool {
        matches!(self.outcome, Outcome::Healthy | Outcome::Rollback | Outcome::RollbackFailed)
            && !self.alarms.is_empty()
    }

    /// The seconds of `after_s`, with the default of the outcome.
    pub fn after(&self) -> f64 {
        self.after_s.unwrap_or(0.3)
    }
}

/// Whose script.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// The service of this name.
    Service(&'a str),
    /// A run of a task of this family.
    Task(&'a str),
}

impl Ecs {
    /// Puts a script at the end of the queue.
    pub fn add_script(&mut self, script: Script) {
        self.scripts.push(script);
    }

    /// The scripts that are still to be played, in their order.
    pub fn scripts(&self) -> &[Script] {
        &self.scripts
    }

    /// Forgets every script; deployments and tasks that have begun keep theirs.
    pub fn forget_scripts(&mut self) {
        self.scripts.clear();
    }

    /// The next script of a subject, used up by one.
    pub(super) fn take_script(&mut self, subject: Subject<'_>) -> Option<Script> {
        let (key, name): (fn(&Script) -> Option<&String>, &str) = match subject {
            Subject::Service(name) => (|script| script.service.as_ref(), name),
            Subject::Task(family) => (|script| script.task.as_ref(), family),
        };
        let fits = |script: &Script| {
            key(script).is_some_and(|wanted| name == wanted || name.ends_with(&format!("-{wanted}")))
        };
        let at = self.scripts.iter().position(fits)?;
        let script = self.scripts.get_mut(at)?;
        script.count = script.count.saturating_sub(1);
        let taken = script.clone();
        if taken.count == 0 {
            self.scripts.remove(at);
        }
        Some(taken)
    }
}

/// What one deployment is going to do: its script, and how far it has come with it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How fast its tasks go when nothing is scripted.
    pub pace: Pace,
    /// Its script.
    pub script: Option<Script>,
    launched: u64,
}

impl Plan {
    /// A plan from the beginning. Where something is to fail everything is quick.
    pub fn new(pace: Pace, script: Option<Script>) -> Self {
        let pace = if script.as_ref().is_some_and(Script::fails) { Pace::quick() } else { pace };
        Self { pace, script, launched: 0 }
    }

    /// The course of the next task.
    pub fn next(&mut self, containers: &[Value], group: Option<&str>) -> Course {
        let turn = self.launched;
        self.launched += 1;
        let on = Ground { containers, group, pace: self.pace };
        self.script.as_ref().map_or_else(|| Course::healthy(self.pace), |script| script.course(turn, &on))
    }
}
