//! `exec`: a session in a container.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::cli::{ExecArgs, Format};
use crate::config::Config;
use crate::error::{Error, ExitStatus};
use crate::model::TaskRun;
use crate::ops::exec::{self, Door};
use crate::ops::tasks::{self, Which};
use crate::render::escape;
use crate::stack;

use super::{App, failure, pick};

/// Prints or runs the command that opens it.
pub async fn run(app: &App, args: &ExecArgs) -> Result<ExitStatus, Error> {
    let session = app.session().await?;
    let config = &session.loaded.config;
    let cluster = &session.names.cluster;
    let mut runs =
        tasks::list(&session.aws, cluster, Which::Running).await.map_err(|error| failure::call(&error))?;
    runs.retain(|run| run.status == "RUNNING" && key_of(config, run).is_some());
    let run = chosen(config, &runs, args.task.as_deref())?;
    let key = key_of(config, run).unwrap_or_default();
    let door = exec::door(&session.aws, cluster, &run.id).await.map_err(|error| failure::call(&error))?;
    let door =
        door.ok_or_else(|| Error::new(ExitStatus::Failed, format!("the task `{}` is gone", run.id)))?;
    let own = config.tasks.get(key).map(|task| stack::container(key, task));
    let container = container(&door, own, args.container.as_deref())?;
    open(&door, &container, key, &run.id)?;
    let shell = vec!["/bin/sh".to_owned()];
    let command = if args.command.is_empty() { &shell } else { &args.command };
    let wanted = exec::Session {
        region: &session.aws.region,
        profile: app.cli.global.profile.as_deref(),
        cluster,
        task: &run.id,
        container: &container,
        command,
    };
    if args.print || app.format() == Format::Json {
        app.print(&match app.format() {
            Format::Json => escape::json(&json!({
                "task": run.id, "container": container, "cluster": cluster, "command": wanted.line(), "words": wanted.words(),
            })),
            Format::Text | Format::Markdown => escape::terminal(&wanted.line()),
        })?;
        return Ok(ExitStatus::Done);
    }
    become_session(app, &wanted)
}

/// The task of the stack file that a run is of.
fn key_of<'a>(config: &'a Config, run: &TaskRun) -> Option<&'a str> {
    let (family, _) = run.revision.rsplit_once(':')?;
    let found = config.tasks.iter().find(|(key, task)| stack::family(key, task) == family);
    found.map(|(key, _)| key.as_str())
}

/// The one run that is meant: by its task, by its id or the start of it, by its ARN. Never one of several.
fn chosen<'a>(config: &Config, runs: &'a [TaskRun], named: Option<&str>) -> Result<&'a TaskRun, Error> {
    let usage = |message: String| Error::new(ExitStatus::Usage, message);
    let is_key = named.is_some_and(|name| config.tasks.contains_key(name));
    let fits = |run: &&TaskRun| match named {
        None => true,
        Some(name) if is_key => key_of(config, run) == Some(name),
        // Eight digits are what lists show; fewer are a guess.
        Some(name) => run.arn == name || (name.len() >= 8 && run.id.starts_with(name)),
    };
    let found: Vec<&TaskRun> = runs.iter().filter(fits).collect();
    let line = |run: &&TaskRun| format!("{} {}", run.id, run.revision);
    match (found.as_slice(), named) {
        ([run], _) => Ok(run),
        ([], None) => {
            Err(usage("no task of the stack runs".to_owned()).hint("`fargate-stack status` shows why"))
        }
        ([], Some(name)) if is_key => {
            Err(usage(format!("no task of `{name}` runs")).hint("`fargate-stack status` shows why"))
        }
        ([], Some(name)) => {
            let ids: Vec<String> = runs.iter().map(|run| line(&run)).collect();
            let id_like = name.starts_with("arn:")
                || (name.len() >= 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
            if id_like {
                return Err(
                    usage(format!("no running task of the stack has the id `{name}`")).detail(ids.join("\n"))
                );
            }
            let there = pick::matching(config, |_| true);
            Err(pick::one("task", &there, Some(name))
                .err()
                .unwrap_or_else(|| Error::bug("a task that is no task")))
        }
        (several, _) => {
            let what =
                named.map_or_else(|| "tasks of the stack".to_owned(), |name| format!("tasks of `{name}`"));
            let ids: Vec<String> = several.iter().map(line).collect();
            Err(usage(format!("{} {what} run: name one by its id", several.len())).detail(ids.join("\n")))
        }
    }
}

fn container(door: &Door, own: Option<&str>, named: Option<&str>) -> Result<String, Error> {
    let there = door.containers.iter().map(|(name, _)| (name.as_str(), ())).collect();
    let default = own.filter(|own| door.containers.iter().any(|(name, _)| name == own));
    pick::one("container", &there, named.or(default)).map(|(name, ())| name.to_owned()).map_err(|error| {
        // The containers are the task's, whatever the stack file says by now.
        let told = Error::new(ExitStatus::Usage, error.message().replace("the stack file", "the task"));
        error.hints().iter().fold(told, |told, hint| told.hint(hint.clone()))
    })
}

/// Whether the task lets a session in, and how to get one that does.
fn open(door: &Door, container: &str, key: &str, id: &str) -> Result<(), Error> {
    if !door.enabled {
        let message = format!("the task `{id}` was started without ECS Exec");
        return Err(Error::new(ExitStatus::Failed, message)
            .hint(format!("set `tasks.{key}.enable_execute_command: true` and apply"))
            .hint(format!("tasks that run already stay as they are: for a service, `fargate-stack redeploy {key}` replaces them")));
    }
    let agent =
        door.containers.iter().find(|(name, _)| name == container).and_then(|(_, status)| status.as_deref());
    match agent {
        Some(status) if status != "RUNNING" => {
            let message = format!("the ECS Exec agent of container `{container}` is {status}");
            Err(Error::new(ExitStatus::Failed, message)
                .hint("it starts shortly after its container; a task role without `ssmmessages:*Channel` keeps it from it"))
        }
        _ => Ok(()),
    }
}

/// Becomes the AWS CLI, so that terminal and signals are its own. Returns only when that is not possible: Windows cannot put
/// a program in the place of another, there it waits for its end.
fn become_session(app: &App, wanted: &exec::Session<'_>) -> Result<ExitStatus, Error> {
    let (separator, ending) = if cfg!(windows) { (';', ".exe") } else { (':', "") };
    let installed = |program: &str| {
        let path = app.env.get("PATH").unwrap_or_default();
        let program = format!("{program}{ending}");
        path.split(separator).any(|folder| Path::new(folder).join(&program).is_file())
    };
    for (program, what) in
        [("aws", "the AWS CLI"), ("session-manager-plugin", "the Session Manager plugin of the AWS CLI")]
    {
        if !installed(program) {
            let message = format!("`{program}` is not installed: {what} opens the session");
            return Err(Error::new(ExitStatus::Failed, message)
                .hint("`--print` shows the command, to be run elsewhere"));
        }
    }
    let mut aws = Command::new("aws");
    aws.args(wanted.words());
    #[cfg(unix)]
    let ended = Err(std::os::unix::process::CommandExt::exec(&mut aws));
    #[cfg(not(unix))]
    let ended =
        aws.status().map(|status| if status.success() { ExitStatus::Done } else { ExitStatus::Failed });
    ended.map_err(|error: std::io::Error| {
        Error::new(ExitStatus::Failed, "could not run `aws`").caused_by(error.to_string())
    })
}
