//! Behavioural model of Certificate Manager: the state of one account in one region.
//!
//! A certificate that is validated by DNS is issued once its records are published in a public zone of any account
//! ([`Acm::settle`]).

mod request;
mod show;
mod tags;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws::error::Refusal;
use crate::ecs::ids::{Place, sha256_hex};
use crate::ecs::json::text;

/// How long after the request the record is shown, in seconds (AWS: some seconds).
const RECORD_S: f64 = 0.2;

/// How long after the records are published the certificate is issued, in seconds (AWS: minutes).
const ISSUE_S: f64 = 0.3;

/// How long ACM waits for the records, in seconds: 72 hours.
const PATIENCE_S: f64 = 72.0 * 3600.0;

/// How long a public certificate is valid, in seconds: 198 days.
const VALID_S: f64 = 198.0 * 86_400.0;

/// What a call refuses, or its answer.
pub type Answer<T = Value> = Result<T, Refusal>;

/// The certificates in use, each with the ARNs of the load balancers that use it.
pub type Uses = BTreeMap<String, BTreeSet<String>>;

/// One certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// All names, the first one first.
    names: Vec<String>,
    key_algorithm: String,
    status: String,
    /// `DNS`, `EMAIL`, or none for an imported one.
    method: Option<String>,
    created_at: f64,
    /// When all its records were seen.
    proven_at: Option<f64>,
    issued_at: Option<f64>,
    not_after: Option<f64>,
    tags: BTreeMap<String, String>,
    /// Order of creation.
    sequence: u64,
}

/// A certificate that a test wants to be there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planted {
    /// Account; the default account when absent.
    pub account: Option<String>,
    /// Region; the default region when absent.
    pub region: Option<String>,
    domain: String,
    #[serde(default)]
    sans: Vec<String>,
    status: Option<String>,
    key_algorithm: Option<String>,
    /// Seconds from now to its end; negative when it is over.
    not_after_s: Option<f64>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// What a certificate can be.
const STATUSES: [&str; 7] =
    ["PENDING_VALIDATION", "ISSUED", "INACTIVE", "EXPIRED", "VALIDATION_TIMED_OUT", "REVOKED", "FAILED"];

impl Planted {
    /// What is wrong with it.
    pub fn fault(&self) -> Option<String> {
        let status = self.status.as_deref()?;
        (!STATUSES.contains(&status)).then(|| format!("`{status}` is not one of {}", STATUSES.join(", ")))
    }
}

/// All certificates of one account and region.
#[derive(Debug)]
pub struct Acm {
    place: Place,
    used: u64,
    certificates: BTreeMap<String, Certificate>,
    /// Requests with a token: token, request, ARN, when.
    tokens: Vec<(String, Value, String, f64)>,
}

impl Acm {
    /// An account without any certificate.
    pub fn new(account: &str, region: &str) -> Self {
        Self {
            place: Place::new(account, region),
            used: 0,
            certificates: BTreeMap::new(),
            tokens: Vec::new(),
        }
    }

    /// Answers one call; a refused one changes nothing.
    pub fn call(&mut self, operation: &str, input: &Value, uses: &Uses, now: f64) -> Answer {
        match operation {
            "RequestCertificate" => self.request(input, now),
            "DescribeCertificate" => {
                let arn = arn_of(input)?;
                let certificate = self.certificate(arn)?;
                Ok(json!({ "Certificate": certificate.show(arn, &self.place, uses.get(arn), now) }))
            }
            "ListCertificates" => self.list(input, uses),
            "DeleteCertificate" => {
                let arn = arn_of(input)?;
                self.certificate(arn)?;
                if uses.contains_key(arn) {
                    let message = format!("Certificate {arn} in account {} is in use.", self.place.account);
                    return Err(Refusal::new("ResourceInUseException", message));
                }
                self.certificates.remove(arn);
                self.tokens.retain(|(_, _, made, _)| made != arn);
                Ok(json!({}))
            }
            "AddTagsToCertificate" => self.add_tags(input),
            "RemoveTagsFromCertificate" => self.remove_tags(input),
            "ListTagsForCertificate" => {
                let tags = &self.certificate(arn_of(input)?)?.tags;
                let shown: Vec<Value> =
                    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
                Ok(json!({ "Tags": shown }))
            }
            _ => Err(Refusal {
                status: 501,
                code: "NotEmulated".into(),
                message: format!("not emulated: acm:{operation}"),
            }),
        }
    }

    /// Lets time pass: issues what is proven. `published` holds name and value of every CNAME of a public zone.
    pub fn settle(&mut self, published: &BTreeSet<(String, String)>, now: f64) {
        let account = self.place.account.clone();
        for certificate in self.certificates.values_mut() {
            if certificate.not_after.is_some_and(|end| end <= now) && certificate.status == "ISSUED" {
                "EXPIRED".clone_into(&mut certificate.status);
            }
            if certificate.status != "PENDING_VALIDATION" {
                continue;
            }
            let proven = certificate.method.as_deref() == Some("DNS")
                && certificate.names.iter().all(|name| published.contains(&record(&account, name)));
            if !proven {
                certificate.proven_at = None;
                if now > certificate.created_at + PATIENCE_S {
                    "VALIDATION_TIMED_OUT".clone_into(&mut certificate.status);
                }
                continue;
            }
            let since = *certificate.proven_at.get_or_insert(now);
            if now >= since + ISSUE_S {
                "ISSUED".clone_into(&mut certificate.status);
                certificate.issued_at = Some(now);
                certificate.not_after = Some(now + VALID_S);
            }
        }
    }

    /// Status of every certificate.
    pub fn statuses(&self) -> BTreeMap<String, String> {
        self.certificates.iter().map(|(arn, one)| (arn.clone(), one.status.clone())).collect()
    }

    /// ARN and tags of every certificate.
    pub fn tagged(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.certificates.iter().map(|(arn, one)| (arn.clone(), one.tags.clone())).collect()
    }

    /// Makes a certificate without being asked by a client; its ARN.
    pub fn plant(&mut self, planted: Planted, now: f64) -> String {
        let not_after = now + planted.not_after_s.unwrap_or(VALID_S);
        let default = if not_after <= now { "EXPIRED" } else { "ISSUED" };
        let status = planted.status.unwrap_or_else(|| default.to_owned());
        let was_issued = matches!(status.as_str(), "ISSUED" | "EXPIRED" | "REVOKED" | "INACTIVE");
        let mut names = vec![planted.domain];
        for name in planted.sans {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let issued_at = was_issued.then_some((not_after - VALID_S).min(now));
        let certificate = Certificate {
            names,
            key_algorithm: planted.key_algorithm.unwrap_or_else(|| "RSA_2048".to_owned()),
            status,
            method: Some("DNS".to_owned()),
            created_at: issued_at.unwrap_or(now),
            proven_at: None,
            issued_at,
            not_after: was_issued.then_some(not_after),
            tags: planted.tags,
            sequence: 0,
        };
        self.keep(certificate)
    }

    fn keep(&mut self, mut certificate: Certificate) -> String {
        self.used += 1;
        certificate.sequence = self.used;
        let digits = sha256_hex(&format!("{}#{}", self.place.arn_of("acm", ""), self.used));
        let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
        let id = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-");
        let arn = self.place.arn_of("acm", &format!("certificate/{id}"));
        self.certificates.insert(arn.clone(), certificate);
        arn
    }

    fn certificate(&self, arn: &str) -> Answer<&Certificate> {
        self.certificates.get(arn).ok_or_else(|| {
            let message = format!("Could not find certificate {arn} in account {}.", self.place.account);
            Refusal::new("ResourceNotFoundException", message)
        })
    }
}

/// The CNAME that proves a name: one for a name and its wildcard, the same in all requests of an account.
pub fn record(account: &str, name: &str) -> (String, String) {
    let domain = name.strip_prefix("*.").unwrap_or(name);
    let digest = sha256_hex(&format!("{account} {domain}"));
    let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
    (format!("_{}.{domain}.", part(0, 32)), format!("_{}.{}.acm-validations.aws.", part(32, 64), part(0, 10)))
}

fn arn_of(input: &Value) -> Answer<&str> {
    let arn = text(input, "CertificateArn").unwrap_or_default();
    if arn.starts_with("arn:") && arn.contains(":acm:") && arn.contains(":certificate/") {
        return Ok(arn);
    }
    Err(Refusal::new("InvalidArnException", format!("Invalid ARN: '{arn}'")))
}
