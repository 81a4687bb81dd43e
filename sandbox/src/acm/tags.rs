//! Tags of certificates.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Acm, Answer, arn_of};
use crate::aws::error::Refusal;
use crate::ecs::json::{list, text};

/// The tags that a call gives.
pub fn given(input: &Value) -> Answer<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    for tag in list(input, "Tags") {
        let (key, value) = (text(tag, "Key").unwrap_or_default(), text(tag, "Value").unwrap_or_default());
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(Refusal::new("InvalidTagException", format!("Invalid tag '{key}'")));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message =
                format!("Invalid Tag Key: \"{key}\". AWS internal tags cannot be changed with this API");
            return Err(Refusal::new("InvalidTagException", message));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    Ok(tags)
}

/// Refuses more than 50 tags.
pub fn count(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Answer<()> {
    if old.keys().chain(new.keys()).collect::<std::collections::BTreeSet<_>>().len() > 50 {
        return Err(Refusal::new("TooManyTagsException", "A certificate can have at most 50 tags"));
    }
    Ok(())
}

impl Acm {
    pub(super) fn add_tags(&mut self, input: &Value) -> Answer {
        let (arn, new) = (arn_of(input)?, given(input)?);
        count(&self.certificate(arn)?.tags, &new)?;
        if let Some(certificate) = self.certificates.get_mut(arn) {
            certificate.tags.extend(new);
        }
        Ok(json!({}))
    }

    /// A tag with a value goes only when it has that value.
    pub(super) fn remove_tags(&mut self, input: &Value) -> Answer {
        let arn = arn_of(input)?;
        self.certificate(arn)?;
        if let Some(certificate) = self.certificates.get_mut(arn) {
            for tag in list(input, "Tags") {
                let (key, value) = (text(tag, "Key").unwrap_or_default(), text(tag, "Value"));
                if value.is_none_or(|value| certificate.tags.get(key).is_some_and(|own| own == value)) {
                    certificate.tags.remove(key);
                }
            }
        }
        Ok(json!({}))
    }
}
