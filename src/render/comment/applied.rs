//! What an apply of all stacks did: the page that takes the place of their plans.

use serde::Serialize;

use super::parts::List;
use super::{AppliedPage, AppliedPart, AttemptLine};
use crate::model::{RolloutOutcome, RolloutReport};
use crate::render::apply_body::apply_body;
use crate::render::apply_view::{ApplyView, Ending, rolled_out};
use crate::render::links::{Budget, Links};
use crate::render::markdown_lines::most_that_fits;
use crate::render::rollout_view::rollout;
use crate::render::templates::Templates;
use crate::render::view::{EndpointView, plural};

/// Rollouts in a cell, earlier attempts, addresses.
const CELL_LIST: usize = 4;
const ATTEMPTS: usize = 20;
const ADDRESSES: usize = 30;

#[derive(Serialize)]
struct Page<'a> {
    /// The only stack; empty when there are several.
    only: &'a str,
    stacks: usize,
    ended: &'a str,
    rows: List<Row<'a>>,
    attempts: List<&'a AttemptLine>,
    folds: Vec<Fold<'a>>,
    left_out: &'static str,
    endpoints: List<&'a EndpointView>,
    links: &'a Links,
    word: String,
    digest: String,
    approved_by: &'a str,
}

#[derive(Serialize)]
struct Row<'a> {
    stack: &'a str,
    planned: usize,
    done: usize,
    left: usize,
    rollouts: List<Rolled>,
}

#[derive(Serialize)]
struct Rolled {
    text: String,
    well: bool,
}

#[derive(Serialize)]
struct Fold<'a> {
    stack: &'a str,
    title: &'a str,
    open: bool,
    body: String,
}

/// What is told of each stack below the table, from the most to the least.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    All,
    /// Only of stacks that are not done, or whose rollout did not succeed.
    Unfinished,
    Nothing,
}

/// What an apply did, for the comment and the job summary.
pub fn applied_markdown(page: &AppliedPage<'_>, budget: Budget) -> String {
    let views: Vec<&ApplyView> = page.stacks.iter().filter_map(|part| part.view).collect();
    let accounts: Vec<&str> = views.iter().map(|view| view.account.as_str()).collect();
    let templates = Templates::markdown_of(&accounts);
    let ending = ending(page);
    let ended = ended(page, ending);
    let document = |told: Told, rows: usize| {
        let folds = folds(&templates, page, told, budget);
        let endpoints = if told == Told::All { ADDRESSES } else { CELL_LIST };
        let left_out = match told {
            Told::All => "",
            Told::Unfinished => "stacks that are done have only their row",
            Told::Nothing => "steps and causes are left out",
        };
        let page = Page {
            only: if let [only] = page.stacks { only.stack } else { "" },
            stacks: page.stacks.len(),
            ended: &ended,
            rows: List::first(rows_of(page), rows),
            attempts: List::first(page.attempts.iter().collect(), ATTEMPTS),
            folds,
            left_out,
            endpoints: List::first(views.iter().flat_map(|view| &view.endpoints).collect(), endpoints),
            links: page.links,
            word: word(page, ending),
            digest: page.digest.chars().take(12).collect(),
            approved_by: page.approved_by,
        };
        templates.render("applied.md.j2", page)
    };
    for told in [Told::All, Told::Unfinished] {
        let text = document(told, usize::MAX);
        if budget.holds(&text) {
            return text;
        }
    }
    most_that_fits(page.stacks.len(), budget, |rows| document(Told::Nothing, rows))
}

/// Whether somebody has to look at a stack.
fn unfinished(view: &ApplyView) -> bool {
    let rolled = view.rollout.as_ref().is_none_or(|report| report.outcome == RolloutOutcome::Succeeded);
    !rolled || !matches!(view.ending, Ending::NoChanges | Ending::Applied)
}

fn folds<'a>(templates: &Templates, page: &AppliedPage<'a>, told: Told, budget: Budget) -> Vec<Fold<'a>> {
    let parts: Vec<(&'a AppliedPart<'a>, &'a ApplyView)> = page
        .stacks
        .iter()
        .filter_map(|part| Some((part, part.view?)))
        .filter(|(_, view)| told == Told::All || (told == Told::Unfinished && unfinished(view)))
        .collect();
    // Whole, if that fits; then half of the page is for those that somebody has to look at.
    let share = match told {
        Told::All => budget,
        _ => Budget { limit: budget.limit / 2 / parts.len().max(1), reserved: 0 },
    };
    let alone = page.stacks.len() == 1;
    parts
        .into_iter()
        .map(|(part, view)| Fold {
            stack: part.stack,
            title: &view.headline,
            open: alone || unfinished(view),
            body: apply_body(templates, view, page.links, false, share, str::to_owned),
        })
        .collect()
}

fn rows_of<'a>(page: &AppliedPage<'a>) -> Vec<Row<'a>> {
    let row = |part: &AppliedPart<'a>| {
        let (steps, done) = part.view.map(|view| (view.steps.len(), view.done)).unwrap_or_default();
        let services = part.view.and_then(|view| view.rollout.as_ref()).map(rollout);
        let services = services.map(|view| view.services).unwrap_or_default();
        let rolled =
            |well: bool, name: &str, ending: &str| Rolled { text: format!("{name}: {ending}"), well };
        let rollouts =
            services.iter().map(|one| rolled(one.state == "done", &one.service, &one.ending)).collect();
        Row {
            stack: part.stack,
            planned: steps + part.done_before,
            done: done + part.done_before,
            left: steps - done,
            rollouts: List::first(rollouts, CELL_LIST),
        }
    };
    page.stacks.iter().map(row).collect()
}

/// How all of it ended.
fn ending(page: &AppliedPage<'_>) -> Ending {
    let views = || page.stacks.iter().filter_map(|part| part.view);
    let is = |ending: Ending| views().any(|view| view.ending == ending);
    let some = views().any(|view| view.done > 0);
    if is(Ending::Cancelled) {
        Ending::Cancelled
    } else if is(Ending::Partial) || (is(Ending::Failed) && (some || is(Ending::Applied))) {
        Ending::Partial
    } else if is(Ending::Failed) {
        Ending::Failed
    } else if is(Ending::Applied) {
        Ending::Applied
    } else {
        Ending::NoChanges
    }
}

/// All rollouts as one.
fn rollouts(page: &AppliedPage<'_>) -> Option<RolloutOutcome> {
    let reports = page.stacks.iter().filter_map(|part| part.view?.rollout.as_ref());
    let services: Vec<_> = reports.flat_map(|report| report.services.iter().cloned()).collect();
    (!services.is_empty()).then(|| RolloutReport::new(services).outcome)
}

/// How all of it ended, as a clause.
fn ended(page: &AppliedPage<'_>, ending: Ending) -> String {
    let rows = rows_of(page);
    let (planned, done) = rows.iter().fold((0, 0), |(all, done), row| (all + row.planned, done + row.done));
    let failed: usize = page.stacks.iter().filter_map(|part| part.view).map(|view| view.failed).sum();
    let count = |n: usize, noun: &str| plural(i64::try_from(n).unwrap_or(i64::MAX), noun);
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    let ended = match ending {
        Ending::NoChanges => "nothing to do".to_owned(),
        Ending::Applied => format!("done, {}", count(planned, "step")),
        Ending::Partial => format!("applied in part: {done} of {}{failed}", count(planned, "step")),
        Ending::Failed => format!("failed: none of {} done{failed}", count(planned, "step")),
        Ending::Cancelled => format!("interrupted after {done} of {}{failed}", count(planned, "step")),
    };
    match rollouts(page) {
        Some(outcome) => format!("{ended}, {}", rolled_out(outcome)),
        None => ended,
    }
}

fn word(page: &AppliedPage<'_>, ending: Ending) -> String {
    let applied = match ending {
        Ending::NoChanges => "nothing to do",
        Ending::Applied => "applied",
        Ending::Partial => "applied in part",
        Ending::Failed => "failed",
        Ending::Cancelled => "interrupted",
    };
    match rollouts(page) {
        Some(outcome) => format!("{applied}, {}", rolled_out(outcome)),
        None => applied.to_owned(),
    }
}

/// What an apply did, in one line of at most 140 characters: for a deployment, for the title of a check run.
pub fn applied_line(page: &AppliedPage<'_>) -> String {
    let what = match page.stacks {
        [only] => only.stack.to_owned(),
        several => plural(i64::try_from(several.len()).unwrap_or(i64::MAX), "stack"),
    };
    super::sinks::line(&format!("{what}: {}", ended(page, ending(page))), super::sinks::DEPLOYMENT_CHARS)
}
