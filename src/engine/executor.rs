//! Steps → report. One coordinator owns all state; workers own one step each and return facts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use super::references::resolve;
use super::steps::{change_of, doing, steps};
use super::{Driver, Registry};
use crate::model::{
    Action, Address, ApplyReport, CallError, Change, Event, Outcome, Outputs, Plan, Step, StepError, Verb,
    stoppable,
};

/// How many steps run at once: below the smallest bucket of ECS's mutating calls.
const LIMIT: usize = 8;
/// How long running steps may go on after an interruption. A GitHub runner sends its second signal after 7.5 s and kills 2.5 s later;
/// the whole process ends within 5 s, and giving back the lock and the report need the rest.
const GRACE: Duration = Duration::from_secs(3);

/// Does what the plan says. Independent branches go on after a failure; after `cancel` turns true nothing new starts, waits end and
/// running calls are finished. What has no answer after the grace is told as such, and starts no further call.
pub async fn execute(
    registry: &Registry,
    plan: &Plan,
    mut cancel: watch::Receiver<bool>,
    on: &mut (dyn FnMut(Event) + Send),
) -> ApplyReport {
    let graph = steps(registry, plan);
    let mut known: BTreeMap<Address, Outputs> = plan
        .changes
        .iter()
        .filter(|change| change.want.is_some())
        .filter_map(|change| Some((change.at.address.clone(), change.seen.as_ref()?.outputs.clone())))
        .collect();
    let mut report = ApplyReport::default();
    let mut running: JoinSet<Result<Outputs, CallError>> = JoinSet::new();
    let mut by_id: BTreeMap<Id, (Step, &'static str, Instant)> = BTreeMap::new();
    let mut started: BTreeSet<Step> = BTreeSet::new();
    let mut deadline: Option<Instant> = None;

    loop {
        if *cancel.borrow() && deadline.is_none() {
            deadline = Some(Instant::now() + GRACE);
            on(Event::Interrupted { running: running.len() });
        }
        if deadline.is_none() {
            skip(&graph, &mut report, on);
            for step in ready(&graph, &report, &started) {
                if running.len() >= LIMIT {
                    break;
                }
                let Some(work) = work(registry, plan, &step, &known) else {
                    continue;
                };
                let doing = change_of(plan, &step).map_or("update", |change| doing(change.action, step.verb));
                on(Event::Started { step: step.clone(), doing });
                let handle = running.spawn(stoppable(cancel.clone(), work));
                by_id.insert(handle.id(), (step.clone(), doing, Instant::now()));
                started.insert(step);
            }
        }
        if running.is_empty() {
            break;
        }
        let joined = tokio::select! {
            joined = running.join_next_with_id() => joined,
            () = cancelled(&mut cancel), if deadline.is_none() => continue,
            () = passed(deadline) => None,
        };
        let (id, result) = match joined {
            None => break,
            Some(Ok((id, result))) => (id, result),
            Some(Err(error)) => {
                (error.id(), Err(CallError::local("apply", "this is a bug: the step panicked")))
            }
        };
        let Some((step, doing, since)) = by_id.remove(&id) else {
            continue;
        };
        let took = since.elapsed();
        report.took.insert(step.clone(), took);
        match result {
            Ok(outputs) => {
                if step.verb == Verb::Make {
                    known.insert(step.address.clone(), outputs.clone());
                }
                on(Event::Finished { step: step.clone(), doing, took });
                report.outcomes.insert(step, Outcome::Done(outputs));
            }
            Err(source) => {
                let error = StepError { address: step.address.clone(), doing, source };
                on(Event::Failed { step: step.clone(), error: error.clone() });
                report.outcomes.insert(step, Outcome::Failed(error));
            }
        }
    }
    report.interrupted = deadline.is_some();
    for (step, doing, _) in by_id.into_values() {
        let source = CallError {
            unanswered: true,
            ..CallError::local("apply", "interrupted; a call has no answer yet")
        };
        report
            .outcomes
            .insert(step.clone(), Outcome::Failed(StepError { address: step.address, doing, source }));
    }
    // What AWS was asked for takes effect all the same, as at the end of the process; but nothing follows it.
    running.abort_all();
    for step in graph.keys() {
        report.outcomes.entry(step.clone()).or_insert(Outcome::NotStarted);
    }
    report
}

/// Returns when the interruption comes; never, when nobody can interrupt.
async fn cancelled(cancel: &mut watch::Receiver<bool>) {
    if cancel.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Returns when the deadline has passed; never, when there is none.
async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Steps that are neither started nor decided and whose needs are all done, in order.
fn ready(graph: &super::StepGraph, report: &ApplyReport, started: &BTreeSet<Step>) -> Vec<Step> {
    let done = |need: &Step| matches!(report.outcomes.get(need), Some(Outcome::Done(_)));
    graph
        .iter()
        .filter(|(step, needs)| {
            !started.contains(*step) && !report.outcomes.contains_key(*step) && needs.iter().all(done)
        })
        .map(|(step, _)| step.clone())
        .collect()
}

/// Decides every step that waits for a failed one, however far away.
fn skip(graph: &super::StepGraph, report: &mut ApplyReport, on: &mut (dyn FnMut(Event) + Send)) {
    loop {
        let hit = graph.iter().find_map(|(step, needs)| {
            if report.outcomes.contains_key(step) {
                return None;
            }
            needs.iter().find_map(|need| match report.outcomes.get(need) {
                Some(Outcome::Failed(_)) => Some((step.clone(), need.clone())),
                Some(Outcome::Skipped { because }) => Some((step.clone(), because.clone())),
                _ => None,
            })
        });
        let Some((step, because)) = hit else { return };
        on(Event::Skipped { step: step.clone(), because: because.clone() });
        report.outcomes.insert(step, Outcome::Skipped { because });
    }
}

type Work = std::pin::Pin<Box<dyn Future<Output = Result<Outputs, CallError>> + Send>>;

/// The call of one step, its references filled.
fn work(registry: &Registry, plan: &Plan, step: &Step, known: &BTreeMap<Address, Outputs>) -> Option<Work> {
    let change = change_of(plan, step)?.clone();
    let driver: Arc<dyn Driver> = Arc::clone(registry.get(step.address.kind())?);
    let verb = step.verb;
    let want = change.want.as_ref().map(|want| resolve(&want.attrs, known));
    Some(Box::pin(async move { act(driver.as_ref(), &change, verb, want).await }))
}

async fn act(
    driver: &dyn Driver,
    change: &Change,
    verb: Verb,
    want: Option<serde_json::Value>,
) -> Result<Outputs, CallError> {
    let bug = || CallError::local(driver.kind(), "this is a bug: the change lacks a side");
    match (verb, change.action) {
        (Verb::Remove, _) => {
            let seen = change.seen.as_ref().ok_or_else(bug)?;
            driver.delete(&change.at, seen).await.map(|()| Outputs::new())
        }
        (Verb::Make, Action::Create | Action::Replace) => {
            let want = driver.canonical(want.ok_or_else(bug)?)?;
            driver.create(&change.at, want).await
        }
        (Verb::Make, _) => {
            let want = driver.canonical(want.ok_or_else(bug)?)?;
            driver.update(&change.at, change.seen.as_ref().ok_or_else(bug)?, want).await
        }
    }
}
