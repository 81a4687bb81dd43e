//! The request shapes of the API: rejects what a misspelt or mistyped request would otherwise lose in silence.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::error::{Answer, EcsError};
use super::json::Object;

/// Every shape as text; the form is explained at its head.
const TEXT: &str = include_str!("api.txt");

/// One member of a shape.
struct Member {
    required: bool,
    kind: &'static str,
}

static SHAPES: LazyLock<BTreeMap<&'static str, BTreeMap<&'static str, Member>>> = LazyLock::new(|| {
    TEXT.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut words = line.split(' ');
            let shape = words.next()?;
            let members = words
                .filter_map(|word| word.split_once(':'))
                .map(|(name, kind)| match name.strip_suffix('!') {
                    Some(name) => (name, Member { required: true, kind }),
                    None => (name, Member { required: false, kind }),
                })
                .collect();
            Some((shape, members))
        })
        .collect()
});

/// Whether the model knows the request of this operation.
pub fn knows(operation: &str) -> bool {
    SHAPES.contains_key(format!("{operation}Request").as_str())
}

/// Checks a request against its shape. ECS itself ignores members that it does not know; the sandbox refuses
/// them, because a setting that is lost in silence is exactly what a test has to find.
pub fn check(operation: &str, input: &Value) -> Answer<()> {
    let shape = format!("{operation}Request");
    let refuse = if operation == "RegisterTaskDefinition" { EcsError::client } else { EcsError::invalid };
    structure(&shape, input, "", refuse)
}

type Refuse = fn(String) -> EcsError;

fn structure(shape: &str, value: &Value, path: &str, refuse: Refuse) -> Answer<()> {
    let Some(members) = SHAPES.get(shape) else {
        return Ok(());
    };
    let given: &Object = value.as_object().ok_or_else(|| mistyped(value, "a structure", path))?;
    for (name, item) in given {
        let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let Some(member) = members.get(name.as_str()) else {
            return Err(refuse(format!(
                "Unknown parameter `{at}`, must be one of: {}",
                members.keys().copied().collect::<Vec<_>>().join(", ")
            )));
        };
        check_kind(member.kind, item, &at, refuse)?;
    }
    match members.iter().find(|(name, member)| member.required && !given.contains_key(**name)) {
        Some((name, _)) => {
            let at = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
            Err(missing(&at, refuse))
        }
        None => Ok(()),
    }
}

fn missing(at: &str, refuse: Refuse) -> EcsError {
    match at {
        "family" => EcsError::client("Family should not be null or empty."),
        "containerDefinitions" => EcsError::client("Container list cannot be empty."),
        "services" => EcsError::invalid("Services cannot be empty."),
        "tasks" => EcsError::invalid("Tasks cannot be empty."),
        other => refuse(format!("{other} should not be null.")),
    }
}

fn check_kind(kind: &str, value: &Value, at: &str, refuse: Refuse) -> Answer<()> {
    if let Some(item) = kind.strip_suffix("[]") {
        let items = value.as_array().ok_or_else(|| mistyped(value, "a list", at))?;
        return items
            .iter()
            .enumerate()
            .try_for_each(|(index, one)| check_kind(item, one, &format!("{at}[{index}]"), refuse));
    }
    if let Some(item) = kind.strip_prefix("map:") {
        let entries = value.as_object().ok_or_else(|| mistyped(value, "a map", at))?;
        return entries
            .iter()
            .try_for_each(|(key, one)| check_kind(item, one, &format!("{at}.{key}"), refuse));
    }
    if let Some(words) = kind.strip_prefix("enum(").and_then(|rest| rest.strip_suffix(')')) {
        let word = value.as_str().ok_or_else(|| mistyped(value, "a String", at))?;
        return if words.split('|').any(|known| known == word) {
            Ok(())
        } else {
            Err(refuse(format!("{at} should be one of [{}]", words.replace('|', ","))))
        };
    }
    let fits = match kind {
        "string" => value.is_string(),
        "int" => value.is_i64(),
        "double" => value.is_number(),
        "boolean" => value.is_boolean(),
        "document" => true,
        shape => return structure(shape, value, at, refuse),
    };
    if fits { Ok(()) } else { Err(mistyped(value, kind, at)) }
}

fn mistyped(value: &Value, wanted: &str, at: &str) -> EcsError {
    let found = match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(number) if number.is_f64() => "DECIMAL_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    };
    EcsError::new("SerializationException", format!("{found} can not be converted to {wanted} (at {at})"))
}
