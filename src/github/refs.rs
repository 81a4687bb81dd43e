//! Names of git refs: which ones git accepts, and whether one is among those that were allowed.

/// Whether git accepts this as the whole name of a ref (`git check-ref-format`), such as `refs/heads/main`.
pub fn is_ref(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let fine =
        |part: &str| !part.is_empty() && !part.starts_with('.') && part.strip_suffix(".lock").is_none();
    name.starts_with("refs/")
        && name.len() <= 1_024
        && name.split('/').count() >= 3
        && name.split('/').all(fine)
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains(forbidden)
}

/// Whether a ref matches one of these patterns. A pattern that begins with `refs/` is for the whole name, every other
/// one for the name of a branch: so a branch called `refs/tags/v1` is not taken for the tag `v1`. `*` stands for any
/// characters but `/`, `**` for any characters, `?` for one that is not `/`.
pub fn is_allowed(ref_name: &str, patterns: &[String]) -> bool {
    is_ref(ref_name)
        && patterns.iter().map(|pattern| pattern.trim()).any(|pattern| {
            let name = if pattern.starts_with("refs/") {
                Some(ref_name)
            } else {
                ref_name.strip_prefix("refs/heads/")
            };
            !pattern.is_empty() && name.is_some_and(|name| matches(pattern, name))
        })
}

/// Whether a whole text matches a pattern. Takes at most the product of both lengths in steps.
fn matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // The positions in the text that the pattern so far can end at.
    let mut ends: Vec<bool> = vec![false; text.len() + 1];
    if let Some(first) = ends.first_mut() {
        *first = true;
    }
    let mut rest = pattern;
    while let Some(sign) = rest.chars().next() {
        let deep = rest.starts_with("**");
        rest = rest.get(if deep { 2 } else { sign.len_utf8() }..).unwrap_or_default();
        let mut next = Vec::with_capacity(ends.len());
        let mut reached = false;
        for (at, end) in ends.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|before| text.get(before));
            next.push(if sign == '*' {
                reached = *end || (reached && (deep || before != Some(&'/')));
                reached
            } else {
                let fits = before.is_some_and(|c| if sign == '?' { *c != '/' } else { *c == sign });
                fits && at.checked_sub(1).and_then(|before| ends.get(before)).is_some_and(|end| *end)
            });
        }
        ends = next;
    }
    ends.last().is_some_and(|end| *end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn allowed(name: &str, pattern: &str) -> bool {
        is_allowed(name, &[pattern.to_owned()])
    }

    #[test]
    fn names_that_git_refuses_are_no_refs() {
        for name in
            ["refs/heads/main", "refs/heads/a/b", "refs/tags/v1.2.3", "refs/heads/grün", "refs/heads/@"]
        {
            assert!(is_ref(name), "{name}");
        }
        for name in [
            "",
            "main",
            "heads/main",
            "refs/heads",
            "refs/heads/",
            "refs//x",
            "/refs/heads/x",
            "refs/heads/a..b",
            "refs/heads/.a",
            "refs/heads/a/.b",
            "refs/heads/a.lock",
            "refs/heads/a.",
            "refs/heads/a b",
            "refs/heads/a~1",
            "refs/heads/a^",
            "refs/heads/a:b",
            "refs/heads/a?",
            "refs/heads/*",
            "refs/heads/[a",
            "refs/heads/a\\b",
            "refs/heads/a@{1}",
            "refs/heads/a\nb",
            "refs/heads/a\u{7f}",
            "refs/heads/a\u{85}b",
        ] {
            assert!(!is_ref(name), "{name:?}");
        }
    }

    #[test]
    fn a_pattern_is_for_a_branch_unless_it_begins_with_refs() {
        assert!(allowed("refs/heads/release/1", "release/*"));
        assert!(allowed("refs/heads/release/1", "refs/heads/release/*"));
        assert!(!allowed("refs/tags/release", "release"), "a tag is named whole");
        assert!(allowed("refs/tags/v1", "refs/tags/v*"));
        assert!(!allowed("refs/heads/refs/tags/v1", "refs/tags/v*"), "a branch with the name of a tag's ref");
        assert!(!allowed("refs/heads/main", "heads/main"));
    }

    #[test]
    fn a_star_ends_at_a_slash_and_two_do_not() {
        for (name, pattern, wanted) in [
            ("refs/heads/release/1/x", "release/*", false),
            ("refs/heads/release/1/x", "release/**", true),
            ("refs/heads/release/1/x", "**", true),
            ("refs/heads/release", "*", true),
            ("refs/heads/release/1", "*", false),
            ("refs/heads/v12", "v??", true),
            ("refs/heads/v1/", "v??", false),
            ("refs/heads/a/b", "a?b", false),
            ("refs/heads/main2", "main", false),
            ("refs/heads/xmain", "main", false),
            ("refs/heads/main", " main ", true),
            ("refs/heads/main", "", false),
            ("refs/heads/a.b", "a.b", true),
            ("refs/heads/axb", "a.b", false),
            ("refs/heads/hot-1-fix", "*-1-*", true),
            ("refs/heads/x/../main", "**", false),
        ] {
            assert_eq!(allowed(name, pattern), wanted, "{name} {pattern}");
        }
        assert!(!is_allowed("refs/heads/main", &[]));
    }

    #[test]
    fn a_pattern_of_many_stars_is_quick() {
        let name = format!("refs/heads/{}", "a".repeat(900));
        assert!(!allowed(&name, &format!("{}b", "*a".repeat(200))));
    }

    proptest! {
        #[test]
        fn every_name_matches_itself_and_nothing_fails(name in "[a-z0-9/._-]{1,20}", any in "\\PC{0,20}") {
            prop_assert_eq!(allowed(&format!("refs/heads/{name}"), &name), is_ref(&format!("refs/heads/{name}")) && !name.starts_with("refs/"));
            let _ = allowed(&any, &any);
        }
    }
}
