//! The text of a file and where in it a path stands.

use std::ops::Range;

use yamlpath::{Component, Document, Route};

use super::diagnostic::Diagnostic;

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seg {
    /// A key of a mapping.
    Key(String),
    /// A place in a list, from 0.
    Index(usize),
}

/// The way from the top of a document to a value.
pub type Path = Vec<Seg>;

/// A path made of keys.
pub fn keys(keys: &[&str]) -> Path {
    keys.iter().map(|key| Seg::Key((*key).to_owned())).collect()
}

/// `path` and one step more.
pub fn join(path: &[Seg], seg: impl Into<Seg>) -> Path {
    let mut longer = path.to_vec();
    longer.push(seg.into());
    longer
}

impl From<&str> for Seg {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Seg {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// How people write a path: `tasks.web.secrets[1]`.
pub fn spell(path: &[Seg]) -> String {
    let mut text = String::new();
    for seg in path {
        match seg {
            Seg::Key(key) if text.is_empty() => text.push_str(key),
            Seg::Key(key) => text.extend([".", key]),
            Seg::Index(index) => text.extend(["[", &index.to_string(), "]"]),
        }
    }
    text
}

/// Which part of a path's place a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// The value; its key when there is no value.
    Value,
    /// The key.
    Key,
    /// The key where it stands for the second time.
    SecondKey,
}

/// A file's text with an index of places.
pub struct Source<'a> {
    /// The name of the file, as messages show it.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
    document: Option<Document>,
}

impl<'a> Source<'a> {
    /// Indexes `text`. Without valid YAML there are no paths, and every place is the first line.
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, document: Document::new(text).ok() }
    }

    /// The text of the scalar at `path` as it is written, without quotes being taken off.
    pub fn written(&self, path: &[Seg]) -> Option<&'a str> {
        self.text.get(self.value_range(path)?)
    }

    /// A message about the place at `path`.
    pub fn diagnostic(&self, path: &[Seg], spot: Spot, message: &str, hint: Option<&str>) -> Diagnostic {
        let range = match spot {
            Spot::Value => self.value_range(path).or_else(|| self.key_range(path)),
            Spot::Key => self.key_range(path).or_else(|| self.value_range(path)),
            Spot::SecondKey => self.second_key(path).or_else(|| self.key_range(path)),
        };
        // A value made by an alias stands nowhere on its own; what encloses it does.
        let range =
            range.or_else(|| (1..path.len()).rev().find_map(|length| self.key_range(path.get(..length)?)));
        Diagnostic::at(self.file, self.text, range.unwrap_or(0..0), message, hint)
    }

    fn value_range(&self, path: &[Seg]) -> Option<Range<usize>> {
        let feature = self.document.as_ref()?.query_exact(&route(path)).ok()??;
        let (start, end) = feature.location.byte_span;
        Some(start..end)
    }

    fn key_range(&self, path: &[Seg]) -> Option<Range<usize>> {
        let document = self.document.as_ref()?;
        let feature = match path.last()? {
            Seg::Key(_) => document.query_key_only(&route(path)).ok()?,
            Seg::Index(_) => document.query_exact(&route(path)).ok()??,
        };
        let (start, end) = feature.location.byte_span;
        Some(start..end)
    }

    /// Where the key of `path` stands again: the queries know only one of the places, so this looks for the same text in the
    /// same column (or, on one line, for the same text followed by a colon) in the rest of the enclosing mapping.
    fn second_key(&self, path: &[Seg]) -> Option<Range<usize>> {
        let (_, parent) = path.split_last()?;
        let first = self.key_range(path)?;
        let mapping = self.value_range(parent).unwrap_or(0..self.text.len());
        let key = self.text.get(first.clone())?;
        let column = |at: usize| {
            at - self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1)
        };
        let places = self.text.get(mapping.clone())?.match_indices(key).map(|(at, _)| mapping.start + at);
        let is_key = |at: usize| {
            self.text.get(at + key.len()..).is_some_and(|rest| rest.trim_start_matches(' ').starts_with(':'))
        };
        let flow = self.text.get(mapping.clone())?.starts_with('{');
        places
            .filter(|at| is_key(*at) && (flow || column(*at) == column(first.start)))
            .nth(1)
            .map(|at| at..at + key.len())
    }
}

fn route(path: &[Seg]) -> Route<'static> {
    let components: Vec<Component<'static>> = path
        .iter()
        .map(|seg| match seg {
            Seg::Key(key) => Component::from(key.clone()),
            Seg::Index(index) => Component::from(*index),
        })
        .collect();
    Route::from(components)
}
