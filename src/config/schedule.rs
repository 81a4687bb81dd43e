//! Schedule expressions of EventBridge: `cron(…)`, `rate(…)` and `at(…)`, all in UTC.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::PrimitiveDateTime;
use time::macros::format_description;

/// When something is started.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Schedule {
    /// The six fields minute, hour, day of month, month, day of week, year; in upper case, with `?` in one of the day fields.
    Cron([String; 6]),
    /// Every so many units.
    Rate {
        /// How many units lie between two starts; at least 1.
        value: u32,
        /// The unit.
        unit: Unit,
    },
    /// Once, at this time (`yyyy-mm-ddThh:mm:ss`). EventBridge Scheduler knows it, EventBridge rules do not.
    At(String),
}

/// The unit of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Unit {
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
    /// Days.
    Day,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// What one field of a cron expression may hold.
struct Field {
    /// What a message calls it.
    name: &'static str,
    /// The smallest number.
    first: u32,
    /// The largest number.
    last: u32,
    /// Names for the numbers, in order from `first`.
    names: &'static [&'static str],
    /// Whether it is one of the two day fields, where `?` and `L` are possible.
    day: bool,
}

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const DAY_OF_MONTH: usize = 2;
const DAY_OF_WEEK: usize = 4;

const FIELDS: [Field; 6] = [
    Field { name: "minute", first: 0, last: 59, names: &[], day: false },
    Field { name: "hour", first: 0, last: 23, names: &[], day: false },
    Field { name: "day-of-month", first: 1, last: 31, names: &[], day: true },
    Field { name: "month", first: 1, last: 12, names: MONTHS, day: false },
    Field { name: "day-of-week", first: 1, last: 7, names: DAYS, day: true },
    Field { name: "year", first: 1970, last: 2199, names: &[], day: false },
];

impl Schedule {
    /// Parses an expression and brings it into normal form; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (kind, inner) = text
            .strip_suffix(')')
            .and_then(|text| text.split_once('('))
            .ok_or_else(|| format!("must be `cron(…)` or `rate(…)`, found `{}`", text.escape_debug()))?;
        match kind {
            "cron" => cron(inner),
            "rate" => rate(inner),
            "at" => at(inner),
            _ => Err(format!("must be `cron(…)` or `rate(…)`, found `{}(…)`", kind.escape_debug())),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron(fields) => write!(f, "cron({})", fields.join(" ")),
            Self::Rate { value: 1, unit } => write!(f, "rate(1 {})", unit.name()),
            Self::Rate { value, unit } => write!(f, "rate({value} {}s)", unit.name()),
            Self::At(time) => write!(f, "at({time})"),
        }
    }
}

impl TryFrom<String> for Schedule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        schedule.to_string()
    }
}

fn rate(inner: &str) -> Result<Schedule, String> {
    let (value, word) = inner
        .trim()
        .split_once(char::is_whitespace)
        .ok_or("`rate` needs a number and a unit, as in `rate(5 minutes)`")?;
    let (value, word) = (value.trim(), word.trim());
    let value =
        value.parse::<u32>().ok().filter(|value| *value > 0 && !word.starts_with('+')).ok_or_else(|| {
            format!("the number of `rate` must be a whole number from 1, found `{}`", value.escape_debug())
        })?;
    let unit = match word.strip_suffix('s').unwrap_or(word) {
        "minute" => Unit::Minute,
        "hour" => Unit::Hour,
        "day" => Unit::Day,
        _ => {
            return Err(format!(
                "the unit of `rate` must be minutes, hours or days, found `{}`",
                word.escape_debug()
            ));
        }
    };
    let schedule = Schedule::Rate { value, unit };
    if word.ends_with('s') == (value == 1) {
        return Err(format!("AWS wants the singular exactly with 1: write `{schedule}`"));
    }
    Ok(schedule)
}

fn at(inner: &str) -> Result<Schedule, String> {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    PrimitiveDateTime::parse(inner.trim(), form).map_err(|_| {
        format!(
            "`at` needs a date and a time as in `at(2030-01-31T15:00:00)`, found `{}`",
            inner.escape_debug()
        )
    })?;
    Ok(Schedule::At(inner.trim().to_owned()))
}

fn cron(inner: &str) -> Result<Schedule, String> {
    let words: Vec<String> = inner.split_whitespace().map(str::to_ascii_uppercase).collect();
    let count = words.len();
    let mut fields: [String; 6] = words.try_into().map_err(|_| {
        format!("`cron` needs 6 fields (minute hour day-of-month month day-of-week year), found {count}")
    })?;
    for (index, (field, text)) in FIELDS.iter().zip(&fields).enumerate() {
        check_field(index, field, text)
            .map_err(|why| format!("the {} field `{}` {why}", field.name, text.escape_debug()))?;
    }
    let [_, _, month_day, _, week_day, _] = &mut fields;
    match (month_day.as_str(), week_day.as_str()) {
        ("?", "?") => return Err("one of the two day fields must say when; both are `?`".to_owned()),
        ("?", _) | (_, "?") => {}
        (_, "*") => "?".clone_into(week_day),
        ("*", _) => "?".clone_into(month_day),
        _ => {
            return Err("day-of-month and day-of-week cannot both be set; one of them must be `?`".to_owned());
        }
    }
    Ok(Schedule::Cron(fields))
}

/// Checks one field, a list of items between commas.
fn check_field(index: usize, field: &Field, text: &str) -> Result<(), String> {
    if text == "*" || (text == "?" && field.day) {
        return Ok(());
    }
    text.split(',').try_for_each(|item| check_item(index, field, item))
}

fn check_item(index: usize, field: &Field, item: &str) -> Result<(), String> {
    if field.day && (item == "L" || (index == DAY_OF_MONTH && item == "LW")) {
        return Ok(());
    }
    if index == DAY_OF_MONTH
        && let Some(day) = item.strip_suffix('W')
    {
        return number(field, day).map(|_| ());
    }
    if index == DAY_OF_WEEK {
        if let Some((day, nth)) = item.split_once('#') {
            number(field, day)?;
            return match nth.parse::<u32>() {
                Ok(1..=5) => Ok(()),
                _ => Err("needs a number from 1 to 5 after `#`".to_owned()),
            };
        }
        if let Some(day) = item.strip_suffix('L') {
            return number(field, day).map(|_| ());
        }
    }
    let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
    if let Some(step) = step
        && !matches!(step.parse::<u32>(), Ok(step) if step >= 1 && step <= field.last)
    {
        return Err(format!("needs a step from 1 to {} after `/`", field.last));
    }
    match range.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (number(field, first)?, number(field, last)?);
            // A week can be cut anywhere: FRI-MON is four days.
            if first > last && index != DAY_OF_WEEK {
                return Err("has a range that ends before it begins".to_owned());
            }
            Ok(())
        }
        None if range == "*" && step.is_some() => Ok(()),
        None => number(field, range).map(|_| ()),
    }
}

fn number(field: &Field, text: &str) -> Result<u32, String> {
    if let Some(place) = field.names.iter().position(|name| *name == text) {
        return Ok(field.first + u32::try_from(place).unwrap_or_default());
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse::<u32>()
        .ok()
        .filter(|number| digits && (field.first..=field.last).contains(number))
        .ok_or_else(|| match field.names {
            [] => format!("must be made of numbers from {} to {}", field.first, field.last),
            [first, .., last] => {
                format!(
                    "must be made of numbers from {} to {} or names {first} to {last}",
                    field.first, field.last
                )
            }
            [only] => format!("must be {only}"),
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        Schedule::parse(text).unwrap().to_string()
    }

    #[test]
    fn two_stars_in_the_day_fields_become_a_question_mark() {
        assert_eq!(normal("cron(00 15 * * * *)"), "cron(00 15 * * ? *)");
        assert_eq!(normal("cron(0 15 * * MON-FRI *)"), "cron(0 15 ? * MON-FRI *)");
        assert_eq!(normal("cron(0 15 1 * * *)"), "cron(0 15 1 * ? *)");
    }

    #[test]
    fn singular_rates_are_valid_exactly_with_one() {
        for text in ["rate(1 day)", "rate(1 hour)", "rate(1 minute)", "rate(5 minutes)", "rate(90 minutes)"] {
            assert_eq!(normal(text), text);
        }
        for text in [
            "rate(1 days)",
            "rate(2 day)",
            "rate(0 days)",
            "rate(-1 days)",
            "rate(1.5 days)",
            "rate(5 weeks)",
            "rate(5)",
            "rate()",
        ] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_special_character_of_a_day_field_is_known() {
        for text in [
            "cron(0/15 * ? * 2-6 *)",
            "cron(*/5 8-17 ? * MON-FRI *)",
            "cron(0 9 ? * 2#1 *)",
            "cron(0 9 ? * FRI#3 *)",
            "cron(0 9 ? * 6L *)",
            "cron(0 9 ? * FRIL *)",
            "cron(0 9 L * ? *)",
            "cron(0 9 LW * ? *)",
            "cron(0 9 3W * ? *)",
            "cron(0,30 9 1,15 JAN,JUL ? 2030-2035)",
            "cron(0 9 ? * FRI-MON 1970/2)",
        ] {
            assert_eq!(normal(text), text);
        }
        assert_eq!(normal("cron(0  9 ?  jan mon *)"), "cron(0 9 ? JAN MON *)");
    }

    #[test]
    fn a_cron_field_out_of_range_is_refused_by_name() {
        for (text, part) in [
            ("cron(60 15 * * ? *)", "minute"),
            ("cron(0 24 * * ? *)", "hour"),
            ("cron(0 15 0 * ? *)", "day-of-month"),
            ("cron(0 15 ? 13 MON *)", "month"),
            ("cron(0 15 ? * 8 *)", "day-of-week"),
            ("cron(0 15 * * ? 1969)", "year"),
            ("cron(0 15 * * ? 2200)", "year"),
            ("cron(0/0 15 * * ? *)", "step"),
            ("cron(0 17-9 * * ? *)", "ends before"),
            ("cron(? 15 * * ? *)", "minute"),
            ("cron(0 15 ? * MON#6 *)", "after `#`"),
            ("cron(, 15 * * ? *)", "minute"),
            ("cron(+1 15 * * ? *)", "minute"),
            ("cron(0 15 * * *)", "found 5"),
            ("cron(0 15 ? * ? *)", "both are"),
            ("cron(0 15 1 * MON *)", "cannot both"),
        ] {
            let error = Schedule::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_time_is_read_as_far_as_the_calendar_goes() {
        assert_eq!(normal("at(2030-01-31T15:00:00)"), "at(2030-01-31T15:00:00)");
        for text in [
            "at(2030-02-30T15:00:00)",
            "at(2030-01-31)",
            "at(2030-01-31T25:00:00)",
            "at(2030-01-31T15:00:00Z)",
        ] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }
}
