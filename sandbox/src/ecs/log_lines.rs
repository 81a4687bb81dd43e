//! What the containers write, as the awslogs driver delivers it: one stream a container, made when it starts.

use super::Ecs;
use super::json::text;
use super::task_definitions::{self, Revision};
use super::tasks::Task;

/// Lines for one stream. Without lines the stream is only to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct LogBatch {
    /// `awslogs-region`.
    pub region: String,
    /// `awslogs-group`.
    pub group: String,
    /// `prefix/container/task id`.
    pub stream: String,
    /// `awslogs-create-group`: whether a group that does not exist is made.
    pub create_group: bool,
    /// Time in milliseconds since the epoch, and text; in order.
    pub lines: Vec<(i64, String)>,
}

impl Ecs {
    /// What has been written up to `now` and was not given before.
    pub fn due_logs(&mut self, now: f64) -> Vec<LogBatch> {
        self.settle(now);
        let now = self.settled_at;
        let families = &self.families;
        let mut tasks: Vec<&mut Task> = self.tasks.values_mut().collect();
        tasks.sort_by_key(|task| task.sequence);
        let mut due = Vec::new();
        for task in tasks {
            if let Some(definition) = task_definitions::find(families, &task.definition) {
                due.extend(of_task(task, definition, now));
            }
        }
        due
    }
}

/// What one task has written up to `now`, a batch for each container that has something new.
fn of_task(task: &mut Task, definition: &Revision, now: f64) -> Vec<LogBatch> {
    if !task.has_run(now) {
        return Vec::new();
    }
    let fresh = task.logged.is_none();
    let done = task.logged.unwrap_or(0);
    // A container that was stopped writes nothing more.
    let until = task.stop.as_ref().map_or(now, |stop| stop.asked_at.min(now));
    let written = task.course.log.iter().take_while(|line| task.created_at + line.offset_s <= until).count();
    task.logged = Some(written.max(done));
    let lines = task.course.log.get(done..written).unwrap_or_default();
    let id = task.id();
    let batches = definition.containers().iter().filter_map(|container| {
        let name = text(container, "name")?;
        let mut batch = destination(container, name, id)?;
        let own = lines.iter().filter(|line| line.container == name);
        batch.lines = own.map(|line| (millis(task.created_at + line.offset_s), line.text.clone())).collect();
        (fresh || !batch.lines.is_empty()).then_some(batch)
    });
    batches.collect()
}

/// Where a container's log goes; `None` when another driver takes it, or nobody does.
fn destination(container: &serde_json::Value, name: &str, task: &str) -> Option<LogBatch> {
    let log = container.get("logConfiguration").filter(|log| text(log, "logDriver") == Some("awslogs"))?;
    let options = log.get("options")?;
    let prefix = text(options, "awslogs-stream-prefix")?;
    Some(LogBatch {
        region: text(options, "awslogs-region")?.to_owned(),
        group: text(options, "awslogs-group")?.to_owned(),
        stream: format!("{prefix}/{name}/{task}"),
        create_group: text(options, "awslogs-create-group") == Some("true"),
        lines: Vec::new(),
    })
}

/// Epoch seconds in whole milliseconds.
#[allow(clippy::cast_possible_truncation, reason = "times of this era are far below 2^63 milliseconds")]
fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}
