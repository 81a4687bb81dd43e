//! What was approved, and whether what would be done now is that. Pure: a record of plans, and plans, go in; a verdict comes out.
//!
//! A plan is approved effect by effect: what is left of an apply that was interrupted is a part of what was approved. The record is
//! kept where people with write access can forge it, so it is an index and never the authority: see `docs/concept/approval.md`.

mod approved;
mod images;
mod record;
mod review;
mod trust;
mod verdict;

use serde::{Deserialize, Serialize};

pub use images::Recorded;
pub use record::{About, Planned, Record, StackRecord, digest, record};
pub use review::{ReviewSeen, reviewed};
pub use trust::{CommentSeen, Distrust, text_digest, trusted};
pub use verdict::{Class, Difference, Verdict, verdict};

/// How an apply must be approved (the input `approval`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// By the plan on the pull request: the same effects, or what is left of them.
    #[default]
    Digest,
    /// The same, and by a review that came after the plan, on the same head commit, by somebody who may write and is not the author.
    DigestAndReview,
    /// By a person who let this run go on for its environment, having seen the plan whose digest the workflow passes on.
    Environment,
    /// Not at all.
    None,
}

impl Mode {
    /// Every mode with its word.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Digest, "digest"),
        (Self::DigestAndReview, "digest+review"),
        (Self::Environment, "environment"),
        (Self::None, "none"),
    ];

    /// Reads its word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(mode, _)| *mode)
    }
}

/// The state of a plan on its pull request; every change of it is told in the comment, the check run and the deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Shown, and nothing done.
    #[default]
    Planned,
    /// The pull request or its base has moved on since.
    Outdated,
    /// Being carried out.
    Applying,
    /// Carried out.
    Applied,
    /// Carried out in part.
    Partial,
    /// Carried out, and a rollout went back.
    RolledBack,
    /// Not carried out: it is not what was approved.
    Refused,
    /// Failed.
    Failed,
    /// Ended by a signal, or by the loss of the runner.
    Cancelled,
}

impl State {
    /// Whether an apply has begun that did not come to a good end.
    pub fn is_left_open(self) -> bool {
        matches!(self, Self::Applying | Self::Partial | Self::Cancelled | Self::Failed | Self::RolledBack)
    }

    /// The state as a clause.
    pub fn words(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Outdated => "outdated",
            Self::Applying => "being applied",
            Self::Applied => "applied",
            Self::Partial => "applied in part",
            Self::RolledBack => "applied, and a rollout went back",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests;
