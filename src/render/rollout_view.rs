//! The view of rollouts: which words, in which order, and nothing that grants access.

use std::time::Duration;

use serde::Serialize;

use super::apply_view::duration;
use super::escape::without_ansi;
use super::redact::credentials;
use super::value::{clip, short_digest};
use crate::model::{Cause, ContainerLog, RolloutOutcome, RolloutReport, ServiceRollout};

/// Characters of a line of a log, of a line of evidence, and of AWS's words.
const LOG_LINE: usize = 500;
const EVIDENCE: usize = 600;
const WORDS: usize = 2000;

/// Rollouts, in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RolloutView {
    /// `2 of 3 services released`, or what became of the only one.
    pub headline: String,
    /// The worst outcome's stable word.
    pub word: &'static str,
    /// In order of name.
    pub services: Vec<ServiceView>,
}

/// One rollout.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServiceView {
    /// The service's name.
    pub service: String,
    /// `done`, `warning` or `failed`.
    pub state: &'static str,
    /// `rolled back after 1 min 12 s`.
    pub ending: String,
    /// What failed, without its stop; empty when nothing is known to have.
    pub what: String,
    /// `worker:8`.
    pub revision: String,
    /// `worker:7`, when another runs now.
    pub running: String,
    /// ECS's words on the state.
    pub status_reason: String,
    /// `web sha256:0123…`, each proved by ECS.
    pub digests: Vec<String>,
    /// Why.
    pub cause: Option<CauseView>,
    /// Commands.
    pub next: Vec<String>,
}

/// Why tasks did not come to run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CauseView {
    /// The stable word.
    pub class: String,
    /// What failed, without its stop.
    pub what: String,
    /// The likely cause; empty when the summary is one sentence.
    pub why: String,
    /// The one thing to change.
    pub remedy: String,
    /// `3 tasks failed this way`; empty when none did.
    pub tasks: String,
    /// AWS's words; empty when there are none.
    pub reason: String,
    /// Where they stand, for example `event of the service`; empty when that is not told.
    pub source: String,
    /// What it was recognised from.
    pub evidence: Vec<String>,
    /// The ends of the logs, the failing container's first.
    pub logs: Vec<LogView>,
    /// The command that shows more; empty when there is none.
    pub more: String,
}

/// The end of a container's log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogView {
    /// The container.
    pub container: String,
    /// Oldest first.
    pub lines: Vec<String>,
}

/// The view of a report.
pub fn rollout(report: &RolloutReport) -> RolloutView {
    let services: Vec<ServiceView> = report.services.iter().map(service).collect();
    let released = report.services.iter().filter(|one| one.outcome == RolloutOutcome::Succeeded).count();
    let headline = match services.as_slice() {
        [] => "nothing to roll out".to_owned(),
        [one] => format!("{}: {}", one.service, one.ending),
        several => format!("{released} of {} services released", several.len()),
    };
    RolloutView { headline, word: report.outcome.word(), services }
}

fn service(rollout: &ServiceRollout) -> ServiceView {
    let took = duration(Duration::try_from_secs_f64(rollout.seconds).unwrap_or_default());
    let cause = rollout.cause.as_ref().map(cause);
    ServiceView {
        service: rollout.service.clone(),
        state: match rollout.outcome {
            RolloutOutcome::Succeeded => "done",
            RolloutOutcome::Paused | RolloutOutcome::TimedOut | RolloutOutcome::Cancelled => "warning",
            _ => "failed",
        },
        ending: format!("{} {took}", ending(rollout.outcome)),
        what: cause.as_ref().map(|cause| cause.what.clone()).unwrap_or_default(),
        revision: rollout.revision.clone(),
        running: rollout.running.clone().unwrap_or_default(),
        status_reason: rollout.status_reason.as_deref().map(words).unwrap_or_default(),
        digests: rollout
            .digests
            .iter()
            .map(|(container, digest)| format!("{container} {}", short_digest(digest)))
            .collect(),
        cause,
        next: rollout.next.clone(),
    }
}

fn ending(outcome: RolloutOutcome) -> &'static str {
    match outcome {
        RolloutOutcome::Succeeded => "released in",
        RolloutOutcome::RolledBack => "rolled back after",
        RolloutOutcome::Failed => "failed after",
        RolloutOutcome::Stopped => "stopped after",
        RolloutOutcome::Superseded => "superseded after",
        RolloutOutcome::TimedOut => "still rolling out after",
        RolloutOutcome::Paused => "paused after",
        RolloutOutcome::Cancelled => "no longer watched after",
    }
}

/// The view of a cause.
pub fn cause(cause: &Cause) -> CauseView {
    let summary = words(&cause.summary);
    // The first sentence says what failed, the second why; neither ends with another stop within.
    let (what, why) = summary.split_once(". ").unwrap_or((summary.trim_end_matches('.'), ""));
    let first =
        ContainerLog { container: cause.container.clone().unwrap_or_default(), lines: cause.log.clone() };
    let logs = std::iter::once(&first).chain(&cause.other_logs).filter(|log| !log.lines.is_empty());
    // The line of the evidence that holds AWS's words is told with them, and not again.
    let reason = cause.reason.clone().unwrap_or_default();
    let source = |line: &String| {
        let source = line.strip_suffix(reason.as_str())?.strip_suffix(": ")?;
        (!reason.is_empty() && !source.contains(": ")).then(|| source.to_owned())
    };
    CauseView {
        class: cause.class.clone(),
        what: what.to_owned(),
        why: why.to_owned(),
        remedy: words(&cause.remedy),
        tasks: match cause.tasks {
            0 => String::new(),
            1 => "1 task failed this way".to_owned(),
            several => format!("{several} tasks failed this way"),
        },
        source: words(&cause.evidence.iter().find_map(source).unwrap_or_default()),
        evidence: cause
            .evidence
            .iter()
            .filter(|line| source(line).is_none())
            .map(|line| clip(&credentials(line), EVIDENCE))
            .collect(),
        reason: words(&reason),
        logs: logs.map(log).collect(),
        more: cause.more.clone().unwrap_or_default(),
    }
}

fn log(log: &ContainerLog) -> LogView {
    let line = |line: &String| clip(&credentials(&without_ansi(line).replace('\t', "    ")), LOG_LINE);
    LogView { container: log.container.clone(), lines: log.lines.iter().map(line).collect() }
}

fn words(text: &str) -> String {
    clip(&credentials(text), WORDS)
}
