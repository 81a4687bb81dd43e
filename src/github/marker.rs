//! The hidden first line of a comment: what the tool needs to find its comment again and to know what it holds.
//!
//! `<!-- fargate-stack:v1 BASE64URL(JSON) -->`: the encoding keeps out `--`, `>`, mentions and everything else that
//! Markdown could see. The marker is an index, never an authority: whoever may edit the comment may forge it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How every comment of this tool begins, in this version of the format.
pub const PREFIX: &str = "<!-- fargate-stack:v1 ";
const SUFFIX: &str = " -->";
/// Longest marker that is read, in bytes; GitHub's comments are not longer than four times this.
const LONGEST: usize = 65_536;

/// The first line for a value, without a line break.
pub fn encode(value: &Value) -> String {
    format!("{PREFIX}{}{SUFFIX}", URL_SAFE_NO_PAD.encode(value.to_string()))
}

/// The value in the first line of a comment; `None` for every text that is not a whole marker.
pub fn decode(body: &str) -> Option<Value> {
    let line = body.lines().next()?.trim_end();
    let data = line.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    if data.len() > LONGEST {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(data).ok()?).ok()
}

/// The marker as a type of the caller.
pub fn read<T: DeserializeOwned>(body: &str) -> Option<T> {
    serde_json::from_value(decode(body)?).ok()
}

/// A comment with the marker as its first line.
pub fn mark(value: &Value, body: &str) -> String {
    format!("{}\n{body}", encode(value))
}

/// The text below the marker, the whole text when there is none.
pub fn unmarked(body: &str) -> &str {
    if body.starts_with(PREFIX) { body.split_once('\n').map_or("", |(_, rest)| rest) } else { body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_marker_is_read_back_from_the_first_line_only() {
        let value = json!({"scope": "stacks/*", "head": "abc", "run": 5});
        let body = mark(&value, "### Plan\n<!-- fargate-stack:v1 e30 -->");
        assert_eq!(decode(&body), Some(value.clone()));
        assert_eq!(decode(&body.replace('\n', "\r\n")), Some(value.clone()), "the web editor writes CRLF");
        assert_eq!(decode(&format!("hello\n{}", encode(&value))), None);
        assert_eq!(unmarked(&body), "### Plan\n<!-- fargate-stack:v1 e30 -->");
    }

    #[test]
    fn a_marker_is_read_as_a_type() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Mine {
            run: u64,
        }
        let body = mark(&json!({"run": 5, "more": true}), "x");
        assert_eq!(read::<Mine>(&body), Some(Mine { run: 5 }));
        assert_eq!(read::<Mine>(&mark(&json!({"run": "x"}), "x")), None);
    }

    #[test]
    fn garbage_is_no_marker() {
        for body in [
            "",
            "text",
            PREFIX,
            "<!-- fargate-stack:v1 -->",
            "<!-- fargate-stack:v1 !!!! -->",
            "<!-- fargate-stack:v1 e30 ",
            "<!-- fargate-stack:v1 e3 -->",
            "<!-- fargate-stack:v2 e30 -->",
            " <!-- fargate-stack:v1 e30 -->",
        ] {
            assert_eq!(decode(body), None, "{body}");
        }
        assert_eq!(decode(&format!("{PREFIX}{}{SUFFIX}", "A".repeat(LONGEST + 1))), None);
    }

    proptest! {
        #[test]
        fn every_text_survives_and_leaves_the_comment_closed(text in "\\PC*|.*") {
            let line = encode(&json!({"t": text}));
            prop_assert_eq!(decode(&line), Some(json!({"t": text})));
            let inner = line.strip_prefix("<!--").and_then(|line| line.strip_suffix("-->")).unwrap_or("--");
            prop_assert!(!inner.contains("--") || !inner.contains('>'));
            prop_assert!(!line.contains('\n') && !inner.contains('>') && !inner.contains('@'));
        }

        #[test]
        fn no_text_makes_decoding_fail(text in ".*") {
            let _ = decode(&text);
            let _ = decode(&format!("{PREFIX}{text}{SUFFIX}"));
        }
    }
}
