//! `ChangeResourceRecordSets`: all changes of a batch, or none.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::json;

use super::{Answer, Balancers, Dns, Key, RecordSet, Zone, invalid, names};
use crate::aws::error::Refusal;

/// Types that Route 53 knows ("Supported DNS record types").
const TYPES: [&str; 16] = [
    "A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP",
    "SVCB", "TXT",
];

type Records = BTreeMap<Key, RecordSet>;

impl Dns {
    /// Applies changes in their order to a copy, and keeps it when none is refused.
    pub fn change_records(
        &mut self,
        zone: &str,
        changes: &[(String, RecordSet)],
        balancers: &Balancers,
        now: f64,
    ) -> Answer {
        let found = self.zone(zone)?;
        if changes.is_empty() {
            return Err(invalid("The request contains no changes"));
        }
        let mut records = found.records.clone();
        let mut wrong = Vec::new();
        for (action, set) in changes {
            complete(action, set)?;
            wrong.extend(self.apply(found, &mut records, action, set, balancers));
        }
        if !wrong.is_empty() {
            return Err(Refusal::new("InvalidChangeBatch", format!("[{}]", wrong.join(", "))));
        }
        if let Some(zone) = self.zones.get_mut(zone.trim_start_matches("/hostedzone/")) {
            zone.records = records;
        }
        Ok(json!({ "ChangeInfo": self.made_change(now) }))
    }

    /// Applies one change; what is wrong with it.
    fn apply(
        &self,
        zone: &Zone,
        records: &mut Records,
        action: &str,
        set: &RecordSet,
        balancers: &Balancers,
    ) -> Option<String> {
        let (name, kind) = (names::shown(&set.name), &set.kind);
        let key = set.key();
        let identifier = set.set.as_ref().map_or_else(String::new, |set| format!(", set-identifier='{set}'"));
        let spelled = format!("[name='{name}', type='{kind}'{identifier}]");
        if !names::is_legal(&set.name) {
            return Some(format!(
                "FATAL problem: DomainLabelTooLong (Domain label is too long) encountered with '{name}'"
            ));
        }
        if !names::is_within(&set.name, &zone.name) {
            return Some(format!(
                "RRSet with DNS name {name} is not permitted in zone {}",
                names::shown(&zone.name)
            ));
        }
        if action == "DELETE" {
            let said = match records.get(&key) {
                None => Some(format!("Tried to delete resource record set {spelled} but it was not found")),
                Some(there) if !there.says_the_same(set) => Some(format!(
                    "Tried to delete resource record set {spelled} but the values provided do not match the current values"
                )),
                Some(_) if set.name == zone.name && matches!(kind.as_str(), "NS" | "SOA") => {
                    Some(format!("A HostedZone must contain at least one {kind} record for the zone itself."))
                }
                Some(_) => None,
            };
            if said.is_none() {
                records.remove(&key);
            }
            return said;
        }
        if action == "CREATE" && records.contains_key(&key) {
            return Some(format!("Tried to create resource record set {spelled} but it already exists"));
        }
        let same_name = || records.values().filter(|one| one.name == set.name);
        if same_name().any(|one| (one.kind == "CNAME") != (kind == "CNAME")) {
            let place = if set.name == zone.name {
                "at apex"
            } else {
                "as it conflicts with other records with the same DNS name"
            };
            return Some(format!(
                "RRSet of type {kind} with DNS name {name} is not permitted {place} in zone {}",
                names::shown(&zone.name)
            ));
        }
        if same_name().any(|one| one.kind == *kind && one.set.is_some() != set.set.is_some()) {
            return Some(format!(
                "RRSet with DNS name {name}, type {kind} cannot be created as other RRSets exist with the same name and type."
            ));
        }
        if let Some(said) = bad_value(set).or_else(|| self.bad_alias(set, records, zone, balancers)) {
            return Some(said);
        }
        records.insert(key, set.clone());
        None
    }

    /// An alias names a record of its own zone, or a load balancer in the zone of its region.
    fn bad_alias(
        &self,
        set: &RecordSet,
        records: &Records,
        zone: &Zone,
        balancers: &Balancers,
    ) -> Option<String> {
        let (target_zone, target, _) = set.alias.as_ref()?;
        let said = |why: &str| {
            let name = names::shown(target);
            Some(format!(
                "Tried to create an alias that targets {name}, type {} in zone {target_zone}, but {why}",
                set.kind
            ))
        };
        if self.zones.contains_key(target_zone) {
            let known = records.values().any(|one| one.name == *target && one.kind == set.kind);
            let inside = names::is_within(target, &zone.name);
            return if inside && known {
                None
            } else if inside {
                said("that target was not found")
            } else {
                said("the alias target name does not lie within the target zone")
            };
        }
        if !target.ends_with(".elb.amazonaws.com.") {
            return None;
        }
        let bare = target.trim_end_matches('.');
        match balancers.get(bare.strip_prefix("dualstack.").unwrap_or(bare)) {
            None => said("that target was not found"),
            Some(own) if own != target_zone => {
                said("the alias target name does not lie within the target zone")
            }
            Some(_) => None,
        }
    }
}

/// A change must be complete before it is looked at.
fn complete(action: &str, set: &RecordSet) -> Answer<()> {
    if !matches!(action, "CREATE" | "DELETE" | "UPSERT") {
        return Err(invalid(format!(
            "Invalid XML ; Value '{action}' is not facet-valid with respect to enumeration '[CREATE, DELETE, UPSERT]'"
        )));
    }
    if !TYPES.contains(&set.kind.as_str()) {
        return Err(invalid(format!(
            "Invalid XML ; Value '{}' is not facet-valid with respect to enumeration",
            set.kind
        )));
    }
    let plain = set.ttl.is_some() && !set.values.is_empty();
    let any_plain = set.ttl.is_some() || !set.values.is_empty();
    let found = match (plain, any_plain, set.alias.is_some()) {
        (true, _, false) | (false, false, true) => return Ok(()),
        (false, false, false) => "none",
        (_, _, true) => "more than one",
        (false, true, false) => "only a part",
    };
    let (name, kind) = (names::shown(&set.name), &set.kind);
    Err(invalid(format!(
        "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
         TrafficPolicyInstanceId], but found {found} in Change with [Action={action}, Name={name}, Type={kind}, \
         SetIdentifier={}]",
        set.set.as_deref().unwrap_or("null")
    )))
}

/// What is wrong with the values of a record set.
fn bad_value(set: &RecordSet) -> Option<String> {
    let problem = |code: &str, words: &str, value: &str| {
        Some(format!("Invalid Resource Record: 'FATAL problem: {code} ({words}) encountered with '{value}''"))
    };
    if set.kind == "CNAME" && set.values.len() > 1 {
        return problem(
            "TooManyResourceRecords",
            "A CNAME record has exactly one value",
            &names::shown(&set.name),
        );
    }
    for value in &set.values {
        let bad = match set.kind.as_str() {
            "A" if value.parse::<Ipv4Addr>().is_err() => {
                problem("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address", value)
            }
            "AAAA" if value.parse::<Ipv6Addr>().is_err() => {
                problem("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address", value)
            }
            "TXT" | "SPF" if !(value.starts_with('"') && value.ends_with('"') && value.len() > 1) => {
                problem("InvalidCharacterString", "Value should be enclosed in quotation marks", value)
            }
            "CNAME" if value.is_empty() || value.contains(' ') => {
                problem("DomainLabelEmpty", "Domain label is empty", value)
            }
            _ => None,
        };
        if bad.is_some() {
            return bad;
        }
    }
    None
}
