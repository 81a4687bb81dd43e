//! Verbs on a running stack: no plan, no diff.

pub mod autoscaling;
pub mod images;
pub mod logs;
pub mod scale;
pub mod schedules;
pub mod services;
pub mod status;
pub mod tasks;
pub mod time;
pub mod trail;

use aws_sdk_ecs::primitives::{DateTime, DateTimeFormat};

/// A time of AWS as RFC 3339 in UTC, always to the millisecond, so that times in order are texts in order.
fn moment(time: &DateTime) -> String {
    let whole = DateTime::from_secs(time.secs()).fmt(DateTimeFormat::DateTime).unwrap_or_default();
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), time.subsec_nanos() / 1_000_000)
}

/// The end of an ARN, or of a path.
fn last(text: &str) -> &str {
    text.rsplit_once('/').map_or(text, |(_, last)| last)
}
