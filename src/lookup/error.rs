//! What was looked for and not found, with what there is instead and the key to set.

use std::fmt;

use crate::model::CallError;

/// One thing that the account does not have, or has more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, as a sentence without a full stop; wrong values in back-ticks.
    pub what: String,
    /// What there is instead, one line each: ids with what a person knows them by.
    pub candidates: Vec<String>,
    /// The key that settles it, for example `vpc_id`.
    pub key: Option<String>,
    /// What to do.
    pub hint: String,
    /// Where the offending value stands in the YAML (keys and list indexes); empty when nothing there is wrong, only missing.
    pub route: Vec<String>,
}

impl Problem {
    /// A problem with its remedy.
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into(), ..Self::default() }
    }

    /// Names the key that settles it.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Lists what there is.
    #[must_use]
    pub fn candidates(mut self, candidates: impl IntoIterator<Item = String>) -> Self {
        self.candidates = candidates.into_iter().collect();
        self
    }

    /// Says where the offending value stands.
    #[must_use]
    pub fn route<I: ToString>(mut self, route: impl IntoIterator<Item = I>) -> Self {
        self.route = route.into_iter().map(|part| part.to_string()).collect();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for candidate in &self.candidates {
            write!(f, "\n  {candidate}")?;
        }
        Ok(())
    }
}

/// The lookups did not find everything, or were refused: all that went wrong in one round, not only the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct LookupError {
    /// What the configuration must settle.
    pub problems: Vec<Problem>,
    /// Calls that were refused or failed.
    pub calls: Vec<CallError>,
}

impl LookupError {
    /// Only the configuration (or the account that it is used in) is to blame: every call was answered.
    pub fn is_configuration(&self) -> bool {
        self.calls.is_empty()
    }

    /// What to do, once each.
    pub fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = Vec::new();
        for problem in &self.problems {
            if !problem.hint.is_empty() && !hints.contains(&problem.hint) {
                hints.push(problem.hint.clone());
            }
        }
        hints
    }

    /// Nothing went wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty() && self.calls.is_empty()
    }

    /// Takes the value, or takes note of what went wrong.
    pub(super) fn take<T>(&mut self, result: Result<T, Self>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.extend(error.problems);
                for call in error.calls {
                    // One missing permission refuses many reads of a round: say it once.
                    let told = |known: &CallError| {
                        known.op == call.op && known.code == call.code && known.message == call.message
                    };
                    if !self.calls.iter().any(told) {
                        self.calls.push(call);
                    }
                }
                None
            }
        }
    }

    fn text(&self) -> String {
        let lines: Vec<String> = self
            .problems
            .iter()
            .map(Problem::to_string)
            .chain(self.calls.iter().map(CallError::to_string))
            .collect();
        lines.join("\n")
    }
}

impl From<Problem> for LookupError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem], calls: Vec::new() }
    }
}

impl From<CallError> for LookupError {
    fn from(call: CallError) -> Self {
        Self { problems: Vec::new(), calls: vec![call] }
    }
}
