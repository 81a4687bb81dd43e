//! Verbs on a running stack: no plan, no diff.

pub mod autoscaling;
pub mod deployed;
pub mod exec;
pub mod exit;
pub mod images;
pub mod logs;
pub mod run_policy;
pub mod run_report;
pub mod run_task;
pub mod run_watch;
pub mod scale;
pub mod schedules;
pub mod services;
pub mod status;
pub mod targets;
pub mod tasks;
pub mod time;
pub mod trail;
pub mod zones;

use std::collections::BTreeSet;

use aws_sdk_ecs::primitives::{DateTime, DateTimeFormat};

/// The IAM actions of the commands for a running stack, those for tasks and their logs left out.
pub fn daily() -> BTreeSet<&'static str> {
    let reads = [
        autoscaling::READS,
        images::READS,
        services::READS,
        targets::READS,
        tasks::READS,
        trail::READS,
        zones::READS,
    ];
    let writes = [autoscaling::WRITES, schedules::WRITES, services::WRITES, tasks::WRITES];
    reads.concat().into_iter().chain(writes.concat()).collect()
}

/// A time of AWS as RFC 3339 in UTC, always to the millisecond, so that times in order are texts in order.
fn moment(time: &DateTime) -> String {
    let whole = DateTime::from_secs(time.secs()).fmt(DateTimeFormat::DateTime).unwrap_or_default();
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), time.subsec_nanos() / 1_000_000)
}

/// The end of an ARN, or of a path.
fn last(text: &str) -> &str {
    text.rsplit_once('/').map_or(text, |(_, last)| last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `"service:Action"` literal is declared, and every declared one is used. What ECS does with the caller's
    /// permissions is declared without a call of ours.
    #[test]
    fn every_call_is_declared() {
        let implied = ["ecs:TagResource", "iam:PassRole"];
        let files: [(&[&[&str]], &str); 13] = [
            (&[autoscaling::READS, autoscaling::WRITES], include_str!("autoscaling.rs")),
            (&[images::READS], include_str!("images.rs")),
            (&[schedules::WRITES], include_str!("schedules.rs")),
            (&[services::READS, services::WRITES], include_str!("services.rs")),
            (&[targets::READS], include_str!("targets.rs")),
            (&[zones::READS], include_str!("zones.rs")),
            (&[tasks::READS, tasks::WRITES], include_str!("tasks.rs")),
            (&[trail::READS], include_str!("trail.rs")),
            (&[deployed::READS], include_str!("deployed.rs")),
            (&[exec::READS], include_str!("exec.rs")),
            (&[logs::READS], include_str!("logs.rs")),
            (&[run_task::WRITES], include_str!("run_task.rs")),
            (&[run_watch::READS, run_watch::WRITES], include_str!("run_watch.rs")),
        ];
        for (declared, source) in files {
            let code = source.split("#[cfg(test)]").next().unwrap_or(source);
            // The declarations are literals, too: a call names its action once more.
            let calls = code.lines().filter(|line| !is_list(line)).flat_map(|line| line.split('"'));
            let used: BTreeSet<&str> = calls.filter(|text| is_action(text)).collect();
            let declared: BTreeSet<&str> = declared.iter().flat_map(|list| list.iter().copied()).collect();
            let declared: BTreeSet<&str> =
                declared.into_iter().filter(|action| !implied.contains(action)).collect();
            assert_eq!(used, declared);
        }
    }

    fn is_list(line: &str) -> bool {
        line.contains("pub const") || line.trim_start().starts_with("&[")
    }

    fn is_action(text: &str) -> bool {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let words = |part: &str| !part.is_empty() && part.bytes().all(word);
        text.split_once(':').is_some_and(|(service, action)| {
            words(service) && words(action) && action.starts_with(|c: char| c.is_ascii_uppercase())
        })
    }
}
