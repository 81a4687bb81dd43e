//! One fact of Certificate Manager a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::needless_pass_by_value, reason = "`json!` is written where the value is used")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Acm, Uses, record};

const ACCOUNT: &str = "123456789012";

struct Bench {
    acm: Acm,
    now: f64,
    uses: Uses,
    published: BTreeSet<(String, String)>,
}

impl Bench {
    fn new() -> Self {
        let acm = Acm::new(ACCOUNT, "us-east-1");
        Self { acm, now: 1_800_000_000.0, uses: BTreeMap::new(), published: BTreeSet::new() }
    }

    fn ok(&mut self, operation: &str, input: Value) -> Value {
        self.acm.settle(&self.published, self.now);
        let answer = self.acm.call(operation, &input, &self.uses, self.now);
        answer.unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
    }

    #[track_caller]
    fn refuses(&mut self, operation: &str, input: Value, code: &str) {
        let refusal = self.acm.call(operation, &input, &self.uses, self.now).expect_err("must be refused");
        assert_eq!(refusal.code, code, "{}", refusal.message);
    }

    fn request(&mut self, domain: &str, sans: &[&str]) -> String {
        let input = json!({"DomainName": domain, "SubjectAlternativeNames": sans, "ValidationMethod": "DNS"});
        self.ok("RequestCertificate", input)["CertificateArn"].as_str().unwrap().to_owned()
    }

    fn look(&mut self, arn: &str) -> Value {
        self.ok("DescribeCertificate", json!({ "CertificateArn": arn }))["Certificate"].clone()
    }

    fn plant(&mut self, planted: Value) -> String {
        self.acm.plant(serde_json::from_value(planted).unwrap(), self.now)
    }
}

#[test]
fn a_certificate_is_issued_a_moment_after_all_its_records_are_published() {
    let mut bench = Bench::new();
    let arn = bench.request("example.com", &["*.example.com", "shop.example.com"]);
    let option = bench.look(&arn)["DomainValidationOptions"][0].clone();
    assert!(option.get("ResourceRecord").is_none(), "{option}");
    bench.now += 0.25;
    let shown = bench.look(&arn);
    let record_of = |at: usize| shown["DomainValidationOptions"][at]["ResourceRecord"].clone();
    assert_eq!(record_of(0), record_of(1), "a name and its wildcard share their record");
    assert_eq!(record_of(0)["Type"], "CNAME");
    for at in [0, 2] {
        assert_eq!(bench.look(&arn)["Status"], "PENDING_VALIDATION", "{at}");
        let text = |key: &str| record_of(at)[key].as_str().unwrap().to_owned();
        bench.published.insert((text("Name"), text("Value")));
        bench.now += 1.0;
    }
    assert_eq!(bench.look(&arn)["Status"], "PENDING_VALIDATION", "seen now for the first time");
    bench.now += 0.4;
    let shown = bench.look(&arn);
    assert_eq!((&shown["Status"], &shown["Issuer"]), (&json!("ISSUED"), &json!("Amazon")));
    assert_eq!(shown["DomainValidationOptions"][2]["ValidationStatus"], "SUCCESS");
    bench.published.clear();
    assert_eq!(bench.look(&arn)["Status"], "ISSUED");
}

#[test]
fn a_record_with_another_value_proves_nothing_and_patience_ends_after_three_days() {
    let mut bench = Bench::new();
    let arn = bench.request("example.com", &[]);
    bench.published.insert((record(ACCOUNT, "example.com").0, record("999999999999", "example.com").1));
    bench.look(&arn);
    bench.now += 10.0;
    assert_eq!(bench.look(&arn)["Status"], "PENDING_VALIDATION");
    bench.now += 72.0 * 3600.0;
    assert_eq!(bench.look(&arn)["Status"], "VALIDATION_TIMED_OUT");
}

#[test]
fn a_token_makes_one_certificate_within_an_hour() {
    let mut bench = Bench::new();
    let request =
        |domain: &str| json!({"DomainName": domain, "IdempotencyToken": "one", "ValidationMethod": "DNS"});
    let first = bench.ok("RequestCertificate", request("example.com"));
    bench.now += 3000.0;
    assert_eq!(bench.ok("RequestCertificate", request("example.com")), first);
    bench.refuses("RequestCertificate", request("example.org"), "InvalidParameterException");
    bench.now += 700.0;
    assert_ne!(bench.ok("RequestCertificate", request("example.com")), first);
}

#[test]
fn requests_are_checked() {
    let mut bench = Bench::new();
    let request = |domain: &str| json!({ "DomainName": domain, "ValidationMethod": "DNS" });
    for bad in ["", "example", "a_b.example.com", "-a.example.com", "a.*.example.com", "example.com."] {
        bench.refuses("RequestCertificate", request(bad), "ValidationException");
    }
    let sans: Vec<String> = (0..10).map(|n| format!("a{n}.example.com")).collect();
    let many = json!({"DomainName": "example.com", "SubjectAlternativeNames": sans});
    bench.refuses("RequestCertificate", many, "LimitExceededException");
    let key = json!({"DomainName": "example.com", "KeyAlgorithm": "RSA_4096"});
    bench.refuses("RequestCertificate", key, "InvalidParameterException");
    let tag = json!({"DomainName": "example.com", "Tags": [{"Key": "aws:x", "Value": "1"}]});
    bench.refuses("RequestCertificate", tag, "InvalidTagException");
}

#[test]
fn a_certificate_in_use_stays() {
    let mut bench = Bench::new();
    let arn = bench.plant(json!({"domain": "*.example.com"}));
    bench.uses.insert(arn.clone(), BTreeSet::from(["arn:lb".to_owned()]));
    assert_eq!(bench.look(&arn)["InUseBy"], json!(["arn:lb"]));
    bench.refuses("DeleteCertificate", json!({ "CertificateArn": arn }), "ResourceInUseException");
    bench.uses.clear();
    assert_eq!(bench.look(&arn)["InUseBy"], json!([]));
    bench.ok("DeleteCertificate", json!({ "CertificateArn": arn }));
    bench.refuses("DescribeCertificate", json!({ "CertificateArn": arn }), "ResourceNotFoundException");
    bench.refuses("DescribeCertificate", json!({ "CertificateArn": "nonsense" }), "InvalidArnException");
}

#[test]
fn only_small_rsa_keys_are_listed_unless_other_keys_are_asked_for() {
    let mut bench = Bench::new();
    bench.plant(json!({"domain": "a.example.com", "sans": ["b.example.com"]}));
    bench.plant(json!({"domain": "ec.example.com", "key_algorithm": "EC_prime256v1"}));
    bench.plant(json!({"domain": "old.example.com", "not_after_s": -60.0}));
    bench.plant(json!({"domain": "bad.example.com", "status": "FAILED"}));
    let names = |bench: &mut Bench, input: Value| -> Vec<String> {
        let listed = bench.ok("ListCertificates", input);
        let all = listed["CertificateSummaryList"].as_array().unwrap().clone();
        all.iter().map(|one| one["DomainName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&mut bench, json!({})), ["a.example.com", "old.example.com", "bad.example.com"]);
    let keys =
        json!({"Includes": {"keyTypes": ["EC_prime256v1", "RSA_2048"]}, "CertificateStatuses": ["ISSUED"]});
    assert_eq!(names(&mut bench, keys), ["a.example.com", "ec.example.com"]);
    assert_eq!(names(&mut bench, json!({"CertificateStatuses": ["EXPIRED"]})), ["old.example.com"]);
    let first = bench.ok("ListCertificates", json!({"MaxItems": 2}));
    let summary = &first["CertificateSummaryList"][0];
    assert_eq!(summary["SubjectAlternativeNameSummaries"], json!(["a.example.com", "b.example.com"]));
    assert_eq!((&summary["InUse"], &summary["Type"]), (&json!(false), &json!("AMAZON_ISSUED")));
    let rest = json!({"MaxItems": 2, "NextToken": first["NextToken"]});
    assert_eq!(names(&mut bench, rest), ["bad.example.com"]);
}

#[test]
fn an_issued_certificate_ends() {
    let mut bench = Bench::new();
    let arn = bench.plant(json!({"domain": "example.com", "not_after_s": 60.0}));
    assert_eq!(bench.look(&arn)["Status"], "ISSUED");
    bench.now += 61.0;
    assert_eq!(bench.look(&arn)["Status"], "EXPIRED");
}

#[test]
fn tags_are_kept_changed_and_counted() {
    let mut bench = Bench::new();
    let input = json!({"DomainName": "example.com", "Tags": [{"Key": "app", "Value": "shop"}]});
    let arn = bench.ok("RequestCertificate", input)["CertificateArn"].clone();
    let with = |tags: Value| json!({"CertificateArn": arn, "Tags": tags});
    bench.ok("AddTagsToCertificate", with(json!([{"Key": "b", "Value": "1"}])));
    bench.ok("RemoveTagsFromCertificate", with(json!([{"Key": "b", "Value": "2"}, {"Key": "app"}])));
    let tags = bench.ok("ListTagsForCertificate", json!({ "CertificateArn": arn }));
    assert_eq!(tags["Tags"], json!([{"Key": "b", "Value": "1"}]));
    let many: Vec<Value> = (0..50).map(|n| json!({"Key": format!("k{n}")})).collect();
    bench.refuses("AddTagsToCertificate", with(json!(many)), "TooManyTagsException");
}
