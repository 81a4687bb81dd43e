//! One fact of Route 53 a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Balancers, Dns, NewZone, Page, RecordSet, names};

struct Bench {
    dns: Dns,
    zone: String,
    balancers: Balancers,
}

fn new_zone(name: &str, reference: &str, vpc: Option<&str>) -> NewZone {
    NewZone {
        name: name.into(),
        reference: reference.into(),
        comment: None,
        vpc: vpc.map(|vpc| ("us-east-1".into(), vpc.into())),
    }
}

fn id_of(made: &Value) -> String {
    made["HostedZone"]["Id"].as_str().unwrap().trim_start_matches("/hostedzone/").to_owned()
}

fn set(name: &str, kind: &str, value: &str) -> RecordSet {
    RecordSet::of(name, kind, "60", &[value])
}

fn alias(name: &str, zone: &str, target: &str) -> RecordSet {
    RecordSet {
        ttl: None,
        values: Vec::new(),
        alias: Some((zone.to_owned(), names::stored(target), "false".into())),
        ..set(name, "A", "")
    }
}

impl Bench {
    /// A public zone `example.com`.
    fn new() -> Self {
        let mut dns = Dns::new("123456789012");
        let made = dns.create_zone(new_zone("example.com", "1", None), &BTreeSet::new(), 0.0).unwrap();
        Self { zone: id_of(&made), dns, balancers: BTreeMap::new() }
    }

    fn change(&mut self, changes: &[(&str, RecordSet)]) -> Result<Value, String> {
        let changes: Vec<_> =
            changes.iter().map(|(action, set)| ((*action).to_owned(), set.clone())).collect();
        let answer = self.dns.change_records(&self.zone, &changes, &self.balancers, 0.0);
        answer.map_err(|refusal| format!("{}: {}", refusal.code, refusal.message))
    }

    fn ok(&mut self, changes: &[(&str, RecordSet)]) {
        self.change(changes).unwrap_or_else(|said| panic!("{said}"));
    }

    #[track_caller]
    fn refuses(&mut self, action: &str, set: RecordSet, expected: &str) {
        let said = self.change(&[(action, set)]).expect_err("must be refused");
        assert!(said.contains(expected), "{said:?} instead of {expected:?}");
    }

    fn list(&self, page: &Page) -> Vec<String> {
        let listed = self.dns.list_records(&self.zone, page).unwrap();
        let sets = listed["ResourceRecordSets"].as_array().unwrap().clone();
        sets.iter()
            .map(|one| format!("{} {}", one["Name"].as_str().unwrap(), one["Type"].as_str().unwrap()))
            .collect()
    }
}

#[test]
fn names_are_stored_once_and_shown_escaped() {
    assert_eq!(names::stored("*.Example.com"), "*.example.com.");
    assert_eq!(names::stored("\\052.example.com."), "*.example.com.");
    assert_eq!(names::shown("*.a_b.example.com."), "\\052.a_b.example.com.");
    assert!(names::is_within("a.example.com.", "example.com."));
    assert!(!names::is_within("aexample.com.", "example.com."));
}

#[test]
fn what_exists_is_not_created_and_what_differs_is_not_deleted() {
    let mut bench = Bench::new();
    let www = || set("www.example.com", "A", "10.0.0.1");
    bench.ok(&[("CREATE", www())]);
    let spelled = "resource record set [name='www.example.com.', type='A']";
    bench.refuses(
        "CREATE",
        www(),
        &format!("InvalidChangeBatch: [Tried to create {spelled} but it already exists]"),
    );
    let other = set("www.example.com", "A", "10.0.0.2");
    let expected =
        format!("Tried to delete {spelled} but the values provided do not match the current values");
    bench.refuses("DELETE", other.clone(), &expected);
    bench.refuses("DELETE", set("w.example.com", "A", "10.0.0.1"), "but it was not found");
    bench.ok(&[("UPSERT", other.clone())]);
    bench.ok(&[("DELETE", other.clone()), ("CREATE", www())]);
    bench.ok(&[("DELETE", www())]);
    bench.refuses("DELETE", www(), "but it was not found");
}

#[test]
fn the_order_of_values_has_no_meaning_for_a_deletion() {
    let mut bench = Bench::new();
    bench.ok(&[("CREATE", RecordSet::of("www.example.com", "A", "60", &["10.0.0.1", "10.0.0.2"]))]);
    bench.refuses(
        "DELETE",
        RecordSet::of("www.example.com", "A", "61", &["10.0.0.1", "10.0.0.2"]),
        "do not match",
    );
    bench.ok(&[("DELETE", RecordSet::of("www.example.com", "A", "60", &["10.0.0.2", "10.0.0.1"]))]);
}

#[test]
fn a_batch_is_applied_whole_or_not_at_all() {
    let mut bench = Bench::new();
    let said = bench
        .change(&[
            ("CREATE", set("a.example.com", "A", "10.0.0.1")),
            ("CREATE", set("a.example.org", "A", "10.0.0.1")),
            ("DELETE", set("b.example.com", "A", "10.0.0.1")),
        ])
        .unwrap_err();
    assert!(
        said.contains("RRSet with DNS name a.example.org. is not permitted in zone example.com."),
        "{said}"
    );
    assert!(said.contains("b.example.com."), "every fault is told: {said}");
    assert_eq!(bench.list(&Page::default()), ["example.com. NS", "example.com. SOA"]);
}

#[test]
fn a_cname_stands_alone_and_never_at_the_apex() {
    let mut bench = Bench::new();
    bench.ok(&[("CREATE", set("www.example.com", "A", "10.0.0.1"))]);
    let conflict = "RRSet of type CNAME with DNS name www.example.com. is not permitted as it conflicts with other records";
    bench.refuses("UPSERT", set("www.example.com", "CNAME", "a.example.org"), conflict);
    bench.ok(&[("CREATE", set("c.example.com", "CNAME", "a.example.org"))]);
    bench.refuses("CREATE", set("c.example.com", "TXT", "\"a\""), "RRSet of type TXT");
    bench.refuses(
        "CREATE",
        set("example.com", "CNAME", "a.example.org"),
        "is not permitted at apex in zone example.com.",
    );
    bench.refuses("DELETE", RecordSet::of("example.com", "SOA", "900", &["x"]), "do not match");
}

#[test]
fn values_and_requests_are_checked() {
    let mut bench = Bench::new();
    bench.refuses("CREATE", set("a.example.com", "A", "10.0.0.256"), "ARRDATAIllegalIPv4Address");
    bench.refuses(
        "CREATE",
        set("a.example.com", "TXT", "bare"),
        "Value should be enclosed in quotation marks",
    );
    bench.refuses("CREATE", set("a.example.com", "NOPE", "x"), "InvalidInput");
    bench.refuses("REPLACE", set("a.example.com", "A", "10.0.0.1"), "InvalidInput");
    let nothing = RecordSet { ttl: None, values: Vec::new(), ..set("a.example.com", "A", "") };
    bench.refuses("CREATE", nothing, "InvalidInput: Invalid request: Expected exactly one of [AliasTarget");
    assert_eq!(bench.dns.list_records("Z9", &Page::default()).unwrap_err().code, "NoSuchHostedZone");
    assert!(bench.change(&[]).unwrap_err().starts_with("InvalidInput"));
}

#[test]
fn an_alias_names_a_load_balancer_that_exists_in_its_zone() {
    let mut bench = Bench::new();
    let name = "web-1.us-east-1.elb.amazonaws.com";
    bench.refuses("CREATE", alias("a.example.com", "Z35", name), "but that target was not found");
    bench.balancers.insert(name.into(), "Z35".into());
    bench.refuses("CREATE", alias("a.example.com", "Z36", name), "does not lie within the target zone");
    bench.ok(&[("CREATE", alias("a.example.com", "Z35", &format!("dualstack.{name}.")))]);
    bench.balancers.clear();
    let zone = bench.zone.clone();
    bench.ok(&[("CREATE", alias("b.example.com", &zone, "a.example.com"))]);
    bench.refuses("CREATE", alias("c.example.com", &zone, "none.example.com"), "that target was not found");
    bench.refuses("DELETE", alias("a.example.com", "Z35", name), "do not match");
    bench.ok(&[("DELETE", alias("a.example.com", "Z35", &format!("dualstack.{name}")))]);
}

#[test]
fn records_are_listed_by_reversed_labels_and_in_pages() {
    let mut bench = Bench::new();
    bench.ok(&[
        ("CREATE", set("z.example.com", "A", "10.0.0.1")),
        ("CREATE", set("a.b.example.com", "A", "10.0.0.1")),
        ("CREATE", set("b.example.com", "TXT", "\"x\"")),
        ("CREATE", set("b.example.com", "A", "10.0.0.1")),
        ("CREATE", set("*.example.com", "A", "10.0.0.1")),
    ]);
    let all = [
        "example.com. NS",
        "example.com. SOA",
        "\\052.example.com. A",
        "b.example.com. A",
        "b.example.com. TXT",
        "a.b.example.com. A",
        "z.example.com. A",
    ];
    assert_eq!(bench.list(&Page::default()), all);
    let mut page = Page { size: Some("2".into()), ..Page::default() };
    let mut seen = Vec::new();
    loop {
        seen.extend(bench.list(&page));
        let listed = bench.dns.list_records(&bench.zone, &page).unwrap();
        if listed["IsTruncated"] == false {
            break;
        }
        let text = |key: &str| listed[key].as_str().map(str::to_owned);
        page = Page { name: text("NextRecordName"), kind: text("NextRecordType"), ..page };
    }
    assert_eq!(seen, all);
    let from = |name: &str, kind: Option<&str>| {
        bench.list(&Page { name: Some(name.into()), kind: kind.map(str::to_owned), ..Page::default() })
    };
    assert_eq!(from("b.example.com", Some("TXT")), all[4..]);
    assert_eq!(from("\\052.example.com", None), all[2..]);
    let kind_alone = Page { kind: Some("A".into()), ..Page::default() };
    assert_eq!(bench.dns.list_records(&bench.zone, &kind_alone).unwrap_err().code, "InvalidInput");
}

#[test]
fn zones_are_listed_in_pages_and_a_private_one_shows_its_vpc() {
    let mut bench = Bench::new();
    let vpcs = BTreeSet::from(["vpc-1".to_owned()]);
    let private = bench.dns.create_zone(new_zone("example.com", "2", Some("vpc-1")), &vpcs, 0.0).unwrap();
    bench.dns.create_zone(new_zone("a.org", "3", None), &vpcs, 0.0).unwrap();
    let shown = bench.dns.get_zone(&id_of(&private)).unwrap();
    assert_eq!(shown["VPCs"][0]["VPCId"], "vpc-1");
    assert_eq!(shown["HostedZone"]["Config"]["PrivateZone"], true);
    assert!(bench.dns.get_zone(&bench.zone).unwrap()["VPCs"].is_null());
    let first = bench.dns.list_zones(None, Some("2"), false).unwrap();
    assert_eq!(
        (first["HostedZones"].as_array().unwrap().len(), &first["IsTruncated"]),
        (2, &Value::from(true))
    );
    let rest = bench.dns.list_zones(first["NextMarker"].as_str(), Some("2"), false).unwrap();
    assert_eq!(
        (rest["HostedZones"].as_array().unwrap().len(), &rest["IsTruncated"]),
        (1, &Value::from(false))
    );
    let by_name = bench.dns.list_zones_by_name(Some("a.org"), None, Some("1")).unwrap();
    assert_eq!(
        (&by_name["HostedZones"][0]["Name"], &by_name["IsTruncated"]),
        (&"a.org.".into(), &false.into())
    );
    assert_eq!(bench.dns.list_zones_by_vpc("vpc-1")["HostedZoneSummaries"].as_array().unwrap().len(), 1);
    let code = |dns: &mut Dns, new: NewZone| dns.create_zone(new, &vpcs, 0.0).unwrap_err().code;
    assert_eq!(code(&mut bench.dns, new_zone("b.org", "3", None)), "HostedZoneAlreadyExists");
    assert_eq!(code(&mut bench.dns, new_zone("b.org", "4", Some("vpc-9"))), "InvalidVPCId");
    assert_eq!(code(&mut bench.dns, new_zone("example.com", "5", Some("vpc-1"))), "ConflictingDomainExists");
}

#[test]
fn a_zone_with_records_stays_and_a_change_is_in_sync_after_a_moment() {
    let mut bench = Bench::new();
    let change = bench.change(&[("CREATE", set("a.example.com", "CNAME", "b.example.org"))]).unwrap();
    let id = change["ChangeInfo"]["Id"].as_str().unwrap().to_owned();
    assert_eq!(bench.dns.change(&id, 0.1).unwrap()["ChangeInfo"]["Status"], "PENDING");
    assert_eq!(bench.dns.change(&id, 1.0).unwrap()["ChangeInfo"]["Status"], "INSYNC");
    assert_eq!(bench.dns.change("/change/C9", 1.0).unwrap_err().code, "NoSuchChange");
    assert_eq!(bench.dns.published(), BTreeSet::from([("a.example.com.".into(), "b.example.org.".into())]));
    let vpcs = BTreeSet::from(["vpc-1".to_owned()]);
    let private = bench.dns.create_zone(new_zone("example.com", "2", Some("vpc-1")), &vpcs, 0.0).unwrap();
    let hidden = [("CREATE".to_owned(), set("hidden.example.com", "CNAME", "b.example.org"))];
    bench.dns.change_records(&id_of(&private), &hidden, &BTreeMap::new(), 0.0).unwrap();
    assert_eq!(bench.dns.published().len(), 1, "a private zone publishes nothing");
    let zone = bench.zone.clone();
    assert_eq!(bench.dns.delete_zone(&zone, 0.0).unwrap_err().code, "HostedZoneNotEmpty");
    bench.ok(&[("DELETE", set("a.example.com", "CNAME", "b.example.org"))]);
    bench.dns.delete_zone(&zone, 0.0).unwrap();
    assert_eq!(bench.dns.delete_zone(&zone, 0.0).unwrap_err().code, "NoSuchHostedZone");
}
