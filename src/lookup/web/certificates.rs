//! Which certificate: the decision, over plain facts. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::found::{Detail, Issued};
use crate::lookup::Problem;
use crate::stack::facts::CertificateFact;
use crate::stack::web::{OwnCertificate, Zone};

/// How many certificates an error lists.
const LISTED: usize = 10;

/// What is known about one domain.
#[derive(Debug, Clone, Default)]
pub struct Known<'a> {
    /// The domain.
    pub domain: &'a str,
    /// Where it stands in the YAML.
    pub route: Vec<String>,
    /// This stack's certificates for it.
    pub own: Vec<&'a Detail>,
    /// The issued certificates of others.
    pub issued: &'a [Issued],
    /// The ARNs of the certificates that its listeners have.
    pub attached: BTreeSet<&'a str>,
    /// The public zone for the record that validates one, if there is one.
    pub zone: Option<Zone>,
    /// The zone that the tag of its own certificate names.
    pub own_zone: Option<Zone>,
    /// `route53.records` is false: nothing is written.
    pub no_records: bool,
    /// Somebody else keeps the record that validates its own certificate.
    pub validated_elsewhere: bool,
}

/// The certificate of a domain that `certificate_arn` does not settle.
pub fn choose(known: &Known<'_>) -> Result<CertificateFact, Problem> {
    let mut own: Vec<&Detail> = known.own.iter().filter(|one| lives(one)).copied().collect();
    own.sort_by_key(|one| (one.status != "ISSUED", one.arn.as_str()));
    // Without records one that is not issued will never be.
    let own = own.into_iter().find(|one| !known.no_records || one.status == "ISSUED");
    if let (Some(own), Some(zone)) = (own, known.zone.clone().or_else(|| known.own_zone.clone())) {
        return Ok(CertificateFact::Own(OwnCertificate {
            arn: Some(own.arn.clone()),
            zone,
            validation: own.validation.clone(),
            validated_elsewhere: known.validated_elsewhere || known.no_records,
        }));
    }
    let fit = known.issued.iter().filter(|one| !one.is_private || known.attached.contains(one.arn.as_str()));
    let fit = fit.filter(|one| covered(&one.names, known.domain));
    let best = fit.min_by_key(|one| {
        (!known.attached.contains(one.arn.as_str()), std::cmp::Reverse(one.not_after), one.arn.as_str())
    });
    if let Some(best) = best {
        return Ok(CertificateFact::Found(best.arn.clone()));
    }
    match &known.zone {
        Some(zone) if !known.no_records => Ok(CertificateFact::Own(OwnCertificate {
            arn: None,
            zone: zone.clone(),
            validation: None,
            validated_elsewhere: known.validated_elsewhere,
        })),
        _ => Err(none(known)),
    }
}

/// It is issued, or will be as soon as its record is seen.
fn lives(one: &Detail) -> bool {
    matches!(one.status.as_str(), "ISSUED" | "PENDING_VALIDATION")
}

fn none(known: &Known<'_>) -> Problem {
    let domain = known.domain;
    let why = if known.no_records {
        "with `route53.records: false` none is requested"
    } else {
        "there is no public hosted zone to prove that the domain is yours for a new one"
    };
    let hint = if known.no_records {
        "name one in `certificate_arn`, or remove `route53.records`"
    } else {
        "name one in `certificate_arn`, or name the zone in `route53.zone_id` (of another account: `route53.role_arn` or `route53.profile`)"
    };
    Problem::new(format!("no issued certificate covers `{domain}`, and {why}"), hint)
        .candidates(known.issued.iter().take(LISTED).map(|one| line(&one.arn, &one.names)))
        .key("certificate_arn")
        .route(&known.route)
}

/// `certificate_arn`: what is wrong with it.
pub fn judge(arn: &str, region: &str, found: Option<&Detail>, domains: &[&str]) -> Result<(), Problem> {
    let wrong = |what: String, hint: &str| {
        Err(Problem::new(what, hint).key("certificate_arn").route(["certificate_arn"]))
    };
    let at = arn.split(':').nth(3).unwrap_or_default();
    if at != region {
        let what = format!("the certificate `{arn}` is in {at}, and the load balancer is in {region}");
        return wrong(
            what,
            "name a certificate of the stack's region, or remove `certificate_arn` to let one be found or requested",
        );
    }
    let Some(found) = found else {
        let what = format!("there is no certificate `{arn}`");
        return wrong(what, "correct `certificate_arn`, or remove it to let one be found or requested");
    };
    if found.status != "ISSUED" {
        let what = format!("the certificate `{arn}` is not issued: its status is {}", found.status);
        return wrong(
            what,
            "wait until it is issued, name another one in `certificate_arn`, or remove it to let one be found or requested",
        );
    }
    let open: Vec<String> = domains
        .iter()
        .filter(|domain| !covered(&found.names, domain))
        .map(|domain| format!("`{domain}`"))
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = found.names.iter().map(String::as_str).collect();
    let what = format!("the certificate `{arn}` covers {}, but not {}", names.join(", "), open.join(", "));
    wrong(
        what,
        "name one that covers every domain of the `https` services in `certificate_arn`, or remove it to let them be found or requested",
    )
}

/// Whether one of the names of a certificate is the domain's; a wildcard stands for exactly one label.
pub fn covered(names: &BTreeSet<String>, domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    let above = domain.split_once('.').map(|(_, above)| format!("*.{above}"));
    names.contains(&domain) || above.is_some_and(|above| names.contains(&above))
}

/// The name whose record validates a domain's certificate: a wildcard and its domain share one.
pub fn validated_name(domain: &str) -> &str {
    domain.strip_prefix("*.").unwrap_or(domain)
}

/// The domain whose certificate is validated by the same record: of a wildcard its domain, of a domain its wildcard.
pub fn twin(domain: &str) -> String {
    domain.strip_prefix("*.").map_or_else(|| format!("*.{domain}"), str::to_owned)
}

/// Of own certificates that share one record for their validation, one keeps it: the first by name of domain that is no wildcard.
pub fn keepers<'a>(own: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, &'a str> {
    let mut keepers: BTreeMap<&str, &str> = BTreeMap::new();
    for domain in own {
        let keeper = keepers.entry(validated_name(domain)).or_insert(domain);
        if validated_name(domain) == domain {
            *keeper = domain;
        }
    }
    keepers
}

fn line(arn: &str, names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    format!("{arn}  {}", names.join(", "))
}

/// Whether an ARN is of a region.
pub fn is_in(arn: &str, region: &str) -> bool {
    arn.split(':').nth(3) == Some(region)
}
