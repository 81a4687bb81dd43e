//! Certificates as they are described and listed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Acm, Answer, Certificate, RECORD_S, Uses, record};
use crate::aws::error::Refusal;
use crate::ecs::ids::{Place, sha256_hex};
use crate::ecs::json::{default_to, text, texts, time, without_nulls};

/// What is listed when the caller does not ask for key types.
const DEFAULT_KEYS: [&str; 2] = ["RSA_1024", "RSA_2048"];

impl Certificate {
    pub(super) fn show(
        &self,
        arn: &str,
        place: &Place,
        used_by: Option<&BTreeSet<String>>,
        now: f64,
    ) -> Value {
        let first = self.names.first().cloned().unwrap_or_default();
        let digest = sha256_hex(arn);
        let serial: Vec<&str> = (0..16).filter_map(|at| digest.get(at * 2..at * 2 + 2)).collect();
        let options: Vec<Value> = self.names.iter().map(|name| self.option(place, name, now)).collect();
        let failure = matches!(self.status.as_str(), "FAILED").then_some("ADDITIONAL_VERIFICATION_REQUIRED");
        let shown = json!({
            "CertificateArn": arn,
            "DomainName": first,
            "SubjectAlternativeNames": self.names,
            "DomainValidationOptions": options,
            "Serial": self.issued_at.map(|_| serial.join(":")),
            "Subject": format!("CN={first}"),
            "Issuer": self.issued_at.map(|_| "Amazon"),
            "CreatedAt": time(self.created_at),
            "IssuedAt": self.issued_at.map(time),
            "Status": self.status,
            "FailureReason": failure,
            "NotBefore": self.issued_at.map(time),
            "NotAfter": self.not_after.map(time),
            "KeyAlgorithm": self.key_algorithm,
            "SignatureAlgorithm": if self.key_algorithm.starts_with("EC_") { "SHA256WITHECDSA" } else { "SHA256WITHRSA" },
            "InUseBy": used_by,
            "Type": "AMAZON_ISSUED",
            "KeyUsages": self.issued_at.map(|_| json!([{"Name": "DIGITAL_SIGNATURE"}, {"Name": "KEY_ENCIPHERMENT"}])),
            "ExtendedKeyUsages":
                self.issued_at.map(|_| json!([{"Name": "TLS_WEB_SERVER_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.1"}])),
            "RenewalEligibility": if used_by.is_some() { "ELIGIBLE" } else { "INELIGIBLE" },
            "Options": {"CertificateTransparencyLoggingPreference": "ENABLED", "Export": "DISABLED"},
        });
        let mut shown = without_nulls(&shown);
        if let Some(members) = shown.as_object_mut() {
            default_to(members, "InUseBy", json!([]));
        }
        shown
    }

    /// How one name is proven.
    fn option(&self, place: &Place, name: &str, now: f64) -> Value {
        let status = match self.status.as_str() {
            "PENDING_VALIDATION" => "PENDING_VALIDATION",
            "FAILED" | "VALIDATION_TIMED_OUT" => "FAILED",
            _ => "SUCCESS",
        };
        let (record_name, value) = record(&place.account, name);
        let dns = self.method.as_deref() == Some("DNS") && now >= self.created_at + RECORD_S;
        let shown = dns.then(|| json!({"Name": record_name, "Type": "CNAME", "Value": value}));
        json!({
            "DomainName": name,
            "ValidationDomain": name,
            "ValidationStatus": status,
            "ValidationMethod": self.method,
            "ResourceRecord": shown,
        })
    }

    fn summary(&self, arn: &str, in_use: bool) -> Value {
        without_nulls(&json!({
            "CertificateArn": arn,
            "DomainName": self.names.first(),
            "SubjectAlternativeNameSummaries": self.names,
            "HasAdditionalSubjectAlternativeNames": false,
            "Status": self.status,
            "Type": "AMAZON_ISSUED",
            "KeyAlgorithm": self.key_algorithm,
            "KeyUsages": if self.issued_at.is_some() { json!(["DIGITAL_SIGNATURE", "KEY_ENCIPHERMENT"]) } else { json!([]) },
            "ExtendedKeyUsages": if self.issued_at.is_some() { json!(["TLS_WEB_SERVER_AUTHENTICATION"]) } else { json!([]) },
            "ExportOption": "DISABLED",
            "InUse": in_use,
            "RenewalEligibility": if in_use { "ELIGIBLE" } else { "INELIGIBLE" },
            "NotBefore": self.issued_at.map(time),
            "NotAfter": self.not_after.map(time),
            "CreatedAt": time(self.created_at),
            "IssuedAt": self.issued_at.map(time),
        }))
    }
}

impl Acm {
    pub(super) fn list(&self, input: &Value, uses: &Uses) -> Answer {
        let invalid = |message: &str| Refusal::new("ValidationException", message);
        let statuses = texts(input, "CertificateStatuses");
        let includes = input.get("Includes").cloned().unwrap_or_default();
        let mut keys = texts(&includes, "keyTypes");
        if keys.is_empty() {
            keys.extend(DEFAULT_KEYS);
        }
        let size = input.get("MaxItems").and_then(Value::as_u64).unwrap_or(1000);
        if !(1..=1000).contains(&size) {
            return Err(invalid("MaxItems must be between 1 and 1000"));
        }
        let size = usize::try_from(size).unwrap_or(1000);
        let from = match text(input, "NextToken") {
            None => 0,
            Some(token) => token.parse::<usize>().map_err(|_| invalid("The NextToken is not valid."))?,
        };
        let mut found: Vec<_> = self
            .certificates
            .iter()
            .filter(|(_, one)| statuses.is_empty() || statuses.contains(&one.status.as_str()))
            .filter(|(_, one)| keys.contains(&one.key_algorithm.as_str()))
            .collect();
        found.sort_by_key(|(_, one)| one.sequence);
        let shown: Vec<Value> = found
            .iter()
            .skip(from)
            .take(size)
            .map(|(arn, one)| one.summary(arn, uses.contains_key(arn.as_str())))
            .collect();
        let end = from.saturating_add(shown.len());
        let next = (end < found.len()).then(|| end.to_string());
        Ok(without_nulls(&json!({ "CertificateSummaryList": shown, "NextToken": next })))
    }
}
