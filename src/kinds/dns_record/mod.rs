//! `dns_record`: a name of a service that leads to its load balancer, or the record that validates a certificate. Each has a marker
//! beside it ([`crate::stack::marker`]), written and deleted in the same change batch: records have no tags.

mod zone;

use std::collections::BTreeSet;

use aws_sdk_route53::types::{AliasTarget, ChangeAction, ResourceRecord, ResourceRecordSet, RrType};
use serde::{Deserialize, Deserializer, Serialize};

use self::zone::{Found, GONE};
use super::common::{Tags, built, known, outputs};
use super::{Kind, Seen, Want};
use crate::aws::inventory::Owned;
use crate::aws::{Aws, together};
use crate::model::{CallError, Input, Locator, Outputs, Owner, Rules};
use crate::stack::marker::{self, Marker, plain};
use crate::stack::web::{Alias, Balancer, OwnCertificate, Scheme, Zone, slug};
use crate::stack::{Names, Stack, ownership, tags};

/// The kind.
pub struct DnsRecord;

/// A record of Route 53.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// Its whole name, without the dot at the end.
    #[serde(deserialize_with = "name")]
    pub name: Input<String>,
    /// `A` or `CNAME`.
    #[serde(rename = "type")]
    pub record_type: String,
    /// Where it leads to: the name that it is an alias of, or its value; empty when only its marker is left.
    #[serde(deserialize_with = "name")]
    pub target: Input<String>,
    /// For an alias: the hosted zone of the name that it is an alias of.
    pub target_zone: Option<Input<String>>,
    /// For an alias: whether it is left out while its target is unhealthy.
    pub evaluate_target_health: Option<bool>,
    /// Seconds that it may be kept; not for an alias.
    pub ttl: Option<i64>,
    /// The identifier of a record with a routing policy (weighted, latency, …), which we never make.
    pub routing: Option<String>,
    /// What its marker says about its owner, as other resources have it in tags.
    pub tags: Tags,
}

/// Seconds: nobody but ACM asks for a validation record.
const VALIDATION_TTL: i64 = 300;

/// How often a deletion looks anew when the record changed between the look and the call.
const ROUNDS: u32 = 3;

impl Kind for DnsRecord {
    const KIND: &'static str = "dns_record";
    const RULES: Rules = Rules {
        // Somebody relies on where a record leads to.
        guarded: &["type", "target", "routing"],
        outputs: &["zone", "name", "type"],
        uses: &["load_balancer", "certificate", "listener_rule", "service"],
        reads: &["route53:ListResourceRecordSets"],
        writes: &["route53:ChangeResourceRecordSets"],
        ..Rules::new("Route 53 record")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        let aliases = stack.web.aliases.iter();
        let aliases = aliases.filter_map(|((domain, scheme), it)| alias(stack, domain, *scheme, it));
        aliases.chain(stack.web.validated().map(|(domain, it)| validation(stack, domain, it))).collect()
    }

    /// The stack's target groups and certificates name the zones, and the markers there the records.
    async fn traced(aws: &Aws, names: &Names, tagged: &[Owned]) -> Result<Vec<Locator>, CallError> {
        let zones: BTreeSet<Zone> = tagged
            .iter()
            .filter_map(|owned| owned.tags.get(tags::ZONES))
            .flat_map(|zones| zones.split(' ').filter_map(Zone::parse))
            .collect();
        let lists = together::all(zones.iter().map(|zone| zone::ours(aws, zone, &names.stack))).await;
        let mut found = Vec::new();
        for (zone, list) in zones.iter().zip(lists) {
            found.extend(list?.into_iter().map(|(record, marker)| Locator {
                address: marker.address,
                name: record,
                parent: Some(zone.to_string()),
                id: Some(marker.record_type),
                stack: names.stack.clone(),
            }));
        }
        Ok(found)
    }

    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        let zone = zone_of(at)?;
        let name = if at.name.is_empty() {
            // What a certificate is validated by is not known before it is requested; an earlier one may have left its record.
            let ours = zone::ours(aws, &zone, &at.stack).await?;
            match ours.into_iter().find(|(_, marker)| marker.address == at.address) {
                Some((record, _)) => record,
                None => return Ok(None),
            }
        } else {
            at.name.clone()
        };
        let found = zone::look(aws, &zone, &name, &at.stack).await?;
        Ok(found.map(|found| seen(&found, &zone, &name)))
    }

    async fn create(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        write(aws, at, want).await
    }

    async fn update(aws: &Aws, at: &Locator, seen: &Seen<Attrs>, want: &Attrs) -> Result<Outputs, CallError> {
        let outputs = write(aws, at, want).await?;
        if seen.attrs.name != want.name && seen.owner == Owner::Ours {
            Self::delete(aws, at, seen).await?;
        }
        Ok(outputs)
    }

    /// The marker goes, and with it the record if it still leads to where the stack let it lead. A record that somebody pointed
    /// elsewhere stays, with or without its marker: it serves somebody.
    async fn delete(aws: &Aws, at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        const OP: &str = "route53:ChangeResourceRecordSets";
        let zone = zone_of(at)?;
        let name = known(OP, &seen.attrs.name)?;
        let mut last = None;
        for _ in 0..ROUNDS {
            let Some(Found { record, marker: Some((set, marker)), owner: Owner::Ours }) =
                zone::look(aws, &zone, name, &at.stack).await?
            else {
                return Ok(());
            };
            // The record went over to another address of this stack: a domain and its wildcard are validated by one.
            if marker.address != at.address {
                return Ok(());
            }
            let ours = record.filter(|record| is_as_left(record, &marker));
            let sets = ours.into_iter().chain([set]).collect();
            match zone::change(aws, &zone, ChangeAction::Delete, sets).await {
                Ok(()) => return Ok(()),
                Err(error) if error.code == GONE => return Ok(()),
                // A deletion must name every value: somebody was faster.
                Err(error) if error.code == "InvalidChangeBatch" => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        last.map_or(Ok(()), Err)
    }
}

fn alias(stack: &Stack, domain: &str, scheme: Scheme, alias: &Alias) -> Option<Want<Attrs>> {
    let names = &stack.names;
    let suffix = if scheme == Scheme::Internal { "-internal" } else { "" };
    let (target, target_zone) = match stack.web.balancers.get(&scheme)? {
        Balancer::Own(_) => {
            let output = |name| Input::of(names.address("load_balancer", scheme.word()), name);
            (output("dns_name"), output("zone_id"))
        }
        Balancer::Shared(shared) => {
            (Input::Known(plain_target(&shared.dns_name)), Input::Known(shared.zone_id.clone()))
        }
    };
    let name = plain(domain);
    let at = Locator {
        parent: Some(alias.zone.to_string()),
        id: Some("A".to_owned()),
        ..names.at(DnsRecord::KIND, &format!("{}{suffix}", slug(domain)), &name)
    };
    let attrs = Attrs {
        name: Input::Known(name),
        record_type: "A".to_owned(),
        target,
        target_zone: Some(target_zone),
        evaluate_target_health: Some(false),
        ttl: None,
        routing: None,
        tags: ownership(&stack.name, &at.address, &Tags::new()),
    };
    // Nobody is led to a service that does not answer yet.
    let needs = |task: &String| ["listener_rule", "service"].map(|kind| names.address(kind, task));
    Some(Want { at, attrs, after: alias.tasks.iter().flat_map(needs).collect() })
}

fn validation(stack: &Stack, domain: &str, own: &OwnCertificate) -> Want<Attrs> {
    let names = &stack.names;
    let name = own.validation.as_ref().map(|(name, _)| plain(name)).unwrap_or_default();
    let at = Locator {
        parent: Some(own.zone.to_string()),
        id: Some("CNAME".to_owned()),
        ..names.at(DnsRecord::KIND, &format!("{}-validation", slug(domain)), &name)
    };
    let output = |name| Input::of(names.address("certificate", &slug(domain)), name);
    let attrs = Attrs {
        name: output("validation_name"),
        record_type: "CNAME".to_owned(),
        target: output("validation_value"),
        target_zone: None,
        evaluate_target_health: None,
        ttl: Some(VALIDATION_TTL),
        routing: None,
        tags: ownership(&stack.name, &at.address, &Tags::new()),
    };
    Want { at, attrs, after: Vec::new() }
}

/// A name of DNS in its plain form, once it is known.
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Input<String>, D::Error> {
    Ok(match Input::<String>::deserialize(deserializer)? {
        Input::Known(name) => Input::Known(plain_target(&name)),
        pending @ Input::Pending(_) => pending,
    })
}

/// A target in the form in which equal ones are equal: the console puts `dualstack.` before the name of a load balancer, which
/// changes nothing for a record of type A.
fn plain_target(target: &str) -> String {
    let plain = plain(target);
    plain.strip_prefix("dualstack.").map(str::to_owned).unwrap_or(plain)
}

fn zone_of(at: &Locator) -> Result<Zone, CallError> {
    at.parent.as_deref().and_then(Zone::parse).ok_or_else(|| {
        CallError::local(DnsRecord::KIND, format!("this is a bug: {} has no zone", at.address))
    })
}

fn given(zone: &Zone, name: &str, record_type: &str) -> Outputs {
    outputs([("zone", &zone.id), ("name", name), ("type", record_type)])
}

/// Where a record leads to.
fn target(record: &ResourceRecordSet) -> String {
    match record.alias_target() {
        Some(alias) => plain_target(alias.dns_name()),
        None => record.resource_records().iter().map(|one| plain(one.value())).collect::<Vec<_>>().join(", "),
    }
}

/// Whether a record is still what the stack that left the marker made of it.
fn is_as_left(record: &ResourceRecordSet, left: &Marker) -> bool {
    record.r#type().as_str() == left.record_type
        && record.set_identifier().is_none()
        && marker::digest(&target(record)) == left.target
}

fn seen(found: &Found, zone: &Zone, name: &str) -> Seen<Attrs> {
    let (record, left) = (found.record.as_ref(), found.marker.as_ref().map(|(_, marker)| marker));
    let alias = record.and_then(ResourceRecordSet::alias_target);
    let record_type = record
        .map(|record| record.r#type().as_str())
        .or(left.map(|left| left.record_type.as_str()))
        .unwrap_or_default();
    Seen {
        owner: found.owner.clone(),
        outputs: given(zone, name, record_type),
        attrs: Attrs {
            name: Input::Known(name.to_owned()),
            record_type: record_type.to_owned(),
            target: Input::Known(record.map(target).unwrap_or_default()),
            target_zone: alias.map(|alias| Input::Known(alias.hosted_zone_id().to_owned())),
            evaluate_target_health: alias.map(AliasTarget::evaluate_target_health),
            ttl: record.and_then(ResourceRecordSet::ttl),
            routing: record.and_then(ResourceRecordSet::set_identifier).map(str::to_owned),
            tags: left.map(|left| ownership(&left.stack, &left.address, &Tags::new())).unwrap_or_default(),
        },
    }
}

/// Writes the record and its marker, unless they are as wanted, or the record is somebody's.
async fn write(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
    const OP: &str = "route53:ChangeResourceRecordSets";
    let zone = zone_of(at)?;
    let (name, wanted) = (known(OP, &want.name)?, known(OP, &want.target)?);
    let outputs = given(&zone, name, &want.record_type);
    let mark = Marker {
        stack: at.stack.clone(),
        scope: marker::scope(&aws.account, &aws.region),
        address: at.address.clone(),
        record_type: want.record_type.clone(),
        target: marker::digest(wanted),
    };
    if let Some(found) = zone::look(aws, &zone, name, &at.stack).await? {
        let seen = seen(&found, &zone, name);
        let same = (&seen.attrs.record_type, &seen.attrs.target, &seen.attrs.routing)
            == (&want.record_type, &want.target, &want.routing);
        let is_marked = found.marker.as_ref().is_some_and(|(_, marker)| *marker == mark);
        match &found.owner {
            Owner::Ours if is_marked && seen.attrs == *want => return Ok(outputs),
            Owner::Ours if seen.attrs.record_type == want.record_type && seen.attrs.routing.is_none() => {}
            // ACM gives all certificates of an account for one domain the same record: whoever made it keeps it.
            _ if same && want.record_type == "CNAME" => return Ok(outputs),
            Owner::Nobody if same || found.record.is_none() => {}
            owner => return Err(taken(OP, name, &seen.attrs, owner)),
        }
    }
    let record = record(OP, name, wanted, want)?;
    let marker = txt(OP, &marker::name(name, &at.stack, &zone), &mark.text())?;
    zone::change(aws, &zone, ChangeAction::Upsert, vec![record, marker]).await?;
    Ok(outputs)
}

/// The record is somebody's, and leads elsewhere.
fn taken(op: &str, name: &str, seen: &Attrs, owner: &Owner) -> CallError {
    let to = match seen.target.known().map(String::as_str) {
        None | Some("") => "nothing".to_owned(),
        Some(to) => format!("`{to}`"),
    };
    let (a, whose) = match owner {
        Owner::Stack(stack) => ("the", format!("of the stack `{stack}`")),
        Owner::Ours | Owner::Nobody => ("a", "that this stack did not make".to_owned()),
    };
    let record = format!("{a} record of type {} {whose}", seen.record_type);
    CallError::local(
        op,
        format!("`{name}` leads to {to} already, by {record}; delete that record, or use another domain"),
    )
}

fn record(op: &str, name: &str, target: &str, want: &Attrs) -> Result<ResourceRecordSet, CallError> {
    let record = ResourceRecordSet::builder().name(name).r#type(RrType::from(want.record_type.as_str()));
    let record = if let Some(zone) = &want.target_zone {
        let alias = AliasTarget::builder().dns_name(target).hosted_zone_id(known(op, zone)?);
        let alias = alias.evaluate_target_health(want.evaluate_target_health.unwrap_or_default());
        record.alias_target(built(op, alias.build())?)
    } else {
        let value = built(op, ResourceRecord::builder().value(target).build())?;
        record.set_ttl(want.ttl).resource_records(value)
    };
    built(op, record.build())
}

fn txt(op: &str, name: &str, text: &str) -> Result<ResourceRecordSet, CallError> {
    let value = built(op, ResourceRecord::builder().value(text).build())?;
    let record = ResourceRecordSet::builder().name(name).r#type(RrType::Txt).ttl(VALIDATION_TTL);
    built(op, record.resource_records(value).build())
}
