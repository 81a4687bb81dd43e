//! `show cloudtrail-events`: whether a schedule started its task, and why not.

use serde_json::json;

use crate::cli::Show;
use crate::error::{Error, ExitStatus};
use crate::ops::trail::{self, Wanted};
use crate::{render, stack};

use super::{App, failure, pick, times};

/// How far back is looked without a start, in milliseconds.
const A_DAY: i64 = 24 * 60 * 60 * 1000;

/// Reads and shows.
pub async fn show(app: &App, what: &Show) -> Result<ExitStatus, Error> {
    let Show::CloudtrailEvents { words } = what;
    let clock = times::clock(app);
    let (session, (key, family, span)) = app
        .session_for(|config| {
            let there = pick::matching(config, |task| task.schedule.is_some());
            let ((key, task), span) = times::read("scheduled task", &there, words, &clock)?;
            Ok((key.to_owned(), stack::family(key, task).to_owned(), span))
        })
        .await?;
    let names = &session.names;
    let end = span.end.unwrap_or(clock.now);
    let start = span.start.unwrap_or(end - A_DAY);
    #[allow(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^53")]
    let seconds = |millis: i64| millis as f64 / 1000.0;
    let wanted = Wanted {
        role: &names.events_role,
        cluster: &names.cluster,
        task: &key,
        family: &family,
        from: seconds(start),
        to: span.end.map(seconds),
    };
    let firings = trail::firings(&session.aws, &wanted).await.map_err(|error| failure::call(&error))?;
    let title = format!("starts of {key} by its schedule, as CloudTrail recorded them");
    let value = json!({"task": key, "rule": names.rule(&key), "events": firings});
    app.document(Some(&session), &render::daily::firings(title, &firings), &value)?;
    if firings.is_empty() {
        app.console.note("CloudTrail shows a call some minutes after it was made, and keeps it for 90 days");
    }
    Ok(ExitStatus::Done)
}
