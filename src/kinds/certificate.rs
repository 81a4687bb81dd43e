//! `certificate`: an ACM certificate for one domain, validated by a DNS record. Whoever uses it waits until it is issued.

use std::time::Duration;

use aws_sdk_acm::types::{CertificateDetail, CertificateStatus, ResourceRecord, Tag, ValidationMethod};
use serde::{Deserialize, Serialize};

use super::common::{Tags, built, missing_tags, outputs, part, resource_of, token};
use super::{Kind, Seen, Want};
use crate::aws::{Aws, Retry, WAIT_LIMIT, absent, call, retrying, until};
use crate::model::{CallError, Locator, Outputs, Replace, Rules};
use crate::stack::marker::plain;
use crate::stack::web::slug;
use crate::stack::{Stack, owner, ownership, tags};

/// The kind.
pub struct Certificate;

/// An ACM certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// The domain that it is for, which ACM never changes.
    pub domain: String,
    /// It is issued or can still be: one that failed, expired or was revoked never comes back.
    pub valid: bool,
    /// Its tags.
    pub tags: Tags,
}

/// A listener that is gone is forgotten by ACM after a while.
const IN_USE: Retry = Retry { on: &[("ResourceInUseException", "")], limit: WAIT_LIMIT };

/// How long ACM is given to tell the record that validates a certificate.
const TELLS: Duration = Duration::from_mins(2);
/// How many looks for a certificate are in vain (about 20 seconds) until it is taken for one that was deleted.
const LOOKS: u32 = 8;
/// How many tokens are tried: one is remembered for an hour, with a certificate that may have failed or be deleted by now.
const ROUNDS: u32 = 5;

impl Kind for Certificate {
    const KIND: &'static str = "certificate";
    const RULES: Rules = Rules {
        replace_on: &["domain", "valid"],
        replace: Replace::MakeFirst,
        outputs: &["arn", "validation_name", "validation_value"],
        reads: &["acm:DescribeCertificate", "acm:ListTagsForCertificate"],
        writes: &["acm:RequestCertificate", "acm:AddTagsToCertificate", "acm:DeleteCertificate"],
        ..Rules::new("ACM certificate")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        let wants = stack.web.certificates.iter().map(|(domain, own)| {
            let at = stack.names.at(Self::KIND, &slug(domain), domain);
            let mut tags = ownership(&stack.name, &at.address, &stack.tags);
            tags.insert(tags::ZONES.to_owned(), tags::value(&stack.web.zones_tag([&own.zone].into_iter())));
            let attrs = Attrs { domain: domain.clone(), valid: true, tags };
            Want { at: Locator { id: own.arn.clone(), ..at }, attrs, after: Vec::new() }
        });
        wants.collect()
    }

    fn locate(arn: &str, at: &Locator) -> Option<Locator> {
        resource_of(arn, "acm")?.strip_prefix("certificate/")?;
        // The ARN does not hold the domain; the address does.
        let domain = at.address.name().replace('_', "*");
        Some(Locator { name: domain, id: Some(arn.to_owned()), ..at.clone() })
    }

    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        // A domain may have any number of certificates.
        let Some(arn) = &at.id else { return Ok(None) };
        let Some(found) = describe(aws, arn).await? else { return Ok(None) };
        let request = aws.certificates.list_tags_for_certificate().certificate_arn(arn);
        let answer = call("acm:ListTagsForCertificate", request.send()).await;
        let Some(answer) = absent(answer, &["ResourceNotFoundException"])? else { return Ok(None) };
        let tags: Tags = answer
            .tags()
            .iter()
            .map(|tag| (tag.key().to_owned(), tag.value().unwrap_or_default().to_owned()))
            .collect();
        Ok(Some(Seen {
            owner: owner(&tags, at),
            outputs: given(arn, record(&found)),
            attrs: Attrs {
                domain: found.domain_name().map(plain).unwrap_or_default(),
                valid: is_valid(&found),
                tags,
            },
        }))
    }

    async fn create(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        const OP: &str = "acm:RequestCertificate";
        let tags = to_acm(&want.tags)?;
        for round in 0..ROUNDS {
            let request = aws.certificates.request_certificate().domain_name(&want.domain);
            let request = request
                .validation_method(ValidationMethod::Dns)
                .idempotency_token(token(at, want, round))
                .set_tags(Some(tags.clone()));
            let made = call("acm:RequestCertificate", request.send()).await?;
            let arn = part(OP, made.certificate_arn(), "CertificateArn")?;
            if let Some(outputs) = told(aws, arn).await? {
                return Ok(outputs);
            }
        }
        let domain = &want.domain;
        Err(CallError::local(
            OP,
            format!("ACM answers with old certificates of `{domain}`, which are of no use any more"),
        ))
    }

    async fn update(
        aws: &Aws,
        _at: &Locator,
        seen: &Seen<Attrs>,
        want: &Attrs,
    ) -> Result<Outputs, CallError> {
        let tags = missing_tags(&seen.attrs.tags, &want.tags);
        if !tags.is_empty() {
            let arn = part("acm:AddTagsToCertificate", seen.outputs.get("arn"), "CertificateArn")?;
            let request = aws.certificates.add_tags_to_certificate().certificate_arn(arn);
            call("acm:AddTagsToCertificate", request.set_tags(Some(to_acm(&tags)?)).send()).await?;
        }
        Ok(seen.outputs.clone())
    }

    async fn delete(aws: &Aws, _at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        let arn = part("acm:DeleteCertificate", seen.outputs.get("arn"), "CertificateArn")?;
        let deleted = retrying(IN_USE, || {
            call("acm:DeleteCertificate", aws.certificates.delete_certificate().certificate_arn(arn).send())
        })
        .await;
        absent(deleted, &["ResourceNotFoundException"])?;
        Ok(())
    }
}

/// The outputs of a certificate that was just requested, once ACM tells how it is validated; `None` when it is an old one of no
/// use.
async fn told(aws: &Aws, arn: &str) -> Result<Option<Outputs>, CallError> {
    let mut looks = 0;
    until("acm:DescribeCertificate", "the answer of ACM how to validate the certificate", TELLS, || {
        looks += 1;
        let deleted = looks >= LOOKS;
        async move {
            Ok(match describe(aws, arn).await? {
                Some(found) if !is_valid(&found) => Some(None),
                Some(found) => record(&found).map(|record| Some(given(arn, Some(record)))),
                None => deleted.then_some(None),
            })
        }
    })
    .await
}

async fn describe(aws: &Aws, arn: &str) -> Result<Option<CertificateDetail>, CallError> {
    let request = aws.certificates.describe_certificate().certificate_arn(arn);
    let answer = call("acm:DescribeCertificate", request.send()).await;
    let answer = absent(answer, &["ResourceNotFoundException"])?;
    Ok(answer.and_then(|answer| answer.certificate))
}

fn is_valid(found: &CertificateDetail) -> bool {
    !matches!(
        found.status(),
        Some(
            CertificateStatus::Failed
                | CertificateStatus::Expired
                | CertificateStatus::Revoked
                | CertificateStatus::ValidationTimedOut
        )
    )
}

/// The record that validates it; ACM needs some seconds to tell.
fn record(found: &CertificateDetail) -> Option<&ResourceRecord> {
    found.domain_validation_options().first()?.resource_record()
}

fn given(arn: &str, record: Option<&ResourceRecord>) -> Outputs {
    let mut given = outputs([("arn", arn)]);
    if let Some(record) = record {
        let (name, value) = (plain(record.name()), plain(record.value()));
        given.extend(outputs([("validation_name", &name), ("validation_value", &value)]));
    }
    given
}

fn to_acm(tags: &Tags) -> Result<Vec<Tag>, CallError> {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    tags.map(|tag| built("acm:AddTagsToCertificate", tag)).collect()
}
