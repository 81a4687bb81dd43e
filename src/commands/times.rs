//! The words `[TASK] [START [END]]` of `logs` and `show`.

use std::collections::BTreeMap;

use crate::env::Environment;
use crate::error::{Error, ExitStatus};
use crate::ops::time::{self, Clock, GRAMMAR, Span};

use super::{App, pick};

/// The clock of this run of the program.
pub fn clock(app: &App) -> Clock {
    Clock { now: app.env.now, to_utc: Environment::from_local }
}

/// Which task and which span the words mean. The first word is a task if one is named so, or if it is no time; without a task
/// there must be only one. `what` is the word for the tasks there are, for example `scheduled task`.
pub fn read<'a, T: Copy>(
    what: &str,
    there: &BTreeMap<&'a str, T>,
    words: &[String],
    clock: &Clock,
) -> Result<((&'a str, T), Span), Error> {
    let is_name = |word: &String| there.contains_key(word.as_str()) || !time::is_time(word, clock);
    let (named, times) = match words.split_first() {
        Some((first, rest)) if is_name(first) => (Some(first.as_str()), rest),
        _ => (None, words),
    };
    let found = pick::one(what, there, named)?;
    let (start, end) = match times {
        [] => (None, None),
        [start] => (Some(start.as_str()), None),
        [start, end] => (Some(start.as_str()), Some(end.as_str())),
        [.., last] => {
            let message = format!("`{last}` is one word too many");
            return Err(Error::new(ExitStatus::Usage, message).hint(GRAMMAR));
        }
    };
    let span = time::span(start, end, clock)
        .map_err(|error| Error::new(ExitStatus::Usage, error.to_string()).hint(GRAMMAR))?;
    Ok((found, span))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock =
        Clock { now: 1_780_228_800_000, to_utc: |local| Some(local.and_utc().timestamp_millis()) };
    const HOUR: i64 = 3_600_000;

    fn of(tasks: &[&'static str], words: &[&str]) -> Result<(&'static str, Span), Error> {
        let there: BTreeMap<&'static str, u8> = tasks.iter().map(|task| (*task, 0)).collect();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        read("task", &there, &words, &CLOCK).map(|((name, _), span)| (name, span))
    }

    #[test]
    fn a_word_is_a_task_if_one_is_named_so_and_else_a_time() {
        let back = |hours: i64| Some(CLOCK.now - hours * HOUR);
        let span = |start, end| Span { start, end };
        assert_eq!(of(&["web"], &[]).unwrap(), ("web", Span::default()));
        assert_eq!(of(&["web"], &["2h"]).unwrap(), ("web", span(back(2), None)));
        assert_eq!(of(&["web"], &["2h", "1h"]).unwrap(), ("web", span(back(2), back(1))));
        assert_eq!(of(&["web", "1h"], &["web", "2h"]).unwrap(), ("web", span(back(2), None)));
        assert_eq!(of(&["web", "1h"], &["1h"]).unwrap(), ("1h", Span::default()));
        assert_eq!(of(&["web", "1h"], &["1h", "1h"]).unwrap(), ("1h", span(back(1), None)));
    }

    #[test]
    fn what_fits_nothing_is_told() {
        let message =
            |tasks: &[&'static str], words: &[&str]| of(tasks, words).unwrap_err().message().to_owned();
        assert_eq!(message(&["web", "job"], &["1h"]), "name one of the 2 tasks");
        assert_eq!(message(&["web"], &["wbe"]), "the stack file has no task `wbe`");
        assert_eq!(message(&["web"], &["web", "noon"]), "`noon` is not a time");
        assert_eq!(message(&["web"], &["2h", "1h", "1h"]), "`1h` is one word too many");
        assert_eq!(message(&["web"], &["0m"]), "`0m` is no time back");
        assert_eq!(of(&["web"], &["1h", "2h"]).unwrap_err().exit(), ExitStatus::Usage);
    }
}
