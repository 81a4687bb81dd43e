//! What a plan would do, in a canonical form: the fingerprint, and the difference of two plans field by field.
//!
//! No times, run ids or revision numbers enter. Of the image that is being released only its repository enters: the image
//! of a commit is built after the plan was read, and is bound to the commit instead. Of a sensitive value only the wanted
//! side enters, hashed, because it comes from the repository; what AWS holds is never hashed into something that is
//! published.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::references::is_pending;
use crate::model::{Action, AttrChange, Change, Plan};

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// The resource's address.
    pub address: String,
    /// Its physical name.
    pub name: String,
    /// `create`, `adopt`, `update`, `replace`, `delete`.
    pub action: String,
    /// The attributes that change, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Field>,
}

/// One attribute's change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// SHA-256 over the canonical change, 16 hex digits: it tells fields apart, the fingerprint binds.
    pub digest: String,
    /// The change for people, `before → after`, cut to 80 characters; absent when it must not be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
}

/// One difference between what was approved and what would be done now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The resource's address.
    pub address: String,
    /// The attribute; `None` when the action or the resource as a whole differs.
    pub path: Option<String>,
    /// What was approved, for people.
    pub approved: String,
    /// What would be done now, for people.
    pub now: String,
}

/// The effects of a plan, in the order of their addresses and actions.
pub fn effects(plan: &Plan) -> Vec<Effect> {
    let mut found: Vec<Effect> = plan.changes.iter().filter_map(effect).collect();
    found.sort_by(|a, b| (&a.address, &a.action, &a.name).cmp(&(&b.address, &b.action, &b.name)));
    found
}

/// SHA-256 in hex over stack, account, region and effects; what is only shown does not enter.
pub fn fingerprint(plan: &Plan) -> String {
    let effects: Vec<Value> = effects(plan)
        .into_iter()
        .map(|effect| {
            let fields: BTreeMap<String, String> =
                effect.fields.into_iter().map(|(path, field)| (path, field.digest)).collect();
            serde_json::json!([effect.address, effect.name, effect.action, fields])
        })
        .collect();
    hex(&serde_json::json!([plan.stack, plan.account, plan.region, effects]))
}

/// The repository part of an image reference: without digest and tag.
pub(super) fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let name_starts = image.rfind('/').map_or(0, |slash| slash + 1);
    match image.get(name_starts..).and_then(|name| name.find(':')) {
        Some(colon) => image.get(..name_starts + colon).unwrap_or(image),
        None => image,
    }
}

/// What differs between two lists of effects, field by field.
pub fn differences(approved: &[Effect], now: &[Effect]) -> Vec<Difference> {
    let key = |effect: &Effect| (effect.address.clone(), effect.name.clone());
    let approved: BTreeMap<_, _> = approved.iter().map(|effect| (key(effect), effect)).collect();
    let now: BTreeMap<_, _> = now.iter().map(|effect| (key(effect), effect)).collect();
    let keys: BTreeSet<_> = approved.keys().chain(now.keys()).cloned().collect();
    let mut found = Vec::new();
    for key in keys {
        let (was, is) = (approved.get(&key), now.get(&key));
        let action = |effect: Option<&&Effect>| effect.map_or("nothing".to_owned(), |e| e.action.clone());
        if action(was) != action(is) {
            let (address, path) = (key.0.clone(), None);
            found.push(Difference { address, path, approved: action(was), now: action(is) });
            continue;
        }
        let (Some(was), Some(is)) = (was, is) else {
            continue;
        };
        let paths: BTreeSet<_> = was.fields.keys().chain(is.fields.keys()).collect();
        for path in paths {
            let (before, after) = (was.fields.get(path), is.fields.get(path));
            if before.map(|field| &field.digest) != after.map(|field| &field.digest) {
                let told = |field: Option<&Field>| match field {
                    None => "no change".to_owned(),
                    Some(Field { shown: Some(shown), .. }) => shown.clone(),
                    Some(_) => "a change whose values are not recorded".to_owned(),
                };
                let path = Some(path.clone());
                found.push(Difference {
                    address: key.0.clone(),
                    path,
                    approved: told(before),
                    now: told(after),
                });
            }
        }
    }
    found
}

fn effect(change: &Change) -> Option<Effect> {
    let action = match change.action {
        Action::Keep => return None,
        Action::Create => "create",
        Action::Adopt => "adopt",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
    };
    if change.action == Action::Update && change.attrs.iter().all(|attr| attr.release) {
        return None;
    }
    let fields = change
        .attrs
        .iter()
        .filter(|attr| !attr.release)
        .map(|attr| (attr.path.clone(), field(attr)))
        .collect();
    Some(Effect {
        address: change.at.address.to_string(),
        name: change.at.name.clone(),
        action: action.to_owned(),
        fields,
    })
}

fn field(attr: &AttrChange) -> Field {
    let pending = attr.after.as_ref().is_some_and(is_pending);
    let after = attr.after.as_ref().map(canonical);
    let before = match (&attr.before, attr.sensitive || pending) {
        (None, _) => Value::Null,
        (Some(_), true) => Value::String("present".to_owned()),
        (Some(value), false) => canonical(value),
    };
    let digest = hex(&serde_json::json!([before, after, attr.sensitive])).chars().take(16).collect();
    Field { digest, shown: (!attr.sensitive).then(|| shown(attr)) }
}

fn shown(attr: &AttrChange) -> String {
    let side = |value: &Option<Value>| match value {
        None => "nothing".to_owned(),
        Some(value) if is_pending(value) => "(known after apply)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let text = match &attr.before {
        None => side(&attr.after),
        Some(_) => format!("{} → {}", side(&attr.before), side(&attr.after)),
    };
    if text.chars().count() > 80 { text.chars().take(79).chain(['…']).collect() } else { text }
}

/// The value without what changes from run to run: the revision number of a task definition, the digest of an image.
fn canonical(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains("@sha256:") => {
            Value::String(text.split("@sha256:").next().unwrap_or(text).to_owned())
        }
        Value::String(text) if text.contains(":task-definition/") => {
            let cut = text.rsplit_once(':').filter(|(_, tail)| tail.chars().all(|c| c.is_ascii_digit()));
            Value::String(cut.map_or(text.as_str(), |(head, _)| head).to_owned())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, Value> =
                fields.iter().map(|(key, field)| (key, canonical(field))).collect();
            sorted.into_iter().map(|(key, field)| (key.clone(), field)).collect()
        }
        other => other.clone(),
    }
}

fn hex(value: &Value) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(value.to_string().as_bytes()) {
        let _ = write!(text, "{byte:02x}"); // into a String: cannot fail
    }
    text
}
