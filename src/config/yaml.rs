//! YAML text → JSON value, with everything that JSON cannot say refused on the way: duplicate keys, tags, merge keys, keys that
//! are not text, several documents, and documents that grow when their aliases are expanded.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::{Deserializer, de::IgnoredAny};
use serde_json::{Map, Number, Value};

use super::source::{Path, Seg};

/// The largest number of values in a file once its aliases are expanded. A large stack has some hundreds.
const VALUES_MAX: usize = 20_000;

/// How the error for more ends.
const TOO_MANY: &str = "once its aliases are expanded";

/// Something wrong at a path that still leaves a value to look at.
#[derive(Debug)]
pub enum Flaw {
    /// The key stands in its mapping for a second time.
    Duplicate(Path),
    /// The value has a tag such as `!include`.
    Tag(Path, String),
    /// The mapping has a key that is not text.
    KeyNotText(Path),
    /// The mapping has a merge key (`<<`).
    Merge(Path),
}

/// Text that is no YAML at all.
#[derive(Debug)]
pub struct SyntaxError {
    /// Line and column, from 1, as far as known.
    pub at: Option<(usize, usize)>,
    /// What the parser says.
    pub message: String,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

/// What the visitors share.
#[derive(Default)]
struct State {
    path: RefCell<Path>,
    flaws: RefCell<Vec<Flaw>>,
    values: Cell<usize>,
}

/// Reads the only document of `text`.
pub fn read(text: &str) -> Result<(Value, Vec<Flaw>), SyntaxError> {
    let state = State::default();
    match Node(&state).deserialize(serde_yaml::Deserializer::from_str(text)) {
        Ok(value) => Ok((value, state.flaws.into_inner())),
        Err(error) => Err(syntax_error(text, &error)),
    }
}

fn syntax_error(text: &str, error: &serde_yaml::Error) -> SyntaxError {
    let said = error.to_string();
    let at = error.location().map(|at| (at.line(), at.column()));
    // The parser repeats places in its text; ours stands in front of the message.
    let problem = said.split(" at line ").next().unwrap_or(&said).trim_end_matches([',', ' ']);
    let line = at.and_then(|(line, _)| text.lines().nth(line.saturating_sub(1))).unwrap_or_default();
    let indent_has_tab = line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t');
    if problem.contains("more than one document") {
        let second = text.lines().enumerate().skip(1).filter(|(_, line)| line.starts_with("---")).last();
        return SyntaxError {
            at: second.map(|(index, _)| (index + 1, 1)),
            message: "the file holds more than one YAML document".to_owned(),
            hint: Some("one file is one stack; put the other documents into files of their own"),
        };
    }
    if problem.ends_with(TOO_MANY) {
        return SyntaxError {
            at: None,
            message: format!("the file has more than {VALUES_MAX} values {TOO_MANY}"),
            hint: Some("write the values out instead of aliases that refer to aliases"),
        };
    }
    let hint = if indent_has_tab {
        Some("YAML is indented with spaces only; this line begins with a tab")
    } else if problem.contains("mapping values are not allowed") {
        Some("text that holds a colon and a space needs quotes, and keys of one mapping stand in one column")
    } else if problem.contains("unknown anchor") {
        Some("an alias `*name` needs an anchor `&name` earlier in the file")
    } else if problem.contains("repetition limit") {
        Some("aliases that refer to aliases grow without end; write the values out")
    } else {
        None
    };
    SyntaxError { at, message: format!("not valid YAML: {problem}"), hint }
}

#[derive(Clone, Copy)]
struct Node<'a>(&'a State);

impl Node<'_> {
    fn flaw(self, make: impl FnOnce(Path) -> Flaw) {
        let path = self.0.path.borrow().clone();
        self.0.flaws.borrow_mut().push(make(path));
    }

    fn below<T>(self, seg: Seg, read: impl FnOnce(Self) -> T) -> T {
        self.0.path.borrow_mut().push(seg);
        let value = read(self);
        self.0.path.borrow_mut().pop();
        value
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.values.set(self.0.values.get() + 1);
        if self.0.values.get() > VALUES_MAX {
            return Err(D::Error::custom(TOO_MANY));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::String(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::String(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // JSON has no infinity; as text it is refused wherever a number is wanted.
        Ok(Number::from_f64(value).map_or_else(|| Value::String(value.to_string()), Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = self.below(Seg::Index(values.len()), |node| seq.next_element_seed(node))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(key) = map.next_key_seed(Node(&State::default()))? {
            let key = match key {
                Value::String(key) => key,
                Value::Number(number) => number.to_string(),
                Value::Bool(value) => value.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    self.flaw(Flaw::KeyNotText);
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if key == "<<" {
                self.below(Seg::Key(key), |node| node.flaw(Flaw::Merge));
                map.next_value::<IgnoredAny>()?;
            } else if values.contains_key(&key) {
                self.below(Seg::Key(key), |node| node.flaw(Flaw::Duplicate));
                map.next_value::<IgnoredAny>()?;
            } else {
                let value = self.below(Seg::Key(key.clone()), |node| map.next_value_seed(node))?;
                values.insert(key, value);
            }
        }
        Ok(Value::Object(values))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (tag, content) = data.variant::<String>()?;
        self.flaw(|path| Flaw::Tag(path, format!("!{}", tag.trim_start_matches('!'))));
        content.newtype_variant_seed(self)
    }
}
