//! Finding and filling references inside attributes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::{Address, Outputs, Ref};

/// The reference that this value is, if it is one.
pub fn as_reference(value: &Value) -> Option<Ref> {
    let object = value.as_object()?;
    if !object.contains_key("$ref") {
        return None;
    }
    serde_json::from_value(value.clone()).ok()
}

/// Whether the value is a reference or holds one.
pub fn is_pending(value: &Value) -> bool {
    !references(value).is_empty()
}

/// Every reference inside the value.
pub fn references(value: &Value) -> BTreeSet<Ref> {
    let mut found = BTreeSet::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<Ref>) {
    if let Some(reference) = as_reference(value) {
        found.insert(reference);
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        _ => {}
    }
}

/// The value with every reference filled whose output is known.
pub fn resolve(value: &Value, known: &BTreeMap<Address, Outputs>) -> Value {
    if let Some(reference) = as_reference(value) {
        return known
            .get(&reference.address)
            .and_then(|outputs| outputs.get(&reference.output))
            .map_or_else(|| value.clone(), |output| Value::String(output.clone()));
    }
    match value {
        Value::Array(items) => Value::Array(items.iter().map(|item| resolve(item, known)).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, field)| (key.clone(), resolve(field, known))).collect())
        }
        other => other.clone(),
    }
}
