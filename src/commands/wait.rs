//! `wait`: watches a rollout to its verdict.

use std::collections::BTreeSet;

use crate::cli::{WaitArgs, WaitForArgs};
use crate::error::{Error, ExitStatus};
use crate::release::{self, Search, Target};

use super::session::Session;
use super::{App, failure, pick, rollout};

/// Finds the deployments, watches them, and tells how they ended; those that have ended at once.
pub async fn run(app: &App, args: &WaitForArgs) -> Result<ExitStatus, Error> {
    let session = app.session().await?;
    let services = pick::several("service", &pick::services(&session.loaded.config), &args.services)?;
    let keys: Vec<&str> = services.keys().copied().collect();
    if keys.is_empty() {
        return Err(Error::new(ExitStatus::Usage, "the stack file has no service"));
    }
    let targets = match &args.deployment {
        Some(name) => vec![named(&session, &keys, name).await?],
        None => newest(&session, &keys).await?,
    };
    let wait = WaitArgs { no_wait: false, watch: args.watch.clone() };
    let (_, status) = rollout::follow(app, &session, targets, &wait).await?;
    Ok(status)
}

/// The newest deployment of each service.
async fn newest(session: &Session, keys: &[&str]) -> Result<Vec<Target>, Error> {
    let mut targets = Vec::new();
    for key in keys {
        let service = session.names.service(key);
        let found = release::newest(&session.aws, &session.names.cluster, &service).await;
        let target = found.map_err(|error| failure::call(&error))?.ok_or_else(|| {
            let message =
                format!("there is no service `{service}` in the cluster `{}`", session.names.cluster);
            Error::new(ExitStatus::Usage, message).hint("`fargate-stack apply` makes it")
        })?;
        targets.push(Target { key: (*key).to_owned(), ..target });
    }
    Ok(targets)
}

/// The deployment of this name.
async fn named(session: &Session, keys: &[&str], name: &str) -> Result<Target, Error> {
    let services: Vec<String> = keys.iter().map(|key| session.names.service(key)).collect();
    let names: BTreeSet<&str> = services.iter().map(String::as_str).collect();
    let found = release::named(&session.aws, &session.names.cluster, &names, name).await;
    match found.map_err(|error| failure::call(&error))? {
        Search::Found(target) => {
            let mut known = keys.iter().zip(&services);
            let key =
                known.find(|(_, service)| **service == target.service).map(|(key, _)| (*key).to_owned());
            Ok(Target { key: key.unwrap_or_else(|| target.key.clone()), ..*target })
        }
        Search::Unknown(there) => {
            let error = Error::new(ExitStatus::Usage, format!("there is no deployment `{name}`"));
            Err(if there.is_empty() {
                error.hint(format!("the cluster `{}` has no service of this stack", session.names.cluster))
            } else {
                error.detail(format!("there are\n  {}", there.join("\n  ")))
            })
        }
    }
}
