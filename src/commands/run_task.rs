//! `run-task`: one run of a task to its end.

use std::collections::VecDeque;

use tokio::sync::watch;

use crate::cli::{Format, RunTaskArgs};
use crate::config::{Config, Task, TaskType};
use crate::error::{Error, ExitStatus};
use crate::lookup::{self, Wish};
use crate::model::{Cause, RolloutOutcome};
use crate::ops::deployed::{self, Revision};
use crate::ops::run_report::{NOT_RUN, RunEnd, RunOutcome, RunReport};
use crate::ops::run_task::{self, Ask, Overrides, Start};
use crate::ops::run_watch::{self, Patience, RunEvent, Runs, Watched};
use crate::release::evidence::{self, Suspect};
use crate::render::{self, Style, escape};
use crate::stack::{self, Names, Placement};

use super::session::Session;
use super::{App, failure, pick, run_input, signals};

/// How many of the last lines of the log are kept for who asks what happened.
const TAIL: usize = 20;

/// What there was to see of runs.
#[derive(Debug, Default)]
pub struct Seen {
    /// The ARNs of the tasks that were started.
    pub started: Vec<String>,
    /// How they went; absent when that is not known.
    pub report: Option<RunReport>,
    /// The last lines of the log, as they were shown.
    pub tail: VecDeque<String>,
}

/// Starts it, shows its logs, ends with its exit code. What keeps it from running ends with 125, as with `docker run`.
pub async fn run(app: &App, args: &RunTaskArgs) -> Result<ExitStatus, Error> {
    seen(app, args, &mut Seen::default()).await
}

/// The same, for who tells it elsewhere, too.
pub async fn seen(app: &App, args: &RunTaskArgs, seen: &mut Seen) -> Result<ExitStatus, Error> {
    let ran = signals::watching(async |stopped| begin(app, args, stopped, seen).await).await;
    ran.map_err(|error| match error.exit() {
        ExitStatus::Failed => error.exit_with(ExitStatus::Task(NOT_RUN)),
        _ => error,
    })
}

/// Everything that is known before the start.
struct Prepared {
    session: Session,
    key: String,
    container: String,
    revision: Revision,
    placement: Placement,
    security_group: String,
    overrides: Overrides,
    execute_command: bool,
}

async fn begin(
    app: &App,
    args: &RunTaskArgs,
    stopped: watch::Receiver<bool>,
    seen: &mut Seen,
) -> Result<ExitStatus, Error> {
    let mut early = stopped.clone();
    let prepared = tokio::select! {
        prepared = Box::pin(prepare(app, args)) => prepared?,
        _ = early.wait_for(|stop| *stop) => {
            return Err(Error::new(ExitStatus::Interrupted, "interrupted; nothing was started"));
        }
    };
    let token = run_input::token(args, &app.env, &prepared.key, &prepared.overrides)?;
    Box::pin(start(app, args, prepared, token, stopped, seen)).await
}

/// The task that is meant: without a name the only one that runs on request or by schedule; by name a service's, too, so that
/// a migration can use the image of the service.
fn chosen(app: &App, config: &Config, args: &RunTaskArgs) -> Result<(String, Task), Error> {
    let named = args.task.as_deref();
    let there = pick::matching(config, |task| named.is_some() || task.kind == TaskType::Task);
    let (key, task) = pick::one("task", &there, named)?;
    if task.kind != TaskType::Task {
        app.console.note(&format!("running one more task of the definition of the service `{key}`"));
    }
    Ok((key.to_owned(), task.clone()))
}

async fn prepare(app: &App, args: &RunTaskArgs) -> Result<Prepared, Error> {
    let loaded = app.load()?;
    // What is wrong with the command line is told before any call.
    let (key, task) = chosen(app, &loaded.config, args)?;
    let container = stack::container(&key, &task).to_owned();
    let overrides = run_input::overrides(args, &container, task.capacity())?;
    let connection = app.connect(&loaded).await?;
    let session = Session::new(app, loaded, connection).await?;
    let (aws, names) = (&session.aws, &session.names);
    let mut config = session.loaded.config.clone();
    config.tasks.retain(|other, _| *other == key);
    // A run is behind no load balancer, so nothing is to be found out about one.
    for task in config.tasks.values_mut().filter(|task| task.kind.is_web()) {
        task.kind = TaskType::Daemon;
    }
    let inventory = session.inventory();
    let wish = Wish { image_tag: args.image_tag.clone(), ..session.wish() };
    let subnet = async {
        match &args.subnet_id {
            Some(id) => lookup::subnet(aws, &config, id).await.map(Some),
            None => Ok(None),
        }
    };
    let (facts, subnet, revision) = tokio::join!(
        lookup::facts(aws, &config, names, &wish, &inventory),
        subnet,
        deployed::revision(aws, names, stack::family(&key, &task)),
    );
    let subnet =
        subnet.map_err(|error| failure::lookup(&error, &session.loaded).exit_with(ExitStatus::Usage))?;
    let revision =
        revision?.ok_or_else(|| not_applied(names, &format!("it has no task definition of `{key}`")))?;
    let mut facts = facts.map_err(|error| failure::lookup(&error, &session.loaded))?;
    let group = deployed::security_group(aws, names, &facts.vpc_id).await?;
    let missing = || not_applied(names, &format!("its VPC has no security group `{}`", names.security_group));
    let security_group = group.ok_or_else(missing)?;
    if let Some(other) = &revision.passed_over {
        app.console.warn(&format!(
            "`{other}` is newer and not of this stack: `{}` is the newest that is, and runs",
            revision.name
        ));
    }
    if let Some(wanted) = facts.images.get(&key).filter(|_| !args.force) {
        let found = wanted.image.tag.as_ref();
        if let Some(tag) = args.image_tag.as_ref().filter(|tag| found != Some(*tag)) {
            let message = format!("there is no image of `{}` tagged `{tag}`", wanted.source);
            return Err(Error::new(ExitStatus::Refused, message)
                .hint("`--force` runs the image that the revision holds"));
        }
        aligned(&revision, &container, &wanted.image.image, &key)?;
    }
    let placement = match subnet {
        Some((placement, warning)) => {
            if let Some(warning) = warning {
                app.console.warn(&warning);
            }
            placement
        }
        None => facts.placements.remove(&key).unwrap_or_default(),
    };
    Ok(Prepared {
        key,
        container,
        revision,
        placement,
        security_group,
        overrides,
        execute_command: task.enable_execute_command.unwrap_or_default(),
        session,
    })
}

fn not_applied(names: &Names, why: &str) -> Error {
    Error::new(ExitStatus::Failed, format!("the stack `{}` is not applied: {why}", names.stack))
        .hint("`fargate-stack apply` makes what a run needs")
}

/// Refuses to run another image than the one that the stack should run now.
fn aligned(revision: &Revision, container: &str, wanted: &str, key: &str) -> Result<(), Error> {
    let Some(main) = revision.main(container) else {
        return Err(Error::new(
            ExitStatus::Failed,
            format!("`{}` has no container `{container}`", revision.name),
        ));
    };
    let digest = |image: &str| image.split_once('@').map(|(_, digest)| digest.to_owned());
    let same = match (digest(wanted), digest(&main.image)) {
        (Some(wanted), Some(held)) => wanted == held,
        _ => *wanted == main.image,
    };
    if same {
        return Ok(());
    }
    let message = format!("`{}` holds another image than the stack should run now", revision.name);
    Err(Error::new(ExitStatus::Refused, message)
        .because("image-differs")
        .detail(format!("it holds   {}\nit should  {wanted}", main.image))
        .hint(format!("`fargate-stack register-task-definition {key}` registers a revision with it"))
        .hint("`--force` runs the image that the revision holds"))
}

async fn start(
    app: &App,
    args: &RunTaskArgs,
    prepared: Prepared,
    token: String,
    stopped: watch::Receiver<bool>,
    seen: &mut Seen,
) -> Result<ExitStatus, Error> {
    let Prepared { session, key, container, revision, placement, security_group, overrides, execute_command } =
        prepared;
    let (aws, names) = (&session.aws, &session.names);
    let ask = Ask {
        cluster: &names.cluster,
        revision: &revision,
        subnets: placement.subnets,
        public_ip: placement.assign_public_ip,
        security_group,
        overrides,
        count: args.count,
        execute_command,
        token,
        started_by: run_input::started_by(&app.env),
    };
    let (tasks, failures) = match run_task::start(aws, &ask).await {
        Ok(Start::Placed { tasks, failures, again }) => {
            if again {
                app.console
                    .note("it was started before by a call with the same client token; this is its run");
            }
            (tasks, failures)
        }
        Ok(Start::NotPlaced(failures)) => {
            let cause = evidence::explain_not_placed(aws, names, &key, &failures).await;
            let report = RunReport::started(&key, &revision, &[], run_task::reasons(&failures));
            return end(app, RunReport { cause: Some(cause), ..report }, seen);
        }
        Ok(Start::TokenTaken(others)) => return Err(token_taken(&ask.token, &others)),
        Err(error) if error.code == "ClusterNotFoundException" => {
            return Err(not_applied(names, &format!("it has no cluster `{}`", names.cluster)));
        }
        Err(error) => {
            let told = failure::call(&error);
            return Err(if error.unanswered {
                told.hint(format!(
                    "`--client-token {}` with the same options starts no second one",
                    ask.token
                ))
            } else {
                told
            });
        }
    };
    seen.started = tasks.iter().filter_map(|task| task.task_arn()).map(str::to_owned).collect();
    let reasons = run_task::reasons(&failures);
    for reason in &reasons {
        app.console.warn(&format!("ECS started fewer tasks than were asked for: {reason}"));
    }
    let ids: Vec<&str> = tasks.iter().map(run_watch::id_of).collect();
    app.console.note(&format!("{} of {} as {}", started(ids.len()), revision.name, ids.join(", ")));
    if args.no_wait {
        return end(app, RunReport::started(&key, &revision, &tasks, reasons), seen);
    }
    let several = tasks.len() > 1 || revision.containers.len() > 1;
    let runs = Runs { cluster: &names.cluster, revision: &revision, tasks };
    let patience = Patience { timeout: args.timeout, keep_running: args.keep_running };
    let many = runs.tasks.len() > 1;
    let mut tell = |event: RunEvent| tell(app, &event, several, many, &mut seen.tail);
    let watched = run_watch::watch(aws, runs, patience, stopped, &mut tell).await.map_err(|error| {
        failure::call(&error)
            .hint(format!("the task may still run: `fargate-stack logs {key}` shows its log"))
    })?;
    let mut report = RunReport::watched(&key, &container, &revision, &watched, reasons);
    report.cause = explained(&session, &key, &report, watched).await;
    end(app, report, seen)
}

fn started(count: usize) -> String {
    if count == 1 { "started 1 task".to_owned() } else { format!("started {count} tasks") }
}

fn token_taken(token: &str, arns: &[String]) -> Error {
    let detail = arns.iter().map(|arn| format!("it started {arn}")).collect::<Vec<_>>().join("\n");
    let message = format!("the client token `{token}` was used for a run with other options");
    Error::new(ExitStatus::Failed, message)
        .detail(detail)
        .hint("give each run a token of its own with `--client-token`")
}

/// Why runs did not start, or were ended by somebody else than their program.
async fn explained(session: &Session, key: &str, report: &RunReport, watched: Watched) -> Option<Cause> {
    let asks = matches!(report.outcome, RunOutcome::Failed | RunOutcome::NotStarted);
    let odd =
        |id: &str| report.tasks.iter().any(|end| end.id == id && !end.still_runs() && end.needs_explaining());
    let tasks: Vec<_> =
        watched.tasks.into_iter().filter(|task| asks && odd(run_watch::id_of(task))).collect();
    let first = tasks.first()?;
    let since = run_watch::created(first);
    let suspect = Suspect {
        names: &session.names,
        key,
        cluster: &session.names.cluster,
        service: None,
        deployment: None,
        since,
        record: None,
        tasks,
        outcome: RolloutOutcome::Failed,
    };
    Some(evidence::explain(&session.aws, suspect).await)
}

/// Shows what happens: the log on standard output, everything else on standard error. A document on standard output leaves no
/// room for the log there.
fn tell(app: &App, event: &RunEvent, several: bool, many: bool, tail: &mut VecDeque<String>) {
    match event {
        RunEvent::State { task, state } => {
            if matches!(state.as_str(), "PENDING" | "RUNNING") {
                app.console.note(&format!("task {task} is {}", state.to_lowercase()));
            }
        }
        RunEvent::Note(text) => app.console.note(text),
        RunEvent::Line { task, container, line } => {
            let prefix = match (several, many) {
                (false, _) => String::new(),
                (true, false) => format!("{container} | "),
                (true, true) => format!("{} {container} | ", task.get(..8).unwrap_or(task)),
            };
            for text in line.text.split('\n') {
                let text =
                    format!("{}{}", escape::terminal(&prefix), escape::output(text.trim_end_matches('\r')));
                if tail.len() >= TAIL {
                    tail.pop_front();
                }
                tail.push_back(text.clone());
                // A reader that went away is no reason to end the run.
                if app.format() == Format::Text && app.console.out(&format!("{text}\n")).is_ok() {
                    continue;
                }
                app.console.log(&text);
            }
        }
    }
}

/// Says how it ended, and ends with its exit code.
fn end(app: &App, report: RunReport, seen: &mut Seen) -> Result<ExitStatus, Error> {
    seen.report = Some(report.clone());
    let code = report.exit_code;
    if app.format() == Format::Json {
        let document = serde_json::to_value(&report).map_err(|error| Error::bug(error.to_string()))?;
        app.print(&escape::json(&document))?;
    } else if report.outcome == RunOutcome::Started {
        let ids: Vec<String> = report.tasks.iter().map(|task| escape::terminal(&task.arn)).collect();
        app.print(&ids.join("\n"))?;
        app.console.note(&format!("`fargate-stack logs {} --follow` shows its log", report.task));
    }
    for task in report.tasks.iter().filter(|_| report.outcome != RunOutcome::Started) {
        app.console.note(&ending(task));
        if task.still_runs() {
            let (key, id) = (&report.task, &task.id);
            app.console.note(&format!(
                "`fargate-stack logs {key} --follow` shows its log, `fargate-stack stop-task {id}` stops it"
            ));
        }
    }
    if let Some(cause) = report.cause.filter(|_| app.format() != Format::Json) {
        // The log has been shown already.
        let cause = Cause { log: Vec::new(), other_logs: Vec::new(), ..cause };
        app.console.log(&render::cause_text(&cause, Style::PLAIN));
    }
    let error = |code: u8, message: String| Err(Error::new(ExitStatus::Task(code), message));
    match (report.outcome, code) {
        (RunOutcome::NotStarted, Some(code)) => {
            let failures = report.failures.into_iter();
            let error =
                Error::new(ExitStatus::Task(code), format!("the task `{}` did not start", report.task));
            Err(failures.fold(error, Error::caused_by))
        }
        (RunOutcome::Failed, Some(NOT_RUN)) => {
            error(NOT_RUN, format!("nobody knows how the task `{}` ended", report.task))
        }
        (RunOutcome::TimedOut, Some(code)) => {
            error(code, format!("the task `{}` did not end in time", report.task))
        }
        (RunOutcome::Interrupted, _) => Err(Error::new(ExitStatus::Interrupted, "interrupted")),
        (_, code) => Ok(match code {
            None | Some(0) => ExitStatus::Done,
            Some(code) => ExitStatus::Task(code),
        }),
    }
}

/// How one run ended, in one line.
fn ending(task: &RunEnd) -> String {
    let mut words = match (task.still_runs(), task.exit_code) {
        (true, _) => format!("task {} still runs ({})", task.id, task.status.to_lowercase()),
        (false, Some(code)) => format!("task {} exited with {code}", task.id),
        (false, None) => format!("task {} stopped", task.id),
    };
    for container in &task.containers {
        if let Some(reason) = &container.reason {
            words.extend(["; ", &container.name, ": ", reason]);
        }
    }
    let own = matches!(task.stop_code.as_deref(), None | Some("EssentialContainerExited"));
    let told = |reason: &&str| task.containers.iter().any(|one| one.reason.as_deref() == Some(*reason));
    if let Some(reason) = task.stopped_reason.as_deref().filter(|reason| !own && !told(reason)) {
        words.extend(["; ", reason]);
    }
    words
}
