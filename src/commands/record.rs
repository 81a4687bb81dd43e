//! What the plan comment remembers of a plan, so that the apply can be held to it.

use serde::{Deserialize, Serialize};

use crate::engine::{self, Difference, Effect};
use crate::lookup;
use crate::model::{Image, ImageOrigin, Plan};
use crate::render::redact;

/// How long the hidden record may be, in bytes of JSON, before the values in it are dropped and only digests stay.
const RECORD_BYTES: usize = 24_000;
/// How long it may be before the effects are dropped too, and a difference can only be told as a whole.
const DIGEST_BYTES: usize = 30_000;

/// The record of a plan: enough to tell whether another plan does the same, and if not, which field differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The stack's name.
    pub stack: String,
    /// The plan's fingerprint.
    pub fingerprint: String,
    /// What it would do.
    pub effects: Vec<Effect>,
    /// The images that it resolved from a tag of the configuration.
    pub images: Vec<Recorded>,
    /// The commit that was planned.
    pub head: String,
    /// The version of the program.
    pub tool: String,
    /// The id of the workflow run.
    pub run: u64,
    /// The attempt of the workflow run.
    pub attempt: u64,
}

/// One image as it was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The task.
    pub task: String,
    /// `sha256:…`.
    pub digest: String,
    /// The tag it was found by.
    pub tag: Option<String>,
}

impl Record {
    /// The record of a plan.
    pub fn new(plan: &Plan, head: &str, run: u64, attempt: u64) -> Self {
        let mut record = Self {
            stack: plan.stack.clone(),
            fingerprint: plan.fingerprint.clone(),
            effects: engine::effects(plan),
            images: plan.images.iter().filter_map(recorded).collect(),
            head: head.to_owned(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            run,
            attempt,
        };
        // Everybody who sees the comment can decode it: no account id stands in it whole.
        for field in record.effects.iter_mut().flat_map(|effect| effect.fields.values_mut()) {
            field.shown = field.shown.take().map(|text| redact::accounts(&text, &plan.account));
        }
        if record.bytes() > RECORD_BYTES {
            for field in record.effects.iter_mut().flat_map(|effect| effect.fields.values_mut()) {
                field.shown = None;
            }
        }
        if record.bytes() > DIGEST_BYTES {
            record.effects.clear();
        }
        record
    }

    fn bytes(&self) -> usize {
        serde_json::to_string(self).map_or(usize::MAX, |text| text.len())
    }

    /// What the plan would do otherwise than recorded; empty when it does the same.
    ///
    /// The image of the commit is built after the plan was read, so a tag that was asked for may give any digest of the
    /// same repository. A tag of the configuration must still give the digest that was planned.
    pub fn differences(&self, plan: &Plan) -> Vec<Difference> {
        if self.fingerprint == plan.fingerprint {
            return self.moved_tags(plan);
        }
        let mut found = if self.effects.is_empty() {
            Vec::new()
        } else {
            engine::differences(&self.effects, &engine::effects(plan))
        };
        found.extend(self.moved_tags(plan));
        if found.is_empty() {
            found.push(Difference {
                address: self.stack.clone(),
                path: Some("fingerprint".to_owned()),
                approved: self.fingerprint.clone(),
                now: plan.fingerprint.clone(),
            });
        }
        found
    }

    /// Tags that give another digest than was planned: those of the configuration, and one that was asked for by a name of its
    /// own in both plans.
    fn moved_tags(&self, plan: &Plan) -> Vec<Difference> {
        let mut found = Vec::new();
        for image in &plan.images {
            let Some(now) = recorded(image) else { continue };
            let moved = self.images.iter().find(|was| {
                was.task == now.task
                    && was.digest != now.digest
                    && (image.origin == ImageOrigin::Configured || was.tag == now.tag)
            });
            found.extend(moved.map(|was| Difference {
                address: format!("task_definition.{}", now.task),
                path: Some(format!("image (tag {})", now.tag.as_deref().unwrap_or("none"))),
                approved: was.digest.clone(),
                now: now.digest.clone(),
            }));
        }
        found
    }
}

/// An image whose tag must still give the digest that was planned. The one of a commit may be built after the plan.
fn recorded(image: &Image) -> Option<Recorded> {
    let binds = match image.origin {
        ImageOrigin::Configured => true,
        ImageOrigin::Pinned => image.tag.as_deref().and_then(lookup::commit_of).is_none(),
        ImageOrigin::Running | ImageOrigin::Outside => false,
    };
    let digest = image.digest.clone().filter(|_| binds)?;
    Some(Recorded { task: image.task.clone(), digest, tag: image.tag.clone() })
}
