//! Hosted zones.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::records::size;
use super::{Answer, Dns, Key, RecordSet, invalid, names};
use crate::aws::error::Refusal;
use crate::ecs::json::without_nulls;

/// One hosted zone.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Its name, as stored.
    pub name: String,
    reference: String,
    comment: Option<String>,
    /// Region and id of the VPCs of a private zone.
    vpcs: Vec<(String, String)>,
    private: bool,
    /// Its record sets in Route 53's order.
    pub records: BTreeMap<Key, RecordSet>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A zone that is to be made.
#[derive(Debug, Clone, Default)]
pub struct NewZone {
    /// Its name.
    pub name: String,
    /// `CallerReference`.
    pub reference: String,
    /// A comment.
    pub comment: Option<String>,
    /// Region and id of the VPC of a private zone.
    pub vpc: Option<(String, String)>,
}

/// The servers of public zones; every zone has the same here.
const SERVERS: [&str; 4] =
    ["ns-1.awsdns-00.com", "ns-2.awsdns-00.net", "ns-3.awsdns-00.org", "ns-4.awsdns-00.co.uk"];

impl Zone {
    /// Whether only its VPCs see it.
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// Name and value of its CNAMEs, both with trailing dot.
    pub(super) fn cnames(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let cnames = self.records.values().filter(|one| one.kind == "CNAME");
        cnames.flat_map(|one| one.values.iter().map(|value| (one.name.clone(), names::stored(value))))
    }

    fn show(&self, id: &str) -> Value {
        json!({
            "Id": format!("/hostedzone/{id}"),
            "Name": names::shown(&self.name),
            "CallerReference": self.reference,
            "Config": without_nulls(&json!({"Comment": self.comment, "PrivateZone": self.private})),
            "ResourceRecordSetCount": self.records.len(),
        })
    }

    fn show_servers(&self) -> Value {
        if self.private { Value::Null } else { json!({ "NameServers": SERVERS }) }
    }

    fn show_vpcs(&self) -> Vec<Value> {
        self.vpcs.iter().map(|(region, id)| json!({"VPCRegion": region, "VPCId": id})).collect()
    }
}

impl Dns {
    /// `CreateHostedZone`; `vpcs` are those that exist.
    pub fn create_zone(&mut self, new: NewZone, vpcs: &BTreeSet<String>, now: f64) -> Answer {
        let name = names::stored(&new.name);
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_.*/".contains(c);
        if !names::is_legal(&name) || !name.chars().all(legal) {
            return Err(Refusal::new(
                "InvalidDomainName",
                format!("{} is not a valid domain name", new.name),
            ));
        }
        if new.reference.is_empty() {
            return Err(invalid("CallerReference must not be empty"));
        }
        if self.zones.values().any(|zone| zone.reference == new.reference) {
            let message = format!(
                "A hosted zone has already been created with the specified caller reference: {}",
                new.reference
            );
            return Err(Refusal { status: 409, code: "HostedZoneAlreadyExists".into(), message });
        }
        if let Some((_, vpc)) = &new.vpc {
            if !vpcs.contains(vpc) {
                return Err(Refusal::new("InvalidVPCId", format!("The VPC ID is invalid: {vpc}")));
            }
            let taken = |zone: &&Zone| zone.name == name && zone.vpcs.iter().any(|(_, own)| own == vpc);
            if self.zones.values().any(|zone| taken(&zone)) {
                let message = format!(
                    "The VPC {vpc} has already been associated with a hosted zone of the name {name}"
                );
                return Err(Refusal::new("ConflictingDomainExists", message));
            }
        }
        let servers: Vec<String> = SERVERS.iter().map(|server| format!("{server}.")).collect();
        let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
        let start = format!(
            "{} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400",
            servers.first().unwrap_or(&"")
        );
        let first =
            [RecordSet::of(&name, "NS", "172800", &servers), RecordSet::of(&name, "SOA", "900", &[&start])];
        let id = self.id('Z');
        let zone = Zone {
            name,
            reference: new.reference,
            comment: new.comment,
            private: new.vpc.is_some(),
            vpcs: new.vpc.into_iter().collect(),
            records: first.into_iter().map(|set| (set.key(), set)).collect(),
            tags: BTreeMap::new(),
        };
        let change = self.made_change(now);
        let answer = json!({
            "HostedZone": zone.show(&id),
            "ChangeInfo": change,
            "DelegationSet": zone.show_servers(),
            "VPC": zone.show_vpcs().first(),
        });
        self.zones.insert(id, zone);
        Ok(answer)
    }

    /// `GetHostedZone`.
    pub fn get_zone(&self, id: &str) -> Answer {
        let zone = self.zone(id)?;
        let vpcs = zone.show_vpcs();
        Ok(json!({
            "HostedZone": zone.show(id),
            "DelegationSet": zone.show_servers(),
            "VPCs": if vpcs.is_empty() { Value::Null } else { json!(vpcs) },
        }))
    }

    /// `DeleteHostedZone`.
    pub fn delete_zone(&mut self, id: &str, now: f64) -> Answer {
        let zone = self.zone(id)?;
        let own = |set: &RecordSet| set.name == zone.name && matches!(set.kind.as_str(), "NS" | "SOA");
        if !zone.records.values().all(own) {
            let message = "The specified hosted zone contains non-required resource record sets and so cannot be deleted.";
            return Err(Refusal::new("HostedZoneNotEmpty", message));
        }
        self.zones.remove(id);
        Ok(json!({ "ChangeInfo": self.made_change(now) }))
    }

    /// `ListHostedZones`, by id.
    pub fn list_zones(&self, marker: Option<&str>, max: Option<&str>, private_only: bool) -> Answer {
        let size = size(max, 100)?;
        if let Some(marker) = marker {
            self.zone(marker)?;
        }
        let mut rest = self.zones.iter().filter(|(id, zone)| {
            marker.is_none_or(|marker| id.as_str() >= marker) && (!private_only || zone.private)
        });
        let shown: Vec<Value> = rest.by_ref().take(size).map(|(id, zone)| zone.show(id)).collect();
        let next = rest.next().map(|(id, _)| id);
        Ok(without_nulls(&json!({
            "HostedZones": shown,
            "Marker": marker.unwrap_or_default(),
            "IsTruncated": next.is_some(),
            "NextMarker": next,
            "MaxItems": size.to_string(),
        })))
    }

    /// `ListHostedZonesByName`, by reversed name.
    pub fn list_zones_by_name(&self, name: Option<&str>, id: Option<&str>, max: Option<&str>) -> Answer {
        let size = size(max, 100)?;
        let start = name.map(|name| (names::order(&names::stored(name)), id.unwrap_or_default().to_owned()));
        let mut all: Vec<_> = self
            .zones
            .iter()
            .map(|(id, zone)| ((names::order(&zone.name), id.clone()), zone))
            .filter(|(key, _)| start.as_ref().is_none_or(|start| key >= start))
            .collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        let next = all.get(size);
        let shown: Vec<Value> = all.iter().take(size).map(|((_, id), zone)| zone.show(id)).collect();
        Ok(without_nulls(&json!({
            "HostedZones": shown,
            "DNSName": name,
            "HostedZoneId": id,
            "IsTruncated": next.is_some(),
            "NextDNSName": next.map(|(_, zone)| names::shown(&zone.name)),
            "NextHostedZoneId": next.map(|((_, id), _)| id),
            "MaxItems": size.to_string(),
        })))
    }

    /// `ListHostedZonesByVPC`.
    pub fn list_zones_by_vpc(&self, vpc: &str) -> Value {
        let zones = self.zones.iter().filter(|(_, zone)| zone.vpcs.iter().any(|(_, id)| id == vpc));
        let shown: Vec<Value> = zones
            .map(|(id, zone)| {
                json!({"HostedZoneId": id, "Name": names::shown(&zone.name), "Owner": {"OwningAccount": self.account}})
            })
            .collect();
        json!({"HostedZoneSummaries": shown, "MaxItems": "100"})
    }

    /// Tags of a zone, as `ResourceTagSet`.
    pub fn tags(&self, id: &str) -> Answer {
        let tags = &self.zone(id)?.tags;
        let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        Ok(json!({"ResourceType": "hostedzone", "ResourceId": id, "Tags": tags}))
    }

    /// `ChangeTagsForResource` of a zone.
    pub fn change_tags(&mut self, id: &str, add: Vec<(String, String)>, remove: &[String]) -> Answer<()> {
        self.zone(id)?;
        if let Some(zone) = self.zones.get_mut(id) {
            zone.tags.retain(|key, _| !remove.contains(key));
            zone.tags.extend(add);
        }
        Ok(())
    }
}
