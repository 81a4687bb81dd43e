//! Workflow commands: the lines on stdout that the runner understands, and keeping foreign text from being one.
//!
//! The runner takes a line as a command when it begins with `::` (after spaces), and also, in its older form, when
//! `##[` stands anywhere in it. Text that others wrote goes through [`foreign`], or through [`neutralise`] where it
//! is a part of a line of ours. Nothing is written here: all functions return text.

use std::fmt::Write as _;

/// Longest message of an annotation that GitHub keeps, in characters.
const LONGEST_MESSAGE: usize = 4_096;
/// Breaks up what the runner would take for a command, and shows as nothing.
const ZERO_WIDTH: char = '\u{200b}';

/// How bad an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `error`.
    Error,
    /// `warning`.
    Warning,
    /// `notice`.
    Notice,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// A message that GitHub shows beside the run, and beside a line of a file when it names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// How bad it is.
    pub level: Level,
    /// What it says, of any number of lines.
    pub message: String,
    /// Heading.
    pub title: Option<String>,
    /// File relative to the workspace.
    pub file: Option<String>,
    /// Line, from 1.
    pub line: Option<u64>,
    /// Column, from 1.
    pub column: Option<u64>,
}

impl Annotation {
    /// An annotation without a place.
    pub fn new(level: Level, message: impl Into<String>) -> Self {
        Self { level, message: message.into(), title: None, file: None, line: None, column: None }
    }

    /// The command, one line with its line break.
    pub fn command(&self) -> String {
        let numbers = [("line", self.line), ("col", self.column)];
        let texts = [("file", &self.file), ("title", &self.title)];
        let mut properties: Vec<String> = Vec::new();
        for (name, value) in texts {
            properties.extend(value.as_ref().map(|value| format!("{name}={}", escape_property(value))));
        }
        properties
            .extend(numbers.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}"))));
        let space = if properties.is_empty() { "" } else { " " };
        let message: String = self.message.chars().take(LONGEST_MESSAGE).collect();
        format!("::{}{space}{}::{}\n", self.level.word(), properties.join(","), escape_data(&message))
    }
}

/// At most `most` annotations of each level, worst first; the last one of a cut level tells how many are missing.
/// GitHub shows 10 of each level for a step.
pub fn annotations(all: &[Annotation], most: usize) -> String {
    let mut text = String::new();
    for level in [Level::Error, Level::Warning, Level::Notice] {
        let of_level: Vec<&Annotation> = all.iter().filter(|one| one.level == level).collect();
        let shown = if of_level.len() > most { most.saturating_sub(1) } else { of_level.len() };
        for one in of_level.iter().take(shown) {
            text.push_str(&one.command());
        }
        if shown < of_level.len() {
            text.push_str(&Annotation::new(level, format!("and {} more", of_level.len() - shown)).command());
        }
    }
    text
}

/// Opens a fold in the log.
pub fn group(title: &str) -> String {
    format!("::group::{}\n", escape_data(&neutralise(title)))
}

/// Closes the fold.
pub fn endgroup() -> &'static str {
    "::endgroup::\n"
}

/// Keeps a value out of the log from here on: one command for each of its lines. Values under four characters would
/// hide half of the log and are left out.
pub fn mask(value: &str) -> String {
    let lines = value.lines().map(str::trim).filter(|line| line.chars().count() >= 4);
    lines.fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "::add-mask::{}", escape_data(line));
        text
    })
}

/// Foreign text in a block in which the runner obeys nothing. The word that ends the block is random, so that the
/// text cannot hold it; commands in the text are broken up as well, since other runners do not know such blocks.
pub fn foreign(text: &str) -> std::io::Result<String> {
    let mut all = String::new();
    if !text.is_empty() {
        Block::open(|part: &str| all.push_str(part))?.text(text);
    }
    Ok(all)
}

/// A block in which the runner obeys nothing, for foreign text that comes bit by bit: opened at once, closed when it is dropped,
/// however that comes about. Its word is random and used once.
pub struct Block<W: FnMut(&str)> {
    word: String,
    write: W,
}

impl<W: FnMut(&str)> Block<W> {
    /// Opens a block; everything goes through `write`, whole lines with their line breaks.
    pub fn open(mut write: W) -> std::io::Result<Self> {
        let word = random_word()?;
        write(&format!("::stop-commands::{word}\n"));
        Ok(Self { word, write })
    }

    /// Writes foreign text, its commands broken up as well.
    pub fn text(&mut self, text: &str) {
        if !text.is_empty() {
            let end = if text.ends_with('\n') { "" } else { "\n" };
            (self.write)(&format!("{}{end}", neutralise(text)));
        }
    }
}

impl<W: FnMut(&str)> Drop for Block<W> {
    fn drop(&mut self) {
        (self.write)(&format!("::{}::\n", self.word));
    }
}

/// The text without anything that a runner would take for a command.
///
/// The runner compares in a way that passes over characters without width, but counts on from where it found something: what it
/// then takes for the name of the command begins with `:` or `[`, and there is no such command.
pub fn neutralise(text: &str) -> String {
    let broken = text.replace("##[", &format!("##{ZERO_WIDTH}["));
    let mut clean = String::with_capacity(broken.len());
    // The runner splits its input at both line breaks, and a lone carriage return begins a line for some.
    for line in broken.split_inclusive(['\n', '\r']) {
        let indent = line.len() - line.trim_start().len();
        let (spaces, rest) = line.split_at(indent);
        clean.push_str(spaces);
        if rest.starts_with("::") {
            clean.push(ZERO_WIDTH);
        }
        clean.push_str(rest);
    }
    clean
}

/// 128 random bits in hexadecimal digits.
pub(super) fn random_word() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(bytes.iter().fold(String::from("fs-"), |mut word, byte| {
        let _ = write!(word, "{byte:02x}");
        word
    }))
}

/// Escapes the message of a command.
fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a command.
fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
#[path = "workflow_tests.rs"]
mod tests;
