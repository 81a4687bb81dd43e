//! The templates and what they may use. Whatever a template prints is escaped for its document, unless a filter made it
//! harmless already.

use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Output, UndefinedBehavior};
use serde::Serialize;

use super::text::Style;
use super::{escape, redact};

const TEMPLATES: &[(&str, &str)] = &[
    ("_parts.md.j2", include_str!("../../templates/_parts.md.j2")),
    ("page.md.j2", include_str!("../../templates/page.md.j2")),
    ("page.txt.j2", include_str!("../../templates/page.txt.j2")),
    ("plan.md.j2", include_str!("../../templates/plan.md.j2")),
    ("plan_more.md.j2", include_str!("../../templates/plan_more.md.j2")),
    ("plan_status.md.j2", include_str!("../../templates/plan_status.md.j2")),
    ("plan_notice.md.j2", include_str!("../../templates/plan_notice.md.j2")),
    ("plan_lost.md.j2", include_str!("../../templates/plan_lost.md.j2")),
    ("apply.md.j2", include_str!("../../templates/apply.md.j2")),
    ("refused.md.j2", include_str!("../../templates/refused.md.j2")),
    ("plan.txt.j2", include_str!("../../templates/plan.txt.j2")),
    ("apply.txt.j2", include_str!("../../templates/apply.txt.j2")),
    ("_cause.txt.j2", include_str!("../../templates/_cause.txt.j2")),
    ("cause.txt.j2", include_str!("../../templates/cause.txt.j2")),
    ("rollout.txt.j2", include_str!("../../templates/rollout.txt.j2")),
    ("rollout.md.j2", include_str!("../../templates/rollout.md.j2")),
    ("refused.txt.j2", include_str!("../../templates/refused.txt.j2")),
];

/// The templates, ready for one kind of document.
pub(super) struct Templates(Environment<'static>);

impl Templates {
    /// For a terminal or a plain stream.
    pub(super) fn text(style: Style) -> Self {
        let mut env = environment();
        env.set_formatter(|out, _, value| write(out, value, escape::terminal));
        let filter = move |value: Value, name: &str| paint(style, &printed(&value, escape::terminal), name);
        env.add_filter("paint", move |value: Value, name: String| {
            Value::from_safe_string(filter(value, &name))
        });
        env.add_filter("pad", |value: Value, width: usize| {
            Value::from_safe_string(padded(&printed(&value, escape::terminal), width))
        });
        Self(env)
    }

    /// For GitHub. Account ids are shortened, the stack's own wherever it stands.
    pub(super) fn markdown(account: &str) -> Self {
        Self::markdown_of(&[account])
    }

    /// The same for several stacks.
    pub(super) fn markdown_of(accounts: &[&str]) -> Self {
        let mut env = environment();
        let own: Arc<[String]> = accounts.iter().map(|&account| account.to_owned()).collect();
        let through = |escaped: fn(&str) -> String| {
            let own = own.clone();
            move |text: &str| escaped(&redact::accounts_of(text, &own))
        };
        let markdown = through(escape::markdown);
        env.set_formatter(move |out, _, value| write(out, value, &markdown));
        let filters: [(&str, fn(&str) -> String); 4] = [
            ("code", escape::code),
            ("prose", escape::prose),
            ("cell", escape::code_cell),
            ("html", escape::html),
        ];
        for (name, escaped) in filters {
            let escaped = through(escaped);
            env.add_filter(name, move |text: String| safe(escaped(&text)));
        }
        let own = own.clone();
        env.add_filter("fence", move |lines: Vec<String>, language: String| {
            let lines: Vec<String> = lines.iter().map(|line| redact::accounts_of(line, &own)).collect();
            safe(escape::fence(&language, &lines))
        });
        env.add_filter("link", |label: String, url: String| safe(link(&escape::markdown(&label), &url)));
        env.add_filter("commit", |sha: String, url: String| {
            let short: String = sha.chars().take(7).collect();
            safe(link(&escape::code(&short), &url))
        });
        Self(env)
    }

    /// One document. A template that asks for what its model does not have is a bug that the tests of every template find;
    /// an apply must not stop for it, so the document then says so.
    pub(super) fn render(&self, name: &str, model: impl Serialize) -> String {
        match self.0.get_template(name).and_then(|template| template.render(Serde(model))) {
            Ok(text) => without_trailing_spaces(&text),
            Err(error) => format!("this is a bug: {}\n", escape::terminal(&format!("{error:#}"))),
        }
    }
}

fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::Custom("document".into()));
    if let Ok(syntax) =
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()
    {
        env.set_syntax(syntax);
    }
    for (name, source) in TEMPLATES {
        // A template that does not parse is missing afterwards, and `render` says so.
        let _ = env.add_template(name, source);
    }
    env
}

fn safe(text: String) -> Value {
    Value::from_safe_string(text)
}

fn printed(value: &Value, escaped: impl Fn(&str) -> String) -> String {
    let text = value.to_string();
    if value.is_safe() { text } else { escaped(&text) }
}

fn write(out: &mut Output, value: &Value, escaped: impl Fn(&str) -> String) -> Result<(), minijinja::Error> {
    out.write_str(&printed(value, escaped)).map_err(minijinja::Error::from)
}

/// Columns are padded, also the last of a line.
fn without_trailing_spaces(text: &str) -> String {
    text.split('\n').map(|line| line.trim_end_matches(' ')).collect::<Vec<_>>().join("\n")
}

/// Pads escaped text; colours come after it, so that they do not count.
fn padded(text: &str, width: usize) -> String {
    let length = text.chars().count();
    format!("{text}{}", " ".repeat(width.saturating_sub(length)))
}

/// Colours and weight by meaning, never by name of the colour in a template.
fn paint(style: Style, text: &str, meaning: &str) -> String {
    let code = match meaning {
        "create" | "done" | "added" => "32",
        "adopt" => "36",
        "update" | "changed" | "warning" => "33",
        "replace" => "35",
        "delete" | "removed" | "failed" | "error" => "31",
        "strong" => "1",
        "faint" | "skipped" | "not started" | "keep" => "2",
        _ => "",
    };
    if style.color && !code.is_empty() && !text.is_empty() {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// A link, or only its label when the address is none.
fn link(label: &str, url: &str) -> String {
    match escape::url(url) {
        Some(url) if label.is_empty() => format!("[link]({url})"),
        Some(url) => format!("[{label}]({url})"),
        None => label.to_owned(),
    }
}
