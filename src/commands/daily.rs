//! What the commands for a running stack share: finding the service, telling what was done, waiting.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::{Format, WaitArgs};
use crate::config::Config;
use crate::error::{Error, ExitStatus};
use crate::model::{Deed, Owner};
use crate::ops::services::{self, Live};
use crate::release::Target;
use crate::render::{self, Page, escape};

use super::session::Session;
use super::{App, failure, pick, rollout, signals};

/// A service of the stack that is there.
pub struct Found {
    /// The connection.
    pub session: Session,
    /// The task's key in the stack file.
    pub key: String,
    /// The service.
    pub live: Live,
}

impl App {
    /// The session of a task of the stack file: `choose` says which, before anything is asked of AWS.
    pub async fn session_for<T>(
        &self,
        choose: impl FnOnce(&Config) -> Result<T, Error>,
    ) -> Result<(Session, T), Error> {
        let loaded = self.load()?;
        let chosen = choose(&loaded.config)?;
        let connection = self.connect(&loaded).await?;
        Ok((Session::new(self, loaded, connection).await?, chosen))
    }

    /// The session and the named service, which must be there and be this stack's.
    pub async fn service(&self, named: Option<&str>) -> Result<Found, Error> {
        let (found, ()) = self.service_and(|config| Ok((service_key(config, named)?, ()))).await?;
        Ok(found)
    }

    /// The session and the service that `choose` names, which must be there and be this stack's; and what else it reads from
    /// the command line.
    pub async fn service_and<T>(
        &self,
        choose: impl FnOnce(&Config) -> Result<(String, T), Error>,
    ) -> Result<(Found, T), Error> {
        let (session, (key, more)) = self.session_for(choose).await?;
        let live = live(&session, &key).await?.ok_or_else(|| not_deployed(&key))?;
        ours(&format!("the service `{key}`"), &live.owner, &session.names.stack)?;
        Ok((Found { session, key, live }, more))
    }

    /// Prints a document in the asked form: the page, or the value as JSON.
    pub fn document(&self, session: Option<&Session>, page: &Page, value: &Value) -> Result<(), Error> {
        let account = session.map(|session| session.aws.account.as_str()).unwrap_or_default();
        self.print(&match self.format() {
            Format::Text => render::page_text(page, self.console.style()),
            Format::Json => escape::json(value),
            Format::Markdown => render::page_markdown(page, account),
        })
    }

    /// Tells what was done.
    pub fn tell(&self, session: &Session, deed: &Deed) -> Result<(), Error> {
        self.document(Some(session), &render::daily::deed(deed), &json!(deed))
    }

    /// Tells what was done and waits for the rollout that it started: in JSON one document holds both.
    pub async fn tell_and_follow(
        &self,
        session: &Session,
        deed: &Deed,
        targets: Vec<Target>,
        wait: &WaitArgs,
    ) -> Result<ExitStatus, Error> {
        if self.format() != Format::Json || wait.no_wait || targets.is_empty() {
            self.tell(session, deed)?;
            let waits = !wait.no_wait && !targets.is_empty();
            if !waits {
                rollout::unwatched(self, &targets);
                return Ok(ExitStatus::Done);
            }
            return Ok(rollout::follow(self, session, targets, wait).await?.1);
        }
        let (report, status) = signals::watching(async |stopped| {
            rollout::waited(self, session, targets, &wait.watch, stopped).await
        })
        .await?;
        let mut document = json!(deed);
        if let Value::Object(fields) = &mut document {
            fields.insert("rollout".to_owned(), render::rollout_json(&report));
        }
        self.print(&escape::json(&document))?;
        Ok(status)
    }
}

/// The key of the named service; the only one when none is named.
pub fn service_key(config: &Config, named: Option<&str>) -> Result<String, Error> {
    Ok(pick::one("service", &pick::services(config), named)?.0.to_owned())
}

/// The key of the named scheduled task; the only one when none is named.
pub fn schedule_key(config: &Config, named: Option<&str>) -> Result<String, Error> {
    let there = pick::matching(config, |task| task.schedule.is_some());
    Ok(pick::one("scheduled task", &there, named)?.0.to_owned())
}

/// The key of the named task; the only one when none is named.
pub fn task_key(config: &Config, named: Option<&str>) -> Result<String, Error> {
    Ok(pick::one("task", &pick::matching(config, |_| true), named)?.0.to_owned())
}

/// The service, when it is there.
pub async fn live(session: &Session, key: &str) -> Result<Option<Live>, Error> {
    let names = &session.names;
    services::active(&session.aws, &names.cluster, &names.stack, &names.service(key))
        .await
        .map_err(|error| failure::call(&error))
}

/// The service is in the stack file and not in the account.
pub fn not_deployed(key: &str) -> Error {
    Error::new(ExitStatus::Usage, format!("the service `{key}` is not deployed"))
        .hint(format!("`fargate-stack deploy-service {key}` creates it"))
}

/// What is not this stack's is left alone.
pub fn ours(what: &str, owner: &Owner, stack: &str) -> Result<(), Error> {
    match owner {
        Owner::Ours => Ok(()),
        Owner::Nobody => {
            let message = format!("{what} is not managed by the stack `{stack}` yet; nothing was changed");
            Err(Error::new(ExitStatus::Refused, message).hint("`fargate-stack apply` adopts it"))
        }
        Owner::Stack(other) => {
            let message = format!("{what} belongs to the stack `{other}`; nothing was changed");
            Err(Error::new(ExitStatus::Refused, message).hint("use the stack file of that stack"))
        }
    }
}

/// The deployment that a change of a service started.
pub fn target(
    session: &Session,
    key: &str,
    live: &Live,
    expected: BTreeMap<String, String>,
) -> Option<Target> {
    Some(Target {
        key: key.to_owned(),
        cluster: session.names.cluster.clone(),
        service: live.name.clone(),
        deployment: live.deployment.as_ref()?.id.clone(),
        expected,
    })
}

/// `[SERVICE] [COUNT]` as the words of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The service's name, when there is one.
    pub service: Option<String>,
    /// How many tasks, when they say.
    pub count: Option<i32>,
}

/// The most tasks that ECS runs in a service (its quota "tasks per service").
const MOST: i32 = 5000;

/// Reads `[SERVICE] [COUNT]`; a word that is the name of a service is taken for that, even if it is a number.
pub fn counted(config: &Config, words: &[String]) -> Result<Counted, Error> {
    let number = |word: &str| match word.parse::<i32>() {
        Ok(count) if (0..=MOST).contains(&count) => Ok(count),
        _ => Err(Error::new(ExitStatus::Usage, format!("`{word}` is not a number of tasks"))
            .hint(format!("a service runs 0 to {MOST} tasks"))),
    };
    let looks_like_a_number = |word: &str| {
        word.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit())
            && word.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
            && !config.tasks.contains_key(word)
    };
    match words {
        [] => Ok(Counted { service: None, count: None }),
        [word] if looks_like_a_number(word) => Ok(Counted { service: None, count: Some(number(word)?) }),
        [word] => Ok(Counted { service: Some(word.clone()), count: None }),
        [service, count, ..] => Ok(Counted { service: Some(service.clone()), count: Some(number(count)?) }),
    }
}
