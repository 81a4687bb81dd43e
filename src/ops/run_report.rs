//! How runs of a task went, as data: its `Serialize` is the JSON document of `run-task`.

use aws_sdk_ecs::types::Task;
use serde::Serialize;

use crate::model::Cause;

use super::deployed::Revision;
use super::exit::{Verdict, verdict};
use super::run_watch::{Ended, Watched, id_of};

/// The exit code when a run could not be started, or nobody knows how it ended; the one of `docker run`.
pub const NOT_RUN: u8 = 125;

/// The exit code when the time was over; the one of `timeout`.
pub const TIMED_OUT: u8 = 124;

/// The exit code after a signal.
pub const INTERRUPTED: u8 = 130;

/// How runs went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// The task's key in the stack file.
    pub task: String,
    /// `family:revision`.
    pub revision: String,
    /// In one word.
    pub outcome: RunOutcome,
    /// What the process ends with; absent when the end was not waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
    /// Each run.
    pub tasks: Vec<RunEnd>,
    /// Why ECS started fewer than were asked for, in its words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// Why it did not start, or did not end by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// How runs went, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// The end was not waited for.
    Started,
    /// Every exit code is 0.
    Succeeded,
    /// An exit code is not 0, or is not known.
    Failed,
    /// One did not come to run.
    NotStarted,
    /// The time was over.
    TimedOut,
    /// A signal came.
    Interrupted,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunEnd {
    /// The task's ARN.
    pub arn: String,
    /// The last part of it.
    pub id: String,
    /// `lastStatus`; everything but `STOPPED` still runs.
    pub status: String,
    /// The exit code that counts, when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
    /// ECS's code for why it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_code: Option<String>,
    /// The same in ECS's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_reason: Option<String>,
    /// Its containers.
    pub containers: Vec<ContainerEnd>,
}

/// One container of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContainerEnd {
    /// Its name.
    pub name: String,
    /// Its exit code; absent when it never ran, or still runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// ECS's words about its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl RunEnd {
    fn new(task: &Task) -> Self {
        let containers = task.containers().iter().map(|container| ContainerEnd {
            name: container.name().unwrap_or_default().to_owned(),
            exit_code: container.exit_code(),
            reason: container.reason().map(str::to_owned),
        });
        Self {
            arn: task.task_arn().unwrap_or_default().to_owned(),
            id: id_of(task).to_owned(),
            status: task.last_status().unwrap_or_default().to_owned(),
            exit_code: None,
            stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
            stopped_reason: task.stopped_reason().map(str::to_owned),
            containers: containers.collect(),
        }
    }

    /// It has not stopped.
    pub fn still_runs(&self) -> bool {
        self.status != "STOPPED"
    }

    /// ECS says more than that its program ended: a container with a reason, or a stop that was not its own.
    pub fn needs_explaining(&self) -> bool {
        let own = matches!(self.stop_code.as_deref(), None | Some("EssentialContainerExited"));
        !own || self.exit_code.is_none() || self.containers.iter().any(|container| container.reason.is_some())
    }
}

impl RunReport {
    /// Of runs that were started and are not waited for.
    pub fn started(task: &str, revision: &Revision, tasks: &[Task], failures: Vec<String>) -> Self {
        Self {
            task: task.to_owned(),
            revision: revision.name.clone(),
            outcome: if tasks.is_empty() { RunOutcome::NotStarted } else { RunOutcome::Started },
            exit_code: tasks.is_empty().then_some(NOT_RUN),
            tasks: tasks.iter().map(RunEnd::new).collect(),
            failures,
            cause: None,
        }
    }

    /// Of runs that were watched. The highest exit code counts.
    pub fn watched(
        task: &str,
        main: &str,
        revision: &Revision,
        watched: &Watched,
        failures: Vec<String>,
    ) -> Self {
        let mut outcome = RunOutcome::Succeeded;
        let mut highest = 0;
        let mut tasks = Vec::new();
        for one in &watched.tasks {
            let first = watched.first.get(one.task_arn().unwrap_or_default()).map(String::as_str);
            let mut end = RunEnd::new(one);
            let (code, word) = match verdict(one, revision, main, first) {
                _ if end.still_runs() => (NOT_RUN, RunOutcome::Failed),
                Verdict::Exited(code) => {
                    end.exit_code = Some(code);
                    (code, if code == 0 { RunOutcome::Succeeded } else { RunOutcome::Failed })
                }
                Verdict::NotStarted => (NOT_RUN, RunOutcome::NotStarted),
                Verdict::Lost => (NOT_RUN, RunOutcome::Failed),
            };
            highest = highest.max(code);
            outcome = outcome.max(word);
            tasks.push(end);
        }
        if !failures.is_empty() {
            (highest, outcome) = (highest.max(NOT_RUN), outcome.max(RunOutcome::NotStarted));
        }
        let (outcome, code) = match watched.ended {
            Ended::ByItself => (outcome, highest),
            Ended::TimedOut => (RunOutcome::TimedOut, TIMED_OUT),
            Ended::Interrupted => (RunOutcome::Interrupted, INTERRUPTED),
        };
        Self {
            task: task.to_owned(),
            revision: revision.name.clone(),
            outcome,
            exit_code: Some(code),
            tasks,
            failures,
            cause: None,
        }
    }
}
