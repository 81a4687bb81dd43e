//! What the template of a plan's firm part shows: rows, what goes, folds. All of it follows from the effects alone, but the cells that
//! tell of releases.

use serde::Serialize;

use super::StackPart;
use crate::model::{Action, Summary};
use crate::render::markdown::OPEN_LINES;
use crate::render::markdown_lines::{Detail, diff_lines};
use crate::render::redact::short_account;
use crate::render::value::clip;
use crate::render::view::{ChangeView, PlanView, tally};

/// More stacks without changes than this share one row.
const QUIET_ROWS: usize = 10;
/// Lines of the reason why a stack has no plan, and characters of each.
const ERROR_LINES: usize = 20;
const ERROR_CHARS: usize = 500;
/// What requests need, and is made anew only after the present one went.
const GOES_FIRST: &[&str] = &["cluster", "dns_record", "service"];
/// What requests need, and goes only after the new one took over.
const GOES_LAST: &[&str] = &["listener", "listener_rule", "load_balancer", "target_group"];
/// Addresses in a cell, and characters of a tag.
const CELL_LIST: usize = 2;
const TAG_CHARS: usize = 40;

/// The beginning of a list, and how much of it is left out.
#[derive(Debug, Serialize)]
pub(super) struct List<T> {
    items: Vec<T>,
    more: usize,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new(), more: 0 }
    }
}

impl<T> List<T> {
    /// At most `limit` items.
    pub(super) fn first(mut items: Vec<T>, limit: usize) -> Self {
        let more = items.len().saturating_sub(limit);
        items.truncate(limit);
        Self { items, more }
    }
}

/// One row of the table.
#[derive(Debug, Default, Serialize)]
pub(super) struct Row<'a> {
    /// The stack; empty for a row that stands for several.
    name: &'a str,
    /// What such a row is called.
    label: String,
    place: String,
    failed: bool,
    create: usize,
    adopt: usize,
    update: usize,
    replace: usize,
    delete: usize,
    release: Release,
    stops: List<String>,
}

/// What is released, in a few words: volatile.
#[derive(Debug, Default, Serialize)]
struct Release {
    from: String,
    to: String,
    images: usize,
}

/// The changes of one stack.
#[derive(Debug, Serialize)]
pub(super) struct Fold<'a> {
    stack: &'a str,
    tally: String,
    open: bool,
    diff: Vec<String>,
}

/// Something that goes.
#[derive(Debug, Serialize)]
pub(super) struct Goes<'a> {
    stack: &'a str,
    change: &'a ChangeView,
}

/// A stack without a plan.
#[derive(Debug, Serialize)]
pub(super) struct Failure<'a> {
    stack: &'a str,
    lines: Vec<String>,
}

/// The rows: at most `limit` stacks, those that lose something first when not all are shown; the rest is counted.
pub(super) fn rows<'a>(stacks: &[StackPart<'a>], limit: usize) -> Vec<Row<'a>> {
    let quiet = |part: &&StackPart<'_>| part.outcome.is_ok_and(|view| view.effects.is_empty());
    let together = stacks.iter().filter(quiet).count() > QUIET_ROWS;
    let mut alone: Vec<Row<'a>> = stacks.iter().filter(|part| !(together && quiet(part))).map(row).collect();
    if alone.len() > limit {
        alone.sort_by_key(|row| !row.failed && row.replace + row.delete == 0);
        let rest = alone.split_off(limit);
        alone.push(several(format!("{} more stacks", rest.len()), rest));
    }
    if together {
        let quiet: Vec<Row<'a>> = stacks.iter().filter(quiet).map(row).collect();
        alone.push(several(format!("{} stacks without changes", quiet.len()), quiet));
    }
    alone
}

fn row<'a>(part: &StackPart<'a>) -> Row<'a> {
    let Ok(view) = part.outcome else {
        return Row { name: part.stack, place: "–".to_owned(), failed: true, ..Row::default() };
    };
    let Summary { create, adopt, update, replace, delete, keep: _ } = view.effect_summary;
    let stops: Vec<String> = view
        .effects
        .iter()
        .filter(|change| interrupts(change))
        .map(|change| change.address.clone())
        .collect();
    Row {
        name: part.stack,
        place: format!("{} · {}", short_account(&view.account), view.region),
        create,
        adopt,
        update,
        replace,
        delete,
        release: released(view),
        stops: List::first(stops, CELL_LIST),
        ..Row::default()
    }
}

fn several(label: String, rows: Vec<Row<'_>>) -> Row<'_> {
    let mut sum = Row { label, ..Row::default() };
    for row in rows {
        sum.create += row.create;
        sum.adopt += row.adopt;
        sum.update += row.update;
        sum.replace += row.replace;
        sum.delete += row.delete;
        sum.release.images += row.release.images;
        let named = row.stops.items.len();
        sum.stops.more += row.stops.more;
        sum.stops.items.extend(row.stops.items);
        let over = sum.stops.items.len().saturating_sub(CELL_LIST).min(named);
        sum.stops.items.truncate(CELL_LIST);
        sum.stops.more += over;
    }
    sum
}

/// Whether requests go nowhere while this happens, or after it.
fn interrupts(change: &ChangeView) -> bool {
    let kind = change.address.split('.').next().unwrap_or_default();
    match change.action {
        Action::Replace => GOES_FIRST.contains(&kind),
        Action::Delete => GOES_FIRST.contains(&kind) || GOES_LAST.contains(&kind),
        _ => false,
    }
}

fn released(view: &PlanView) -> Release {
    // The tag alone; the list of images has the digest.
    let tag = |label: &str| clip(label.split(" (").next().unwrap_or(label), TAG_CHARS);
    let changed: Vec<_> = view.releases.iter().filter(|release| release.changes).collect();
    match changed.as_slice() {
        [one] => Release { from: tag(&one.from), to: tag(&one.to), images: 1 },
        several => Release { images: several.len(), ..Release::default() },
    }
}

/// Everything that goes, in any stack.
pub(super) fn destructive<'a>(stacks: &[StackPart<'a>], limit: usize) -> List<Goes<'a>> {
    let planned = stacks.iter().filter_map(|part| Some((part.stack, part.outcome.ok()?)));
    let goes = planned.flat_map(|(stack, view)| {
        view.effects.iter().filter(|change| change.destructive).map(move |change| Goes { stack, change })
    });
    List::first(goes.collect(), limit)
}

/// Why stacks have no plan.
pub(super) fn failures<'a>(stacks: &[StackPart<'a>], detail: Detail, limit: usize) -> List<Failure<'a>> {
    let lines = if detail >= Detail::Lines { 1 } else { ERROR_LINES };
    let failed = stacks.iter().filter_map(|part| {
        let text = part.outcome.err()?;
        let place = std::iter::once(part.file).filter(|file| *file != part.stack && !file.is_empty());
        let lines = place.chain(text.lines().take(lines)).map(|line| clip(line, ERROR_CHARS)).collect();
        Some(Failure { stack: part.stack, lines })
    });
    List::first(failed.collect(), limit)
}

/// The changes of each stack that has some.
pub(super) fn folds<'a>(stacks: &[StackPart<'a>], detail: Detail) -> Vec<Fold<'a>> {
    if detail == Detail::Table {
        return Vec::new();
    }
    let planned = stacks.iter().filter_map(|part| Some((part.stack, part.outcome.ok()?)));
    let mut folds: Vec<Fold<'a>> = planned
        .filter(|(_, view)| !view.effects.is_empty())
        .map(|(stack, view)| Fold {
            stack,
            tally: tally(view.effect_summary),
            open: false,
            diff: diff_lines(&view.effects, detail),
        })
        .collect();
    if let [only] = folds.as_mut_slice() {
        only.open = only.diff.len() <= OPEN_LINES;
    }
    folds
}
