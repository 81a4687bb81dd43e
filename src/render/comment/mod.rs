//! The plan comment of a pull request: all stacks in one text, its states, and the normal form that an apply compares.
//!
//! The text has two kinds of parts. What a plan will do (the table of counts, what is destroyed, the diff) follows from the effects alone
//! and is the same whenever the effects are. Everything else (images, warnings, picture, status, links) is volatile: it may differ between
//! the plan on the pull request and the one at the apply, and must not be able to hide or fake what the first kind says.

mod applied;
mod inline;
mod more;
mod normal;
mod parts;
mod plans;
mod restate;
mod sinks;

use super::links::Links;
use super::view::PlanView;

pub use applied::{applied_line, applied_markdown};
pub use normal::normal_form;
pub use plans::plans_markdown;
pub use restate::restated;
pub use sinks::{
    Notice, Severity, check_summary, check_title, deployment_description, drift_markdown, drift_title,
    notices, outdated_clause,
};

/// Begins and ends what may differ between two texts of the same plan. Hidden, like every HTML comment.
const OPEN: &str = "<!-- fs:v -->";
const CLOSE: &str = "<!-- /fs:v -->";
/// The table of stacks. Only the cells below `release` are volatile.
const HEADER: &str = "| stack | where | create | update | replace | delete | release | downtime |";
const DELIMITER: &str = "|---|---|--:|--:|--:|--:|---|---|";
/// Which cell of a row is the one below `release`, counted from 0 with the empty one before the first bar.
const RELEASE_CELL: usize = 7;

/// One stack of a page.
#[derive(Debug, Clone, Copy)]
pub struct StackPart<'a> {
    /// The stack's name; its file when the file cannot be read.
    pub stack: &'a str,
    /// The stack file.
    pub file: &'a str,
    /// The plan, or why there is none.
    pub outcome: Result<&'a PlanView, &'a str>,
}

/// All stacks of a pull request.
#[derive(Debug, Clone, Copy)]
pub struct PlansPage<'a> {
    /// The stacks, by name.
    pub stacks: &'a [StackPart<'a>],
    /// Where the page points to.
    pub links: &'a Links,
    /// The digest over all plans.
    pub digest: &'a str,
    /// How the merge will be approved, as a sentence.
    pub approval: &'a str,
}

/// A text, and how much detail it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// The rung of the ladder: 0 has everything.
    pub rung: u8,
}

/// The line of state of a plan comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing<'a> {
    /// The head or the base moved on.
    Outdated {
        /// Why, as a clause: `planned for abc1234, head is def5678`.
        why: &'a str,
    },
    /// Being applied.
    Applying,
    /// Ended without a report.
    Interrupted {
        /// A clause.
        why: &'a str,
    },
    /// Refused.
    Refused {
        /// A clause.
        why: &'a str,
    },
}

/// What became of one stack.
#[derive(Debug, Clone, Copy)]
pub struct AppliedPart<'a> {
    /// The stack's name.
    pub stack: &'a str,
    /// What was done; `None` when the stack had nothing to do.
    pub view: Option<&'a super::ApplyView>,
    /// How many steps of the approved plan an earlier attempt did.
    pub done_before: usize,
}

/// An earlier attempt, for the list of attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct AttemptLine {
    /// The run.
    pub run: super::Link,
    /// What became of it, as a clause.
    pub what: String,
}

/// What an apply of all stacks did.
#[derive(Debug, Clone, Copy)]
pub struct AppliedPage<'a> {
    /// The stacks.
    pub stacks: &'a [AppliedPart<'a>],
    /// Earlier attempts, oldest first.
    pub attempts: &'a [AttemptLine],
    /// Who approved, as a clause; empty when nobody was asked.
    pub approved_by: &'a str,
    /// The digest over all plans.
    pub digest: &'a str,
    /// Where the page points to.
    pub links: &'a Links,
}
