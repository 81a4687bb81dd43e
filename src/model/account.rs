//! Account ids as they may be shown.

/// Shows account ids by their last four digits: the stack's own wherever it stands, others where an ARN or a registry
/// address holds them.
pub fn accounts(text: &str, own: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let length = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (run, after) = from.split_at(length);
        let in_arn = out.ends_with(':') && after.starts_with(':');
        let in_registry = after.starts_with(".dkr.ecr.");
        if run.len() == 12 && (run == own || in_arn || in_registry) {
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
