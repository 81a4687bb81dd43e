//! The other tags that stand for a Git commit: whole, short, and with a prefix.

use crate::model::COMMIT_PREFIX;
pub use crate::model::{COMMIT_DIGITS as WHOLE, commit_of as of, is_commit};

/// The digits of a short commit: what Git writes by default, and what it grows to in large repositories.
const SHORT: std::ops::RangeInclusive<usize> = 7..=12;

/// A tag of a commit that begins with these digits, and has more.
pub fn begins(tag: &str, commit: &str) -> bool {
    of(tag).is_some_and(|whole| whole.len() > commit.len() && whole.starts_with(commit))
}

/// The other tags that an image of this commit may have, likeliest first.
pub fn forms(commit: &str) -> Vec<String> {
    let mut forms = vec![format!("{COMMIT_PREFIX}{commit}")];
    if commit.len() == WHOLE {
        // The longest says most.
        for digits in SHORT.rev() {
            let short = commit.get(..digits).unwrap_or(commit);
            forms.extend([short.to_owned(), format!("{COMMIT_PREFIX}{short}")]);
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
    fn only_a_longer_commit_begins_with_a_short_one() {
        assert!(begins(COMMIT, "0123456") && begins(&format!("sha-{COMMIT}"), "0123456"));
        assert!(!begins("0123456", "0123456") && !begins("012345678-dirty", "0123456"));
    }
}
