//! What a plan would do, effect by effect, in a canonical form: what is approved, and what makes the fingerprint.
//!
//! No times, run ids, orders or revision numbers enter. Of the image that is being released only its repository enters: the image of
//! a commit is built after the plan was read, and is bound to the commit instead. What is wanted is digested as it is written, with
//! its references, so that it reads the same before and after what it refers to is made. Of a sensitive value only the wanted side
//! enters, because it comes from the repository; what AWS holds is never hashed into something that is published.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::canonical::{canonical, hex};
use super::diff;
use super::references::is_pending;
use crate::model::{Action, AttrChange, Change, Plan, accounts, short_account};

pub(super) use super::canonical::repository;

/// Hex digits of the digest of what was: it tells values apart, and nobody who is asked for an approval chooses it.
const BEFORE: usize = 16;
/// Hex digits of what binds: 128 bits.
const BINDS: usize = 32;
/// Letters of a change that are kept for people.
const WORDS: usize = 80;

/// What happens to one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Effect {
    /// The resource's address.
    pub address: String,
    /// Its physical name; the stack's own account in it is shortened.
    pub name: String,
    /// `create`, `adopt`, `update`, `replace`, `delete`.
    pub action: String,
    /// SHA-256 over all of it and where it happens, 32 hex digits.
    pub digest: String,
    /// Which thing goes, for a deletion and a replacement: a digest of its id in AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The attributes that change, by path; for a creation and a replacement all that are wanted. Empty too when they were too long
    /// to be kept.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Field>,
}

/// One attribute's change. A digest tells stack, address and path as well, so equal values do not have equal digests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Field {
    /// Digest of what was, 16 hex digits; `None` when there was nothing, the same for every value that must not be shown.
    #[serde(rename = "b", skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Digest of what is wanted, 32 hex digits; `None` when it goes.
    #[serde(rename = "a", skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The change for people, `before → after`, cut to 80 characters; absent when it must not be shown.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
}

impl Field {
    /// The attribute stays as it is, in something that is made anew.
    pub fn is_kept(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => after.starts_with(before.as_str()),
            _ => false,
        }
    }
}

/// Where effects happen. Enters every digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The stack's name.
    pub stack: &'a str,
    /// The account, by its last four digits as it is shown: more could be found out from what is published.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
}

/// The effects of a plan, in the order of their addresses and actions.
pub fn effects(plan: &Plan) -> Vec<Effect> {
    let account = short_account(&plan.account);
    let place = Place { stack: &plan.stack, account: &account, region: &plan.region };
    let mut found: Vec<Effect> =
        plan.changes.iter().filter_map(|change| effect(plan, &place, change)).collect();
    found.sort_by(|a, b| (&a.address, &a.action, &a.name).cmp(&(&b.address, &b.action, &b.name)));
    found
}

/// SHA-256 in hex over stack, account, region and effects; what is only shown does not enter.
pub fn fingerprint(plan: &Plan) -> String {
    let account = short_account(&plan.account);
    let place = Place { stack: &plan.stack, account: &account, region: &plan.region };
    fingerprint_of(&place, &effects(plan))
}

/// The fingerprint of a plan that has these effects, whatever their order.
pub fn fingerprint_of(place: &Place<'_>, effects: &[Effect]) -> String {
    let mut digests: Vec<&str> = effects.iter().map(|effect| effect.digest.as_str()).collect();
    digests.sort_unstable();
    hex(&json!(["plan", place.stack, place.account, place.region, digests]))
}

/// The digest that an effect with all its fields must have; what is only shown does not enter.
pub fn seal(place: &Place<'_>, effect: &Effect) -> String {
    let Effect { address, name, action, old, fields, .. } = effect;
    let fields: BTreeMap<&String, (&Option<String>, &Option<String>)> =
        fields.iter().map(|(path, field)| (path, (&field.before, &field.after))).collect();
    let place = [place.stack, place.account, place.region];
    cut(hex(&json!(["effect", place, address, name, action, old, fields])), BINDS)
}

/// A digest over everything that a plan wants, whether it is so already or not: equal for two plans of one stack file.
pub fn wanted(plan: &Plan) -> String {
    let all: BTreeMap<(String, String), BTreeMap<String, String>> = plan
        .changes
        .iter()
        .filter(|change| change.action != Action::Delete)
        .map(|change| {
            let written = Written::new(plan, change);
            let digests = written.all().map(|attr| (attr.path.clone(), written.digest(attr)));
            let name = accounts(&change.at.name, &plan.account);
            ((change.at.address.to_string(), name), digests.collect())
        })
        .collect();
    cut(hex(&json!(["wanted", plan.stack, all.into_iter().collect::<Vec<_>>()])), BINDS)
}

fn effect(plan: &Plan, place: &Place<'_>, change: &Change) -> Option<Effect> {
    let written = Written::new(plan, change);
    let (action, fields) = match change.action {
        Action::Keep => return None,
        Action::Create => ("create", written.made()),
        Action::Adopt => ("adopt", written.changed()),
        Action::Update => ("update", written.changed()),
        Action::Replace => {
            // What is made anew is made whole.
            let mut fields = written.made();
            for field in fields.values_mut() {
                field.before = field.after.clone().map(|after| cut(after, BEFORE));
                field.shown = None;
            }
            fields.extend(written.changed());
            ("replace", fields)
        }
        Action::Delete => ("delete", BTreeMap::new()),
    };
    if change.action == Action::Update && fields.is_empty() {
        return None; // nothing but a release
    }
    let goes = matches!(change.action, Action::Delete | Action::Replace);
    let mut effect = Effect {
        address: change.at.address.to_string(),
        name: accounts(&change.at.name, &plan.account),
        action: action.to_owned(),
        digest: String::new(),
        old: goes.then(|| id(plan, change)).flatten(),
        fields,
    };
    effect.digest = seal(place, &effect);
    Some(effect)
}

/// Which thing this is: a digest of its ARN or id.
fn id(plan: &Plan, change: &Change) -> Option<String> {
    let outputs = &change.seen.as_ref()?.outputs;
    let id = outputs.get("arn").or_else(|| outputs.get("id"))?;
    let id = canonical(&Value::String(id.clone()), &plan.account);
    Some(cut(hex(&json!([plan.stack, change.at.address, id])), BEFORE))
}

/// A change, and how what it wants is written.
struct Written<'a> {
    plan: &'a Plan,
    change: &'a Change,
    by_path: BTreeMap<&'a str, &'a AttrChange>,
}

impl<'a> Written<'a> {
    fn new(plan: &'a Plan, change: &'a Change) -> Self {
        let by_path = change.written.iter().map(|attr| (attr.path.as_str(), attr)).collect();
        Self { plan, change, by_path }
    }

    fn all(&self) -> impl Iterator<Item = &'a AttrChange> {
        self.by_path.values().copied()
    }

    /// Every wanted attribute.
    fn made(&self) -> BTreeMap<String, Field> {
        let field = |attr: &AttrChange| {
            let shown = (!attr.sensitive).then(|| self.shown(None, attr.after.as_ref()));
            (attr.path.clone(), Field { before: None, after: Some(self.digest(attr)), shown })
        };
        self.all().map(field).collect()
    }

    /// The attributes that change, leaf by leaf: whether one comes alone or with the whole that holds it makes no difference.
    fn changed(&self) -> BTreeMap<String, Field> {
        let mut found = BTreeMap::new();
        for attr in self.change.attrs.iter().filter(|attr| !self.is_release(attr)) {
            let leaves = |side: &Option<Value>| {
                side.as_ref().map(|value| diff::flat(&attr.path, value)).unwrap_or_default()
            };
            let (before, after) = (leaves(&attr.before), leaves(&attr.after));
            for path in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
                let (was, is) = (before.get(path), after.get(path));
                let kept = match was {
                    Some(_) if attr.sensitive => Some(&Value::Null),
                    side => side,
                };
                let field = Field {
                    before: kept.map(|value| cut(self.hashed(path, value), BEFORE)),
                    after: is.map(|value| self.wanted(path, value)),
                    shown: (!attr.sensitive).then(|| self.shown(was, is)),
                };
                found.insert(path.clone(), field);
            }
        }
        found
    }

    /// A change that is only a release, or follows from one that is done already: another revision of the same task definition.
    fn is_release(&self, attr: &AttrChange) -> bool {
        let known = |side: &Option<Value>| {
            let value = side.as_ref().filter(|value| !is_pending(value))?;
            Some(canonical(value, &self.plan.account))
        };
        attr.release || known(&attr.before).is_some_and(|before| Some(before) == known(&attr.after))
    }

    /// The digest of what is wanted at a path: as it is written, else as it is.
    fn wanted(&self, path: &str, value: &Value) -> String {
        match self.by_path.get(path) {
            Some(attr) => self.digest(attr),
            None => cut(self.hashed(path, value), BINDS),
        }
    }

    fn digest(&self, attr: &AttrChange) -> String {
        let value = attr.after.clone().unwrap_or_default();
        let value = match &value {
            Value::String(image) if attr.release => Value::String(repository(image).to_owned()),
            _ => value,
        };
        cut(self.hashed(&attr.path, &value), BINDS)
    }

    fn hashed(&self, path: &str, value: &Value) -> String {
        let value = canonical(value, &self.plan.account);
        hex(&json!([self.plan.stack, self.change.at.address, path, value]))
    }

    fn shown(&self, before: Option<&Value>, after: Option<&Value>) -> String {
        let side = |value: Option<&Value>| match value {
            None => "nothing".to_owned(),
            Some(value) if is_pending(value) => "(known after apply)".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        };
        let text = match before {
            None => side(after),
            Some(_) => format!("{} → {}", side(before), side(after)),
        };
        // Everybody who sees the comment can decode it: no account id stands in it whole, not even cut off.
        let text = accounts(&text, &self.plan.account);
        if text.chars().count() > WORDS {
            text.chars().take(WORDS - 1).chain(['…']).collect()
        } else {
            text
        }
    }
}

fn cut(mut hex: String, digits: usize) -> String {
    hex.truncate(digits);
    hex
}
