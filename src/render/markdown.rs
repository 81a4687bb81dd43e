//! The documents for GitHub: comment and job summary, within a budget of bytes.
//!
//! A document that is too long is made again with less detail, one rung of a ladder at a time, until it fits. What destroys
//! is the last to go, and even then it is counted.

use serde::Serialize;

use super::apply_view::{ApplyView, Ending, StepView, rolled_out};
use super::comment::{PlansPage, StackPart, plans_markdown};
use super::links::{Budget, Links};
use super::markdown_lines::most_that_fits;
use super::refusal::{Difference, Refusal};
use super::rollout::rollout_markdown;
use super::templates::Templates;
use super::value::clip;
use super::view::{EndpointView, PlanView};

/// How the one line begins that changes with every run although the plan is the same: left out when two documents are
/// compared.
pub const STATUS_PREFIX: &str = "**Status: ";

/// A fold with more lines than this starts closed.
pub(super) const OPEN_LINES: usize = 25;
/// How many items of a list stay on the rungs that shorten lists.
const SHORT_LIST: usize = 10;

/// Part of a list, and how much of it is left out.
#[derive(Serialize)]
struct Part<'a, T> {
    items: &'a [T],
    more: usize,
}

impl<'a, T> Part<'a, T> {
    fn first(all: &'a [T], limit: usize) -> Self {
        let items = all.get(..limit).unwrap_or(all);
        Self { items, more: all.len() - items.len() }
    }
}

/// A plan for a comment or a job summary. The first line answers what will happen.
pub fn plan_markdown(view: &PlanView, links: &Links, budget: Budget) -> String {
    let stacks = [StackPart { stack: &view.stack, file: "", outcome: Ok(view) }];
    let approval = if links.head.is_some() && !view.empty {
        "The merge applies this plan if a plan made then is equal to it, and refuses otherwise."
    } else {
        ""
    };
    plans_markdown(&PlansPage { stacks: &stacks, links, digest: &view.fingerprint, approval }, budget, None)
        .text
}

#[derive(Serialize)]
struct ApplyPage<'a> {
    apply: &'a ApplyView,
    links: &'a Links,
    word: String,
    /// The report of the rollouts, as it stands; empty when there is none.
    rollout: &'a str,
    steps: Part<'a, &'a StepView>,
    open: bool,
    /// Steps that are done and not listed.
    folded: usize,
    warnings: Part<'a, String>,
    endpoints: Part<'a, EndpointView>,
    failures: Part<'a, super::apply_view::FailureView>,
}

/// What an apply did, for a comment or a job summary.
pub fn apply_markdown(view: &ApplyView, links: &Links, budget: Budget) -> String {
    let templates = Templates::markdown(&view.account);
    let all: Vec<&StepView> = view.steps.iter().collect();
    // The steps give way to the report, which says why nothing new runs.
    let rollout = view.rollout.as_ref().map(|report| {
        let half = Budget { limit: budget.limit / 2, ..budget };
        embedded(&rollout_markdown(report, &view.account, links, half))
    });
    let rollout = rollout.unwrap_or_default();
    let unfinished: Vec<&StepView> = view.steps.iter().filter(|step| step.state != "done").collect();
    let page = |steps: &[&StepView], folded: usize, shown: usize, failures: usize| {
        let page = ApplyPage {
            apply: view,
            links,
            word: word(view),
            rollout: &rollout,
            steps: Part::first(steps, shown),
            open: steps.len() <= OPEN_LINES,
            folded,
            failures: Part::first(&view.failures, failures),
            warnings: Part::first(&view.warnings, shown),
            endpoints: Part::first(&view.endpoints, shown.max(SHORT_LIST)),
        };
        templates.render("apply.md.j2", page)
    };
    let whole = page(&all, 0, usize::MAX, usize::MAX);
    if budget.holds(&whole) {
        return whole;
    }
    let folded = all.len() - unfinished.len();
    let shorter = page(&unfinished, folded, usize::MAX, usize::MAX);
    if budget.holds(&shorter) {
        return shorter;
    }
    // Failures matter more than what waited for them.
    let failures_only = page(&unfinished, folded, 0, usize::MAX);
    if budget.holds(&failures_only) {
        return most_that_fits(unfinished.len(), budget, |shown| {
            page(&unfinished, folded, shown, usize::MAX)
        });
    }
    most_that_fits(view.failures.len(), budget, |shown| page(&unfinished, folded, 0, shown))
}

/// A document as a part of another: its heading a level lower, and without its line of status.
fn embedded(document: &str) -> String {
    let lines = document.lines().filter(|line| !line.starts_with(STATUS_PREFIX));
    let lines: Vec<String> = lines
        .map(|line| if line.starts_with("### ") { format!("#{line}") } else { line.to_owned() })
        .collect();
    lines.join("\n").trim_end().to_owned()
}

fn word(view: &ApplyView) -> String {
    let applied = match view.ending {
        Ending::NoChanges => "nothing to do",
        Ending::Applied => "applied",
        Ending::Partial => "applied in part",
        Ending::Failed => "failed",
        Ending::Cancelled => "interrupted",
    };
    match &view.rollout {
        Some(report) => format!("{applied}, {}", rolled_out(report.outcome)),
        None => applied.to_owned(),
    }
}

#[derive(Serialize)]
struct RefusedPage<'a> {
    refusal: &'a Refusal,
    links: &'a Links,
    differences: Part<'a, Difference>,
}

/// Why an apply was refused, for a comment or a job summary. `account` is shortened wherever it stands.
pub fn refusal_markdown(refusal: &Refusal, account: &str, links: &Links, budget: Budget) -> String {
    let templates = Templates::markdown(account);
    let clipped: Vec<Difference> = refusal
        .differences
        .iter()
        .map(|one| Difference {
            approved: one.approved.as_deref().map(|text| clip(text, 300)),
            now: one.now.as_deref().map(|text| clip(text, 300)),
            ..one.clone()
        })
        .collect();
    most_that_fits(clipped.len(), budget, |shown| {
        let page = RefusedPage { refusal, links, differences: Part::first(&clipped, shown) };
        templates.render("refused.md.j2", page)
    })
}
