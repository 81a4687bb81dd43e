//! Changes to the text of a file that keep its comments and the order of its keys.

use serde_json::{Map, Value};
use yamlpatch::{Op, Patch};
use yamlpath::{Component, Document, Route};

use super::load::parse;

/// A change that cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("could not set `{at}` in the configuration: {why}")]
pub struct UpdateError {
    /// The key that was to be set.
    pub at: String,
    /// What stands in the way.
    pub why: String,
}

/// Sets the keys at the given routes (`["log_group", "name"]`) and returns the new text. Mappings that do not exist yet are
/// made at the end of the mapping around them. A key that has this value already is not touched, and with nothing to change the
/// text comes back byte for byte. The new text is read again before it is returned: it says what it said before and the
/// changes, and it is a valid configuration.
pub fn update(text: &str, changes: &[(Vec<&str>, Value)]) -> Result<String, UpdateError> {
    let mut text = text.to_owned();
    for (route, value) in changes {
        let fail = |why: String| UpdateError { at: route.join("."), why };
        let before: Value = serde_yaml::from_str(&text).map_err(|error| fail(error.to_string()))?;
        if before.pointer(&pointer(route)) == Some(value) {
            continue;
        }
        let mut wanted = before.clone();
        put(&mut wanted, route, value).ok_or_else(|| fail("the key above it holds no mapping".to_owned()))?;
        text = set(&text, &before, route, value).map_err(fail)?;
        let after: Value = serde_yaml::from_str(&text).map_err(|error| fail(error.to_string()))?;
        if after != wanted {
            return Err(fail(
                "the place is written in a way that cannot be changed; set it by hand".to_owned(),
            ));
        }
    }
    match parse("the new text", &text) {
        Ok(_) => Ok(text),
        Err(diagnostics) => {
            let why = diagnostics.first().map(|diagnostic| diagnostic.message.clone()).unwrap_or_default();
            let at = changes.iter().map(|(route, _)| route.join(".")).collect::<Vec<_>>().join("`, `");
            Err(UpdateError { at, why })
        }
    }
}

/// Sets a route in a parsed document; `None` when something that is no mapping stands in the way.
fn put(document: &mut Value, route: &[&str], value: &Value) -> Option<()> {
    let mut place = document;
    for key in route {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        place = place.as_object_mut()?.entry(*key).or_insert(Value::Null);
    }
    *place = value.clone();
    Some(())
}

/// The text with one route set.
fn set(text: &str, now: &Value, route: &[&str], value: &Value) -> Result<String, String> {
    let document = Document::new(text).map_err(|error| error.to_string())?;
    // The longest part of the route that exists decides: its value is replaced, or the next key is added to its mapping.
    for length in (0..=route.len()).rev() {
        let (outer, inner) =
            (route.get(..length).unwrap_or_default(), route.get(length..).unwrap_or_default());
        let Some(existing) = now.pointer(&pointer(outer)) else {
            continue;
        };
        let Some((key, rest)) = inner.split_first() else {
            return replace(&document, &steps(outer), value);
        };
        let nested = rest.iter().rev().fold(value.clone(), |value, key| {
            Value::Object(std::iter::once(((*key).to_owned(), value)).collect())
        });
        if existing.as_object().is_none_or(Map::is_empty) {
            let whole = Value::Object(std::iter::once(((*key).to_owned(), nested)).collect());
            return replace(&document, &steps(outer), &whole);
        }
        return add(&document, outer, key, &nested);
    }
    Err("the file has no mapping at the top".to_owned())
}

/// Adds a key to a mapping that has others.
fn add(document: &Document, outer: &[&str], key: &str, value: &Value) -> Result<String, String> {
    // In block style, only one level of new mappings comes out with the right indentation; deeper ones go onto one line.
    let deep = value.as_object().is_some_and(|map| map.values().any(Value::is_object));
    let first = if deep { Value::Null } else { value.clone() };
    let value_now = serde_yaml::to_value(first).map_err(|error| error.to_string())?;
    let patch = Patch { route: steps(outer), operation: Op::Add { key: key.to_owned(), value: value_now } };
    let patched = yamlpatch::apply_yaml_patches(document, &[patch]).map_err(|error| error.to_string())?;
    if deep {
        return replace(&patched, &steps(outer).with_key(key.to_owned()), value);
    }
    Ok(patched.source().to_owned())
}

/// Replaces the value at a route that exists, and nothing around it.
fn replace(document: &Document, route: &Route<'_>, value: &Value) -> Result<String, String> {
    let mut text = document.source().to_owned();
    let pair = document.query_pretty(route).map_err(|error| error.to_string())?;
    let written = document.extract(&pair);
    let after_key = written.split_once(':').map_or(written, |(_, value)| value).trim_start();
    if after_key.starts_with(['*', '&']) {
        return Err("it has an alias or an anchor, so others may share it; set it by hand".to_owned());
    }
    match document.query_exact(route).map_err(|error| error.to_string())? {
        Some(feature) => {
            let (start, end) = feature.location.byte_span;
            text.replace_range(start..end, &one_line(value));
        }
        // A key without a value.
        None => text.insert_str(pair.location.byte_span.1, &format!(" {}", one_line(value))),
    }
    Ok(text)
}

/// A value on one line. Text is quoted unless it can be nothing else.
fn one_line(value: &Value) -> String {
    match value {
        Value::Array(values) => format!("[{}]", values.iter().map(one_line).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| format!("{}: {}", text(key), one_line(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::String(string) => text(string),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn text(string: &str) -> String {
    let plain = string.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && string.chars().all(|c| c.is_ascii_alphanumeric() || "-_/.".contains(c))
        && matches!(serde_yaml::from_str(string), Ok(Value::String(_)))
        && !["yes", "no", "on", "off", "y", "n"].contains(&string.to_ascii_lowercase().as_str());
    if plain { string.to_owned() } else { Value::from(string).to_string() }
}

fn steps<'a>(route: &[&'a str]) -> Route<'a> {
    Route::from(route.iter().map(|key| Component::from(*key)).collect::<Vec<_>>())
}

fn pointer(route: &[&str]) -> String {
    route.iter().flat_map(|key| ["/".to_owned(), key.replace('~', "~0").replace('/', "~1")]).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "\
# The stack of the team.
app:
  name: web-app # never change this
region: eu-west-1

profile:
log_group:
  # two weeks
  retention_days: 14
subnets: {}
tasks:
  web:
    image: helloworld:latest
";

    #[test]
    fn comments_and_order_stay_when_keys_are_added_and_replaced() {
        let changes = [
            (vec!["region"], json!("us-east-1")),
            (vec!["profile"], json!("no")),
            (vec!["account"], json!("012345678901")),
            (vec!["vpc_id"], json!("vpc-0123456789abcdef0")),
            (vec!["log_group", "name"], json!("/ecs/web-app")),
            (vec!["log_group", "retention_days"], json!(30)),
            (vec!["role", "name"], json!("FargateWebAppRole")),
            (vec!["cluster"], json!({"name": "shared"})),
            (vec!["security_groups", "fargate", "group_name"], json!("web-sg")),
            (vec!["subnets", "private"], json!(["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"])),
            (vec!["tasks", "web", "size"], json!("tiny")),
        ];
        let text = update(TEXT, &changes).unwrap();
        let config = parse("new.yml", &text).unwrap();
        assert_eq!(config.account.as_deref(), Some("012345678901"));
        assert_eq!(config.role.name.as_deref(), Some("FargateWebAppRole"));
        assert_eq!(config.subnets.as_ref().map(|subnets| subnets.private.len()), Some(2));
        insta::assert_snapshot!(text);
        assert_eq!(update(&text, &changes).unwrap(), text);
    }

    #[test]
    fn nothing_to_change_gives_the_same_bytes() {
        assert_eq!(update(TEXT, &[]).unwrap(), TEXT);
        assert_eq!(update(TEXT, &[(vec!["region"], json!("eu-west-1"))]).unwrap(), TEXT);
    }

    #[test]
    fn a_change_that_makes_the_file_wrong_is_refused() {
        let error = update(TEXT, &[(vec!["region"], json!("nowhere"))]).unwrap_err().to_string();
        assert!(error.contains("`region` must be an AWS region"), "{error}");
    }

    #[test]
    fn a_file_on_one_line_is_changed_as_well() {
        let text = "{app: {name: web, version: \"010\"}, tasks: {web: {image: helloworld}}}\n";
        match update(
            text,
            &[(vec!["tasks", "web", "size"], json!("tiny")), (vec!["region"], json!("us-east-1"))],
        ) {
            Ok(new) => assert_eq!(parse("new.yml", &new).unwrap().app.version.as_deref(), Some("010")),
            Err(error) => assert!(error.to_string().contains("by hand"), "{error}"),
        }
    }

    #[test]
    fn what_an_alias_stands_for_is_not_changed() {
        let text = TEXT.replace("region: eu-west-1", "region: &home eu-west-1\nvpc_id: *home");
        assert!(update(&text, &[(vec!["vpc_id"], json!("vpc-0123456789abcdef0"))]).is_err());
    }
}
