//! Drift: what AWS is otherwise than the stack files want, found by the clock and told in one issue for each stack.

use crate::cli::Selection;
use crate::error::{Error, ExitStatus};
use crate::github::issues::IssueDone;
use crate::github::marker;
use crate::render::comment::{StackPart, drift_markdown, drift_title};
use crate::render::{self, Budget};

use super::super::{App, failure};
use super::job::{Job, Outcome};
use super::pull::{self, Plans};
use super::stacks;

/// Plans all stacks with the images that run, opens an issue for each that differs, and closes those of stacks that do not.
pub async fn run(app: &App, job: &Job<'_>) -> Result<ExitStatus, Error> {
    let selection =
        Selection { show_value: super::inputs::list(&app.env, "show-values"), ..Selection::default() };
    let sessions = pull::sessions(app, job).await?;
    let plans = Plans { attempts: stacks::plan(sessions, &selection, None).await };
    pull::show(app, job, &plans, &selection)?;
    let links = job.links(&job.sha, None);
    job.summary(&plans.page(job, &selection, &links, Budget::summary(0), None).text);
    job.told(&plans.digest(), plans.plans());
    job.plan_file(&plans.digest(), &plans.plans());
    let told = if job.inputs.drift_issue { issues(app, job, &plans).await } else { Ok(()) };
    super::outdated::mark(app, job, &job.sha, &[]).await;
    let drifted = plans.change();
    if let Some(error) = plans.failed() {
        job.finish(Outcome::Failed, Some(error.reason()));
        return Ok(error.exit());
    }
    told?;
    job.finish(if drifted { Outcome::Drift } else { Outcome::NoChanges }, None);
    Ok(ExitStatus::Done)
}

/// Brings the issues of all stacks up to date; the first failure ends the job, after all were tried.
async fn issues(app: &App, job: &Job<'_>, plans: &Plans) -> Result<(), Error> {
    let github = job.github()?;
    let links = job.links(&job.sha, None);
    let mut first = None;
    for stack in plans.planned() {
        let scope = format!("drift: {}", stack.file);
        let done = if stack.plan.is_empty() {
            let gone = format!(
                "AWS is again as {} wants ([run {}]({})).",
                render::escape::code(&stack.file),
                job.run,
                job.run_url()
            );
            github.close_issue(&scope, &gone).await
        } else {
            let view = render::view::plan(&stack.plan, &render::Context::default());
            let part = StackPart { stack: &stack.plan.stack, file: &stack.file, outcome: Ok(&view) };
            let head = marker::encode(&serde_json::json!({"scope": scope, "digest": stack.plan.fingerprint}));
            let body = drift_markdown(
                &part,
                &links,
                Budget { limit: job.inputs.comment_bytes, reserved: head.len() + 1 },
            );
            let title = drift_title(&stack.plan.stack);
            github.put_issue(&scope, &title, &format!("{head}\n{body}"), &[render::STATUS_PREFIX]).await
        };
        match done {
            Ok(IssueDone::Opened { number }) => app.console.note(&format!("opened issue #{number}")),
            Ok(IssueDone::Closed { number }) => app.console.note(&format!("closed issue #{number}")),
            Ok(_) => {}
            Err(error) => first = first.or(Some(failure::github("tell the drift in an issue", &error))),
        }
    }
    first.map_or(Ok(()), Err)
}
