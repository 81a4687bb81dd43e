//! Stopped tasks → groups of those that failed in the same way. Pure.

use aws_sdk_ecs::types::{Attachment, Task, TaskStopCode};

use super::name_of;
use crate::release::diagnose::words::{has, shape};
use crate::release::diagnose::{Definition, Exit, Group};

/// The groups, the largest first; of equal ones the one with the newest task.
pub(super) fn of(tasks: &[Task], definitions: &[Definition]) -> Vec<Group> {
    let mut tasks: Vec<&Task> = tasks.iter().filter(|task| failed(task)).collect();
    tasks.sort_by(|a, b| stopped(b).total_cmp(&stopped(a)));
    let mut groups: Vec<(Vec<String>, Group)> = Vec::new();
    for task in tasks {
        let group = group(task, definitions);
        let key = key(&group);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => known.tasks += 1,
            None => groups.push((key, group)),
        }
    }
    // Stable, so that the newest stays first among equals.
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.tasks));
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Whether a task ended as it should not. What the scheduler stops to scale in, or to replace, did not fail.
fn failed(task: &Task) -> bool {
    let code = task.stop_code().map(TaskStopCode::as_str).unwrap_or_default();
    let reason = task.stopped_reason().unwrap_or_default();
    match code {
        "" => {
            !reason.is_empty()
                || task.containers().iter().any(|one| one.exit_code().is_some_and(|code| code != 0))
        }
        "ServiceSchedulerInitiated" => has(reason, &["health check", "unhealthy", "failed"]),
        _ => true,
    }
}

fn stopped(task: &Task) -> f64 {
    let at = task.stopped_at().or(task.stopping_at()).or(task.created_at());
    at.map_or(0.0, aws_sdk_ecs::primitives::DateTime::as_secs_f64)
}

fn group(task: &Task, definitions: &[Definition]) -> Group {
    let ran = task.started_at().zip(task.execution_stopped_at().or(task.stopping_at()));
    Group {
        tasks: 1,
        task: task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default().to_owned(),
        stop_code: task.stop_code().map(|code| code.as_str().to_owned()).unwrap_or_default(),
        reason: task.stopped_reason().unwrap_or_default().to_owned(),
        exits: exits(task, definitions),
        attachments: task.attachments().iter().filter_map(attachment).collect(),
        provider: task.capacity_provider_name().map(str::to_owned),
        stopped_at: stopped(task),
        ran_s: ran.map(|(from, to)| to.as_secs_f64() - from.as_secs_f64()),
    }
}

/// An attachment that failed, in words. The network interface of every stopped task is deleted: no failure.
fn attachment(attachment: &Attachment) -> Option<String> {
    let status = attachment.status().unwrap_or_default();
    let reason =
        attachment.details().iter().find(|detail| has(detail.name().unwrap_or_default(), &["reason"]));
    let reason = reason.and_then(|detail| detail.value()).unwrap_or_default();
    (status == "FAILED" || !reason.is_empty())
        .then(|| format!("{} {status} {reason}", attachment.r#type().unwrap_or_default()).trim().to_owned())
}

/// The containers in the order in which they probably stopped. ECS tells only when the task stopped, and ends the others
/// with SIGTERM (143) and SIGKILL (137) once an essential one has exited.
pub(super) fn exits(task: &Task, definitions: &[Definition]) -> Vec<Exit> {
    let mut exits: Vec<Exit> = task
        .containers()
        .iter()
        .map(|one| Exit {
            container: name_of(one),
            code: one.exit_code(),
            reason: one.reason().unwrap_or_default().to_owned(),
        })
        .collect();
    let essential = |exit: &Exit| {
        definitions.iter().find(|one| one.name == exit.container).is_none_or(|one| one.essential)
    };
    let never_ran = exits.iter().any(|exit| exit.code.is_none() && essential(exit));
    exits.sort_by_key(|exit| {
        let blamed = !exit.reason.is_empty();
        let own = exit.code.is_some_and(|code| ![0, 137, 143].contains(&code));
        // A helper that failed is to blame only when what needs it did not start.
        let counts = essential(exit) || never_ran;
        let rank = match exit.code {
            _ if blamed && counts => 0,
            _ if own && counts => 1,
            Some(137) if counts => 2,
            Some(0) if essential(exit) => 3,
            Some(143) if counts => 4,
            Some(_) => 5,
            None => 6,
        };
        (rank, !essential(exit))
    });
    exits
}

/// What makes two failures the same.
fn key(group: &Group) -> Vec<String> {
    let first = group.first();
    vec![
        group.stop_code.clone(),
        shape(&group.reason),
        first.map(|exit| exit.container.clone()).unwrap_or_default(),
        first.and_then(|exit| exit.code).map(|code| code.to_string()).unwrap_or_default(),
        first.map(|exit| shape(&exit.reason)).unwrap_or_default(),
    ]
}
