//! Whether plans are what was approved, and if not, in which field and why.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::approved::{Approved, Match};
use super::images::{self, Recorded};
use super::record::{Planned, Record, StackRecord};
use crate::engine;
use crate::model::{Action, Plan, Summary, short_account};

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
    /// The stack file wants something else than when it was planned: the base branch brought it.
    Config,
    /// AWS is not as it was when it was planned.
    Drift,
    /// A tag gives another image.
    TagMoved,
    /// Nobody was shown this.
    NewEffect,
}

impl Class {
    /// The class for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Config => "config changed",
            Self::Drift => "AWS drifted",
            Self::TagMoved => "tag moved",
            Self::NewEffect => "not shown",
        }
    }
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

/// Compares plans with the records of all pull requests that a push brought, in the order in which they were merged.
///
/// What several of them approve of one stack is taken together, effect by effect and field by field; where they contradict each
/// other, the later one counts. An effect that is approved and not planned is done: the plan finds it as it is wanted.
pub fn verdict(approved: &[&Record], plans: &[Planned<'_>]) -> Verdict {
    let mut records: BTreeMap<&str, Vec<&StackRecord>> = BTreeMap::new();
    for (name, stack) in approved.iter().flat_map(|record| &record.stacks) {
        records.entry(name).or_default().push(stack);
    }
    let mut tally = Tally::default();
    for planned in plans {
        match records.remove(planned.plan.stack.as_str()) {
            Some(records) => one(planned.plan, &records, &mut tally),
            None if planned.plan.is_empty() => {}
            None => tally.differences.push(never_shown(planned.plan)),
        }
    }
    for (name, records) in records {
        if records.iter().any(|record| !record.is_empty(name)) {
            tally.differences.push(Difference {
                stack: name.to_owned(),
                address: String::new(),
                path: None,
                approved: "changes to this stack".to_owned(),
                now: "no such stack".to_owned(),
                class: Class::Config,
            });
        }
    }
    let Tally { done, left, rest, differences } = tally;
    match (differences.is_empty(), rest || done > 0) {
        (false, _) => Verdict::Differs(differences),
        (true, true) => Verdict::Rest { done, left },
        (true, false) => Verdict::Same,
    }
}

/// What was found in all stacks.
#[derive(Default)]
struct Tally {
    done: usize,
    left: usize,
    /// Something that is left is only a part of what was approved.
    rest: bool,
    differences: Vec<Difference>,
}

fn one(plan: &Plan, records: &[&StackRecord], tally: &mut Tally) {
    let stack = plan.stack.as_str();
    if plan.is_empty() {
        // Whatever was approved is as it is wanted.
        let done = records.iter().map(|record| match &record.effects {
            Some(effects) => effects.len(),
            None => usize::from(!record.is_empty(stack)),
        });
        tally.done += done.sum::<usize>();
        return;
    }
    let elsewhere = elsewhere(plan, records);
    if !elsewhere.is_empty() {
        tally.differences.extend(elsewhere);
        return;
    }
    let shown: Vec<&Recorded> = records.iter().flat_map(|record| &record.images).collect();
    tally.differences.extend(images::moved(plan, &shown));

    let effects = engine::effects(plan);
    // A stack whose effects were too long to be kept is compared as a whole.
    let whole: Vec<&&StackRecord> = records.iter().filter(|record| record.effects.is_none()).collect();
    if let Some(last) = whole.last() {
        if last.fingerprint == plan.fingerprint {
            tally.left += effects.len();
        } else if !effects.is_empty() {
            tally.differences.push(Difference {
                stack: stack.to_owned(),
                address: String::new(),
                path: None,
                approved: format!(
                    "a plan with the fingerprint {}, of which no more is recorded",
                    last.fingerprint
                ),
                now: format!("a plan with the fingerprint {}", plan.fingerprint),
                class: if unchanged(plan, records) { Class::Drift } else { Class::NewEffect },
            });
        } else {
            tally.done += 1;
        }
        return;
    }
    let approved = Approved::of(records.iter().filter_map(|record| record.effects.as_deref()));
    let otherwise = if unchanged(plan, records) { Class::Drift } else { Class::NewEffect };
    let kept: BTreeSet<String> = plan
        .changes
        .iter()
        .filter(|change| change.action != Action::Delete)
        .map(|change| change.at.address.to_string())
        .collect();
    let mut used = BTreeSet::new();
    for effect in &effects {
        match approved.covers(effect, kept.contains(&effect.address), otherwise) {
            Ok(Match { key, whole }) => {
                tally.rest |= !whole;
                used.insert(key);
            }
            Err(found) => tally.differences.extend(found.into_iter().map(|found| found.of(stack))),
        }
    }
    tally.left += used.len();
    tally.done += approved.len() - used.len();
}

/// Everything that the stack file wants is what it wanted when it was planned: what differs came from AWS.
fn unchanged(plan: &Plan, records: &[&StackRecord]) -> bool {
    let wanted = engine::wanted(plan);
    records.iter().all(|record| record.wanted == wanted)
}

/// The plan is for another account or region.
fn elsewhere(plan: &Plan, records: &[&StackRecord]) -> Vec<Difference> {
    let Some(last) = records.last() else { return Vec::new() };
    let account = short_account(&plan.account);
    let pairs = [("account", &last.account, &account), ("region", &last.region, &plan.region)];
    let differs = pairs.into_iter().filter(|(_, approved, now)| approved != now);
    differs
        .map(|(path, approved, now)| Difference {
            stack: plan.stack.clone(),
            address: String::new(),
            path: Some(path.to_owned()),
            approved: approved.clone(),
            now: now.clone(),
            class: Class::Config,
        })
        .collect()
}

fn never_shown(plan: &Plan) -> Difference {
    let Summary { create, adopt, update, replace, delete, keep: _ } = plan.summary();
    let counts =
        [(create, "create"), (adopt, "adopt"), (update, "update"), (replace, "replace"), (delete, "delete")];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, action)| format!("{action} {count}"))
        .collect();
    Difference {
        stack: plan.stack.clone(),
        address: String::new(),
        path: None,
        approved: "nobody was shown a plan of this stack".to_owned(),
        now: counts.join(", "),
        class: Class::NewEffect,
    }
}
