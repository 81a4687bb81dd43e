//! What must not leave although it is no attribute: credentials in messages, account ids in public comments.

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

/// Shows account ids by their last four digits: the stack's own wherever it stands, others where an ARN or a registry
/// address holds them.
pub fn accounts(text: &str, own: &str) -> String {
    accounts_of(text, &[own])
}

/// The same for several stacks.
pub fn accounts_of(text: &str, own: &[impl AsRef<str>]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let length = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (run, after) = from.split_at(length);
        let in_arn = out.ends_with(':') && after.starts_with(':');
        let in_registry = after.starts_with(".dkr.ecr.");
        if run.len() == 12 && (own.iter().any(|own| own.as_ref() == run) || in_arn || in_registry) {
            out.push_str(&short_account(run));
        } else {
            out.push_str(run);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// `…9012`.
pub fn short_account(account: &str) -> String {
    let tail: Vec<char> = account.chars().rev().take(4).collect();
    std::iter::once('…').chain(tail.into_iter().rev()).collect()
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

    #[test]
    fn account_ids_show_four_digits_and_other_numbers_stay() {
        assert_eq!(
            accounts(
                "arn:aws:iam::999999999999:role/x 123456789012 555555555555 888888888888.dkr.ecr.eu-west-1.amazonaws.com/a",
                "123456789012"
            ),
            "arn:aws:iam::…9999:role/x …9012 555555555555 …8888.dkr.ecr.eu-west-1.amazonaws.com/a"
        );
        assert_eq!(
            accounts("bucket-123456789012-logs 1234567890123", "123456789012"),
            "bucket-…9012-logs 1234567890123"
        );
    }
}
