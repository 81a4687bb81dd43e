//! Whether a plan comment is the one that was written, and its record can be believed.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::record::{Record, StackRecord, digest_of};
use crate::engine::{self, Effect};

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

/// What a record keeps of the visible text: SHA-256 in hex over its normal form.
pub fn text_digest(normal_form: &str) -> String {
    Sha256::digest(normal_form.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The record of a comment that can be believed, completed from its witness where it was too long to be kept whole.
///
/// The check run is a second witness, and no signature: whoever may write to the repository can forge both. A missing one is fine.
pub fn trusted(comment: &CommentSeen) -> Result<Record, Distrust> {
    let number = comment.number;
    if comment.minimized {
        return Err(Distrust::Hidden { number });
    }
    if let Some(editor) = &comment.edited_by_other {
        return Err(Distrust::Edited { number, editor: editor.clone() });
    }
    let Some(record) = comment.record.as_ref().filter(|record| !record.digest.is_empty()) else {
        return Err(Distrust::Unreadable { number });
    };
    if !is_consistent(record) {
        return Err(Distrust::Unreadable { number });
    }
    if record.head != comment.head {
        return Err(Distrust::Stale { number, planned: record.head.clone(), head: comment.head.clone() });
    }
    if record.text.is_empty() || comment.text.as_ref() != Some(&record.text) {
        return Err(Distrust::TextAltered { number });
    }
    match &comment.witness {
        None => Ok(record.clone()),
        Some(witness) if agrees(record, witness) => Ok(completed(record, witness)),
        Some(_) => Err(Distrust::WitnessDiffers { number }),
    }
}

/// Whether all digests in the record are those of what they are of. Another version may make them otherwise.
fn is_consistent(record: &Record) -> bool {
    if record.tool != env!("CARGO_PKG_VERSION") {
        return true;
    }
    let fits = |(name, stack): (&String, &StackRecord)| {
        let place = stack.place(name);
        stack.effects.as_ref().is_none_or(|effects| {
            stack.fingerprint == engine::fingerprint_of(&place, effects)
                && effects
                    .iter()
                    .all(|effect| effect.fields.is_empty() || effect.digest == engine::seal(&place, effect))
        })
    };
    record.digest == digest_of(&record.stacks) && record.stacks.iter().all(fits)
}

fn agrees(record: &Record, witness: &Record) -> bool {
    let fingerprints = |record: &Record| {
        let all = record.stacks.iter().map(|(name, stack)| (name.clone(), stack.fingerprint.clone()));
        all.collect::<Vec<_>>()
    };
    // A run that was killed between two writes leaves them in different states, and then the texts are of different ones.
    let same_text = record.state != witness.state || record.text == witness.text;
    let same =
        (&record.scope, &record.head, &record.digest) == (&witness.scope, &witness.head, &witness.digest);
    same && same_text && fingerprints(record) == fingerprints(witness) && is_consistent(witness)
}

/// The record with the effects and fields that only the witness has, where they are those of its fingerprint.
fn completed(record: &Record, witness: &Record) -> Record {
    let mut record = record.clone();
    for (name, stack) in &mut record.stacks {
        let Some(more) = witness.stacks.get(name) else { continue };
        let place = more.place(name);
        let whole = |effects: &Vec<Effect>| engine::fingerprint_of(&place, effects) == stack.fingerprint;
        let Some(theirs) = more.effects.as_ref().filter(|effects| whole(effects)) else { continue };
        match &mut stack.effects {
            None => stack.effects = Some(theirs.clone()),
            Some(effects) => {
                for effect in effects.iter_mut().filter(|effect| effect.fields.is_empty()) {
                    let same = theirs.iter().find(|other| other.digest == effect.digest);
                    if let Some(same) = same.filter(|same| engine::seal(&place, same) == effect.digest) {
                        *effect = same.clone();
                    }
                }
            }
        }
    }
    record
}
