//! `status`: how the services, schedules and other runs of a stack are.

use std::time::Duration;

use serde_json::json;

use crate::cli::{Format, StatusArgs};
use crate::config::{Config, ImageRef, Task};
use crate::error::{Error, ExitStatus};
use crate::model::{ScheduleStatus, Status, TaskRun};
use crate::ops::images;
use crate::ops::status::{Asked, Watcher, of_group};
use crate::stack::{family, urls};
use crate::{aws, render};

use super::session::Session;
use super::{App, failure, pick, signals, tasks};

/// Between two looks with `--watch`.
const LOOK: Duration = Duration::from_secs(3);

/// Clears the screen and goes to its upper left corner.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// Reads and shows, once or until interrupted.
pub async fn run(app: &App, args: &StatusArgs) -> Result<ExitStatus, Error> {
    let named: Vec<String> = args.service.iter().cloned().collect();
    let (session, asked) = app
        .session_for(|config| {
            let there = pick::services(config);
            let services = if named.is_empty() { there } else { pick::several("service", &there, &named)? };
            Ok(services.into_iter().map(|(key, task)| asked(config, key, task)).collect::<Vec<_>>())
        })
        .await?;
    let mut look =
        Look { session: &session, asked, all: named.is_empty(), args, watcher: Watcher::default() };
    if !args.watch {
        show(app, &session, &look.now(app).await?)?;
        return Ok(ExitStatus::Done);
    }
    signals::watching(async |mut stopped| {
        let mut before: Option<Status> = None;
        loop {
            let now = look.now(app).await?;
            if before.as_ref().map(without_time) != Some(without_time(&now)) {
                redraw(app, before.as_ref(), &now)?;
                before = Some(now);
            }
            tokio::select! {
                () = aws::pause(LOOK) => {}
                _ = stopped.changed() => {}
            }
            // To be interrupted is how watching ends.
            if *stopped.borrow() {
                return Ok(ExitStatus::Done);
            }
        }
    })
    .await
}

fn asked(config: &Config, key: &str, task: &Task) -> Asked {
    let tag = match ImageRef::parse(&task.image) {
        Ok(reference) if reference.digest.is_none() => {
            Some(reference.tag.clone().unwrap_or_else(|| "latest".to_owned()))
        }
        _ => None,
    };
    Asked { key: key.to_owned(), family: family(key, task).to_owned(), tag, urls: urls(config, task) }
}

/// What is looked at.
struct Look<'a> {
    session: &'a Session,
    asked: Vec<Asked>,
    /// The whole stack, not one service.
    all: bool,
    args: &'a StatusArgs,
    watcher: Watcher,
}

impl Look<'_> {
    async fn now(&mut self, app: &App) -> Result<Status, Error> {
        let Session { aws, names, loaded, .. } = self.session;
        let events = usize::from(self.args.max_events);
        let seen = self.watcher.look(aws, names, &self.asked, events).await;
        let seen = seen.map_err(|error| failure::call(&error))?;
        let mut status = Status {
            stack: names.stack.clone(),
            region: aws.region.clone(),
            cluster: names.cluster.clone(),
            services: seen.services,
            unknown: seen.unknown,
            ..Status::default()
        };
        if self.all {
            let runs = tasks::own(seen.runs, &tasks::families(&loaded.config), app.env.now);
            let runs: Vec<TaskRun> =
                runs.into_iter().filter(|run| !run.group.starts_with("service:")).collect();
            for (key, task) in pick::matching(&loaded.config, |task| task.schedule.is_some()) {
                status.scheduled.push(schedule(self.session, key, task, &runs).await?);
            }
            let of_schedule = |run: &TaskRun| run.group.starts_with("schedule:");
            status.runs = runs.into_iter().filter(|run| !of_schedule(run)).collect();
        }
        Ok(status)
    }
}

async fn schedule(
    session: &Session,
    key: &str,
    task: &Task,
    runs: &[TaskRun],
) -> Result<ScheduleStatus, Error> {
    let names = &session.names;
    let at = names.at("schedule", key, &names.rule(key));
    let driver = session.registry.get("schedule").ok_or_else(|| Error::bug("there is no kind `schedule`"))?;
    let newest = images::revision(&session.aws, family(key, task)).await;
    let newest = newest.map_err(|error| failure::call(&error))?;
    let seen = driver.read(&at).await.map_err(|error| failure::call(&error))?;
    let mut status = ScheduleStatus {
        task: key.to_owned(),
        rule: at.name.clone(),
        newest_revision: newest.map(|newest| newest.name),
        runs: of_group(runs, &format!("schedule:{key}")),
        ..ScheduleStatus::default()
    };
    if let Some(seen) = seen {
        let text = |path: &str| Some(seen.attrs.pointer(path)?.as_str()?.to_owned());
        status.deployed = true;
        status.state = text("/state").unwrap_or_default();
        status.expression = text("/expression").unwrap_or_default();
        status.revision = text("/target/task_definition").map(|arn| images::short(&arn).to_owned());
    }
    Ok(status)
}

fn show(app: &App, session: &Session, status: &Status) -> Result<(), Error> {
    app.document(Some(session), &render::daily::status(status), &json!(status))
}

/// A look without what changes although nothing happens.
fn without_time(status: &Status) -> Status {
    let still = |runs: &[TaskRun]| runs.iter().map(|run| TaskRun { seconds: None, ..run.clone() }).collect();
    let mut same = status.clone();
    same.runs = still(&status.runs);
    for schedule in &mut same.scheduled {
        schedule.runs = still(&schedule.runs);
    }
    same
}

/// A screen is drawn anew; elsewhere each service that changed gets a line, and JSON a document on one line.
fn redraw(app: &App, before: Option<&Status>, now: &Status) -> Result<(), Error> {
    if app.format() == Format::Json {
        return app.print(&render::escape::json_line(&json!(now)));
    }
    if app.console.surroundings().stdout_tty && !app.env.is_ci() {
        let page = render::page_text(&render::daily::status(now), app.console.style());
        return app.print(&format!("{CLEAR}{page}"));
    }
    for service in &now.services {
        let line = render::daily::line(service);
        let was = before.and_then(|before| before.services.iter().find(|one| one.service == service.service));
        if was.map(render::daily::line).as_ref() != Some(&line) {
            app.print(&render::escape::terminal(&line))?;
        }
    }
    Ok(())
}
