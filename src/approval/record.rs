//! What is remembered of the plans of a pull request, and how it is made to fit.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::State;
use super::images::{self, Recorded};
use crate::engine::{self, Effect, Place};
use crate::model::{Plan, short_account};

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
    /// SHA-256 in hex over the fingerprints of all stacks, and the images that bind: the plan's digest.
    pub digest: String,
    /// SHA-256 in hex over the normal form of the visible text.
    pub text: String,
    /// How much detail the visible text has: a rung of the renderer's ladder.
    pub rung: u8,
    /// Names of the environment variables whose values the visible text shows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
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
    /// The account, by its last four digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// A digest over everything that the stack file wants, whether it is so already or not.
    pub wanted: String,
    /// The plan's fingerprint.
    pub fingerprint: String,
    /// What it would do, one by one; absent when that was too long to be kept, and then only the whole can be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effects: Option<Vec<Effect>>,
    /// Its images, but for those of a commit: they may be built after the plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Recorded>,
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
    /// Names of the environment variables whose values are shown.
    pub show_values: Vec<String>,
}

/// The record of these plans, whole. Text and rung are for whoever renders them.
pub fn record(plans: &[Planned<'_>], about: &About) -> Record {
    let stacks: BTreeMap<String, StackRecord> =
        plans.iter().map(|planned| (planned.plan.stack.clone(), stack(planned))).collect();
    Record {
        scope: about.scope.clone(),
        state: State::Planned,
        head: about.head.clone(),
        base: about.base.clone(),
        base_ref: about.base_ref.clone(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        run: about.run,
        attempt: about.attempt,
        planned_at: about.at,
        digest: digest_of(&stacks),
        text: String::new(),
        rung: 0,
        show_values: about.show_values.clone(),
        stacks,
    }
}

/// The digest of plans: SHA-256 in hex over the fingerprints of all stacks, and their images that bind, whatever their order.
pub fn digest(plans: &[Planned<'_>]) -> String {
    digest_of(&plans.iter().map(|planned| (planned.plan.stack.clone(), stack(planned))).collect())
}

/// What [`digest`] says of the plans that these records are of.
pub(super) fn digest_of(stacks: &BTreeMap<String, StackRecord>) -> String {
    let all: Vec<_> = stacks
        .iter()
        .map(|(name, stack)| {
            // What runs may be released anew meanwhile, and does not bind.
            let images = stack.images.iter().filter(|image| !image.running);
            let images: Vec<_> = images.map(|image| (&image.task, &image.digest, &image.tag)).collect();
            (name, &stack.fingerprint, images)
        })
        .collect();
    let mut text = String::new();
    for byte in Sha256::digest(serde_json::json!(["plans", all]).to_string().as_bytes()) {
        let _ = write!(text, "{byte:02x}"); // into a String: cannot fail
    }
    text
}

fn stack(planned: &Planned<'_>) -> StackRecord {
    let plan = planned.plan;
    StackRecord {
        file: planned.file.to_owned(),
        account: short_account(&plan.account),
        region: plan.region.clone(),
        wanted: engine::wanted(plan),
        fingerprint: plan.fingerprint.clone(),
        effects: Some(engine::effects(plan)),
        images: plan.images.iter().filter_map(|image| images::recorded(image, &plan.account)).collect(),
    }
}

impl StackRecord {
    /// Where its effects happen.
    pub(super) fn place<'a>(&'a self, stack: &'a str) -> Place<'a> {
        Place { stack, account: &self.account, region: &self.region }
    }

    /// Whether there was anything to do.
    pub(super) fn is_empty(&self, stack: &str) -> bool {
        match &self.effects {
            Some(effects) => effects.is_empty(),
            None => self.fingerprint == engine::fingerprint_of(&self.place(stack), &[]),
        }
    }

    fn bytes(&self) -> usize {
        serde_json::to_string(self).map_or(usize::MAX, |text| text.len())
    }
}

/// Leaves a part of a stack's record out; says whether there was anything to leave out.
type Cut = fn(&mut StackRecord) -> bool;

/// What is left out, one after another.
const CUTS: [Cut; 3] = [words, fields, effects];

fn words(stack: &mut StackRecord) -> bool {
    let fields = stack.effects.iter_mut().flatten().flat_map(|effect| effect.fields.values_mut());
    fields.filter_map(|field| field.shown.take()).count() > 0
}

fn fields(stack: &mut StackRecord) -> bool {
    let effects = stack.effects.iter_mut().flatten().filter(|effect| !effect.fields.is_empty());
    effects.map(|effect| effect.fields.clear()).count() > 0
}

fn effects(stack: &mut StackRecord) -> bool {
    stack.effects.take().is_some()
}

impl Record {
    /// The same with so much left out that `size` of it is at most `bytes`: first the words, then the fields, then the effects, each
    /// from the largest stack first. What is left when all that is gone may still be more.
    #[must_use]
    pub fn fitted(&self, bytes: usize, size: impl Fn(&Self) -> usize) -> Self {
        let mut fitted = self.clone();
        for cut in CUTS {
            let mut order: Vec<(usize, String)> =
                fitted.stacks.iter().map(|(name, stack)| (stack.bytes(), name.clone())).collect();
            order.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
            for (_, name) in order {
                if size(&fitted) <= bytes {
                    return fitted;
                }
                fitted.stacks.get_mut(&name).map(cut);
            }
        }
        fitted
    }
}
