//! The hidden first line of a comment: what the tool needs to find its comment again and to know what it holds.
//!
//! `<!-- fargate-stack:v1 BASE64url(zlib(JSON)) -->`: the encoding keeps out `--`, `>`, mentions and everything else that
//! Markdown could see. The marker is an index, never an authority: whoever may edit the comment may forge it.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How every comment of this tool begins, in this version of the format.
pub const PREFIX: &str = "<!-- fargate-stack:v1 ";
const SUFFIX: &str = " -->";
/// Longest marker that is read, in bytes: the longest comment of GitHub.
const LONGEST: usize = 262_144;
/// Longest JSON that a marker may hold, in bytes. A few bytes of a forged marker could stand for gigabytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The first line for a value, without a line break.
pub fn encode(value: &Value) -> String {
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail; if it did, the marker would be one that cannot be read, which approves nothing.
    let written = deflated.write_all(value.to_string().as_bytes());
    let bytes = written.and_then(|()| deflated.finish()).unwrap_or_default();
    format!("{PREFIX}{}{SUFFIX}", URL_SAFE_NO_PAD.encode(bytes))
}

/// The value in the first line of a comment; `None` for every text that is not a whole marker.
pub fn decode(body: &str) -> Option<Value> {
    let line = body.lines().next()?.trim_end();
    let data = line.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    if data.len() > LONGEST {
        return None;
    }
    let deflated = URL_SAFE_NO_PAD.decode(data).ok()?;
    let mut json = Vec::new();
    ZlibDecoder::new(deflated.as_slice()).take(LARGEST + 1).read_to_end(&mut json).ok()?;
    if u64::try_from(json.len()).ok()? > LARGEST {
        return None;
    }
    serde_json::from_slice(&json).ok()
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
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

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
            "<!-- fargate-stack:v1 e30 -->",
            "<!-- fargate-stack:v1 e3 -->",
        ] {
            assert_eq!(decode(body), None, "{body}");
        }
        let whole = encode(&json!({"scope": "."}));
        assert!(decode(&whole).is_some());
        let data = whole.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX)).unwrap();
        for body in [
            whole.replace("v1", "v2"),
            format!(" {whole}"),
            whole.trim_end_matches(SUFFIX).to_owned(),
            format!("{PREFIX}{}{SUFFIX}", &data[..data.len() - 4]),
            format!("{PREFIX}{}{SUFFIX}", data.replacen(&data[8..10], "AA", 1)),
        ] {
            assert_eq!(decode(&body), None, "{body}");
        }
        assert_eq!(decode(&format!("{PREFIX}{}{SUFFIX}", "A".repeat(LONGEST + 1))), None);
    }

    /// A marker around these bytes, deflated.
    fn around(bytes: &[u8]) -> String {
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::best());
        deflated.write_all(bytes).unwrap();
        format!("{PREFIX}{}{SUFFIX}", URL_SAFE_NO_PAD.encode(deflated.finish().unwrap()))
    }

    #[test]
    fn a_marker_that_stands_for_too_much_is_no_marker() {
        let spaces = |count: u64| {
            let mut text = vec![b' '; usize::try_from(count).unwrap() - 2];
            text.extend(b"{}");
            around(&text)
        };
        assert_eq!(decode(&spaces(LARGEST)), Some(json!({})));
        let bomb = spaces(LARGEST + 1);
        assert!(bomb.len() < 10_000, "{}", bomb.len());
        assert_eq!(decode(&bomb), None);
    }

    #[test]
    fn a_record_with_many_effects_takes_little_room() {
        let effects: Vec<Value> = (0..400)
            .map(|n| json!({"address": format!("service.web{n}"), "action": "update", "path": "image"}))
            .collect();
        let value = json!({"effects": effects});
        assert!(encode(&value).len() * 4 < value.to_string().len(), "{}", encode(&value).len());
        assert_eq!(decode(&encode(&value)), Some(value));
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

        #[test]
        fn no_bytes_make_decoding_fail(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = decode(&around(&bytes));
            let _ = decode(&format!("{PREFIX}{}{SUFFIX}", URL_SAFE_NO_PAD.encode(&bytes)));
        }
    }
}
