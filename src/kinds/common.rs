//! What several kinds need: tags in the SDK's shape, outputs, parts of answers. Not a kind.

use std::collections::BTreeMap;
use std::fmt::Write;

use aws_sdk_ecs::types::Tag as EcsTag;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::{CallError, Input, Locator, Outputs};

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The wanted tags that are absent or different.
pub fn missing_tags(seen: &Tags, want: &Tags) -> Tags {
    want.iter()
        .filter(|(key, value)| seen.get(*key) != Some(value))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

/// Tags as ECS takes them.
pub fn to_ecs(tags: &Tags) -> Vec<EcsTag> {
    tags.iter().map(|(key, value)| EcsTag::builder().key(key).value(value).build()).collect()
}

/// Tags as ECS gives them.
pub fn from_ecs(tags: &[EcsTag]) -> Tags {
    tags.iter()
        .map(|tag| (tag.key().unwrap_or_default().to_owned(), tag.value().unwrap_or_default().to_owned()))
        .collect()
}

/// A client token (32 characters: ECS takes 36, ACM 32) that is the same for the same creation, so that a repeated call makes no
/// second one.
pub fn token(at: &Locator, want: &impl Serialize, round: u32) -> String {
    // Attributes of strings, numbers and sets always serialise.
    let attrs = serde_json::to_string(want).unwrap_or_default();
    let digest = Sha256::digest(format!("{}\n{}\n{attrs}\n{round}", at.stack, at.address));
    let mut token = String::new();
    for byte in digest.iter().take(16) {
        // Writing to a string does not fail.
        let _ = write!(token, "{byte:02x}");
    }
    token
}

/// Outputs from pairs.
pub fn outputs<const N: usize>(pairs: [(&str, &str); N]) -> Outputs {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A part of an answer that AWS always sends.
pub fn part<T>(op: &str, value: Option<T>, name: &str) -> Result<T, CallError> {
    value.ok_or_else(|| CallError::local(op, format!("the answer has no `{name}`")))
}

/// A part of a request that its builder refuses only when a required field is missing.
pub fn built<T, E: std::fmt::Display>(op: &str, result: Result<T, E>) -> Result<T, CallError> {
    result.map_err(|error| CallError::local(op, format!("this is a bug: {error}")))
}

/// The value of an input at the time of the call: the engine has resolved it.
pub fn known<'a>(op: &str, input: &'a Input<String>) -> Result<&'a str, CallError> {
    match input {
        Input::Known(value) => Ok(value),
        Input::Pending(reference) => {
            let (address, output) = (&reference.address, &reference.output);
            Err(CallError::local(op, format!("this is a bug: the `{output}` of {address} is not resolved")))
        }
    }
}

/// The values of several inputs.
pub fn all_known<'a>(
    op: &str,
    inputs: impl IntoIterator<Item = &'a Input<String>>,
) -> Result<Vec<String>, CallError> {
    inputs.into_iter().map(|input| known(op, input).map(str::to_owned)).collect()
}

/// The resource part of an ARN of this service, for example `cluster/main` of `arn:…:ecs:…:cluster/main`.
pub fn resource_of<'a>(arn: &'a str, service: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    let found = parts.nth(2)?;
    parts.nth(2).filter(|_| found == service)
}
