//! The view of what an apply did.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::hints;
use super::redact::credentials;
use super::value::clip;
use super::view::{EndpointView, endpoints, plural, verb};
use crate::model::{
    Action, Address, ApplyReport, Outcome, Outputs, Plan, RolloutOutcome, RolloutReport, Step, StepError,
    Verb,
};

/// How an apply ended as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// There was nothing to do.
    NoChanges,
    /// Every step is done.
    Applied,
    /// Some steps are done, at least one failed.
    Partial,
    /// No step is done.
    Failed,
    /// A signal stopped it before every step was done.
    Cancelled,
}

/// What an apply did, in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApplyView {
    /// The stack's name.
    pub stack: String,
    /// The AWS account id.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// The fingerprint of the plan.
    pub fingerprint: String,
    /// Its first twelve digits.
    pub short_fingerprint: String,
    /// How it ended.
    pub ending: Ending,
    /// How it ended, as a sentence without its stop: `did 3 of 5 steps, 1 failed`.
    pub headline: String,
    /// Steps by their end.
    pub done: usize,
    /// Steps that failed.
    pub failed: usize,
    /// Steps not tried because of a failure.
    pub skipped: usize,
    /// Steps not tried because of an interruption.
    pub not_started: usize,
    /// How long the apply took, `12.3 s`; empty when not measured.
    pub took: String,
    /// Every step in the order of the plan, removals last.
    pub steps: Vec<StepView>,
    /// The failures with cause and hints.
    pub failures: Vec<FailureView>,
    /// What the plan wanted its reader to know, such as which tasks keep their image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Where the web services are found; empty unless everything is done.
    pub endpoints: Vec<EndpointView>,
    /// What to run next; empty when everything is done.
    pub next: String,
    /// How the rollouts went that it started and that were waited for.
    pub rollout: Option<RolloutReport>,
}

impl ApplyView {
    /// The same apply, after its rollouts.
    #[must_use]
    pub fn with_rollout(mut self, rollout: Option<&RolloutReport>) -> Self {
        if let Some(report) = rollout {
            self.headline = format!("{}, {}", self.headline, rolled_out(report.outcome));
        }
        self.rollout = rollout.cloned();
        self
    }
}

/// How a rollout ended, as the end of a sentence about the apply that started it.
pub(super) fn rolled_out(outcome: RolloutOutcome) -> &'static str {
    match outcome {
        RolloutOutcome::Succeeded => "rolled out",
        RolloutOutcome::RolledBack => "but the rollout was rolled back",
        RolloutOutcome::Failed => "but the rollout failed",
        RolloutOutcome::Stopped => "but the rollout was stopped",
        RolloutOutcome::Superseded => "but a newer deployment took its place",
        RolloutOutcome::TimedOut => "but the rollout has not ended in time",
        RolloutOutcome::Paused => "but the rollout waits to be continued",
        RolloutOutcome::Cancelled => "but its rollout was not waited for to the end",
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepView {
    /// `service.web`.
    pub address: String,
    /// Its name in AWS; empty when it equals the name in the address.
    pub physical_name: String,
    /// `create`, `adopt`, `update`, `replace`, `delete`, `delete old`.
    pub doing: &'static str,
    /// `done`, `failed`, `skipped`, `not started`.
    pub state: &'static str,
    /// How long it took; empty when not measured.
    pub took: String,
    /// Milliseconds, when measured.
    pub took_ms: Option<u64>,
    /// The address of the failed step that this one waited for; empty for others.
    pub because: String,
}

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureView {
    /// The resource.
    pub address: String,
    /// `could not create service.web`.
    pub message: String,
    /// `ecs:CreateService refused: InvalidParameterException: …`, without credentials.
    pub cause: String,
    /// The IAM action of the call.
    pub op: String,
    /// The service's error code; empty when no answer came.
    pub code: String,
    /// For a support case; empty when there is none.
    pub request_id: String,
    /// What can be done about it.
    pub hints: Vec<String>,
}

/// The view of an apply. `took` is the time of the whole.
pub fn apply(plan: &Plan, report: &ApplyReport, took: Option<Duration>) -> ApplyView {
    let count = |state: &str| report.outcomes.values().filter(|outcome| state_of(outcome) == state).count();
    let (done, failed) = (count("done"), count("failed"));
    let ending = ending(report, done);
    ApplyView {
        stack: plan.stack.clone(),
        account: plan.account.clone(),
        region: plan.region.clone(),
        fingerprint: plan.fingerprint.clone(),
        short_fingerprint: plan.fingerprint.chars().take(12).collect(),
        ending,
        headline: headline(ending, done, failed, report.outcomes.len()),
        done,
        failed,
        skipped: count("skipped"),
        not_started: count("not started"),
        took: took.map(duration).unwrap_or_default(),
        steps: steps(plan, report),
        failures: report.failures().map(failure).collect(),
        warnings: plan.warnings.clone(),
        endpoints: match ending {
            Ending::NoChanges | Ending::Applied => endpoints(plan, &made(report)),
            Ending::Partial | Ending::Failed | Ending::Cancelled => Vec::new(),
        },
        next: next(ending).to_owned(),
        rollout: None,
    }
}

/// What was made gives now.
fn made(report: &ApplyReport) -> BTreeMap<&Address, &Outputs> {
    let made = report.outcomes.iter().filter(|(step, _)| step.verb == Verb::Make);
    made.filter_map(|(step, outcome)| match outcome {
        Outcome::Done(outputs) => Some((&step.address, outputs)),
        _ => None,
    })
    .collect()
}

fn ending(report: &ApplyReport, done: usize) -> Ending {
    if report.outcomes.is_empty() {
        Ending::NoChanges
    } else if report.is_complete() {
        Ending::Applied
    } else if report.interrupted {
        Ending::Cancelled
    } else if done > 0 {
        Ending::Partial
    } else {
        Ending::Failed
    }
}

fn headline(ending: Ending, done: usize, failed: usize, all: usize) -> String {
    let steps = |n: usize| plural(i64::try_from(n).unwrap_or(i64::MAX), "step");
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    match ending {
        Ending::NoChanges => "nothing to do".to_owned(),
        Ending::Applied => format!("done, {}", steps(all)),
        Ending::Partial => format!("applied in part: {done} of {}{failed}", steps(all)),
        Ending::Failed => format!("failed: none of {} done{failed}", steps(all)),
        Ending::Cancelled => format!("interrupted after {done} of {}{failed}", steps(all)),
    }
}

fn next(ending: Ending) -> &'static str {
    match ending {
        Ending::NoChanges | Ending::Applied => "",
        Ending::Partial => {
            "remove the cause, then run the apply again: what is done stays done, and it goes on with the rest"
        }
        Ending::Failed => "remove the cause, then run the apply again",
        Ending::Cancelled => "run the apply again: what is done stays done, and it goes on with the rest",
    }
}

/// The steps in the order of the plan; within it, removals come last and backwards, as they run.
fn steps(plan: &Plan, report: &ApplyReport) -> Vec<StepView> {
    let order: BTreeMap<_, _> =
        plan.changes.iter().enumerate().map(|(i, change)| (&change.at.address, (i, change))).collect();
    let mut steps: Vec<_> = report
        .outcomes
        .iter()
        .map(|(step, outcome)| {
            let known = order.get(&step.address).copied();
            let place = known.map_or(i64::MAX, |(i, _)| i64::try_from(i).unwrap_or(i64::MAX));
            let place = if step.verb == Verb::Remove { -place } else { place };
            let action = known.map(|(_, change)| change.action);
            let name = known.map(|(_, change)| change.at.name.as_str()).unwrap_or_default();
            ((step.verb, place), step_view(step, outcome, action, name, report))
        })
        .collect();
    steps.sort_by_key(|(place, _)| *place);
    steps.into_iter().map(|(_, view)| view).collect()
}

fn step_view(
    step: &Step,
    outcome: &Outcome,
    action: Option<Action>,
    name: &str,
    report: &ApplyReport,
) -> StepView {
    let took = report.took.get(step).copied();
    StepView {
        address: step.address.to_string(),
        physical_name: if name == step.address.name() { String::new() } else { clip(name, 300) },
        doing: match (step.verb, action) {
            (Verb::Remove, Some(Action::Replace)) => "delete old",
            (Verb::Remove, _) => "delete",
            (Verb::Make, Some(action)) => verb(action),
            (Verb::Make, None) => "make",
        },
        state: state_of(outcome),
        took: took.map(duration).unwrap_or_default(),
        took_ms: took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        because: match outcome {
            Outcome::Skipped { because } => because.address.to_string(),
            _ => String::new(),
        },
    }
}

fn state_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Failed(_) => "failed",
        Outcome::Skipped { .. } => "skipped",
        Outcome::NotStarted => "not started",
    }
}

fn failure(error: &StepError) -> FailureView {
    FailureView {
        address: error.address.to_string(),
        message: error.to_string(),
        cause: clip(&credentials(&error.source.to_string()), 2000),
        op: error.source.op.clone(),
        code: error.source.code.clone(),
        request_id: error.source.request_id.clone().unwrap_or_default(),
        hints: hints::of(&error.source),
    }
}

/// `0.4 s`, `12.3 s`, `3 min 12 s`.
pub fn duration(took: Duration) -> String {
    let tenths = took.as_millis().div_ceil(100);
    if tenths < 600 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else {
        format!("{} min {} s", tenths / 600, tenths % 600 / 10)
    }
}
