//! What the schema says about a document, in the words of the product.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::compat::{EXPECTS, HINT, LATER};
use super::schema::schema;
use super::source::{Path, Seg, Spot, join, spell};

/// What is wrong at a path, before it is known where the path stands.
#[derive(Debug)]
pub struct Finding {
    /// The way to the value.
    pub path: Path,
    /// Which part of its place is meant.
    pub spot: Spot,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether it is about a key that is not there.
    pub missing: bool,
}

impl Finding {
    /// A finding about the value at `path`.
    pub fn value(path: Path, message: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self { path, spot: Spot::Value, message: message.into(), hint: hint.into(), missing: false }
    }

    /// A finding about the key at `path`.
    pub fn key(path: Path, message: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self { path, spot: Spot::Key, message: message.into(), hint: hint.into(), missing: false }
    }
}

/// Everything that the schema has against `document`. The second member says that the schema itself is broken.
pub fn judge(document: &Value) -> Result<Vec<Finding>, String> {
    let schema = schema();
    let validator = jsonschema::draft202012::new(&schema).map_err(|error| error.to_string())?;
    let judge = Judge { schema: &schema };
    let mut findings = Vec::new();
    for error in validator.iter_errors(document) {
        judge.explain(&error, &mut findings);
    }
    Ok(findings)
}

struct Judge<'a> {
    schema: &'a Value,
}

impl Judge<'_> {
    fn explain(&self, error: &ValidationError<'_>, findings: &mut Vec<Finding>) {
        let path = path_of(error);
        match error.kind() {
            ValidationErrorKind::AnyOf { context } => self.any_of(error, context, path, findings),
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                findings.extend(unexpected.iter().map(|key| self.unknown_key(error, &path, key)));
            }
            ValidationErrorKind::Required { property } => {
                let key = property.as_str().unwrap_or_default();
                let example = self.example(&sibling(error, &["properties", key]));
                // The key may be there without a value; then this is the place.
                let message = format!("{} needs a value for the key `{key}`", name(&path));
                findings.push(Finding { missing: true, ..Finding::key(join(&path, key), message, example) });
            }
            ValidationErrorKind::Type { kind } => {
                let expected = self.expected(error).unwrap_or_else(|| types(kind));
                findings.push(self.mismatch(error, path, &expected));
            }
            ValidationErrorKind::Enum { options } => findings.push(self.not_one_of(error, path, options)),
            ValidationErrorKind::MinProperties { .. } | ValidationErrorKind::MinItems { .. } => {
                let message = format!("`{}` is empty", spell(&path));
                findings.push(Finding::value(path, message, "it needs at least one entry".to_owned()));
            }
            ValidationErrorKind::Minimum { limit } => {
                let message =
                    format!("`{}` must be at least {limit}, found {}", spell(&path), found(error.instance()));
                findings.push(Finding::value(path, message, None));
            }
            ValidationErrorKind::Maximum { limit } => {
                let message =
                    format!("`{}` must be at most {limit}, found {}", spell(&path), found(error.instance()));
                findings.push(Finding::value(path, message, None));
            }
            _ => {
                let message = format!("`{}` is not valid: {error}", spell(&path));
                findings.push(Finding::value(path, message, None));
            }
        }
    }

    /// Of several ways to write a value, speaks about the one that the user meant: the one whose type is right.
    fn any_of(
        &self,
        error: &ValidationError<'_>,
        ways: &[Vec<ValidationError<'static>>],
        path: Path,
        findings: &mut Vec<Finding>,
    ) {
        let other_type = |inner: &ValidationError<'_>| {
            matches!(inner.kind(), ValidationErrorKind::Type { .. })
                && inner.instance_path() == error.instance_path()
        };
        if let Some(way) = ways.iter().find(|way| !way.iter().any(&other_type)) {
            for inner in way {
                self.explain(inner, findings);
            }
            return;
        }
        let expected = self.expected(error).or_else(|| {
            let first = ways.iter().flatten().find(|inner| other_type(inner))?;
            self.expected(first).or_else(|| match first.kind() {
                ValidationErrorKind::Type { kind } => Some(types(kind)),
                _ => None,
            })
        });
        // One way may be an enumeration, whose own error names the values.
        if let Some(inner) =
            ways.iter().flatten().find(|inner| matches!(inner.kind(), ValidationErrorKind::Enum { .. }))
        {
            return self.explain(inner, findings);
        }
        findings.push(self.mismatch(error, path, &expected.unwrap_or_else(|| "something else".to_owned())));
    }

    fn mismatch(&self, error: &ValidationError<'_>, path: Path, expected: &str) -> Finding {
        let instance = error.instance();
        let hint = match instance.as_ref() {
            Value::String(text) if expected == "true or false" => Some(boolean_hint(text)),
            Value::Null if expected == "text" => Some("write `\"\"` for empty text".to_owned()),
            Value::Number(_) if expected == "true or false" => Some("write `true` or `false`".to_owned()),
            Value::String(text) if expected.contains("integer") && text.parse::<i64>().is_ok() => {
                Some("remove the quotes".to_owned())
            }
            _ => self.example(&sibling(error, &[])),
        };
        let message = format!("{} must be {expected}, found {}", name(&path), found(instance));
        Finding::value(path, message, hint)
    }

    fn not_one_of(&self, error: &ValidationError<'_>, path: Path, options: &Value) -> Finding {
        if self.schema.pointer(&sibling(error, &[LATER])).is_some() {
            let hint = "remove it; ignoring it would leave out something that you asked for".to_owned();
            return Finding::key(
                path.clone(),
                format!("`{}` is not supported yet in this version", spell(&path)),
                hint,
            );
        }
        let values: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let list = values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
        let given = error.instance().as_str().unwrap_or_default();
        let is_type = path.last() == Some(&Seg::Key("type".to_owned()));
        let (message, hint) = match given {
            "scheduled" if is_type => (
                format!("{} must be one of {list}, found `scheduled`", name(&path)),
                Some("a scheduled task has the type `task` and a `schedule`".to_owned()),
            ),
            _ => (
                format!("{} must be one of {list}, found {}", name(&path), found(error.instance())),
                nearest(given, values.iter().copied()).map(|near| format!("did you mean `{near}`?")),
            ),
        };
        Finding::value(path, message, hint)
    }

    fn unknown_key(&self, error: &ValidationError<'_>, path: &[Seg], key: &str) -> Finding {
        let known = self.keys(&sibling(error, &["properties"]));
        let place =
            if path.is_empty() { "at the top level".to_owned() } else { format!("in `{}`", spell(path)) };
        let elsewhere = |at: &str| self.keys(at).iter().any(|known| known == key);
        let hint = if let Some(near) = nearest(key, known.iter().map(String::as_str)) {
            format!("did you mean `{near}`?")
        } else if path.is_empty() && elsewhere("/$defs/Task/properties") {
            format!("`{key}` belongs to a task: `tasks.<name>.{key}`")
        } else if elsewhere("/properties") {
            format!("`{key}` belongs to the top level of the file")
        } else {
            format!(
                "the keys here are {}",
                known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ")
            )
        };
        Finding::key(join(path, key), format!("unknown key `{key}` {place}"), hint)
    }

    /// The keys of a mapping that a user may write, or all keys when nothing in it is for users.
    fn keys(&self, at: &str) -> Vec<String> {
        let properties = self.schema.pointer(at).and_then(Value::as_object);
        let usable = |schema: &Value| schema.get(HINT).is_none() && schema.get(LATER).is_none();
        let names = |wanted: &dyn Fn(&Value) -> bool| -> Vec<String> {
            properties
                .into_iter()
                .flatten()
                .filter(|(_, schema)| wanted(schema))
                .map(|(key, _)| key.clone())
                .collect()
        };
        let keys = names(&usable);
        if keys.is_empty() { names(&|_| true) } else { keys }
    }

    /// What the schema beside the failed keyword says in words.
    fn expected(&self, error: &ValidationError<'_>) -> Option<String> {
        self.schema.pointer(&sibling(error, &[EXPECTS])).and_then(Value::as_str).map(str::to_owned)
    }

    /// The first example of a schema, as a hint.
    fn example(&self, at: &str) -> Option<String> {
        let schema = self.schema.pointer(at)?;
        let example = schema.get("examples")?.get(0)?;
        let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        Some(format!("for example `{text}`"))
    }
}

/// The JSON pointer of a keyword beside the failed one.
fn sibling(error: &ValidationError<'_>, keywords: &[&str]) -> String {
    let at = error.schema_path().as_str();
    let mut pointer = at.rsplit_once('/').map_or(at, |(parent, _)| parent).to_owned();
    for keyword in keywords {
        pointer.push('/');
        pointer.push_str(&keyword.replace('~', "~0").replace('/', "~1"));
    }
    pointer
}

fn path_of(error: &ValidationError<'_>) -> Path {
    error
        .instance_path()
        .into_iter()
        .map(|segment| match segment {
            LocationSegment::Property(key) => Seg::Key(key.into_owned()),
            LocationSegment::Index(index) => Seg::Index(index),
        })
        .collect()
}

fn name(path: &[Seg]) -> String {
    if path.is_empty() { "the file".to_owned() } else { format!("`{}`", spell(path)) }
}

fn types(kind: &TypeKind) -> String {
    let word = |kind: JsonType| match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping",
        JsonType::String => "text",
    };
    match kind {
        TypeKind::Single(kind) => word(*kind).to_owned(),
        TypeKind::Multiple(kinds) => {
            kinds.iter().filter(|kind| *kind != JsonType::Null).map(word).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn boolean_hint(text: &str) -> String {
    match text.to_ascii_lowercase().as_str() {
        "true" | "false" => format!("remove the quotes: `{}`", text.to_ascii_lowercase()),
        "yes" | "on" | "y" => format!("YAML 1.2 reads `{text}` as text; write `true`"),
        "no" | "off" | "n" => format!("YAML 1.2 reads `{text}` as text; write `false`"),
        _ => "write `true` or `false`".to_owned(),
    }
}

/// A value in words, cut when it is long.
pub fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::String(text) if text.is_empty() => "empty text".to_owned(),
        Value::String(text) => format!("the string `{}`", cut(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

/// Up to 60 characters of a text.
pub fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(60).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// The nearest of `words`, when it is near enough to be meant.
pub fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let words: Vec<&str> = words.collect();
    let longer = words.iter().filter(|other| lower.len() >= 3 && other.starts_with(&lower));
    if let [one] = longer.collect::<Vec<_>>().as_slice() {
        return Some(one);
    }
    let (near, distance) = words
        .iter()
        .map(|other| (other, strsim::damerau_levenshtein(&lower, other)))
        .min_by_key(|(_, distance)| *distance)?;
    (distance <= (word.chars().count() / 3).max(1) && distance < near.chars().count()).then_some(near)
}
