//! Whether a piece of text is only text to Markdown: the shapes that `escape` writes, and no others.

use crate::render::escape::is_invisible;

/// The break that `escape` puts into what GitHub would take for a mention or an address.
const BREAK: char = '\u{200b}';
/// The entities that `escape` writes.
const ENTITIES: &[&str] = &["&amp;", "&lt;", "&gt;", "&#124;"];
/// Characters that mean something unless a backslash is before them.
const MEANINGFUL: &str = "<>[]*_~$#|`\\";

/// Whether a line or a part of one begins no block, holds no HTML, no formatting, no image, no mention and no address, and ends every
/// span of code that it begins. With `links`, addresses of the web behind a label are let through.
pub(super) fn harmless(text: &str, links: bool) -> bool {
    begins_no_block(text) && only_text(text, links)
}

/// Whether the text, at the start of a line or of an item of a list, is the start of a paragraph.
fn begins_no_block(text: &str) -> bool {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let numbered = digits > 0 && text.chars().nth(digits).is_some_and(|c| matches!(c, '.' | ')'));
    let fence = text.starts_with("```") && !text.trim_start_matches('`').contains('`');
    let numbers = numbered && text.chars().nth(digits + 1).is_none_or(char::is_whitespace);
    !(text.starts_with(['-', '+', '=', ' ', '\t']) || numbers || fence)
}

fn only_text(text: &str, links: bool) -> bool {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let next = after.chars().next();
        let taken = match c {
            '\\' => next.filter(char::is_ascii_punctuation).map(|_| 2),
            '`' => code_span(rest),
            '[' if links => link(rest),
            '&' => ENTITIES.iter().find(|entity| rest.starts_with(**entity)).map(|entity| entity.len()),
            '@' if next != Some(BREAK) => None,
            ':' if next == Some('/') => None,
            '.' if next.is_some_and(|next| next != BREAK) && ends_with_www(text, rest) => None,
            '!' if next == Some('[') => None,
            BREAK => Some(c.len_utf8()),
            c if MEANINGFUL.contains(c) || c.is_control() || is_invisible(c) => None,
            c => Some(c.len_utf8()),
        };
        let Some(taken) = taken else { return false };
        let Some(shorter) = rest.get(taken..) else { return false };
        rest = shorter;
    }
    true
}

/// Whether what stands before this rest of the text is `www`.
fn ends_with_www(text: &str, rest: &str) -> bool {
    let before = text.get(..text.len() - rest.len()).unwrap_or_default();
    before.to_ascii_lowercase().ends_with("www")
}

/// How many bytes the span of code takes that begins here; `None` when it does not end.
fn code_span(text: &str) -> Option<usize> {
    let ticks = text.len() - text.trim_start_matches('`').len();
    let mut at = ticks;
    loop {
        let from = text.get(at..)?;
        let start = at + from.find('`')?;
        let run = text.get(start..)?;
        let length = run.len() - run.trim_start_matches('`').len();
        if length == ticks {
            let inside = text.get(ticks..start)?;
            let plain = !inside.chars().any(|c| c.is_control() || (c != BREAK && is_invisible(c)));
            return (plain && !inside.trim().is_empty()).then_some(start + length);
        }
        at = start + length;
    }
}

/// How many bytes the link takes that begins here: `[label](https://…)`, as `escape::url` writes it.
fn link(text: &str) -> Option<usize> {
    // A label holds no link, and its brackets are escaped; in a span of code they may stand.
    let mut at = 1;
    loop {
        let rest = text.get(at..)?;
        match rest.chars().next()? {
            ']' => break,
            '`' => at += code_span(rest)?,
            '\\' => at += 2,
            c => at += c.len_utf8(),
        }
    }
    let label = text.get(1..at)?;
    let target = text.get(at..)?.strip_prefix("](")?;
    let end = target.find(')')?;
    let url = target.get(..end)?;
    let address = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&'*+,;=%".contains(c);
    let well =
        !address.is_empty() && address.chars().all(allowed) && !label.is_empty() && only_text(label, false);
    well.then_some(at + 2 + end + 1)
}
