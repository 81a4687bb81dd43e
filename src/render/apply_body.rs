//! What an apply did to one stack, as a part of a document: rollouts, failures, steps, warnings, addresses.

use serde::Serialize;

use super::apply_view::{ApplyView, FailureView, StepView};
use super::links::{Budget, Links};
use super::markdown::{OPEN_LINES, Part, SHORT_LIST, STATUS_PREFIX};
use super::markdown_lines::most_that_fits;
use super::rollout::rollout_markdown;
use super::templates::Templates;
use super::view::EndpointView;

#[derive(Serialize)]
struct Body<'a> {
    apply: &'a ApplyView,
    /// The report of the rollouts, as it stands; empty when there is none.
    rollout: &'a str,
    steps: Part<'a, &'a StepView>,
    open: bool,
    /// Steps that are done and not listed.
    folded: usize,
    warnings: Part<'a, String>,
    endpoints: Part<'a, EndpointView>,
    failures: Part<'a, FailureView>,
}

/// The part about one stack, as much of it as the budget holds; `around` puts it where it is to stand. With `alone`, the addresses of
/// the stack are told here.
pub(super) fn apply_body(
    templates: &Templates,
    view: &ApplyView,
    links: &Links,
    alone: bool,
    budget: Budget,
    around: impl Fn(&str) -> String,
) -> String {
    let all: Vec<&StepView> = view.steps.iter().collect();
    // The steps give way to the report, which says why nothing new runs.
    let rollout = view.rollout.as_ref().map(|report| {
        let half = Budget { limit: budget.limit / 2, ..budget };
        embedded(&rollout_markdown(report, &view.account, links, half))
    });
    let rollout = rollout.unwrap_or_default();
    let unfinished: Vec<&StepView> = view.steps.iter().filter(|step| step.state != "done").collect();
    let endpoints: &[EndpointView] = if alone { &view.endpoints } else { &[] };
    let page = |steps: &[&StepView], folded: usize, shown: usize, failures: usize| {
        let body = Body {
            apply: view,
            rollout: &rollout,
            steps: Part::first(steps, shown),
            open: alone && steps.len() <= OPEN_LINES,
            folded,
            failures: Part::first(&view.failures, failures),
            warnings: Part::first(&view.warnings, shown),
            endpoints: Part::first(endpoints, shown.max(SHORT_LIST)),
        };
        around(templates.render("_apply.md.j2", body).trim())
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
