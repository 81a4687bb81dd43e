//! Plans: on a pull request with its comment and check run, for a merge queue, or by hand with the job summary alone.

use crate::approval::{self, About, Planned, Record};
use crate::cli::Selection;
use crate::error::{Error, ExitStatus};
use crate::github::checks::{Check, Conclusion};
use crate::github::comment::{Mode, Upserted, Volatile, Wanted};
use crate::github::event::{MergeGroupEvent, PullRequestEvent};
use crate::github::marker;
use crate::model::{Demand, Plan};
use crate::render::comment::{
    PlansPage, Rendered, StackPart, check_summary, check_title, normal_form, notices, plans_markdown,
};
use crate::render::{self, Budget, Links, PlanView};

use super::super::{App, failure, session::Session};
use super::inputs::{self, Comments};
use super::job::{Job, Outcome};
use super::stacks::{self, Accounts, Attempt, PlannedStack};

/// What of the hidden record changes with every run.
const VOLATILE: Volatile<'static> =
    Volatile { lines: &[render::STATUS_PREFIX], keys: &["run", "attempt", "planned_at"] };
/// The most bytes that the hidden record may take of a comment.
pub const RECORD_BYTES: usize = 24_000;
/// The most bytes that the whole record may take in the check run, whose texts hold 65,535.
const WITNESS_BYTES: usize = 60_000;
/// What the record grows by when the digests are filled in.
const SLACK: usize = 256;

/// The plans of a job, in the order of the files.
pub struct Plans {
    /// What came of each stack.
    pub attempts: Vec<Attempt>,
}

impl Plans {
    /// The stacks that could be planned.
    pub fn planned(&self) -> impl Iterator<Item = &PlannedStack> {
        self.attempts.iter().filter_map(|attempt| attempt.outcome.as_ref().ok())
    }

    /// Their plans.
    pub fn plans(&self) -> Vec<&Plan> {
        self.planned().map(|stack| &stack.plan).collect()
    }

    /// For the record and the verdict.
    pub fn for_approval(&self) -> Vec<Planned<'_>> {
        self.planned().map(PlannedStack::planned).collect()
    }

    /// The digest over all plans.
    pub fn digest(&self) -> String {
        approval::digest(&self.for_approval())
    }

    /// Whether a plan changes anything.
    pub fn change(&self) -> bool {
        self.planned().any(|stack| !stack.plan.is_empty())
    }

    /// The first stack that could not be planned, as the end of the job.
    pub fn failed(self) -> Option<Error> {
        self.attempts.into_iter().find_map(|attempt| attempt.outcome.err())
    }

    /// The page of these plans as the comment and the summary show it. With `rung`, in exactly that detail.
    pub fn page(
        &self,
        job: &Job<'_>,
        selection: &Selection,
        links: &Links,
        budget: Budget,
        rung: Option<u8>,
    ) -> Rendered {
        let digest = self.digest();
        self.with_page(job, selection, links, &digest, |page| plans_markdown(page, budget, rung))
    }

    /// What `make` makes of the page of these plans, under this digest.
    pub fn with_page<T>(
        &self,
        job: &Job<'_>,
        selection: &Selection,
        links: &Links,
        digest: &str,
        make: impl FnOnce(&PlansPage<'_>) -> T,
    ) -> T {
        let context = shown_values(selection);
        let views: Vec<Result<PlanView, String>> = self
            .attempts
            .iter()
            .map(|attempt| match &attempt.outcome {
                Ok(stack) => Ok(render::view::plan(&stack.plan, &context)),
                Err(error) => Err(error.text(false)),
            })
            .collect();
        let parts: Vec<StackPart<'_>> = self
            .attempts
            .iter()
            .zip(&views)
            .map(|(attempt, view)| StackPart {
                stack: &attempt.stack,
                file: &attempt.file,
                outcome: view.as_ref().map_err(String::as_str),
            })
            .collect();
        make(&PlansPage { stacks: &parts, links, digest, approval: job.approval_words() })
    }
}

/// How plans are shown for a selection.
fn shown_values(selection: &Selection) -> render::Context {
    render::Context { show_values: selection.show_value.iter().cloned().collect(), suggest_apply: false }
}

/// Plans the stacks of this job; `None` when the job has no AWS credentials, and then the files are told to be valid.
pub async fn plan(
    app: &App,
    job: &Job<'_>,
    selection: &Selection,
    without_credentials: bool,
) -> Result<Option<Plans>, Error> {
    let stacks = stacks::load(app, job, &job.inputs)?;
    if without_credentials && let Some(first) = stacks.first() {
        let connection = app.connect(&first.loaded).await?;
        if !connection.has_credentials().await {
            let names: Vec<&str> = stacks.iter().map(stacks::Stack::name).collect();
            job.validated(&names, "the job has no AWS credentials")?;
            return Ok(None);
        }
    }
    let mut accounts = Accounts::default();
    let mut sessions = Vec::new();
    for stack in stacks {
        let file = stack.file.clone();
        sessions.push((file, accounts.session(app, &job.inputs, stack).await));
    }
    let plans = Plans { attempts: stacks::plan(sessions, selection, None).await };
    show(app, job, &plans, selection)?;
    Ok(Some(plans))
}

/// Shows plans in the log, their warnings as annotations.
pub fn show(app: &App, job: &Job<'_>, plans: &Plans, selection: &Selection) -> Result<(), Error> {
    let context = shown_values(selection);
    for attempt in &plans.attempts {
        match &attempt.outcome {
            Ok(stack) => {
                let view = render::view::plan(&stack.plan, &context);
                app.print(&render::plan_text(&view, app.console.style()))?;
            }
            Err(error) => app.console.error(error),
        }
    }
    job.notice(&plans.with_page(job, selection, &Links::default(), "", |page| notices(page, 10)));
    Ok(())
}

/// A selection for something that is only shown: the image of the commit is built by the merge, or even now, so nobody waits for
/// it, and its tag may be missing.
fn told(app: &App, commit: &str) -> Result<Selection, Error> {
    Ok(Selection { demand: Demand::Told, wait_image: None, ..inputs::selection(&app.env, commit)? })
}

/// Plans a pull request, and tells it in the comment, the check run, the summary and the outputs.
pub async fn pull_request(app: &App, job: &Job<'_>, event: &PullRequestEvent) -> Result<ExitStatus, Error> {
    let selection = told(app, &event.head_sha)?;
    let Some(plans) = plan(app, job, &selection, true).await? else { return Ok(ExitStatus::Done) };
    let about = About {
        scope: job.scope.clone(),
        head: event.head_sha.clone(),
        base: event.base_sha.clone(),
        base_ref: event.base_ref.clone(),
        run: job.run,
        attempt: job.attempt,
        at: app.env.seconds(),
        show_values: selection.show_value.clone(),
    };
    let links =
        job.links(&event.head_sha, Some(format!("{}@{}", event.base_ref, super::short(&event.base_sha))));
    job.summary(&plans.page(job, &selection, &links, Budget::summary(0), None).text);
    job.plan_file(&plans.digest(), &plans.plans());
    job.told(&plans.digest(), plans.plans());
    let mut whole = approval::record(&plans.for_approval(), &about);
    let mut record = fitted(&whole, job.inputs.comment_bytes);
    let reserved = size(&record);
    let budget = Budget { limit: job.inputs.comment_bytes, reserved };
    let shown = plans.page(job, &selection, &links, budget, None);
    let text = normal_form(&shown.text).map(|text| approval::text_digest(&text));
    for record in [&mut record, &mut whole] {
        record.rung = shown.rung;
        record.text = text.clone().unwrap_or_default();
    }
    let body = marker::mark(&value(&record), &shown.text);
    let comment = comment(app, job, event, &body).await?;
    if job.inputs.check_run {
        witness(app, job, &plans, &selection, &links, &whole).await;
    }
    job.write(&comment.into_iter().map(|url| ("comment-url", url)).collect::<Vec<_>>());
    Ok(finish(job, plans))
}

/// The outputs of a plan, and the status of a stack that could not be planned.
fn finish(job: &Job<'_>, plans: Plans) -> ExitStatus {
    let outcome = if plans.change() { Outcome::Planned } else { Outcome::NoChanges };
    // It stands in the log and in the comment already.
    if let Some(error) = plans.failed() {
        job.finish(Outcome::Failed, Some(error.reason()));
        return error.exit();
    }
    job.finish(outcome, None);
    ExitStatus::Done
}

/// Plans by hand: the summary and the outputs are all that is told.
pub async fn by_hand(app: &App, job: &Job<'_>) -> Result<ExitStatus, Error> {
    let selection = told(app, &job.sha)?;
    let Some(plans) = plan(app, job, &selection, false).await? else { return Ok(ExitStatus::Done) };
    let links = job.links(&job.sha, None);
    job.summary(&plans.page(job, &selection, &links, Budget::summary(0), None).text);
    job.plan_file(&plans.digest(), &plans.plans());
    job.told(&plans.digest(), plans.plans());
    Ok(finish(job, plans))
}

/// Plans a group of a merge queue. Its comments belong to its pull requests and stay; whether there is a plan is the answer.
pub async fn queue(app: &App, job: &Job<'_>, event: &MergeGroupEvent) -> Result<ExitStatus, Error> {
    let selection = told(app, &event.head_sha)?;
    let Some(plans) = plan(app, job, &selection, true).await? else { return Ok(ExitStatus::Done) };
    let links =
        job.links(&event.head_sha, Some(format!("{}@{}", event.base_ref, super::short(&event.base_sha))));
    job.summary(&plans.page(job, &selection, &links, Budget::summary(0), None).text);
    job.told(&plans.digest(), plans.plans());
    Ok(finish(job, plans))
}

/// Writes the plan comment; its address.
async fn comment(
    app: &App,
    job: &Job<'_>,
    event: &PullRequestEvent,
    body: &str,
) -> Result<Option<String>, Error> {
    if job.inputs.comments == Comments::Never {
        return Ok(None);
    }
    let wanted = Wanted {
        number: event.number,
        scope: &job.scope,
        body,
        volatile: VOLATILE,
        head: Some(&event.head_sha),
        run: job.run,
        attempt: job.attempt,
        mode: if job.inputs.comments == Comments::New { Mode::New } else { Mode::Update },
    };
    let upserted = job.github()?.upsert_comment(&wanted).await;
    let (id, told) = match upserted.map_err(|error| failure::github("write the plan comment", &error))? {
        Upserted::Created { id } => (id, "wrote the plan comment"),
        Upserted::Updated { id } => (id, "updated the plan comment"),
        Upserted::Unchanged { id } => (id, "the plan comment says the same already"),
        Upserted::Superseded { by } => {
            app.console.warn(&format!(
                "the pull request has moved on to {by}: its plan comment is left to that commit's run"
            ));
            return Ok(None);
        }
    };
    app.console.note(told);
    Ok(Some(job.comment_url(event.number, id)))
}

/// Writes the check run: the second witness. A plan goes on without it.
async fn witness(
    app: &App,
    job: &Job<'_>,
    plans: &Plans,
    selection: &Selection,
    links: &Links,
    whole: &Record,
) {
    let Ok(github) = job.github() else { return };
    let record = witnessed(whole);
    let failed = plans.attempts.iter().any(|attempt| attempt.outcome.is_err());
    let (title, summary) = plans
        .with_page(job, selection, links, &whole.digest, |page| (check_title(page), check_summary(page, 0)));
    let check = Check {
        name: &job.check_name(),
        head_sha: &whole.head,
        external_id: &whole.digest,
        conclusion: Some(if failed { Conclusion::Failure } else { Conclusion::Success }),
        title: &title,
        summary: &summary,
        text: &marker::encode(&value(&record)),
        details_url: &job.run_url(),
    };
    if let Err(error) = github.put_check_run(&check).await {
        app.console.warn(&format!("could not write the check run: {error}"));
        if let Some(hint) = &error.hint {
            app.console.note(hint);
        }
    }
}

/// How long the line of a record is.
fn size(record: &Record) -> usize {
    marker::encode(&value(record)).len() + SLACK
}

/// As much of a record as a comment of so many bytes has room for.
pub fn fitted(whole: &Record, comment_bytes: usize) -> Record {
    whole.fitted(RECORD_BYTES.min(comment_bytes / 2), size)
}

/// As much of a record as a check run has room for.
pub fn witnessed(whole: &Record) -> Record {
    whole.fitted(WITNESS_BYTES, size)
}

/// A record as the marker holds it.
pub fn value(record: &Record) -> serde_json::Value {
    serde_json::to_value(record).unwrap_or_default()
}

/// Sessions of the stacks of this job, each with its file.
pub async fn sessions(app: &App, job: &Job<'_>) -> Result<Vec<(String, Result<Session, Error>)>, Error> {
    let mut accounts = Accounts::default();
    let mut sessions = Vec::new();
    for stack in stacks::load(app, job, &job.inputs)? {
        let file = stack.file.clone();
        sessions.push((file, accounts.session(app, &job.inputs, stack).await));
    }
    Ok(sessions)
}
