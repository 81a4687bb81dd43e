//! Marks the plan comments of open pull requests whose base has moved on since.

use crate::approval::{Record, State};
use crate::github::marker;
use crate::render::comment::{Standing, restated};

use super::super::App;
use super::inputs::Comments;
use super::job::Job;
use super::pull;

/// How many comments one run marks: GitHub allows 80 writes a minute.
const MOST: usize = 20;

/// Marks them; `tip` is what the base is now, `but` are pull requests that were told otherwise. A job goes on without.
pub async fn mark(app: &App, job: &Job<'_>, tip: &str, but: &[u64]) {
    let Some(base) = app.env.get("GITHUB_REF_NAME") else { return };
    let Ok(github) = job.github() else { return };
    if job.inputs.comments == Comments::Never {
        return;
    }
    let open = match github.open_pulls(base).await {
        Ok(open) => open,
        Err(error) => return app.console.note(&format!("open pull requests were not looked at: {error}")),
    };
    let links = job.links(tip, None);
    let mut marked = 0;
    for pull in open.iter().filter(|pull| !but.contains(&pull.number)) {
        if marked == MOST {
            app.console.note("more plan comments may be outdated; the next run goes on with them");
            break;
        }
        let Ok(own) = github.own_comments(pull.number, &job.scope).await else { continue };
        let Some(found) = own.kept.filter(|found| !found.edited_by_other) else { continue };
        let Some(mut record) = marker::read::<Record>(&found.body) else { continue };
        if record.state != State::Planned || record.base == tip || record.stacks.is_empty() {
            continue;
        }
        record.state = State::Outdated;
        let why =
            format!("planned on {}, and {base} is {} now", super::short(&record.base), super::short(tip));
        let text = restated(marker::unmarked(&found.body), &Standing::Outdated { why: &why }, &links);
        let body = marker::mark(&pull::value(&record), &text);
        match github.restate(&found, &body).await {
            Ok(_) => marked += 1,
            Err(error) => {
                app.console.note(&format!("the plan of #{} could not be marked: {error}", pull.number));
            }
        }
    }
}
