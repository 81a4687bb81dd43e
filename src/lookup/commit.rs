//! The tags that stand for a Git commit: whole, short, and with the prefix that `docker/metadata-action` writes.

/// The digits of a whole commit (SHA-1).
pub const WHOLE: usize = 40;

/// The digits of a short commit: what Git writes by default, and what it grows to in large repositories.
const SHORT: std::ops::RangeInclusive<usize> = 7..=12;

/// The prefix of `type=sha` of `docker/metadata-action`.
const PREFIX: &str = "sha-";

/// Text that looks like a Git commit, short or whole.
pub fn is_commit(text: &str) -> bool {
    (7..=WHOLE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The commit that a tag names.
pub fn of(tag: &str) -> Option<&str> {
    Some(tag.strip_prefix(PREFIX).unwrap_or(tag)).filter(|commit| is_commit(commit))
}

/// A tag of a commit that begins with these digits, and has more.
pub fn begins(tag: &str, commit: &str) -> bool {
    of(tag).is_some_and(|whole| whole.len() > commit.len() && whole.starts_with(commit))
}

/// The other tags that an image of this commit may have, likeliest first.
pub fn forms(commit: &str) -> Vec<String> {
    let mut forms = vec![format!("{PREFIX}{commit}")];
    if commit.len() == WHOLE {
        // The longest says most.
        for digits in SHORT.rev() {
            let short = commit.get(..digits).unwrap_or(commit);
            forms.extend([short.to_owned(), format!("{PREFIX}{short}")]);
        }
    }
    forms
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_whole_commit_has_short_forms_and_a_short_one_has_not() {
        let forms = forms(COMMIT);
        assert_eq!(forms[0], format!("sha-{COMMIT}"));
        assert_eq!((forms[1].as_str(), forms[12].as_str()), ("0123456789ab", "sha-0123456"));
        assert_eq!(forms.len(), 13);
        assert_eq!(super::forms("0123456"), ["sha-0123456"]);
    }

    #[test]
    fn a_tag_tells_its_commit() {
        for (tag, commit) in [
            (COMMIT, Some(COMMIT)),
            ("sha-0123456", Some("0123456")),
            ("012345", None),
            ("v1.2.3", None),
            ("sha-latest", None),
        ] {
            assert_eq!(of(tag), commit, "{tag}");
        }
    }

    #[test]
    fn only_a_longer_commit_begins_with_a_short_one() {
        assert!(begins(COMMIT, "0123456") && begins(&format!("sha-{COMMIT}"), "0123456"));
        assert!(!begins("0123456", "0123456") && !begins("012345678-dirty", "0123456"));
    }
}
