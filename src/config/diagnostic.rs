//! One thing that is wrong in a file, with its place.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// How many characters of a source line are shown; longer lines are cut around the place.
const SHOWN_MAX: usize = 110;
/// How many characters before the place a cut line shows.
const SHOWN_BEFORE: usize = 40;

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file, as the user named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line as it can be shown: control characters escaped, cut when it is long.
    pub source_line: String,
    /// Where in `source_line` the place begins, in characters from 0.
    pub caret: usize,
    /// How many characters of `source_line` the place takes, at least 1.
    pub width: usize,
}

impl Diagnostic {
    /// A message about the bytes `range` of `text`.
    pub(super) fn at(file: &str, text: &str, range: Range<usize>, message: &str, hint: Option<&str>) -> Self {
        let start = floor(text, range.start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let lead = before.get(line_start..).unwrap_or_default();
        // A place that goes over several lines is shown on its first one.
        let end = floor(text, range.end.max(start)).min(line_start + line.len()).max(start);
        let place = text.get(start..end).unwrap_or_default();
        let (source_line, caret, width) = show(line, lead, place.trim_end());
        Self {
            file: escape(file),
            line: before.matches('\n').count() + 1,
            column: lead.chars().count() + 1,
            message: escape(message),
            hint: hint.map(escape),
            source_line,
            caret,
            width,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        writeln!(f, "{}:{}:{}: error: {}", self.file, self.line, self.column, self.message)?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{}", format!("{number} | {}", self.source_line).trim_end())?;
        write!(f, "{gutter} | {}{}", " ".repeat(self.caret), "^".repeat(self.width))?;
        if let Some(hint) = &self.hint {
            write!(f, "\n{gutter} = hint: {hint}")?;
        }
        Ok(())
    }
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A line as it is shown, with the place and the length of the marks under it.
fn show(line: &str, lead: &str, place: &str) -> (String, usize, usize) {
    let (shown, caret, width) =
        (escape(line), escape(lead).chars().count(), escape(place).chars().count().max(1));
    let length = shown.chars().count();
    if length <= SHOWN_MAX {
        return (shown, caret, width);
    }
    let from = caret.saturating_sub(SHOWN_BEFORE);
    let body: String = shown.chars().skip(from).take(SHOWN_MAX).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if from + SHOWN_MAX < length { "…" } else { "" };
    let caret = caret - from + before.chars().count();
    let room = (before.chars().count() + body.chars().count()).saturating_sub(caret).max(1);
    (format!("{before}{body}{after}"), caret, width.min(room))
}

/// Text that cannot move the cursor, hide itself or turn the line around. A tab becomes one space.
pub(super) fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push(' '),
            c if c.is_control() || is_invisible(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Format characters: zero width, direction changes, byte order mark, line and paragraph separators.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
