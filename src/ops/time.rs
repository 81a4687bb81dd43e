//! The times of `logs` and `show`: `30m`, `2h`, `1d` back from now, or a date. Pure.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat};

/// The clock of one command: every relative time counts from the same moment.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Milliseconds since the epoch.
    pub now: i64,
    /// A time of the local zone as milliseconds since the epoch; `None` when the zone skips it (clocks put forward).
    pub to_utc: fn(NaiveDateTime) -> Option<i64>,
}

/// From when to when, in milliseconds since the epoch; `None` is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The first moment of it.
    pub start: Option<i64>,
    /// The moment that ends it.
    pub end: Option<i64>,
}

/// A word that is no time, or times that make no span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Neither a duration nor a date.
    #[error("`{0}` is not a time")]
    Unknown(String),
    /// `0m`.
    #[error("`{0}` is no time back")]
    Zero(String),
    /// Further back than time goes.
    #[error("`{0}` is too far back")]
    TooFar(String),
    /// Clocks were put forward over it.
    #[error("`{0}` does not exist in the local time zone")]
    Skipped(String),
    /// It has not come yet.
    #[error("`{0}` is in the future")]
    Future(String),
    /// The span ends before it starts.
    #[error("`{start}` is later than `{end}`")]
    Backwards {
        /// Where it should start.
        start: String,
        /// Where it should end.
        end: String,
    },
}

/// How a time is written, for a hint.
pub const GRAMMAR: &str = "a time is `30m`, `2h` or `1d` back from now, or a date such as `2026-05-31`, `2026-05-31T14:30:00Z`, \
                           `\"2026-05-31 14:30\"` or `05/31/2026`; without a zone it is local time";

const MINUTE: i64 = 60_000;

/// A moment as RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The span from `start` to `end`, as far as they are given.
pub fn span(start: Option<&str>, end: Option<&str>, clock: &Clock) -> Result<Span, TimeError> {
    let span = Span {
        start: start.map(|text| parse(text, clock)).transpose()?,
        end: end.map(|text| parse(text, clock)).transpose()?,
    };
    for (moment, text) in [(span.start, start), (span.end, end)] {
        if moment.is_some_and(|moment| moment > clock.now) {
            return Err(TimeError::Future(text.unwrap_or_default().to_owned()));
        }
    }
    match (span.start, span.end) {
        (Some(first), Some(last)) if first > last => {
            let word = |text: Option<&str>| text.unwrap_or_default().to_owned();
            Err(TimeError::Backwards { start: word(start), end: word(end) })
        }
        _ => Ok(span),
    }
}

/// Whether a word reads as a time, valid or not: what a word in the place of a name is taken for.
pub fn is_time(text: &str, clock: &Clock) -> bool {
    !matches!(parse(text, clock), Err(TimeError::Unknown(_)))
}

/// One moment, in milliseconds since the epoch.
pub fn parse(text: &str, clock: &Clock) -> Result<i64, TimeError> {
    let text = text.trim();
    if let Some(result) = ago(text, clock.now) {
        return result;
    }
    // A zone decides; without one a date is local, and begins at midnight.
    if let Some(moment) = zoned(text) {
        return Ok(moment);
    }
    let local = local(text).ok_or_else(|| TimeError::Unknown(text.to_owned()))?;
    (clock.to_utc)(local).ok_or_else(|| TimeError::Skipped(text.to_owned()))
}

/// `30m`, `2h`, `1d`, in either case; `None` when it has another form.
fn ago(text: &str, now: i64) -> Option<Result<i64, TimeError>> {
    let (at, unit) = text.char_indices().next_back()?;
    let unit = match unit.to_ascii_lowercase() {
        'm' => MINUTE,
        'h' => 60 * MINUTE,
        'd' => 24 * 60 * MINUTE,
        _ => return None,
    };
    let number = text.get(..at)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let back = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit));
    Some(match back {
        Some(0) => Err(TimeError::Zero(text.to_owned())),
        // Nothing was logged before 1970.
        Some(back) if back <= now => Ok(now - back),
        _ => Err(TimeError::TooFar(text.to_owned())),
    })
}

fn zoned(text: &str) -> Option<i64> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.timestamp_millis());
    }
    // `Z` is no offset to the parser outside of RFC 3339.
    let text = text.strip_suffix(['Z', 'z']).map_or_else(|| text.to_owned(), |head| format!("{head}+0000"));
    let forms =
        ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z", "%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%d %H:%M %z"];
    let forms = forms.iter().chain(&["%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%d %H:%M%z", "%m/%d/%Y %H:%M:%S %z"]);
    let mut found = forms.filter_map(|form| DateTime::parse_from_str(&text, form).ok());
    found.next().map(|moment| moment.timestamp_millis())
}

fn local(text: &str) -> Option<NaiveDateTime> {
    let times = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let times = times.iter().chain(&["%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M"]);
    let mut times = times.filter_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let mut dates =
        ["%Y-%m-%d", "%m/%d/%Y"].iter().filter_map(|form| NaiveDate::parse_from_str(text, form).ok());
    times.next().or_else(|| dates.next().map(|date| date.and_time(NaiveTime::MIN)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// 2026-05-31T12:00:00Z.
    const NOW: i64 = 1_780_228_800_000;

    /// Two hours east of Greenwich, with a gap on the last Sunday of March 2026.
    fn clock() -> Clock {
        let to_utc = |local: NaiveDateTime| {
            let gap = local.format("%Y-%m-%dT%H").to_string() == "2026-03-29T02";
            (!gap).then(|| local.and_utc().timestamp_millis() - 120 * MINUTE)
        };
        Clock { now: NOW, to_utc }
    }

    fn shown(text: &str) -> String {
        let moment = parse(text, &clock()).unwrap();
        rfc3339(moment)
    }

    #[test]
    fn a_duration_counts_back_from_now_in_either_case() {
        assert_eq!(shown("5m"), "2026-05-31T11:55:00.000Z");
        assert_eq!(shown("5M"), shown("5m"));
        assert_eq!(shown("3h"), "2026-05-31T09:00:00.000Z");
        assert_eq!(shown("2D"), "2026-05-29T12:00:00.000Z");
    }

    #[test]
    fn a_date_without_a_zone_is_local_and_one_with_a_zone_is_not() {
        for (text, expected) in [
            ("2026-05-30", "2026-05-29T22:00:00.000Z"),
            ("05/30/2026", "2026-05-29T22:00:00.000Z"),
            ("2026-05-30 08:15", "2026-05-30T06:15:00.000Z"),
            ("2026-05-30T08:15:07", "2026-05-30T06:15:07.000Z"),
            ("2026-05-30T08:15:07.25", "2026-05-30T06:15:07.250Z"),
            ("05/30/2026 08:15", "2026-05-30T06:15:00.000Z"),
            ("05/30/2026 08:15:30", "2026-05-30T06:15:30.000Z"),
            ("2026-05-30T08:15:07Z", "2026-05-30T08:15:07.000Z"),
            ("2026-05-30T08:15Z", "2026-05-30T08:15:00.000Z"),
            ("2026-05-30T08:15:07+05:30", "2026-05-30T02:45:07.000Z"),
            ("2026-05-30 08:15:07 +0530", "2026-05-30T02:45:07.000Z"),
            ("2026-05-30 08:15:07Z", "2026-05-30T08:15:07.000Z"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_told_apart_from_what_is_a_bad_one() {
        let error = |text: &str| parse(text, &clock()).unwrap_err();
        for text in ["", "web", "m", "1w", "-5m", "1.5h", "2026-13-01", "31/05/2026", "12:30", "５m", "1 h"]
        {
            assert_eq!(error(text), TimeError::Unknown(text.to_owned()), "{text}");
            assert!(!is_time(text, &clock()), "{text}");
        }
        assert_eq!(error("0h"), TimeError::Zero("0h".to_owned()));
        assert_eq!(error("99999999999999999999d"), TimeError::TooFar("99999999999999999999d".to_owned()));
        assert_eq!(error("30000d"), TimeError::TooFar("30000d".to_owned()));
        assert_eq!(error("2026-03-29 02:30"), TimeError::Skipped("2026-03-29 02:30".to_owned()));
        assert!(is_time("0h", &clock()));
    }

    #[test]
    fn a_span_lies_in_the_past_and_goes_forward() {
        let of = |start, end| span(start, end, &clock());
        assert_eq!(of(None, None).unwrap(), Span::default());
        let hour = of(Some("2h"), Some("1h")).unwrap();
        assert_eq!(hour.end.unwrap() - hour.start.unwrap(), 60 * MINUTE);
        assert_eq!(of(Some("2027-01-01"), None).unwrap_err(), TimeError::Future("2027-01-01".to_owned()));
        assert_eq!(
            of(Some("1h"), Some("2027-01-01")).unwrap_err().to_string(),
            "`2027-01-01` is in the future"
        );
        assert_eq!(of(Some("1h"), Some("2h")).unwrap_err().to_string(), "`1h` is later than `2h`");
        assert!(of(Some("1h"), Some("1h")).is_ok());
    }
}
