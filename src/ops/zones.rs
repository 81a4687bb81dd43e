//! The hosted zones of Route 53.

use aws_sdk_route53::operation::get_hosted_zone::GetHostedZoneOutput;
use aws_sdk_route53::types::{HostedZone, HostedZoneConfig};

use crate::aws::{Aws, absent, call};
use crate::model::{CallError, ZoneOfVpc, ZoneRow};

/// The IAM actions that read.
pub const READS: &[&str] = &["route53:GetHostedZone", "route53:ListHostedZones"];

/// The hosted zones that records of the domain could be in, all when none is named; by name, then id.
pub async fn list(aws: &Aws, domain: Option<&str>) -> Result<Vec<ZoneRow>, CallError> {
    let pages = aws.dns.list_hosted_zones().into_paginator().items().send();
    let found = call("route53:ListHostedZones", pages.collect::<Result<Vec<_>, _>>()).await?;
    let row = |zone: &HostedZone| ZoneRow {
        id: super::last(zone.id()).to_owned(),
        name: zone.name().trim_end_matches('.').to_owned(),
        private: zone.config().is_some_and(HostedZoneConfig::private_zone),
        records: zone.resource_record_set_count().unwrap_or_default(),
        vpcs: Vec::new(),
    };
    let mut rows: Vec<ZoneRow> = found.iter().map(row).collect();
    rows.retain(|row| domain.is_none_or(|domain| holds(&row.name, domain)));
    for row in rows.iter_mut().filter(|row| row.private) {
        let sent = call("route53:GetHostedZone", aws.dns.get_hosted_zone().id(&row.id).send()).await;
        let found = absent(sent, &["NoSuchHostedZone"])?;
        let vpcs = found.iter().flat_map(GetHostedZoneOutput::vpcs);
        row.vpcs = vpcs
            .map(|vpc| ZoneOfVpc {
                id: vpc.vpc_id().unwrap_or_default().to_owned(),
                region: vpc.vpc_region().map(|region| region.as_str().to_owned()).unwrap_or_default(),
            })
            .collect();
    }
    rows.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(rows)
}

/// Whether a domain is of a zone.
fn holds(zone: &str, domain: &str) -> bool {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    domain == zone || domain.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn a_zone_holds_itself_and_what_ends_with_it() {
        for domain in ["example.com", "app.example.com", "*.example.com", "App.Example.com."] {
            assert!(holds("example.com", domain), "{domain}");
        }
        for domain in ["com", "notexample.com", "example.com.org", "example.org"] {
            assert!(!holds("example.com", domain), "{domain}");
        }
    }
}
