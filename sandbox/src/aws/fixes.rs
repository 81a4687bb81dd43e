//! Corrections of moto around a forwarded call: what AWS keeps and moto loses, and what AWS refuses because of ECS.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::error::Refusal;
use crate::http::{Request, Response};
use crate::internal::Internal;
use crate::state::State;
use crate::xml;

/// `EventBridge` ignores the tags of a `PutRule` for a rule that exists; moto would add them.
pub async fn drop_tags_of_existing_rule(internal: Internal<'_>, input: &Value, request: &mut Request) {
    let Some(name) = input.get("Name").filter(|_| input.get("Tags").is_some()) else {
        return;
    };
    let mut lookup = json!({"Name": name});
    if let (Some(bus), Some(lookup)) = (input.get("EventBusName"), lookup.as_object_mut()) {
        lookup.insert("EventBusName".into(), bus.clone());
    }
    let exists = internal.json("events", "AWSEvents.DescribeRule", &lookup).await.is_ok();
    if let (true, Some(input)) = (exists, input.as_object()) {
        let mut kept = input.clone();
        kept.remove("Tags");
        request.body = Value::Object(kept).to_string().into_bytes();
    }
}

/// The tags of a log group go with it; moto would give them to the next group of that name.
pub async fn untag_log_group(internal: Internal<'_>, input: &Value, account: &str, region: &str) {
    let Some(name) = input.get("logGroupName").and_then(Value::as_str) else {
        return;
    };
    let arn = format!("arn:aws:logs:{region}:{account}:log-group:{name}");
    let target = |operation: &str| format!("Logs_20140328.{operation}");
    let found = internal.json("logs", &target("ListTagsForResource"), &json!({"resourceArn": arn})).await;
    let tags = found.ok().and_then(|found| found.get("tags")?.as_object().cloned()).unwrap_or_default();
    if tags.is_empty() {
        return;
    }
    let keys: Vec<&String> = tags.keys().collect();
    // The group exists, or the deletion itself will say that it does not.
    let _ =
        internal.json("logs", &target("UntagResource"), &json!({"resourceArn": arn, "tagKeys": keys})).await;
}

/// Tags given with `CreateSecurityGroup` are lost by moto: they are added once the group exists, and to the answer.
pub async fn tag_new_group(internal: Internal<'_>, input: &Value, response: &mut Response) {
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let Some(id) = xml::first(&text, "groupId") else {
        return;
    };
    let tags = tag_fields(input, "security-group");
    if tags.is_empty() {
        return;
    }
    if !text.contains("<tagSet>") {
        let items = tags.iter().fold(String::new(), |all, (key, value)| {
            let (key, value) = (xml::escape(key), xml::escape(value));
            format!("{all}<item><key>{key}</key><value>{value}</value></item>")
        });
        let answered = text.replacen("</groupId>", &format!("</groupId><tagSet>{items}</tagSet>"), 1);
        response.body = answered.into_bytes();
    }
    let mut fields = vec![("ResourceId.1".to_owned(), id)];
    for (n, (key, value)) in tags.into_iter().enumerate() {
        fields.push((format!("Tag.{}.Key", n + 1), key));
        fields.push((format!("Tag.{}.Value", n + 1), value));
    }
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
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
            let inner = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(".Tag."));
            let Some(n) = inner.and_then(|rest| rest.strip_suffix(".Key")) else {
                continue;
            };
            let value =
                fields.get(&format!("{prefix}.Tag.{n}.Value")).and_then(Value::as_str).unwrap_or_default();
            tags.insert(key.as_str().unwrap_or_default().to_owned(), value.to_owned());
        }
    }
    tags
}

/// A security group that an ECS service or a load balancer uses, or that a rule of another group names, cannot be deleted.
pub async fn group_in_use(state: &State, internal: Internal<'_>, input: &Value) -> Result<(), Refusal> {
    let Some(id) = input.get("GroupId").and_then(Value::as_str) else {
        return Ok(());
    };
    let used = crate::aws::usage::security_groups(state, internal.account, internal.region);
    let now = state.now();
    let balancers = state.with_elb(internal.account, internal.region, |elb| elb.security_groups(now));
    if used.contains(id) || balancers.contains(id) || named_by_another(internal, id).await {
        return Err(Refusal::new("DependencyViolation", format!("resource {id} has a dependent object")));
    }
    Ok(())
}

/// A scalable target of ECS is a service that exists, and its limits are in order.
pub fn scalable_target(state: &State, internal: Internal<'_>, input: &Value) -> Result<(), Refusal> {
    let invalid = |message: String| Err(Refusal::new("ValidationException", message));
    let text = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default();
    let limit = |key: &str| input.get(key).and_then(Value::as_i64);
    if let (Some(least), Some(most)) = (limit("MinCapacity"), limit("MaxCapacity"))
        && least > most
    {
        return invalid("Maximum capacity cannot be less than minimum capacity".into());
    }
    let mut parts = text("ResourceId").split('/');
    let (Some("service"), Some(cluster), Some(service)) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(());
    };
    let now = state.now();
    let described = state.with_ecs(internal.account, internal.region, |ecs| {
        let wanted = json!({"cluster": cluster, "services": [service]});
        ecs.call("DescribeServices", &wanted, now, &crate::ecs::Outside::default())
    });
    let found = described.ok().and_then(|answer| answer.pointer("/services/0/status").cloned());
    if found.is_none_or(|status| status == "INACTIVE") {
        return invalid(format!("ECS service doesn't exist: {}", text("ResourceId")));
    }
    Ok(())
}

/// Whether a rule of another group names this one.
async fn named_by_another(internal: Internal<'_>, id: &str) -> bool {
    let Ok(text) = internal.query("ec2", "DescribeSecurityGroups", &[]).await else {
        return false;
    };
    let groups = xml::all(&text, "securityGroupInfo").first().copied().unwrap_or_default();
    xml::all(groups, "item").into_iter().any(|group| names(group, id))
}

/// Whether the description of a group other than `id` names it in a rule: its own id comes first, those of rules follow.
fn names(group: &str, id: &str) -> bool {
    let mut ids = xml::all(group, "groupId").into_iter();
    ids.next().is_some_and(|own| own != id) && ids.any(|named| named == id)
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
        assert_eq!(tags, BTreeMap::from([("app".into(), "a".into()), ("empty".into(), String::new())]));
    }

    #[test]
    fn a_group_is_used_by_rules_of_others_but_not_by_its_own() {
        let group = |own: &str, named: &str| {
            format!(
                "<groupId>{own}</groupId><ipPermissions><item><groups><item><groupId>{named}</groupId></item></groups></item></ipPermissions>"
            )
        };
        assert!(names(&group("sg-1", "sg-2"), "sg-2"));
        assert!(!names(&group("sg-2", "sg-2"), "sg-2"));
        assert!(!names(&group("sg-1", "sg-3"), "sg-2"));
    }
}
