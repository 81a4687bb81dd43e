//! A document of facts, tables and lines: what the commands for a running stack show.
//!
//! It holds plain text; the templates make it harmless and arrange it. Nothing is ever cut.

use serde::Serialize;

use super::escape;
use super::templates::Templates;
use super::text::Style;

/// A document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Its first line.
    pub title: String,
    /// Its parts.
    pub sections: Vec<Section>,
}

/// A part of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// Its heading; empty = none.
    pub heading: String,
    /// Name and value, a line each.
    pub facts: Vec<(&'static str, String)>,
    /// The heads of the table's columns.
    pub columns: Vec<&'static str>,
    /// The table; not shown without rows.
    pub rows: Vec<Vec<Cell>>,
    /// Lines below.
    pub lines: Vec<String>,
}

/// One cell of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// Where it leads in Markdown; empty when nowhere.
    pub url: String,
    /// What colours it on a screen; empty for nothing.
    pub meaning: &'static str,
}

impl Cell {
    /// Text that leads somewhere.
    pub fn link(text: impl Into<String>, url: &str) -> Self {
        Self { url: url.to_owned(), ..Self::from(text) }
    }

    /// The same cell, coloured by its meaning.
    #[must_use]
    pub fn meaning(self, meaning: &'static str) -> Self {
        Self { meaning, ..self }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// Rows of plain text.
pub fn plain(rows: impl Iterator<Item = Vec<String>>) -> Vec<Vec<Cell>> {
    rows.map(|row| row.into_iter().map(Cell::from).collect()).collect()
}

#[derive(Serialize)]
struct Shown<'a> {
    page: PageView<'a>,
}

#[derive(Serialize)]
struct PageView<'a> {
    title: &'a str,
    sections: Vec<SectionView<'a>>,
}

#[derive(Serialize)]
struct SectionView<'a> {
    heading: &'a str,
    facts: Vec<Fact<'a>>,
    fact_width: usize,
    header: Vec<CellView<'a>>,
    rows: Vec<Vec<CellView<'a>>>,
    lines: &'a [String],
}

#[derive(Serialize)]
struct Fact<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct CellView<'a> {
    text: &'a str,
    url: &'a str,
    meaning: &'static str,
    width: usize,
}

/// The document for a terminal or a plain stream, ended by a line break.
pub fn page_text(page: &Page, style: Style) -> String {
    Templates::text(style).render("page.txt.j2", Shown { page: view(page) })
}

/// The document for GitHub; the account id is shortened wherever it stands.
pub fn page_markdown(page: &Page, account: &str) -> String {
    Templates::markdown(account).render("page.md.j2", Shown { page: view(page) })
}

fn view(page: &Page) -> PageView<'_> {
    PageView { title: &page.title, sections: page.sections.iter().map(section).collect() }
}

fn section(section: &Section) -> SectionView<'_> {
    let columns = section.columns.len();
    // A column that is empty in every row only takes room.
    let used: Vec<usize> = (0..columns)
        .filter(|at| section.rows.iter().any(|row| row.get(*at).is_some_and(|cell| !cell.text.is_empty())))
        .collect();
    let widest = |at: usize| {
        let cells = section.rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| shown(&cell.text)).chain(section.columns.get(at).map(|text| shown(text))).max()
    };
    let width = |at: usize| widest(at).unwrap_or_default();
    SectionView {
        heading: &section.heading,
        facts: section.facts.iter().map(|(name, value)| Fact { name, value }).collect(),
        fact_width: section.facts.iter().map(|(name, _)| shown(name)).max().unwrap_or_default(),
        header: used
            .iter()
            .filter_map(|at| {
                let text = section.columns.get(*at)?;
                Some(CellView { text, url: "", meaning: "faint", width: width(*at) })
            })
            .collect(),
        rows: section
            .rows
            .iter()
            .map(|row| {
                let cell = |at: &usize| {
                    let Cell { text, url, meaning } = row.get(*at)?;
                    Some(CellView { text, url, meaning, width: width(*at) })
                };
                used.iter().filter_map(cell).collect()
            })
            .collect(),
        lines: &section.lines,
    }
}

/// Columns that a text takes once it is harmless.
fn shown(text: &str) -> usize {
    escape::terminal(text).chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        let section = Section {
            heading: "web".into(),
            facts: vec![("status", "ACTIVE".into()), ("autoscaling", "1 to 3".into())],
            columns: vec!["id", "health", "reason"],
            rows: vec![
                vec!["0a1b".into(), Cell::default(), "ok".into()],
                vec!["0".into(), Cell::default(), "\u{1b}[2J::error::| @octo".into()],
            ],
            lines: vec!["a line\nanother".into()],
        };
        Page { title: "app in us-east-1".into(), sections: vec![section] }
    }

    #[test]
    fn a_page_is_arranged_in_columns_and_nothing_foreign_acts() {
        insta::assert_snapshot!(page_text(&page(), Style::PLAIN), @r"
        app in us-east-1

        web
          status       ACTIVE
          autoscaling  1 to 3

          id    reason
          0a1b  ok
          0     \u{1b}[2J::error::| @octo
          a line\nanother
        ");
    }

    #[test]
    fn a_page_for_github_holds_the_same() {
        let text = page_markdown(&page(), "123456789012");
        assert!(!text.contains('\u{1b}') && !text.contains("@octo |"), "{text}");
        insta::assert_snapshot!(text.replace('\u{200b}', "·"), @r"
        ### app in us-east-1

        #### web

        - status: ACTIVE
        - autoscaling: 1 to 3

        | id | reason |
        |---|---|
        | `0a1b` | `ok` |
        | `0` | ::error::&#124; @·octo |

        - a line another
        ");
    }
}
