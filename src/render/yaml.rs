//! YAML: values as scalars, and the workflows that `init` writes.

use std::fmt::Write as _;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::escape;

const WORKFLOWS: &[(&str, &str)] = &[
    ("_steps.yml.j2", include_str!("../../templates/workflows/_steps.yml.j2")),
    ("fargate.yml.j2", include_str!("../../templates/workflows/fargate.yml.j2")),
    ("run-task.yml.j2", include_str!("../../templates/workflows/run-task.yml.j2")),
    ("drift.yml.j2", include_str!("../../templates/workflows/drift.yml.j2")),
];

/// Words that YAML 1.1 or 1.2 takes for something else than text.
const RESERVED: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// A text as a YAML scalar that every reader takes for that text, on one line: as it is where nothing in it means something, else
/// in double quotes. What shows nothing is escaped.
pub fn scalar(text: &str) -> String {
    let start = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') || text.starts_with("./");
    let fits = |c: char| c.is_ascii_alphanumeric() || "._/@:=-()*? ".contains(c);
    let means = text.contains(": ") || text.ends_with([':', ' ']);
    let reserved = RESERVED.contains(&text.to_ascii_lowercase().as_str());
    if start && !means && !reserved && text.chars().all(fits) {
        return text.to_owned();
    }
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() || escape::is_invisible(c) => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A workflow from its template. Every value is printed as a scalar; the expressions of GitHub (`${{ … }}`) stay as they are, since
/// the templates have other delimiters. The error says what is wrong with the template: a bug.
pub fn workflow(name: &str, model: impl Serialize) -> Result<String, String> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::Custom("yaml".into()));
    let syntax = SyntaxConfig::builder()
        .block_delimiters("<%", "%>")
        .variable_delimiters("<<", ">>")
        .comment_delimiters("<#", "#>")
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .map_err(|error| error.to_string())?;
    env.set_syntax(syntax);
    env.set_formatter(|out, _, value| {
        let text = value.to_string();
        let text = if value.is_safe() { text } else { scalar(&text) };
        out.write_str(&text).map_err(minijinja::Error::from)
    });
    for (name, source) in WORKFLOWS {
        env.add_template(name, source).map_err(|error| format!("{error:#}"))?;
    }
    let template = env.get_template(name).map_err(|error| error.to_string())?;
    template.render(Serde(model)).map_err(|error| format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_as_it_is_where_yaml_takes_it_for_text() {
        for text in ["web", "a/b:latest", "./run", "/health", "cron(0 2 * * ? *)", "a=b", "x y", "v1.2"] {
            assert_eq!(scalar(text), text);
        }
    }

    #[test]
    fn a_text_that_means_something_is_quoted() {
        for text in [
            "",
            "1",
            "1.5",
            "0x1f",
            "12:30",
            "true",
            "No",
            "~",
            "null",
            "- a",
            "-",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "[a]",
            "{a}",
            "a, b",
            "'a'",
            "\"a\"",
            "a\\b",
            " a",
            "a ",
            "line\nbreak",
            "tab\t",
            "\u{202e}x",
            "\u{7f}",
            "ä",
            "2026-01-01",
            ".5",
            "?",
            "a{b",
            "${{ x }}",
        ] {
            let written = scalar(text);
            assert!(written.starts_with('"') && written.ends_with('"'), "{text:?} → {written}");
            let read: serde_json::Value = serde_yaml::from_str(&written).unwrap();
            assert_eq!(read, serde_json::Value::from(text), "{written}");
        }
    }
}
