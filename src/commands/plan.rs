//! `plan`: shows what apply would do.

use crate::cli::{Format, PlanArgs, Selection};
use crate::error::{Error, ExitStatus};
use crate::model::Plan;
use crate::render::{self, Budget, Links};

use super::session::{Planned, Session};
use super::{App, failure, signals};

/// Plans and shows.
pub async fn run(app: &App, args: &PlanArgs) -> Result<ExitStatus, Error> {
    let selection = app.shown(&args.selection);
    let (session, planned) = signals::watching(async |stopped| {
        let planning = async {
            let session = app.session().await?;
            let planned = Box::pin(session.plan(&selection)).await?;
            Ok((session, planned))
        };
        // Without a handler the first process of a container would not see the signal at all.
        signals::unless(&stopped, planning).await
    })
    .await?;
    show(app, &planned.plan, &selection, true)?;
    if args.update {
        update(app, &session, &planned)?;
    }
    let pending = args.detailed_exitcode && !planned.plan.is_empty();
    Ok(if pending { ExitStatus::ChangesPending } else { ExitStatus::Done })
}

/// Shows a plan in the form that was asked for; `suggest` adds the command that makes the changes.
pub fn show(app: &App, plan: &Plan, selection: &Selection, suggest: bool) -> Result<(), Error> {
    let context = render::Context {
        show_values: selection.show_value.iter().cloned().collect(),
        suggest_apply: suggest,
    };
    let view = render::view::plan(plan, &context);
    app.print(&match app.format() {
        Format::Text => render::plan_text(&view, app.console.style()),
        Format::Json => render::escape::json(&render::plan_json(plan)),
        Format::Markdown => render::plan_markdown(&view, &Links::default(), Budget::summary(0)),
    })
}

/// Writes resolved values back into the stack file; never in CI.
pub fn update(app: &App, session: &Session, planned: &Planned) -> Result<(), Error> {
    if app.env.is_ci() {
        app.console.warn("`--update` is ignored because CI is set: the stack file is left as it is");
        return Ok(());
    }
    let loaded = &session.loaded;
    let changes: Vec<_> = planned
        .resolved
        .iter()
        .map(|(route, value)| (route.iter().map(String::as_str).collect(), value.clone()))
        .collect();
    let text = crate::config::update(&loaded.text, &changes).map_err(|error| failure::update(&error))?;
    if text == loaded.text {
        app.console.note("the stack file holds the resolved values already");
        return Ok(());
    }
    write_whole(&loaded.path, &text).map_err(|error| {
        Error::new(ExitStatus::Failed, format!("could not write `{}`", loaded.path.display()))
            .caused_by(error.to_string())
    })?;
    app.console.note(&format!("wrote the resolved values into `{}`", loaded.path.display()));
    Ok(())
}

/// Writes a file whole or not at all: beside it first, then renamed.
fn write_whole(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path)
}
