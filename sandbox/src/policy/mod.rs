//! Identity policies: what they decide about an action on a resource, and what the caller of an account may do.
//!
//! Conditions are looked at as far as the context is known: a key that nobody knows is met where it allows, and not met
//! where it denies.

pub mod needs;
mod places;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

/// Values of condition keys.
pub type Context = BTreeMap<String, String>;

/// What policies say about an action on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it, and none denies it.
    Allowed,
    /// A statement denies it.
    ExplicitDeny,
    /// No statement speaks of it.
    ImplicitDeny,
}

impl Decision {
    /// The name in answers of IAM.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ExplicitDeny => "explicitDeny",
            Self::ImplicitDeny => "implicitDeny",
        }
    }
}

/// What the caller of an account may do.
#[derive(Debug, Clone, Default)]
pub struct CallerPolicy {
    /// Policy documents; everything is allowed without any.
    pub documents: Vec<Value>,
    /// Whether calls that are not allowed are refused.
    pub enforce: bool,
}

impl CallerPolicy {
    /// What these policies say about an action on a resource.
    pub fn decide(&self, action: &str, resource: &str, context: &Context) -> Decision {
        if self.documents.is_empty() {
            return Decision::Allowed;
        }
        decide(&self.documents, action, resource, context)
    }
}

/// What policies say about an action on a resource.
pub fn decide(documents: &[Value], action: &str, resource: &str, context: &Context) -> Decision {
    let statements: Vec<&Value> =
        documents.iter().flat_map(|document| many(document.get("Statement"))).collect();
    let any = |effect: &str| {
        statements.iter().any(|statement| {
            statement.get("Effect").and_then(Value::as_str) == Some(effect)
                && speaks_of(statement, action, resource)
                && meets(statement.get("Condition"), context, effect == "Allow")
        })
    };
    if any("Deny") {
        Decision::ExplicitDeny
    } else if any("Allow") {
        Decision::Allowed
    } else {
        Decision::ImplicitDeny
    }
}

/// The condition keys that the statements about an action name and the context does not know.
pub fn missing(documents: &[Value], action: &str, context: &Context) -> Vec<String> {
    let mut found = Vec::new();
    for statement in documents.iter().flat_map(|document| many(document.get("Statement"))) {
        if !names(statement, "Action", "NotAction", |pattern| {
            like(&pattern.to_lowercase(), &action.to_lowercase())
        }) {
            continue;
        }
        for keys in
            statement.get("Condition").and_then(Value::as_object).into_iter().flat_map(|all| all.values())
        {
            for key in keys.as_object().into_iter().flat_map(|keys| keys.keys()) {
                if lookup(context, key).is_none() && !found.contains(key) {
                    found.push(key.clone());
                }
            }
        }
    }
    found
}

/// Whether a statement is about this action and resource.
fn speaks_of(statement: &Value, action: &str, resource: &str) -> bool {
    names(statement, "Action", "NotAction", |pattern| like(&pattern.to_lowercase(), &action.to_lowercase()))
        && names(statement, "Resource", "NotResource", |pattern| like(pattern, resource))
}

/// Whether a member names something, or its opposite does not.
fn names(statement: &Value, key: &str, opposite: &str, fits: impl Fn(&str) -> bool) -> bool {
    match (statement.get(key), statement.get(opposite)) {
        (Some(named), _) => many(Some(named)).into_iter().filter_map(Value::as_str).any(fits),
        (None, Some(others)) => !many(Some(others)).into_iter().filter_map(Value::as_str).any(fits),
        (None, None) => false,
    }
}

/// Whether a condition is met; what is not known counts as `unknown`.
fn meets(condition: Option<&Value>, context: &Context, unknown: bool) -> bool {
    let operators = condition.and_then(Value::as_object).into_iter().flatten();
    operators.into_iter().all(|(operator, keys)| {
        keys.as_object().into_iter().flatten().all(|(key, values)| {
            let bare = operator.rsplit(':').next().unwrap_or(operator);
            let bare = bare.strip_suffix("IfExists").unwrap_or(bare);
            let Some(actual) = lookup(context, key) else { return unknown };
            let any = |fits: &dyn Fn(&str) -> bool| {
                many(Some(values)).into_iter().filter_map(Value::as_str).any(fits)
            };
            match bare {
                "StringEquals" => any(&|wanted| wanted == actual),
                "StringNotEquals" => !any(&|wanted| wanted == actual),
                "StringEqualsIgnoreCase" => any(&|wanted| wanted.eq_ignore_ascii_case(actual)),
                "StringLike" | "ArnLike" | "ArnEquals" => any(&|wanted| like(wanted, actual)),
                "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => !any(&|wanted| like(wanted, actual)),
                _ => unknown,
            }
        })
    })
}

/// The value of a condition key; keys do not distinguish case.
fn lookup<'a>(context: &'a Context, key: &str) -> Option<&'a str> {
    let mut all = context.iter();
    all.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
}

/// One value or a list of values.
fn many(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(all)) => all.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

/// Whether a text fits a pattern with `*` and `?`.
pub fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on after the last star, when what follows it does not fit.
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || Some(c) == text.get(t) => {
                p += 1;
                t += 1;
            }
            _ => match back {
                Some((star, from)) => {
                    back = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}
