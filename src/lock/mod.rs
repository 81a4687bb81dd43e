//! The lease lock of a stack: one apply at a time, without infrastructure of its own.
//!
//! The primitive is `ssm:PutParameter` without `Overwrite`, which fails when the name exists: generation `n` of the lock is the
//! parameter `/fargate-stack/locks/<stack>/<n>`. Who reads generation `n` as free or expired and makes `n + 1` holds the lock, and knows that
//! nobody held it in between: a plan made since the read is still true. Why: `docs/adr/0017-the-lock-is-a-counter-of-parameters.md`.
//!
//! A generation is written by nobody but its maker. The newest one stays, so that the counter never goes back.

mod lease;
mod record;
mod store;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::aws::Aws;
use crate::model::CallError;

pub use lease::{Lease, Lost};
use store::Store;

/// The IAM actions that the lock reads with.
pub const READS: &[&str] = &["ssm:GetParametersByPath"];
/// The IAM actions that it is taken, renewed and given back with.
pub const WRITES: &[&str] = &["ssm:DeleteParameters", "ssm:PutParameter"];
/// The path below which the locks of all stacks are; an IAM policy may name it.
pub const PATH: &str = "/fargate-stack/locks";

/// Who holds a lock, for people. What is read back comes from the account and is foreign text, but of one line.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Owner {
    /// Who: `user@host`, or the actor of the run.
    pub who: String,
    /// The command, such as `apply`.
    pub what: String,
    /// The address of the run; empty outside of a workflow.
    pub run: String,
}

/// What a look at the lock showed. Reading it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// The newest generation; 0 when there never was one.
    pub generation: u64,
    /// Who holds it, when somebody does and the lease has not expired.
    pub holder: Option<Holder>,
}

/// Who holds a lock now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Holder {
    /// The id for `unlock`.
    pub id: String,
    /// Who.
    pub owner: Owner,
    /// Seconds since the epoch.
    pub since: u64,
    /// Seconds since the epoch; a holder that lives moves it on.
    pub expires: u64,
}

/// Why there is no lock.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LockError {
    /// Somebody holds it.
    #[error("the stack is locked")]
    Held(Box<Holder>),
    /// Somebody held it since the look: what was planned may not be true any more.
    #[error("another run changed the stack since this plan was made")]
    Moved,
    /// AWS refused.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// How long things take. All of it but the tests uses [`TERMS`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// How long a lease is good without a renewal.
    pub lease: Duration,
    /// When it is renewed.
    pub renew: Duration,
    /// How long before its end it counts as lost: clocks may differ by this much.
    pub margin: Duration,
    /// How often the holder looks at the clock: a machine that slept must notice soon.
    pub tick: Duration,
}

/// 15 minutes: longer than any pause of a living process, short enough to wait for after a lost one.
const TERMS: Terms = Terms {
    lease: Duration::from_mins(15),
    renew: Duration::from_mins(3),
    margin: Duration::from_mins(2),
    tick: Duration::from_secs(5),
};

/// Looks at the lock. To be done before planning.
pub async fn look(aws: &Aws, stack: &str) -> Result<Glance, CallError> {
    look_in(aws, stack).await
}

/// Looks until nobody holds it, for at most `patience`: `Ok` with what was seen free, or [`LockError::Held`]. May be dropped.
pub async fn until_free(aws: &Aws, stack: &str, patience: Duration) -> Result<Glance, LockError> {
    until_free_in(aws, stack, patience).await
}

/// Takes the lock that `seen` showed to be free. When somebody holds it now that is [`LockError::Held`]; when somebody held
/// it meanwhile, or `seen` showed a holder who is gone, [`LockError::Moved`]: look and plan again.
///
/// Must not be dropped before it ends: the lock may be taken already.
pub async fn take(aws: &Aws, stack: &str, seen: &Glance, owner: &Owner) -> Result<Lease, LockError> {
    let id = lease::new_id(seen.generation + 1)?;
    lease::take_in(aws, TERMS, stack, seen, owner, id).await
}

/// Takes the lock away from the holder with this id: its generation is followed by one that is free. `false` when the lock has
/// changed hands meanwhile, and nothing was done.
pub async fn unlock(aws: &Aws, stack: &str, seen: &Glance, by: &Owner) -> Result<bool, CallError> {
    unlock_in(aws, stack, seen, by).await
}

async fn look_in(store: &impl Store, stack: &str) -> Result<Glance, CallError> {
    let there = store.list(stack).await?;
    let Some((generation, record)) = there.last_key_value() else {
        return Ok(Glance { generation: 0, holder: None });
    };
    let holder = record.is_held(store.now()).then(|| record.holder());
    Ok(Glance { generation: *generation, holder })
}

async fn until_free_in(store: &impl Store, stack: &str, patience: Duration) -> Result<Glance, LockError> {
    // A holder is seldom done within seconds; a look costs one call of the 40 a second that an account has.
    const PAUSES: [u64; 2] = [1, 2];
    const LONGEST: u64 = 5;
    let started = store.running();
    let mut told = None;
    let mut pauses = PAUSES.into_iter();
    loop {
        let glance = look_in(store, stack).await?;
        let Some(holder) = &glance.holder else { return Ok(glance) };
        let left = patience.saturating_sub(store.running().saturating_sub(started));
        if left.is_zero() {
            return Err(LockError::Held(Box::new(holder.clone())));
        }
        if told.as_ref() != Some(&holder.id) {
            let Owner { who, what, run } = &holder.owner;
            let run = if run.is_empty() { String::new() } else { format!(", {run}") };
            store.tell(&format!(
                "{stack} is locked by {who} ({what}{run}); waiting for it for at most {} s",
                left.as_secs()
            ));
            told = Some(holder.id.clone());
        }
        store.pause(Duration::from_secs(pauses.next().unwrap_or(LONGEST)).min(left)).await;
    }
}

async fn unlock_in(store: &impl Store, stack: &str, seen: &Glance, by: &Owner) -> Result<bool, CallError> {
    let now = store.now();
    let next = seen.generation + 1;
    let free = record::Record::new(lease::new_id(next)?, by.clone(), now, now).freed(now);
    // Not the holder's own generation: a holder that lives would renew it, and see nothing.
    store.add(stack, next, &free).await
}
