//! Behavioural model of Parameter Store: the parameters of one account in one region.
//!
//! Calls take effect one after the other, so that of two that create the same name one wins. Parameters below `/aws/`,
//! which AWS publishes, are left to moto.

mod name;
mod paths;
mod tags;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::aws::error::Refusal;
use crate::ecs::ids::Place;
use crate::ecs::json::{flag, list, text, texts, time};

/// Most bytes of a value in the standard tier (AWS says characters and 4 KB).
const LONGEST_STANDARD: usize = 4096;

/// Most bytes of a value in the advanced tier.
const LONGEST_ADVANCED: usize = 8192;

/// Most names that one call may give.
const MOST_NAMES: usize = 10;

/// Most versions that are kept.
const MOST_VERSIONS: usize = 100;

/// What a call refuses, or its answer.
pub type Answer<T = Value> = Result<T, Refusal>;

/// One parameter.
#[derive(Debug, Clone)]
struct Parameter {
    kind: String,
    tier: String,
    description: Option<String>,
    data_type: String,
    /// Oldest first; the last one counts.
    versions: Vec<Version>,
    tags: BTreeMap<String, String>,
}

/// One value of a parameter.
#[derive(Debug, Clone)]
struct Version {
    number: u64,
    value: String,
    modified_at: f64,
}

/// All parameters of one account and region.
#[derive(Debug)]
pub struct Ssm {
    place: Place,
    parameters: BTreeMap<String, Parameter>,
}

impl Ssm {
    /// A store without parameters.
    pub fn new(account: &str, region: &str) -> Self {
        Self { place: Place::new(account, region), parameters: BTreeMap::new() }
    }

    /// Whether the model answers this call.
    pub fn knows(operation: &str, input: &Value) -> bool {
        let name = text(input, "Name").or(text(input, "Path")).unwrap_or_default();
        let public = name.starts_with("/aws/") && operation.starts_with("Get");
        let public = public || texts(input, "Names").iter().any(|name| name.starts_with("/aws/"));
        let tagging =
            matches!(operation, "AddTagsToResource" | "RemoveTagsFromResource" | "ListTagsForResource");
        match text(input, "ResourceType") {
            Some(kind) if tagging => kind == "Parameter",
            _ => operation.contains("Parameter") && !public,
        }
    }

    /// Answers one call; a refused one changes nothing.
    pub fn call(&mut self, operation: &str, input: &Value, now: f64) -> Answer {
        match operation {
            "PutParameter" => self.put(input, now),
            "GetParameter" => self.get(input),
            "GetParameters" => self.get_several(input),
            "GetParametersByPath" => self.by_path(input),
            "GetParameterHistory" => self.history(input),
            "DescribeParameters" => self.describe(input),
            "DeleteParameter" => {
                let name = self.name_of(required(input, "Name")?);
                self.parameters.remove(&name).map(|_| json!({})).ok_or_else(not_found)
            }
            "DeleteParameters" => self.delete_several(input),
            "AddTagsToResource" => self.add_tags(input),
            "RemoveTagsFromResource" => self.remove_tags(input),
            "ListTagsForResource" => self.list_tags(input),
            _ => Err(Refusal::not_emulated("ssm", operation, "not asked")),
        }
    }

    /// Every parameter with tags, by ARN.
    pub fn tagged(&self) -> Vec<(String, BTreeMap<String, String>)> {
        let all = self.parameters.iter();
        all.map(|(name, parameter)| (self.arn(name), parameter.tags.clone())).collect()
    }

    fn put(&mut self, input: &Value, now: f64) -> Answer {
        let name = required(input, "Name")?;
        name::check(name)?;
        let value = required(input, "Value")?;
        let tier = text(input, "Tier").unwrap_or("Standard");
        let overwrite = flag(input, "Overwrite").unwrap_or(false);
        let new_tags = tags::given(input)?;
        if value.is_empty() {
            return Err(length("", "value", "greater than or equal to 1"));
        }
        if text(input, "AllowedPattern").is_some() || text(input, "Policies").is_some() {
            return Err(Refusal::not_emulated("ssm", "PutParameter", "AllowedPattern and Policies"));
        }
        let kept = self.parameters.get(name);
        let tier = match tier {
            "Intelligent-Tiering" if value.len() > LONGEST_STANDARD => "Advanced",
            "Standard" | "Intelligent-Tiering" => kept.map_or("Standard", |kept| kept.tier.as_str()),
            "Advanced" => "Advanced",
            other => return Err(one_of(other, "tier", "[Standard, Intelligent-Tiering, Advanced]")),
        };
        fits(value, tier)?;
        if overwrite && !new_tags.is_empty() {
            return Err(invalid(
                "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove \
                 overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or \
                 RemoveTagsFromResource.",
            ));
        }
        if kept.is_some() && !overwrite {
            return Err(Refusal::new(
                "ParameterAlreadyExists",
                "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
            ));
        }
        let kind = match (text(input, "Type"), kept) {
            (Some(kind @ ("String" | "StringList" | "SecureString")), _) => kind,
            (Some(other), _) => return Err(one_of(other, "type", "[SecureString, StringList, String]")),
            (None, Some(kept)) => kept.kind.as_str(),
            (None, None) => return Err(invalid("A parameter type is required when you create a parameter.")),
        };
        let description = text(input, "Description").or(kept.and_then(|kept| kept.description.as_deref()));
        let mut parameter = Parameter {
            kind: kind.into(),
            tier: tier.into(),
            description: description.map(str::to_owned),
            data_type: text(input, "DataType").unwrap_or("text").into(),
            versions: kept.map(|kept| kept.versions.clone()).unwrap_or_default(),
            tags: kept.map_or(new_tags, |kept| kept.tags.clone()),
        };
        let number = parameter.versions.last().map_or(1, |last| last.number + 1);
        parameter.versions.push(Version { number, value: value.into(), modified_at: now });
        let gone = parameter.versions.len().saturating_sub(MOST_VERSIONS);
        parameter.versions.drain(..gone);
        let answer = json!({"Tier": parameter.tier, "Version": number});
        self.parameters.insert(name.into(), parameter);
        Ok(answer)
    }

    fn get(&self, input: &Value) -> Answer {
        let found =
            self.selected(required(input, "Name")?, flag(input, "WithDecryption").unwrap_or(false))?;
        Ok(json!({ "Parameter": found }))
    }

    fn get_several(&self, input: &Value) -> Answer {
        let names = names_of(input)?;
        let decrypt = flag(input, "WithDecryption").unwrap_or(false);
        let (mut found, mut invalid) = (Vec::new(), Vec::new());
        for name in names {
            match self.selected(name, decrypt) {
                Ok(parameter) => found.push(parameter),
                Err(_) => invalid.push(name),
            }
        }
        Ok(json!({"Parameters": found, "InvalidParameters": invalid}))
    }

    /// The parameter that `name`, `name:version` or an ARN means.
    fn selected(&self, given: &str, decrypt: bool) -> Answer {
        let name = self.name_of(given);
        let (name, selector) =
            name.split_once(':').map_or((name.as_str(), None), |(name, of)| (name, Some(of)));
        let parameter = self.parameters.get(name).ok_or_else(not_found)?;
        let version = match selector {
            None => parameter.versions.last(),
            Some(wanted) => parameter.versions.iter().find(|one| one.number.to_string() == wanted),
        };
        let version = version.ok_or_else(|| {
            let wanted = selector.unwrap_or_default();
            let message = format!(
                "Systems Manager could not find version {wanted} of {name}. Verify the version and try again."
            );
            Refusal::new("ParameterVersionNotFound", message)
        })?;
        let mut shown = self.show(name, parameter, version, decrypt);
        if let (Some(selector), Some(shown)) = (selector, shown.as_object_mut()) {
            shown.insert("Selector".into(), json!(format!(":{selector}")));
        }
        Ok(shown)
    }

    fn delete_several(&mut self, input: &Value) -> Answer {
        let (mut deleted, mut invalid) = (Vec::new(), Vec::new());
        for name in names_of(input)? {
            if self.parameters.remove(&self.name_of(name)).is_some() {
                deleted.push(name);
            } else {
                invalid.push(name);
            }
        }
        Ok(json!({"DeletedParameters": deleted, "InvalidParameters": invalid}))
    }

    fn history(&self, input: &Value) -> Answer {
        let name = self.name_of(required(input, "Name")?);
        let parameter = self.parameters.get(&name).ok_or_else(not_found)?;
        let decrypt = flag(input, "WithDecryption").unwrap_or(false);
        let shown: Vec<Value> = parameter
            .versions
            .iter()
            .map(|version| {
                let mut shown = self.show(&name, parameter, version, decrypt);
                if let Some(shown) = shown.as_object_mut() {
                    shown.insert("Tier".into(), json!(parameter.tier));
                    shown.insert("Labels".into(), json!([]));
                }
                shown
            })
            .collect();
        paths::page(shown, input, "Parameters", 50)
    }

    fn show(&self, name: &str, parameter: &Parameter, version: &Version, decrypt: bool) -> Value {
        let secret = parameter.kind == "SecureString" && !decrypt;
        let hidden = || format!("kms:alias/aws/ssm:{}", crate::ecs::ids::sha256_hex(&version.value));
        json!({
            "ARN": self.arn(name),
            "DataType": parameter.data_type,
            "LastModifiedDate": time(version.modified_at),
            "Name": name,
            "Type": parameter.kind,
            "Value": if secret { hidden() } else { version.value.clone() },
            "Version": version.number,
        })
    }

    fn arn(&self, name: &str) -> String {
        self.place.arn_of("ssm", &format!("parameter/{}", name.strip_prefix('/').unwrap_or(name)))
    }

    /// The name that was given, also as an ARN.
    fn name_of(&self, given: &str) -> String {
        let prefix = self.place.arn_of("ssm", "parameter/");
        match given.strip_prefix(prefix.as_str()) {
            Some(tail) if self.parameters.contains_key(tail) => tail.to_owned(),
            Some(tail) => format!("/{tail}"),
            None => given.to_owned(),
        }
    }
}

/// Refuses a value that is too long for its tier.
fn fits(value: &str, tier: &str) -> Answer<()> {
    let most = if tier == "Advanced" { LONGEST_ADVANCED } else { LONGEST_STANDARD };
    if value.len() <= most {
        return Ok(());
    }
    let message = if tier == "Advanced" {
        format!("Advanced tier parameters support a maximum parameter value of {most} characters.")
    } else {
        format!(
            "Standard tier parameters support a maximum parameter value of {most} characters. To create a larger parameter \
             value, upgrade the parameter to use the advanced-parameter tier."
        )
    };
    Err(invalid(&message))
}

fn names_of(input: &Value) -> Answer<Vec<&str>> {
    let names = texts(input, "Names");
    match list(input, "Names").len() {
        0 => Err(length("[]", "names", "greater than or equal to 1")),
        many if many > MOST_NAMES => {
            Err(length(&format!("[{}]", names.join(", ")), "names", "less than or equal to 10"))
        }
        _ => Ok(names),
    }
}

fn required<'a>(input: &'a Value, key: &str) -> Answer<&'a str> {
    text(input, key).ok_or_else(|| {
        let member = key.to_lowercase();
        invalid(&format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

fn invalid(message: &str) -> Refusal {
    Refusal::new("ValidationException", message)
}

fn not_found() -> Refusal {
    Refusal::new("ParameterNotFound", "")
}

fn length(value: &str, member: &str, rule: &str) -> Refusal {
    invalid(&format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must have length {rule}"
    ))
}

fn one_of(value: &str, member: &str, set: &str) -> Refusal {
    invalid(&format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy enum \
         value set: {set}"
    ))
}
