//! `apply`: plans, shows, asks, does.

use crate::cli::{ApplyArgs, Format};
use crate::engine;
use crate::error::{Error, ExitStatus};
use crate::model::{ApplyReport, Plan};
use crate::render::{self, Budget, Links};

use super::session::Session;
use super::{App, plan, signals};

/// Plans, shows, asks unless told not to, and does it.
pub async fn run(app: &App, args: &ApplyArgs) -> Result<ExitStatus, Error> {
    let session = app.session().await?;
    let selection = app.selected(&args.selection);
    let planned = session.plan(&selection).await?;
    // One document on standard output: the plan is part of the result unless text was asked for.
    if app.format() == Format::Text {
        plan::show(app, &planned.plan, &selection, false)?;
    }
    if !planned.plan.is_empty() {
        agree(app, args.yes, "Make these changes?")?;
    }
    let status = execute(app, &session, &planned.plan).await?;
    if args.update && status == ExitStatus::Done {
        plan::update(app, &session, &planned)?;
    }
    Ok(status)
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

/// Does what the plan says and tells how it went.
pub async fn execute(app: &App, session: &Session, plan: &Plan) -> Result<ExitStatus, Error> {
    let report = carry_out(app, session, plan).await;
    let view = render::apply_view::apply(plan, &report, None);
    let document = match app.format() {
        Format::Text => render::apply_text(&view, app.console.style()),
        Format::Json => render::escape::json(&render::apply_json(&view)),
        Format::Markdown => render::apply_markdown(&view, &Links::default(), Budget::summary(0)),
    };
    if app.format() != Format::Text || !plan.is_empty() {
        app.print(&document)?;
    }
    Ok(ExitStatus::of(&report))
}

/// Does what the plan says, with progress on standard error.
pub async fn carry_out(app: &App, session: &Session, plan: &Plan) -> ApplyReport {
    let steps = engine::steps(&session.registry, plan).len();
    if steps > 0 {
        app.console.begin(&format!("Applying {steps} steps to {}", plan.stack), steps);
    }
    let report = signals::watching(async |stopped| {
        engine::execute(&session.registry, plan, stopped, &mut |event| app.console.progress(&event)).await
    })
    .await;
    app.console.end();
    report
}
