//! `ci`: does what the GitHub event asks for. A pull request gets plans and one comment; a push to the default branch is applied when it
//! does what the plans of its pull requests said, and refused otherwise; a schedule looks for drift; a person starts the rest by hand.

mod apply;
mod approve;
mod dispatch;
mod dispatched_run;
mod drift;
mod finalize;
mod inputs;
mod job;
mod outdated;
mod progress;
mod pull;
mod stacks;
mod told;

use crate::error::{Error, ExitStatus};
use crate::github::Event;
use crate::github::decide::{Decision, decide};
use job::Job;

use super::App;

pub use finalize::run as finalize;

/// Reads the event and does what it asks for.
pub async fn run(app: &App) -> Result<ExitStatus, Error> {
    let job = Job::new(app)?;
    let done = match Event::read(&job.event_name, &job.event_text) {
        Ok(event) => decided(app, &job, decide(&event, &job.inputs.asked)).await,
        Err(error) => Err(Error::new(ExitStatus::Usage, error.to_string())),
    };
    if let Err(error) = &done {
        job.finish_failed(error);
    }
    done
}

async fn decided(app: &App, job: &Job<'_>, decision: Decision) -> Result<ExitStatus, Error> {
    match decision {
        Decision::Plan(event) => pull::pull_request(app, job, &event).await,
        Decision::Static { why } => {
            let stacks = stacks::load(app, job, &job.inputs)?;
            let names: Vec<&str> = stacks.iter().map(stacks::Stack::name).collect();
            job.validated(&names, why)
        }
        Decision::PlanQueue(event) => pull::queue(app, job, &event).await,
        Decision::PlanOnly => pull::by_hand(app, job).await,
        Decision::Apply(event) => Box::pin(apply::run(app, job, &event.after, Some(&event))).await,
        Decision::ApplyRef(event) => {
            dispatch::permitted(job, &event).await?;
            Box::pin(apply::run(app, job, &job.sha, None)).await
        }
        Decision::Drift => drift::run(app, job).await,
        Decision::Dispatch(command, event) => Box::pin(dispatch::run(app, job, command, &event)).await,
        Decision::Ignore { why } => job.ignore(&why),
        Decision::Refuse { reason, message, hint } => {
            Err(Error::new(ExitStatus::Refused, message).because(reason).hint(hint))
        }
    }
}

/// The first digits of a commit.
fn short(sha: &str) -> String {
    sha.chars().take(7).collect()
}
