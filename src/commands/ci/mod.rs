//! `ci`: does what the GitHub event asks for. A pull request gets a plan and one comment; a push to the default branch is
//! applied when it does what the plan of its pull request said, and refused otherwise.

use crate::cli::Selection;
use crate::engine;
use crate::error::{Error, ExitStatus};
use crate::github::comment::{Mode, Upserted, Volatile, Wanted};
use crate::github::event::{Credentials, PullRequestEvent, PushEvent};
use crate::github::{Event, marker};
use crate::kinds;
use crate::model::{ApplyReport, Demand, Plan, RolloutOutcome};
use crate::render::{self, Budget, Difference, Links, Refusal};

use super::record::Record;
use super::session::Session;
use super::{App, apply, failure};
use job::{Job, Outcome};

mod job;

/// What of the hidden record changes with every run.
const VOLATILE: Volatile<'static> =
    Volatile { lines: &[render::STATUS_PREFIX], keys: &["run", "attempt", "head"] };

/// Reads the event and does what it asks for.
pub async fn run(app: &App) -> Result<ExitStatus, Error> {
    let job = Job::new(app)?;
    let done = match Event::read(&job.event_name, &job.event_text) {
        Ok(Event::PullRequest(event)) => pull_request(app, &job, &event).await,
        Ok(Event::Push(event)) => push(app, &job, &event).await,
        Ok(_) => job.ignore(&format!("the event `{}` asks for nothing", job.event_name)),
        Err(error) => Err(Error::new(ExitStatus::Usage, error.to_string())),
    };
    if let Err(error) = &done {
        job.finish_failed(error);
    }
    done
}

/// Tells the end of a job that was cancelled or lost.
pub async fn finalize(app: &App) -> Result<ExitStatus, Error> {
    let _ = app;
    Ok(ExitStatus::Done)
}

async fn pull_request(app: &App, job: &Job<'_>, event: &PullRequestEvent) -> Result<ExitStatus, Error> {
    if event.action == "closed" {
        return job.ignore("the pull request is closed; its merge arrives as a push");
    }
    let loaded = job.load()?;
    let without = match event.credentials() {
        Credentials::Available => None,
        Credentials::Fork => Some("the pull request comes from a fork"),
        Credentials::DeletedFork => Some("the pull request comes from a fork that is deleted"),
        Credentials::Dependabot => Some("Dependabot's runs get no credentials"),
    };
    if let Some(why) = without {
        return job.validated(&loaded, why);
    }
    let connection = app.connect(&loaded).await?;
    if !connection.has_credentials().await {
        return job.validated(&loaded, "the job has no AWS credentials");
    }
    let session = Session::new(app, loaded, connection).await?;
    // The image of the commit is built by the merge, or even now: nobody waits for it, and its tag may be missing.
    let selection = Selection { demand: Demand::Told, wait_image: None, ..job.selection(&event.head_sha)? };
    let plan = session.plan(&selection).await?.plan;
    let links = job.links(&event.head_sha, Some(format!("{}@{}", event.base_ref, short(&event.base_sha))));
    let view = job.show(&plan, &selection)?;
    job.summary(&render::plan_markdown(&view, &links, Budget::summary(0)));
    let comment = if job.comments {
        let record = job.record(&plan, &event.head_sha)?;
        let body = marker::mark(
            &record,
            &render::plan_markdown(&view, &links, Budget::comment(marker::encode(&record).len() + 1)),
        );
        comment(app, job, event, &body).await?
    } else {
        None
    };
    let outcome = if plan.is_empty() { Outcome::NoChanges } else { Outcome::Planned };
    job.finish(outcome, Some(&plan), comment.as_deref());
    Ok(ExitStatus::Done)
}

/// Writes the plan comment; its address.
async fn comment(
    app: &App,
    job: &Job<'_>,
    event: &PullRequestEvent,
    body: &str,
) -> Result<Option<String>, Error> {
    let wanted = Wanted {
        number: event.number,
        scope: &job.scope,
        body,
        volatile: VOLATILE,
        head: Some(&event.head_sha),
        run: job.run,
        attempt: job.attempt,
        mode: Mode::Update,
    };
    let upserted = job.github()?.upsert_comment(&wanted).await;
    let (id, told) = match upserted.map_err(|error| failure::github("write the plan comment", &error))? {
        Upserted::Created { id } => (id, "wrote the plan comment"),
        Upserted::Updated { id } => (id, "updated the plan comment"),
        Upserted::Unchanged { id } => (id, "the plan comment says the same already"),
        Upserted::Superseded { by } => {
            app.console.warn(&format!("things have moved on: the plan comment is left to {by}"));
            return Ok(None);
        }
    };
    app.console.note(told);
    Ok(Some(job.comment_url(event.number, id)))
}

async fn push(app: &App, job: &Job<'_>, event: &PushEvent) -> Result<ExitStatus, Error> {
    if event.deleted || !event.is_default_branch() {
        return job.ignore(&format!("a push to `{}` is not a push to the default branch", event.ref_name));
    }
    let loaded = job.load()?;
    let wait = job.wait()?;
    let connection = app.connect(&loaded).await?;
    let session = Session::new(app, loaded, connection).await?;
    let selection = job.selection(&event.after)?;
    let mut plan = session.plan(&selection).await?.plan;
    let links = job.links(&event.after, None);
    let view = job.show(&plan, &selection)?;
    if plan.is_empty() {
        job.summary(&render::plan_markdown(&view, &links, Budget::summary(0)));
        let done = apply::carry_out(app, &session, &plan, Some(&wait), |_| ()).await;
        if let Some(rollout) = done.rollout() {
            app.print(&render::rollout_text(rollout, app.console.style()))?;
            job.summary(&render::rollout_markdown(rollout, &plan.account, &links, Budget::summary(0)));
        }
        job.released(&plan, &done);
        let well = done.rollout.as_ref().is_none_or(|waited| {
            waited.as_ref().is_ok_and(|(report, _)| report.outcome == RolloutOutcome::Succeeded)
        });
        job.finish(if well { Outcome::NoChanges } else { Outcome::RolloutFailed }, Some(&plan), None);
        return done.status();
    }
    let approved = match approved(job, event, &plan).await? {
        Ok(approved) => approved,
        Err(refusal) => return refuse(app, job, &plan, &links, &refusal),
    };
    app.console.note(&format!("the plan is the one that pull request #{} shows", approved.number));
    kinds::attribute(&mut plan, &job.pull_url(approved.number));
    let mut told = Ok(());
    let tell = |report: &ApplyReport| {
        let view = render::apply_view::apply(&plan, report, None);
        told = app.print(&render::apply_text(&view, app.console.style()));
    };
    let done = apply::carry_out(app, &session, &plan, Some(&wait), tell).await;
    told?;
    if let Some(rollout) = done.rollout() {
        app.print(&render::rollout_text(rollout, app.console.style()))?;
    }
    let applied = render::apply_view::apply(&plan, &done.report, None).with_rollout(done.rollout());
    job.summary(&render::apply_markdown(&applied, &links, Budget::summary(0)));
    let record = approved.record;
    let body = render::apply_markdown(&applied, &links, Budget::comment(marker::encode(&record).len() + 1));
    let body = marker::mark(&record, &body);
    let wanted = Wanted {
        number: approved.number,
        scope: &job.scope,
        body: &body,
        volatile: VOLATILE,
        head: None,
        run: job.run,
        attempt: job.attempt,
        mode: Mode::Update,
    };
    // The apply has happened: a comment that cannot be written does not undo it.
    if let Err(error) = job.github()?.upsert_comment(&wanted).await {
        app.console.warn(&format!("could not update the plan comment: {error}"));
    }
    for error in done.report.failures() {
        app.console.error(&Error::from(error.clone()));
    }
    let outcome = match (done.applied, done.rollout()) {
        (ExitStatus::Done, Some(rollout)) if rollout.outcome != RolloutOutcome::Succeeded => {
            Outcome::RolloutFailed
        }
        // What became of the rollout is not known, because the waiting failed: that is no success either.
        (ExitStatus::Done, None) if done.rollout.is_some() => Outcome::RolloutFailed,
        (ExitStatus::Done, _) => Outcome::Applied,
        (ExitStatus::Partial | ExitStatus::Interrupted, _) => Outcome::Partial,
        _ => Outcome::Failed,
    };
    let comment = job.comment_url(approved.number, approved.comment);
    job.released(&plan, &done);
    job.finish(outcome, Some(&plan), Some(&comment));
    match done.status() {
        // The outputs are written already, and say more than a failure.
        Err(error) => {
            app.console.error(&error);
            Ok(error.exit())
        }
        status => status,
    }
}

/// The comment that a plan was found equal to.
struct Approved {
    number: u64,
    comment: u64,
    record: serde_json::Value,
}

/// The plan that was shown on the pull request of this push, if this plan does the same; otherwise why not.
async fn approved(job: &Job<'_>, event: &PushEvent, plan: &Plan) -> Result<Result<Approved, Refusal>, Error> {
    let refusal = |why: String, differences: Vec<engine::Difference>, next: &str| Refusal {
        stack: plan.stack.clone(),
        why,
        differences: differences.into_iter().map(told).collect(),
        next: next.to_owned(),
    };
    let github = job.github()?;
    let branch = event.branch().unwrap_or_default();
    let pull = github.merged_pull_request(&event.after, branch).await;
    let pull = pull.map_err(|error| failure::github("find the pull request of this push", &error))?;
    let Some(pull) = pull else {
        let why = format!(
            "no merged pull request brought the commit {} to `{branch}`, so nobody was shown this plan",
            event.after
        );
        return Ok(Err(refusal(
            why,
            vec![],
            "open a pull request with the change, or run `fargate-stack apply` yourself",
        )));
    };
    let own = github.own_comments(pull.number, &job.scope).await;
    let own = own.map_err(|error| failure::github("read the plan comment", &error))?;
    let again =
        "open a pull request that changes the stack file; its plan is then made from what is true now";
    let number = pull.number;
    let Some(found) = own.kept else {
        let why = format!("pull request #{number} has no plan comment of `{}`", job.scope);
        return Ok(Err(refusal(why, vec![], again)));
    };
    if found.edited_by_other {
        let editor = found.editor.as_deref().unwrap_or("an account that no longer exists");
        let why = format!("the plan comment of pull request #{number} was edited by `{editor}`");
        return Ok(Err(refusal(why, vec![], again)));
    }
    let readable =
        found.marker.and_then(|value| Some((serde_json::from_value::<Record>(value.clone()).ok()?, value)));
    let Some((record, value)) = readable else {
        let why = format!("the record in the plan comment of pull request #{number} cannot be read");
        return Ok(Err(refusal(why, vec![], again)));
    };
    let differences = record.differences(plan);
    if !differences.is_empty() {
        let why = format!("what would be done now is not what pull request #{number} shows");
        return Ok(Err(refusal(why, differences, again)));
    }
    Ok(Ok(Approved { number, comment: found.id, record: value }))
}

fn told(difference: engine::Difference) -> Difference {
    Difference {
        address: difference.address,
        path: difference.path.unwrap_or_default(),
        approved: Some(difference.approved),
        now: Some(difference.now),
    }
}

fn refuse(
    app: &App,
    job: &Job<'_>,
    plan: &Plan,
    links: &Links,
    refusal: &Refusal,
) -> Result<ExitStatus, Error> {
    app.print(&render::refusal_text(refusal, app.console.style()))?;
    job.summary(&render::refusal_markdown(refusal, &plan.account, links, Budget::summary(0)));
    job.finish(Outcome::Refused, Some(plan), None);
    app.console.error(
        &Error::new(ExitStatus::Refused, format!("not applied: {}", refusal.why)).hint(refusal.next.clone()),
    );
    Ok(ExitStatus::Refused)
}

fn short(sha: &str) -> String {
    sha.chars().take(7).collect()
}
