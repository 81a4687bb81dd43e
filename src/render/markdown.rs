//! The documents for GitHub: comment and job summary, within a budget of bytes.
//!
//! A document that is too long is made again with less detail, one rung of a ladder at a time, until it fits. What destroys
//! is the last to go, and even then it is counted.

use serde::Serialize;

use super::apply_body::apply_body;
use super::apply_view::{ApplyView, Ending, rolled_out};
use super::comment::{PlansPage, StackPart, plans_markdown};
use super::links::{Budget, Links};
use super::markdown_lines::most_that_fits;
use super::refusal::{Difference, Refusal};
use super::templates::Templates;
use super::value::clip;
use super::view::PlanView;

/// How the one line begins that changes with every run although the plan is the same: left out when two documents are
/// compared.
pub const STATUS_PREFIX: &str = "**Status: ";

/// A fold with more lines than this starts closed.
pub(super) const OPEN_LINES: usize = 25;
/// How many items of a list stay on the rungs that shorten lists.
pub(super) const SHORT_LIST: usize = 10;

/// Part of a list, and how much of it is left out.
#[derive(Serialize)]
pub(super) struct Part<'a, T> {
    items: &'a [T],
    more: usize,
}

impl<'a, T> Part<'a, T> {
    /// At most `limit` items.
    pub(super) fn first(all: &'a [T], limit: usize) -> Self {
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
    body: &'a str,
}

/// What an apply did, for a comment or a job summary.
pub fn apply_markdown(view: &ApplyView, links: &Links, budget: Budget) -> String {
    let templates = Templates::markdown(&view.account);
    apply_body(&templates, view, links, true, budget, |body| {
        templates.render("apply.md.j2", ApplyPage { apply: view, links, word: word(view), body })
    })
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
    /// Whether the stack of a difference is told, and its class.
    stacks: bool,
    classes: bool,
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
    let refusal = Refusal { why: clip(&refusal.why, 2_000), ..refusal.clone() };
    most_that_fits(clipped.len(), budget, |shown| {
        let page = RefusedPage {
            refusal: &refusal,
            links,
            stacks: clipped.iter().any(|one| !one.stack.is_empty() && one.stack != refusal.stack),
            classes: clipped.iter().any(|one| !one.class.is_empty()),
            differences: Part::first(&clipped, shown),
        };
        templates.render("refused.md.j2", page)
    })
}
