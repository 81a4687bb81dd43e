//! What was released, and the revisions that there are.

use serde_json::{Value, json};

use super::page::{Cell, Page, Section, page_markdown, page_text};
use super::text::Style;
use crate::model::{Family, Fate, History, Listed, Release, ReleaseState, Revision};

/// Grows as the one of the plan does.
const FORMAT_VERSION: &str = "1.0";

/// What was released, as text.
pub fn history_text(all: &[History], style: Style) -> String {
    all.iter().map(|one| page_text(&releases(one), style)).collect::<Vec<_>>().join("\n")
}

/// What was released, for GitHub. `account` is shortened wherever it stands.
pub fn history_markdown(all: &[History], account: &str) -> String {
    all.iter().map(|one| page_markdown(&releases(one), account)).collect::<Vec<_>>().join("\n")
}

/// What was released, for machines.
pub fn history_json(all: &[History]) -> Value {
    json!({"format_version": FORMAT_VERSION, "services": all})
}

/// The revisions of tasks, as text.
pub fn revisions_text(all: &[Family], style: Style) -> String {
    all.iter().map(|one| page_text(&revisions(one), style)).collect::<Vec<_>>().join("\n")
}

/// The revisions of tasks, for GitHub. `account` is shortened wherever it stands.
pub fn revisions_markdown(all: &[Family], account: &str) -> String {
    all.iter().map(|one| page_markdown(&revisions(one), account)).collect::<Vec<_>>().join("\n")
}

/// The revisions of tasks, for machines.
pub fn revisions_json(all: &[Family]) -> Value {
    json!({"format_version": FORMAT_VERSION, "tasks": all})
}

fn releases(history: &History) -> Page {
    let mut notes = Vec::new();
    if !history.exists {
        notes.push("there is no such service yet".to_owned());
    } else if history.releases.is_empty() {
        notes.push("nothing was released yet".to_owned());
    } else if !history.recorded {
        notes.push(
            "ECS has no records of its deployments: these are the revisions, and how they went is unknown"
                .to_owned(),
        );
    }
    let section = Section {
        columns: vec!["now", "revision", "commit", "image", "outcome", "when", "took", "by"],
        rows: history.releases.iter().map(release).collect(),
        lines: notes,
        ..Section::default()
    };
    Page { title: history.service.clone(), sections: vec![section] }
}

fn release(release: &Release) -> Vec<Cell> {
    let source = release.source.as_ref();
    let took = release.seconds.map(|seconds| format!("{seconds:.0} s")).unwrap_or_default();
    let outcome = Cell::from(release.outcome.word()).meaning(match release.outcome {
        ReleaseState::Succeeded => "done",
        ReleaseState::RolledBack | ReleaseState::Failed => "failed",
        _ => "",
    });
    vec![
        Cell::from(if release.runs_now { "*" } else { "" }),
        Cell::from(release.revision.clone()),
        Cell::from(source.map(commit).unwrap_or_default()),
        Cell::from(digests(release.digests.values())),
        outcome,
        Cell::from(release.at.clone().unwrap_or_default()),
        Cell::from(took),
        source.map(by).unwrap_or_default(),
    ]
}

fn revisions(family: &Family) -> Page {
    let cells = |one: &Listed| {
        let revision = &one.revision;
        let (fate, meaning) = match one.fate {
            Fate::Keep => ("", ""),
            Fate::Deregister => ("deregister", "update"),
            Fate::Delete => ("delete", "delete"),
        };
        vec![
            Cell::from(revision.name.clone()),
            Cell::from(if revision.active { "active" } else { "inactive" }),
            Cell::from(commit(revision)),
            Cell::from(digests(revision.digests().values())),
            Cell::from(revision.registered.clone().unwrap_or_default()),
            by(revision),
            Cell::from(one.used_by.join(", ")),
            Cell::from(fate).meaning(meaning),
        ]
    };
    let none = family.revisions.is_empty().then(|| "it has no revisions".to_owned());
    let section = Section {
        columns: vec!["revision", "state", "commit", "image", "registered", "by", "used by", "clean-up"],
        rows: family.revisions.iter().map(cells).collect(),
        lines: none.into_iter().collect(),
        ..Section::default()
    };
    Page { title: family.task.clone(), sections: vec![section] }
}

/// The first digits of the commit, else the tag.
fn commit(revision: &Revision) -> String {
    let sha = revision.commit.as_ref().map(|sha| sha.chars().take(7).collect());
    sha.or_else(|| revision.tag.clone()).unwrap_or_default()
}

fn digests<'a>(digests: impl Iterator<Item = &'a String>) -> String {
    let mut short: Vec<String> = digests.map(|digest| digest.chars().take(19).collect()).collect();
    short.dedup();
    short.join(", ")
}

/// The run that registered it, else the pull request: the last parts of their addresses.
fn by(revision: &Revision) -> Cell {
    let last = |url: &str, word: &str| {
        let number = url.split(&format!("/{word}/")).nth(1)?.split('/').next()?.to_owned();
        (!number.is_empty()).then_some(number)
    };
    let run = revision.run.as_deref();
    let pull = revision.pull_request.as_deref();
    let pull_number = pull.and_then(|url| last(url, "pull")).map(|number| format!("#{number}"));
    match (run, pull) {
        (Some(url), _) => {
            let run = last(url, "runs").map_or_else(|| url.to_owned(), |number| format!("run {number}"));
            let text = pull_number.map_or_else(|| run.clone(), |pull| format!("{run}, {pull}"));
            Cell::link(text, url)
        }
        (None, Some(url)) => Cell::link(pull_number.unwrap_or_else(|| url.to_owned()), url),
        (None, None) => Cell::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn revision(number: u64) -> Revision {
        Revision {
            name: format!("web:{number}"),
            arn: format!("arn:aws:ecs:x:123456789012:task-definition/web:{number}"),
            active: true,
            ours: true,
            registered: Some("2026-11-02T09:14:00Z".to_owned()),
            images: BTreeMap::from([("web".to_owned(), format!("r@sha256:{}", "ab12".repeat(16)))]),
            tag: None,
            commit: Some("9be77d1".repeat(6)[..40].to_owned()),
            pull_request: Some("https://github.example/o/r/pull/7".to_owned()),
            run: Some("https://github.example/o/r/actions/runs/318".to_owned()),
        }
    }

    fn history() -> History {
        let source = revision(2);
        let release = |outcome, runs_now, source: Option<Revision>| Release {
            deployment: None,
            outcome,
            reason: None,
            at: Some("2026-11-02T09:15:00Z".to_owned()),
            seconds: Some(71.4),
            revision: "web:2".to_owned(),
            digests: source.as_ref().map(Revision::digests).unwrap_or_default(),
            source,
            runs_now,
        };
        let hostile = Revision {
            commit: None,
            tag: Some("`|\u{1b}[2Jx".to_owned()),
            run: Some("javascript:alert(1)".to_owned()),
            pull_request: None,
            ..revision(1)
        };
        History {
            service: "web".to_owned(),
            exists: true,
            recorded: true,
            releases: vec![
                release(ReleaseState::RolledBack, false, Some(source)),
                release(ReleaseState::Succeeded, true, Some(hostile)),
                release(ReleaseState::Unknown, false, None),
            ],
        }
    }

    #[test]
    fn a_history_as_text() {
        insta::assert_snapshot!("history_text", history_text(&[history()], Style::PLAIN));
    }

    #[test]
    fn a_history_as_markdown() {
        insta::assert_snapshot!("history_markdown", history_markdown(&[history()], "123456789012"));
    }

    #[test]
    fn what_a_clean_up_would_do_stands_beside_each_revision() {
        let listed = |number, used_by: &[&str], fate| Listed {
            revision: revision(number),
            used_by: used_by.iter().map(|text| (*text).to_owned()).collect(),
            fate,
        };
        let revisions = vec![
            listed(3, &["service web"], Fate::Keep),
            listed(2, &[], Fate::Deregister),
            listed(1, &[], Fate::Delete),
        ];
        let family = Family { task: "web".to_owned(), revisions };
        insta::assert_snapshot!(
            "revisions_text",
            revisions_text(std::slice::from_ref(&family), Style::PLAIN)
        );
        assert_eq!(revisions_json(&[family])["tasks"][0]["revisions"][1]["fate"], "deregister");
    }

    #[test]
    fn a_service_that_is_not_there_says_so() {
        let none = History { exists: false, releases: Vec::new(), ..history() };
        assert_eq!(history_text(&[none], Style::PLAIN), "web\n  there is no such service yet\n");
    }
}
