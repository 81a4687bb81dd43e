//! The lines of a diff block, and the search for the most that fits.

use super::links::Budget;
use super::value::clip;
use super::view::{AttrView, ChangeView, How};
use crate::model::Action;

/// A value longer than this is cut in Markdown; the JSON document has it whole.
const VALUE_CHARS: usize = 200;

/// How much of a plan is shown: the rungs of the ladder, from the most to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// Everything.
    All,
    /// Without what only tells more about a new resource.
    NoContext,
    /// Attributes only of what goes; of the rest their number.
    Counts,
    /// A line a resource.
    Lines,
    /// Nothing but the table and the list of what goes.
    Table,
}

/// The lines of the diff block, sign in the first column so that GitHub colours them.
pub(super) fn diff_lines(changes: &[ChangeView], detail: Detail) -> Vec<String> {
    if detail == Detail::Table {
        return Vec::new();
    }
    changes.iter().flat_map(|change| change_lines(change, detail)).collect()
}

fn change_lines(change: &ChangeView, detail: Detail) -> Vec<String> {
    let mut head = format!("{:<7} {}", change.verb, change.address);
    if !change.physical_name.is_empty() {
        head.push_str("  ");
        head.push_str(&change.physical_name);
    }
    if !change.details.is_empty() && detail == Detail::All {
        head.push_str("  ");
        head.push_str(&change.details);
    }
    if change.restarts_tasks {
        head.push_str("  (restarts tasks)");
    }
    let attributes = detail <= Detail::NoContext || (detail == Detail::Counts && change.destructive);
    if !attributes && !change.attributes.is_empty() {
        head.push_str("  (");
        head.push_str(&attribute_count(change.attributes.len()));
        head.push(')');
    }
    let mut lines = match change.action {
        Action::Create => vec![format!("+ {head}")],
        Action::Delete => vec![format!("- {head}")],
        Action::Replace => {
            vec![format!("- {head}  (the present one goes)"), format!("+ {head}  (a new one is made)")]
        }
        Action::Adopt | Action::Update | Action::Keep => vec![format!("! {head}")],
    };
    if attributes {
        lines.extend(change.attributes.iter().map(attribute_line));
    }
    lines
}

fn attribute_count(count: usize) -> String {
    if count == 1 { "1 attribute".to_owned() } else { format!("{count} attributes") }
}

fn attribute_line(attr: &AttrView) -> String {
    let forced = if attr.forces_replace { "  (forces replacement)" } else { "" };
    let (path, before, after) =
        (clip(&attr.path, VALUE_CHARS), clip(&attr.before, VALUE_CHARS), clip(&attr.after, VALUE_CHARS));
    match attr.how {
        How::Added => format!("+   {path}: {after}{forced}"),
        How::Removed => format!("-   {path}: {before}{forced}"),
        How::Changed if attr.hidden => format!("!   {path}: {after} changed{forced}"),
        How::Changed if before.is_empty() => format!("!   {path}: changed to {after}{forced}"),
        How::Changed => format!("!   {path}: {before} → {after}{forced}"),
    }
}

/// The document with as many items as the budget holds, and at least the one with none.
pub(super) fn most_that_fits(items: usize, budget: Budget, document: impl Fn(usize) -> String) -> String {
    let whole = document(items);
    if budget.holds(&whole) {
        return whole;
    }
    // Doubling first keeps the trials short when only a few of very many fit.
    let (mut fits, mut too_many) = (0, items);
    let mut trial = 64;
    while trial < items && too_many == items {
        if budget.holds(&document(trial)) {
            fits = trial;
            trial *= 2;
        } else {
            too_many = trial;
        }
    }
    while too_many - fits > 1 {
        let middle = fits + (too_many - fits) / 2;
        if budget.holds(&document(middle)) {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    document(fits)
}
