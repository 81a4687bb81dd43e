//! What was approved, and whether what would be done now is that. Pure: a record of plans, and plans, go in; a verdict comes out.
//!
//! A plan is approved effect by effect: what is left of an apply that was interrupted is a part of what was approved. The record is
//! kept where people with write access can forge it, so it is an index and never the authority: see `docs/concept/approval.md`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::Effect;
use crate::model::Plan;

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

/// What is remembered of the plans of a pull request. Holds no value that must not be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Which comment this is: the patterns of stack files, or the input `scope`.
    pub scope: String,
    /// How far it is.
    pub state: State,
    /// The commit that was planned: the head of the pull request.
    pub head: String,
    /// The tip of the base branch that it was planned on.
    pub base: String,
    /// The base branch.
    pub base_ref: String,
    /// The version of the program.
    pub tool: String,
    /// The id of the workflow run that wrote this.
    pub run: u64,
    /// The attempt of that run.
    pub attempt: u64,
    /// When it was planned, in seconds since the epoch.
    pub planned_at: u64,
    /// SHA-256 in hex over the fingerprints of all stacks: the plan's digest.
    pub digest: String,
    /// SHA-256 in hex over the normal form of the visible text.
    pub text: String,
    /// How much detail the visible text has: a rung of the renderer's ladder.
    pub rung: u8,
    /// Names of the environment variables whose values the text shows.
    pub show_values: Vec<String>,
    /// The stacks, by name.
    pub stacks: BTreeMap<String, StackRecord>,
}

/// What is remembered of the plan of one stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StackRecord {
    /// The stack file, relative to the repository.
    pub file: String,
    /// The plan's fingerprint.
    pub fingerprint: String,
    /// What it would do, one by one; absent when that was too long to be kept, and then only the whole can be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effects: Option<Vec<Effect>>,
    /// The images that it resolved from tags of the stack file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Recorded>,
}

/// One image as it was planned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The task.
    pub task: String,
    /// `sha256:…`.
    pub digest: String,
    /// The tag it was found by.
    pub tag: Option<String>,
}

/// The plan of one stack, and the file that it is of.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'a> {
    /// The stack file, relative to the repository.
    pub file: &'a str,
    /// The plan.
    pub plan: &'a Plan,
}

/// What a record is about, beside the plans.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Which comment.
    pub scope: String,
    /// The head commit.
    pub head: String,
    /// The tip of the base.
    pub base: String,
    /// The base branch.
    pub base_ref: String,
    /// The run.
    pub run: u64,
    /// Its attempt.
    pub attempt: u64,
    /// Seconds since the epoch.
    pub at: u64,
}

/// Whether what would be done is what was approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All of it, and nothing else.
    Same,
    /// A part of it: the rest is done already.
    Rest {
        /// How many of the approved effects are done.
        done: usize,
        /// How many are left.
        left: usize,
    },
    /// Something else.
    Differs(Vec<Difference>),
}

/// Why something is not what was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The stack file wants something else than when it was planned, or the base branch brought it.
    Config,
    /// AWS is not as it was when it was planned.
    Drift,
    /// A tag gives another image.
    TagMoved,
    /// Nobody was shown this.
    NewEffect,
}

/// One difference between what was approved and what would be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The stack.
    pub stack: String,
    /// The resource's address; empty when the stack as a whole differs.
    pub address: String,
    /// The attribute; `None` when the action or the resource as a whole differs.
    pub path: Option<String>,
    /// What was approved, for people.
    pub approved: String,
    /// What would be done now, for people.
    pub now: String,
    /// Why.
    pub class: Class,
}

/// The record of these plans, whole.
pub fn record(plans: &[Planned<'_>], about: &About) -> Record {
    let _ = (plans, about);
    Record::default()
}

/// The digest of plans: SHA-256 in hex over the fingerprints of all stacks, whatever their order.
pub fn digest(plans: &[Planned<'_>]) -> String {
    let _ = plans;
    String::new()
}

/// Compares plans with the records of all pull requests that a push brought; later records win for a stack that several planned.
pub fn verdict(approved: &[&Record], plans: &[Planned<'_>]) -> Verdict {
    let _ = (approved, plans);
    Verdict::Differs(Vec::new())
}

/// SHA-256 in hex over the normal form of a visible text.
pub fn text_digest(text: &str) -> String {
    text.to_owned()
}

impl State {
    /// Whether an apply has begun.
    pub fn was_begun(self) -> bool {
        matches!(self, Self::Applying | Self::Partial | Self::Cancelled | Self::Failed | Self::RolledBack)
    }

    /// How an attempt ended, as a clause.
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

impl Class {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Config => "the configuration changed",
            Self::Drift => "AWS changed",
            Self::TagMoved => "the tag moved",
            Self::NewEffect => "nobody was shown this",
        }
    }
}

impl Record {
    /// The same with so much left out that `size` of it is at most `bytes`: first the words, then the fields, then the effects.
    #[must_use]
    pub fn fitted(&self, bytes: usize, size: impl Fn(&Self) -> usize) -> Self {
        let _ = (bytes, size(self));
        self.clone()
    }
}

/// Why a plan on a pull request approves nothing. Each has its own output `failure-reason`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Somebody else edited the comment.
    #[error("the plan comment of pull request #{number} was edited by `{editor}`")]
    Edited {
        /// The pull request.
        number: u64,
        /// Who.
        editor: String,
    },
    /// The comment was hidden by somebody.
    #[error("the plan comment of pull request #{number} is hidden")]
    Hidden {
        /// The pull request.
        number: u64,
    },
    /// The record is damaged.
    #[error("the record in the plan comment of pull request #{number} cannot be read")]
    Unreadable {
        /// The pull request.
        number: u64,
    },
    /// The visible text is not the one that the record is about.
    #[error("the text of the plan comment of pull request #{number} is not the one that was written")]
    TextAltered {
        /// The pull request.
        number: u64,
    },
    /// The check run tells of another plan.
    #[error("the check run of pull request #{number} tells of another plan than its comment")]
    WitnessDiffers {
        /// The pull request.
        number: u64,
    },
    /// The plan is of an earlier head commit.
    #[error("the plan of pull request #{number} is of {planned}, but {head} was merged")]
    Stale {
        /// The pull request.
        number: u64,
        /// What was planned.
        planned: String,
        /// What was merged.
        head: String,
    },
    /// No review counts.
    #[error("pull request #{number} has no approving review of this plan: {why}")]
    NotReviewed {
        /// The pull request.
        number: u64,
        /// A clause.
        why: String,
    },
}

impl Distrust {
    /// The output `failure-reason`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Edited { .. } => "comment-edited",
            Self::Hidden { .. } => "comment-hidden",
            Self::Unreadable { .. } => "record-unreadable",
            Self::TextAltered { .. } => "comment-altered",
            Self::WitnessDiffers { .. } => "check-run-differs",
            Self::Stale { .. } => "stale-plan",
            Self::NotReviewed { .. } => "not-reviewed",
        }
    }
}

/// A plan comment as GitHub holds it.
#[derive(Debug, Clone, Default)]
pub struct CommentSeen {
    /// The pull request.
    pub number: u64,
    /// The last editor, when it is not the author.
    pub edited_by_other: Option<String>,
    /// Folded away.
    pub minimized: bool,
    /// The record in its marker.
    pub record: Option<Record>,
    /// SHA-256 in hex over the normal form of its visible text; `None` when it has none, because its volatile parts hold what they
    /// must not.
    pub text: Option<String>,
    /// The head commit that was merged.
    pub head: String,
    /// The record in the check run of that commit, when there is one.
    pub witness: Option<Record>,
}

/// The record of a comment that can be believed.
pub fn trusted(comment: &CommentSeen) -> Result<Record, Distrust> {
    Err(Distrust::Unreadable { number: comment.number })
}

/// A review.
#[derive(Debug, Clone, Default)]
pub struct ReviewSeen {
    /// Who.
    pub user: String,
    /// Approves; otherwise it asks for changes (others are left out).
    pub approves: bool,
    /// The commit that was reviewed.
    pub commit: String,
    /// When (RFC 3339, UTC).
    pub at: String,
    /// Whether the reviewer may write to the repository.
    pub may_write: bool,
}

/// Who approved the plan: the newest approving review that counts. `plan_written` is when the visible plan got its present text
/// (RFC 3339, UTC).
pub fn reviewed(
    number: u64,
    reviews: &[ReviewSeen],
    author: Option<&str>,
    head: &str,
    plan_written: &str,
) -> Result<String, Distrust> {
    let _ = (reviews, author, head, plan_written);
    Err(Distrust::NotReviewed { number, why: "not there yet".to_owned() })
}
