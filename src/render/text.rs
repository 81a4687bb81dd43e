//! The documents for a terminal and for plain streams.

use serde::Serialize;

use super::apply_view::{ApplyView, StepView};
use super::refusal::Refusal;
use super::templates::Templates;
use super::view::{AttrView, ChangeView, How, PlanView};
use crate::model::Action;

/// What the reader's screen can show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Colours and weights.
    pub color: bool,
    /// Columns, when the output is a screen: long changes are then put on two lines. Nothing is ever cut.
    pub width: Option<usize>,
    /// Characters beyond ASCII for signs.
    pub unicode: bool,
}

impl Style {
    /// For files, pipes and logs that take UTF-8.
    pub const PLAIN: Self = Self { color: false, width: None, unicode: true };

    fn arrow(self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }

    fn sign(self, action: Action) -> &'static str {
        match action {
            Action::Create => "+",
            Action::Adopt if self.unicode => "»",
            Action::Adopt => ">",
            Action::Update => "~",
            Action::Replace if self.unicode => "±",
            Action::Replace => "-/+",
            Action::Delete => "-",
            Action::Keep => " ",
        }
    }

    pub(super) fn mark(self, state: &str) -> &'static str {
        match (state, self.unicode) {
            ("done", true) => "✓",
            ("done", false) => "+",
            ("failed", true) => "✗",
            ("failed", false) => "x",
            ("skipped", _) => "-",
            ("warning", _) => "!",
            (_, true) => "·",
            (_, false) => ".",
        }
    }
}

#[derive(Serialize)]
struct PlanPage<'a> {
    plan: &'a PlanView,
    arrow: &'static str,
    rows: Vec<Row<'a>>,
    /// Columns of the widest sign, address and task.
    sign_width: usize,
    address_width: usize,
    task_width: usize,
    url_width: usize,
}

#[derive(Serialize)]
struct Row<'a> {
    sign: &'static str,
    change: &'a ChangeView,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    sign: &'static str,
    how: How,
    text: String,
    /// The wanted value on a line of its own, when both do not fit on one.
    second: String,
    forces_replace: bool,
}

/// A plan as text, ended by a line break.
pub fn plan_text(view: &PlanView, style: Style) -> String {
    let rows: Vec<Row<'_>> = view
        .changes
        .iter()
        .map(|change| Row {
            sign: style.sign(change.action),
            change,
            lines: change.attributes.iter().map(|attr| line(attr, style)).collect(),
        })
        .collect();
    let page = PlanPage {
        plan: view,
        arrow: style.arrow(),
        sign_width: widest(rows.iter().map(|row| row.sign)),
        address_width: widest(view.changes.iter().map(|change| change.address.as_str())),
        task_width: widest(view.releases.iter().map(|release| release.task.as_str())),
        url_width: widest(view.endpoints.iter().map(|one| one.url.as_str())),
        rows,
    };
    Templates::text(style).render("plan.txt.j2", page)
}

fn line(attr: &AttrView, style: Style) -> Line {
    let sign = match attr.how {
        How::Added => "+",
        How::Removed => "-",
        How::Changed => "~",
    };
    let (text, second) = match attr.how {
        How::Added => (format!("{}: {}", attr.path, attr.after), String::new()),
        How::Removed => (format!("{}: {}", attr.path, attr.before), String::new()),
        How::Changed if attr.hidden => (format!("{}: {} changed", attr.path, attr.after), String::new()),
        How::Changed => {
            let first = format!("{}: {}", attr.path, attr.before);
            let second = format!("{} {}", style.arrow(), attr.after);
            // Eight columns stand before the text.
            let columns = first.chars().count() + second.chars().count() + 9;
            match style.width {
                Some(width) if columns > width => (first, second),
                _ => (format!("{first} {second}"), String::new()),
            }
        }
    };
    Line { sign, how: attr.how, text, second, forces_replace: attr.forces_replace }
}

#[derive(Serialize)]
struct ApplyPage<'a> {
    apply: &'a ApplyView,
    rows: Vec<ApplyRow<'a>>,
    address_width: usize,
    url_width: usize,
}

#[derive(Serialize)]
struct ApplyRow<'a> {
    mark: &'static str,
    step: &'a StepView,
}

/// What an apply did, as text, ended by a line break.
pub fn apply_text(view: &ApplyView, style: Style) -> String {
    let page = ApplyPage {
        apply: view,
        rows: view.steps.iter().map(|step| ApplyRow { mark: style.mark(step.state), step }).collect(),
        address_width: widest(view.steps.iter().map(|step| step.address.as_str())),
        url_width: widest(view.endpoints.iter().map(|one| one.url.as_str())),
    };
    Templates::text(style).render("apply.txt.j2", page)
}

#[derive(Serialize)]
struct RefusedPage<'a> {
    refusal: &'a Refusal,
}

/// Why an apply was refused, as text, ended by a line break.
pub fn refusal_text(refusal: &Refusal, style: Style) -> String {
    Templates::text(style).render("refused.txt.j2", RefusedPage { refusal })
}

/// Columns of the longest, up to a bound beyond which one long name would push all others away.
fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0).min(48)
}
