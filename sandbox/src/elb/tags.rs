//! Tags of load balancers, target groups, listeners and rules.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Elb, Refusal, invalid};
use crate::ecs::json::{list, text, texts};

/// Most tags of one resource.
const MOST: usize = 50;

/// The tags that a call gives.
pub fn given(input: &Value) -> Answer<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    for tag in list(input, "Tags") {
        let key = text(tag, "Key").unwrap_or_default().to_owned();
        let value = text(tag, "Value").unwrap_or_default().to_owned();
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(invalid(format!("Tag key '{key}' or its value has an invalid length")));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid(format!(
                "Tag key '{key}' cannot start with 'aws:', which is reserved for system use"
            )));
        }
        if let Some(legal) = [&key, &value].into_iter().find(|text| !text.chars().all(is_legal)) {
            return Err(invalid(format!("Tag '{legal}' contains invalid characters")));
        }
        if tags.insert(key.clone(), value).is_some() {
            return Err(Refusal::new(
                "DuplicateTagKeys",
                format!("Tag key '{key}' was specified more than once"),
            ));
        }
    }
    if tags.len() > MOST {
        return Err(too_many());
    }
    Ok(tags)
}

fn too_many() -> Refusal {
    Refusal::new("TooManyTags", format!("A resource cannot have more than {MOST} tags"))
}

fn is_legal(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}

impl Elb {
    pub(super) fn add_tags(&mut self, input: &Value) -> Answer {
        let new = given(input)?;
        for arn in texts(input, "ResourceArns") {
            let mut after = self.tags_of(arn)?.clone();
            after.extend(new.clone());
            if after.len() > MOST {
                return Err(too_many());
            }
        }
        for arn in texts(input, "ResourceArns") {
            self.tags.entry(arn.to_owned()).or_default().extend(new.clone());
        }
        Ok(json!({}))
    }

    pub(super) fn remove_tags(&mut self, input: &Value) -> Answer {
        let arns = texts(input, "ResourceArns");
        for arn in &arns {
            self.tags_of(arn)?;
        }
        let keys = texts(input, "TagKeys");
        for (_, tags) in self.tags.iter_mut().filter(|(arn, _)| arns.contains(&arn.as_str())) {
            tags.retain(|key, _| !keys.contains(&key.as_str()));
        }
        Ok(json!({}))
    }

    pub(super) fn describe_tags(&self, input: &Value) -> Answer {
        let arns = texts(input, "ResourceArns");
        if arns.len() > 20 {
            return Err(invalid("You can describe the tags of at most '20' resources in one call"));
        }
        let mut shown = Vec::new();
        for arn in arns {
            let tags: Vec<Value> =
                self.tags_of(arn)?.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
            shown.push(json!({"ResourceArn": arn, "Tags": tags}));
        }
        Ok(json!({ "TagDescriptions": shown }))
    }

    /// The tags of something that exists; every such thing has an entry.
    fn tags_of(&self, arn: &str) -> Answer<&BTreeMap<String, String>> {
        self.tags.get(arn).ok_or_else(|| {
            let tail = arn.splitn(6, ':').nth(5).unwrap_or_default();
            let (code, what) = match tail.split('/').next().unwrap_or_default() {
                "loadbalancer" => ("LoadBalancerNotFound", "Load balancer"),
                "targetgroup" => ("TargetGroupNotFound", "Target group"),
                "listener" => ("ListenerNotFound", "Listener"),
                "listener-rule" => ("RuleNotFound", "Rule"),
                _ => return invalid(format!("'{arn}' is not a valid resource ARN")),
            };
            Refusal::new(code, format!("{what} '{arn}' not found"))
        })
    }
}
