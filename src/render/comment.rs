//! The plan comment of a pull request: all stacks in one text, its states, and the normal form that an apply compares.
//!
//! The text has two kinds of parts. What a plan will do (the table of counts, what is destroyed, the diff) follows from the effects alone
//! and is the same whenever the effects are. Everything else (images, warnings, picture, status, links) is volatile: it may differ between
//! the plan on the pull request and the one at the apply, and must not be able to hide or fake what the first kind says.

use super::links::{Budget, Links};
use super::view::PlanView;

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

/// The plans of a pull request. With `rung`, exactly so much detail, whatever the budget: for an apply that compares.
pub fn plans_markdown(page: &PlansPage<'_>, budget: Budget, rung: Option<u8>) -> Rendered {
    let _ = (page, budget);
    Rendered { text: String::new(), rung: rung.unwrap_or_default() }
}

/// The normal form of a text: what follows from the effects. `None` when a volatile part holds what could hide or fake it.
pub fn normal_form(text: &str) -> Option<String> {
    Some(text.to_owned())
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

/// The same comment with another line of state; its plan stays as it is.
pub fn restated(text: &str, standing: &Standing<'_>, links: &Links) -> String {
    let _ = (standing, links);
    text.to_owned()
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

/// What an apply did, for the comment and the job summary.
pub fn applied_markdown(page: &AppliedPage<'_>, budget: Budget) -> String {
    let _ = (page, budget);
    String::new()
}

/// The body of the issue that tells of a drift of one stack.
pub fn drift_markdown(part: &StackPart<'_>, links: &Links, budget: Budget) -> String {
    let _ = (part, links, budget);
    String::new()
}

/// The title of a check run.
pub fn check_title(text: &str) -> String {
    text.to_owned()
}

/// The summary of a check run.
pub fn check_summary(text: &str) -> String {
    text.to_owned()
}

/// The title of the issue that tells of a drift.
pub fn drift_title(stack: &str) -> String {
    stack.to_owned()
}
