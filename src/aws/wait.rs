//! Waiting: the one place that sleeps.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{CallError, stopped};

/// How long a deletion or a state change is waited for.
pub const WAIT_LIMIT: Duration = Duration::from_mins(10);

/// Tells somebody what is going on; the default tells nobody.
#[derive(Clone, Default)]
pub struct Tell(Option<Arc<Listener>>);

type Listener = dyn Fn(&str) + Send + Sync;

impl Tell {
    /// Tells `listener`.
    pub fn new(listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// Says one line.
    pub fn say(&self, line: &str) {
        if let Some(listener) = &self.0 {
            listener(line);
        }
    }
}

impl std::fmt::Debug for Tell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Tell" } else { "Tell nobody" })
    }
}

/// Asks `ready` until it answers `Some`: after 0.5 s at first, growing to 5 s; fails after `limit` saying `what` did not happen.
pub async fn until<T, F>(
    op: &str,
    what: &str,
    limit: Duration,
    ready: impl FnMut() -> F,
) -> Result<T, CallError>
where
    F: Future<Output = Result<Option<T>, CallError>>,
{
    let late = || CallError::local(op, format!("{what} did not happen within {} s", limit.as_secs()));
    watching(limit, |_| {}, ready).await?.ok_or_else(late)
}

/// Asks `ready` as [`until`] does; `None` after `limit`. `lasting` hears how long it has lasted: after 10 s, and then whenever
/// that has doubled. The wait of a step ends with an error when the apply is stopped.
pub async fn watching<T, F>(
    limit: Duration,
    lasting: impl Fn(Duration),
    mut ready: impl FnMut() -> F,
) -> Result<Option<T>, CallError>
where
    F: Future<Output = Result<Option<T>, CallError>>,
{
    let started = tokio::time::Instant::now();
    let mut pause = Duration::from_millis(500);
    let mut news = News(Duration::from_secs(10));
    loop {
        if let Some(value) = ready().await? {
            return Ok(Some(value));
        }
        let lasted = started.elapsed();
        if lasted + pause > limit {
            return Ok(None);
        }
        if news.has(lasted) {
            lasting(lasted);
        }
        if !slept(pause).await {
            return Err(CallError::interrupted("apply"));
        }
        pause = (pause * 3 / 2).min(Duration::from_secs(5));
    }
}

/// When a wait is told again.
struct News(Duration);

impl News {
    /// Whether a wait has lasted long enough to be told; it is told again when that has doubled.
    fn has(&mut self, lasted: Duration) -> bool {
        let is_news = lasted >= self.0;
        if is_news {
            self.0 = lasted * 2;
        }
        is_news
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

/// Sleeps; `false` when the step that waits is stopped meanwhile.
pub(super) async fn slept(pause: Duration) -> bool {
    tokio::select! {
        biased;
        () = stopped() => false,
        () = sleep(pause) => true,
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_told_after_ten_seconds_and_whenever_it_has_doubled() {
        let mut news = News(Duration::from_secs(10));
        let told: Vec<u64> =
            (0..120).step_by(3).filter(|second| news.has(Duration::from_secs(*second))).collect();
        assert_eq!(told, [12, 24, 48, 96]);
    }

    #[tokio::test]
    async fn a_wait_ends_when_its_time_is_up() {
        let limit = Duration::from_millis(400);
        let error = until("ecs:DescribeServices", "the end", limit, || async { Ok(None::<()>) }).await;
        assert_eq!(error.unwrap_err().message, "the end did not happen within 0 s");
        assert_eq!(watching(limit, |_| {}, || async { Ok(Some(1)) }).await, Ok(Some(1)));
    }

    #[tokio::test]
    async fn the_wait_of_a_step_ends_when_the_apply_is_stopped_and_no_other_does() {
        let limit = Duration::from_mins(1);
        let (stop, stopped) = tokio::sync::watch::channel(true);
        let never = || async { Ok(None::<()>) };
        let started = tokio::time::Instant::now();
        let ended = crate::model::stoppable(stopped, until("ecs:DescribeServices", "the end", limit, never));
        assert_eq!(ended.await.unwrap_err(), CallError::interrupted("apply"));
        assert!(started.elapsed() < Duration::from_secs(1));
        let limit = Duration::from_millis(600);
        assert_eq!(watching(limit, |_| {}, never).await, Ok(None));
        drop(stop);
    }
}
