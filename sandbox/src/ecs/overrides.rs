//! What a `RunTask` call changes of its task definition.

use serde_json::{Value, json};

use super::error::{Answer, EcsError};
use super::fargate;
use super::json::{Object, int, list, text};
use super::service_checks::invalid;
use super::task_definitions::Revision;
use super::validate::{cpu_units, mebibytes, role};

/// Longest overrides of one call, in characters of their JSON (`RunTask`, `overrides`).
const LONGEST: usize = 8192;

/// Checks the overrides of a call on a task definition.
pub fn check(overrides: &Value, definition: &Revision, fargate: bool) -> Answer<()> {
    if overrides.to_string().chars().count() > LONGEST {
        return invalid(format!("Container Overrides length must be at most {LONGEST}"));
    }
    let mut seen = std::collections::BTreeSet::new();
    for container in list(overrides, "containerOverrides") {
        let Some(name) = text(container, "name") else {
            return invalid("Container override name should not be null or empty.");
        };
        if definition.container(name).is_none() {
            return invalid(format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            ));
        }
        if !seen.insert(name) {
            return invalid(format!("There is more than one override for the container named {name}."));
        }
        let nameless = |one: &Value| text(one, "name").is_none_or(str::is_empty);
        if list(container, "environment").iter().any(nameless) {
            return invalid("Environment variable name should not be null or empty.");
        }
    }
    for key in ["taskRoleArn", "executionRoleArn"] {
        role(text(overrides, key))?;
    }
    size(overrides, definition, fargate)
}

/// The size of the task with the overrides, which Fargate must have.
fn size(overrides: &Value, definition: &Revision, fargate: bool) -> Answer<()> {
    let read = |key: &str, parse: fn(&str) -> Option<i64>| match text(overrides, key) {
        Some(given) => parse(given).map(Some).ok_or_else(|| {
            EcsError::invalid(format!("Invalid '{key}' override for task: '{given}' is not a valid value."))
        }),
        None => Ok(text(&definition.body, key).and_then(parse)),
    };
    let (cpu, memory) = (read("cpu", cpu_units)?, read("memory", mebibytes)?);
    if let (true, Some(cpu), Some(memory)) = (fargate, cpu, memory)
        && !fargate::is_size(cpu, memory)
    {
        return invalid(format!(
            "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS \
             documentation for the valid values."
        ));
    }
    let gib = overrides.pointer("/ephemeralStorage/sizeInGiB").and_then(Value::as_i64);
    if gib.is_some_and(|gib| !(21..=200).contains(&gib)) {
        return invalid("Ephemeral storage size must be between 21 and 200 GiB.");
    }
    Ok(())
}

/// The members of a task that follow from the overrides, as `DescribeTasks` shows them: every container has an
/// entry, whether something of it is overridden or not.
pub fn shown(overrides: &Value, definition: &Revision) -> Object {
    let given = list(overrides, "containerOverrides");
    let containers: Vec<Value> = definition
        .containers()
        .iter()
        .map(|container| {
            let name = text(container, "name");
            let own = given.iter().find(|one| text(one, "name") == name);
            own.cloned().unwrap_or_else(|| json!({ "name": name }))
        })
        .collect();
    let mut all = overrides.as_object().cloned().unwrap_or_default();
    all.insert("containerOverrides".to_owned(), json!(containers));
    all.entry("inferenceAcceleratorOverrides").or_insert_with(|| json!([]));
    let mut members = Object::new();
    let plain = [("cpu", cpu_units as fn(&str) -> Option<i64>), ("memory", mebibytes)];
    for (key, parse) in plain {
        if let Some(size) = text(overrides, key).and_then(parse) {
            members.insert(key.to_owned(), json!(size.to_string()));
        }
    }
    if let Some(storage) = overrides.get("ephemeralStorage").filter(|one| int(one, "sizeInGiB").is_some()) {
        members.insert("ephemeralStorage".to_owned(), storage.clone());
    }
    members.insert("overrides".to_owned(), Value::Object(all));
    members
}
