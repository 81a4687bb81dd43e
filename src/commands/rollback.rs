//! `rollback`: back to a revision that ran well.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cli::{Format, RollbackArgs, WatchArgs};
use crate::error::{Error, ExitStatus};
use crate::model::{History, Release, Revision, RolloutOutcome, RolloutReport};
use crate::release::rollback::{self, Named, Way};
use crate::release::{Target, history, revisions};
use crate::render::{self, escape};

use super::session::Session;
use super::{App, apply, failure, pick, releases, rollout, signals};

/// How far back is looked for a deployment that succeeded: the most that one list call gives.
const LOOK_BACK: usize = 100;

/// What is going to be done.
enum Deed {
    /// Nothing: it runs already.
    Nothing,
    /// Nothing: this revision was rolled back by itself.
    Back(String),
    /// The rollout that still runs is stopped.
    Stop(String),
    /// It is being rolled back: that is waited for.
    Await(String),
    /// This revision is rolled out.
    Go(Box<Revision>),
}

/// One rollback.
struct Rollback<'a> {
    session: &'a Session,
    key: &'a str,
    service: String,
    history: History,
    /// `family:7` that the service wants now.
    current: String,
}

/// Chooses, shows, asks, does it, and waits for the verdict.
pub async fn run(app: &App, args: &RollbackArgs) -> Result<ExitStatus, Error> {
    let loaded = app.load()?;
    let (key, _) = pick::one("service", &pick::services(&loaded.config), args.service.as_deref())?;
    let key = key.to_owned();
    let to = args.to.as_deref().map(named).transpose()?;
    let connection = app.connect(&loaded).await?;
    let session = Session::new(app, loaded, connection).await?;
    let rollback = Rollback::new(&session, &key).await?;
    let deed = match &to {
        Some(to) => rollback.towards(to).await?,
        None => rollback.back().await?,
    };
    let sentence = rollback.sentence(&deed);
    if app.format() == Format::Text {
        app.print(&escape::terminal(&sentence))?;
    }
    if let Deed::Stop(_) | Deed::Go(_) = &deed {
        apply::agree(app, args.yes, "Go back?")?;
    }
    let (report, status) = rollback.carry_out(app, &deed, args).await?;
    match (app.format(), &report) {
        (Format::Text, Some(report)) => app.print(&render::rollout_text(report, app.console.style()))?,
        (Format::Text, None) => {}
        (Format::Json, _) => app.print(&escape::json(&rollback.document(&deed, report.as_ref())))?,
        (Format::Markdown, _) => {
            let told = report.as_ref().map(|report| rollout::document(app, &session, report));
            app.print(&format!("{}\n\n{}", escape::prose(&sentence), told.unwrap_or_default()))?;
        }
    }
    if matches!(deed, Deed::Go(_)) {
        app.console.note(&format!(
            "the stack file still wants {}: `plan` shows it, and the next `apply` or `release` rolls out what the stack \
             file and the newest revision hold; release a commit that is mended, or change the stack file",
            rollback.current
        ));
    }
    Ok(status)
}

fn named(text: &str) -> Result<Named, Error> {
    rollback::named(text).ok_or_else(|| {
        Error::new(ExitStatus::Usage, format!("`--to {text}` is neither a revision nor a commit")).hint(
            "name the number of a revision, `family:7`, an ARN, or at least seven digits of a commit's SHA",
        )
    })
}

impl<'a> Rollback<'a> {
    async fn new(session: &'a Session, key: &'a str) -> Result<Self, Error> {
        let (names, config) = (&session.names, &session.loaded.config);
        let name = names.service(key);
        let found = history::service(&session.aws, &names.cluster, &name).await;
        let Some(service) = found.map_err(|error| failure::call(&error))? else {
            let message = format!("there is no service `{name}` in the cluster `{}`", names.cluster);
            return Err(Error::new(ExitStatus::Usage, message).hint("`fargate-stack apply` makes it"));
        };
        let ask = releases::ask(config, names, key, &name, LOOK_BACK);
        let history =
            history::of(&session.aws, ask, &service).await.map_err(|error| failure::call(&error))?;
        let current = revisions::short(service.task_definition().unwrap_or_default()).to_owned();
        Ok(Self { session, key, service: name, history, current })
    }

    /// The family of the service's task definition.
    fn family(&self) -> &str {
        let config = &self.session.loaded.config;
        config.tasks.get(self.key).map_or(self.key, |task| crate::stack::family(self.key, task))
    }

    /// To where it ran well last.
    async fn back(&self) -> Result<Deed, Error> {
        let deployment = |release: &Release| release.deployment.clone().unwrap_or_default();
        match rollback::way(&self.history.releases, &self.current) {
            Way::Stop(release) => Ok(Deed::Stop(deployment(release))),
            Way::Already(release) => Ok(Deed::Await(deployment(release))),
            Way::Back(release) => Ok(Deed::Back(release.revision.clone())),
            Way::To(release) => match &release.source {
                Some(revision) => self.fit(revision.clone()).await,
                None => Err(self.refused(&format!("the revision `{}` is deleted", release.revision))),
            },
            Way::Nowhere => {
                let none = "ECS has no record of another deployment that succeeded before";
                Err(self.refused(&format!("{none} `{}`", self.current)))
            }
        }
    }

    /// To what was named.
    async fn towards(&self, to: &Named) -> Result<Deed, Error> {
        let read = async |which: &str| {
            let found = revisions::read(&self.session.aws, which, &self.session.names.stack).await;
            found.map_err(|error| failure::call(&error))
        };
        let (found, word) = match to {
            Named::Number(number) => {
                let name = format!("{}:{number}", self.family());
                (read(&name).await?, name)
            }
            Named::Name(name) | Named::Arn(name) => {
                let name = revisions::short(name).to_owned();
                let family = name.rsplit_once(':').map_or(name.as_str(), |(family, _)| family);
                if family != self.family() {
                    let message = format!("`{name}` is no revision of `{}`", self.family());
                    return Err(self.refused(&message));
                }
                (read(&name).await?, name)
            }
            Named::Commit(sha) => (self.of_commit(sha).await?, format!("commit {sha}")),
        };
        match found {
            Some(revision) if revision.name == self.current => Ok(Deed::Nothing),
            Some(revision) => self.fit(revision).await,
            None => Err(self.refused(&format!("there is no revision for `{word}`"))),
        }
    }

    /// The revision of a commit: one that succeeded before one that did not, then the newest.
    async fn of_commit(&self, sha: &str) -> Result<Option<Revision>, Error> {
        let session = self.session;
        let listed = revisions::list(&session.aws, self.family(), true, LOOK_BACK).await;
        let arns = listed.map_err(|error| failure::call(&error))?;
        let known = revisions::read_all(&session.aws, arns, &session.names.stack).await;
        let known = known.map_err(|error| failure::call(&error))?;
        let is_it = |one: &&Revision| one.commit.as_ref().is_some_and(|commit| commit.starts_with(sha));
        let mut found: Vec<Revision> = known.values().filter(is_it).cloned().collect();
        let commits: BTreeSet<&String> = found.iter().filter_map(|one| one.commit.as_ref()).collect();
        if commits.len() > 1 {
            let commits: Vec<String> = commits.iter().map(|commit| format!("`{commit}`")).collect();
            let message = format!("`--to {sha}` is the beginning of {} commits", commits.len());
            return Err(
                Error::new(ExitStatus::Usage, message).hint(format!("there are {}", commits.join(", ")))
            );
        }
        found.sort_by_key(|one| (self.succeeded(&one.name), one.number()));
        Ok(found.pop())
    }

    fn succeeded(&self, revision: &str) -> bool {
        let good = |one: &&Release| one.outcome == crate::model::ReleaseState::Succeeded;
        self.history.releases.iter().filter(good).any(|one| one.revision == revision)
    }

    /// The revision, if it can run: active, and its images are there.
    async fn fit(&self, revision: Revision) -> Result<Deed, Error> {
        let name = &revision.name;
        if !revision.active {
            let error = self.refused(&format!("`{name}` is inactive: ECS starts nothing from it any more"));
            return Err(match &revision.commit {
                Some(commit) => {
                    error.hint(format!("`fargate-stack release --image-tag {commit}` makes it anew"))
                }
                None => error,
            });
        }
        let gone = rollback::gone(&self.session.aws, &revision).await;
        // That the image cannot be looked for is no proof that it is gone.
        match gone {
            Ok(gone) if !gone.is_empty() => {
                Err(self.refused(&format!("the image of `{name}` is gone: `{}`", gone.join("`, `"))))
            }
            Err(error) if !error.code.contains("AccessDenied") => Err(failure::call(&error)),
            _ => Ok(Deed::Go(Box::new(revision))),
        }
    }

    /// An error with what there is to go back to.
    fn refused(&self, why: &str) -> Error {
        let mut seen = BTreeSet::new();
        let others = self.history.releases.iter().filter(|one| {
            one.revision != self.current
                && one.source.as_ref().is_some_and(|source| source.active)
                && seen.insert(one.revision.clone())
        });
        let lines: Vec<String> = others.take(10).map(told).collect();
        let error = Error::new(ExitStatus::Usage, format!("cannot go back: {why}"));
        if lines.is_empty() {
            return error.hint("there is no other revision that it could go to");
        }
        error.hint(format!("`--to` takes {}", lines.join(", ")))
    }

    /// What is going to be done.
    fn sentence(&self, deed: &Deed) -> String {
        let (key, current) = (self.key, &self.current);
        match deed {
            Deed::Nothing => format!("{key} runs {current} already: nothing to do"),
            Deed::Back(failed) => format!(
                "{key}: {failed} was rolled back already, and {current} runs, which succeeded last: nothing to do; `--to` goes \
                 further back"
            ),
            Deed::Stop(_) => {
                format!(
                    "{key}: the rollout of {current} still runs; it is stopped, and ECS brings back what ran before"
                )
            }
            Deed::Await(_) => format!("{key}: {current} is being rolled back already"),
            Deed::Go(revision) => {
                let release = self.history.releases.iter().find(|one| one.revision == revision.name);
                let to = release.map_or_else(|| revision.name.clone(), told);
                format!("{key}: from {current} back to {to}")
            }
        }
    }

    /// Does it and waits.
    async fn carry_out(
        &self,
        app: &App,
        deed: &Deed,
        args: &RollbackArgs,
    ) -> Result<(Option<RolloutReport>, ExitStatus), Error> {
        let (aws, cluster) = (&self.session.aws, &self.session.names.cluster);
        let (deployment, expected) = match deed {
            Deed::Nothing | Deed::Back(_) => return Ok((None, ExitStatus::Done)),
            Deed::Stop(deployment) => {
                rollback::stop(aws, deployment).await.map_err(|error| failure::call(&error))?;
                (Some(deployment.clone()), None)
            }
            Deed::Await(deployment) => (Some(deployment.clone()), None),
            Deed::Go(revision) => {
                let made = rollback::roll_out(aws, cluster, &self.service, &revision.arn).await;
                (made.map_err(|error| failure::call(&error))?, Some(revision.digests()))
            }
        };
        let goes = expected.is_some();
        let target = deployment.map(|deployment| Target {
            key: self.key.to_owned(),
            cluster: cluster.clone(),
            service: self.service.clone(),
            deployment,
            expected: expected.unwrap_or_default(),
        });
        let targets: Vec<Target> = target.into_iter().collect();
        if args.wait.no_wait {
            rollout::unwatched(app, &targets);
            return Ok((None, ExitStatus::Done));
        }
        // What is stopped cannot succeed any more, and is waited for all the same.
        let watch =
            &WatchArgs { no_fail_fast: !goes || args.wait.watch.no_fail_fast, ..args.wait.watch.clone() };
        let waited = signals::watching(async |stopped| {
            if goes {
                return rollout::waited(app, self.session, targets, watch, stopped).await;
            }
            let (report, signalled) = rollout::watched(app, self.session, targets, watch, stopped).await?;
            // That what was stopped is rolled back is what was asked for.
            let back = report.outcome == RolloutOutcome::RolledBack;
            let status = if back { ExitStatus::Done } else { rollout::status(&report, signalled) };
            Ok((report, status))
        });
        let (report, status) = waited.await?;
        Ok((Some(report), status))
    }

    fn document(&self, deed: &Deed, report: Option<&RolloutReport>) -> serde_json::Value {
        let (action, to) = match deed {
            Deed::Nothing | Deed::Back(_) => ("none", None),
            Deed::Stop(_) => ("stop", None),
            Deed::Await(_) => ("wait", None),
            Deed::Go(revision) => ("update", Some(&revision.name)),
        };
        json!({
            "format_version": "1.0",
            "service": self.key,
            "action": action,
            "from": self.current,
            "to": to,
            "rollout": report.map(render::rollout_json),
        })
    }
}

/// A release in few words: `web:3 (commit 1111111, succeeded 2026-11-02T09:14:00Z)`.
fn told(release: &Release) -> String {
    let commit = release.source.as_ref().and_then(|source| source.commit.as_ref());
    let commit = commit.map(|sha| format!("commit {}, ", sha.chars().take(7).collect::<String>()));
    let at = release.at.as_deref().map(|at| format!(" {at}")).unwrap_or_default();
    format!("{} ({}{}{at})", release.revision, commit.unwrap_or_default(), release.outcome.word())
}
