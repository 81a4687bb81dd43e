//! Lists: by path, by filters, in pages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Answer, Parameter, Ssm, invalid, required};
use crate::aws::error::Refusal;
use crate::ecs::json::{flag, int, list, text, texts, time};

/// Most parameters of a page by path.
const PAGE: usize = 10;

/// Most parameters of a page of descriptions.
const DESCRIBED: usize = 50;

impl Ssm {
    /// What is below a path: one level of it, or all.
    pub(super) fn by_path(&self, input: &Value) -> Answer {
        let path = required(input, "Path")?;
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        if !path.starts_with('/') || !path.chars().all(legal) {
            return Err(invalid(
                "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward \
                 slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, \
                 numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not \
                 allowed. All sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: \
                 /get/parameters2-/by1./path0_.",
            ));
        }
        if !list(input, "ParameterFilters").is_empty() {
            return Err(Refusal::not_emulated("ssm", "GetParametersByPath", "ParameterFilters"));
        }
        let (recursive, decrypt) =
            (flag(input, "Recursive").unwrap_or(false), flag(input, "WithDecryption").unwrap_or(false));
        let within = self.parameters.iter().filter(|(name, _)| below(name, path, recursive));
        let shown = within
            .filter_map(|(name, one)| Some(self.show(name, one, one.versions.last()?, decrypt)))
            .collect();
        page(shown, input, "Parameters", PAGE)
    }

    /// Descriptions without values.
    pub(super) fn describe(&self, input: &Value) -> Answer {
        for filter in list(input, "ParameterFilters") {
            let key = text(filter, "Key").unwrap_or_default();
            if !matches!(key, "Name" | "Path" | "Type" | "Tier") && !key.starts_with("tag:") {
                return Err(Refusal::not_emulated("ssm", "DescribeParameters", &format!("filter {key}")));
            }
        }
        let fits = |(name, one): &(&String, &Parameter)| {
            list(input, "ParameterFilters").iter().all(|filter| passes(filter, name, one))
        };
        let shown = self.parameters.iter().filter(fits).filter_map(|(name, one)| {
            let last = one.versions.last()?;
            Some(json!({
                "ARN": self.arn(name),
                "DataType": one.data_type,
                "Description": one.description,
                "LastModifiedDate": time(last.modified_at),
                "LastModifiedUser": self.place.caller(),
                "Name": name,
                "Policies": [],
                "Tier": one.tier,
                "Type": one.kind,
                "Version": last.number,
            }))
        });
        page(shown.map(|one| crate::ecs::json::without_nulls(&one)).collect(), input, "Parameters", DESCRIBED)
    }
}

/// Whether a name lies below a path.
fn below(name: &str, path: &str, recursive: bool) -> bool {
    // What is not in a hierarchy lies at the root.
    let name = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
    let prefix = format!("{}/", path.trim_end_matches('/'));
    name.strip_prefix(prefix.as_str()).is_some_and(|rest| recursive || !rest.contains('/'))
}

fn passes(filter: &Value, name: &str, one: &Parameter) -> bool {
    let values = texts(filter, "Values");
    let option = text(filter, "Option").unwrap_or("Equals");
    let compare = |actual: &str| {
        values.iter().any(|value| match option {
            "BeginsWith" => actual.starts_with(value),
            "Contains" => actual.contains(value),
            _ => actual == *value,
        })
    };
    match text(filter, "Key").unwrap_or_default() {
        "Name" => compare(name),
        "Path" => values.iter().any(|path| below(name, path, option == "Recursive")),
        "Type" => compare(&one.kind),
        "Tier" => compare(&one.tier),
        key => {
            let tag = key.strip_prefix("tag:").and_then(|key| one.tags.get(key));
            tag.is_some_and(|tag| values.is_empty() || compare(tag))
        }
    }
}

/// One page of a list, with the token of the next.
pub(super) fn page(items: Vec<Value>, input: &Value, name: &str, most: usize) -> Answer {
    let size = match int(input, "MaxResults") {
        None => most,
        Some(size) => usize::try_from(size).ok().filter(|size| (1..=most).contains(size)).ok_or_else(|| {
            invalid(&format!(
                "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have \
                 value between 1 and {most}"
            ))
        })?,
    };
    let start = match text(input, "NextToken").filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => STANDARD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok()?.strip_prefix("next:")?.parse().ok())
            .ok_or_else(|| Refusal::new("InvalidNextToken", "The specified token isn't valid."))?,
    };
    let more = items.len() > start + size;
    let shown: Vec<Value> = items.into_iter().skip(start).take(size).collect();
    let mut answer = json!({ name: shown });
    if let Some(answer) = answer.as_object_mut().filter(|_| more) {
        answer.insert("NextToken".into(), json!(STANDARD.encode(format!("next:{}", start + size))));
    }
    Ok(answer)
}
