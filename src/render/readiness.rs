//! Findings as documents.

use crate::model::{Able, Finding, Level, Readiness};

use super::page::{Cell, Page, Section};

/// The page of `preflight`.
pub fn preflight(readiness: &Readiness) -> Page {
    let place = match readiness.account.as_str() {
        "" => readiness.region.clone(),
        account => format!("{account} in {}", readiness.region),
    };
    let able = |(kind, able): &(&'static str, Able)| vec![Cell::from(*kind), word_of_able(*able)];
    Page {
        title: format!("Can {place} carry a stack?"),
        sections: vec![
            table(&readiness.findings, word),
            Section {
                columns: vec!["what runs", "possible"],
                rows: readiness.kinds.iter().map(able).collect(),
                ..Section::default()
            },
        ],
    }
}

/// The page of `doctor`: what is wrong first.
pub fn doctor(stack: &str, findings: &[Finding]) -> Page {
    let mut sorted: Vec<Finding> = findings.to_vec();
    sorted.sort_by_key(|one| std::cmp::Reverse(one.level));
    let count = |level: Level| sorted.iter().filter(|one| one.level == level).count();
    let summary =
        [(Level::Fail, "fail"), (Level::Warn, "warn"), (Level::Unknown, "unknown"), (Level::Ok, "ok")]
            .map(|(level, word)| format!("{} {word}", count(level)))
            .join(", ");
    Page {
        title: format!("The surroundings of {stack}: {summary}"),
        sections: vec![table(&sorted, plain_word)],
    }
}

/// The page of `iam check`.
pub fn comparison(title: String, findings: &[Finding]) -> Page {
    Page { title, sections: vec![table(findings, difference_word)] }
}

/// What a difference means for a role.
fn difference_word(level: Level) -> Cell {
    match level {
        Level::Ok => Cell::from("fits").meaning("create"),
        Level::Unknown => Cell::from("unclear").meaning("faint"),
        Level::Warn => Cell::from("too wide").meaning("update"),
        Level::Fail => Cell::from("missing").meaning("delete"),
    }
}

fn table(findings: &[Finding], word: fn(Level) -> Cell) -> Section {
    let row = |one: &Finding| vec![word(one.level), one.about.as_str().into(), one.found.as_str().into()];
    let remedy = |one: &&Finding| !one.remedy.is_empty();
    Section {
        columns: vec!["", "what", "found"],
        rows: findings.iter().map(row).collect(),
        lines: findings.iter().filter(remedy).map(|one| format!("{}: {}", one.about, one.remedy)).collect(),
        ..Section::default()
    }
}

/// In the words of the original.
fn word(level: Level) -> Cell {
    match level {
        Level::Ok => Cell::from("PASS").meaning("create"),
        Level::Warn | Level::Unknown => Cell::from("WARN").meaning("update"),
        Level::Fail => Cell::from("FAIL").meaning("delete"),
    }
}

fn plain_word(level: Level) -> Cell {
    match level {
        Level::Ok => Cell::from("ok").meaning("create"),
        Level::Unknown => Cell::from("unknown").meaning("faint"),
        Level::Warn => Cell::from("warn").meaning("update"),
        Level::Fail => Cell::from("fail").meaning("delete"),
    }
}

fn word_of_able(able: Able) -> Cell {
    match able {
        Able::Yes => Cell::from("YES").meaning("create"),
        Able::Maybe => Cell::from("MAYBE").meaning("update"),
        Able::No => Cell::from("NO").meaning("delete"),
    }
}
