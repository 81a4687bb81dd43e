//! Follows runs of a task to their end: their state, the logs of every container, and stopping them.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecs::types::Task;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::aws::{Aws, absent, call, pause};
use crate::model::CallError;

use super::deployed::Revision;
use super::exit;
use super::logs::{Line, Reader};

/// The IAM actions of this file.
pub const READS: &[&str] = &["ecs:DescribeTasks"];

/// The IAM actions of this file that change something.
pub const WRITES: &[&str] = &["ecs:StopTask"];

/// The first pause between two looks, and what it grows to.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_millis(1500));

/// What each stream adds to the pause: CloudWatch Logs takes 10 `GetLogEvents` a second in every region.
const PER_STREAM: Duration = Duration::from_millis(150);

/// How long a task that was just started may be unknown to `DescribeTasks`.
const UNKNOWN: Duration = Duration::from_mins(1);

/// How often in a row a look may fail without an answer before that ends the watching.
const FAILURES: u32 = 8;

/// How long lines are waited for after the end of a task. The log driver delivers what it has before ECS calls the task
/// STOPPED; CloudWatch Logs shows it within a second or two.
const DRAIN: Duration = Duration::from_secs(5);

/// What a task has after its containers' `stopTimeout` to become STOPPED: its network interface is taken away.
const DEPROVISIONING: Duration = Duration::from_secs(30);

/// Runs to follow.
#[derive(Debug)]
pub struct Runs<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// What runs.
    pub revision: &'a Revision,
    /// As `RunTask` gave them.
    pub tasks: Vec<Task>,
}

/// How long, and what then.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long the runs may take.
    pub timeout: Duration,
    /// A run that is not waited for any more goes on.
    pub keep_running: bool,
}

/// Why the watching ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every task is STOPPED by itself, or by somebody else.
    ByItself,
    /// The time was over.
    TimedOut,
    /// A signal came.
    Interrupted,
}

/// How the watching ended.
#[derive(Debug)]
pub struct Watched {
    /// Why.
    pub ended: Ended,
    /// The tasks as they were last seen.
    pub tasks: Vec<Task>,
    /// Task ARN → the container that was seen to stop first.
    pub first: BTreeMap<String, String>,
}

/// What is told meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEvent {
    /// A task's `lastStatus` changed.
    State {
        /// The task's id.
        task: String,
        /// `PENDING`, `RUNNING`, …
        state: String,
    },
    /// A container wrote a line. Foreign text.
    Line {
        /// The task's id.
        task: String,
        /// The container.
        container: String,
        /// When and what.
        line: Line,
    },
    /// Something worth knowing, in our words.
    Note(String),
}

/// The id of a task: the last part of its ARN.
pub fn id_of(task: &Task) -> &str {
    let arn = task.task_arn().unwrap_or_default();
    arn.rsplit_once('/').map_or(arn, |(_, id)| id)
}

/// When a task was created, in seconds since the epoch.
pub fn created(task: &Task) -> f64 {
    task.created_at().map_or(0.0, aws_sdk_ecs::primitives::DateTime::as_secs_f64)
}

fn is_stopped(task: &Task) -> bool {
    task.last_status() == Some("STOPPED")
}

/// One stream that is read while its container writes.
struct Stream {
    task: String,
    container: String,
    reader: Reader,
}

struct Watch<'a, 'b> {
    aws: &'a Aws,
    cluster: &'a str,
    tasks: BTreeMap<String, Task>,
    streams: Vec<Stream>,
    first: BTreeMap<String, String>,
    seen: BTreeMap<String, String>,
    failures: u32,
    tell: &'b mut (dyn FnMut(RunEvent) + Send),
}

/// Follows runs to their end. When the time is over, or when `stopped` turns true, they are stopped and followed on until they
/// are, unless they are to go on.
pub async fn watch(
    aws: &Aws,
    runs: Runs<'_>,
    patience: Patience,
    mut stopped: watch::Receiver<bool>,
    tell: &mut (dyn FnMut(RunEvent) + Send),
) -> Result<Watched, CallError> {
    let begun = Instant::now();
    let mut watch = Watch::new(aws, &runs, tell);
    let mut ended = Ended::ByItself;
    let mut deadline: Option<Instant> = None;
    let mut length = PAUSES.0;
    loop {
        let lines = watch.look(begun).await;
        watch.tolerate(lines)?;
        if watch.tasks.values().all(is_stopped) {
            watch.drain().await;
            break;
        }
        if deadline.is_some_and(|deadline| Instant::now() > deadline) {
            break;
        }
        if deadline.is_none() {
            ended = match (*stopped.borrow(), begun.elapsed() > patience.timeout) {
                (true, _) => Ended::Interrupted,
                (_, true) => Ended::TimedOut,
                _ => Ended::ByItself,
            };
            if ended != Ended::ByItself {
                if patience.keep_running {
                    break;
                }
                watch.stop(ended).await?;
                deadline = Some(Instant::now() + runs.revision.stop_timeout() + DEPROVISIONING);
            }
        }
        let streams = u32::try_from(watch.streams.len()).unwrap_or(u32::MAX);
        let wait = length.max(PER_STREAM.saturating_mul(streams));
        if deadline.is_some() {
            pause(PAUSES.0).await;
        } else {
            tokio::select! {
                () = pause(wait) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        }
        length = (length * 5 / 4).min(PAUSES.1);
    }
    Ok(Watched { ended, tasks: watch.tasks.into_values().collect(), first: watch.first })
}

impl<'a, 'b> Watch<'a, 'b> {
    fn new(aws: &'a Aws, runs: &Runs<'a>, tell: &'b mut (dyn FnMut(RunEvent) + Send)) -> Self {
        let mut streams = Vec::new();
        for container in &runs.revision.containers {
            let Some(place) = &container.log else {
                let name = &container.name;
                tell(RunEvent::Note(format!(
                    "the log of container `{name}` is not in CloudWatch Logs of this region"
                )));
                continue;
            };
            streams.extend(runs.tasks.iter().map(|task| Stream {
                task: id_of(task).to_owned(),
                container: container.name.clone(),
                reader: Reader::new(&place.group, &place.stream(id_of(task))),
            }));
        }
        let tasks =
            runs.tasks.iter().map(|task| (task.task_arn().unwrap_or_default().to_owned(), task.clone()));
        Self {
            aws,
            cluster: runs.cluster,
            tasks: tasks.collect(),
            streams,
            first: BTreeMap::new(),
            seen: BTreeMap::new(),
            failures: 0,
            tell,
        }
    }

    /// One look at the tasks, and then at what they wrote before it.
    async fn look(&mut self, begun: Instant) -> Result<(), CallError> {
        const OP: &str = "ecs:DescribeTasks";
        let arns = self.tasks.keys().cloned().collect();
        let request = self.aws.ecs.describe_tasks().cluster(self.cluster).set_tasks(Some(arns));
        let answer = call(OP, request.send()).await?;
        for failure in answer.failures() {
            let arn = failure.arn().unwrap_or_default();
            let known = self.seen.contains_key(arn);
            if known || begun.elapsed() > UNKNOWN {
                let reason = failure.reason().unwrap_or("MISSING");
                return Err(CallError::local(
                    OP,
                    format!("ECS does not know the task {arn} any more: {reason}"),
                ));
            }
        }
        for task in answer.tasks() {
            let arn = task.task_arn().unwrap_or_default().to_owned();
            let state = task.last_status().unwrap_or_default().to_owned();
            if self.seen.get(&arn) != Some(&state) {
                self.seen.insert(arn.clone(), state.clone());
                (self.tell)(RunEvent::State { task: id_of(task).to_owned(), state });
            }
            if let Some(first) = exit::first_to_stop(task) {
                self.first.entry(arn.clone()).or_insert_with(|| first.to_owned());
            }
            self.tasks.insert(arn, task.clone());
        }
        self.read().await.map(|_| ())
    }

    /// Reads every stream; whether there was something new.
    async fn read(&mut self) -> Result<bool, CallError> {
        let mut fresh: Vec<(Line, usize)> = Vec::new();
        let mut failed = Ok(());
        for (at, stream) in self.streams.iter_mut().enumerate() {
            match stream.reader.next(self.aws).await {
                Ok(lines) => fresh.extend(lines.into_iter().map(|line| (line, at))),
                // What was read before is told all the same: it is not read again.
                Err(error) => failed = Err(error),
            }
        }
        // Stable: lines of one stream stay in their order.
        fresh.sort_by_key(|(line, _)| line.time);
        let any = !fresh.is_empty();
        for (line, at) in fresh {
            if let Some(Stream { task, container, .. }) = self.streams.get(at) {
                (self.tell)(RunEvent::Line { task: task.clone(), container: container.clone(), line });
            }
        }
        failed.map(|()| any)
    }

    /// A look without an answer is repeated with the next one; a refusal ends the watching, except a refusal to show logs.
    fn tolerate(&mut self, look: Result<(), CallError>) -> Result<(), CallError> {
        match look {
            Ok(()) => {
                self.failures = 0;
                Ok(())
            }
            Err(error) if error.unanswered && self.failures < FAILURES => {
                self.failures += 1;
                Ok(())
            }
            Err(error) if error.op.starts_with("logs:") && !self.streams.is_empty() => {
                (self.tell)(RunEvent::Note(format!("the logs cannot be shown: {error}")));
                self.streams.clear();
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Reads on until nothing more comes, twice in a row.
    async fn drain(&mut self) {
        let until = Instant::now() + DRAIN;
        let mut quiet = 0;
        while quiet < 2 && Instant::now() < until && !self.streams.is_empty() {
            pause(PAUSES.0).await;
            match self.read().await {
                Ok(true) => quiet = 0,
                Ok(false) => quiet += 1,
                // The end of the task is known; its last lines are in the log group all the same.
                Err(error) => {
                    let read = Err(error);
                    if self.tolerate(read).is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Asks ECS to stop every task that still runs.
    async fn stop(&mut self, why: Ended) -> Result<(), CallError> {
        let reason = match why {
            Ended::TimedOut => "fargate-stack run-task: the time was over",
            Ended::Interrupted | Ended::ByItself => "fargate-stack run-task was interrupted",
        };
        for task in self.tasks.values().filter(|task| !is_stopped(task)) {
            let arn = task.task_arn().unwrap_or_default();
            let request = self.aws.ecs.stop_task().cluster(self.cluster).task(arn).reason(reason);
            // A task that is gone by now needs no stop.
            absent(call("ecs:StopTask", request.send()).await, &["InvalidParameterException"])?;
            (self.tell)(RunEvent::Note(format!("stopping the task {}", id_of(task))));
        }
        Ok(())
    }
}
