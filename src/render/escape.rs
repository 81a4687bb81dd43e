//! Foreign text made harmless for the place where it is shown: Markdown, a terminal, a workflow log, JSON.
//!
//! Everything that did not come from our own source is foreign: names, paths, values, messages of AWS, branch names.

use std::fmt::Write as _;

use serde_json::Value;

/// Breaks a word without being seen, so that neither GitHub nor a runner recognises what it would have meant.
const BREAK: char = '\u{200b}';

/// Characters that show nothing, or that reorder what is shown (general category Cf, the bidirectional controls, variation
/// selectors, fillers): text that holds them may say something else than it seems to.
const INVISIBLE: &[(u32, u32)] = &[
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x0600, 0x0605),
    (0x061c, 0x061c),
    (0x06dd, 0x06dd),
    (0x070f, 0x070f),
    (0x0890, 0x0891),
    (0x08e2, 0x08e2),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x1_10bd, 0x1_10bd),
    (0x1_10cd, 0x1_10cd),
    (0x1_3430, 0x1_343f),
    (0x1_bca0, 0x1_bca3),
    (0x1_d173, 0x1_d17a),
    (0xe_0000, 0xe_0fff),
];

/// Whether a character shows nothing or changes the order of others.
pub fn is_invisible(c: char) -> bool {
    let code = u32::from(c);
    INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

/// One line for a terminal or a plain log: every control character, line breaks included, becomes a visible escape.
pub fn terminal(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        push_terminal(&mut out, c);
        out
    })
}

/// One line of a program's output: as [`terminal`], but its colours are taken out and tabs are blanks.
pub fn output(text: &str) -> String {
    terminal(&without_ansi(text).replace('\t', "    "))
}

/// Several lines for a terminal: as [`terminal`], but line breaks stay.
pub fn terminal_lines(text: &str) -> String {
    text.lines().map(terminal).collect::<Vec<_>>().join("\n")
}

fn push_terminal(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c.is_control() || is_invisible(c) => push_visible(out, c),
        c => out.push(c),
    }
}

fn push_visible(out: &mut String, c: char) {
    // Writing to a `String` cannot fail.
    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
}

/// Removes terminal control sequences whole, so that `ESC[31m` leaves no `[31m` behind. What is not ended is not a
/// sequence: only its first character goes, or a lone one could hide all the text after it.
pub(super) fn without_ansi(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\u{1b}', '\u{9b}']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let mut chars = from.chars();
        let introducer = chars.next();
        let after = chars.as_str();
        rest = match (introducer, after.chars().next()) {
            (Some('\u{9b}'), _) => after_csi(after).unwrap_or(after),
            (_, Some('[')) => after_csi(&after[1..]).unwrap_or(&after[1..]),
            (_, Some(']')) => after_osc(&after[1..]).unwrap_or(&after[1..]),
            _ => after,
        };
    }
    out.push_str(rest);
    out
}

/// What follows the end of a control sequence: parameters, then one final byte.
fn after_csi(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !matches!(c, '\u{20}'..='\u{3f}'))?;
    let rest = &text[end..];
    rest.chars().next().filter(|c| matches!(c, '\u{40}'..='\u{7e}')).map(|_| &rest[1..])
}

/// What follows the end of an operating-system command: BEL or ESC `\` on the same line.
fn after_osc(text: &str) -> Option<&str> {
    let end = text.find(['\u{7}', '\u{1b}', '\n'])?;
    let rest = &text[end..];
    rest.strip_prefix('\u{7}').or_else(|| rest.strip_prefix("\u{1b}\\"))
}

/// One line without control characters; invisible ones are spelled out. Start of every Markdown form.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in without_ansi(&text.replace("\r\n", "\n")).chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if c.is_control() => {}
            c if is_invisible(c) => push_visible(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

/// Text between other Markdown text, also in a table cell: shows exactly its characters, on one line, and makes no link,
/// mention, reference, emphasis, HTML or block.
pub fn markdown(text: &str) -> String {
    let plain = plain(text);
    let chars: Vec<char> = plain.trim().chars().collect();
    let at = |i: usize| chars.get(i).copied();
    let before = |i: usize, back: usize| i.checked_sub(back).and_then(at);
    let digits = chars.iter().take_while(|c| c.is_ascii_digit()).count();
    let mut out = String::with_capacity(plain.len() * 2);
    let mut break_at = None;
    for (i, &c) in chars.iter().enumerate() {
        let word_starts = before(i, 1).is_none_or(|c| !c.is_alphanumeric());
        if word_starts && is_commit_like(&chars, i) {
            break_at = Some(i + 4);
        }
        if break_at == Some(i) {
            out.push(BREAK);
        }
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // An entity, for a table splits at `\\|` even though the backslash belongs to the one before.
            '|' => out.push_str("&#124;"),
            '@' => out.extend(['@', BREAK]),
            '#' => out.extend(['\\', '#', BREAK]),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '$' => out.extend(['\\', c]),
            '-' | '+' | '=' if i == 0 => out.extend(['\\', c]),
            '.' | ')' if i > 0 && i == digits && at(i + 1).is_none_or(char::is_whitespace) => {
                out.extend(['\\', c]);
            }
            '-' if matches!((before(i, 2), before(i, 1)), (Some('g' | 'G'), Some('h' | 'H'))) => {
                out.extend(['-', BREAK]);
            }
            ':' if at(i + 1) == Some('/') => out.extend([':', BREAK]),
            '.' if (1..=3).all(|back| matches!(before(i, back), Some('w' | 'W'))) => out.extend(['.', BREAK]),
            c => out.push(c),
        }
    }
    out
}

/// Text within an HTML element of ours, where Markdown means nothing but GitHub still looks for mentions and references.
pub fn html(text: &str) -> String {
    let plain = plain(text);
    let chars: Vec<char> = plain.trim().chars().collect();
    let before = |i: usize, back: usize| i.checked_sub(back).and_then(|i| chars.get(i)).copied();
    let mut out = String::with_capacity(plain.len() * 2);
    for (i, &c) in chars.iter().enumerate() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '$' | '@' | '#' => out.extend([c, BREAK]),
            ':' if chars.get(i + 1) == Some(&'/') => out.extend([':', BREAK]),
            '-' if matches!((before(i, 2), before(i, 1)), (Some('g' | 'G'), Some('h' | 'H'))) => {
                out.extend(['-', BREAK]);
            }
            '.' if (1..=3).all(|back| matches!(before(i, back), Some('w' | 'W'))) => out.extend(['.', BREAK]),
            c => out.push(c),
        }
    }
    out
}

/// A sentence of ours in Markdown: what stands between back-ticks becomes a code span, everything is harmless as in
/// [`markdown`] and [`code`].
pub fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let paired =
        parts.len() % 2 == 1 && parts.iter().skip(1).step_by(2).all(|inside| !inside.trim().is_empty());
    if !paired {
        return markdown(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    for (i, part) in parts.iter().enumerate() {
        if i % 2 == 1 {
            out.push_str(&code(part));
            continue;
        }
        let space = |side: bool| if side { " " } else { "" };
        let inner = markdown(part);
        let edges = (part.starts_with(char::is_whitespace), part.ends_with(char::is_whitespace));
        // White space at the edge of the whole text means nothing, and before the first word it could mean an indented block.
        out.push_str(space(i > 0 && edges.0));
        out.push_str(&inner);
        out.push_str(space(i + 1 < parts.len() && edges.1 && !inner.is_empty()));
    }
    out
}

/// Whether a word that GitHub would take for a commit begins here: 7 to 40 hex digits and nothing else.
fn is_commit_like(chars: &[char], from: usize) -> bool {
    let word = chars.iter().skip(from);
    let length = word.clone().take_while(|c| c.is_ascii_hexdigit()).count();
    (7..=40).contains(&length) && word.clone().nth(length).is_none_or(|c| !c.is_alphanumeric())
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A code span. Inside one GitHub makes no links, mentions or references.
pub fn code(text: &str) -> String {
    let plain = plain(text).replace("<!--", "<!\u{200b}--");
    if plain.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let ticks = "`".repeat(longest_run(&plain) + 1);
    let pad = if plain.starts_with(['`', ' ']) || plain.ends_with(['`', ' ']) { " " } else { "" };
    format!("{ticks}{pad}{plain}{pad}{ticks}")
}

/// A code span in a table cell. A bar would end the cell even inside code, so such text is shown as text.
pub fn code_cell(text: &str) -> String {
    if text.contains('|') { markdown(text) } else { code(text) }
}

/// A fenced block: each item is one line, whatever it holds.
pub fn fence(language: &str, lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| fenced_line(line)).collect();
    let ticks = "`".repeat(lines.iter().map(|line| longest_run(line)).max().unwrap_or(0).max(2) + 1);
    format!("{ticks}{language}\n{}\n{ticks}", lines.join("\n"))
}

fn fenced_line(line: &str) -> String {
    let visible: Vec<String> = line.split('\n').map(plain).collect();
    visible.join("\\n").replace("<!--", "<!\u{200b}--")
}

/// The inside of the double quotes of a Mermaid label, on one line: letters, digits, blanks, hyphens and commas stay, everything
/// else becomes an entity code. Nothing that Mermaid, or Markdown within its labels, gives a meaning to is left.
pub fn mermaid(text: &str) -> String {
    terminal(text).chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | ',') {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
        out
    })
}

/// An address for the round brackets of a Markdown link, or nothing when it is no web address.
pub fn url(text: &str) -> Option<String> {
    if !text.starts_with("https://") && !text.starts_with("http://") {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "-._~:/?#@!$&'*+,;=%".contains(c) {
            out.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    Some(out)
}

/// Lines of a workflow log in which a runner finds no command: it takes `::name::` at the start of a line and `##[name]`
/// anywhere in one.
pub fn workflow_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        // A lone carriage return begins a line, too.
        for (i, part) in line.split('\r').enumerate() {
            if i > 0 {
                out.push('\r');
            }
            let words = part.trim_start();
            if words.starts_with("::") {
                out.push_str(&part[..part.len() - words.len()]);
                out.push(BREAK);
                out.push_str(&words.replace("##[", "##\u{200b}["));
            } else {
                out.push_str(&part.replace("##[", "##\u{200b}["));
            }
        }
    }
    out
}

/// The data of a workflow command such as `::error::…`: the runner undoes exactly these three.
pub fn workflow_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A JSON document, indented, that shows every invisible character as an escape and holds nothing that a runner takes for
/// a command. Parses to exactly the value given.
pub fn json(value: &Value) -> String {
    harmless_json(&format!("{value:#}"))
}

/// As [`json`], on one line.
pub fn json_line(value: &Value) -> String {
    harmless_json(&value.to_string())
}

fn harmless_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut previous = [' '; 1];
    for (i, c) in text.char_indices() {
        if c.is_control() && c != '\n' || is_invisible(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else if c == '[' && previous == ['#'] && text[..i].ends_with("##") {
            out.push_str("\\u005b");
        } else {
            out.push(c);
        }
        previous = [c];
    }
    out
}
