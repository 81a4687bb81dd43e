//! Reading many resources at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Driver, Registry};
use crate::model::{CallError, Locator, Observed};

/// How many reads run at once: enough to hide latency. Their calls are fewer, because many are made together; of those that are not,
/// ECS takes a burst of a hundred ("Request throttling for the Amazon ECS API").
const LIMIT: usize = 128;

/// Reads each locator; every failure is returned, not only the first.
pub async fn read_all(
    registry: &Registry,
    locators: impl IntoIterator<Item = Locator>,
) -> Result<BTreeMap<Locator, Option<Observed>>, Vec<(Locator, CallError)>> {
    let mut waiting: Vec<(Locator, Arc<dyn Driver>)> = Vec::new();
    let mut failures = Vec::new();
    for at in locators {
        if let Some(driver) = registry.get(at.address.kind()) {
            waiting.push((at, Arc::clone(driver)));
        } else {
            let error = CallError::local(at.address.kind(), "this is a bug: no such resource kind");
            failures.push((at, error));
        }
    }
    waiting.reverse();
    let mut running = JoinSet::new();
    let mut found = BTreeMap::new();
    loop {
        while running.len() < LIMIT
            && let Some((at, driver)) = waiting.pop()
        {
            running.spawn(async move {
                let seen = driver.read(&at).await;
                (at, seen)
            });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((at, Ok(seen)))) => {
                found.insert(at, seen);
            }
            Some(Ok((at, Err(error)))) => failures.push((at, error)),
            Some(Err(_)) => {} // the runtime ends: nobody waits for the answer
        }
    }
    failures.sort_by(|a, b| a.0.cmp(&b.0));
    if failures.is_empty() { Ok(found) } else { Err(failures) }
}
