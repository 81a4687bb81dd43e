//! `RequestCertificate`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Acm, Answer, Certificate, tags};
use crate::aws::error::Refusal;
use crate::ecs::json::{text, texts};

/// How long a token is remembered, in seconds.
const TOKEN_S: f64 = 3600.0;

/// Names of a certificate ("Quotas" of the user guide).
const MOST_NAMES: usize = 10;

impl Acm {
    pub(super) fn request(&mut self, input: &Value, now: f64) -> Answer {
        let token = text(input, "IdempotencyToken").unwrap_or_default();
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if token.len() > 32 || !token.chars().all(legal) {
            return Err(pattern(token, "idempotencyToken", "\\w+"));
        }
        let names = names(input)?;
        let method = text(input, "ValidationMethod").unwrap_or("EMAIL");
        let key = text(input, "KeyAlgorithm").unwrap_or("RSA_2048");
        if !matches!(method, "DNS" | "EMAIL") {
            return Err(pattern(method, "validationMethod", "[EMAIL, DNS, HTTP]"));
        }
        if !matches!(key, "RSA_2048" | "EC_prime256v1" | "EC_secp384r1") {
            let message = format!("The key algorithm {key} is not supported for public certificates.");
            return Err(Refusal::new("InvalidParameterException", message));
        }
        let new_tags = tags::given(input)?;
        tags::count(&BTreeMap::new(), &new_tags)?;
        self.tokens.retain(|(_, _, _, at)| now < at + TOKEN_S);
        if let Some((_, before, arn, _)) = self.tokens.iter().find(|(known, ..)| known == token) {
            if before == input {
                return Ok(json!({ "CertificateArn": arn }));
            }
            return Err(Refusal::new(
                "InvalidParameterException",
                format!("The idempotency token {token} was used with other parameters within the last hour."),
            ));
        }
        let arn = self.keep(Certificate {
            names,
            key_algorithm: key.to_owned(),
            status: "PENDING_VALIDATION".to_owned(),
            method: Some(method.to_owned()),
            created_at: now,
            proven_at: None,
            issued_at: None,
            not_after: None,
            tags: new_tags,
            sequence: 0,
        });
        if !token.is_empty() {
            self.tokens.push((token.to_owned(), input.clone(), arn.clone(), now));
        }
        Ok(json!({ "CertificateArn": arn }))
    }
}

/// All names of a request, each once and in lower case.
fn names(input: &Value) -> Answer<Vec<String>> {
    let first = text(input, "DomainName").unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for (at, name) in std::iter::once(first).chain(texts(input, "SubjectAlternativeNames")).enumerate() {
        let key = if at == 0 { "domainName" } else { "subjectAlternativeNames" };
        if !is_domain(name) {
            let rule =
                "(\\*\\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])";
            return Err(pattern(name, key, rule));
        }
        let name = name.to_ascii_lowercase();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if first.len() > 64 {
        let message = format!("The domain name {first} is longer than 64 characters.");
        return Err(Refusal::new("InvalidParameterException", message));
    }
    if names.len() > MOST_NAMES {
        let message = format!("The certificate request has {} names, more than {MOST_NAMES}.", names.len());
        return Err(Refusal::new("LimitExceededException", message));
    }
    Ok(names)
}

fn is_domain(name: &str) -> bool {
    let bare = name.strip_prefix("*.").unwrap_or(name);
    let legal = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && bare.contains('.') && bare.split('.').all(legal)
}

fn pattern(value: &str, key: &str, rule: &str) -> Refusal {
    Refusal::new(
        "ValidationException",
        format!(
            "1 validation error detected: Value '{value}' at '{key}' failed to satisfy constraint: Member must satisfy \
             {rule}"
        ),
    )
}
