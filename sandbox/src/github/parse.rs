//! Enough of a GraphQL parser for real documents: operations, variables, aliases, arguments and fragments.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A parsed document.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub operations: Vec<Operation>,
    pub fragments: BTreeMap<String, Vec<Selection>>,
}

/// A query or a mutation.
#[derive(Debug)]
pub(super) struct Operation {
    pub is_mutation: bool,
    pub name: Option<String>,
    pub variables: Vec<Variable>,
    pub selections: Vec<Selection>,
}

/// A declared variable.
#[derive(Debug)]
pub(super) struct Variable {
    pub name: String,
    /// The type as written, such as `[Int!]!`.
    pub kind: String,
    pub default: Option<Argument>,
}

/// One entry between braces.
#[derive(Debug)]
pub(super) enum Selection {
    Field(Field),
    Inline(Vec<Selection>),
    Spread(String),
}

/// One wanted field.
#[derive(Debug)]
pub(super) struct Field {
    /// The name under which the answer shows it.
    pub key: String,
    pub name: String,
    pub arguments: BTreeMap<String, Argument>,
    pub selections: Vec<Selection>,
}

/// A value that may hold variables.
#[derive(Debug, Clone)]
pub(super) enum Argument {
    Variable(String),
    Plain(Value),
    List(Vec<Argument>),
    Object(BTreeMap<String, Argument>),
}

impl Argument {
    /// The value with variables put in; one that was not given is null.
    pub fn value(&self, variables: &Map<String, Value>) -> Value {
        match self {
            Self::Variable(name) => variables.get(name).cloned().unwrap_or(Value::Null),
            Self::Plain(value) => value.clone(),
            Self::List(items) => items.iter().map(|item| item.value(variables)).collect(),
            Self::Object(fields) => Value::Object(
                fields.iter().map(|(name, field)| (name.clone(), field.value(variables))).collect(),
            ),
        }
    }
}

/// Parses a document; the error is the message for the client.
pub(super) fn document(text: &str) -> Result<Document, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let mut document = Document::default();
    while let Some(token) = parser.peek() {
        match token {
            Token::Name(word) if word == "fragment" => {
                parser.next();
                let name = parser.name()?;
                parser.word("on")?;
                parser.name()?;
                let selections = parser.selections()?;
                // Fragments within fragments could go round in circles, and the product has none.
                if spreads(&selections) {
                    return Err(format!("the sandbox knows no fragment within the fragment {name}"));
                }
                document.fragments.insert(name, selections);
            }
            _ => document.operations.push(parser.operation()?),
        }
    }
    if document.operations.is_empty() {
        Err("A query attribute must be specified".into())
    } else {
        Ok(document)
    }
}

fn spreads(selections: &[Selection]) -> bool {
    selections.iter().any(|selection| match selection {
        Selection::Spread(_) => true,
        Selection::Inline(inner) => spreads(inner),
        Selection::Field(field) => spreads(&field.selections),
    })
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Value(Value),
    Mark(char),
    Spread,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let chars: Vec<char> = text.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    let take = |from: usize, fits: &dyn Fn(char) -> bool| -> String {
        chars.iter().skip(from).take_while(|c| fits(**c)).collect()
    };
    while let Some(c) = chars.get(at).copied() {
        match c {
            c if c.is_whitespace() || c == ',' || c == '\u{feff}' => at += 1,
            '#' => at += take(at, &|c| c != '\n').chars().count(),
            '.' if take(at, &|c| c == '.').len() == 3 => {
                found.push(Token::Spread);
                at += 3;
            }
            '{' | '}' | '(' | ')' | '[' | ']' | ':' | '=' | '!' | '$' | '@' => {
                found.push(Token::Mark(c));
                at += 1;
            }
            '"' => {
                let (value, length) = string(chars.get(at..).unwrap_or_default())?;
                found.push(Token::Value(Value::String(value)));
                at += length;
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let word = take(at, &|c| c.is_ascii_alphanumeric() || c == '_');
                at += word.len();
                found.push(Token::Name(word));
            }
            c if c.is_ascii_digit() || c == '-' => {
                let number = take(at, &|c| c.is_ascii_digit() || "-+.eE".contains(c));
                at += number.len();
                let value = serde_json::from_str(&number)
                    .map_err(|_| format!("Expected a number, found {number}"))?;
                found.push(Token::Value(value));
            }
            c => return Err(format!("Expected one of SCHEMA, QUERY, …, actual: {c:?}")),
        }
    }
    Ok(found)
}

/// A quoted string and how many characters it takes.
fn string(chars: &[char]) -> Result<(String, usize), String> {
    if chars.starts_with(&['"', '"', '"']) {
        let rest: String = chars.iter().skip(3).collect();
        let (inner, _) = rest.split_once("\"\"\"").ok_or("Unterminated string")?;
        return Ok((inner.into(), inner.chars().count() + 6));
    }
    let mut escaped = false;
    for (at, c) in chars.iter().enumerate().skip(1) {
        match c {
            '\n' => break,
            '"' if !escaped => {
                let quoted: String = chars.iter().take(at + 1).collect();
                let value = serde_json::from_str(&quoted).map_err(|_| "Bad string escape")?;
                return Ok((value, at + 1));
            }
            c => escaped = *c == '\\' && !escaped,
        }
    }
    Err("Unterminated string".into())
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn has(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(&Token::Mark(mark));
        self.at += usize::from(found);
        found
    }

    fn mark(&mut self, mark: char) -> Result<(), String> {
        if self.has(mark) { Ok(()) } else { Err(format!("Expected {mark:?}, actual: {}", self.shown())) }
    }

    fn shown(&self) -> String {
        match self.peek() {
            None => "end of document".into(),
            Some(Token::Name(name)) => name.clone(),
            Some(Token::Value(value)) => value.to_string(),
            Some(Token::Mark(mark)) => mark.to_string(),
            Some(Token::Spread) => "...".into(),
        }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.peek() {
            Some(Token::Name(name)) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(format!("Expected a name, actual: {}", self.shown())),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        let found = self.name()?;
        if found == word { Ok(()) } else { Err(format!("Expected {word}, actual: {found}")) }
    }

    fn operation(&mut self) -> Result<Operation, String> {
        let mut operation =
            Operation { is_mutation: false, name: None, variables: Vec::new(), selections: Vec::new() };
        if self.peek() != Some(&Token::Mark('{')) {
            operation.is_mutation = match self.name()?.as_str() {
                "query" => false,
                "mutation" => true,
                other => {
                    return Err(format!("Expected one of QUERY, MUTATION, FRAGMENT, actual: {other}"));
                }
            };
            operation.name = self.name().ok();
            if self.has('(') {
                while !self.has(')') {
                    operation.variables.push(self.variable()?);
                }
            }
        }
        operation.selections = self.selections()?;
        Ok(operation)
    }

    fn variable(&mut self) -> Result<Variable, String> {
        self.mark('$')?;
        let name = self.name()?;
        self.mark(':')?;
        let mut kind = if self.has('[') {
            let inner = self.name()? + if self.has('!') { "!" } else { "" };
            self.mark(']')?;
            format!("[{inner}]")
        } else {
            self.name()?
        };
        if self.has('!') {
            kind.push('!');
        }
        let default = if self.has('=') { Some(self.argument()?) } else { None };
        Ok(Variable { name, kind, default })
    }

    fn selections(&mut self) -> Result<Vec<Selection>, String> {
        self.mark('{')?;
        let mut found = Vec::new();
        while !self.has('}') {
            found.push(self.selection()?);
        }
        if found.is_empty() { Err("Expected a name, actual: }".into()) } else { Ok(found) }
    }

    fn selection(&mut self) -> Result<Selection, String> {
        if self.peek() == Some(&Token::Spread) {
            self.at += 1;
            return match self.peek() {
                Some(Token::Name(word)) if word == "on" => {
                    self.at += 1;
                    self.name()?;
                    Ok(Selection::Inline(self.selections()?))
                }
                Some(Token::Name(_)) => Ok(Selection::Spread(self.name()?)),
                _ => Ok(Selection::Inline(self.selections()?)),
            };
        }
        let key = self.name()?;
        let name = if self.has(':') { self.name()? } else { key.clone() };
        let mut arguments = BTreeMap::new();
        if self.has('(') {
            while !self.has(')') {
                let name = self.name()?;
                self.mark(':')?;
                arguments.insert(name, self.argument()?);
            }
        }
        let selections = if self.peek() == Some(&Token::Mark('{')) { self.selections()? } else { Vec::new() };
        Ok(Selection::Field(Field { key, name, arguments, selections }))
    }

    fn argument(&mut self) -> Result<Argument, String> {
        if self.has('$') {
            return Ok(Argument::Variable(self.name()?));
        }
        if self.has('[') {
            let mut items = Vec::new();
            while !self.has(']') {
                items.push(self.argument()?);
            }
            return Ok(Argument::List(items));
        }
        if self.has('{') {
            let mut fields = BTreeMap::new();
            while !self.has('}') {
                let name = self.name()?;
                self.mark(':')?;
                fields.insert(name, self.argument()?);
            }
            return Ok(Argument::Object(fields));
        }
        let shown = self.shown();
        match self.next() {
            Some(Token::Value(value)) => Ok(Argument::Plain(value)),
            Some(Token::Name(word)) => Ok(Argument::Plain(match word.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                _ => Value::String(word),
            })),
            _ => Err(format!("Expected a value, actual: {shown}")),
        }
    }
}
