//! Applies what was approved: all stacks of the job, one after another, and then waits for all their rollouts at once.

use std::collections::BTreeMap;

use tokio::sync::watch::Receiver;

use crate::approval::State;
use crate::aws::together;
use crate::cli::{LockArgs, Selection};
use crate::error::{Error, ExitStatus};
use crate::github::event::PushEvent;
use crate::github::pulls::Brought;
use crate::kinds;
use crate::model::{Event, Plan, RolloutOutcome, RolloutReport};
use crate::render::comment::{AppliedPage, AppliedPart, applied_line, applied_markdown};
use crate::render::{self, ApplyView, Budget, Links};

use super::super::apply::{self, Done, Held, Made};
use super::super::locked::{Locking, Locks, Taken};
use super::super::{App, failure, signals};
use super::approve::{self, Approved, Refused};
use super::inputs;
use super::job::{Job, Outcome};
use super::progress::{Progress, Steps};
use super::pull::{self, Plans, RECORD_BYTES};
use super::stacks;
use super::told::{Teller, Told};

/// How often a plan is made again because another run changed a stack meanwhile.
const TRIES: usize = 3;

/// Applies the commit of a push, or of a ref that was chosen by hand.
pub async fn run(
    app: &App,
    job: &Job<'_>,
    commit: &str,
    push: Option<&PushEvent>,
) -> Result<ExitStatus, Error> {
    signals::watching(async |stopped| match Box::pin(prepare(app, job, commit, push, &stopped)).await? {
        Prepared::Ready(ready) => Box::pin(carry_out(app, job, commit, *ready, stopped)).await,
        Prepared::Nothing(plans) => Box::pin(nothing(app, job, commit, plans, stopped)).await,
        Prepared::Refused(plans, refused) => refuse(app, job, commit, &plans, *refused).await,
    })
    .await
}

/// What is to be done.
enum Prepared {
    /// It was approved, and the locks are held.
    Ready(Box<Ready>),
    /// Nothing.
    Nothing(Plans),
    /// It must not be done.
    Refused(Plans, Box<Refused>),
}

struct Ready {
    plans: Plans,
    approved: Approved,
    locks: Locks,
}

async fn prepare(
    app: &App,
    job: &Job<'_>,
    commit: &str,
    push: Option<&PushEvent>,
    stopped: &Receiver<bool>,
) -> Result<Prepared, Error> {
    let selection = inputs::selection(&app.env, commit)?;
    let args = LockArgs { no_lock: false, lock_timeout: Some(job.inputs.lock_timeout) };
    let locking = Locking::of_run(app, "ci", job.run_url(), &args);
    let mut brought: Option<Brought> = None;
    for _ in 0..TRIES {
        let judge = judge(app, job, &selection, push, &mut brought, &locking);
        let (plans, approved) = match signals::unless(stopped, Box::pin(judge)).await? {
            Judged::Approved(plans, approved) => (plans, approved),
            Judged::Nothing(plans) => return Ok(Prepared::Nothing(plans)),
            Judged::Refused(plans, refused) => return Ok(Prepared::Refused(plans, refused)),
        };
        let mut locks = Locks::default();
        if locked(app, &plans, &locking, &mut locks, stopped).await? == Taken::Ours {
            return Ok(Prepared::Ready(Box::new(Ready { plans, approved, locks })));
        }
        app.console.note("another run changed a stack meanwhile: planning again");
    }
    Err(Error::new(ExitStatus::Refused, "other runs keep changing the stacks")
        .because("locked")
        .hint("give the job a `concurrency` group, so that one apply runs at a time"))
}

/// What may be done. Nothing is changed by finding out.
enum Judged {
    Approved(Plans, Approved),
    Nothing(Plans),
    Refused(Plans, Box<Refused>),
}

async fn judge(
    app: &App,
    job: &Job<'_>,
    selection: &Selection,
    push: Option<&PushEvent>,
    brought: &mut Option<Brought>,
    locking: &Locking,
) -> Result<Judged, Error> {
    let sessions = pull::sessions(app, job).await?;
    let plans = Plans { attempts: stacks::plan(sessions, selection, Some(locking)).await };
    pull::show(app, job, &plans, selection)?;
    if plans.attempts.iter().any(|attempt| attempt.outcome.is_err()) {
        return Err(plans.failed().unwrap_or_else(|| Error::bug("a stack has neither a plan nor an error")));
    }
    job.told(&plans.digest(), plans.plans());
    job.plan_file(&plans.digest(), &plans.plans());
    if !plans.change() {
        return Ok(Judged::Nothing(plans));
    }
    if let (Some(push), None) = (push, &brought) {
        let found = job.github()?.pulls_of_push(push).await;
        *brought =
            Some(found.map_err(|error| failure::github("find the pull request of this push", &error))?);
    }
    Ok(match approve::approved(app, job, brought.as_ref(), &plans, selection).await? {
        Ok(approved) => Judged::Approved(plans, approved),
        Err(refused) => Judged::Refused(plans, Box::new(refused)),
    })
}

/// Takes the locks of all stacks that change, in the order of their names. When one cannot be had, the others are given back.
async fn locked(
    app: &App,
    plans: &Plans,
    locking: &Locking,
    locks: &mut Locks,
    stopped: &Receiver<bool>,
) -> Result<Taken, Error> {
    let mut changing: Vec<_> = plans.planned().filter(|stack| !stack.plan.is_empty()).collect();
    changing.sort_by(|a, b| a.plan.stack.cmp(&b.plan.stack));
    for stack in changing {
        let taken = locking.take(&stack.session, stack.seen.as_ref(), locks, stopped).await;
        if !matches!(taken, Ok(Taken::Ours)) {
            locks.release_all(app).await;
            return taken;
        }
    }
    Ok(Taken::Ours)
}

/// The plans are empty; rollouts that began earlier and have no good end yet are waited for all the same.
async fn nothing(
    app: &App,
    job: &Job<'_>,
    commit: &str,
    plans: Plans,
    stopped: Receiver<bool>,
) -> Result<ExitStatus, Error> {
    let selection = inputs::selection(&app.env, commit)?;
    let links = job.links(commit, None);
    job.summary(&plans.page(job, &selection, &links, Budget::summary(0), None).text);
    let wait = &job.inputs.wait;
    let waits = plans.planned().map(async |stack| {
        let made = Made::default();
        apply::finish(app, &stack.session, &stack.plan, made, Some(wait), stopped.clone()).await
    });
    let done = together::all(waits).await;
    for (stack, done) in plans.planned().zip(&done) {
        if let Some(rollout) = done.rollout() {
            app.print(&render::rollout_text(rollout, app.console.style()))?;
            job.summary(&render::rollout_markdown(rollout, &stack.plan.account, &links, Budget::summary(0)));
        }
    }
    job.released(plans.plans().into_iter().zip(&done));
    let worst = done.iter().map(status).max_by_key(|status| rank(*status)).unwrap_or_default();
    let outcome = if worst == ExitStatus::Done { Outcome::NoChanges } else { Outcome::RolloutFailed };
    job.finish(outcome, Some(worst.reason()).filter(|reason| !reason.is_empty()));
    Ok(worst)
}

/// The status of one stack; a waiting that failed is told where it happened.
fn status(done: &Done) -> ExitStatus {
    match &done.rollout {
        Some(Err(error)) => error.exit(),
        Some(Ok((_, status))) if done.applied == ExitStatus::Done => *status,
        _ => done.applied,
    }
}

/// How bad a status is among others.
fn rank(status: ExitStatus) -> u8 {
    match status {
        ExitStatus::Done => 0,
        ExitStatus::RolloutFailed => 1,
        ExitStatus::Failed => 2,
        ExitStatus::Partial => 3,
        ExitStatus::Interrupted => 5,
        _ => 4,
    }
}

async fn carry_out(
    app: &App,
    job: &Job<'_>,
    commit: &str,
    ready: Ready,
    stopped: Receiver<bool>,
) -> Result<ExitStatus, Error> {
    let Ready { mut plans, approved, locks } = ready;
    let links = job.links(commit, None);
    let before = earlier(&approved);
    if let Some(first) = approved.shown.first() {
        let url = job.pull_url(first.number);
        for attempt in &mut plans.attempts {
            if let Ok(stack) = &mut attempt.outcome {
                kinds::attribute(&mut stack.plan, &url);
            }
        }
    }
    let progress = Progress {
        scope: job.scope.clone(),
        digest: plans.digest(),
        stacks: plans
            .planned()
            .filter(|stack| !stack.plan.is_empty())
            .map(|stack| (stack.plan.stack.clone(), Steps { planned: steps(stack), done: Vec::new() }))
            .collect(),
        ..Progress::default()
    };
    let attempts = earlier_attempts(job, &approved);
    let mut teller = Teller::new(app, job, approved.shown, links.clone(), progress);
    teller.begin(commit).await;
    let made = locks
        .during(&stopped, async |cancel| {
            let mut made = Vec::new();
            for stack in plans.planned() {
                let held = Held { locks: &locks, cancel: cancel.clone(), stopped: stopped.clone() };
                made.push(one(app, stack, &held, &mut teller).await);
            }
            made
        })
        .await;
    // Whatever happened: nobody is kept out by a run that is over.
    locks.release_all(app).await;
    let made = made.into_iter().collect::<Result<Vec<Made>, Error>>()?;
    let wait = Some(&job.inputs.wait);
    let finished = plans.planned().zip(made).map(async |(stack, made)| {
        apply::finish(app, &stack.session, &stack.plan, made, wait, stopped.clone()).await
    });
    let done = together::all(finished).await;
    for done in &done {
        if let Some(rollout) = done.rollout() {
            app.print(&render::rollout_text(rollout, app.console.style()))?;
        }
        for error in done.lost.iter().chain(done.rollout.as_ref().and_then(|waited| waited.as_ref().err())) {
            app.console.error(error);
        }
    }
    let interrupted = *stopped.borrow();
    let ended = Ended::of(&done);
    let page =
        Page { plans: &plans, done: &done, before, attempts, by: &approved.by, resumed: approved.resumed };
    job.summary(&page.markdown(&links, Budget::summary(0)));
    job.released(plans.plans().into_iter().zip(&done));
    let url = plans.plans().iter().find_map(|plan| plan.endpoints.first()).map(|one| one.url.clone());
    let told = Told {
        title: page.with(&links, applied_line),
        report: page.markdown(&links, Budget { limit: job.inputs.comment_bytes, reserved: RECORD_BYTES }),
        summary: page.markdown(&links, Budget::check(0)),
    };
    teller.end(ended.state, &told, url.as_deref(), interrupted).await;
    if let Some(first) = teller.comment_url() {
        job.write(&[("comment-url", first)]);
    }
    job.finish(ended.outcome, Some(ended.status.reason()).filter(|reason| !reason.is_empty()));
    if ended.status == ExitStatus::Done && !interrupted {
        super::outdated::mark(app, job, commit, &teller.numbers()).await;
    }
    Ok(ended.status)
}

/// How all stacks together ended.
struct Ended {
    status: ExitStatus,
    outcome: Outcome,
    state: State,
}

impl Ended {
    fn of(done: &[Done]) -> Self {
        let statuses = || done.iter().map(status);
        let some_done = done.iter().any(|one| one.report.any_done());
        let mut worst = statuses().max_by_key(|status| rank(*status)).unwrap_or_default();
        if worst == ExitStatus::Failed && some_done && done.iter().any(|one| one.applied != ExitStatus::Done)
        {
            worst = ExitStatus::Partial;
        }
        let went_back = done
            .iter()
            .filter_map(Done::rollout)
            .any(|rollout: &RolloutReport| rollout.outcome == RolloutOutcome::RolledBack);
        let applied = done.iter().all(|one| one.applied == ExitStatus::Done);
        let (outcome, state) = match worst {
            ExitStatus::Done => (Outcome::Applied, State::Applied),
            ExitStatus::Interrupted => (Outcome::Cancelled, State::Cancelled),
            _ if applied && went_back => (Outcome::RolloutFailed, State::RolledBack),
            _ if applied => (Outcome::RolloutFailed, State::Failed),
            ExitStatus::Partial => (Outcome::Partial, State::Partial),
            _ => (Outcome::Failed, State::Failed),
        };
        Self { status: worst, outcome, state }
    }
}

/// How many steps a plan has.
fn steps(stack: &stacks::PlannedStack) -> usize {
    crate::engine::steps(&stack.session.registry, &stack.plan).len()
}

/// Carries out the plan of one stack, and keeps what is done for a later step of the job. A stack whose turn does not come any more,
/// or that has nothing to do, gets a report that says so.
async fn one(
    app: &App,
    stack: &stacks::PlannedStack,
    held: &Held<'_>,
    teller: &mut Teller<'_>,
) -> Result<Made, Error> {
    let name = stack.plan.stack.clone();
    let mut heard = |event: &Event| {
        if let Event::Finished { step, doing, .. } = event {
            if let Some(steps) = teller.progress.stacks.get_mut(&name) {
                steps.done.push(format!("{doing} {}", step.address));
            }
            teller.save();
        }
    };
    let made = apply::make(app, &stack.session, &stack.plan, held, &mut heard).await;
    if !stack.plan.is_empty() {
        let view = render::apply_view::apply(&stack.plan, &made.report, None);
        app.print(&render::apply_text(&view, app.console.style()))?;
    }
    for error in made.report.failures() {
        app.console.error(&Error::from(error.clone()));
    }
    Ok(made)
}

/// By stack: how many of its approved effects were done before this run.
fn earlier(approved: &Approved) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for one in approved.shown.iter().filter(|_| approved.resumed) {
        for (name, stack) in &one.record.stacks {
            *found.entry(name.clone()).or_default() += stack.effects.as_ref().map_or(0, Vec::len);
        }
    }
    found
}

/// The attempts that earlier runs made, as the comment lists them.
fn earlier_attempts(job: &Job<'_>, approved: &Approved) -> Vec<render::comment::AttemptLine> {
    let Some(first) = approved.shown.first().filter(|one| one.record.state.is_left_open()) else {
        return Vec::new();
    };
    let what = match first.record.state {
        State::Applying => "ended without a word".to_owned(),
        state => state.words().to_owned(),
    };
    vec![render::comment::AttemptLine { run: job.run_link(first.record.run, first.record.attempt), what }]
}

/// The report of all stacks.
struct Page<'p> {
    plans: &'p Plans,
    done: &'p [Done],
    before: BTreeMap<String, usize>,
    attempts: Vec<render::comment::AttemptLine>,
    by: &'p str,
    resumed: bool,
}

impl Page<'_> {
    fn markdown(&self, links: &Links, budget: Budget) -> String {
        self.with(links, |page| applied_markdown(page, budget))
    }

    /// What `make` makes of the page.
    fn with<T>(&self, links: &Links, make: impl FnOnce(&AppliedPage<'_>) -> T) -> T {
        let views: Vec<Option<ApplyView>> = self
            .plans
            .planned()
            .zip(self.done)
            .map(|(stack, done)| {
                let shown = !stack.plan.is_empty() || done.rollout().is_some();
                let view = || {
                    render::apply_view::apply(&stack.plan, &done.report, None).with_rollout(done.rollout())
                };
                shown.then(view)
            })
            .collect();
        let parts: Vec<AppliedPart<'_>> = self
            .plans
            .planned()
            .zip(&views)
            .map(|(stack, view)| AppliedPart {
                stack: &stack.plan.stack,
                view: view.as_ref(),
                done_before: self.done_before(&stack.plan),
            })
            .collect();
        let digest = self.plans.digest();
        make(&AppliedPage {
            stacks: &parts,
            attempts: &self.attempts,
            approved_by: self.by,
            digest: &digest,
            links,
        })
    }

    /// How many of the approved effects of a stack this plan did not have any more.
    fn done_before(&self, plan: &Plan) -> usize {
        let approved = self.before.get(&plan.stack).copied().unwrap_or_default();
        if self.resumed { approved.saturating_sub(crate::engine::effects(plan).len()) } else { 0 }
    }
}

/// It must not be done: says why in the log, the summary, the comments and the outputs.
async fn refuse(
    app: &App,
    job: &Job<'_>,
    commit: &str,
    plans: &Plans,
    refused: Refused,
) -> Result<ExitStatus, Error> {
    let links = job.links(commit, None);
    let account = plans.plans().first().map(|plan| plan.account.clone()).unwrap_or_default();
    app.print(&render::refusal_text(&refused.refusal, app.console.style()))?;
    job.summary(&render::refusal_markdown(&refused.refusal, &account, &links, Budget::summary(0)));
    let why = refused.refusal.why.clone();
    let mut teller = Teller::new(app, job, refused.shown, links.clone(), Progress::default());
    teller.refused(&why).await;
    if job.inputs.replan {
        // A person decides in a second job, with this plan before them.
        let selection = inputs::selection(&app.env, commit)?;
        job.summary(&plans.page(job, &selection, &links, Budget::summary(0), None).text);
        job.finish(Outcome::NeedsApproval, Some(refused.reason));
        app.console.warn(&format!("not applied yet: {why}"));
        return Ok(ExitStatus::Done);
    }
    job.finish(Outcome::Refused, Some(refused.reason));
    app.console.error(
        &Error::new(ExitStatus::Refused, format!("not applied: {why}")).hint(refused.refusal.next.clone()),
    );
    Ok(ExitStatus::Refused)
}
