//! Tags of parameters.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Parameter, Ssm, invalid, required};
use crate::aws::error::Refusal;
use crate::ecs::json::{list, text, texts};

/// Most tags of a parameter.
const MOST: usize = 50;

/// The tags of a request.
pub(super) fn given(input: &Value) -> Answer<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    for tag in list(input, "Tags") {
        let (key, value) = (text(tag, "Key").unwrap_or_default(), text(tag, "Value").unwrap_or_default());
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(invalid("Tag keys have 1 to 128 characters, values at most 256."));
        }
        if key.to_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys can't be prefixed with \"aws:\"."));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    count(&tags)?;
    Ok(tags)
}

fn count(tags: &BTreeMap<String, String>) -> Answer<()> {
    if tags.len() <= MOST {
        return Ok(());
    }
    Err(Refusal::new("TooManyTagsError", format!("The number of tags is over the limit of {MOST}.")))
}

impl Ssm {
    pub(super) fn add_tags(&mut self, input: &Value) -> Answer {
        let new = given(input)?;
        let parameter = self.tagged_one(input)?;
        let mut all = parameter.tags.clone();
        all.extend(new);
        count(&all)?;
        parameter.tags = all;
        Ok(json!({}))
    }

    pub(super) fn remove_tags(&mut self, input: &Value) -> Answer {
        let parameter = self.tagged_one(input)?;
        for key in texts(input, "TagKeys") {
            parameter.tags.remove(key);
        }
        Ok(json!({}))
    }

    pub(super) fn list_tags(&mut self, input: &Value) -> Answer {
        let parameter = self.tagged_one(input)?;
        let tags = parameter.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
        Ok(json!({ "TagList": tags.collect::<Vec<_>>() }))
    }

    fn tagged_one(&mut self, input: &Value) -> Answer<&mut Parameter> {
        let name = required(input, "ResourceId")?;
        let missing = || {
            let message =
                "The resource ID isn't valid. Verify that you entered the correct ID and try again.";
            Refusal::new("InvalidResourceId", message)
        };
        self.parameters.get_mut(name).ok_or_else(missing)
    }
}
