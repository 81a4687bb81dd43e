//! Corrections of moto around a forwarded call: what AWS keeps and moto loses, and what AWS refuses because of ECS.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::error::Refusal;
use crate::http::{Request, Response};
use crate::internal::Internal;
use crate::state::State;
use crate::xml;

/// EventBridge ignores the tags of a `PutRule` for a rule that exists; moto would add them.
pub async fn drop_tags_of_existing_rule(internal: Internal<'_>, input: &Value, request: &mut Request) {
    let Some(name) = input.get("Name").filter(|_| input.get("Tags").is_some()) else {
        return;
    };
    let mut lookup = json!({"Name": name});
    if let (Some(bus), Some(lookup)) = (input.get("EventBusName"), lookup.as_object_mut()) {
        lookup.insert("EventBusName".into(), bus.clone());
    }
    let exists = internal
        .json("events", "AWSEvents.DescribeRule", &lookup)
        .await
        .is_ok();
    if let (true, Some(input)) = (exists, input.as_object()) {
        let mut kept = input.clone();
        kept.remove("Tags");
        request.body = Value::Object(kept).to_string().into_bytes();
    }
}

/// Tags given with `CreateSecurityGroup` are lost by moto: they are added once the group exists.
pub async fn tag_new_group(internal: Internal<'_>, input: &Value, response: &Response) {
    let text = String::from_utf8_lossy(&response.body);
    let Some(id) = xml::first(&text, "groupId") else {
        return;
    };
    let tags = tag_fields(input, "security-group");
    if tags.is_empty() {
        return;
    }
    let mut fields = vec![("ResourceId.1".to_owned(), id)];
    for (n, (key, value)) in tags.into_iter().enumerate() {
        fields.push((format!("Tag.{}.Key", n + 1), key));
        fields.push((format!("Tag.{}.Value", n + 1), value));
    }
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    // The group was just made and the tags are what the client sent: moto has no reason to refuse.
    let _ = internal.query("ec2", "CreateTags", &fields).await;
}

/// The tags of `TagSpecification.N` for a type of resource.
fn tag_fields(input: &Value, kind: &str) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let Some(fields) = input.as_object() else {
        return tags;
    };
    for (name, value) in fields {
        let Some(prefix) = name.strip_suffix(".ResourceType").filter(|_| value == kind) else {
            continue;
        };
        for (name, key) in fields {
            let inner = name
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_prefix(".Tag."));
            let Some(n) = inner.and_then(|rest| rest.strip_suffix(".Key")) else {
                continue;
            };
            let value = fields
                .get(&format!("{prefix}.Tag.{n}.Value"))
                .and_then(Value::as_str)
                .unwrap_or_default();
            tags.insert(key.as_str().unwrap_or_default().to_owned(), value.to_owned());
        }
    }
    tags
}

/// A security group that an ECS service uses cannot be deleted: its tasks' network interfaces hold it.
pub fn group_in_use(state: &State, account: &str, region: &str, input: &Value) -> Option<Refusal> {
    let id = input.get("GroupId").and_then(Value::as_str)?;
    let used = crate::aws::usage::security_groups(state, account, region);
    used.contains(id).then(|| {
        Refusal::new(
            "DependencyViolation",
            format!("resource {id} has a dependent object"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_from_the_specification_of_the_type() {
        let input = json!({
            "TagSpecification.1.ResourceType": "security-group",
            "TagSpecification.1.Tag.1.Key": "app", "TagSpecification.1.Tag.1.Value": "a",
            "TagSpecification.1.Tag.2.Key": "empty",
            "TagSpecification.2.ResourceType": "vpc", "TagSpecification.2.Tag.1.Key": "other",
        });
        let tags = tag_fields(&input, "security-group");
        assert_eq!(
            tags,
            BTreeMap::from([("app".into(), "a".into()), ("empty".into(), String::new())])
        );
    }
}
