//! `start-service`, `stop-service`, `scale`: how many tasks a service runs.

use std::time::Duration;

use tokio::sync::watch::Receiver;

use crate::aws;
use crate::cli::{CountArgs, EndServiceArgs, WaitArgs};
use crate::config::Config;
use crate::error::{Error, ExitStatus};
use crate::model::{Deed, Scalable};
use crate::ops::autoscaling;
use crate::ops::scale::{Refused, Settled, Steps, Watcher, Wish, decide};
use crate::ops::services::{self, Live};

use super::daily::{self, Found, counted, service_key};
use super::{App, apply, failure, signals};

/// Between two looks at the counts of a service.
const LOOK: Duration = Duration::from_millis(1500);

/// Lets it run again.
pub async fn start(app: &App, args: &CountArgs) -> Result<ExitStatus, Error> {
    let choose = |config: &Config| {
        let words = counted(config, &args.words)?;
        if words.count == Some(0) {
            let message = "a service with 0 tasks is not started";
            return Err(Error::new(ExitStatus::Usage, message).hint("`stop-service` stops all of its tasks"));
        }
        Ok((service_key(config, words.service.as_deref())?, words.count))
    };
    let (found, count) = app.service_and(choose).await?;
    let task = found.session.loaded.config.tasks.get(&found.key);
    let otherwise = task.and_then(|task| task.desired_count).and_then(|count| i32::try_from(count).ok());
    let wish = Wish::Start { count, otherwise: otherwise.unwrap_or(1) };
    grant(app, "start-service", &found, wish, Some(&args.wait)).await
}

/// Stops all tasks.
pub async fn stop(app: &App, args: &EndServiceArgs) -> Result<ExitStatus, Error> {
    let found = app.service(args.service.as_deref()).await?;
    if found.live.desired > 0 {
        let question = format!(
            "Stop all {} tasks of the service {} of {}?",
            found.live.desired, found.key, found.session.names.stack
        );
        apply::agree(app, args.yes, &question)?;
    }
    grant(app, "stop-service", &found, Wish::Stop, None).await
}

/// Sets the count.
pub async fn scale(app: &App, args: &CountArgs) -> Result<ExitStatus, Error> {
    let choose = |config: &Config| {
        let words = counted(config, &args.words)?;
        let count = words.count.ok_or_else(|| {
            Error::new(ExitStatus::Usage, "`scale` needs the number of tasks")
                .hint("for example `fargate-stack scale web 3`")
        })?;
        Ok((service_key(config, words.service.as_deref())?, count))
    };
    let (found, count) = app.service_and(choose).await?;
    grant(app, "scale", &found, Wish::Exactly(count), Some(&args.wait)).await
}

/// Decides over the wish, does what is to be done, tells it, and waits for the tasks.
pub async fn grant(
    app: &App,
    command: &'static str,
    found: &Found,
    wish: Wish,
    wait: Option<&WaitArgs>,
) -> Result<ExitStatus, Error> {
    let Found { session, key, live } = found;
    let (aws, cluster) = (&session.aws, &session.names.cluster);
    let scalable = autoscaling::owner_of_count(aws, cluster, &live.name).await;
    let scalable = scalable.map_err(|error| failure::call(&error))?;
    let steps = decide(wish, live.desired, scalable.as_ref()).map_err(|refused| refusal(key, refused))?;
    let wait = wait.filter(|wait| !wait.no_wait && steps.count.is_some());
    let watcher = match wait {
        Some(_) => Some(Watcher::new(aws, cluster, &live.name).await.map_err(|error| failure::call(&error))?),
        None => None,
    };
    let did = carry_out(found, &steps, scalable.as_ref()).await?;
    let changed = !steps.is_empty();
    let mut notes = steps.notes;
    if steps.count == Some(0) && live.target_group.is_some() {
        notes.push("the load balancer answers with the code 503 while no task runs".to_owned());
    }
    let deed = Deed { command, subject: format!("service {key}"), changed, did, notes };
    app.tell(session, &deed)?;
    let Some((wait, watcher)) = wait.zip(watcher) else { return Ok(ExitStatus::Done) };
    signals::watching(async |stopped| settle(app, found, watcher, wait, stopped).await).await
}

fn refusal(key: &str, refused: Refused) -> Error {
    Error::new(ExitStatus::Refused, format!("{key}: {}; nothing was changed", refused.why))
        .hint(refused.instead)
}

/// Does the steps; what was done, in words.
async fn carry_out(found: &Found, steps: &Steps, scalable: Option<&Scalable>) -> Result<Vec<String>, Error> {
    let Found { session, live, .. } = found;
    let (aws, names) = (&session.aws, &session.names);
    let mut did = Vec::new();
    if let Some(suspended) = steps.scaling {
        let done = autoscaling::suspend(aws, &names.cluster, &live.name, suspended).await;
        done.map_err(|error| failure::call(&error))?;
        did.push(if scalable.is_some_and(Scalable::is_suspended) {
            "resumed autoscaling".to_owned()
        } else {
            "suspended autoscaling".to_owned()
        });
    }
    if let Some(count) = steps.count {
        let change = services::Change { count: Some(count), ..services::Change::default() };
        let done = services::update(aws, &names.cluster, &names.stack, &live.name, change).await;
        done.map_err(|error| {
            let error = failure::call(&error);
            match did.first() {
                Some(first) => error
                    .exit_with(ExitStatus::Partial)
                    .hint(format!("{first} before that; the same command again goes on from there")),
                None => error,
            }
        })?;
        did.push(format!("set the number of tasks from {} to {count}", live.desired));
    }
    if did.is_empty() {
        did.push(match live.desired {
            0 => "stopped already; nothing to do".to_owned(),
            1 => "1 task is wanted already; nothing to do".to_owned(),
            count => format!("{count} tasks are wanted already; nothing to do"),
        });
    }
    Ok(did)
}

/// Waits until as many tasks run as are wanted.
async fn settle(
    app: &App,
    found: &Found,
    mut watcher: Watcher,
    wait: &WaitArgs,
    mut stopped: Receiver<bool>,
) -> Result<ExitStatus, Error> {
    let Found { session, key, live } = found;
    let names = &session.names;
    let fail_fast = !wait.watch.no_fail_fast;
    let started = tokio::time::Instant::now();
    let mut last: Option<(i32, i32, i32)> = None;
    let mut told = 0;
    loop {
        let looked = watcher.look(&session.aws, &names.cluster, &names.stack, &live.name, fail_fast).await;
        let (now, settled) = looked.map_err(|error| failure::call(&error))?;
        if let Some(counts) = now.as_ref().map(counts).filter(|counts| Some(*counts) != last) {
            let (desired, running, pending) = counts;
            app.console.note(&format!("{key}: {running} of {desired} running, {pending} pending"));
            last = Some(counts);
        }
        for why in watcher.failures().iter().skip(told).take(1) {
            app.console.warn(&format!("{key}: a task failed: {why}"));
        }
        told = watcher.failures().len();
        match settled {
            Some(Settled::Yes) => return Ok(ExitStatus::Done),
            Some(Settled::Gone) => {
                let message = format!("the service `{key}` went away while its tasks were waited for");
                return Err(Error::new(ExitStatus::RolloutFailed, message));
            }
            Some(Settled::Failing(whys)) => return Err(failing(key, whys)),
            None if *stopped.borrow() => {
                app.console.note(&format!("the tasks of {key} are not waited for any more; {}", later(key)));
                return Ok(ExitStatus::Interrupted);
            }
            None if started.elapsed() + LOOK > wait.watch.timeout => {
                let message = format!(
                    "the service `{key}` has not come to its number of tasks within {} s",
                    wait.watch.timeout.as_secs()
                );
                let whys = watcher.failures().iter().cloned();
                let error = Error::new(ExitStatus::RolloutFailed, message).hint(later(key));
                return Err(whys.take(3).fold(error, Error::caused_by));
            }
            None => {}
        }
        tokio::select! {
            () = aws::pause(LOOK) => {}
            _ = stopped.changed() => {}
        }
    }
}

fn counts(live: &Live) -> (i32, i32, i32) {
    (live.desired, live.running, live.pending)
}

fn later(key: &str) -> String {
    format!("`fargate-stack status {key}` shows how it is")
}

fn failing(key: &str, whys: Vec<String>) -> Error {
    let message = format!("tasks of the service `{key}` fail again and again; ECS goes on trying");
    let error = Error::new(ExitStatus::RolloutFailed, message).hint(format!(
        "`fargate-stack logs {key}` shows what they wrote, `fargate-stack stop-service {key}` ends it"
    ));
    whys.into_iter().take(3).fold(error, Error::caused_by)
}

/// The service after it was brought up to date, for a count that was given, too.
pub async fn also(
    app: &App,
    session: super::session::Session,
    key: String,
    count: i32,
    wait: &WaitArgs,
) -> Result<ExitStatus, Error> {
    let live = daily::live(&session, &key).await?.ok_or_else(|| daily::not_deployed(&key))?;
    let found = Found { session, key, live };
    grant(app, "deploy-service", &found, Wish::Exactly(count), Some(wait)).await
}
