//! The plans of a pull request as one page: as much detail as fits.
//!
//! The firm part is made for a rung of the ladder and nothing else, so that an apply can make it again. Volatile parts have bounds of
//! their own; how much of them is shown is free.

use serde::Serialize;

use super::more::{Volume, more};
use super::parts::{Failure, Fold, Goes, List, Row, destructive, failures, folds, rows};
use super::{CLOSE, DELIMITER, HEADER, OPEN, PlansPage, Rendered};
use crate::model::Summary;
use crate::render::links::{Budget, Links};
use crate::render::markdown_lines::Detail;
use crate::render::templates::Templates;
use crate::render::view::{PlanView, deed};

/// The rung from which on lists are cut.
const FIRST_CUT: u8 = 5;
/// How long lists are on that rung; each further one has a twentieth less, the last has none.
const LONGEST_CUT: usize = 4_000;

/// What a rung shows: how much of each change, and how many rows and lines of what goes.
fn rung_of(rung: u8) -> (Detail, usize) {
    match rung {
        0 => (Detail::All, usize::MAX),
        1 => (Detail::NoContext, usize::MAX),
        2 => (Detail::Counts, usize::MAX),
        3 => (Detail::Lines, usize::MAX),
        4 => (Detail::Table, usize::MAX),
        cut => {
            let steps = FIRST_CUT..cut;
            (Detail::Table, steps.fold(LONGEST_CUT, |shown, _| shown * 95 / 100))
        }
    }
}

/// The last rung, on which every list is empty.
fn last_rung() -> u8 {
    (FIRST_CUT..=u8::MAX).find(|rung| rung_of(*rung).1 == 0).unwrap_or(u8::MAX)
}

#[derive(Serialize)]
struct Mark {
    open: &'static str,
    close: &'static str,
    header: &'static str,
    delimiter: &'static str,
}

#[derive(Serialize)]
struct Firm<'a> {
    mark: Mark,
    links: &'a Links,
    /// How many stacks there are, how many of them change, how many have no plan.
    stacks: usize,
    changed: usize,
    failed: usize,
    /// The name of the only stack.
    only: &'a str,
    deed: String,
    replaced: usize,
    deleted: usize,
    rows: Vec<Row<'a>>,
    destructive: List<Goes<'a>>,
    failures: List<Failure<'a>>,
    folds: Vec<Fold<'a>>,
    left_out: &'static str,
    digest: String,
}

#[derive(Serialize)]
struct Status<'a> {
    word: &'a str,
    links: &'a Links,
    approval: &'a str,
}

/// The plans of a pull request. With `rung`, exactly so much detail, whatever the budget: for an apply that compares.
pub fn plans_markdown(page: &PlansPage<'_>, budget: Budget, rung: Option<u8>) -> Rendered {
    let views: Vec<&PlanView> = page.stacks.iter().filter_map(|part| part.outcome.ok()).collect();
    let accounts: Vec<&str> = views.iter().map(|view| view.account.as_str()).collect();
    let templates = Templates::markdown_of(&accounts);
    let status = Status { word: "planned", links: page.links, approval: page.approval };
    let status = templates.render("plan_status.md.j2", status);
    let volumes: Vec<String> =
        Volume::LADDER.iter().map(|volume| volatile(&templates, page, *volume)).collect();
    let least = volumes.last().map(String::as_str).unwrap_or_default();
    let joined = |firm: &str, more: &str| {
        format!("{}\n\n{OPEN}\n{more}\n{CLOSE}\n\n{OPEN}\n{}\n{CLOSE}\n", firm.trim_end(), status.trim_end())
    };
    let firm = |rung: u8| templates.render("plan.md.j2", firm(page, rung));
    let fits = |rung: u8| {
        let firm = firm(rung);
        let text = volumes.iter().map(|more| joined(&firm, more)).find(|text| budget.holds(text));
        text.map(|text| Rendered { text, rung })
    };
    if let Some(rung) = rung {
        return fits(rung).unwrap_or_else(|| Rendered { text: joined(&firm(rung), least), rung });
    }
    if let Some(found) = (0..FIRST_CUT).find_map(fits) {
        return found;
    }
    // Each rung from here on is shorter than the one before.
    let (mut too_long, mut shortest) = (FIRST_CUT - 1, last_rung());
    let mut best =
        fits(shortest).unwrap_or_else(|| Rendered { text: joined(&firm(shortest), least), rung: shortest });
    while shortest - too_long > 1 {
        let middle = too_long + (shortest - too_long) / 2;
        match fits(middle) {
            Some(found) => (best, shortest) = (found, middle),
            None => too_long = middle,
        }
    }
    best
}

fn firm<'a>(page: &PlansPage<'a>, rung: u8) -> Firm<'a> {
    let (detail, shown) = rung_of(rung);
    let mut all = Summary::default();
    let mut changed = 0;
    for view in page.stacks.iter().filter_map(|part| part.outcome.ok()) {
        let one = view.effect_summary;
        all.create += one.create;
        all.adopt += one.adopt;
        all.update += one.update;
        all.replace += one.replace;
        all.delete += one.delete;
        changed += usize::from(!view.effects.is_empty());
    }
    Firm {
        mark: Mark { open: OPEN, close: CLOSE, header: HEADER, delimiter: DELIMITER },
        links: page.links,
        stacks: page.stacks.len(),
        changed,
        failed: page.stacks.iter().filter(|part| part.outcome.is_err()).count(),
        only: page.stacks.first().map(|part| part.stack).unwrap_or_default(),
        deed: deed(all),
        replaced: all.replace,
        deleted: all.delete,
        rows: rows(page.stacks, shown),
        destructive: destructive(page.stacks, shown),
        failures: failures(page.stacks, detail, shown),
        folds: folds(page.stacks, detail),
        left_out: match (detail, shown) {
            (Detail::All, _) => "",
            (Detail::NoContext, _) => "the details of what is created are left out",
            (Detail::Counts, _) => "attributes are shown only for replacements and deletions",
            (Detail::Lines, _) => "attributes are left out",
            (Detail::Table, usize::MAX) => "only counts and what goes are shown",
            (Detail::Table, _) => "only counts are shown, and what goes as far as it fits",
        },
        digest: page.digest.chars().take(12).collect(),
    }
}

fn volatile(templates: &Templates, page: &PlansPage<'_>, volume: Volume) -> String {
    templates.render("plan_more.md.j2", more(page, volume)).trim().to_owned()
}
