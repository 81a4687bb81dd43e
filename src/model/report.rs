//! What an apply did.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Address, CallError, Outputs};

/// Whether a step makes (creates, adopts, updates) or removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Create, adopt, or update.
    Make,
    /// Delete.
    Remove,
}

/// A node of the step graph: a replaced resource has two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// The resource.
    pub address: Address,
    /// What is done to it.
    pub verb: Verb,
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not {doing} {address}")]
pub struct StepError {
    /// The resource.
    pub address: Address,
    /// `create`, `adopt`, `update`, `replace` or `delete`.
    pub doing: &'static str,
    /// The call that failed.
    #[source]
    pub source: CallError,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done; these are the resource's outputs.
    Done(Outputs),
    /// Failed.
    Failed(StepError),
    /// Not tried, because this step failed.
    Skipped {
        /// The failed step it waited for.
        because: Step,
    },
    /// Not tried, because the apply was interrupted.
    NotStarted,
}

/// What an apply did, step by step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplyReport {
    /// Each step with its end.
    pub outcomes: BTreeMap<Step, Outcome>,
    /// How long each finished step took.
    pub took: BTreeMap<Step, Duration>,
    /// Whether it was interrupted by a signal.
    pub interrupted: bool,
}

impl ApplyReport {
    /// Every step is done.
    pub fn is_complete(&self) -> bool {
        self.outcomes.values().all(|outcome| matches!(outcome, Outcome::Done(_)))
    }

    /// At least one step is done.
    pub fn any_done(&self) -> bool {
        self.outcomes.values().any(|outcome| matches!(outcome, Outcome::Done(_)))
    }

    /// The failures, in order of address.
    pub fn failures(&self) -> impl Iterator<Item = &StepError> {
        self.outcomes.values().filter_map(|outcome| match outcome {
            Outcome::Failed(error) => Some(error),
            _ => None,
        })
    }
}

/// The only thing that the executor says while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A step started; `doing` is `create`, `adopt`, `update`, `replace` or `delete`.
    Started {
        /// The step.
        step: Step,
        /// The verb for people.
        doing: &'static str,
    },
    /// A step is done.
    Finished {
        /// The step.
        step: Step,
        /// The verb for people.
        doing: &'static str,
        /// How long it took.
        took: Duration,
    },
    /// A step failed.
    Failed {
        /// The step.
        step: Step,
        /// Why.
        error: StepError,
    },
    /// A step will not be tried.
    Skipped {
        /// The step.
        step: Step,
        /// The failed step.
        because: Step,
    },
    /// The apply was interrupted: running calls are finished, nothing new starts.
    Interrupted {
        /// How many steps still run.
        running: usize,
    },
}
