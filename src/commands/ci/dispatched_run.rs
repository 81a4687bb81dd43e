//! `run-task` by hand: what the stack file allows, and what came of it as outputs and a summary.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::cli::{self, RunTaskArgs};
use crate::config::{RunPermission, Task, TaskType};
use crate::error::{Error, ExitStatus};
use crate::github::event::DispatchEvent;
use crate::github::reviews::Permission;
use crate::ops::run_policy::{self, RunAsk};
use crate::ops::run_report::{NOT_RUN, RunOutcome, RunReport};
use crate::render::{Page, Section, escape, page_markdown};

use super::super::run_task::{self, Seen};
use super::super::{App, pick};
use super::dispatch;
use super::job::{Job, Outcome};
use super::stacks::Stack;

/// How long a run may take, unless the input `task-timeout` says otherwise.
const TIMEOUT: &str = "30m";

/// Checks, runs, tells.
pub async fn run(app: &App, job: &Job<'_>, stack: Stack, event: &DispatchEvent) -> Result<ExitStatus, Error> {
    let (key, task) = chosen(job, &stack)?;
    let args = args(job, &key, &task)?;
    let own = match run_policy::permission(&task) {
        RunPermission::Write => Permission::Write,
        RunPermission::Maintain => Permission::Maintain,
        RunPermission::Admin => Permission::Admin,
    };
    dispatch::permitted_to(job, event, own.max(job.inputs.min_permission)).await?;
    dispatch::account(app, job, stack).await?;
    let begun = Instant::now();
    let mut seen = Seen::default();
    let done = {
        // What the program writes is somebody else's; the block ends with this scope, whatever happens in it.
        let _deaf = app.console.obey_nothing().map_err(|error| {
            Error::new(ExitStatus::Failed, "the system gives no random numbers").caused_by(error.to_string())
        })?;
        Box::pin(run_task::seen(app, &args, &mut seen)).await
    };
    let took = begun.elapsed().as_secs();
    let (status, reason) = match &done {
        Ok(status) => (*status, reason(seen.report.as_ref(), "")),
        Err(error) => (error.exit(), reason(seen.report.as_ref(), error.reason())),
    };
    let mut outputs: Vec<(&str, String)> = vec![];
    outputs.extend(arn(&seen).map(|arn| ("task-arn", arn.to_owned())));
    outputs.extend(exit_code(&seen).map(|code| ("task-exit-code", code.to_string())));
    job.write(&outputs);
    job.finish(outcome(&seen, status), Some(reason).filter(|reason| !reason.is_empty()));
    job.summary(&summary(job, &key, &seen, status, took));
    if let Err(error) = done {
        // The outputs are written already.
        app.console.error(&error);
    }
    Ok(status)
}

/// The task that is meant: the named one, or the only one of `type: task`.
fn chosen(job: &Job<'_>, stack: &Stack) -> Result<(String, Task), Error> {
    let named = dispatch::named(job, "task")?;
    let config = &stack.loaded.config;
    let there = pick::matching(config, |task| named.is_some() || task.kind == TaskType::Task);
    let (key, task) = pick::one("task", &there, named.as_deref())?;
    Ok((key.to_owned(), task.clone()))
}

/// What is run, as far as the stack file allows it.
fn args(job: &Job<'_>, key: &str, task: &Task) -> Result<RunTaskArgs, Error> {
    let ask = RunAsk {
        command: job.input("task-command").map(words).transpose()?,
        environment: variables(job.input("task-env").unwrap_or_default())?,
        cpu: number(job, "task-cpu")?,
        memory: number(job, "task-memory")?,
    };
    let allowed = run_policy::allowed(key, task, &ask).map_err(|refusal| {
        Error::new(ExitStatus::Refused, refusal.message).because(refusal.reason).hint(refusal.hint)
    })?;
    let timeout = job.input("task-timeout").unwrap_or(TIMEOUT);
    let timeout = cli::duration(timeout).map_err(|why| {
        Error::new(ExitStatus::Usage, format!("`task-timeout` is `{timeout}`: {why}")).because("bad-input")
    })?;
    Ok(RunTaskArgs {
        task: Some(key.to_owned()),
        command: allowed.command.map(|words| serde_json::Value::from(words).to_string()),
        env: allowed.environment.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        cpu: allowed.cpu,
        memory: allowed.memory,
        count: 1,
        subnet_id: None,
        no_wait: false,
        timeout,
        keep_running: false,
        image_tag: job.input("image-tag").map(str::to_owned),
        force: false,
        client_token: None,
    })
}

/// `task-command`: a JSON array of strings, never text that something could take apart.
fn words(text: &str) -> Result<Vec<String>, Error> {
    serde_json::from_str(text).map_err(|error| {
        Error::new(
            ExitStatus::Usage,
            format!(
                "`task-command` is not a JSON array of strings: line {}, column {}",
                error.line(),
                error.column()
            ),
        )
        .because("bad-input")
        .hint("write it like `[\"--all\", \"--dry-run\"]`")
    })
}

/// `task-env`: `NAME=VALUE`, one a line. An error never shows the text: it may be a secret.
fn variables(text: &str) -> Result<BTreeMap<String, String>, Error> {
    let mut found = BTreeMap::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: &str| {
            Error::new(ExitStatus::Usage, format!("line {} of `task-env` {what}", at + 1))
                .because("bad-input")
        };
        let fits =
            |name: &str| !name.is_empty() && !name.contains(|c: char| c.is_control() || c.is_whitespace());
        let Some((name, value)) = line.split_once('=').filter(|(name, _)| fits(name)) else {
            return Err(wrong("is not `NAME=VALUE`").hint("write one variable a line, like `DRY_RUN=1`"));
        };
        if found.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(wrong("sets a variable for the second time"));
        }
    }
    Ok(found)
}

fn number(job: &Job<'_>, input: &str) -> Result<Option<u32>, Error> {
    let Some(text) = job.input(input) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        Error::new(ExitStatus::Usage, format!("`{input}` is `{text}`, which is no whole number"))
            .because("bad-input")
    })
}

fn arn(seen: &Seen) -> Option<&str> {
    seen.started.first().map(String::as_str)
}

/// The exit code of the program, when it is known.
fn exit_code(seen: &Seen) -> Option<u8> {
    seen.report.as_ref().and_then(|report| report.tasks.first()?.exit_code)
}

fn outcome(seen: &Seen, status: ExitStatus) -> Outcome {
    match (seen.report.as_ref().map(|report| report.outcome), status) {
        (_, ExitStatus::Interrupted) | (Some(RunOutcome::Interrupted), _) => Outcome::Cancelled,
        (_, ExitStatus::Refused) => Outcome::Refused,
        (Some(RunOutcome::Succeeded | RunOutcome::TimedOut | RunOutcome::Started), _) => Outcome::Ran,
        (Some(RunOutcome::Failed), _) if exit_code(seen).is_some() => Outcome::Ran,
        _ => Outcome::Failed,
    }
}

/// The output `failure-reason`; empty when it ended well. `otherwise` is for what has no report.
fn reason(report: Option<&RunReport>, otherwise: &'static str) -> &'static str {
    match report.map(|report| (report.outcome, report.exit_code)) {
        Some((RunOutcome::Succeeded | RunOutcome::Started, _)) => "",
        Some((RunOutcome::Failed, Some(NOT_RUN))) => "task-unknown",
        Some((RunOutcome::Failed, _)) => "task-failed",
        Some((RunOutcome::NotStarted, _)) => "task-not-started",
        Some((RunOutcome::TimedOut, _)) => "task-timed-out",
        Some((RunOutcome::Interrupted, _)) => "cancelled",
        None => otherwise,
    }
}

/// The job summary of a run.
fn summary(job: &Job<'_>, key: &str, seen: &Seen, status: ExitStatus, took: u64) -> String {
    let arn = arn(seen).unwrap_or_default();
    // `arn:PARTITION:ecs:REGION:ACCOUNT:task/CLUSTER/ID`
    let parts: Vec<&str> = arn.split([':', '/']).collect();
    let (partition, region, account, cluster, id) = match parts.as_slice() {
        ["arn", partition, "ecs", region, account, "task", cluster, id] => {
            (*partition, *region, *account, *cluster, *id)
        }
        _ => Default::default(),
    };
    let ended = match (exit_code(seen), outcome(seen, status)) {
        (_, Outcome::Cancelled) => "cancelled".to_owned(),
        (_, Outcome::Refused) => "refused".to_owned(),
        (Some(code), _) => format!("exited with {code}"),
        (None, _) if arn.is_empty() => "did not start".to_owned(),
        (None, _) => "ended, nobody knows how".to_owned(),
    };
    let mut facts: Vec<(&'static str, String)> = vec![("ended", ended)];
    if let Some(report) = &seen.report {
        facts.push(("revision", report.revision.clone()));
        facts.extend(report.failures.iter().map(|why| ("failure", why.clone())));
    }
    if !id.is_empty() {
        facts.push(("run", id.to_owned()));
    }
    facts.push(("took", format!("{} min {} s", took / 60, took % 60)));
    let page = Page { title: format!("Task {key}"), sections: vec![Section { facts, ..Section::default() }] };
    let mut text = page_markdown(&page, account);
    if partition == "aws" {
        let url = format!(
            "https://{region}.console.aws.amazon.com/ecs/v2/clusters/{cluster}/tasks/{id}/logs?region={region}"
        );
        if let Some(url) = escape::url(&url) {
            text.extend(["\n[Its log](", &url, ") · "]);
        }
    } else {
        text.push('\n');
    }
    let run = job.run_link(job.run, job.attempt);
    if let Some(url) = escape::url(&run.url) {
        text.extend(["[", &escape::markdown(&run.label), "](", &url, ")\n"]);
    }
    if !seen.tail.is_empty() {
        let lines: Vec<String> = seen.tail.iter().cloned().collect();
        let fence = escape::fence("text", &lines);
        text.extend(["\nThe last lines of its log:\n\n", &fence, "\n"]);
    }
    text
}
