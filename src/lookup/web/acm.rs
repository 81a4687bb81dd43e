//! What ACM says.

use aws_sdk_acm::types::{
    CertificateDetail, CertificateStatus, CertificateSummary, CertificateType, Filters, KeyAlgorithm,
};

use super::found::{Detail, Issued};
use crate::aws::{Aws, absent, call};
use crate::model::CallError;

/// The IAM actions of this file.
pub const READS: &[&str] = &["acm:ListCertificates", "acm:DescribeCertificate"];

/// Without naming them, only RSA certificates of 1024 and 2048 bits are listed (ACM API reference, `Filters`).
const KEY_TYPES: [KeyAlgorithm; 7] = [
    KeyAlgorithm::Rsa1024,
    KeyAlgorithm::Rsa2048,
    KeyAlgorithm::Rsa3072,
    KeyAlgorithm::Rsa4096,
    KeyAlgorithm::EcPrime256v1,
    KeyAlgorithm::EcSecp384r1,
    KeyAlgorithm::EcSecp521r1,
];

/// The issued certificates of the region.
pub async fn issued(aws: &Aws) -> Result<Vec<Issued>, CallError> {
    let of_all = Filters::builder().set_key_types(Some(KEY_TYPES.to_vec())).build();
    let ask =
        aws.certificates.list_certificates().certificate_statuses(CertificateStatus::Issued).includes(of_all);
    let pages = ask.into_paginator().items().send().collect::<Result<Vec<_>, _>>();
    Ok(call("acm:ListCertificates", pages).await?.iter().map(summary).collect())
}

/// One certificate in full; `None` when there is none.
pub async fn describe(aws: &Aws, arn: &str) -> Result<Option<Detail>, CallError> {
    let sent = aws.certificates.describe_certificate().certificate_arn(arn).send();
    let found = absent(call("acm:DescribeCertificate", sent).await, &["ResourceNotFoundException"])?;
    Ok(found.and_then(|found| found.certificate).as_ref().map(detail))
}

fn summary(found: &CertificateSummary) -> Issued {
    let more = found.subject_alternative_name_summaries().iter().map(String::as_str);
    Issued {
        arn: found.certificate_arn().unwrap_or_default().to_owned(),
        names: found.domain_name().into_iter().chain(more).map(str::to_ascii_lowercase).collect(),
        has_more: found.has_additional_subject_alternative_names().unwrap_or_default(),
        not_after: found.not_after().map(aws_sdk_acm::primitives::DateTime::secs).unwrap_or_default(),
        is_private: found.r#type() == Some(&CertificateType::Private),
    }
}

fn detail(found: &CertificateDetail) -> Detail {
    let domain = found.domain_name().unwrap_or_default();
    let more = found.subject_alternative_names().iter().map(String::as_str);
    let of_domain = found.domain_validation_options().iter().find(|one| one.domain_name() == domain);
    let record = of_domain.and_then(|one| one.resource_record());
    let bare = |name: &str| name.trim_end_matches('.').to_owned();
    Detail {
        arn: found.certificate_arn().unwrap_or_default().to_owned(),
        names: Some(domain).into_iter().chain(more).map(str::to_ascii_lowercase).collect(),
        status: found.status().map(CertificateStatus::as_str).unwrap_or_default().to_owned(),
        validation: record.map(|record| (bare(record.name()), record.value().to_owned())),
    }
}
