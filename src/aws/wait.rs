//! Waiting: the one place that sleeps.

use std::future::Future;
use std::time::Duration;

use crate::model::CallError;

/// How long a deletion or a state change is waited for.
pub const WAIT_LIMIT: Duration = Duration::from_mins(10);

/// Asks `ready` until it answers `Some`: after 0.5 s at first, growing to 5 s; fails after `limit` saying `what` did not happen.
pub async fn until<T, F>(
    op: &str,
    what: &str,
    limit: Duration,
    mut ready: impl FnMut() -> F,
) -> Result<T, CallError>
where
    F: Future<Output = Result<Option<T>, CallError>>,
{
    let started = tokio::time::Instant::now();
    let mut pause = Duration::from_millis(500);
    loop {
        if let Some(value) = ready().await? {
            return Ok(value);
        }
        if started.elapsed() + pause > limit {
            return Err(CallError::local(op, format!("{what} did not happen within {} s", limit.as_secs())));
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_secs(5));
    }
}

/// Pauses between two looks at something that has no end of its own.
pub async fn pause(length: Duration) {
    sleep(length).await;
}

/// Asks `ready` until it answers `Some`, at growing intervals from `first` to `longest`; `None` when it has not after `limit`.
/// The last question is asked when the time is up.
pub async fn patiently<T, E, F>(
    limit: Duration,
    first: Duration,
    longest: Duration,
    mut ready: impl FnMut() -> F,
) -> Result<Option<T>, E>
where
    F: Future<Output = Result<Option<T>, E>>,
{
    let started = tokio::time::Instant::now();
    let mut pause = first;
    loop {
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Ok(None);
        }
        sleep(pause.min(left)).await;
        if let Some(value) = ready().await? {
            return Ok(Some(value));
        }
        pause = (pause * 3 / 2).min(longest);
    }
}

/// Sleeps.
#[allow(clippy::disallowed_methods, reason = "the one place that sleeps")]
pub(super) async fn sleep(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// Seconds since the epoch, to tell how long ago something was that AWS gave a time of. Nothing is decided by it.
#[allow(clippy::disallowed_methods, reason = "AWS's times are wall times")]
pub fn now() -> f64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
