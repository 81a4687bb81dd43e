//! What a look at an account or a repository found, one line each.

use serde::Serialize;

/// How bad it is. The order is from harmless to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It could not be looked at: neither good nor bad is known.
    Unknown,
    /// It works, and could be better or may fail later.
    Warn,
    /// It does not work, or it is dangerous.
    Fail,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub about: String,
    /// How it is.
    pub level: Level,
    /// What was found, or why nothing could be.
    pub found: String,
    /// What to do; empty when there is nothing.
    pub remedy: String,
}

impl Finding {
    /// A finding without a remedy.
    pub fn new(level: Level, about: impl Into<String>, found: impl Into<String>) -> Self {
        Self { about: about.into(), level, found: found.into(), remedy: String::new() }
    }

    /// The same with what to do.
    #[must_use]
    pub fn mend(self, remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }
}

/// Whether a kind of task can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Able {
    /// Everything that it needs is there.
    Yes,
    /// Something that it needs is in doubt.
    Maybe,
    /// Something that it needs is missing.
    No,
}

/// What `preflight` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// 12 digits; empty without credentials.
    pub account: String,
    /// For example `eu-west-1`.
    pub region: String,
    /// What was looked at, in order.
    pub findings: Vec<Finding>,
    /// Kind of task → whether it can be run, in order.
    pub kinds: Vec<(&'static str, Able)>,
}
