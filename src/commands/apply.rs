//! `apply`: plans, shows, asks, does, waits.

use tokio::sync::watch::Receiver;

use crate::cli::{ApplyArgs, Format, Selection, WaitArgs};
use crate::engine;
use crate::error::{Error, ExitStatus};
use crate::model::{ApplyReport, Event, Plan, RolloutReport};
use crate::release::Target;
use crate::render::{self, Budget, Links};

use super::session::Session;
use super::{App, plan, rollout, signals};

/// Plans, shows, asks unless told not to, does it, and waits for the rollouts.
pub async fn run(app: &App, args: &ApplyArgs) -> Result<ExitStatus, Error> {
    let session = app.session().await?;
    let selection = app.selected(&args.selection);
    let planned = session.plan(&selection).await?;
    let done = agreed(app, &session, &planned.plan, &selection, args.yes, Some(&args.wait)).await?;
    if args.update && done.applied == ExitStatus::Done {
        plan::update(app, &session, &planned)?;
    }
    done.status()
}

/// Shows a plan, asks unless told not to, does it, and waits for its rollouts where `wait` says how.
pub async fn agreed(
    app: &App,
    session: &Session,
    plan: &Plan,
    selection: &Selection,
    yes: bool,
    wait: Option<&WaitArgs>,
) -> Result<Done, Error> {
    // One document on standard output: the plan is part of the result unless text was asked for.
    if app.format() == Format::Text {
        plan::show(app, plan, selection, false)?;
    }
    if !plan.is_empty() {
        agree(app, yes, "Make these changes?")?;
    }
    execute(app, session, plan, wait).await
}

/// Asks, unless `--yes` was given or CI is set.
pub fn agree(app: &App, yes: bool, question: &str) -> Result<(), Error> {
    if yes || app.env.is_ci() {
        return Ok(());
    }
    if !app.env.stdin_tty {
        let message = "nobody can be asked: standard input is not a terminal";
        return Err(Error::new(ExitStatus::Refused, message).hint("`--yes` goes on without asking"));
    }
    if app.console.confirm(question) {
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
        match self.rollout {
            Some(Err(error)) => Err(error),
            Some(Ok((_, status))) if self.applied == ExitStatus::Done => Ok(status),
            _ => Ok(self.applied),
        }
    }
}

/// Does what the plan says, waits for its rollouts, and tells how both went.
pub async fn execute(
    app: &App,
    session: &Session,
    plan: &Plan,
    wait: Option<&WaitArgs>,
) -> Result<Done, Error> {
    let mut told = Ok(());
    let tell = |report: &ApplyReport| {
        // For people the result of the apply comes before the waiting, and the verdict after it.
        if app.format() == Format::Text && !plan.is_empty() {
            let view = render::apply_view::apply(plan, report, None);
            told = app.print(&render::apply_text(&view, app.console.style()));
        }
    };
    let done = carry_out(app, session, plan, wait, tell).await;
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

/// Does what the plan says and waits for its rollouts, with progress on standard error. `applied` hears of the apply before
/// the waiting starts.
pub async fn carry_out(
    app: &App,
    session: &Session,
    plan: &Plan,
    wait: Option<&WaitArgs>,
    applied: impl FnOnce(&ApplyReport),
) -> Done {
    signals::watching(async |stopped| {
        let report = make(app, session, plan, stopped.clone(), &mut |_| ()).await;
        applied(&report);
        let rollout = rollouts(app, session, plan, &report, wait, stopped).await;
        Done { applied: ExitStatus::of(&report), report, rollout }
    })
    .await
}

/// Waits for the rollouts of an apply where `wait` says how; otherwise it only tells how to wait later.
pub async fn rollouts(
    app: &App,
    session: &Session,
    plan: &Plan,
    report: &ApplyReport,
    wait: Option<&WaitArgs>,
    stopped: Receiver<bool>,
) -> Option<Result<(RolloutReport, ExitStatus), Error>> {
    let targets = rollout::targets(plan, report, session);
    if let Some(wait) = wait.filter(|wait| !wait.no_wait && !report.interrupted) {
        return watch(app, session, plan, targets, wait, stopped).await.transpose();
    }
    rollout::unwatched(app, &targets);
    None
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

/// Does what the plan says, with progress on standard error; `heard` is told what happens too.
pub async fn make(
    app: &App,
    session: &Session,
    plan: &Plan,
    stopped: Receiver<bool>,
    heard: &mut (dyn FnMut(&Event) + Send),
) -> ApplyReport {
    let steps = engine::steps(&session.registry, plan).len();
    if steps > 0 {
        app.console.begin(&format!("Applying {steps} steps to {}", plan.stack), steps);
    }
    let tell = &mut |event| {
        heard(&event);
        app.console.progress(&event);
    };
    let report = engine::execute(&session.registry, plan, stopped, tell).await;
    app.console.end();
    report
}
