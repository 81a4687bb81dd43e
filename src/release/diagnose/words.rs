//! Words of AWS and of kernels, read tolerantly.

/// What an exit code means, in words; `None` for codes without a common meaning. 128 + n is what shells and container
/// runtimes report for a program ended by signal n.
pub fn exit_meaning(code: i32) -> Option<&'static str> {
    Some(match code {
        0 => "it ended by itself, without an error",
        1 => "the program failed",
        2 => "the program was called the wrong way",
        125 => "the container could not be run",
        126 => "the command cannot be executed: no program, no permission, or another CPU architecture",
        127 => "the command was not found in the image",
        129 => "SIGHUP: its terminal went away",
        130 => "SIGINT: it was interrupted",
        131 => "SIGQUIT: it was told to quit",
        132 => "SIGILL: an instruction that this CPU does not have",
        133 => "SIGTRAP: a trap, usually an assertion of a runtime",
        134 => "SIGABRT: it aborted itself",
        135 => "SIGBUS: it used memory that is not there",
        136 => "SIGFPE: an arithmetic error",
        137 => "SIGKILL: it was killed, by the memory limit or because it did not end in time",
        139 => "SIGSEGV: it used memory that is not its own",
        141 => "SIGPIPE: nobody read its output",
        143 => "SIGTERM: it was told to stop",
        255 => "an exit code out of range, or a program for another CPU architecture",
        _ => return None,
    })
}

/// Whether a text holds one of these parts, whatever the case. The parts are given in lower case.
pub(in crate::release) fn has(text: &str, parts: &[&str]) -> bool {
    let text = text.to_lowercase();
    parts.iter().any(|part| text.contains(part))
}

/// Whether a text holds this as a word of its own: `404`, but not within a digest.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|one| one.eq_ignore_ascii_case(word))
}

/// The word after a marker, without quotes and punctuation around it.
pub(super) fn word_after<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(marker)?;
    let word = rest.split_whitespace().next()?;
    let word = word.trim_matches(|c: char| "\"'`()[],;.".contains(c)).trim_end_matches(':');
    (!word.is_empty()).then_some(word)
}

/// The first ARN of a service in a text.
pub(super) fn arn_of<'a>(text: &'a str, services: &[&str]) -> Option<&'a str> {
    let ends = |c: char| c.is_whitespace() || "\"'`()[],;".contains(c);
    text.split(ends).map(|word| word.trim_end_matches(['.', ':'])).find(|word| {
        let mut parts = word.split(':');
        parts.next() == Some("arn") && parts.nth(1).is_some_and(|service| services.contains(&service))
    })
}

/// A text without what differs from task to task (ids, addresses, digests, times), so that equal failures look equal.
pub(in crate::release) fn shape(text: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = if kept(c) {
            rest.find(|c| !kept(c)).unwrap_or(rest.len())
        } else {
            rest.find(kept).unwrap_or(rest.len())
        };
        let (word, after) = rest.split_at(end);
        out.push_str(if kept(c) && is_id(word) { "…" } else { word });
        rest = after;
    }
    out
}

/// Ids of tasks, requests and network interfaces, digests, addresses with ports, times: digits that are no small number.
fn is_id(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let address = word.split(['.', ':']).filter(|part| part.parse::<u16>().is_ok()).count() >= 4;
    address
        || word
            .split(['-', ':', '.'])
            .any(|part| part.len() >= 8 && part.chars().all(|c| c.is_ascii_hexdigit()) && digits > 0)
}

/// `1 task`, `3 tasks`.
pub(super) fn tasks(count: usize) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_task_to_task_has_the_same_shape() {
        for (one, other) in [
            ("dial tcp 10.0.3.14:443: i/o timeout", "dial tcp 10.0.7.200:443: i/o timeout"),
            (
                "request id 9bd0a2f0-0c4f-4b9e-8ad5-0d2a91b6c3aa failed",
                "request id 11111111-2222-3333-4444-555555555555 failed",
            ),
            ("eni-0123456789abcdef0 is gone", "eni-0fedcba9876543210 is gone"),
        ] {
            assert_eq!(shape(one), shape(other));
        }
        assert_ne!(shape("exit 1"), shape("exit 2"));
        assert_ne!(shape("image web:1 not found"), shape("image api:1 not found"));
    }

    #[test]
    fn a_status_code_is_not_found_within_a_digest() {
        assert!(has_word("status: 404 Not Found", "404"));
        assert!(!has_word("sha256:ab404cd", "404"));
    }

    #[test]
    fn arns_and_words_are_taken_without_what_stands_around_them() {
        let text = "not authorized to perform: secretsmanager:GetSecretValue on resource: \"arn:aws-cn:secretsmanager:r:1:secret:a-b\".";
        assert_eq!(word_after(text, "perform: "), Some("secretsmanager:GetSecretValue"));
        assert_eq!(arn_of(text, &["secretsmanager"]), Some("arn:aws-cn:secretsmanager:r:1:secret:a-b"));
        assert_eq!(arn_of(text, &["ssm"]), None);
    }
}
