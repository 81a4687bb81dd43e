//! Record sets.

use serde_json::{Value, json};

use super::{Answer, Dns, Zone, invalid, names};
use crate::ecs::json::without_nulls;

/// What a record set is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The name's labels, reversed.
    order: String,
    /// For example `A`.
    pub kind: String,
    /// The set identifier; empty for a simple record.
    pub set: String,
}

/// One record set.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordSet {
    /// Its name, as stored.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Set identifier of a routing policy.
    pub set: Option<String>,
    /// Weight, Region, Failover, `MultiValueAnswer`, `HealthCheckId`: element and text.
    pub policy: Vec<(String, String)>,
    /// Seconds.
    pub ttl: Option<String>,
    /// Its values.
    pub values: Vec<String>,
    /// Hosted zone, name, and whether health is evaluated.
    pub alias: Option<(String, String, String)>,
}

impl RecordSet {
    /// A record set of values.
    pub fn of(name: &str, kind: &str, ttl: &str, values: &[&str]) -> Self {
        Self {
            name: names::stored(name),
            kind: kind.to_owned(),
            set: None,
            policy: Vec::new(),
            ttl: Some(ttl.to_owned()),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            alias: None,
        }
    }

    /// What it is known by.
    pub fn key(&self) -> Key {
        Key {
            order: names::order(&self.name),
            kind: self.kind.clone(),
            set: self.set.clone().unwrap_or_default(),
        }
    }

    /// Whether it says the same: the order of values and settings has no meaning.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let sorted = |one: &Self| {
            let mut one = one.clone();
            one.values.sort();
            one.policy.sort();
            one
        };
        sorted(self) == sorted(other)
    }

    fn show(&self) -> Value {
        let mut shown =
            json!({"Name": names::shown(&self.name), "Type": self.kind, "SetIdentifier": self.set});
        let values: Vec<Value> = self.values.iter().map(|value| json!({ "Value": value })).collect();
        if let Some(members) = shown.as_object_mut() {
            for (key, value) in &self.policy {
                members.insert(key.clone(), json!(value));
            }
            members.insert("TTL".to_owned(), json!(self.ttl));
            if !values.is_empty() {
                members.insert("ResourceRecords".to_owned(), json!(values));
            }
            if let Some((zone, name, health)) = &self.alias {
                let alias = json!({"HostedZoneId": zone, "DNSName": names::shown(name), "EvaluateTargetHealth": health});
                members.insert("AliasTarget".to_owned(), alias);
            }
        }
        without_nulls(&shown)
    }
}

/// Where a listing begins, and how long it is.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// `StartRecordName`.
    pub name: Option<String>,
    /// `StartRecordType`.
    pub kind: Option<String>,
    /// `StartRecordIdentifier`.
    pub set: Option<String>,
    /// `MaxItems`.
    pub size: Option<String>,
}

impl Dns {
    /// `ListResourceRecordSets`.
    pub fn list_records(&self, zone: &str, page: &Page) -> Answer {
        let zone: &Zone = self.zone(zone)?;
        if page.name.is_none() && page.kind.is_some() {
            return Err(invalid("Must specify type=record when name=record is specified"));
        }
        if page.kind.is_none() && page.set.is_some() {
            return Err(invalid("The input is not valid: an identifier needs a type"));
        }
        let size = size(page.size.as_deref(), 300)?;
        let start = page.name.as_deref().map(|name| Key {
            order: names::order(&names::stored(name)),
            kind: page.kind.clone().unwrap_or_default(),
            set: page.set.clone().unwrap_or_default(),
        });
        let mut rest =
            zone.records.iter().filter(|(key, _)| start.as_ref().is_none_or(|start| *key >= start));
        let shown: Vec<Value> = rest.by_ref().take(size).map(|(_, one)| one.show()).collect();
        let next = rest.next().map(|(_, one)| one);
        Ok(without_nulls(&json!({
            "ResourceRecordSets": shown,
            "IsTruncated": next.is_some(),
            "NextRecordName": next.map(|one| names::shown(&one.name)),
            "NextRecordType": next.map(|one| &one.kind),
            "NextRecordIdentifier": next.and_then(|one| one.set.as_ref()),
            "MaxItems": size.to_string(),
        })))
    }
}

/// `MaxItems` of a call.
pub fn size(given: Option<&str>, most: usize) -> Answer<usize> {
    match given.map(str::parse::<usize>) {
        None => Ok(most),
        Some(Ok(size)) if size > 0 => Ok(size.min(most)),
        Some(_) => Err(invalid("The value for MaxItems is not valid")),
    }
}
