//! When a failed call is repeated, and how long to wait before: the only place that decides it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// First wait after a secondary rate limit that names no time; doubled each time.
const SECONDARY_WAIT: Duration = Duration::from_mins(1);
/// Waits after a server or connection error: 1, 2, 4 and 8 seconds, then the call has failed.
const TROUBLE_WAITS: [u64; 4] = [1, 2, 4, 8];

/// Time as the client sees it; tests bring their own.
pub trait Clock: Send + Sync {
    /// Seconds since the epoch.
    fn now(&self) -> u64;
    /// Waits.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The real time.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl Clock for WallClock {
    #[allow(clippy::disallowed_methods, reason = "GitHub names the end of a rate limit in wall time")]
    fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    #[allow(clippy::disallowed_methods, reason = "the one place where the client of GitHub waits")]
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// What a failed call has shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// HTTP status, `None` when there was no answer.
    pub status: Option<u16>,
    /// Seconds of `retry-after`.
    pub retry_after: Option<u64>,
    /// Calls left of the rate limit.
    pub remaining: Option<u64>,
    /// Seconds since the epoch at which the rate limit starts anew.
    pub reset: Option<u64>,
    /// GitHub's words speak of a rate limit.
    pub speaks_of_limit: bool,
}

/// How long to wait before the next try, `None` when there must not be one.
///
/// `attempt` counts the tries so far, from 1; `repeatable` tells that the call may be sent twice. A rate limit is
/// told before anything happens, so even a call that is not repeatable is sent again after one.
pub fn wait(failure: &Failure, attempt: u32, repeatable: bool, now: u64) -> Option<Duration> {
    let limited = match failure.status {
        Some(429) => true,
        Some(403) => failure.retry_after.is_some() || failure.remaining == Some(0) || failure.speaks_of_limit,
        // GraphQL tells of its limit in an answer with status 200.
        Some(200) => failure.speaks_of_limit,
        _ => false,
    };
    if limited {
        return Some(match (failure.retry_after, failure.remaining, failure.reset) {
            (Some(seconds), _, _) => Duration::from_secs(seconds.max(1)),
            (None, Some(0), Some(reset)) => Duration::from_secs(reset.saturating_sub(now).max(1)),
            _ => SECONDARY_WAIT.saturating_mul(1 << attempt.saturating_sub(1).min(8)),
        });
    }
    let trouble = matches!(failure.status, None | Some(500 | 502 | 503 | 504));
    let after = usize::try_from(attempt.saturating_sub(1)).ok().and_then(|tries| TROUBLE_WAITS.get(tries));
    match after {
        Some(seconds) if trouble && repeatable => {
            Some(Duration::from_secs(failure.retry_after.unwrap_or(0).max(*seconds)))
        }
        _ => None,
    }
}

/// The waits of one client: all of them together stay within a budget.
#[derive(Clone)]
pub struct Pace {
    clock: Arc<dyn Clock>,
    left: Arc<Mutex<Duration>>,
    /// When everything must have ended, calls included.
    until: Option<Instant>,
}

impl Pace {
    /// A pace that waits at most `budget` in total.
    pub fn new(budget: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { clock, left: Arc::new(Mutex::new(budget)), until: None }
    }

    /// A pace of the same clock whose waits and calls together end within this time from now.
    #[must_use]
    pub fn ending(&self, within: Duration) -> Self {
        let until = Some(Instant::now() + within);
        Self { clock: self.clock.clone(), left: Arc::new(Mutex::new(within)), until }
    }

    /// So much of a time as is left before the end.
    pub fn left_of(&self, time: Duration) -> Duration {
        self.until.map_or(time, |until| time.min(until.saturating_duration_since(Instant::now())))
    }

    /// Seconds since the epoch.
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Waits, unless that is more than what is left of the budget: then it returns `false` at once.
    pub async fn pause(&self, duration: Duration) -> bool {
        if self.left_of(duration) < duration || !self.take(duration) {
            return false;
        }
        self.clock.sleep(duration).await;
        true
    }

    /// Whether the budget still holds so much; what it holds is taken.
    fn take(&self, duration: Duration) -> bool {
        let mut left = self.left.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match left.checked_sub(duration) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pace").field("left", &self.left).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::testing::FakeClock;

    fn status(status: u16) -> Failure {
        Failure { status: Some(status), ..Failure::default() }
    }

    fn seconds(failure: &Failure, attempt: u32, repeatable: bool) -> Option<u64> {
        wait(failure, attempt, repeatable, 1_000).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_time_named_by_github_is_kept_also_for_a_call_that_is_not_repeatable() {
        let failure = Failure { retry_after: Some(7), remaining: Some(0), reset: Some(9_000), ..status(429) };
        assert_eq!(seconds(&failure, 1, false), Some(7));
        assert_eq!(seconds(&Failure { retry_after: Some(7), ..status(403) }, 3, false), Some(7));
    }

    #[test]
    fn a_used_up_limit_waits_for_its_reset() {
        let failure = Failure { remaining: Some(0), reset: Some(1_120), ..status(403) };
        assert_eq!(seconds(&failure, 1, false), Some(120));
        let past = Failure { reset: Some(900), ..failure };
        assert_eq!(seconds(&past, 1, false), Some(1));
    }

    #[test]
    fn a_secondary_limit_without_a_time_waits_a_minute_and_doubles() {
        let failure = Failure { speaks_of_limit: true, remaining: Some(900), ..status(403) };
        let waits: Vec<_> = (1..=3).map(|attempt| seconds(&failure, attempt, false)).collect();
        assert_eq!(waits, [Some(60), Some(120), Some(240)]);
        assert_eq!(seconds(&status(429), 1, false), Some(60));
        assert_eq!(seconds(&Failure { speaks_of_limit: true, ..status(200) }, 1, true), Some(60));
    }

    #[test]
    fn trouble_is_repeated_four_times_and_only_when_that_is_safe() {
        for failure in [status(500), status(502), status(503), status(504), Failure::default()] {
            let waits: Vec<_> = (1..=5).map(|attempt| seconds(&failure, attempt, true)).collect();
            assert_eq!(waits, [Some(1), Some(2), Some(4), Some(8), None], "{failure:?}");
            assert_eq!(seconds(&failure, 1, false), None, "{failure:?}");
        }
        assert_eq!(seconds(&Failure { retry_after: Some(5), ..status(503) }, 1, true), Some(5));
    }

    #[test]
    fn a_plain_refusal_is_final() {
        for code in [400, 401, 403, 404, 410, 422, 501] {
            assert_eq!(seconds(&status(code), 1, true), None, "{code}");
        }
    }

    #[tokio::test]
    async fn all_waits_together_stay_within_the_budget() {
        let clock = Arc::new(FakeClock::default());
        let pace = Pace::new(Duration::from_secs(100), clock.clone());
        assert!(pace.pause(Duration::from_mins(1)).await);
        assert!(!pace.pause(Duration::from_mins(1)).await, "only 40 seconds are left");
        assert!(pace.clone().pause(Duration::from_secs(40)).await, "clones share the budget");
        assert_eq!(clock.slept(), [60, 40]);
    }

    #[tokio::test]
    async fn no_wait_begins_that_would_end_too_late() {
        let clock = Arc::new(FakeClock::default());
        let (within, wait) = (Duration::from_millis(40), Duration::from_millis(30));
        let pace = Pace::new(Duration::from_mins(5), clock.clone()).ending(within);
        let started = Instant::now();
        while started.elapsed() < wait {
            std::hint::spin_loop();
        }
        assert!(pace.left_of(Duration::from_secs(1)) <= within.saturating_sub(wait));
        assert!(!pace.pause(wait).await, "so much is in the budget, but the time is nearly over");
        assert_eq!(clock.slept(), Vec::<u64>::new());
    }
}
