//! When the next poll is due, and how much trouble with AWS is borne. Pure.

use std::time::Duration;

use crate::model::CallError;

/// Seconds between polls after something has changed; the last one repeats.
const STEPS: [f64; 9] = [2.0, 2.0, 3.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];

/// By how much a pause is shortened or lengthened at random, so that watches which began together do not stay together.
const JITTER: f64 = 0.1;

/// Rounds in a row that may fail. The SDK has tried each call three times by then.
const ROUNDS: u32 = 5;

/// How long rounds may fail in a row.
const TROUBLE: Duration = Duration::from_mins(2);

/// The rhythm of the polls.
#[derive(Debug, Default)]
pub struct Pace {
    step: usize,
}

impl Pace {
    /// How long to pause now. `chance` is 0 to 255.
    pub fn next(&mut self, changed: bool, chance: u8) -> Duration {
        if changed {
            self.step = 0;
        }
        let pause = STEPS.get(self.step).or(STEPS.last()).copied().unwrap_or_default();
        self.step += 1;
        Duration::from_secs_f64(pause * (1.0 + JITTER * (f64::from(chance) / 127.5 - 1.0)))
    }
}

/// The trouble so far.
#[derive(Debug, Default)]
pub struct Trouble {
    rounds: u32,
    since: Option<Duration>,
}

impl Trouble {
    /// A round went well.
    pub fn over(&mut self) {
        *self = Self::default();
    }

    /// A round failed at this time of the watch; the error comes back when it is not borne any longer.
    pub fn met(&mut self, error: CallError, at: Duration) -> Result<(), CallError> {
        self.rounds += 1;
        let since = *self.since.get_or_insert(at);
        if passes(&error) && self.rounds < ROUNDS && at.saturating_sub(since) < TROUBLE {
            return Ok(());
        }
        Err(error)
    }
}

/// Whether an error may pass by itself: no answer, throttling, or AWS's own failure.
fn passes(error: &CallError) -> bool {
    error.unanswered
        || matches!(
            error.code.as_str(),
            "ThrottlingException"
                | "Throttling"
                | "RequestLimitExceeded"
                | "TooManyRequestsException"
                | "LimitExceededException"
                | "ServerException"
                | "InternalFailure"
                | "InternalServerError"
                | "ServiceUnavailable"
                | "ServiceUnavailableException"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str) -> CallError {
        CallError { code: code.to_owned(), ..CallError::local("ecs:DescribeServices", "no") }
    }

    #[test]
    fn polls_begin_at_two_seconds_grow_stay_under_ten_and_begin_anew_after_a_change() {
        let mut pace = Pace::default();
        let calm: Vec<u64> = (0..12).map(|_| pace.next(false, 128).as_secs()).collect();
        assert_eq!(calm, [2, 2, 3, 3, 4, 5, 6, 7, 8, 8, 8, 8]);
        assert_eq!(pace.next(true, 128).as_secs(), 2);
        for chance in 0..=255 {
            let pause = Pace { step: 100 }.next(false, chance).as_secs_f64();
            assert!((7.0..9.0).contains(&pause), "{pause}");
        }
    }

    #[test]
    fn throttling_failures_of_aws_and_silence_are_borne_for_five_rounds() {
        let silence = CallError { unanswered: true, ..error("") };
        for passing in [error("ThrottlingException"), error("ServerException"), silence] {
            let mut trouble = Trouble::default();
            let borne = |trouble: &mut Trouble| trouble.met(passing.clone(), Duration::from_secs(1)).is_ok();
            assert_eq!(
                (0..5).map(|_| borne(&mut trouble)).collect::<Vec<_>>(),
                [true, true, true, true, false]
            );
            trouble.over();
            assert!(borne(&mut trouble), "a good round in between starts the count anew");
        }
    }

    #[test]
    fn trouble_is_borne_for_two_minutes_at_most() {
        let mut trouble = Trouble::default();
        assert!(trouble.met(error("ServerException"), Duration::from_secs(10)).is_ok());
        assert!(trouble.met(error("ServerException"), Duration::from_secs(130)).is_err());
    }

    #[test]
    fn what_does_not_pass_by_itself_is_told_at_once() {
        for code in ["ExpiredTokenException", "AccessDeniedException", "UnrecognizedClientException", ""] {
            assert!(Trouble::default().met(error(code), Duration::ZERO).is_err(), "{code}");
        }
    }
}
