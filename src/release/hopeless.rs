//! Which failed tasks mean that a rollout cannot succeed any more, before ECS says so. Pure, and wary: what may heal by itself
//! is left to the circuit breaker, which waits for 3 to 200 failures, or to the patience of who waits.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{Task, TaskStopCode as Code};
use aws_smithy_types::DateTime;

/// So many tasks must fail in a way that trying again does not heal: one alone may have met a moment's fault.
const INCURABLE: usize = 2;

/// So many tasks must fail one after the other when no circuit breaker counts them; the smallest threshold of the breaker.
const IN_A_ROW: usize = 3;

/// How long tasks must run, in seconds, until what failed before counts no more. ECS holds a task without health checks for
/// healthy after 40 s.
const STEADY: f64 = 40.0;

/// What the polls showed of the tasks of one deployment.
#[derive(Debug, Default)]
pub struct Course {
    /// Failed tasks by ARN, as they were when they were read.
    failed: BTreeMap<String, Task>,
    /// A task of the deployment ran once.
    ran: bool,
    /// Since when tasks have been running without a break, in seconds of the watch.
    running_since: Option<f64>,
    /// When tasks last had been running long enough, in seconds since the epoch.
    healthy_at: Option<f64>,
}

impl Course {
    /// How many tasks run at a moment: seconds of the watch, and seconds since the epoch.
    pub fn runs(&mut self, running: i32, moment: f64, epoch: f64) {
        if running <= 0 {
            self.running_since = None;
            return;
        }
        self.ran = true;
        let since = *self.running_since.get_or_insert(moment);
        if moment - since >= STEADY {
            self.healthy_at = Some(epoch);
        }
    }

    /// Takes a stopped task; whether it is a failed one that is new.
    pub fn stopped(&mut self, task: &Task) -> bool {
        let arn = task.task_arn().unwrap_or_default().to_owned();
        if self.failed.contains_key(&arn) || !is_failure(task) {
            return false;
        }
        self.ran |= task.started_at().is_some();
        self.failed.insert(arn, task.clone());
        true
    }

    /// The failed tasks, in order of their ARNs.
    pub fn tasks(&self) -> Vec<Task> {
        self.failed.values().cloned().collect()
    }

    /// The task that failed first.
    pub fn first(&self) -> Option<&Task> {
        let at = |task: &Task| task.stopped_at().map_or(f64::MAX, DateTime::as_secs_f64);
        self.failed.values().min_by(|a, b| at(a).total_cmp(&at(b)))
    }

    /// Why it cannot succeed any more. `breaker`: whether ECS counts failures itself.
    pub fn hopeless(&self, breaker: bool) -> Option<&'static str> {
        if self.running_since.is_some() {
            return None;
        }
        let incurable = self.failed.values().filter(|task| is_incurable(task)).count();
        if !self.ran && (incurable >= INCURABLE || self.refused_for() >= REFUSED_FOR) {
            return Some("tasks fail to start in a way that trying again does not heal");
        }
        let after = self.healthy_at.unwrap_or_default();
        let since = |task: &&Task| task.stopped_at().is_none_or(|at| at.as_secs_f64() > after);
        let in_a_row = self.failed.values().filter(since).count();
        (!breaker && in_a_row >= IN_A_ROW)
            .then_some("tasks keep failing, and the service has no circuit breaker to end that")
    }
}

impl Course {
    /// How long a permission has been refused, from the first to the last task that failed for it; seconds.
    fn refused_for(&self) -> f64 {
        let refused = self.failed.values().filter(|task| is_refused(task));
        let times = refused.filter_map(|task| task.stopped_at()).map(DateTime::as_secs_f64);
        let (first, last) = times.fold((f64::MAX, f64::MIN), |(a, b), at| (a.min(at), b.max(at)));
        last - first
    }
}

/// Whether a stopped task failed by its own fault: not stopped by scaling, by somebody, or by the loss of its host.
pub fn is_failure(task: &Task) -> bool {
    let scaled = task.stopped_reason().is_some_and(|why| why.starts_with("Scaling activity initiated by"));
    let elsewhere = matches!(
        task.stop_code(),
        Some(
            Code::UserInitiated
                | Code::SpotInterruption
                | Code::TerminationNotice
                | Code::InfrastructureHealth
        )
    );
    !scaled && !elsewhere
}

/// Parts of AWS's words (in lower case) that mean that the next try ends the same way, by the error that they come with.
/// Time-outs, throttling and `i/o` errors are not among them.
const INCURABLE_WORDS: &[(&str, &[&str])] = &[
    (
        "cannotpullcontainererror",
        &[
            ": not found",
            "manifest unknown",
            "name unknown",
            "does not exist",
            "descriptor matching platform",
            "no matching manifest",
            "invalid reference format",
        ],
    ),
    (
        "resourceinitializationerror",
        &[
            "resourcenotfound",
            "can't find the specified secret",
            "did not contain json key",
            "invalid parameters",
            "parameter not found",
            "log group does not exist",
            "nosuchbucket",
            "nosuchkey",
        ],
    ),
    (
        "cannotstartcontainererror",
        &["executable file not found", "no such file or directory", "exec format error"],
    ),
    ("cannotcreatecontainererror", &["no command specified", "invalid mount"]),
];

/// The same for refused permissions, by any error. A role made a moment ago is refused, too, until IAM shows it everywhere.
const REFUSED_WORDS: &[&str] =
    &["accessdenied", "access denied", "not authorized to perform", "unauthorizedoperation", "403 forbidden"];

/// How long a permission must be refused before it counts, in seconds. IAM is consistent within seconds, as a rule.
const REFUSED_FOR: f64 = 30.0;

/// AWS's words on why a task failed, in lower case.
fn reasons(task: &Task) -> impl Iterator<Item = String> + '_ {
    let reasons = task.containers().iter().filter_map(|container| container.reason());
    task.stopped_reason().into_iter().chain(reasons).map(str::to_lowercase)
}

fn is_incurable(task: &Task) -> bool {
    reasons(task).any(|reason| {
        INCURABLE_WORDS
            .iter()
            .any(|(error, words)| reason.contains(error) && words.iter().any(|word| reason.contains(word)))
    })
}

fn is_refused(task: &Task) -> bool {
    task.stop_code() == Some(&Code::TaskFailedToStart)
        && reasons(task).any(|reason| REFUSED_WORDS.iter().any(|word| reason.contains(word)))
}

#[cfg(test)]
#[path = "hopeless_tests.rs"]
mod tests;
