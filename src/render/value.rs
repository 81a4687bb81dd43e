//! Attribute values as people and machines may see them: secrets hidden, references named.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::model::Ref;

/// What stands where a value is hidden.
pub const HIDDEN: &str = "(sensitive)";
/// What stands where a value is not known before the apply.
pub const UNKNOWN: &str = "(known after apply)";
/// The attribute whose values are never shown unless they are asked for by name, whatever the kind says about it.
const ENVIRONMENT: &str = "environment";

/// The name of the environment variable that a path leads to: `MODE` of `containers.0.environment.MODE`.
fn environment_name(path: &str) -> Option<&str> {
    let marker = ".environment.";
    let at = path.find(marker).map(|at| at + marker.len());
    at.or_else(|| path.starts_with("environment.").then_some("environment.".len()))
        .and_then(|at| path.get(at..))
}

fn is_environment(path: &str) -> bool {
    path.rsplit('.').next() == Some(ENVIRONMENT)
}

/// Whether the value of this path is hidden, given what the kind said and what may be shown.
pub fn hidden(path: &str, sensitive: bool, show: &BTreeSet<String>) -> bool {
    match environment_name(path) {
        Some(name) => !show.contains(name),
        None => sensitive,
    }
}

/// A value for people, on one line. `path` tells whether environment values may be inside.
pub fn for_people(path: &str, value: &Value, show: &BTreeSet<String>) -> String {
    let hide = |_: &Value| Value::String(HIDDEN.to_owned());
    let unknown = |_: &Ref| Value::String(UNKNOWN.to_owned());
    text(&walk(value, is_environment(path), show, &hide, &unknown), true)
}

/// A value for machines: hidden ones are null, references are `{"known_after_apply": "service.web.arn"}`.
pub fn for_machines(path: &str, value: &Value) -> Value {
    let unknown = |to: &Ref| json!({ "known_after_apply": format!("{}.{}", to.address, to.output) });
    walk(value, is_environment(path), &BTreeSet::new(), &|_| Value::Null, &unknown)
}

fn walk(
    value: &Value,
    environment: bool,
    show: &BTreeSet<String>,
    hide: &impl Fn(&Value) -> Value,
    unknown: &impl Fn(&Ref) -> Value,
) -> Value {
    match value {
        Value::Object(map) if environment => map
            .iter()
            .map(|(name, value)| {
                let value = if show.contains(name) { value.clone() } else { hide(value) };
                (name.clone(), value)
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Object(map) => match reference(value) {
            Some(to) => unknown(&to),
            None => map
                .iter()
                .map(|(key, value)| (key.clone(), walk(value, key == ENVIRONMENT, show, hide, unknown)))
                .collect::<Map<_, _>>()
                .into(),
        },
        // The API's own form of an environment: a list of names and values.
        Value::Array(items) if environment => items.iter().map(|item| listed(item, show, hide)).collect(),
        Value::Array(items) => items.iter().map(|item| walk(item, false, show, hide, unknown)).collect(),
        _ if environment => hide(value),
        _ => value.clone(),
    }
}

fn listed(item: &Value, show: &BTreeSet<String>, hide: &impl Fn(&Value) -> Value) -> Value {
    let Some(pair) = item.as_object() else {
        return hide(item);
    };
    let shown = pair.get("name").and_then(Value::as_str).is_some_and(|name| show.contains(name));
    pair.iter()
        .map(|(key, value)| (key.clone(), if shown || key == "name" { value.clone() } else { hide(value) }))
        .collect::<Map<_, _>>()
        .into()
}

/// The reference that this value is.
fn reference(value: &Value) -> Option<Ref> {
    let map = value.as_object()?;
    if map.len() != 2 || !map.contains_key("$ref") {
        return None;
    }
    serde_json::from_value(value.clone()).ok()
}

fn text(value: &Value, outermost: bool) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) if needs_no_quotes(text, outermost) => short_image(text),
        Value::String(text) => format!("{:?}", short_image(text)),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| self::text(item, false)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let items: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}: {}", text(value, false))).collect();
            format!("{{{}}}", items.join(", "))
        }
        other => other.to_string(),
    }
}

/// Whether a string can be told from our own words and from its surroundings without quotation marks.
fn needs_no_quotes(text: &str, outermost: bool) -> bool {
    if text == HIDDEN || text == UNKNOWN {
        return true;
    }
    let plain = |c: char| !c.is_whitespace() && !"\"(){}".contains(c) && (outermost || !"[],".contains(c));
    !text.is_empty() && text.chars().all(plain)
}

/// Images are told by repository and the first twelve digits; everything else is returned as it is.
pub fn short_image(image: &str) -> String {
    match image.split_once("@sha256:") {
        Some((repository, digest)) if digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit()) => {
            let short: String = digest.chars().take(12).collect();
            format!("{}@sha256:{short}", without_registry(repository))
        }
        _ => image.to_owned(),
    }
}

/// The repository without the address of the account's registry.
fn without_registry(repository: &str) -> &str {
    match repository.split_once('/') {
        Some((host, name)) if host.contains(".dkr.ecr.") => name,
        _ => repository,
    }
}

/// `sha256:` and twelve digits of a digest.
pub fn short_digest(digest: &str) -> String {
    match digest.split_once(':') {
        Some((algorithm, hex)) => format!("{algorithm}:{}", hex.chars().take(12).collect::<String>()),
        None => digest.chars().take(12).collect(),
    }
}

/// Cuts text that is longer than `limit` characters and says by how many.
pub fn clip(text: &str, limit: usize) -> String {
    let length = text.chars().count();
    if length <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit).collect();
    format!("{kept}… ({} more characters)", length - limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(path: &str, value: &Value) -> String {
        for_people(path, value, &BTreeSet::from(["MODE".to_owned()]))
    }

    #[test]
    fn environment_values_are_hidden_wherever_they_are_nested() {
        let container = json!({"image": "a/b:1", "environment": {"MODE": "fast", "KEY": "secret"}});
        assert_eq!(
            people("containers", &json!([container])),
            "[{image: a/b:1, environment: {MODE: fast, KEY: (sensitive)}}]"
        );
        assert_eq!(people("containers.0.environment", &json!({"KEY": "secret"})), "{KEY: (sensitive)}");
        assert_eq!(
            people(
                "other",
                &json!({"environment": [{"name": "KEY", "value": "secret"}, {"name": "MODE", "value": "x"}]})
            ),
            "{environment: [{name: KEY, value: (sensitive)}, {name: MODE, value: x}]}"
        );
        assert_eq!(
            for_machines("containers", &json!([container])),
            json!([{"image": "a/b:1", "environment": {"MODE": null, "KEY": null}}])
        );
    }

    #[test]
    fn an_environment_path_is_hidden_even_when_the_kind_does_not_say_so() {
        let show = BTreeSet::from(["MODE".to_owned()]);
        assert!(hidden("containers.0.environment.KEY", false, &show));
        assert!(!hidden("containers.0.environment.MODE", true, &show));
        assert!(hidden("containers.0.environment.MODE.x", false, &show), "names may hold dots");
        assert!(hidden("password", true, &show));
        assert!(!hidden("cpu", false, &show));
    }

    #[test]
    fn references_are_named_for_machines_and_unknown_for_people() {
        let value = json!({"groups": [{"$ref": "security_group.tasks", "output": "id"}]});
        assert_eq!(people("network", &value), "{groups: [(known after apply)]}");
        assert_eq!(
            for_machines("network", &value),
            json!({"groups": [{"known_after_apply": "security_group.tasks.id"}]})
        );
    }

    #[test]
    fn a_value_that_imitates_our_words_or_hides_its_edges_is_quoted() {
        assert_eq!(people("a", &json!("(known after  apply)")), "\"(known after  apply)\"");
        assert_eq!(people("a", &json!("")), "\"\"");
        assert_eq!(people("a", &json!("two words")), "\"two words\"");
        assert_eq!(people("a", &json!(["a,b", "c"])), "[\"a,b\", c]");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(clip("abcdef", 4), "abcd… (2 more characters)");
        assert_eq!(clip("abcd", 4), "abcd");
    }
}
