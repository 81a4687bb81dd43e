//! How rollouts went, and why they failed: text, Markdown, JSON.

use serde_json::Value;

use super::links::{Budget, Links};
use super::text::Style;
use crate::model::{Cause, RolloutReport};

/// How rollouts went, as text, ended by a line break.
pub fn rollout_text(report: &RolloutReport, _style: Style) -> String {
    format!("{}\n", report.outcome.word())
}

/// How rollouts went, for a comment or a job summary. `account` is shortened wherever it stands.
pub fn rollout_markdown(report: &RolloutReport, _account: &str, _links: &Links, _budget: Budget) -> String {
    format!("{}\n", report.outcome.word())
}

/// How rollouts went, for machines.
pub fn rollout_json(report: &RolloutReport) -> Value {
    serde_json::to_value(report).unwrap_or_default()
}

/// Why a run failed, as text, ended by a line break.
pub fn cause_text(cause: &Cause, _style: Style) -> String {
    format!("{}\n", super::escape::terminal(&cause.class))
}
