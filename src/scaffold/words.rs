//! The words of `create-stack`: `APP (KIND:NAME CLAUSE…)+` → an outline. Pure.

use std::collections::BTreeSet;

use super::outline::{Kind, Outline, TaskOutline};
use super::words_clauses::{CLAUSES, Clauses};

/// A word that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordError {
    /// Which word, from 1.
    pub position: usize,
    /// The word.
    pub word: String,
    /// What is wrong with it, as the end of a sentence that begins with the word.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// What the words say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The stack file, with images as they were written.
    pub outline: Outline,
    /// What was taken otherwise than it may have been meant.
    pub warnings: Vec<String>,
}

/// A word and its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'a> {
    /// From 1.
    pub position: usize,
    /// The word.
    pub text: &'a str,
}

impl Word<'_> {
    /// An error about it.
    pub fn wrong(self, message: impl Into<String>, hint: impl Into<String>) -> WordError {
        WordError {
            position: self.position,
            word: self.text.to_owned(),
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// `KIND:NAME`, if the word is that.
fn kind_of(word: &str) -> Option<(Kind, &str)> {
    let (kind, name) = word.split_once(':')?;
    Some((Kind::parse(kind)?, name))
}

/// `a, b and c`.
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}:`")).collect::<Vec<_>>().join(", ")
}

fn kinds() -> String {
    listed(Kind::ALL.iter().map(|(_, word)| *word))
}

/// Reads the words.
pub fn read(words: &[String]) -> Result<Said, WordError> {
    let words: Vec<Word<'_>> =
        words.iter().enumerate().map(|(at, text)| Word { position: at + 1, text }).collect();
    let Some((first, rest)) = words.split_first() else {
        return Err(
            Word { position: 1, text: "" }.wrong("is missing", "begin with the name of the application")
        );
    };
    let mut said = Said::default();
    // A first word that names a task is the application's name, too.
    let (app, rest) = match kind_of(first.text) {
        Some((_, name)) => {
            let warning =
                format!("no name of an application comes first: it is called `{name}`, as its first task");
            said.warnings.push(warning);
            (name, words.as_slice())
        }
        None => (first.text, rest),
    };
    name(*first, app, "the name of an application")?;
    app.clone_into(&mut said.outline.app);
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut open: Option<(Word<'_>, Clauses<'_>)> = None;
    for word in rest {
        if let Some((kind, key)) = kind_of(word.text) {
            close(&mut said, open.take())?;
            name(*word, key, "the name of a task")?;
            if !seen.insert(key) {
                return Err(
                    word.wrong("names a task that is there already", "give each task a name of its own")
                );
            }
            let task = TaskOutline { name: key.to_owned(), kind, ..TaskOutline::default() };
            open = Some((*word, Clauses::new(task)));
        } else if let Some((_, clauses)) = open.as_mut() {
            clauses.take(*word)?;
        } else {
            let hint = format!("after the name of the application comes a task: {} and its name", kinds());
            return Err(word.wrong("is no task", hint));
        }
    }
    if open.is_none() {
        let hint = format!("name a task after it: {} and its name, then `image:REF`", kinds());
        return Err(first.wrong("is followed by no task", hint));
    }
    close(&mut said, open)?;
    domains(&mut said.outline);
    Ok(said)
}

/// Checks a task that no more clauses come for, and adds it.
fn close(said: &mut Said, open: Option<(Word<'_>, Clauses<'_>)>) -> Result<(), WordError> {
    let Some((word, clauses)) = open else { return Ok(()) };
    let (task, firewall) = clauses.finish(word)?;
    said.outline.firewall = said.outline.firewall.take().or(firewall);
    said.outline.tasks.push(task);
    Ok(())
}

/// A domain that all web services share is the stack's.
fn domains(outline: &mut Outline) {
    let all: BTreeSet<&String> = outline.tasks.iter().filter_map(|task| task.domain.as_ref()).collect();
    if all.len() == 1 {
        outline.domain = all.first().map(|domain| (*domain).clone());
        for task in &mut outline.tasks {
            task.domain = None;
        }
    }
}

fn name(word: Word<'_>, name: &str, what: &str) -> Result<(), WordError> {
    let bad = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let hint = "use letters, digits, `-` and `_`";
    if name.is_empty() {
        return Err(word.wrong(format!("has no name: {what} is missing"), hint));
    }
    match name.chars().find(bad) {
        Some(bad) => {
            let message = format!("has the character `{}`, which {what} cannot have", bad.escape_debug());
            Err(word.wrong(message, hint))
        }
        None => Ok(()),
    }
}

/// The clauses in words, for a hint.
pub(super) fn clauses() -> String {
    format!("the clauses are {}; a task begins with {}", listed(CLAUSES.iter().copied()), kinds())
}

/// An image of a short name: the repository in the account's ECR, and the tag (`latest` without one). What has a `/` or a digest is
/// none.
pub fn short(image: &str) -> Option<(&str, &str)> {
    if image.contains(['/', '@']) {
        return None;
    }
    Some(image.split_once(':').unwrap_or((image, "latest")))
}

/// The image with the tag that is meant: `latest`, where it has neither tag nor digest.
pub fn tagged(image: &str) -> String {
    let end = image.rsplit_once('/').map_or(image, |(_, end)| end);
    if end.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
