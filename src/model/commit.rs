//! The tags that stand for a Git commit: whole, short, and with the prefix that `docker/metadata-action` writes.

/// The digits of a whole commit (SHA-1).
pub const COMMIT_DIGITS: usize = 40;

/// The prefix of `type=sha` of `docker/metadata-action`.
pub const COMMIT_PREFIX: &str = "sha-";

/// Text that looks like a Git commit, short or whole.
pub fn is_commit(text: &str) -> bool {
    (7..=COMMIT_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The commit that a tag names.
pub fn commit_of(tag: &str) -> Option<&str> {
    Some(tag.strip_prefix(COMMIT_PREFIX).unwrap_or(tag)).filter(|commit| is_commit(commit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_tag_tells_its_commit() {
        for (tag, commit) in [
            (COMMIT, Some(COMMIT)),
            ("sha-0123456", Some("0123456")),
            ("012345", None),
            ("v1.2.3", None),
            ("sha-latest", None),
        ] {
            assert_eq!(commit_of(tag), commit, "{tag}");
        }
    }
}
