//! `tasks`, `list-tasks`, `stop-task`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::{self, ListTasksArgs, StopTaskArgs};
use crate::config::{Config, Task, TaskType};
use crate::error::{Error, ExitStatus};
use crate::model::{Deed, TaskRun};
use crate::ops::tasks::{self, Which};
use crate::render::{self, Page, Section};
use crate::stack::{Names, family, urls};

use super::session::Session;
use super::{App, failure, pick};

/// What the stack file has. No value of an environment variable is shown.
pub fn of_the_file(app: &App) -> Result<ExitStatus, Error> {
    let config = app.load()?.config;
    let names = Names::new(&config);
    let region = app.cli.global.region.clone().or_else(|| config.region.clone());
    let value = json!({
        "stack": names.stack,
        "cluster": names.cluster,
        "region": region,
        "vpc_id": config.vpc_id,
        "roles": {
            "execution": names.execution_role,
            "task": names.task_role,
            "events": config.tasks.values().any(|task| task.schedule.is_some()).then_some(&names.events_role),
        },
        "tasks": config.tasks.iter().map(|(key, task)| of_file(&config, key, task)).collect::<Vec<_>>(),
    });
    let mut facts = vec![("cluster", names.cluster.clone())];
    facts.extend(region.map(|region| ("region", region)));
    facts.extend(config.vpc_id.clone().map(|vpc| ("vpc", vpc)));
    facts.push(("tasks", config.tasks.len().to_string()));
    facts.push(("execution role", names.execution_role.clone()));
    facts.push(("task role", names.task_role.clone()));
    let section = Section {
        facts,
        columns: vec![
            "task",
            "type",
            "size",
            "schedule",
            "domain",
            "path",
            "port",
            "image",
            "environment",
            "secrets",
        ],
        rows: render::plain(config.tasks.iter().map(|(key, task)| row(&config, key, task))),
        ..Section::default()
    };
    let page = Page { title: names.stack.clone(), sections: vec![section] };
    app.document(None, &page, &value)?;
    Ok(ExitStatus::Done)
}

fn kind(task: &Task) -> &'static str {
    match (task.kind, &task.schedule) {
        (TaskType::Daemon, _) => "daemon",
        (TaskType::Http, _) => "http",
        (TaskType::Https, _) => "https",
        (TaskType::Task, Some(_)) => "scheduled",
        (TaskType::Task, None) => "task",
    }
}

fn of_file(config: &Config, key: &str, task: &Task) -> Value {
    let capacity = task.capacity();
    let web = task.kind.is_web().then(|| {
        json!({
            "urls": urls(config, task),
            "domains": config.domains_of(task),
            "paths": task.path,
            "container_port": task.listens_on(),
        })
    });
    json!({
        "task": key,
        "type": kind(task),
        "family": family(key, task),
        "cpu": capacity.cpu,
        "memory": capacity.memory,
        "schedule": task.schedule.as_ref().map(ToString::to_string),
        "desired_count": task.kind.is_service().then(|| task.desired_count.unwrap_or(1)),
        "web": web,
        "image": task.image,
        "environment": task.environment.keys().collect::<Vec<_>>(),
        "secrets": task.secrets.iter().map(|secret| &secret.env).collect::<Vec<_>>(),
    })
}

fn row(config: &Config, key: &str, task: &Task) -> Vec<String> {
    let capacity = task.capacity();
    let web = task.kind.is_web();
    let names = |names: Vec<&str>| names.join(", ");
    vec![
        key.to_owned(),
        kind(task).to_owned(),
        format!("{} CPU units, {} MiB", capacity.cpu, capacity.memory),
        task.schedule.as_ref().map(ToString::to_string).unwrap_or_default(),
        if web { config.domains_of(task).join(", ") } else { String::new() },
        task.path.join(", "),
        if web { task.listens_on().to_string() } else { String::new() },
        task.image.clone(),
        names(task.environment.keys().map(String::as_str).collect()),
        names(task.secrets.iter().map(|secret| secret.env.as_str()).collect()),
    ]
}

/// Family → key of the tasks of the stack file.
pub fn families(config: &Config) -> BTreeMap<String, String> {
    config.tasks.iter().map(|(key, task)| (family(key, task).to_owned(), key.clone())).collect()
}

/// The stack's own of these tasks: those of its families, named as in the stack file. What else is in the cluster is left out.
pub fn own(runs: Vec<TaskRun>, families: &BTreeMap<String, String>, now: i64) -> Vec<TaskRun> {
    let own = |run: TaskRun| {
        let key = families.get(run.revision.rsplit_once(':')?.0)?;
        Some(TaskRun { task: key.clone(), seconds: run.seconds.or_else(|| tasks::since(&run, now)), ..run })
    };
    runs.into_iter().filter_map(own).collect()
}

async fn running(app: &App, session: &Session, which: Which) -> Result<Vec<TaskRun>, Error> {
    let runs = tasks::list(&session.aws, &session.names.cluster, which).await;
    Ok(own(runs.map_err(|error| failure::call(&error))?, &families(&session.loaded.config), app.env.now))
}

/// What runs, or stopped.
pub async fn list(app: &App, args: &ListTasksArgs) -> Result<ExitStatus, Error> {
    let session = app.session().await?;
    let (which, word) = match args.which {
        cli::Which::Running => (Which::Running, "running"),
        cli::Which::Stopped => (Which::Stopped, "stopped"),
    };
    let runs = running(app, &session, which).await?;
    let title = format!("{word} tasks of {}", session.names.stack);
    let value = json!({"stack": session.names.stack, "which": word, "tasks": runs});
    app.document(Some(&session), &render::daily::list(title, &runs), &value)?;
    Ok(ExitStatus::Done)
}

/// Stops a run: never one that was not named, when there are several.
pub async fn stop(app: &App, args: &StopTaskArgs) -> Result<ExitStatus, Error> {
    let named = args.task.as_deref();
    let (session, key) = app
        .session_for(|config| match named {
            Some(id) if is_id(id) && !config.tasks.contains_key(id) => Ok(None),
            _ => super::daily::task_key(config, named).map(Some).map_err(|error| {
                error.hint("or name the id of a run, as `fargate-stack list-tasks` shows it")
            }),
        })
        .await?;
    let runs = running(app, &session, Which::Running).await?;
    let (subject, chosen) = match &key {
        None => {
            let id = named.and_then(|name| name.rsplit('/').next()).unwrap_or_default();
            let there: BTreeMap<&str, &TaskRun> = runs.iter().map(|run| (run.id.as_str(), run)).collect();
            let Some(run) = there.get(id) else { return stopped_already(app, &session, id, &there).await };
            (format!("task {}", run.task), vec![*run])
        }
        Some(key) => (format!("task {key}"), runs.iter().filter(|run| run.task == *key).collect()),
    };
    if chosen.len() > 1 && !args.all {
        let ids: Vec<&str> = chosen.iter().map(|run| run.id.as_str()).collect();
        let message = format!("{} runs of the {subject} are there; nothing was stopped", ids.len());
        return Err(Error::new(ExitStatus::Usage, message)
            .hint(format!("name one of {}", ids.join(", ")))
            .hint("`--all` stops every one of them"));
    }
    let reason = args.reason.as_deref().unwrap_or("stopped with fargate-stack stop-task");
    let mut did = Vec::new();
    for run in &chosen {
        let done = tasks::stop(&session.aws, &session.names.cluster, &run.id, reason).await;
        done.map_err(|error| partly(failure::call(&error), &did))?;
        did.push(format!("asked ECS to stop {} ({})", run.id, run.revision));
    }
    let of_service = chosen.iter().find(|run| run.group.starts_with("service:"));
    let notes = of_service.map(|run| {
        let key = &run.task;
        format!("its service starts another one; `fargate-stack stop-service {key}` stops all of them")
    });
    let changed = !did.is_empty();
    if !changed {
        did.push("none runs; nothing to do".to_owned());
    }
    let deed = Deed { command: "stop-task", subject, changed, did, notes: notes.into_iter().collect() };
    app.tell(&session, &deed)?;
    Ok(ExitStatus::Done)
}

/// An id of ECS (32 hexadecimal digits, or a UUID of older tasks), or an ARN of a task.
fn is_id(text: &str) -> bool {
    let id = text.rsplit('/').next().unwrap_or(text);
    (text.starts_with("arn:") || !text.contains('/'))
        && matches!(id.len(), 32 | 36)
        && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// Those that were stopped before a call failed are told with it.
fn partly(error: Error, did: &[String]) -> Error {
    match did {
        [] => error,
        did => error.exit_with(ExitStatus::Partial).hint(format!("before that: {}", did.join("; "))),
    }
}

/// An id that does not run: it stopped before, or it is none of this stack's.
async fn stopped_already(
    app: &App,
    session: &Session,
    id: &str,
    there: &BTreeMap<&str, &TaskRun>,
) -> Result<ExitStatus, Error> {
    let known = tasks::describe(&session.aws, &session.names.cluster, &[id.to_owned()]).await;
    let known = known.map_err(|error| failure::call(&error))?;
    let known = own(known, &families(&session.loaded.config), app.env.now);
    if let Some(run) = known.first() {
        let deed = Deed {
            command: "stop-task",
            subject: format!("task {}", run.task),
            did: vec![format!("{id} stops or has stopped already; nothing to do")],
            ..Deed::default()
        };
        app.tell(session, &deed)?;
        return Ok(ExitStatus::Done);
    }
    // Names its nearest, or lists what runs.
    if there.is_empty() {
        let message = format!("no task `{id}` of this stack runs");
        return Err(Error::new(ExitStatus::Usage, message).hint("no task of this stack runs at all"));
    }
    pick::one("running task", there, Some(id)).map(|_| ExitStatus::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_told_from_a_name() {
        for id in [
            "0123456789abcdef0123456789abcdef",
            "arn:aws:ecs:us-east-1:1:task/app-cluster/0123456789abcdef0123456789abcdef",
            "01234567-89ab-cdef-0123-456789abcdef",
        ] {
            assert!(is_id(id), "{id}");
        }
        for name in ["web", "deadbeef", "a/0123456789abcdef0123456789abcdef", ""] {
            assert!(!is_id(name), "{name}");
        }
    }
}
