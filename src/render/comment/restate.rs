//! The same plan with another line of state.

use serde::Serialize;

use super::normal::{Pages, normal_form, split, unified};
use super::{CLOSE, OPEN, Standing};
use crate::render::links::Links;
use crate::render::templates::Templates;
use crate::render::value::clip;

/// Characters of a reason.
const WHY_CHARS: usize = 500;

#[derive(Serialize)]
struct Restated<'a> {
    /// The word of the line of state.
    word: &'a str,
    /// The bold word below the headline.
    notice: &'a str,
    why: String,
    links: &'a Links,
    approval: &'static str,
}

/// The same comment with another line of state, without the hidden first line; its plan stays as it is. A text that is no whole plan page
/// (another version wrote it, or somebody changed it) is replaced by one that says so.
pub fn restated(text: &str, standing: &Standing<'_>, links: &Links) -> String {
    let (word, notice, why) = match standing {
        Standing::Outdated { why } => ("outdated", "Outdated", *why),
        Standing::Applying => ("applying", "Being applied", ""),
        Standing::Interrupted { why } => ("interrupted", "Interrupted", *why),
        Standing::Refused { why } => ("refused", "Refused", *why),
    };
    let model = Restated { word, notice, why: clip(why, WHY_CHARS), links, approval: "" };
    let templates = Templates::markdown("");
    let status = templates.render("plan_status.md.j2", &model);
    let notice = templates.render("plan_notice.md.j2", &model);
    let (status, notice) = (status.trim_end(), notice.trim_end());
    let whole = normal_form(text).and_then(|_| unified(text));
    let pages = whole.as_deref().and_then(split);
    match pages {
        Some(pages) => joined(&pages, notice, status),
        None => templates.render("plan_lost.md.j2", Lost { notice, status }),
    }
}

#[derive(Serialize)]
struct Lost<'a> {
    notice: &'a str,
    status: &'a str,
}

/// The page with its first region and the first line of its last one replaced.
fn joined(pages: &Pages<'_>, notice: &str, status: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let last = pages.regions.len().saturating_sub(1);
    let mut written = 0;
    for (i, (before, inside)) in pages.regions.iter().enumerate() {
        lines.extend(pages.firm.get(written..*before).unwrap_or_default());
        written = *before;
        lines.push(OPEN);
        if i == 0 {
            lines.push(notice);
        } else if i == last {
            lines.push(status);
            lines.extend(inside.get(1..).unwrap_or_default());
        } else {
            lines.extend(inside);
        }
        lines.push(CLOSE);
    }
    lines.extend(pages.firm.get(written..).unwrap_or_default());
    let mut text = lines.join("\n");
    text.push('\n');
    text
}
