//! Typed IAM policy documents, in one normal form: sets sorted, so equal policies are equal text.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Policy {
    /// Always `2012-10-17`.
    #[serde(rename = "Version")]
    pub version: String,
    /// The statements.
    #[serde(rename = "Statement")]
    pub statements: BTreeSet<Statement>,
}

/// One `Allow` statement. `Action`, `Resource` and services are always lists here; a document of AWS that writes a single
/// string is normalised when it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Statement {
    /// Statement id.
    #[serde(rename = "Sid", default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// `Allow` (or `Deny` in a document that we did not write).
    #[serde(rename = "Effect")]
    pub effect: String,
    /// Who, in a trust policy: for example `Service` → `ecs-tasks.amazonaws.com`.
    #[serde(rename = "Principal", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub principal: BTreeMap<String, BTreeSet<String>>,
    /// The IAM actions.
    #[serde(rename = "Action")]
    pub actions: BTreeSet<String>,
    /// The ARNs; empty in a trust policy.
    #[serde(rename = "Resource", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub resources: BTreeSet<String>,
    /// Operator → key → values.
    #[serde(rename = "Condition", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    /// Elements that we never write (`NotAction`, …) as JSON text, so that a foreign statement never looks like ours.
    #[serde(rename = "Other", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, String>,
}

impl Policy {
    /// A document of these statements.
    pub fn new(statements: impl IntoIterator<Item = Statement>) -> Self {
        Self { version: "2012-10-17".to_owned(), statements: statements.into_iter().collect() }
    }

    /// A trust policy: this AWS service may assume the role.
    pub fn trusting(service: &str) -> Self {
        let principal = BTreeMap::from([("Service".to_owned(), BTreeSet::from([service.to_owned()]))]);
        Self::new([Statement { principal, ..Statement::allow(["sts:AssumeRole"], Vec::<String>::new()) }])
    }

    /// The document as IAM takes it.
    pub fn text(&self) -> String {
        // A value of strings, sets and maps always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A document as IAM gives it: percent-encoded (RFC 3986), single values not in lists.
    pub fn read(encoded: &str) -> Result<Self, serde_json::Error> {
        let mut document: Value = serde_json::from_str(&decoded(encoded))?;
        let version = document.get("Version").and_then(Value::as_str).unwrap_or("2008-10-17").to_owned();
        let statements = match document.get_mut("Statement").map(Value::take) {
            Some(Value::Array(list)) => list.into_iter().map(statement).collect(),
            Some(single) => BTreeSet::from([statement(single)]),
            None => BTreeSet::new(),
        };
        Ok(Self { version, statements })
    }
}

impl Statement {
    /// Allows these actions on these resources.
    pub fn allow<A, R>(actions: impl IntoIterator<Item = A>, resources: impl IntoIterator<Item = R>) -> Self
    where
        A: Into<String>,
        R: Into<String>,
    {
        Self {
            effect: "Allow".to_owned(),
            actions: actions.into_iter().map(Into::into).collect(),
            resources: resources.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// The same, only when `key` is `value` by `operator`.
    #[must_use]
    pub fn when(mut self, operator: &str, key: &str, value: &str) -> Self {
        let keys = self.conditions.entry(operator.to_owned()).or_default();
        keys.entry(key.to_owned()).or_default().insert(value.to_owned());
        self
    }
}

fn statement(value: Value) -> Statement {
    let mut statement = Statement::default();
    let Value::Object(elements) = value else {
        statement.other.insert("Statement".to_owned(), value.to_string());
        return statement;
    };
    for (key, value) in elements {
        match key.as_str() {
            "Sid" => statement.sid = Some(text(value)).filter(|sid| !sid.is_empty()),
            "Effect" => statement.effect = text(value),
            "Action" => statement.actions = list(value),
            "Resource" => statement.resources = list(value),
            "Principal" => {
                statement.principal = match value {
                    Value::Object(kinds) => kinds.into_iter().map(|(kind, who)| (kind, list(who))).collect(),
                    anyone => BTreeMap::from([("*".to_owned(), list(anyone))]),
                }
            }
            "Condition" => {
                statement.conditions = members(value)
                    .map(|(operator, keys)| {
                        (operator, members(keys).map(|(key, of)| (key, list(of))).collect())
                    })
                    .collect();
            }
            _ => {
                statement.other.insert(key, value.to_string());
            }
        }
    }
    statement
}

/// The members of an object; of anything else none.
fn members(value: Value) -> impl Iterator<Item = (String, Value)> {
    if let Value::Object(members) = value { members } else { serde_json::Map::new() }.into_iter()
}

fn list(value: Value) -> BTreeSet<String> {
    match value {
        Value::Array(values) => values.into_iter().map(text).collect(),
        single => BTreeSet::from([text(single)]),
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Percent-decoding; what is not an escape stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = after.get(..2).filter(|_| first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_written_document_reads_back_equal() {
        let policy = Policy::new([
            Statement::allow(["ecs:RunTask"], ["*"]).when("ArnEquals", "ecs:cluster", "c"),
            Statement::allow(["a:B", "a:A"], ["y", "x", "x"]),
        ]);
        assert_eq!(Policy::read(&policy.text()).unwrap(), policy);
    }

    #[test]
    fn single_values_and_percent_escapes_are_normalised() {
        let text = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22\
                    %3A%7B%22Service%22%3A%22ecs-tasks.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D";
        assert_eq!(Policy::read(text).unwrap(), Policy::trusting("ecs-tasks.amazonaws.com"));
    }

    #[test]
    fn the_order_of_statements_and_values_makes_no_difference() {
        let one = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["b","a"],"Resource":"*"},{"Effect":"Deny","Action":"c","Resource":"*"}]}"#;
        let two = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Resource":["*"],"Action":"c"},{"Effect":"Allow","Action":["a","b"],"Resource":"*"}]}"#;
        assert_eq!(Policy::read(one).unwrap(), Policy::read(two).unwrap());
    }

    #[test]
    fn an_element_that_we_never_write_makes_a_difference() {
        let ours = Policy::new([Statement::allow(["a:B"], Vec::<String>::new())]);
        let foreign =
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:B","NotResource":"x"}}"#;
        assert_ne!(Policy::read(foreign).unwrap(), ours);
    }

    #[test]
    fn a_percent_sign_that_escapes_nothing_stays() {
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%2"), "%zz%2");
        assert_eq!(decoded("caf%C3%A9"), "café");
    }
}
