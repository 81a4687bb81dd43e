//! The last step of the action, which runs even when the job was cancelled: tells what the step before could not tell any more.

use crate::approval::{Record, State};
use crate::error::{Error, ExitStatus};
use crate::github::deployments::{DeploymentState, DeploymentStatus};
use crate::github::marker;
use crate::render::comment::{Standing, restated};

use super::super::App;
use super::job::{Job, Outcome};
use super::progress::Progress;
use super::pull;

/// Reads what the job left behind. Nothing there, or everything told: nothing to do.
pub async fn run(app: &App) -> Result<ExitStatus, Error> {
    let Some(mut progress) = Progress::read(&app.env).filter(|progress| !progress.ended) else {
        return Ok(ExitStatus::Done);
    };
    let job = Job::new(app)?;
    let github = job.github()?;
    let (done, all) = progress.counts();
    let why = format!("ended after {done} of {all} steps; the next run goes on with the rest");
    app.console.warn(&format!("the apply {why}"));
    let links = job.links(&job.sha, None);
    for number in &progress.pulls {
        let own = match github.own_comments(*number, &progress.scope).await {
            Ok(own) => own,
            Err(error) => {
                app.console.warn(&format!("could not read the plan comment of #{number}: {error}"));
                continue;
            }
        };
        let Some(found) = own.kept else { continue };
        let Some(mut record) = marker::read::<Record>(&found.body) else { continue };
        // A newer run tells for itself.
        if record.state != State::Applying || (record.run, record.attempt) != (job.run, job.attempt) {
            continue;
        }
        record.state = State::Cancelled;
        let text = restated(marker::unmarked(&found.body), &Standing::Interrupted { why: &why }, &links);
        let body = marker::mark(&pull::value(&record), &text);
        if let Err(error) = github.restate(&found, &body).await {
            app.console.warn(&format!("could not update the plan comment of #{number}: {error}"));
        }
    }
    if let Some(id) = progress.deployment {
        let status = DeploymentStatus {
            state: DeploymentState::Error,
            description: &why,
            log_url: &job.run_url(),
            environment_url: None,
        };
        if let Err(error) = github.deployment_status(id, &status).await {
            app.console.warn(&format!("could not tell the state of the deployment: {error}"));
        }
    }
    job.finish(Outcome::Cancelled, Some("cancelled"));
    progress.ended = true;
    if let Err(error) = progress.save(&app.env) {
        app.console.warn(&format!("could not keep the progress of this job: {error}"));
    }
    Ok(ExitStatus::Done)
}
