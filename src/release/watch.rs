//! Watching rollouts to their verdict.
//!
//! **The budget.** A round polls all services together: one `DescribeServices` for each ten of a cluster, one
//! `DescribeServiceDeployments` for each twenty. Rounds come 2 s after one that showed a change, then ever slower, up to 9 s. For S
//! services of one cluster and T seconds these are at most (T / 1.8 + 1) × (⌈S / 10⌉ + ⌈S / 20⌉) calls, and about 15 a minute when nothing
//! moves. The tasks of a service cost at most two calls, or four while some run, each time that one failed, and else every 15 s while
//! the rollout goes on. The end costs a `DescribeServiceRevisions`, and what the diagnosis reads. ECS refills 20 reads a second for an
//! account and region.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use super::calls;
use super::closing::{self, End};
use super::pace::{Pace, Trouble};
use super::watched::{Next, Watched};
use crate::aws::{self, Aws, together};
use crate::model::{CallError, RolloutEvent, RolloutOutcome, RolloutReport, ServiceRollout};
use crate::stack::Names;

/// A deployment to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The task's key in the stack file.
    pub key: String,
    /// The name of the cluster.
    pub cluster: String,
    /// The name of the service.
    pub service: String,
    /// `ecs-svc/…`, as `CreateService` or `UpdateService` answered it, or the ARN of a service deployment.
    pub deployment: String,
    /// Container → digest that the revision pins; may be empty.
    pub expected: BTreeMap<String, String>,
}

/// What happens to a rollout that is not waited for any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnEnd {
    /// It is left to ECS.
    #[default]
    Leave,
    /// It is stopped, and the last good revision comes back.
    Rollback,
}

/// How long to watch, and what to do at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// How long to wait for all of the rollouts together.
    pub timeout: Duration,
    /// A rollout that cannot succeed any more is not waited for.
    pub fail_fast: bool,
    /// What to do with a rollout that cannot succeed any more.
    pub on_failure: OnEnd,
    /// What to do with rollouts that still run when the waiting is stopped.
    pub on_cancel: OnEnd,
}

/// Watches rollouts until each has its verdict, the time is over, or `stopped` turns true.
///
/// A rollout that fails does not end the watch of the others: each gets its verdict. Trouble with AWS is borne for a while; the error
/// that ends the watch says that the rollouts go on, and how to resume.
pub async fn watch(
    aws: &Aws,
    names: &Names,
    targets: Vec<Target>,
    patience: &Patience,
    mut stopped: Receiver<bool>,
    tell: &mut (dyn FnMut(RolloutEvent) + Send),
) -> Result<RolloutReport, CallError> {
    let clock = Instant::now();
    let mut open: Vec<Watched> = targets.into_iter().map(Watched::new).collect();
    let mut reported: Vec<ServiceRollout> = Vec::new();
    let (mut pace, mut trouble) = (Pace::default(), Trouble::default());
    while !open.is_empty() {
        let polled = or_stopped(&mut stopped, poll(aws, &mut open, clock.elapsed())).await;
        let mut changed = false;
        match polled {
            None => {
                reported.extend(cancelled(aws, open, patience.on_cancel, tell).await);
                break;
            }
            Some(Err(error)) => trouble.met(error, clock.elapsed()).map_err(|error| goes_on(error, &open))?,
            Some(Ok(())) => {
                trouble.over();
                let (ends, moved) = judge(aws, &mut open, clock.elapsed(), patience, tell).await;
                changed = moved;
                reported.extend(report(aws, names, clock.elapsed(), ends, &mut stopped, tell).await);
            }
        }
        if clock.elapsed() >= patience.timeout {
            let ends = open.drain(..).map(timed_out).collect();
            reported.extend(report(aws, names, clock.elapsed(), ends, &mut stopped, tell).await);
        }
        if !open.is_empty() {
            let rest = patience.timeout.saturating_sub(clock.elapsed());
            let pause = pace.next(changed, chance()).min(rest);
            // What stops the pause stops the next poll, too.
            or_stopped(&mut stopped, aws::pause(pause)).await;
        }
    }
    Ok(RolloutReport::new(reported))
}

/// One round: reads all of the services, their records, and tasks where they matter.
async fn poll(aws: &Aws, open: &mut [Watched], at: Duration) -> Result<(), CallError> {
    let mut clusters: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in open.iter() {
        clusters.entry(one.target.cluster.clone()).or_default().insert(one.target.service.clone());
    }
    let mut arns = BTreeSet::new();
    for (cluster, names) in clusters {
        let names = names.iter().map(String::as_str).collect();
        let services = calls::services(aws, &cluster, &names).await?;
        for one in open.iter_mut().filter(|one| one.target.cluster == cluster) {
            arns.extend(one.take_service(services.get(&one.target.service).cloned()));
        }
    }
    let records = calls::records(aws, &arns).await?;
    for one in open.iter_mut() {
        if one.take_records(&records) {
            one.search(aws).await?;
        }
    }
    let looks = open.iter_mut().filter(|one| one.wants_look(at)).map(|one| one.look(aws, at));
    together::all(looks).await.into_iter().collect()
}

/// Judges each: tells what changed, takes those out that are over, stops those that are to be rolled back.
async fn judge(
    aws: &Aws,
    open: &mut Vec<Watched>,
    at: Duration,
    patience: &Patience,
    tell: &mut (dyn FnMut(RolloutEvent) + Send),
) -> (Vec<End>, bool) {
    let (mut ends, mut changed) = (Vec::new(), false);
    for mut one in std::mem::take(open) {
        let (events, next) = one.judge(at, patience);
        events.into_iter().for_each(&mut *tell);
        match next {
            Next::On(moved) => {
                changed |= moved;
                open.push(one);
            }
            Next::End(outcome, reason) => ends.push((one, outcome, reason)),
            Next::RollBack(why) => match roll_back(aws, &one).await {
                Ok(()) => {
                    one.rollback = Some(why);
                    changed = true;
                    open.push(one);
                }
                Err(refused) => {
                    let reason = format!("{why}; it could not be rolled back: {refused}");
                    ends.push((one, RolloutOutcome::Failed, Some(reason)));
                }
            },
        }
    }
    (ends, changed)
}

/// Has ECS take a deployment back, unless it does so already.
async fn roll_back(aws: &Aws, one: &Watched) -> Result<(), CallError> {
    if one.is_rolling_back() {
        return Ok(());
    }
    let none =
        || CallError::local("ecs:StopServiceDeployment", "ECS has no record of this deployment to stop");
    calls::roll_back(aws, one.arn.as_ref().ok_or_else(none)?).await
}

/// Reads what there is to know about each end, all at once, and tells it; without a call when the waiting is stopped.
async fn report(
    aws: &Aws,
    names: &Names,
    at: Duration,
    ends: Vec<End>,
    stopped: &mut Receiver<bool>,
    tell: &mut (dyn FnMut(RolloutEvent) + Send),
) -> Vec<ServiceRollout> {
    let bare: Vec<ServiceRollout> = ends.iter().map(closing::told).collect();
    let closing = together::all(ends.into_iter().map(|end| closing::close(aws, names, at, end)));
    let reported = or_stopped(stopped, closing).await.unwrap_or(bare);
    for one in &reported {
        tell(RolloutEvent::Ended(Box::new(one.clone())));
    }
    reported
}

/// The time is over.
fn timed_out(one: Watched) -> End {
    match one.lost().map(str::to_owned) {
        Some(why) => (one, RolloutOutcome::Failed, Some(format!("{why}; its rollback is not finished"))),
        None => (one, RolloutOutcome::TimedOut, None),
    }
}

/// We were told to stop: what still runs is left, or stopped with one call each.
async fn cancelled(
    aws: &Aws,
    open: Vec<Watched>,
    on_cancel: OnEnd,
    tell: &mut (dyn FnMut(RolloutEvent) + Send),
) -> Vec<ServiceRollout> {
    let stops = open.into_iter().map(async |one| {
        let reason = match on_cancel {
            OnEnd::Leave => None,
            OnEnd::Rollback => Some(match roll_back(aws, &one).await {
                Ok(()) => "it is being rolled back, as was asked for".to_owned(),
                Err(refused) => format!("it could not be rolled back: {refused}"),
            }),
        };
        closing::told(&(one, RolloutOutcome::Cancelled, reason))
    });
    let reported = together::all(stops).await;
    for one in &reported {
        tell(RolloutEvent::Ended(Box::new(one.clone())));
    }
    reported
}

/// An error that ends the watch, but not the rollouts.
fn goes_on(error: CallError, open: &[Watched]) -> CallError {
    let keys: Vec<String> = open.iter().map(|one| format!("`{}`", one.target.key)).collect();
    let resume: Vec<String> = open.iter().map(|one| format!("`{}`", closing::resume(one))).collect();
    let message = format!(
        "{}; the rollout of {} goes on, and {} resumes the wait",
        error.message,
        keys.join(", "),
        resume.join(", ")
    );
    CallError { message, ..error }
}

/// Does the work, unless or until the waiting is stopped. A sender that is gone stops nothing.
async fn or_stopped<T>(stopped: &mut Receiver<bool>, work: impl Future<Output = T>) -> Option<T> {
    let told = async {
        if stopped.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = told => None,
        done = work => Some(done),
    }
}

/// A byte of chance, for the jitter; without a source of chance there is none.
fn chance() -> u8 {
    let mut byte = [128];
    let _ = getrandom::fill(&mut byte);
    byte[0]
}
