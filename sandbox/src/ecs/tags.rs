//! Tags: their rules, and the operations on them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Ecs;
use super::error::{Answer, EcsError};
use super::json::{list, text, texts};

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// Most tags that a resource may carry.
const MOST: usize = 50;

/// Checks a list of tags as every tagging call does.
pub fn validate(given: &[Value]) -> Answer<()> {
    if given.len() > MOST {
        return Err(EcsError::invalid("Tags can not have more than 50 tags."));
    }
    let mut keys = BTreeSet::new();
    for tag in given {
        let key = text(tag, "key").unwrap_or_default();
        let value = text(tag, "value").unwrap_or_default();
        check_key(key)?;
        if value.chars().count() > 256 || !value.chars().all(is_tag_char) {
            return Err(EcsError::invalid(format!("Tag value of key '{key}' is not valid.")));
        }
        if !keys.insert(key) {
            return Err(EcsError::invalid(format!("Duplicate tag keys found: '{key}'.")));
        }
    }
    Ok(())
}

fn check_key(key: &str) -> Answer<()> {
    if key.is_empty() || key.chars().count() > 128 || !key.chars().all(is_tag_char) {
        return Err(EcsError::invalid(format!("Tag key '{key}' is not valid.")));
    }
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(EcsError::invalid("Tag keys can not start with 'aws:', it is reserved for AWS use."));
    }
    Ok(())
}

/// Letters, numbers, spaces and `+ - = . _ : / @`.
fn is_tag_char(char: char) -> bool {
    char.is_alphanumeric() || char == ' ' || "+-=._:/@".contains(char)
}

/// The tags of a request, in one map.
pub fn read(input: &Value) -> Tags {
    list(input, "tags")
        .iter()
        .filter_map(|tag| {
            Some((text(tag, "key")?.to_owned(), text(tag, "value").unwrap_or_default().to_owned()))
        })
        .collect()
}

/// Tags as the protocol lists them.
pub fn show(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// Whether a Describe call asks for tags.
pub fn asked(input: &Value) -> bool {
    texts(input, "include").contains(&"TAGS")
}

impl Ecs {
    pub(super) fn tag_resource(&mut self, input: &Value) -> Answer {
        let given = list(input, "tags");
        validate(given)?;
        let new = read(input);
        let tags = self.tags_of(text(input, "resourceArn").unwrap_or_default())?;
        let kept = tags.keys().filter(|key| !new.contains_key(*key) && !key.starts_with("aws:")).count();
        if kept + new.len() > MOST {
            return Err(EcsError::invalid("Tags can not have more than 50 tags."));
        }
        tags.extend(new);
        Ok(json!({}))
    }

    pub(super) fn untag_resource(&mut self, input: &Value) -> Answer {
        let keys = texts(input, "tagKeys");
        keys.iter().try_for_each(|key| check_key(key))?;
        let tags = self.tags_of(text(input, "resourceArn").unwrap_or_default())?;
        tags.retain(|key, _| !keys.contains(&key.as_str()));
        Ok(json!({}))
    }

    pub(super) fn list_tags(&mut self, input: &Value) -> Answer {
        let tags = self.tags_of(text(input, "resourceArn").unwrap_or_default())?;
        Ok(json!({ "tags": show(tags) }))
    }

    /// The tags of a cluster, service, task or task definition that still exists.
    fn tags_of(&mut self, arn: &str) -> Answer<&mut Tags> {
        let place = self.place.clone();
        let Some((kind, name)) = place.tail(arn).and_then(|tail| tail.split_once('/')) else {
            return Err(EcsError::invalid("Invalid resource ARN."));
        };
        let gone =
            |what: &str| EcsError::invalid(format!("The specified {what} is inactive or does not exist."));
        match kind {
            "cluster" => {
                let cluster = self.clusters.get_mut(name).ok_or_else(EcsError::no_cluster)?;
                if cluster.active {
                    Ok(&mut cluster.tags)
                } else {
                    Err(EcsError::invalid(
                        "The specified cluster is inactive. Specify an active cluster and try again.",
                    ))
                }
            }
            "service" => {
                let key = name.split_once('/').map(|(cluster, name)| (cluster.to_owned(), name.to_owned()));
                let service =
                    key.and_then(|key| self.services.get_mut(&key)).ok_or_else(|| gone("service"))?;
                if service.is_inactive() { Err(gone("service")) } else { Ok(&mut service.tags) }
            }
            "task" => self.tasks.get_mut(arn).map(|task| &mut task.tags).ok_or_else(|| gone("task")),
            "task-definition" => {
                let revision = self.definition_mut(name).ok_or_else(|| gone("task definition"))?;
                Ok(&mut revision.tags)
            }
            _ => Err(EcsError::invalid("Invalid resource ARN.")),
        }
    }

    /// ARN and tags of everything taggable that still exists, for the Resource Groups Tagging API. Deregistered
    /// task definitions are among them, as they can still be described and keep their tags; what was never
    /// tagged is not.
    pub fn tagged(&self) -> Vec<(String, Tags)> {
        let clusters =
            self.clusters.values().filter(|one| one.active).map(|one| (one.arn.clone(), &one.tags));
        let services =
            self.services.values().filter(|one| !one.is_inactive()).map(|one| (one.arn.clone(), &one.tags));
        let tasks = self
            .tasks
            .values()
            .filter(|one| !one.is_stopped(self.settled_at))
            .map(|one| (one.arn.clone(), &one.tags));
        let definitions = self
            .families
            .values()
            .flat_map(|family| family.revisions.values())
            .filter(|one| !one.is_deleting())
            .map(|one| (one.arn().to_owned(), &one.tags));
        clusters
            .chain(services)
            .chain(tasks)
            .chain(definitions)
            .filter(|(_, tags)| !tags.is_empty())
            .map(|(arn, tags)| (arn, tags.clone()))
            .collect()
    }
}
