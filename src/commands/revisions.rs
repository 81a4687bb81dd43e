//! `revisions`: what revisions there are, and cleaning up.

use std::collections::BTreeMap;

use crate::cli::{Format, RevisionsArgs};
use crate::error::{Error, ExitStatus};
use crate::model::{CallError, Family, Fate, Listed, Revision};
use crate::release::prune::{self, Uses};
use crate::release::{history, revisions};
use crate::render;
use crate::stack::{Scope, family};

use super::session::Session;
use super::{App, apply, failure, pick, releases};

/// How far back the deployments of a service are looked at for what a rollback may need.
const LOOK_BACK: usize = 100;

/// Shows the revisions; with `--keep` also cleans up, after it was shown and agreed to.
pub async fn run(app: &App, args: &RevisionsArgs) -> Result<ExitStatus, Error> {
    let loaded = app.load()?;
    let there = pick::matching(&loaded.config, |_| true);
    let families: BTreeMap<String, String> = pick::several("task", &there, &args.tasks)?
        .into_iter()
        .map(|(key, task)| (key.to_owned(), family(key, task).to_owned()))
        .collect();
    let connection = app.connect(&loaded).await?;
    let session = Session::new(app, loaded, connection).await?;
    let uses = uses(&session).await?;
    let mut all = Vec::new();
    for (task, family) in &families {
        let found = read(&session, family, args).await.map_err(|error| failure::call(&error))?;
        let revisions = prune::fates(found, &uses, args.keep, args.delete);
        all.push(Family { task: task.clone(), revisions });
    }
    app.print(&match app.format() {
        Format::Text => render::revisions_text(&all, app.console.style()),
        Format::Json => render::escape::json(&render::revisions_json(&all)),
        Format::Markdown => render::revisions_markdown(&all, &session.aws.account),
    })?;
    let leaving: Vec<&Listed> =
        all.iter().flat_map(|family| &family.revisions).filter(|one| one.fate != Fate::Keep).collect();
    if leaving.is_empty() {
        if args.keep.is_some() {
            app.console.note("nothing to clean up");
        }
        return Ok(ExitStatus::Done);
    }
    let deleted = leaving.iter().filter(|one| one.fate == Fate::Delete).count();
    let question = match (deleted, leaving.len()) {
        (0, count) => format!("Deregister {count} revisions?"),
        (_, count) => format!("Delete {count} revisions? They cannot be brought back."),
    };
    apply::agree(app, args.yes, &question)?;
    Ok(clean_up(app, &session, &leaving).await)
}

/// Everything that uses a revision of the stack, or may need it.
async fn uses(session: &Session) -> Result<Uses, Error> {
    let (aws, names, config) = (&session.aws, &session.names, &session.loaded.config);
    let scope =
        Scope { partition: aws.partition.clone(), region: aws.region.clone(), account: aws.account.clone() };
    let rules: Vec<String> = pick::matching(config, |task| task.schedule.is_some())
        .into_keys()
        .map(|key| names.rule(key))
        .collect();
    let found = prune::uses(aws, &names.cluster, &scope.cluster_arn(&names.cluster), &rules).await;
    let mut uses = found.map_err(|error| failure::call(&error))?;
    for key in pick::services(config).into_keys() {
        let name = names.service(key);
        let ask = releases::ask(config, names, key, &name, LOOK_BACK);
        let history = history::read(aws, ask).await.map_err(|error| failure::call(&error))?;
        for (revision, users) in prune::kept_for_rollback(&history) {
            uses.entry(revision).or_default().extend(users);
        }
    }
    Ok(uses)
}

/// The revisions of a family, newest first: the active ones, and for a deletion the others too.
async fn read(session: &Session, family: &str, args: &RevisionsArgs) -> Result<Vec<Revision>, CallError> {
    let aws = &session.aws;
    let mut listed = revisions::list(aws, family, true, usize::MAX).await?;
    if args.delete {
        listed.extend(revisions::list(aws, family, false, usize::MAX).await?);
    }
    let known = revisions::read_all(aws, listed, &session.names.stack).await?;
    let mut all: Vec<Revision> = known.into_values().collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.number()));
    Ok(all)
}

/// Deregisters and deletes what was shown; goes on after a failure, and tells each.
async fn clean_up(app: &App, session: &Session, leaving: &[&Listed]) -> ExitStatus {
    let (mut done, mut failed) = (0_usize, Vec::new());
    let mut doomed = Vec::new();
    for one in leaving {
        let arn = &one.revision.arn;
        // Only an inactive revision can be deleted.
        let deregistered =
            if one.revision.active { prune::deregister(&session.aws, arn).await } else { Ok(()) };
        match (deregistered, one.fate) {
            (Err(error), _) => failed.push((arn.clone(), error)),
            (Ok(()), Fate::Delete) => doomed.push(arn.clone()),
            (Ok(()), _) => done += 1,
        }
    }
    let kept = prune::delete(&session.aws, &doomed).await;
    done += doomed.len() - kept.len();
    failed.extend(kept);
    for (arn, error) in &failed {
        let message = format!("could not clean up {}", revisions::short(arn));
        app.console.error(&Error::of_call(message, error));
    }
    app.console.note(&format!("cleaned up {done} of {} revisions", leaving.len()));
    match (done, failed.is_empty()) {
        (_, true) => ExitStatus::Done,
        (0, false) => ExitStatus::Failed,
        _ => ExitStatus::Partial,
    }
}
