//! Why an apply was refused: what was approved and what would be done now, field by field.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::value::{HIDDEN, UNKNOWN, clip, for_people};

/// One field that is not as approved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// `service.web`.
    pub address: String,
    /// The attribute; empty for the action on the resource as a whole.
    pub path: String,
    /// What was approved; `None` when nothing was.
    pub approved: Option<String>,
    /// What would be done now; `None` when nothing would.
    pub now: Option<String>,
}

/// A refused apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The stack's name.
    pub stack: String,
    /// Why, as a clause: `the plan is not the one that was approved`.
    pub why: String,
    /// The fields that differ; may be empty, for example when nothing was approved at all.
    pub differences: Vec<Difference>,
    /// What can be done about it.
    pub next: String,
}

/// The differences between two documents of `plan_json`: the approved one and the one of now. Texts such as reasons and
/// warnings are not compared, for they are for people only.
pub fn differences(approved: &Value, now: &Value) -> Vec<Difference> {
    let (approved, now) = (effects(approved), effects(now));
    let addresses: BTreeSet<&String> = approved.keys().chain(now.keys()).collect();
    let mut out = Vec::new();
    for address in addresses {
        let (was, is) = (approved.get(address), now.get(address));
        let mut push = |path: &str, approved: Option<String>, now: Option<String>| {
            if approved != now {
                out.push(Difference {
                    address: address.clone(),
                    path: path.to_owned(),
                    approved,
                    now,
                });
            }
        };
        push(
            "",
            was.map(|effect| effect.action.clone()),
            is.map(|effect| effect.action.clone()),
        );
        if let (Some(was), Some(is)) = (was, is) {
            let paths: BTreeSet<&String> = was.fields.keys().chain(is.fields.keys()).collect();
            for path in paths {
                push(path, was.fields.get(path).cloned(), is.fields.get(path).cloned());
            }
        }
    }
    out
}

struct Effect {
    action: String,
    fields: BTreeMap<String, String>,
}

fn effects(document: &Value) -> BTreeMap<String, Effect> {
    let changes = document
        .get("changes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    changes
        .filter_map(|change| {
            let address = change.get("address")?.as_str()?.to_owned();
            let action = change.get("action")?.as_str()?.to_owned();
            if action == "keep" {
                return None;
            }
            let attributes = change
                .get("attributes")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            Some((
                address,
                Effect {
                    action,
                    fields: attributes.filter_map(field).collect(),
                },
            ))
        })
        .collect()
}

fn field(attribute: &Value) -> Option<(String, String)> {
    let path = attribute.get("path")?.as_str()?.to_owned();
    let sensitive = attribute
        .get("sensitive")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let side = |name: &str| match attribute.get(name) {
        None | Some(Value::Null) => "(absent)".to_owned(),
        Some(value) if value.get("known_after_apply").is_some() => UNKNOWN.to_owned(),
        Some(value) => clip(&for_people(&path, value, &BTreeSet::new()), 400),
    };
    let text = if sensitive {
        HIDDEN.to_owned()
    } else {
        format!("{} → {}", side("before"), side("after"))
    };
    Some((path, text))
}
