//! What must not leave although it is no attribute: credentials in messages, account ids in public comments.

pub use crate::model::{accounts, short_account};

/// Removes what grants access from a message of AWS: session tokens, access key ids, encoded authorization messages and
/// the query of presigned addresses.
pub fn credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(|c: char| c.is_whitespace()) {
        let end = word.trim_end().len();
        let (word, space) = word.split_at(end);
        out.push_str(&credential_word(word));
        out.push_str(space);
    }
    out
}

fn credential_word(word: &str) -> String {
    if let Some((address, query)) = word.split_once('?')
        && ["X-Amz-", "x-amz-", "Signature="].iter().any(|part| query.contains(part))
    {
        return format!("{address}?(removed)");
    }
    // Encoded authorization messages and session tokens: one very long run without the marks of a name or an ARN.
    if word.len() > 200 && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_+/=.,;".contains(c)) {
        return "(removed)".to_owned();
    }
    let mut out = String::with_capacity(word.len());
    for part in word.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let key = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let known = key.starts_with("AKIA") || key.starts_with("ASIA");
        if known && key.len() >= 16 && !key.contains(|c: char| c.is_ascii_lowercase()) {
            out.push_str("(removed)");
            out.push_str(&part[key.len()..]);
        } else {
            out.push_str(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_keys_tokens_and_presigned_queries_are_removed_from_messages() {
        let key = format!("ASIA{}", "ABCDEFGHIJKLMNOP");
        let message = format!(
            "key {key}, see https://b.s3.amazonaws.com/k?X-Amz-Signature=00ff. Encoded: {} end",
            "aB3-".repeat(60)
        );
        assert_eq!(
            credentials(&message),
            "key (removed), see https://b.s3.amazonaws.com/k?(removed) Encoded: (removed) end"
        );
        assert_eq!(credentials("role ASIA-team stays"), "role ASIA-team stays");
    }
}
