//! The cause of a failure: evidence → one class of a table, what to change, and the words to show. Pure.
//!
//! The table is tried from its top for the tasks that failed (the most frequent failure first), then for what is said of
//! the rollout as a whole; the first row that recognises its evidence wins. AWS changes its wording, so rows look for
//! parts of it, and the raw words are always kept.

mod exits;
mod facts;
mod health;
mod place;
mod pull;
mod setup;
mod table;
mod whole;
pub(super) mod words;

#[cfg(test)]
mod tests;

pub use facts::{
    Definition, Evidence, Exit, Group, Hook, Mismatch, Record, State, Subnet, Target, TargetGroup,
};
pub use table::{More, ROWS, Row};
pub use words::exit_meaning;

use crate::model::{Cause, ContainerLog};
use words::has;

/// What a row recognised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    /// The container that it is about, when not the first to stop.
    pub container: Option<String>,
    /// What failed, more exactly than the row's title.
    pub what: Option<String>,
    /// The words that decided, with their sources.
    pub quotes: Vec<Quote>,
}

/// Words of AWS, or of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// For example `event of the service`.
    pub source: String,
    /// As it came.
    pub text: String,
}

impl Match {
    /// Recognised from one quote.
    fn from(quote: Quote) -> Self {
        Self { quotes: vec![quote], ..Self::default() }
    }

    /// The same, saying what failed.
    fn saying(self, what: impl Into<String>) -> Self {
        Self { what: Some(what.into()), ..self }
    }

    /// All words that decided.
    fn said(&self) -> String {
        self.quotes.iter().map(|quote| quote.text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// Everything that is said about the tasks of a group, or about the rollout as a whole.
fn said(evidence: &Evidence, group: Option<&Group>) -> Vec<Quote> {
    let quote = |source: &str, text: &str| Quote { source: source.to_owned(), text: text.to_owned() };
    let mut found = Vec::new();
    if let Some(group) = group {
        found.push(quote("stopped reason of the task", &group.reason));
        for exit in group.exits.iter().filter(|exit| exit.reason != group.reason) {
            found.push(quote(&format!("reason of container `{}`", exit.container), &exit.reason));
        }
        found.extend(group.attachments.iter().map(|text| quote("attachment of the task", text)));
    } else {
        let record = &evidence.record;
        found.extend(record.reason.iter().map(|text| quote("status of the deployment", text)));
        let rollback = record.rollback.iter().filter(|text| Some(*text) != record.reason.as_ref());
        found.extend(rollback.map(|text| quote("reason of the rollback", text)));
        found.extend(evidence.failures.iter().map(|text| quote("failure of RunTask", text)));
        found.extend(evidence.events.iter().map(|text| quote("event of the service", text)));
    }
    found.retain(|quote| !quote.text.trim().is_empty());
    found
}

/// The first quote that holds one of the parts.
fn find(evidence: &Evidence, group: Option<&Group>, parts: &[&str]) -> Option<Quote> {
    said(evidence, group).into_iter().find(|quote| has(&quote.text, parts))
}

/// The class of the evidence and everything to tell about it.
pub fn diagnose(evidence: &Evidence) -> Cause {
    let subjects = evidence.groups.iter().map(Some).chain([None]);
    let found = subjects
        .flat_map(|group| ROWS.iter().map(move |row| (group, row)))
        .find_map(|(group, row)| Some((group, row, (row.recognise)(evidence, group)?)));
    match found {
        Some((group, row, matched)) => cause(evidence, group, row, &matched),
        None => unclassified(evidence),
    }
}

/// The row of a class.
pub fn row(class: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.class == class)
}

fn unclassified(evidence: &Evidence) -> Cause {
    let group = evidence.groups.first();
    let quotes = said(evidence, group);
    let matched = Match { quotes: quotes.into_iter().take(5).collect(), ..Match::default() };
    cause(evidence, group, &table::UNCLASSIFIED, &matched)
}

fn cause(evidence: &Evidence, group: Option<&Group>, row: &Row, matched: &Match) -> Cause {
    // A match on the whole may still have tasks that failed for it.
    let shown = group.or_else(|| evidence.groups.first());
    let first = shown.and_then(Group::first);
    let exit = match &matched.container {
        Some(name) => shown.and_then(|group| group.exits.iter().find(|exit| exit.container == *name)),
        None => first,
    };
    let container = matched.container.clone().or_else(|| exit.map(|exit| exit.container.clone()));
    let code = exit.and_then(|exit| exit.code);
    let mut log = Vec::new();
    let mut other_logs = Vec::new();
    for (name, lines) in &evidence.logs {
        if Some(name) == container.as_ref() {
            log.clone_from(lines);
        } else if !lines.is_empty() {
            other_logs.push(ContainerLog { container: name.clone(), lines: lines.clone() });
        }
    }
    let what = matched.what.clone().unwrap_or_else(|| row.title.to_owned());
    let failed = shown.map_or(evidence.failures.len(), |group| group.tasks);
    Cause {
        class: row.class.to_owned(),
        summary: format!("{what}. {}.", sentence(row.cause)),
        remedy: (row.remedy)(evidence, matched),
        evidence: lines(evidence, shown, matched),
        tasks: failed,
        container,
        exit_code: code,
        exit_meaning: code.and_then(exit_meaning).map(str::to_owned),
        reason: reason(evidence, shown, matched),
        log,
        other_logs,
        more: Some(row.more.command(evidence)),
    }
}

/// With a capital.
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// AWS's words: those that decided, else those of the task or of the deployment's record.
fn reason(evidence: &Evidence, group: Option<&Group>, matched: &Match) -> Option<String> {
    let all: Vec<Quote> = group
        .map(|group| said(evidence, Some(group)))
        .into_iter()
        .flatten()
        .chain(said(evidence, None))
        .collect();
    let quoted = matched.quotes.iter().find(|quote| all.contains(quote)).map(|quote| &quote.text);
    let stopped = group.map(|group| &group.reason).filter(|text| !text.is_empty());
    quoted.or(stopped).or(evidence.record.reason.as_ref()).cloned()
}

fn lines(evidence: &Evidence, group: Option<&Group>, matched: &Match) -> Vec<String> {
    let mut lines: Vec<String> =
        matched.quotes.iter().map(|quote| format!("{}: {}", quote.source, quote.text)).collect();
    if let Some(group) = group {
        let code = if group.stop_code.is_empty() { "no stop code" } else { group.stop_code.as_str() };
        lines.push(format!("{} stopped with {code}", words::tasks(group.tasks)));
        for quote in said(evidence, Some(group)) {
            lines.push(format!("{}: {}", quote.source, quote.text));
        }
        for exit in &group.exits {
            if let Some(code) = exit.code {
                lines.push(format!("container `{}` exited with {code}", exit.container));
            }
        }
    }
    let others = evidence.groups.iter().filter(|one| group != Some(one));
    lines.extend(
        others.map(|one| format!("{} failed in another way: {}", words::tasks(one.tasks), told(one))),
    );
    lines.extend(evidence.record.breaker.iter().map(|text| format!("circuit breaker: {text}")));
    lines.extend(evidence.registry.iter().cloned());
    lines.extend(evidence.targets.iter().map(|target| health::told(evidence, target)));
    lines.extend(health::asks(evidence));
    lines.extend(evidence.subnets.iter().map(|subnet| pull::told(subnet, evidence.public_ip)));
    lines.extend(evidence.timeline.iter().cloned());
    lines.extend(evidence.notes.iter().cloned());
    let mut seen = std::collections::BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    lines
}

/// A group in one line.
fn told(group: &Group) -> String {
    let exit = group.first();
    let code =
        exit.and_then(|exit| Some(format!("container `{}` exited with {}", exit.container, exit.code?)));
    let words = [code, Some(group.reason.clone()), Some(group.stop_code.clone())];
    words
        .into_iter()
        .flatten()
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| "ECS gives no reason".to_owned())
}
