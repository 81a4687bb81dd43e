//! What AWS knows of a failed rollout or run: read in parallel, bounded, and never an error.

use aws_sdk_ecs::types::{Container, Failure, ServiceDeployment, Task};

use crate::aws::Aws;
use crate::model::{Cause, RolloutOutcome};
use crate::stack::Names;

use super::diagnose::exit_meaning;

/// Everything known of one failed or stuck deployment or run, before anything more is read.
#[derive(Debug)]
pub struct Suspect<'a> {
    /// The names of the stack.
    pub names: &'a Names,
    /// The task's key in the stack file.
    pub key: &'a str,
    /// The cluster.
    pub cluster: &'a str,
    /// The service; `None` for tasks of `RunTask`.
    pub service: Option<&'a str>,
    /// `ecs-svc/…`, which is also what the deployment's tasks were started by.
    pub deployment: Option<&'a str>,
    /// When it was created, in seconds since the epoch.
    pub since: f64,
    /// ECS's record of the deployment, when there is one.
    pub record: Option<&'a ServiceDeployment>,
    /// Stopped or suspicious tasks seen while watching.
    pub tasks: Vec<Task>,
    /// How it ended, as far as is known.
    pub outcome: RolloutOutcome,
}

/// The cause of a failure. What cannot be read is told among the evidence, so this never fails.
#[allow(clippy::unused_async, reason = "reads from AWS")]
pub async fn explain(_aws: &Aws, suspect: Suspect<'_>) -> Cause {
    let first = suspect.tasks.first();
    Cause {
        class: "unclassified".to_owned(),
        summary: first.map(first_words).unwrap_or_default(),
        tasks: suspect.tasks.len(),
        reason: first.and_then(Task::stopped_reason).map(str::to_owned),
        ..Cause::default()
    }
}

/// The cause of a run that ECS did not begin: the `failures` that `RunTask` answers.
#[allow(clippy::unused_async, reason = "reads from AWS")]
pub async fn explain_not_placed(_aws: &Aws, _names: &Names, _key: &str, failures: &[Failure]) -> Cause {
    Cause {
        class: "unclassified".to_owned(),
        tasks: failures.len(),
        reason: failures.first().and_then(Failure::reason).map(str::to_owned),
        ..Cause::default()
    }
}

/// A stopped task in one line: container, exit code with its meaning, AWS's reason. Raw words: whoever shows them escapes.
pub fn first_words(task: &Task) -> String {
    let failing = task.containers().iter().find(|one| one.exit_code().is_some_and(|code| code != 0));
    let failing = failing.or_else(|| task.containers().first());
    let mut words = Vec::new();
    if let Some((name, code)) = failing.and_then(|one| Some((one.name()?, one.exit_code()?))) {
        let meaning = exit_meaning(code).map(|meaning| format!(" ({meaning})")).unwrap_or_default();
        words.push(format!("container `{name}` exited with {code}{meaning}"));
    }
    let said = failing.and_then(Container::reason).filter(|said| !said.is_empty());
    let reason = task.stopped_reason().filter(|reason| !reason.is_empty());
    words.extend(said.map(str::to_owned));
    words.extend(reason.filter(|reason| Some(*reason) != said).map(str::to_owned));
    if words.is_empty() { "the task stopped, and ECS gives no reason".to_owned() } else { words.join(": ") }
}
