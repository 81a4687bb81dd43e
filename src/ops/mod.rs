//! Verbs on a running stack: no plan, no diff.

pub mod autoscaling;
pub mod deployed;
pub mod exec;
pub mod exit;
pub mod images;
pub mod logs;
pub mod run_report;
pub mod run_task;
pub mod run_watch;
pub mod scale;
pub mod schedules;
pub mod services;
pub mod status;
pub mod tasks;
pub mod time;
pub mod trail;

use aws_sdk_ecs::primitives::{DateTime, DateTimeFormat};

/// A time of AWS as RFC 3339 in UTC.
fn moment(time: &DateTime) -> String {
    time.fmt(DateTimeFormat::DateTime).unwrap_or_default()
}

/// The end of an ARN, or of a path.
fn last(text: &str) -> &str {
    text.rsplit_once('/').map_or(text, |(_, last)| last)
}
