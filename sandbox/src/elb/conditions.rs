//! When a rule applies.

use serde_json::{Value, json};

use super::{Answer, invalid};
use crate::ecs::json::{list, text, texts};

/// Each field with the member that holds its values, and how many characters one may have.
const FIELDS: [(&str, &str, usize); 6] = [
    ("host-header", "HostHeaderConfig", 128),
    ("path-pattern", "PathPatternConfig", 128),
    ("http-header", "HttpHeaderConfig", 128),
    ("http-request-method", "HttpRequestMethodConfig", 40),
    ("query-string", "QueryStringConfig", 128),
    ("source-ip", "SourceIpConfig", 43),
];

/// Values that one rule may compare with, over all its conditions ("Quotas for your Application Load Balancers").
const MOST_VALUES: usize = 5;

/// The conditions that a call gives, as they are described.
pub fn checked(given: &[Value]) -> Answer<Vec<Value>> {
    if given.is_empty() {
        return Err(invalid("A condition must be specified"));
    }
    let (mut conditions, mut values) = (Vec::new(), 0_usize);
    for condition in given {
        let field = text(condition, "Field").unwrap_or_default();
        let Some((_, member, longest)) = FIELDS.iter().find(|(name, _, _)| *name == field) else {
            return Err(invalid(format!(
                "Condition field '{field}' must be one of '[path-pattern, host-header, http-header, \
                 http-request-method, query-string, source-ip]'"
            )));
        };
        let mut config = condition.get(*member).cloned().unwrap_or_else(|| json!({}));
        let plain = texts(condition, "Values");
        if !plain.is_empty() && !list(&config, "Values").is_empty() {
            return Err(invalid("You cannot specify both 'Values' and a configuration for a condition"));
        }
        if !plain.is_empty() && !matches!(field, "host-header" | "path-pattern") {
            return Err(invalid(format!("Condition field '{field}' needs a configuration")));
        }
        if let Some(members) = config.as_object_mut().filter(|_| !plain.is_empty()) {
            members.insert("Values".to_owned(), json!(plain));
        }
        let own = list(&config, "Values");
        values += own.len();
        if own.is_empty() {
            return Err(invalid(format!("A condition value must be specified for '{field}'")));
        }
        let too_long = |one: &&&str| one.is_empty() || one.chars().count() > *longest;
        if let Some(value) = texts(&config, "Values").iter().find(too_long) {
            return Err(invalid(format!(
                "Condition value '{value}' must have between '1' and '{longest}' characters"
            )));
        }
        if field == "http-header" && text(&config, "HttpHeaderName").is_none_or(str::is_empty) {
            return Err(invalid("The name of the HTTP header must be specified"));
        }
        let twice = |name: &str| conditions.iter().any(|one| text(one, "Field") == Some(name));
        if !matches!(field, "http-header" | "query-string") && twice(field) {
            return Err(invalid(format!("A rule can only have one '{field}' condition")));
        }
        let mut shown = json!({ "Field": field });
        if let Some(shown) = shown.as_object_mut() {
            if matches!(field, "host-header" | "path-pattern") {
                shown.insert("Values".to_owned(), json!(own));
            }
            shown.insert((*member).to_owned(), config);
        }
        conditions.push(shown);
    }
    if values > MOST_VALUES {
        return Err(invalid(format!("A rule can only have '{MOST_VALUES}' condition values")));
    }
    Ok(conditions)
}
