//! `logs`: the logs of a task.

use std::time::Duration;

use serde_json::json;

use crate::aws;
use crate::cli::{Format, LogsArgs};
use crate::env::Environment;
use crate::error::{Error, ExitStatus};
use crate::model::CallError;
use crate::ops::logs::{Event, Follow, Query, Search};
use crate::ops::tasks::{self, Which};
use crate::ops::time;
use crate::render::escape;
use crate::stack;

use super::session::Session;
use super::{App, failure, pick, times};

/// Where the log starts in CI when nothing is said: whoever wants more of it says so.
const IN_CI: i64 = 3_600_000;

/// After how many looks without a new line a service is no longer followed in CI. A job is followed to its end.
const QUIET_IN_CI: u32 = 12;

/// How many more looks follow once nothing of the task runs any more: the last lines arrive late.
const LAST_LOOKS: u32 = 2;

/// Shows.
pub async fn run(app: &App, args: &LogsArgs) -> Result<ExitStatus, Error> {
    let loaded = app.load()?;
    let there = pick::matching(&loaded.config, |_| true);
    let ((key, task), span) = times::read("task", &there, &args.words, &times::clock(app))?;
    let own = stack::container(key, task);
    let (container, ()) = pick::one("container", &[(own, ())].into(), args.container.as_deref())?;
    if args.follow && span.end.is_some() {
        let message = "`--follow` shows what is yet to come, and an end was given";
        return Err(Error::new(ExitStatus::Usage, message).hint("leave out one of them"));
    }
    let family = stack::family(key, task).to_owned();
    let (key, container) = (key.to_owned(), container.to_owned());
    let bounded = span.start.is_none() && app.env.is_ci();
    let start = if bounded { Some(app.env.now - IN_CI) } else { span.start };
    let connection = app.connect(&loaded).await?;
    let session = Session::new(app, loaded, connection).await?;
    let query = Query {
        group: session.names.log_group.clone(),
        prefix: format!("{}/{container}/", session.names.stack),
        start,
        end: span.end,
        pattern: args.filter.clone(),
    };
    if bounded {
        app.console.note("the last hour, because CI is set; a START shows more");
    }
    let mut shown = Shown { app, args, streams: Vec::new(), count: 0 };
    let mut follow = Follow::new(query);
    look(&session, &mut follow, &mut shown).await?;
    if args.follow && !app.console.is_closed() {
        app.console.note(&format!("following `{key}`"));
        to_its_end(&session, &family, &mut follow, &mut shown).await?;
    }
    if shown.count == 0 {
        app.console
            .note(&format!("`{key}` logged nothing{}", if start.is_some() { " in that time" } else { "" }));
    }
    Ok(ExitStatus::Done)
}

/// Reads every page and shows what is new.
async fn look(session: &Session, follow: &mut Follow, shown: &mut Shown<'_>) -> Result<(), Error> {
    let query = follow.query();
    let mut search = Search::new(query.clone());
    while !search.is_over() && !shown.app.console.is_closed() {
        let page = search.next(&session.aws).await.map_err(|error| refused(&error, &query))?;
        let Some(events) = page else {
            let message = format!("there is no log group `{}`", query.group);
            return Err(Error::new(ExitStatus::Failed, message).hint(format!(
                "`fargate-stack apply` makes what the stack `{}` needs",
                session.names.stack
            )));
        };
        shown.events(&follow.fresh(events))?;
    }
    Ok(())
}

fn refused(error: &CallError, query: &Query) -> Error {
    match &query.pattern {
        Some(pattern) if error.code == "InvalidParameterException" => {
            Error::new(ExitStatus::Usage, format!("CloudWatch Logs does not take the filter `{pattern}`"))
                .caused_by(error.to_string())
                .hint("terms with other characters than letters and digits need double quotes: `--filter '\"status: 500\"'`")
        }
        _ => failure::call(error),
    }
}

/// Looks again until nothing of the task runs any more; in CI also until a service has been quiet for a while.
async fn to_its_end(
    session: &Session,
    family: &str,
    follow: &mut Follow,
    shown: &mut Shown<'_>,
) -> Result<(), Error> {
    let app = shown.app;
    let (mut quiet, mut ended) = (0, 0);
    loop {
        // What runs is asked before the log, so that the last look comes after the end.
        let (runs, is_service) = running(session, family).await.map_err(|error| failure::call(&error))?;
        let before = shown.count;
        look(session, follow, shown).await?;
        quiet = if shown.count > before { 0 } else { quiet + 1 };
        ended = if runs { 0 } else { ended + 1 };
        if app.console.is_closed() {
            return Ok(());
        }
        if ended > LAST_LOOKS {
            app.console.note("nothing of it runs: no more will come");
            return Ok(());
        }
        if app.env.is_ci() && is_service && quiet >= QUIET_IN_CI {
            app.console.note(&format!("nothing new in {QUIET_IN_CI} looks: the end, because CI is set"));
            return Ok(());
        }
        // Nothing can be missed while nothing runs, so the last looks need no long pause.
        let pause = if runs { u64::from(shown.args.poll) } else { 1 };
        aws::pause(Duration::from_secs(pause)).await;
    }
}

/// Whether tasks of the family run or stop still, and whether a service has one.
async fn running(session: &Session, family: &str) -> Result<(bool, bool), CallError> {
    let cluster = &session.names.cluster;
    let (wanted, unwanted) = tokio::join!(
        tasks::list(&session.aws, cluster, Which::Running),
        tasks::list(&session.aws, cluster, Which::Stopped),
    );
    let mut all = wanted?;
    all.extend(unwanted?);
    all.retain(|run| {
        run.status != "STOPPED" && run.revision.rsplit_once(':').is_some_and(|(name, _)| name == family)
    });
    Ok((!all.is_empty(), all.iter().any(|run| run.group.starts_with("service:"))))
}

/// What has been shown.
struct Shown<'a> {
    app: &'a App,
    args: &'a LogsArgs,
    streams: Vec<String>,
    count: usize,
}

impl Shown<'_> {
    /// Shows events. As soon as there is a second stream, every line names its task.
    fn events(&mut self, events: &[Event]) -> Result<(), Error> {
        for event in events {
            if !self.streams.contains(&event.stream) {
                self.streams.push(event.stream.clone());
            }
        }
        self.count += events.len();
        let mut text = String::new();
        for event in events {
            text.push_str(&match self.app.format() {
                Format::Json => document(event),
                Format::Text | Format::Markdown => self.lines(event),
            });
        }
        if text.is_empty() { Ok(()) } else { self.app.print(&text) }
    }

    fn lines(&self, event: &Event) -> String {
        let mut head = String::new();
        if !self.args.no_time {
            let time = Environment::local_text(event.line.time);
            let colored = format!("\u{1b}[32m{time}\u{1b}[0m");
            head.push_str(if self.app.console.style().color { &colored } else { &time });
            head.push(' ');
        }
        if self.streams.len() > 1 {
            let task = event.task();
            head.push_str(&escape::terminal(task.get(..8).unwrap_or(task)));
            head.push_str(" | ");
        }
        let mut text = String::new();
        for line in event.line.text.split('\n') {
            text.extend([head.as_str(), &escape::output(line.trim_end_matches('\r')), "\n"]);
        }
        text
    }
}

fn document(event: &Event) -> String {
    let line = json!({
        "time": time::rfc3339(event.line.time),
        "task": event.task(),
        "container": event.container(),
        "message": event.line.text,
    });
    format!("{}\n", escape::json_line(&line))
}
