//! A lock that is held: how it comes to be, how it is kept, how it is given back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use super::record::Record;
use super::store::Store;
use super::{Glance, LockError, Owner, Terms};
use crate::aws::Aws;
use crate::model::CallError;

/// A lock that is held. It lasts for 15 minutes, unless [`Lease::keep`] runs.
#[derive(Debug)]
pub struct Lease {
    stack: String,
    generation: u64,
    record: Record,
    terms: Terms,
    /// When it was last renewed. Locked while a renewal is under way, so that none comes after the release.
    renewed: Mutex<Moment>,
    /// It was given back or lost: it is not kept any more.
    over: AtomicBool,
}

/// A moment by two clocks: the wall's may be set, the other one stands still while the machine sleeps.
#[derive(Debug, Clone, Copy)]
struct Moment {
    wall: u64,
    running: Duration,
}

impl Moment {
    fn now(store: &impl Store) -> Self {
        Self { wall: store.now(), running: store.running() }
    }

    /// How long ago that is, by the clock that says longer.
    fn age(self, store: &impl Store) -> Duration {
        let wall = Duration::from_secs(store.now().saturating_sub(self.wall));
        wall.max(store.running().saturating_sub(self.running))
    }
}

/// A lease could not be kept: nothing new may be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Lost {
    /// Why, for people.
    pub why: String,
}

/// Calls of the clean-up: one, of the most names that it takes.
const CLEANED: usize = 10;
/// How often the maker of a generation looks for it before it gives up.
const LOOKS: usize = 5;

/// A new id: the generation, so that people see the order, and 64 random bits.
pub(super) fn new_id(generation: u64) -> Result<String, CallError> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| CallError::local("lock", format!("the system gives no random numbers: {error}")))?;
    Ok(format!("{generation}-{:016x}", u64::from_be_bytes(bytes)))
}

/// See [`super::take`].
pub(super) async fn take_in(
    store: &impl Store,
    terms: Terms,
    stack: &str,
    seen: &Glance,
    owner: &Owner,
    id: String,
) -> Result<Lease, LockError> {
    if seen.holder.is_none() {
        let moment = Moment::now(store);
        let expires = moment.wall + terms.lease.as_secs();
        let lease = Lease {
            stack: stack.to_owned(),
            generation: seen.generation + 1,
            record: Record::new(id, owner.clone(), moment.wall, expires),
            terms,
            renewed: Mutex::new(moment),
            over: AtomicBool::new(false),
        };
        if lease.made(store).await? {
            match lease.settled(store).await {
                Ok(true) => return Ok(lease),
                Ok(false) => {}
                Err(error) => {
                    // It would keep everybody out until it expires.
                    let _ = lease.write(store, &lease.record.freed(store.now())).await;
                    return Err(error.into());
                }
            }
        }
    }
    match super::look_in(store, stack).await?.holder {
        Some(holder) => Err(LockError::Held(Box::new(holder))),
        None => Err(LockError::Moved),
    }
}

impl Lease {
    /// The id for `unlock`.
    pub fn id(&self) -> &str {
        &self.record.id
    }

    /// Makes the generation; `false` when somebody else did.
    async fn made(&self, store: &impl Store) -> Result<bool, CallError> {
        let added = store.add(&self.stack, self.generation, &self.record).await;
        match added {
            Ok(true) => Ok(true),
            // The SDK tries again when an answer is lost: what exists may be our own.
            Ok(false) => self.is_there(store).await,
            Err(error) if error.unanswered => {
                if self.is_there(store).await? {
                    return Ok(true);
                }
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn is_there(&self, store: &impl Store) -> Result<bool, CallError> {
        let there = store.list(&self.stack).await?;
        Ok(there.get(&self.generation).is_some_and(|record| record.id == self.record.id))
    }

    /// Whether the generation that was made is the newest. It is not when others held the lock since the look, and cleaned up
    /// behind them: then its name was free though its time was over.
    async fn settled(&self, store: &impl Store) -> Result<bool, CallError> {
        for _ in 0..LOOKS {
            let there = store.list(&self.stack).await?;
            let newest = there.last_key_value().map_or(0, |(generation, _)| *generation);
            if newest > self.generation {
                // It was made a moment ago, by us, and says nothing to anybody.
                let _ = store.delete(&self.stack, &[self.generation]).await;
                return Ok(false);
            }
            if there.get(&self.generation).is_some_and(|record| record.id == self.record.id) {
                let old: Vec<u64> =
                    there.into_keys().filter(|one| *one < self.generation).take(CLEANED).collect();
                if !old.is_empty() {
                    // Left over, they do no harm.
                    let _ = store.delete(&self.stack, &old).await;
                }
                return Ok(true);
            }
            // Parameter Store does not promise that a read shows the last write.
            store.pause(Duration::from_millis(300)).await;
        }
        let message = "the lock was written, and cannot be read back";
        Err(CallError::local("ssm:GetParametersByPath", message))
    }

    async fn write(&self, store: &impl Store, record: &Record) -> Result<(), CallError> {
        store.overwrite(&self.stack, self.generation, record).await
    }

    /// Keeps the lease alive; ends only when that is not possible any more. May be dropped.
    pub async fn keep(&self, aws: &Aws) -> Lost {
        self.keep_in(aws).await
    }

    pub(super) async fn keep_in(&self, store: &impl Store) -> Lost {
        let mut trouble: Option<CallError> = None;
        let mut next = self.terms.renew;
        loop {
            store.pause(self.terms.tick).await;
            if self.over.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            let age = self.renewed.lock().await.age(store);
            let good = self.terms.lease.saturating_sub(self.terms.margin);
            if age >= good {
                let why = trouble.map_or_else(
                    || "this process did not run for too long to renew it".to_owned(),
                    |error| format!("it could not be renewed: {error}"),
                );
                return self.lost(why);
            }
            if age < next {
                continue;
            }
            // A call without an answer must not outlast the lease.
            let renewed = tokio::select! {
                renewed = self.renew(store) => renewed,
                () = store.pause(good.saturating_sub(age)) => {
                    Err(Trouble::Call(CallError::local("ssm:PutParameter", "no answer came in time")))
                }
            };
            match renewed {
                Ok(()) => (trouble, next) = (None, self.terms.renew),
                Err(Trouble::Call(error)) => (trouble, next) = (Some(error), age + self.terms.renew / 6),
                Err(Trouble::Gone(why)) => return self.lost(why),
            }
        }
    }

    fn lost(&self, why: String) -> Lost {
        self.over.store(true, Ordering::Relaxed);
        Lost { why }
    }

    /// Moves the end on, if the lock is still ours.
    async fn renew(&self, store: &impl Store) -> Result<(), Trouble> {
        let mut renewed = self.renewed.lock().await;
        if self.over.load(Ordering::Relaxed) {
            return Ok(());
        }
        let there = store.list(&self.stack).await.map_err(Trouble::Call)?;
        match there.last_key_value() {
            Some((generation, record)) if *generation > self.generation => {
                let who = &record.owner.who;
                return Err(Trouble::Gone(format!("it was taken away, or taken over, by {who}")));
            }
            Some((generation, record)) if *generation == self.generation && record.id == self.record.id => {}
            _ => return Err(Trouble::Gone("its parameter was deleted or changed by hand".to_owned())),
        }
        let moment = Moment::now(store);
        let record = self.record.until(moment.wall + self.terms.lease.as_secs());
        self.write(store, &record).await.map_err(Trouble::Call)?;
        *renewed = moment;
        Ok(())
    }

    /// Gives it back. One that was lost is left to whom it belongs now.
    pub async fn release(&self, aws: &Aws) -> Result<(), CallError> {
        self.release_in(aws, Duration::ZERO).await
    }

    /// Gives it back after a while: calls that were made and have no answer take effect before anybody plans.
    pub async fn release_after(&self, aws: &Aws, pause: Duration) -> Result<(), CallError> {
        self.release_in(aws, pause).await
    }

    pub(super) async fn release_in(&self, store: &impl Store, pause: Duration) -> Result<(), CallError> {
        let _renewed = self.renewed.lock().await;
        if self.over.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let now = store.now();
        let record =
            if pause.is_zero() { self.record.freed(now) } else { self.record.until(now + pause.as_secs()) };
        self.write(store, &record).await
    }
}

/// Why a renewal did not succeed.
enum Trouble {
    /// The call failed; it may be tried again.
    Call(CallError),
    /// The lock is somebody else's.
    Gone(String),
}
