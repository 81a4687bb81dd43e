//! The only reader of the process environment.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::path::PathBuf;

use chrono::{DateTime, Local, NaiveDateTime, TimeZone, Utc};

/// The process environment, read once. An empty variable counts as unset: a composite action passes unset inputs as empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    vars: BTreeMap<String, String>,
    /// The variables that are set to nothing.
    empty: BTreeSet<String>,
    /// Standard output is a terminal.
    pub stdout_tty: bool,
    /// Standard error is a terminal.
    pub stderr_tty: bool,
    /// Standard input is a terminal, so that questions can be asked.
    pub stdin_tty: bool,
    /// When it was read, in milliseconds since the epoch: the one "now" of a command.
    pub now: i64,
}

impl Environment {
    /// Reads the environment of this process. Variables that are not UTF-8 are left out.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn read() -> Self {
        let all = std::env::vars_os();
        let all = all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let (empty, vars): (BTreeMap<_, _>, BTreeMap<_, _>) = all.partition(|(_, value)| value.is_empty());
        Self {
            vars,
            empty: empty.into_keys().collect(),
            stdout_tty: std::io::stdout().is_terminal(),
            stderr_tty: std::io::stderr().is_terminal(),
            stdin_tty: std::io::stdin().is_terminal(),
            now: Utc::now().timestamp_millis(),
        }
    }

    /// An environment of these variables.
    #[cfg(test)]
    pub fn of(vars: &[(&str, &str)]) -> Self {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { vars, ..Self::default() }
    }

    /// A variable, if it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str)
    }

    /// A variable is set, to nothing. For those that others read, who do not take that for unset.
    pub fn is_empty(&self, name: &str) -> bool {
        self.empty.contains(name)
    }

    /// `CI` is set and does not say no: nothing is asked, and no file of the user is written.
    pub fn is_ci(&self) -> bool {
        self.get("CI").is_some_and(|value| !matches!(value, "false" | "0"))
    }

    /// The names in a comma-separated variable.
    pub fn names(&self, name: &str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A time of the local zone (`TZ`, else the system's) as milliseconds since the epoch; the earlier one of two, `None` when
    /// the zone skips it.
    pub fn from_local(local: NaiveDateTime) -> Option<i64> {
        Local.from_local_datetime(&local).earliest().map(|moment| moment.timestamp_millis())
    }

    /// A moment as the local zone writes it: `2026-05-31 14:30:00`.
    pub fn local_text(millis: i64) -> String {
        let moment = DateTime::<Utc>::from_timestamp_millis(millis).unwrap_or_default();
        moment.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// A moment in seconds since the epoch, as `2026-05-31 14:30:00 UTC`.
    pub fn utc_text(seconds: i64) -> String {
        let moment = DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default();
        moment.format("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    /// A variable as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_that_says_no_is_not_ci() {
        assert!(Environment::of(&[("CI", "true")]).is_ci());
        assert!(!Environment::of(&[("CI", "false")]).is_ci());
        assert!(!Environment::of(&[]).is_ci());
    }

    #[test]
    fn names_are_split_at_commas_and_trimmed() {
        assert_eq!(Environment::of(&[("N", " a, b ,,")]).names("N"), ["a", "b"]);
    }
}
