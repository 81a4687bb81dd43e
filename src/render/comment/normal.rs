//! The normal form of a plan comment: its firm part, once nothing volatile can hide or fake it.
//!
//! Every line outside the volatile regions is kept as it is, so that any change of it shows in the comparison. Inside them only known
//! shapes of lines are let through, with text that means nothing to Markdown: a list of what may stand there, not of what may not.

use super::inline::harmless;
use super::{CLOSE, DELIMITER, HEADER, OPEN, RELEASE_CELL};

/// How the hidden first line of a comment begins.
const MARKER: &str = "<!-- fargate-stack:";
/// The line that opens the fold of the pictures.
const DIAGRAM: &str = "<details><summary>Diagram</summary>";
/// The only other lines that stand alone.
const FIXED: &[&str] = &[
    "",
    "No image is released.",
    "Not every diagram is shown.",
    "**Images**",
    "**Running tasks are replaced by**",
    "**Stack files**",
    "**Warnings**",
];
/// Lines of the region in the middle: more than the renderer ever writes.
const MIDDLE_LINES: usize = 600;
/// Words with which a notice begins.
pub(super) const NOTICES: &[&str] = &["Outdated", "Being applied", "Interrupted", "Refused"];
/// How the line of state begins.
const STATUS: &str = "**Status: ";

/// A text in parts: the lines outside the regions, and the regions, each with the number of lines before it.
#[derive(Debug)]
pub(super) struct Pages<'t> {
    /// Lines outside, in order.
    pub(super) firm: Vec<&'t str>,
    /// What stands in each region, and how many firm lines come before it.
    pub(super) regions: Vec<(usize, Vec<&'t str>)>,
}

/// The normal form of a text: what follows from the effects. `None` when a volatile part holds what could hide or fake it.
///
/// The hidden first line may be there or not. Line breaks as a browser writes them, and white space at the end, do not count.
pub fn normal_form(text: &str) -> Option<String> {
    let text = unified(text)?;
    let pages = split(&text)?;
    let [(_, notice), (_, middle), (_, status)] = pages.regions.as_slice() else { return None };
    if !(is_notice(notice) && is_middle(middle) && is_status(status)) {
        return None;
    }
    let mut out = Vec::with_capacity(pages.firm.len() + 6);
    let mut regions = pages.regions.iter().map(|(before, _)| *before).peekable();
    let mut table = Table::Before;
    for (i, line) in pages.firm.iter().enumerate() {
        while regions.next_if_eq(&i).is_some() {
            out.extend([OPEN.to_owned(), CLOSE.to_owned()]);
        }
        out.push(table.row(line)?);
    }
    out.extend(regions.flat_map(|_| [OPEN.to_owned(), CLOSE.to_owned()]));
    (table == Table::After).then(|| out.join("\n"))
}

/// With one kind of line break, without the hidden first line and without white space at the end.
pub(super) fn unified(text: &str) -> Option<String> {
    let text = text.replace("\r\n", "\n");
    let body = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with(MARKER) => {
            let inside = first.trim_end().strip_prefix(MARKER)?.strip_suffix(" -->")?;
            let word = |c: char| c.is_ascii_alphanumeric() || "-_: ".contains(c);
            (!inside.contains("--") && inside.chars().all(word)).then_some(rest)?
        }
        _ => &text,
    };
    (!body.contains('\r')).then(|| body.trim_end().to_owned())
}

/// Takes a text apart; `None` when a region is not closed, or opened within another.
pub(super) fn split(text: &str) -> Option<Pages<'_>> {
    let mut pages = Pages { firm: Vec::new(), regions: Vec::new() };
    let mut open: Option<Vec<&str>> = None;
    for line in text.lines() {
        match (line, &mut open) {
            (OPEN, None) => open = Some(Vec::new()),
            (CLOSE, Some(_)) => pages.regions.push((pages.firm.len(), open.take()?)),
            (OPEN, Some(_)) | (CLOSE, None) => return None,
            (line, Some(inside)) => inside.push(line),
            (line, None) => pages.firm.push(line),
        }
    }
    open.is_none().then_some(pages)
}

/// Where in the text a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Before,
    Head,
    Rows,
    After,
}

impl Table {
    /// The line as it counts: in the table, without what is released.
    fn row(&mut self, line: &str) -> Option<String> {
        *self = match *self {
            Self::Before if line == HEADER => Self::Head,
            Self::Head if line == DELIMITER => Self::Rows,
            Self::Head => return None,
            Self::Rows if line.is_empty() => Self::After,
            Self::Rows => return without_release(line),
            other => other,
        };
        Some(line.to_owned())
    }
}

/// Everything but the cell counts as it stands, so a bar too many shows; and what is harmless holds none, and no half of a span of code.
fn without_release(line: &str) -> Option<String> {
    let mut cells: Vec<&str> = line.split('|').collect();
    let release = cells.get_mut(RELEASE_CELL)?;
    if !harmless(release.trim(), false) {
        return None;
    }
    *release = " ";
    Some(cells.join("|"))
}

fn is_notice(lines: &[&str]) -> bool {
    match lines {
        [] => true,
        [line] => NOTICES.iter().any(|word| {
            line.strip_prefix(&format!("**{word}**")).is_some_and(|rest| harmless(rest.trim_start(), true))
        }),
        _ => false,
    }
}

fn is_status(lines: &[&str]) -> bool {
    let is_line = |line: &&str| {
        line.strip_prefix(STATUS)
            .and_then(|rest| rest.split_once("**"))
            .is_some_and(|(word, rest)| harmless(word, false) && harmless(rest.trim_start(), true))
    };
    match lines {
        [line] => is_line(line),
        [line, approval] => is_line(line) && !approval.is_empty() && harmless(approval, false),
        _ => false,
    }
}

fn is_middle(lines: &[&str]) -> bool {
    if lines.len() > MIDDLE_LINES {
        return false;
    }
    let mut place = Place::List;
    let mut drawn = 0;
    for line in lines {
        place = match (place, *line) {
            // Until a blank line comes, what follows an element of HTML is no Markdown: spans of code would not protect.
            (Place::Opened | Place::Fold | Place::Blank, "") => Place::Blank,
            (Place::Closed, "") => Place::List,
            (Place::List, DIAGRAM) if drawn == 0 => Place::Opened,
            (Place::List, line) if item(line) => Place::List,
            (Place::Blank, line) if item(line) => Place::Fold,
            (Place::Blank, "```mermaid") => {
                drawn += 1;
                Place::Picture
            }
            (Place::Blank, "</details>") if drawn > 0 => Place::Closed,
            (Place::Picture, "```") => Place::Fold,
            (Place::Picture, line) if is_mermaid(line) => Place::Picture,
            (Place::List, line) if FIXED.contains(&line) => Place::List,
            _ => return false,
        };
    }
    matches!(place, Place::List | Place::Closed)
}

/// Where in the region in the middle a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    List,
    /// On the line below the beginning of the fold of the pictures.
    Opened,
    /// In that fold.
    Fold,
    /// The same, after a blank line.
    Blank,
    /// Within a fence.
    Picture,
    /// On the line below the end of the fold.
    Closed,
}

/// A line of a list, or of a link to a stack file.
fn item(line: &str) -> bool {
    line.strip_prefix("- ").is_some_and(|text| !text.is_empty() && harmless(text, true))
}

/// The lines that the renderer draws pictures with, and no others.
fn is_mermaid(line: &str) -> bool {
    let id = |text: &str| {
        text.strip_prefix('n').is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
    };
    let Some(line) = line.strip_prefix("  ") else { return line == "flowchart LR" };
    if let Some((from, to)) = line.split_once(" --> ") {
        return id(from) && id(to);
    }
    if let Some(style) = line.strip_prefix("classDef ") {
        return style.chars().all(|c| c.is_ascii_alphanumeric() || " :#,-".contains(c));
    }
    if let Some((ids, class)) = line.strip_prefix("class ").and_then(|rest| rest.split_once(' ')) {
        return ids.split(',').all(id) && class.chars().all(|c| c.is_ascii_lowercase());
    }
    let Some((node, rest)) = line.split_once(['[', '(']) else { return false };
    let Some((open, rest)) = rest.split_once('"') else { return false };
    let Some((label, close)) = rest.split_once('"') else { return false };
    let shape = matches!((open, close), ("", "]") | ("[", "])" | ")]") | ("(", ")]"));
    let plain = |c: char| c.is_ascii_alphanumeric() || " -,#;".contains(c);
    id(node) && shape && label.chars().all(plain)
}
