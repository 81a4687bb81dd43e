//! Brings every way of writing a value into the one that the types read.

use serde_json::{Map, Value, json};

use super::secret::SecretRef;
use super::source::{Path, Seg, Source, join};
use super::{web_names, words};

/// Seconds.
const DAY: u32 = 86_400;

/// Mappings whose keys are the user's own names. A name without a value is a mistake, and not the same as no name.
const NAMED: [&str; 3] = ["tasks", "environment", "tags"];

/// Takes out known keys without a value: they mean the same as no key. (Files written by other tools hold `arn: null` and the
/// like.)
pub fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            for (key, value) in object {
                match value {
                    Value::Object(named) if NAMED.contains(&key.as_str()) => {
                        named.values_mut().for_each(drop_nulls);
                    }
                    value => drop_nulls(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The value at `path` as text: a number or a boolean without quotes is taken as it is written (`1.10` stays `1.10`).
pub fn text(source: &Source<'_>, path: &[Seg], value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => {
            let written =
                source.written(path).map(str::trim).filter(|written| !written.starts_with(['&', '*']));
            Some(written.map_or_else(|| value.to_string(), str::to_owned))
        }
        _ => None,
    }
}

/// One entry of `environment`: its path, and its name and value or what is wrong with it.
pub type Variable = (Path, Result<(String, String), &'static str>);

/// The entries of `environment`, however they are written, in the order of the file.
pub fn environment(source: &Source<'_>, path: &[Seg], value: &Value) -> Vec<Variable> {
    match value {
        Value::Object(entries) => entries
            .iter()
            .filter_map(|(name, value)| {
                let path = join(path, name.as_str());
                text(source, &path, value).map(|text| (path, Ok((name.clone(), text))))
            })
            .collect(),
        Value::Array(entries) => entries
            .iter()
            .enumerate()
            .filter_map(|(index, entry)| {
                let path = join(path, index);
                let parsed = match entry {
                    Value::String(entry) => entry
                        .split_once('=')
                        .map(|(name, value)| (name.to_owned(), value.to_owned()))
                        .ok_or("has no `=`; write `NAME=value`"),
                    Value::Object(entry) => {
                        let name = entry.get("name")?.as_str()?.to_owned();
                        Ok((name, text(source, &join(&path, "value"), entry.get("value")?)?))
                    }
                    _ => return None,
                };
                Some((path, parsed))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// One entry of `secrets`, however it is written.
pub fn secret(entry: &Value) -> Option<Result<SecretRef, String>> {
    match entry {
        Value::String(text) => Some(SecretRef::parse(text)),
        Value::Object(entry) => {
            let (name, from) = (entry.get("name")?.as_str()?, entry.get("valueFrom")?.as_str()?);
            Some(SecretRef::parse(&format!("{from}:{name}")))
        }
        _ => None,
    }
}

/// The words of a command, however it is written.
pub fn command(
    source: &Source<'_>,
    path: &[Seg],
    value: &Value,
) -> Option<Result<Vec<String>, &'static str>> {
    match value {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, word)| text(source, &join(path, index), word))
            .collect::<Option<_>>()
            .map(Ok),
        Value::String(text) => Some(words::split(text)),
        _ => None,
    }
}

/// Memory in MiB. Decimal and binary unit names mean the same here, as they do in the console of ECS.
pub fn memory(value: &Value) -> Option<Result<u32, &'static str>> {
    let wrong = "must be a number of MiB such as `2048`, or have the unit MB or GB such as `2 GB`";
    match value {
        Value::Number(number) => Some(number.as_u64().and_then(|mib| u32::try_from(mib).ok()).ok_or(wrong)),
        Value::String(text) => {
            let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
            let number = text.get(..text.len() - digits.len()).unwrap_or_default();
            let factor = match digits.trim().to_ascii_uppercase().as_str() {
                "" | "MB" | "MIB" => 1,
                "GB" | "GIB" => 1024,
                _ => return Some(Err(wrong)),
            };
            Some(number.parse::<u32>().ok().and_then(|number| number.checked_mul(factor)).ok_or(wrong))
        }
        _ => None,
    }
}

/// A boolean, also quoted or as a number.
pub fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => number.as_u64().filter(|number| *number <= 1).map(|number| number == 1),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Rewrites a checked document. What was not understood stays as it is; the check has spoken about it.
pub fn document(source: &Source<'_>, document: &mut Value) {
    let Value::Object(top) = document else { return };
    for key in ["role", "task_role", "events_role"] {
        if let Some(Value::String(name)) = top.get(key) {
            let named = json!({"name": name});
            top.insert(key.to_owned(), named);
        }
    }
    as_text(source, &[], top, "account");
    as_list(top, "domain");
    architecture(top);
    if let Some(Value::Object(alb)) = top.get_mut("alb") {
        as_boolean(alb, "create");
        as_boolean(alb, "redirect_80");
    }
    if let Some(Value::String(zone)) = top.get_mut("route53").and_then(|route53| route53.get_mut("zone_id")) {
        *zone = web_names::zone_id(zone).to_owned();
    }
    if let Some(Value::Object(tags)) = top.get_mut("tags") {
        texts(source, &["tags".into()], tags);
    }
    if let Some(Value::Object(app)) = top.get_mut("app") {
        as_text(source, &["app".into()], app, "version");
    }
    let Some(Value::Object(tasks)) = top.get_mut("tasks") else {
        return;
    };
    for (key, task) in tasks {
        if let Value::Object(task) = task {
            one_task(source, &["tasks".into(), key.as_str().into()], task);
        }
    }
}

fn one_task(source: &Source<'_>, path: &[Seg], task: &mut Map<String, Value>) {
    let at = |key: &str| join(path, key);
    architecture(task);
    as_list(task, "domain");
    as_list(task, "path");
    match task.get("stickiness") {
        Some(Value::Bool(true)) => task.insert("stickiness".to_owned(), DAY.into()),
        Some(Value::Bool(false)) => task.remove("stickiness"),
        _ => None,
    };
    if let Some(Value::Object(check)) = task.get_mut("health_check") {
        as_text(source, &at("health_check"), check, "matcher");
        as_boolean(check, "enabled");
    }
    if let Some(Value::Object(tags)) = task.get_mut("tags") {
        texts(source, &at("tags"), tags);
    }
    if let Some(value) = task.get("environment") {
        let entries = environment(source, &at("environment"), value);
        let entries: Map<String, Value> = entries
            .into_iter()
            .filter_map(|(_, entry)| entry.ok())
            .map(|(name, value)| (name, value.into()))
            .collect();
        task.insert("environment".to_owned(), entries.into());
    }
    if let Some(Value::Array(entries)) = task.get_mut("secrets") {
        for entry in entries {
            if let Some(Ok(secret)) = secret(entry) {
                *entry = secret.to_string().into();
            }
        }
    }
    if let Some(Ok(words)) = task.get("command").and_then(|value| command(source, &at("command"), value)) {
        task.insert("command".to_owned(), words.into());
    }
    as_mib(task, "memory");
    if let Some(Value::Object(run)) = task.get_mut("run") {
        as_mib(run, "max_memory");
    }
}

/// Memory with a unit becomes a number.
fn as_mib(map: &mut Map<String, Value>, key: &str) {
    if let Some(Ok(mib)) = map.get(key).and_then(memory) {
        map.insert(key.to_owned(), mib.into());
    }
}

/// A single text becomes a list of one.
fn as_list(map: &mut Map<String, Value>, key: &str) {
    if let Some(one @ Value::String(_)) = map.get_mut(key) {
        *one = Value::Array(vec![one.take()]);
    }
}

fn as_boolean(map: &mut Map<String, Value>, key: &str) {
    if let Some(value) = map.get(key).and_then(boolean) {
        map.insert(key.to_owned(), value.into());
    }
}

/// Docker's word for a processor becomes the one of ECS.
fn architecture(map: &mut Map<String, Value>) {
    let word = match map.get("cpu_architecture").and_then(Value::as_str) {
        Some("amd64") => "X86_64",
        Some("arm64") => "ARM64",
        _ => return,
    };
    map.insert("cpu_architecture".to_owned(), word.into());
}

fn texts(source: &Source<'_>, path: &[Seg], map: &mut Map<String, Value>) {
    for (key, value) in map {
        if let Some(text) = text(source, &join(path, key.as_str()), value) {
            *value = text.into();
        }
    }
}

fn as_text(source: &Source<'_>, path: &[Seg], map: &mut Map<String, Value>, key: &str) {
    if let Some(text) = map.get(key).and_then(|value| text(source, &join(path, key), value)) {
        map.insert(key.to_owned(), text.into());
    }
}
