//! One test for each row of the tables of certificates, hosted zones and target groups.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use super::certificates::{Known, choose, covered, judge, keepers};
use super::found::{Detail, HostedZone, Issued, Ours, TargetGroup};
use super::target_names::{self, Need};
use super::testing::{config, group, ours};
use super::zones::{Zones, of_record, public};
use crate::lookup::Problem;
use crate::stack::facts::CertificateFact;
use crate::stack::web::Scheme::{Internal, Public};
use crate::stack::web::Zone;

const DOMAIN: &str = "shop.example.com";

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn issued(arn: &str, of: &[&str], not_after: i64) -> Issued {
    Issued { arn: arn.into(), names: names(of), not_after, ..Issued::default() }
}

fn own(arn: &str, status: &str) -> Detail {
    Detail { arn: arn.into(), names: names(&[DOMAIN]), status: status.into(), validation: None }
}

fn zone(id: &str, name: &str) -> Zone {
    Zone { id: id.into(), name: name.into() }
}

fn known<'a>(own: &[&'a Detail], issued: &'a [Issued]) -> Known<'a> {
    let zone = Some(zone("Z1", "example.com"));
    Known { domain: DOMAIN, own: own.to_vec(), issued, zone, ..Known::default() }
}

#[track_caller]
fn own_arn(fact: CertificateFact) -> Option<String> {
    match fact {
        CertificateFact::Own(own) => own.arn,
        CertificateFact::Found(arn) => panic!("found {arn}"),
    }
}

fn found(arn: &str) -> CertificateFact {
    CertificateFact::Found(arn.to_owned())
}

#[test]
fn a_wildcard_stands_for_exactly_one_label() {
    let wildcard = names(&["*.example.com"]);
    assert!(covered(&wildcard, "shop.example.com"));
    assert!(covered(&wildcard, "Shop.Example.com"));
    assert!(covered(&wildcard, "*.example.com"));
    assert!(!covered(&wildcard, "a.shop.example.com"));
    assert!(!covered(&wildcard, "example.com"));
    assert!(covered(&names(&["example.com", "a.shop.example.com"]), "a.shop.example.com"));
}

#[test]
fn the_stacks_own_certificate_stays_as_long_as_it_lives() {
    let others = [issued("other", &[DOMAIN], 9)];
    for status in ["ISSUED", "PENDING_VALIDATION"] {
        assert_eq!(own_arn(choose(&known(&[&own("own", status)], &others)).unwrap()), Some("own".into()));
    }
    for status in ["FAILED", "EXPIRED", "REVOKED", "VALIDATION_TIMED_OUT"] {
        assert_eq!(choose(&known(&[&own("own", status)], &others)).unwrap(), found("other"), "{status}");
        assert_eq!(own_arn(choose(&known(&[&own("own", status)], &[])).unwrap()), None, "{status}");
    }
    let two = [own("a", "PENDING_VALIDATION"), own("b", "ISSUED")];
    assert_eq!(own_arn(choose(&known(&[&two[0], &two[1]], &[])).unwrap()), Some("b".into()));
}

#[test]
fn of_those_that_cover_the_domain_the_attached_one_is_taken_then_the_one_that_lasts_longest() {
    let all = [
        issued("c", &["*.example.com"], 5),
        issued("a", &[DOMAIN], 7),
        issued("b", &["example.com", DOMAIN], 7),
        issued("z", &["example.com"], 9),
        Issued { is_private: true, ..issued("p", &[DOMAIN], 9) },
    ];
    assert_eq!(choose(&known(&[], &all)).unwrap(), found("a"));
    let attached = Known { attached: BTreeSet::from(["c", "z"]), ..known(&[], &all) };
    assert_eq!(choose(&attached).unwrap(), found("c"));
}

#[test]
fn without_one_a_new_one_is_requested_where_there_is_a_zone_to_prove_the_domain() {
    let fact = choose(&known(&[], &[issued("z", &["example.com"], 9)])).unwrap();
    let CertificateFact::Own(own) = fact else { panic!("{fact:?}") };
    assert_eq!((own.arn, own.zone.id.as_str(), own.validation), (None, "Z1", None));
}

#[test]
fn without_a_certificate_and_a_zone_the_remedies_are_named() {
    let all = [issued("arn:z", &["example.com", "www.example.com"], 9)];
    let route = vec!["domain".to_owned(), "0".to_owned()];
    let problem = choose(&Known { zone: None, route: route.clone(), ..known(&[], &all) }).unwrap_err();
    insta::assert_snapshot!(format!("{problem}\nhint: {}", problem.hint), @r"
    no issued certificate covers `shop.example.com`, and there is no public hosted zone to prove that the domain is yours for a new one
      arn:z  example.com, www.example.com
    hint: name one in `certificate_arn`, or name the zone in `route53.zone_id` (of another account: `route53.role_arn` or `route53.profile`)
    ");
    assert_eq!((problem.key.as_deref(), problem.route), (Some("certificate_arn"), route));
    let problem = choose(&Known { zone: None, no_records: true, ..known(&[], &[]) }).unwrap_err();
    assert_eq!(problem.hint, "name one in `certificate_arn`, or remove `route53.records`");
}

#[test]
fn without_records_an_own_certificate_is_of_use_only_when_it_is_issued() {
    let tag = Some(zone("Z2", "example.com"));
    let (pending, good) = (own("own", "PENDING_VALIDATION"), own("own", "ISSUED"));
    let without = |own| Known { zone: None, own_zone: tag.clone(), no_records: true, ..known(&[own], &[]) };
    assert!(choose(&without(&pending)).is_err());
    let CertificateFact::Own(kept) = choose(&without(&good)).unwrap() else { panic!("not its own") };
    assert_eq!((kept.zone.id.as_str(), kept.validated_elsewhere), ("Z2", true));
}

#[test]
fn one_record_that_validates_a_domain_and_its_wildcard_is_of_the_domain() {
    let all = keepers(["*.b.example", "*.example.com", "a.example.com", "example.com"].into_iter());
    assert_eq!(all["example.com"], "example.com");
    assert_eq!(all["b.example"], "*.b.example");
    assert_eq!(all["a.example.com"], "a.example.com");
}

#[test]
fn the_certificate_that_is_named_must_be_there_issued_and_cover_everything() {
    let arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1";
    let said = |found: Option<&Detail>, domains: &[&str]| {
        let problem = judge(arn, "eu-west-1", found, domains).unwrap_err();
        assert_eq!((problem.key.as_deref(), problem.route.len()), (Some("certificate_arn"), 1));
        problem.what
    };
    let good = Detail { names: names(&["example.com", "*.example.com"]), ..own(arn, "ISSUED") };
    assert_eq!(judge(arn, "eu-west-1", Some(&good), &[DOMAIN, "example.com"]), Ok(()));
    insta::assert_snapshot!(said(None, &[DOMAIN]), @"there is no certificate `arn:aws:acm:eu-west-1:123456789012:certificate/1`");
    insta::assert_snapshot!(said(Some(&own(arn, "PENDING_VALIDATION")), &[DOMAIN]), @"the certificate `arn:aws:acm:eu-west-1:123456789012:certificate/1` is not issued: its status is PENDING_VALIDATION");
    insta::assert_snapshot!(said(Some(&good), &[DOMAIN, "a.b.example.com", "example.org"]), @"the certificate `arn:aws:acm:eu-west-1:123456789012:certificate/1` covers *.example.com, example.com, but not `a.b.example.com`, `example.org`");
    let far = judge(arn, "us-east-1", None, &[DOMAIN]).unwrap_err();
    assert_eq!(
        far.what,
        format!("the certificate `{arn}` is in eu-west-1, and the load balancer is in us-east-1")
    );
}

fn hosted(id: &str, name: &str, is_private: bool) -> HostedZone {
    HostedZone { id: id.into(), name: name.into(), is_private }
}

/// The zone of `shop.example.com`'s record, where these private zones answer in the VPC.
fn record(
    all: &[HostedZone],
    here: &[&str],
    named: Option<&str>,
    scheme: crate::stack::web::Scheme,
) -> Result<String, Problem> {
    let vpc = |zone: &HostedZone| {
        let vpcs = if here.contains(&zone.id.as_str()) { names(&["vpc-1"]) } else { names(&["vpc-0"]) };
        (zone.id.clone(), vpcs)
    };
    let vpcs: BTreeMap<String, BTreeSet<String>> =
        all.iter().filter(|zone| zone.is_private).map(vpc).collect();
    let zones = Zones { all, vpcs: &vpcs, vpc: "vpc-1", named };
    of_record(zones, DOMAIN, scheme, &["domain".to_owned(), "0".to_owned()]).map(|zone| zone.id)
}

#[test]
fn the_zone_with_the_longest_name_is_taken_of_the_kind_that_the_load_balancer_has() {
    let all = [
        hosted("Z1", "example.com", false),
        hosted("Z2", "shop.example.com", false),
        hosted("Z3", "hop.example.com", false),
        hosted("Z4", "example.com", true),
        hosted("Z5", "com", true),
    ];
    assert_eq!(record(&all, &["Z4", "Z5"], None, Public).unwrap(), "Z2");
    assert_eq!(record(&all[..1], &[], None, Public).unwrap(), "Z1");
    assert_eq!(record(&all, &["Z4", "Z5"], None, Internal).unwrap(), "Z4");
    assert_eq!(
        record(&all, &["Z5"], None, Internal).unwrap(),
        "Z5",
        "the other one does not answer in the VPC"
    );
}

#[test]
fn two_zones_of_one_name_are_not_told_apart() {
    let all =
        [hosted("Z1", "example.com", false), hosted("Z2", "example.com", false), hosted("Z3", "com", false)];
    let problem = record(&all, &[], None, Public).unwrap_err();
    insta::assert_snapshot!(problem, @r"
    2 public hosted zones could hold the records of `shop.example.com`
      Z1  example.com  public
      Z2  example.com  public
    ");
    assert_eq!(problem.key.as_deref(), Some("route53.zone_id"));
    let all = [hosted("Z1", "example.com", true), hosted("Z2", "example.com", true)];
    assert!(record(&all, &["Z1", "Z2"], None, Internal).unwrap_err().what.starts_with("2 private"));
    assert_eq!(record(&all, &["Z2"], None, Internal).unwrap(), "Z2");
}

#[test]
fn without_a_zone_those_that_there_are_and_the_remedies_are_listed() {
    let problem = record(&[hosted("Z1", "example.org", false)], &[], None, Public).unwrap_err();
    insta::assert_snapshot!(format!("{problem}\nhint: {}", problem.hint), @r"
    there is no public hosted zone for `shop.example.com`
      Z1  example.org  public
    hint: create one, name the account that has it with `route53.role_arn` or `route53.profile`, or set `route53.records: false` to make the records by other means
    ");
    let problem = record(&[hosted("Z1", "example.com", false)], &[], None, Internal).unwrap_err();
    assert!(problem.hint.contains("name one of these in `route53.zone_id`"), "{}", problem.hint);
    let problem = record(&[hosted("Z1", "example.com", true)], &[], None, Internal).unwrap_err();
    insta::assert_snapshot!(problem, @r"
    no private hosted zone for `shop.example.com` answers in the VPC `vpc-1`, where the load balancer is
      Z1  example.com  private
    ");
}

#[test]
fn the_zone_that_is_named_must_fit() {
    let all = [
        hosted("Z1", "example.com", false),
        hosted("Z2", "example.org", false),
        hosted("Z3", "example.com", true),
    ];
    assert_eq!(record(&all, &["Z3"], Some("Z1"), Public).unwrap(), "Z1");
    assert_eq!(
        record(&all, &["Z3"], Some("Z1"), Internal).unwrap(),
        "Z1",
        "private addresses in a public zone"
    );
    assert_eq!(record(&all, &["Z3"], Some("Z3"), Internal).unwrap(), "Z3");
    let said = |id: &str, scheme| record(&all, &[], Some(id), scheme).unwrap_err().what;
    insta::assert_snapshot!(said("Z9", Public), @"the account that is asked has no hosted zone `Z9`");
    insta::assert_snapshot!(said("Z2", Public), @"the hosted zone `Z2` is of `example.org`, which `shop.example.com` is not below");
    insta::assert_snapshot!(said("Z3", Public), @"the hosted zone `Z3` of `example.com` is private, and the load balancer of `shop.example.com` is public");
    insta::assert_snapshot!(said("Z3", Internal), @"the hosted zone `Z3` of `example.com` does not answer in the VPC `vpc-1`");
}

#[test]
fn a_certificate_is_validated_in_a_public_zone_whatever_holds_the_record() {
    let all =
        [hosted("Z1", "example.com", false), hosted("Z2", "com", false), hosted("Z3", "example.com", true)];
    let none = BTreeMap::new();
    let of = |named| {
        let zones = Zones { all: &all, vpcs: &none, vpc: "vpc-1", named };
        public(zones, DOMAIN).unwrap().map(|zone| zone.id)
    };
    assert_eq!(of(None).as_deref(), Some("Z1"));
    assert_eq!(of(Some("Z2")).as_deref(), Some("Z2"));
    assert_eq!(of(Some("Z3")).as_deref(), Some("Z1"));
}

const ONE: &str =
    "{app: {name: shop}, domain: shop.example.com, tasks: {web: {type: http, image: 'shop:v1'}}}";

/// The name for the task `web` behind the load balancer `lb`.
fn target(all: &[TargetGroup], ours: &Ours, text: &str) -> String {
    let need = Need { task: "web", port: 80, vpc: "vpc-1", balancer: Some("lb"), balancer_name: "main" };
    target_names::choose(all, ours, &config(text), need)
}

#[test]
fn a_target_group_has_the_base_name_when_it_is_free_or_fits() {
    assert_eq!(target(&[], &Ours::default(), ONE), "shop-web-tg");
    assert_eq!(target(&[group("shop-web-tg", &["lb"])], &Ours::default(), ONE), "shop-web-tg");
    let named = ONE.replace("'shop:v1'", "'shop:v1', target_group_name: front");
    assert_eq!(target(&[group("shop-tg", &[])], &Ours::default(), &named), "front");
}

#[test]
fn the_target_group_of_app_fargate_stack_is_taken_over_by_the_only_web_service() {
    let before = [group("shop-tg", &["lb"])];
    assert_eq!(target(&before, &Ours::default(), ONE), "shop-tg");
    let two = "{app: {name: shop}, domain: shop.example.com, tasks: {web: {type: http, image: 'shop:v1'}, api: {type: http, path: '/api/*', image: 'shop:v1'}}}";
    assert_eq!(target(&before, &Ours::default(), two), "shop-web-tg");
    assert_eq!(target(&[group("shop-tg", &["other"])], &Ours::default(), ONE), "shop-web-tg");
}

#[test]
fn an_own_target_group_that_fits_keeps_its_name() {
    let all = [group("shop-web-tg", &[]), group("shop-web-tg-0a1b2c", &["lb"])];
    let both = ours(&[(&all[0].arn, "target_group.web", &[]), (&all[1].arn, "target_group.web", &[])]);
    assert_eq!(target(&all, &both, ONE), "shop-web-tg-0a1b2c", "the one in use, after an interrupted move");
    let one = ours(&[(&all[1].arn, "target_group.web", &[])]);
    assert_eq!(target(&all, &one, ONE), "shop-web-tg-0a1b2c");
    // Unless the configuration chooses another one.
    let named = ONE.replace("'shop:v1'", "'shop:v1', target_group_name: front");
    assert_eq!(target(&all, &both, &named), "front");
    let taken = TargetGroup { port: Some(1), ..group("front", &[]) };
    let beside = target(&[all[0].clone(), taken.clone()], &both, &named);
    assert!(beside.starts_with("front-"), "{beside}");
    let made = group(&beside, &["lb"]);
    let own = ours(&[(&made.arn, "target_group.web", &[])]);
    assert_eq!(target(std::slice::from_ref(&made), &own, &named), beside, "which stays, as it does its work");
}

#[test]
fn what_cannot_be_changed_makes_another_target_group_under_another_name() {
    let unfit = [
        TargetGroup { port: Some(8080), ..group("shop-web-tg", &["lb"]) },
        TargetGroup { vpc: "vpc-2".into(), ..group("shop-web-tg", &[]) },
        TargetGroup { protocol: "HTTPS".into(), ..group("shop-web-tg", &[]) },
        TargetGroup { version: "GRPC".into(), ..group("shop-web-tg", &[]) },
        TargetGroup { target_type: "instance".into(), ..group("shop-web-tg", &[]) },
        group("shop-web-tg", &["another"]),
    ];
    for one in unfit {
        let ours = ours(&[(&one.arn, "target_group.web", &[])]);
        let name = target(std::slice::from_ref(&one), &ours, ONE);
        assert!(name.starts_with("shop-web-tg-") && name.len() <= 32, "{name} beside {one:?}");
        assert_eq!(target(&[one.clone(), group(&name, &["lb"])], &ours, ONE), name, "and it is found again");
        let taken = target(&[one, TargetGroup { port: Some(1), ..group(&name, &[]) }], &ours, ONE);
        assert!(taken != name && taken.starts_with("shop-web-tg-"), "{taken}");
    }
}
