//! `releases`: the history of a service.

use crate::cli::{Format, ReleasesArgs};
use crate::config::Config;
use crate::error::{Error, ExitStatus};
use crate::release::history::{self, Ask};
use crate::render;
use crate::stack::{Names, family};

use super::session::Session;
use super::{App, failure, pick};

/// Reads and shows.
pub async fn run(app: &App, args: &ReleasesArgs) -> Result<ExitStatus, Error> {
    let loaded = app.load()?;
    let named: Vec<String> = args.service.iter().cloned().collect();
    let keys: Vec<String> = pick::several("service", &pick::services(&loaded.config), &named)?
        .into_keys()
        .map(str::to_owned)
        .collect();
    let connection = app.connect(&loaded).await?;
    let session = Session::new(app, loaded, connection).await?;
    let mut all = Vec::new();
    for key in &keys {
        let service = session.names.service(key);
        let ask = ask(&session.loaded.config, &session.names, key, &service, args.limit.into());
        all.push(history::read(&session.aws, ask).await.map_err(|error| failure::call(&error))?);
    }
    app.print(&match app.format() {
        Format::Text => render::history_text(&all, app.console.style()),
        Format::Json => render::escape::json(&render::history_json(&all)),
        Format::Markdown => render::history_markdown(&all, &session.aws.account),
    })?;
    Ok(ExitStatus::Done)
}

/// The question for a service's history.
pub fn ask<'a>(
    config: &'a Config,
    names: &'a Names,
    key: &'a str,
    service: &'a str,
    limit: usize,
) -> Ask<'a> {
    let family = config.tasks.get(key).map_or(key, |task| family(key, task));
    Ask { key, cluster: &names.cluster, service, family, stack: &names.stack, limit }
}
