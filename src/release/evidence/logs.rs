//! The ends of the failing containers' logs.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::aws::{Aws, call, until};
use crate::release::diagnose::{Definition, Evidence};

/// How many lines of each log.
const LINES: i32 = 20;
/// How many logs at most.
const LOGS: usize = 4;
/// How long after the end of a container lines may still be on their way: they are handed over in batches.
const LATE: Duration = Duration::from_secs(3);

/// A container whose log is wanted, the id of its task, and when that stopped.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    container: String,
    task: String,
    stopped_at: f64,
}

/// The containers that ran and failed: the first to stop of every group, and the others that ended badly.
pub(super) fn failing(evidence: &Evidence) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for group in &evidence.groups {
        for (place, exit) in group.exits.iter().enumerate() {
            let badly = exit.code.is_some_and(|code| place == 0 || ![0, 143].contains(&code));
            let known = wanted.iter().any(|one| one.container == exit.container);
            if badly && !known && wanted.len() < LOGS {
                let (container, task) = (exit.container.clone(), group.task.clone());
                wanted.push(Wanted { container, task, stopped_at: group.stopped_at });
            }
        }
    }
    wanted
}

/// The ends of logs, container → lines.
pub(super) async fn ends(
    aws: &Aws,
    evidence: &Evidence,
    wanted: &[Wanted],
    notes: &mut Vec<String>,
) -> BTreeMap<String, Vec<String>> {
    let at = |place: usize| async move {
        let one = wanted.get(place)?;
        let definition = evidence.definition(&one.container)?;
        Some((one.container.clone(), end(aws, definition, one).await))
    };
    let (first, second, third, fourth) = tokio::join!(at(0), at(1), at(2), at(3));
    let mut found = BTreeMap::new();
    for (container, answer) in [first, second, third, fourth].into_iter().flatten() {
        match answer {
            Ok(lines) => {
                found.insert(container, lines);
            }
            Err(why) => notes.push(format!("log of container `{container}`: {why}")),
        }
    }
    found
}

/// The end of one log, or why there is none.
async fn end(aws: &Aws, definition: &Definition, wanted: &Wanted) -> Result<Vec<String>, String> {
    const OP: &str = "logs:GetLogEvents";
    let Some(group) = &definition.log_group else {
        return Err("it is not written to CloudWatch Logs".to_owned());
    };
    let Some(prefix) = &definition.log_prefix else {
        return Err("it has no stream prefix, so the stream of one task cannot be told".to_owned());
    };
    let stream = format!("{prefix}/{}/{}", definition.name, wanted.task);
    let since = Duration::try_from_secs_f64(crate::aws::now() - wanted.stopped_at).unwrap_or_default();
    let late = LATE.saturating_sub(since);
    let lines = until(OP, "the arrival of the container's log", late, || async {
        let request = aws.logs.get_log_events().log_group_name(group).log_stream_name(&stream);
        let answer = match call(OP, request.start_from_head(false).limit(LINES).send()).await {
            Ok(answer) => answer,
            // The stream is made with its first line.
            Err(error) if error.code == "ResourceNotFoundException" => return Ok(None),
            Err(error) => return Err(error),
        };
        let lines: Vec<String> = answer
            .events()
            .iter()
            .filter_map(|event| event.message())
            .map(|line| line.trim_end_matches(['\n', '\r']).to_owned())
            .collect();
        Ok((!lines.is_empty()).then_some(lines))
    })
    .await;
    match lines {
        Ok(mut lines) => {
            // The limit is asked for, and kept whatever is answered.
            let over = lines.len().saturating_sub(usize::try_from(LINES).unwrap_or(0));
            lines.drain(..over);
            Ok(lines)
        }
        Err(error) if error.code.is_empty() && !error.unanswered => {
            Err(format!("nothing has arrived in `{stream}` of `{group}`"))
        }
        Err(error) => Err(format!("not read: {error}")),
    }
}
