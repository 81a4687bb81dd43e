//! Tables: the same rows for a terminal and for Markdown.

use serde::Serialize;

use super::templates::Templates;
use super::text::Style;

/// A table with a heading and what is to be said about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// What it is about.
    pub title: String,
    /// The names of the columns.
    pub header: Vec<&'static str>,
    /// The cells; every row has as many as the header.
    pub rows: Vec<Vec<Cell>>,
    /// Sentences below it.
    pub notes: Vec<String>,
}

/// One cell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Cell {
    text: String,
    /// Where it leads in Markdown; empty when nowhere.
    url: String,
    /// What colours it on a screen; empty for nothing.
    meaning: &'static str,
}

impl Cell {
    /// Plain text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Text that leads somewhere.
    pub fn link(text: impl Into<String>, url: &str) -> Self {
        Self { url: url.to_owned(), ..Self::new(text) }
    }

    /// The same cell, coloured by its meaning.
    pub fn meaning(self, meaning: &'static str) -> Self {
        Self { meaning, ..self }
    }
}

#[derive(Serialize)]
struct Page<'a> {
    title: &'a str,
    header: Vec<(&'static str, usize)>,
    rows: Vec<Vec<(&'a Cell, usize)>>,
    notes: &'a [String],
}

fn page(table: &Table) -> Page<'_> {
    let width = |at: usize, name: &str| {
        let cells = table.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.chars().count());
        // One long name must not push all others away.
        cells.chain([name.chars().count()]).max().unwrap_or(0).min(48)
    };
    let header: Vec<(&str, usize)> =
        table.header.iter().enumerate().map(|(at, name)| (*name, width(at, name))).collect();
    let rows = table.rows.iter();
    let rows = rows.map(|row| row.iter().zip(header.iter().map(|(_, width)| *width)).collect()).collect();
    Page { title: &table.title, header, rows, notes: &table.notes }
}

impl Table {
    /// For a terminal or a plain stream.
    pub fn text(&self, style: Style) -> String {
        Templates::text(style).render("table.txt.j2", page(self))
    }

    /// For GitHub. `account` is shortened wherever it stands.
    pub fn markdown(&self, account: &str) -> String {
        Templates::markdown(account).render("table.md.j2", page(self))
    }
}
