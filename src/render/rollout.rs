//! How rollouts went, and why they failed: text, Markdown, JSON.

use serde::Serialize;
use serde_json::Value;

use super::links::{Budget, Links};
use super::markdown_lines::most_that_fits;
use super::redact::credentials;
use super::rollout_view::{CauseView, RolloutView, ServiceView, cause, rollout};
use super::templates::Templates;
use super::text::Style;
use crate::model::{Cause, RolloutReport};

#[derive(Serialize)]
struct TextPage<'a> {
    rollout: &'a RolloutView,
    rows: Vec<TextRow<'a>>,
    dash: &'static str,
}

#[derive(Serialize)]
struct TextRow<'a> {
    mark: &'static str,
    service: &'a ServiceView,
}

/// How rollouts went, as text, ended by a line break.
pub fn rollout_text(report: &RolloutReport, style: Style) -> String {
    let view = rollout(report);
    let rows =
        view.services.iter().map(|service| TextRow { mark: style.mark(service.state), service }).collect();
    Templates::text(style).render(
        "rollout.txt.j2",
        TextPage { rollout: &view, rows, dash: if style.unicode { "—" } else { "-" } },
    )
}

#[derive(Serialize)]
struct CausePage<'a> {
    cause: &'a CauseView,
}

/// Why a run failed, as text, ended by a line break.
pub fn cause_text(why: &Cause, style: Style) -> String {
    Templates::text(style).render("cause.txt.j2", CausePage { cause: &cause(why) })
}

/// How much is told of each failure; each rung leaves more out.
#[derive(Clone, Copy)]
struct Detail {
    log_lines: usize,
    evidence: usize,
}

const LADDER: &[Detail] = &[
    Detail { log_lines: usize::MAX, evidence: usize::MAX },
    Detail { log_lines: 20, evidence: 5 },
    Detail { log_lines: 5, evidence: 0 },
    Detail { log_lines: 0, evidence: 0 },
];

#[derive(Serialize)]
struct MarkdownPage<'a> {
    rollout: &'a RolloutView,
    links: &'a Links,
    /// The services that did not succeed.
    failures: Vec<ServiceView>,
    /// How many of them are not told.
    more: usize,
    /// Whether every service has its line.
    table: bool,
}

/// How rollouts went, for a comment or a job summary. `account` is shortened wherever it stands.
pub fn rollout_markdown(report: &RolloutReport, account: &str, links: &Links, budget: Budget) -> String {
    let templates = Templates::markdown(account);
    let view = rollout(report);
    let failed: Vec<&ServiceView> = view.services.iter().filter(|one| one.state != "done").collect();
    let page = |detail: Detail, shown: usize, table: bool| {
        let failures: Vec<ServiceView> = failed.iter().take(shown).map(|one| shorter(one, detail)).collect();
        let more = failed.len() - failures.len();
        templates.render("rollout.md.j2", MarkdownPage { rollout: &view, links, failures, more, table })
    };
    for detail in LADDER {
        let document = page(*detail, usize::MAX, true);
        if budget.holds(&document) {
            return document;
        }
    }
    let least = Detail { log_lines: 0, evidence: 0 };
    most_that_fits(failed.len(), budget, |shown| page(least, shown, false))
}

fn shorter(service: &ServiceView, detail: Detail) -> ServiceView {
    let mut service = service.clone();
    if let Some(cause) = &mut service.cause {
        cause.evidence.truncate(detail.evidence);
        for log in &mut cause.logs {
            // The end of a log tells most.
            let over = log.lines.len().saturating_sub(detail.log_lines);
            log.lines.drain(..over);
        }
        cause.logs.retain(|log| !log.lines.is_empty());
    }
    service
}

/// How rollouts went, for machines: `{outcome, services[]{service, deployment, revision, outcome, seconds, cause{…}}}`.
pub fn rollout_json(report: &RolloutReport) -> Value {
    let mut value = serde_json::to_value(report).unwrap_or_default();
    redact(&mut value);
    value
}

/// Removes what grants access from every text of a document.
fn redact(value: &mut Value) {
    match value {
        Value::String(text) => *text = credentials(text),
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(members) => members.values_mut().for_each(redact),
        _ => {}
    }
}
