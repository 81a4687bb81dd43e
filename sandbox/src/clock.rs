//! The sandbox's clock: it follows the wall until a test moves it or changes its speed.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment, in seconds since the epoch, as the XML protocols write it: in whole milliseconds.
pub fn written(at: f64) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "milliseconds since the epoch fit")]
    let nanos = i128::from((at * 1000.0) as i64) * 1_000_000;
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default()
}

/// A clock that can be set, moved and made faster.
#[derive(Debug, Clone)]
pub struct Clock {
    since: Instant,
    base: f64,
    speed: f64,
}

impl Clock {
    /// A clock that shows the time of the wall.
    pub fn new() -> Self {
        let base = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        Self { since: Instant::now(), base, speed: 1.0 }
    }

    /// Now, in seconds since the epoch.
    pub fn now(&self) -> f64 {
        self.base + self.since.elapsed().as_secs_f64() * self.speed
    }

    /// Sandbox seconds per second of the wall.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Moves the clock on (or back, with a negative number) by seconds.
    pub fn advance(&mut self, seconds: f64) {
        self.base += seconds;
    }

    /// Sets the clock, in seconds since the epoch.
    pub fn set(&mut self, now: f64) {
        self.base = now;
        self.since = Instant::now();
    }

    /// Sets the speed: 1 follows the wall, 0 stands still. What has passed stays passed.
    pub fn run_at(&mut self, speed: f64) {
        self.set(self.now());
        self.speed = speed;
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_at_speed_zero_moves_only_when_told() {
        let mut clock = Clock::new();
        clock.run_at(0.0);
        clock.set(1000.0);
        clock.advance(2.5);
        assert!((clock.now() - 1002.5).abs() < 1e-9);
    }

    #[test]
    fn a_moment_is_written_with_milliseconds() {
        assert_eq!(written(1_800_000_000.25), "2027-01-15T08:00:00.25Z");
    }

    #[test]
    fn a_new_clock_shows_the_wall() {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        assert!((Clock::new().now() - wall).abs() < 5.0);
    }
}
