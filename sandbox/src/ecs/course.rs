//! The course of a task: everything that it will do by itself, decided when it is created.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{flag, text};

/// The life of one task, if nobody stops it before. Times in seconds of the sandbox clock from its creation.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// When it gets from PROVISIONING to PENDING.
    pub pending_s: f64,
    /// When it is RUNNING; `None`: never.
    pub running_s: Option<f64>,
    /// When it counts as healthy, so that its deployment can complete; `None`: never.
    pub healthy_s: Option<f64>,
    /// How it ends by itself; `None`: it stays as it is until it is stopped.
    pub end: Option<End>,
    /// From the order to stop it to STOPPED.
    pub stop_s: f64,
    /// Whether containers with a health check report UNHEALTHY instead of HEALTHY while they run.
    pub sick: bool,
    /// What the load balancer says about it; before `healthy_s` a target that will be healthy is `initial`.
    pub target: TargetHealth,
    /// What its containers write, in the order of time.
    pub log: Vec<LogLine>,
}

/// How a task ends by itself, as `DescribeTasks` tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// When it ends (`stoppingAt`).
    pub at_s: f64,
    /// From then to STOPPED.
    pub takes_s: f64,
    /// `stopCode`: `EssentialContainerExited`, `TaskFailedToStart` and so on.
    pub code: String,
    /// `stoppedReason`.
    pub reason: String,
    /// By container name; a container that is not in it exits with 0.
    pub containers: BTreeMap<String, Exit>,
}

/// How one container ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exit {
    /// `exitCode`; absent when it never ran.
    pub code: Option<i32>,
    /// `reason`.
    pub reason: Option<String>,
}

/// What `DescribeTargetHealth` says about a task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TargetHealth {
    /// `healthy`, `unhealthy`, `initial`, `unused`, `draining` or `unavailable`.
    pub state: String,
    /// A code as `Target.ResponseCodeMismatch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Words for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl TargetHealth {
    /// A target that answers.
    pub fn healthy() -> Self {
        Self { state: "healthy".into(), reason: None, description: None }
    }
}

/// One line that a container writes.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// When.
    pub offset_s: f64,
    /// Name of the container.
    pub container: String,
    /// The line, without its end.
    pub text: String,
}

/// How fast tasks go when nothing goes wrong, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// From the creation of a task to PENDING.
    pub pending_s: f64,
    /// From its creation to RUNNING.
    pub running_s: f64,
    /// From RUNNING, or the last change of the task set, to healthy and the steady state.
    pub settle_s: f64,
    /// From the order to stop it to STOPPED.
    pub stop_s: f64,
}

impl Default for Pace {
    /// A first deployment completes after one second.
    fn default() -> Self {
        Self { pending_s: 0.2, running_s: 0.8, settle_s: 0.2, stop_s: 0.6 }
    }
}

impl Pace {
    /// Where something is going to fail: soon enough for three failures in two seconds.
    pub fn quick() -> Self {
        Self { pending_s: 0.05, running_s: 0.15, settle_s: 0.1, stop_s: 0.1 }
    }

    /// The same with RUNNING at `running_s`.
    #[must_use]
    pub fn running_at(self, running_s: f64) -> Self {
        Self { running_s, pending_s: self.pending_s.min(running_s / 2.0), ..self }
    }
}

impl Course {
    /// A task that comes to run and stays healthy.
    pub fn healthy(pace: Pace) -> Self {
        Self {
            pending_s: pace.pending_s,
            running_s: Some(pace.running_s),
            healthy_s: Some(pace.running_s + pace.settle_s),
            end: None,
            stop_s: pace.stop_s,
            sick: false,
            target: TargetHealth::healthy(),
            log: Vec::new(),
        }
    }

    /// Puts lines of one container between RUNNING and the end, at equal distances; a task without an end writes
    /// them in its first tenth of a second. A task that never runs writes nothing.
    #[must_use]
    pub fn saying(mut self, container: &str, lines: &[String]) -> Self {
        let Some(start) = self.running_s else {
            return self;
        };
        let span = self.end.as_ref().map_or(0.1, |end| (end.at_s - start).max(0.0));
        let step = span / (f64::from(u32::try_from(lines.len()).unwrap_or(u32::MAX)) + 1.0);
        let mut offset_s = start;
        for line in lines {
            offset_s += step;
            self.log.push(LogLine { offset_s, container: container.to_owned(), text: line.clone() });
        }
        self
    }
}

/// The first essential container of a task definition: `essential` is true unless said otherwise.
pub fn first_essential(containers: &[Value]) -> Option<&str> {
    let essential = |one: &&Value| flag(one, "essential").unwrap_or(true);
    containers.iter().find(essential).or(containers.first()).and_then(|one| text(one, "name"))
}
