//! `apply`: looks at the lock, plans, shows, asks, takes the lock, does, gives it back, waits.

use tokio::sync::watch::Receiver;

use crate::cli::{ApplyArgs, Format, LockArgs, Selection, WaitArgs};
use crate::engine;
use crate::error::{Error, ExitStatus};
use crate::model::{ApplyReport, Event, Plan, RolloutReport};
use crate::release::Target;
use crate::render::{self, Budget, Links};

use super::locked::{self, Locking, Locks, Taken};
use super::session::{Planned, Session};
use super::{App, plan, rollout, signals};

/// Plans, shows, asks unless told not to, does it, and waits for the rollouts.
pub async fn run(app: &App, args: &ApplyArgs) -> Result<ExitStatus, Error> {
    signals::watching(async |stopped| {
        let session = signals::unless(&stopped, app.session()).await?;
        let selection = app.selected(&args.selection);
        let ask = Ask {
            command: "apply",
            question: "Make these changes?",
            yes: args.yes,
            selection: &selection,
            wait: Some(&args.wait),
            lock: &args.lock,
        };
        let plan = async || Box::pin(session.plan(&selection)).await;
        let (planned, done) = under_lock(app, &session, &ask, &stopped, plan).await?;
        if args.update && done.applied == ExitStatus::Done {
            plan::update(app, &session, &planned)?;
        }
        done.status()
    })
    .await
}

/// What a command that changes a stack as a whole asks for.
pub struct Ask<'a> {
    /// Its name, for the one who finds the stack locked.
    pub command: &'a str,
    /// What is asked before anything is changed.
    pub question: &'a str,
    /// `--yes`.
    pub yes: bool,
    /// What the plan is shown by.
    pub selection: &'a Selection,
    /// How rollouts are waited for; `None` when there are none.
    pub wait: Option<&'a WaitArgs>,
    /// `--no-lock`, `--lock-timeout`.
    pub lock: &'a LockArgs,
}

/// Looks at the lock, plans, shows, asks unless told not to, takes the lock, does it, gives the lock back, and waits for the
/// rollouts. Without changes there is no lock. A plan that is not true any more when the lock is there is made once more:
/// when it says something else it is asked for again, and refused where nobody can be asked.
pub async fn under_lock(
    app: &App,
    session: &Session,
    ask: &Ask<'_>,
    stopped: &Receiver<bool>,
    plan: impl AsyncFn() -> Result<Planned, Error>,
) -> Result<(Planned, Done), Error> {
    let locking = Locking::new(app, session, ask.command, ask.lock);
    let look_and_plan = async || {
        let look_first = async {
            let seen = locking.look(session).await?;
            Ok((seen, plan().await?))
        };
        signals::unless(stopped, look_first).await
    };
    let (mut seen, mut planned) = look_and_plan().await?;
    show(app, &planned.plan, ask.selection)?;
    let mut locks = Locks::default();
    let (mut agreed, mut again) = (false, false);
    while !planned.plan.is_empty() {
        if !agreed {
            agree_unless(app, ask.yes, ask.question, stopped).await?;
            agreed = true;
        }
        if locking.take(session, seen.as_ref(), &mut locks, stopped).await? == Taken::Ours {
            break;
        }
        if again {
            return Err(locked::moved(&planned.plan.stack));
        }
        again = true;
        let (seen_now, planned_now) = look_and_plan().await?;
        let (was, now) = (&planned.plan, &planned_now.plan);
        if was.fingerprint != now.fingerprint || was.images != now.images {
            if !now.is_empty() && (ask.yes || app.env.is_ci()) {
                return Err(locked::moved(&now.stack));
            }
            app.console.note("another run changed the stack meanwhile; this is what is left to do");
            show(app, now, ask.selection)?;
            agreed = false;
        }
        (seen, planned) = (seen_now, planned_now);
    }
    let done = execute_in(app, session, &planned.plan, ask.wait, &locks, stopped).await?;
    Ok((planned, done))
}

/// One document on standard output: the plan is part of the result unless text was asked for.
fn show(app: &App, plan: &Plan, selection: &Selection) -> Result<(), Error> {
    if app.format() == Format::Text { plan::show(app, plan, selection, false) } else { Ok(()) }
}

/// Shows a plan, asks unless told not to, does it without the lock, and waits for its rollouts where `wait` says how.
pub async fn agreed(
    app: &App,
    session: &Session,
    plan: &Plan,
    selection: &Selection,
    yes: bool,
    wait: Option<&WaitArgs>,
) -> Result<Done, Error> {
    show(app, plan, selection)?;
    if !plan.is_empty() {
        agree(app, yes, "Make these changes?")?;
    }
    signals::watching(async |stopped| execute_in(app, session, plan, wait, &Locks::default(), &stopped).await)
        .await
}

/// Asks, unless `--yes` was given or CI is set.
pub fn agree(app: &App, yes: bool, question: &str) -> Result<(), Error> {
    if needs_answer(app, yes)? { answered(app.console.confirm(question)) } else { Ok(()) }
}

/// The same until a signal comes.
async fn agree_unless(app: &App, yes: bool, question: &str, stopped: &Receiver<bool>) -> Result<(), Error> {
    if !needs_answer(app, yes)? {
        return Ok(());
    }
    let (console, question) = (app.console.clone(), question.to_owned());
    // Reading an answer blocks its thread; the signal must be seen all the same.
    let answer = tokio::task::spawn_blocking(move || console.confirm(&question));
    let answer = async { answered(answer.await.map_err(|error| Error::bug(error.to_string()))?) };
    signals::unless(stopped, answer).await
}

fn needs_answer(app: &App, yes: bool) -> Result<bool, Error> {
    if yes || app.env.is_ci() {
        return Ok(false);
    }
    if !app.env.stdin_tty {
        let message = "nobody can be asked: standard input is not a terminal";
        return Err(Error::new(ExitStatus::Refused, message).hint("`--yes` goes on without asking"));
    }
    Ok(true)
}

fn answered(yes: bool) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    Err(Error::new(ExitStatus::Refused, "not confirmed; nothing was changed"))
}

/// How an apply and its rollouts ended.
pub struct Done {
    /// What was done, step by step.
    pub report: ApplyReport,
    /// How the apply ended.
    pub applied: ExitStatus,
    /// Why the rest was not done, when the lock of the stack was lost.
    pub lost: Option<Error>,
    /// The rollouts that were waited for, with the exit code that they give; an error when the waiting failed. `None`
    /// when there are none, or when nobody waits.
    pub rollout: Option<Result<(RolloutReport, ExitStatus), Error>>,
}

impl Done {
    /// The report of the rollouts.
    pub fn rollout(&self) -> Option<&RolloutReport> {
        self.rollout.as_ref().and_then(|waited| waited.as_ref().ok()).map(|(report, _)| report)
    }

    /// The status of the process: what could not be applied counts more than how a rollout ended.
    pub fn status(self) -> Result<ExitStatus, Error> {
        if let Some(lost) = self.lost {
            return Err(lost.exit_with(self.applied));
        }
        match self.rollout {
            Some(Err(error)) => Err(error),
            Some(Ok((_, status))) if self.applied == ExitStatus::Done => Ok(status),
            _ => Ok(self.applied),
        }
    }
}

/// Does what the plan says, waits for its rollouts, and tells how both went.
async fn execute_in(
    app: &App,
    session: &Session,
    plan: &Plan,
    wait: Option<&WaitArgs>,
    locks: &Locks,
    stopped: &Receiver<bool>,
) -> Result<Done, Error> {
    let mut told = Ok(());
    let tell = |report: &ApplyReport| {
        // For people the result of the apply comes before the waiting, and the verdict after it.
        if app.format() == Format::Text && !plan.is_empty() {
            let view = render::apply_view::apply(plan, report, None);
            told = app.print(&render::apply_text(&view, app.console.style()));
        }
    };
    let done = locks
        .during(stopped, async |cancel| {
            let held = Held { locks, cancel, stopped: stopped.clone() };
            carry_out_in(app, session, plan, wait, held, tell).await
        })
        .await;
    // Whatever happened: nobody is kept out by a run that is over.
    locks.release_all(app).await;
    told?;
    let view = render::apply_view::apply(plan, &done.report, None).with_rollout(done.rollout());
    match (app.format(), done.rollout()) {
        (Format::Text, Some(report)) => app.print(&render::rollout_text(report, app.console.style()))?,
        (Format::Text, None) => {}
        (Format::Json, _) => app.print(&render::escape::json(&render::apply_json(&view)))?,
        (Format::Markdown, _) => {
            app.print(&render::apply_markdown(&view, &Links::default(), Budget::summary(0)))?;
        }
    }
    Ok(done)
}

/// Does what the plan says, without the lock, and waits for its rollouts. See [`carry_out_in`].
pub async fn carry_out(
    app: &App,
    session: &Session,
    plan: &Plan,
    wait: Option<&WaitArgs>,
    applied: impl FnOnce(&ApplyReport),
) -> Done {
    signals::watching(async |stopped| {
        let held = Held { locks: &Locks::default(), cancel: stopped.clone(), stopped };
        carry_out_in(app, session, plan, wait, held, applied).await
    })
    .await
}

/// What a plan is carried out under; made within [`Locks::during`].
pub struct Held<'a> {
    /// The locks of this run; the one of the plan's stack is given back when the plan is carried out.
    pub locks: &'a Locks,
    /// Turns true when nothing new may be started: a signal, or a lost lock.
    pub cancel: Receiver<bool>,
    /// Turns true at a signal.
    pub stopped: Receiver<bool>,
}

/// Does what the plan says, gives back the stack's lock, and waits for the rollouts, with progress on standard error.
/// `applied` hears of the apply before the waiting starts.
async fn carry_out_in(
    app: &App,
    session: &Session,
    plan: &Plan,
    wait: Option<&WaitArgs>,
    held: Held<'_>,
    applied: impl FnOnce(&ApplyReport),
) -> Done {
    let made = make(app, session, plan, &held, &mut |_| ()).await;
    applied(&made.report);
    finish(app, session, plan, made, wait, held.stopped).await
}

/// What became of a plan, before its rollouts.
#[derive(Default)]
pub struct Made {
    /// What was done, step by step.
    pub report: ApplyReport,
    /// Why the rest was not done, when the lock of the stack was lost.
    pub lost: Option<Error>,
}

/// Does what the plan says and gives back the stack's lock, with progress on standard error; `heard` is told what happens too.
pub async fn make(
    app: &App,
    session: &Session,
    plan: &Plan,
    held: &Held<'_>,
    heard: &mut (dyn FnMut(&Event) + Send),
) -> Made {
    let steps = engine::steps(&session.registry, plan).len();
    if steps > 0 {
        app.console.begin(&format!("Applying {steps} steps to {}", plan.stack), steps);
    }
    let tell = &mut |event| {
        heard(&event);
        app.console.progress(&event);
    };
    let mut report = engine::execute(&session.registry, plan, held.cancel.clone(), tell).await;
    app.console.end();
    let lost = held.locks.lost().filter(|_| report.interrupted && !report.is_complete());
    if lost.is_some() {
        // Nobody interrupted it.
        report.interrupted = false;
    }
    let unanswered = report.interrupted && report.failures().any(|failure| failure.source.unanswered);
    held.locks.release(app, &plan.stack, unanswered).await;
    Made { report, lost }
}

/// Waits for the rollouts of an apply where `wait` says how; otherwise it only tells how to wait later.
pub async fn finish(
    app: &App,
    session: &Session,
    plan: &Plan,
    made: Made,
    wait: Option<&WaitArgs>,
    stopped: Receiver<bool>,
) -> Done {
    let Made { report, lost } = made;
    let targets = rollout::targets(plan, &report, session);
    let waits = wait.filter(|wait| !wait.no_wait);
    let mut status = ExitStatus::of(&report);
    let rollout = match waits {
        Some(wait) if !report.interrupted && lost.is_none() => {
            watch(app, session, plan, targets, wait, stopped).await.transpose()
        }
        _ => {
            if waits.is_some() && report.interrupted && !targets.is_empty() {
                // All of it was done, but nobody knows how it ends.
                status = status.max(ExitStatus::Interrupted);
            }
            rollout::unwatched(app, &targets);
            None
        }
    };
    Done { applied: status, report, lost, rollout }
}

/// Waits for what was started, and for what began earlier and has no good end yet; `None` when there is neither.
async fn watch(
    app: &App,
    session: &Session,
    plan: &Plan,
    mut targets: Vec<Target>,
    wait: &WaitArgs,
    stopped: Receiver<bool>,
) -> Result<Option<(RolloutReport, ExitStatus)>, Error> {
    let earlier = rollout::unsettled(plan, session).await?;
    for Target { key, deployment, .. } in &earlier {
        app.console.note(&format!("the rollout of {key} that began earlier ({deployment}) is waited for"));
    }
    targets.extend(earlier);
    if targets.is_empty() {
        return Ok(None);
    }
    rollout::waited(app, session, targets, &wait.watch, stopped).await.map(Some)
}
