//! What Route 53 says, perhaps of another account.

use std::collections::BTreeSet;

use aws_sdk_route53::operation::get_hosted_zone::GetHostedZoneOutput;
use aws_sdk_route53::types::{HostedZoneConfig, ResourceRecordSet, RrType};

use super::found::HostedZone;
use crate::aws::{Aws, absent, call};
use crate::model::CallError;
use crate::stack::marker::{self, Marker, plain};
use crate::stack::web::Zone;

/// The IAM actions of this file.
pub const READS: &[&str] =
    &["route53:ListHostedZones", "route53:GetHostedZone", "route53:ListResourceRecordSets"];

/// Every hosted zone of the account, in order of name and id.
pub async fn zones(aws: &Aws) -> Result<Vec<HostedZone>, CallError> {
    let pages = aws.dns.list_hosted_zones().into_paginator().items().send();
    let found = call("route53:ListHostedZones", pages.collect::<Result<Vec<_>, _>>()).await?;
    let zone = |zone: &aws_sdk_route53::types::HostedZone| HostedZone {
        id: zone.id().trim_start_matches("/hostedzone/").to_owned(),
        name: plain(zone.name()),
        is_private: zone.config().is_some_and(HostedZoneConfig::private_zone),
    };
    let mut all: Vec<HostedZone> = found.iter().map(zone).collect();
    all.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(all)
}

/// The VPCs that a private zone answers in.
pub async fn vpcs(aws: &Aws, zone: &str) -> Result<BTreeSet<String>, CallError> {
    let sent = aws.dns.get_hosted_zone().id(zone).send();
    let found = absent(call("route53:GetHostedZone", sent).await, &["NoSuchHostedZone"])?;
    let vpcs = found.iter().flat_map(GetHostedZoneOutput::vpcs);
    Ok(vpcs.filter_map(|vpc| vpc.vpc_id()).map(str::to_owned).collect())
}

/// The addresses of the records of a stack in a zone, as their marker records tell.
pub async fn marked(aws: &Aws, zone: &Zone, stack: &str) -> Result<BTreeSet<String>, CallError> {
    let root = marker::below(stack, zone);
    let scope = marker::scope(&aws.account, &aws.region);
    let below = format!(".{root}");
    let (mut name, mut kind) = (root, RrType::Txt);
    let mut found = BTreeSet::new();
    // Names are sorted by their labels from the right: everything below the root follows it.
    loop {
        let ask = aws.dns.list_resource_record_sets().hosted_zone_id(&zone.id);
        let sent = ask.start_record_name(&name).start_record_type(kind.clone()).send();
        let page = call("route53:ListResourceRecordSets", sent).await?;
        let sets = page.resource_record_sets();
        for set in
            sets.iter().filter(|set| *set.r#type() == RrType::Txt && plain(set.name()).ends_with(&below))
        {
            found.extend(
                set.resource_records()
                    .iter()
                    .filter_map(|record| Marker::parse(record.value()))
                    .filter(|it| it.stack == stack && it.scope == scope)
                    .map(|it| it.address.to_string()),
            );
        }
        let goes_on =
            sets.iter().all(|set| plain(set.name()).ends_with(&below) || plain(set.name()) == below[1..]);
        match (page.next_record_name(), page.next_record_type()) {
            (Some(next), Some(next_kind)) if page.is_truncated() && goes_on => {
                (name, kind) = (next.to_owned(), next_kind.clone());
            }
            _ => return Ok(found),
        }
    }
}

/// Whether a zone has this CNAME.
pub async fn has_cname(aws: &Aws, zone: &Zone, name: &str, value: &str) -> Result<bool, CallError> {
    let ask = aws.dns.list_resource_record_sets().hosted_zone_id(&zone.id);
    let sent = ask.start_record_name(name).start_record_type(RrType::Cname).max_items(1).send();
    let page = call("route53:ListResourceRecordSets", sent).await?;
    let is_it = |set: &ResourceRecordSet| {
        *set.r#type() == RrType::Cname
            && plain(set.name()) == plain(name)
            && set.resource_records().iter().any(|record| plain(record.value()) == plain(value))
    };
    Ok(page.resource_record_sets().iter().any(is_it))
}
