//! Certificates: requested, proven in a zone of any account, listed, used and deleted.

use std::time::{Duration, Instant};

use aws_sdk_acm::Client as Acm;
use aws_sdk_acm::types::{
    CertificateDetail, CertificateStatus, Filters, KeyAlgorithm, ResourceRecord, Tag, ValidationMethod,
};
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, RrType};
use serde_json::json;

use super::super::account::block;
use super::web::{Web, plant};
use super::{Bench, assert_refused, control};

async fn look(acm: &Acm, arn: &str) -> CertificateDetail {
    acm.describe_certificate().certificate_arn(arn).send().await.unwrap().certificate().unwrap().clone()
}

/// Waits until something is true of a certificate.
async fn wait(acm: &Acm, arn: &str, done: impl Fn(&CertificateDetail) -> bool) -> CertificateDetail {
    let started = Instant::now();
    loop {
        let detail = look(acm, arn).await;
        if done(&detail) {
            return detail;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{detail:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The record that proves the first name, once it is shown.
async fn record(acm: &Acm, arn: &str) -> ResourceRecord {
    let of = |detail: &CertificateDetail| detail.domain_validation_options()[0].resource_record().cloned();
    of(&wait(acm, arn, |detail| of(detail).is_some()).await).unwrap()
}

/// A change that makes the record.
fn creation(record: &ResourceRecord) -> ChangeBatch {
    let value = aws_sdk_route53::types::ResourceRecord::builder().value(record.value()).build().unwrap();
    let set = aws_sdk_route53::types::ResourceRecordSet::builder()
        .name(record.name())
        .r#type(RrType::Cname)
        .ttl(300)
        .resource_records(value);
    let change = Change::builder().action(ChangeAction::Create).resource_record_set(set.build().unwrap());
    ChangeBatch::builder().changes(change.build().unwrap()).build().unwrap()
}

#[test]
fn a_certificate_is_issued_when_its_record_is_in_a_public_zone_of_another_account() {
    block(async {
        let (bench, other) = (Bench::empty(), Bench::new());
        let acm = Acm::new(&bench.config);
        let request = |token: &str, domain: &str| {
            let request =
                acm.request_certificate().domain_name(domain).subject_alternative_names("*.example.com");
            request.validation_method(ValidationMethod::Dns).idempotency_token(token).send()
        };
        let made = request("one", "example.com").await.unwrap();
        let again = request("one", "example.com").await.unwrap();
        assert_eq!(made.certificate_arn(), again.certificate_arn());
        assert_refused(request("one", "example.org").await, "InvalidParameterException");
        let arn = made.certificate_arn().unwrap();
        assert_eq!(look(&acm, arn).await.status(), Some(&CertificateStatus::PendingValidation));
        let record = record(&acm, arn).await;
        let dns = aws_sdk_route53::Client::new(&other.config);
        let zone = other.seed["public_zone_id"].as_str().unwrap();
        let publish = dns.change_resource_record_sets().hosted_zone_id(zone).change_batch(creation(&record));
        publish.send().await.unwrap();
        let issued = wait(&acm, arn, |one| one.status() == Some(&CertificateStatus::Issued)).await;
        assert!(issued.not_after().is_some() && issued.issued_at().is_some());
        assert_eq!(issued.subject_alternative_names(), ["example.com", "*.example.com"]);
    });
}

#[test]
fn a_certificate_in_use_says_by_whom_and_stays() {
    block(async {
        let web = Web::new().await;
        let acm = Acm::new(&web.bench.config);
        assert_eq!(look(&acm, &web.certificate).await.in_use_by(), std::slice::from_ref(&web.balancer));
        let delete = || acm.delete_certificate().certificate_arn(&web.certificate).send();
        assert_refused(delete().await, "ResourceInUseException");
        web.elb.delete_load_balancer().load_balancer_arn(&web.balancer).send().await.unwrap();
        delete().await.unwrap();
        assert_refused(delete().await, "ResourceNotFoundException");
    });
}

#[test]
fn certificates_are_listed_by_status_and_key_and_in_pages() {
    block(async {
        let bench = Bench::empty();
        let acm = Acm::new(&bench.config);
        let wildcard = plant(&bench.world, json!({"domain": "*.example.com", "tags": {"team": "web"}}));
        plant(&bench.world, json!({"domain": "a.example.com", "key_algorithm": "EC_prime256v1"}));
        plant(&bench.world, json!({"domain": "b.example.com", "not_after_s": -60.0}));
        plant(&bench.world, json!({"domain": "c.example.com", "status": "FAILED"}));
        let listed =
            acm.list_certificates().certificate_statuses(CertificateStatus::Issued).send().await.unwrap();
        let [only] = listed.certificate_summary_list() else { panic!("{listed:?}") };
        assert_eq!((only.domain_name(), only.in_use()), (Some("*.example.com"), Some(false)));
        assert!(only.not_after().is_some());
        let keys = Filters::builder().key_types(KeyAlgorithm::EcPrime256v1).build();
        let listed = acm.list_certificates().includes(keys).send().await.unwrap();
        assert_eq!(listed.certificate_summary_list()[0].domain_name(), Some("a.example.com"));
        let pages = acm.list_certificates().into_paginator().page_size(2).items().send();
        assert_eq!(pages.collect::<Result<Vec<_>, _>>().await.unwrap().len(), 3);
        let tags = acm.list_tags_for_certificate().certificate_arn(&wildcard).send().await.unwrap();
        assert_eq!(tags.tags(), [Tag::builder().key("team").value("web").build().unwrap()]);
        let (status, said) =
            control("acm/certificates", &json!({"domain": "a.example.com", "status": "GONE"}));
        assert_eq!((status, said.contains("`GONE` is not one of PENDING_VALIDATION")), (400, true), "{said}");
    });
}
