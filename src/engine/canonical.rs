//! Values in the form in which plans are compared, and digests of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The repository part of an image reference: without digest and tag.
pub(super) fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let name_starts = image.rfind('/').map_or(0, |slash| slash + 1);
    match image.get(name_starts..).and_then(|name| name.find(':')) {
        Some(colon) => image.get(..name_starts + colon).unwrap_or(image),
        None => image,
    }
}

/// The value with its keys in order, and without what changes from run to run or must not be found out from a digest: the revision
/// number of a task definition, and the stack's own account id.
pub(super) fn canonical(value: &Value, account: &str) -> Value {
    match value {
        Value::String(text) => Value::String(unnumbered(&without(text, account)).to_owned()),
        Value::Array(items) => Value::Array(items.iter().map(|item| canonical(item, account)).collect()),
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, Value> =
                fields.iter().map(|(key, field)| (key, canonical(field, account))).collect();
            sorted.into_iter().map(|(key, field)| (key.clone(), field)).collect()
        }
        other => other.clone(),
    }
}

/// The text with the account id replaced by what nobody writes: twelve digits are few enough to be guessed from a digest.
fn without(text: &str, account: &str) -> String {
    let is_id = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    if is_id { text.replace(account, "\u{0}account") } else { text.to_owned() }
}

fn unnumbered(text: &str) -> &str {
    if !(text.starts_with("arn:") && text.contains(":task-definition/")) {
        return text;
    }
    let cut = text
        .rsplit_once(':')
        .filter(|(_, tail)| !tail.is_empty() && tail.chars().all(|c| c.is_ascii_digit()));
    cut.map_or(text, |(head, _)| head)
}

/// SHA-256 of a value in hex.
pub(super) fn hex(value: &Value) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(value.to_string().as_bytes()) {
        let _ = write!(text, "{byte:02x}"); // into a String: cannot fail
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_repository_is_a_reference_without_tag_and_digest() {
        for (image, expected) in [
            ("nginx", "nginx"),
            ("nginx:1.27", "nginx"),
            ("r.example:5000/team/app", "r.example:5000/team/app"),
            ("r.example:5000/team/app:1@sha256:00", "r.example:5000/team/app"),
        ] {
            assert_eq!(repository(image), expected);
        }
    }

    #[test]
    fn the_order_of_keys_a_revision_and_the_own_account_do_not_enter() {
        let own = "123456789012";
        let arn = |revision: u32| format!("arn:aws:ecs:r:{own}:task-definition/web:{revision}");
        assert_eq!(canonical(&json!(arn(41)), own), canonical(&json!(arn(42)), own));
        assert_eq!(
            canonical(&json!({"a": 1, "b": [2]}), own).to_string(),
            canonical(&json!({"b": [2], "a": 1}), own).to_string()
        );
        assert!(!canonical(&json!([arn(1)]), own).to_string().contains(own));
        assert_ne!(
            canonical(&json!("arn:aws:ecs:r:1:service/web:1"), own),
            json!("arn:aws:ecs:r:1:service/web")
        );
    }
}
