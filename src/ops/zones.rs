//! The hosted zones of Route 53.

use crate::aws::{Aws, absent, call};
use crate::model::{CallError, ZoneOfVpc, ZoneRow};

/// The IAM actions that read.
pub const READS: &[&str] = &["route53:GetHostedZone", "route53:ListHostedZones"];

/// The hosted zones that records of the domain could be in, all when none is named; by name, then id.
pub async fn list(aws: &Aws, domain: Option<&str>) -> Result<Vec<ZoneRow>, CallError> {
    let mut rows = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let ask = aws.dns.list_hosted_zones().set_marker(marker);
        let page = call("route53:ListHostedZones", ask.send()).await?;
        for zone in page.hosted_zones() {
            let name = zone.name().trim_end_matches('.').to_owned();
            if domain.is_some_and(|domain| !holds(&name, domain)) {
                continue;
            }
            rows.push(ZoneRow {
                id: super::last(zone.id()).to_owned(),
                name,
                private: zone.config().is_some_and(|config| config.private_zone()),
                records: zone.resource_record_set_count().unwrap_or_default(),
                vpcs: Vec::new(),
            });
        }
        marker = page.next_marker().map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    for row in rows.iter_mut().filter(|row| row.private) {
        let sent = call("route53:GetHostedZone", aws.dns.get_hosted_zone().id(&row.id).send()).await;
        let found = absent(sent, &["NoSuchHostedZone"])?;
        let vpcs = found.iter().flat_map(|found| found.vpcs());
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
