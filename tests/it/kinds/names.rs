//! Certificates and DNS records: made, found again, taken back, and never anybody else's.

use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use fargate_stack::aws::inventory::Inventory;
use fargate_stack::config;
use fargate_stack::engine::{PlanError, Request};
use fargate_stack::kinds;
use fargate_stack::model::{Action, Locator, Owner, Resource};
use fargate_stack::stack::Names;
use serde_json::{Value, json};

use super::Flow;
use crate::harness::World;

const STACK: &str = "
app: {name: names}
tasks:
  web:
    type: https
    image: http-test:latest
    domain: [www.example.com, '*.www.example.com', example.com]
";
const WWW: &str = "dns_record.www.example.com";
const VALIDATION: &str = "dns_record.www.example.com-validation";

fn is_name(address: &str) -> bool {
    address.starts_with("certificate.") || address.starts_with("dns_record.")
}

/// A flow whose load balancer is there.
async fn flow() -> Flow {
    let mut flow = Flow::with(World::new(), STACK).await;
    flow.make_some(|address| address == "security_group.alb-public" || address == "load_balancer.public")
        .await;
    flow
}

/// A flow in which all names are there.
async fn complete() -> Flow {
    let mut flow = flow().await;
    flow.make_some(is_name).await;
    place(&mut flow);
    flow
}

/// Puts the ids that were given where the lookups find them.
fn place(flow: &mut Flow) {
    for want in &mut flow.wanted {
        let given = flow.known.get(&want.at.address.to_string());
        match (want.at.address.kind(), given) {
            ("certificate", Some(given)) => want.at.id = Some(given["arn"].clone()),
            ("dns_record", Some(given)) => want.at.name = given["name"].clone(),
            _ => {}
        }
    }
}

fn names(flow: &Flow) -> Vec<Resource> {
    let names = flow.wanted.iter().filter(|want| is_name(&want.at.address.to_string()));
    names.cloned().collect()
}

fn zone(want: &Resource) -> String {
    want.at.parent.as_deref().unwrap().split('/').next().unwrap().to_owned()
}

fn set(name: &str, kind: RrType, value: &str) -> ResourceRecordSet {
    let value = ResourceRecord::builder().value(value).build().unwrap();
    ResourceRecordSet::builder().name(name).r#type(kind).ttl(60).resource_records(value).build().unwrap()
}

/// The record as somebody makes it by hand in the console.
fn by_hand(flow: &Flow, name: &str) -> ResourceRecordSet {
    let given = &flow.known["load_balancer.public"];
    let to = format!("dualstack.{}.", given["dns_name"].to_uppercase());
    let to =
        AliasTarget::builder().dns_name(to).hosted_zone_id(&given["zone_id"]).evaluate_target_health(true);
    let record = ResourceRecordSet::builder().name(name).r#type(RrType::A);
    record.alias_target(to.build().unwrap()).build().unwrap()
}

async fn change(flow: &Flow, zone: &str, action: ChangeAction, set: ResourceRecordSet) {
    let change = Change::builder().action(action).resource_record_set(set).build().unwrap();
    let batch = ChangeBatch::builder().changes(change).build().unwrap();
    flow.aws.dns.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch).send().await.unwrap();
}

/// Every record of a zone but those that the zone was made with.
async fn records(flow: &Flow, zone: &str) -> Vec<ResourceRecordSet> {
    let listed = flow.aws.dns.list_resource_record_sets().hosted_zone_id(zone).send().await.unwrap();
    let sets = listed.resource_record_sets().iter();
    sets.filter(|set| !matches!(set.r#type(), RrType::Ns | RrType::Soa)).cloned().collect()
}

async fn lines(flow: &Flow, zone: &str) -> Vec<String> {
    let sets = records(flow, zone).await;
    sets.iter().map(|set| format!("{} {}", set.name(), set.r#type())).collect()
}

async fn marker(flow: &Flow, want: &Resource) -> Option<ResourceRecordSet> {
    let name = want.at.name.strip_suffix(".example.com").unwrap();
    let name = format!("{name}.names._fargate-stack.example.com.");
    records(flow, &zone(want)).await.into_iter().find(|set| set.name() == name)
}

/// What the stack has, as a plan finds it.
async fn traced(flow: &Flow) -> Vec<Locator> {
    let config = config::parse("fargate-stack.yml", STACK).unwrap();
    let tagged = Inventory::new(&flow.aws, "fargate-stack:stack", "names");
    let owned = kinds::owned(&flow.aws, &Names::new(&config), tagged.all().await.unwrap()).await.unwrap();
    owned.into_iter().filter(|at| at.address.kind() == "dns_record").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_read_back_what_was_wanted_and_are_made_once() {
    let mut flow = complete().await;
    let first = flow.known.clone();
    for want in names(&flow) {
        let seen = flow.same(&want, &flow.resolved(&want)).await;
        assert_eq!(seen.outputs, flow.known[&want.at.address.to_string()], "{}", want.at.address);
    }
    flow.world.forget_calls();
    flow.make_some(is_name).await;
    assert_eq!(flow.known, first);
    for want in names(&flow) {
        let seen = flow.seen(&want).await;
        flow.driver(&want).update(&want.at, &seen, flow.resolved(&want)).await.unwrap();
    }
    // The same token finds the same certificate; ACM makes no second one.
    let mut effects = flow.effects();
    effects.remove("acm:RequestCertificate");
    assert_eq!(effects.into_keys().collect::<Vec<_>>(), [] as [&str; 0]);
    let listed = flow.aws.certificates.list_certificates().send().await.unwrap();
    assert_eq!(listed.certificate_summary_list().len(), 3);

    for want in names(&flow).iter().rev() {
        let (address, driver) = (&want.at.address, flow.driver(want));
        let Some(seen) = driver.read(&want.at).await.unwrap() else { panic!("no {address}") };
        driver.delete(&want.at, &seen).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        assert_eq!(driver.read(&want.at).await.unwrap(), None, "{address} is still there");
        driver.delete(&want.at, &seen).await.unwrap_or_else(|error| panic!("{address} again: {error}"));
    }
    assert_eq!(lines(&flow, &zone(&flow.want(WWW))).await, [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_whose_answer_is_lost_is_not_made_twice() {
    for kind in ["timeout_after", "drop", "error500", "throttle"] {
        let mut flow = flow().await;
        flow.fault("acm", "RequestCertificate", kind);
        flow.fault("route53", "ChangeResourceRecordSets", kind);
        flow.make_some(is_name).await;
        place(&mut flow);
        for want in names(&flow) {
            flow.same(&want, &flow.resolved(&want)).await;
        }
        let listed = flow.aws.certificates.list_certificates().send().await.unwrap();
        assert_eq!(listed.certificate_summary_list().len(), 3, "{kind}");
        let struck = flow.world.calls().into_iter().filter(|call| !call["fault"].is_null()).count();
        assert_eq!(struck, 2, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_failed_is_replaced_and_one_without_tags_is_nobodys() {
    let mut flow = flow().await;
    let tags =
        json!({"fargate-stack:stack": "names", "fargate-stack:address": "certificate.www.example.com"});
    let plant = |tags: &Value| {
        let failed = json!({"account": flow.world.account, "domain": "www.example.com", "status": "FAILED", "tags": tags});
        flow.world.control("POST", "acm/certificates", &failed)["arn"].as_str().unwrap().to_owned()
    };
    let (ours, theirs) = (plant(&tags), plant(&json!({"team": "other"})));
    let mut want = flow.want("certificate.www.example.com");
    want.at.id = Some(ours.clone());
    let request = Request { wanted: vec![want.clone()], ..Request::default() };
    let plan = fargate_stack::engine::plan(&flow.registry, request).await.unwrap();
    assert_eq!(plan.changes[0].action, Action::Replace);
    let seen = flow.seen(&want).await;
    flow.make_some(|address| address == "certificate.www.example.com").await;
    assert_ne!(flow.known["certificate.www.example.com"]["arn"], ours);
    flow.driver(&want).delete(&want.at, &seen).await.unwrap();
    assert_eq!(flow.driver(&want).read(&want.at).await.unwrap(), None);

    want.at.id = Some(theirs);
    assert_eq!(flow.seen(&want).await.owner, Owner::Nobody);
    want.at.id = None;
    assert_eq!(flow.driver(&want).read(&want.at).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_and_its_marker_come_and_go_in_one_batch() {
    let mut flow = flow().await;
    flow.world.forget_calls();
    flow.make_some(|address| address == WWW).await;
    let want = flow.want(WWW);
    assert_eq!(flow.effects()["route53:ChangeResourceRecordSets"], 1);
    assert_eq!(
        lines(&flow, &zone(&want)).await,
        ["www.names._fargate-stack.example.com. TXT", "www.example.com. A"]
    );
    flow.world.forget_calls();
    let seen = flow.seen(&want).await;
    flow.driver(&want).delete(&want.at, &seen).await.unwrap();
    assert_eq!(flow.effects()["route53:ChangeResourceRecordSets"], 1);
    assert_eq!(lines(&flow, &zone(&want)).await, [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_somebody_that_leads_elsewhere_is_refused_and_stays() {
    let flow = flow().await;
    let want = flow.want(WWW);
    let elsewhere = [
        (set("www.example.com", RrType::A, "192.0.2.1"), "`192.0.2.1`"),
        (set("www.example.com", RrType::Cname, "shop.example.net"), "`shop.example.net`"),
    ];
    for (record, named) in elsewhere {
        change(&flow, &zone(&want), ChangeAction::Create, record.clone()).await;
        let request = Request { wanted: vec![want.clone()], ..Request::default() };
        let refused = fargate_stack::engine::plan(&flow.registry, request).await.unwrap_err();
        assert!(matches!(refused, PlanError::Unfit { .. }), "{refused}");
        let refused = flow.driver(&want).create(&want.at, flow.resolved(&want)).await.unwrap_err();
        assert!(refused.message.contains(named), "{refused}");
        assert_eq!(records(&flow, &zone(&want)).await, [record.clone()].map(dotted));
        change(&flow, &zone(&want), ChangeAction::Delete, record).await;
    }
}

fn dotted(mut set: ResourceRecordSet) -> ResourceRecordSet {
    set.name.push('.');
    set
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_of_nobody_that_leads_to_the_load_balancer_is_adopted() {
    let flow = flow().await;
    let want = flow.want(WWW);
    change(&flow, &zone(&want), ChangeAction::Create, by_hand(&flow, "www.example.com")).await;
    let request = Request {
        wanted: vec![Resource { attrs: flow.resolved(&want), ..want.clone() }],
        ..Request::default()
    };
    let plan = fargate_stack::engine::plan(&flow.registry, request).await.unwrap();
    assert_eq!(plan.changes[0].action, Action::Adopt);
    let seen = flow.seen(&want).await;
    flow.driver(&want).update(&want.at, &seen, flow.resolved(&want)).await.unwrap();
    flow.same(&want, &flow.resolved(&want)).await;
    assert!(marker(&flow, &want).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_record_that_is_there_already_is_left_alone() {
    let mut flow = flow().await;
    flow.make_some(|address| address.starts_with("certificate.")).await;
    let want = flow.want(VALIDATION);
    let attrs = flow.resolved(&want);
    let (name, value) = (attrs["name"].as_str().unwrap(), attrs["target"].as_str().unwrap());
    change(&flow, &zone(&want), ChangeAction::Create, set(name, RrType::Cname, value)).await;
    let before = records(&flow, &zone(&want)).await;
    flow.make_some(|address| address == VALIDATION).await;
    assert_eq!(records(&flow, &zone(&want)).await, before);
    place(&mut flow);
    let want = flow.want(VALIDATION);
    let seen = flow.seen(&want).await;
    assert_eq!(seen.owner, Owner::Nobody);
    flow.driver(&want).delete(&want.at, &seen).await.unwrap();
    assert_eq!(records(&flow, &zone(&want)).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_somebody_pointed_elsewhere_stays_when_the_stack_goes() {
    let flow = complete().await;
    let want = flow.want(WWW);
    let moved = set("www.example.com", RrType::A, "192.0.2.1");
    change(&flow, &zone(&want), ChangeAction::Upsert, moved.clone()).await;
    let seen = flow.seen(&want).await;
    assert_eq!((&seen.owner, &seen.attrs["target"]), (&Owner::Ours, &json!("192.0.2.1")));
    flow.driver(&want).delete(&want.at, &seen).await.unwrap();
    let left = records(&flow, &zone(&want)).await;
    assert!(left.contains(&dotted(moved)), "{left:#?}");
    assert!(marker(&flow, &want).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_somebody_pointed_elsewhere_is_corrected_while_it_is_wanted() {
    let flow = complete().await;
    let want = flow.want(WWW);
    change(&flow, &zone(&want), ChangeAction::Upsert, set("www.example.com", RrType::A, "192.0.2.1")).await;
    let seen = flow.seen(&want).await;
    flow.driver(&want).update(&want.at, &seen, flow.resolved(&want)).await.unwrap();
    flow.same(&want, &flow.resolved(&want)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_marker_was_deleted_is_nobodys_and_a_marker_without_record_goes() {
    let flow = complete().await;
    let want = flow.want(WWW);
    let before = flow.seen(&want).await;
    let left = marker(&flow, &want).await.unwrap();
    change(&flow, &zone(&want), ChangeAction::Delete, left.clone()).await;
    assert_eq!(flow.seen(&want).await.owner, Owner::Nobody);
    flow.driver(&want).delete(&want.at, &before).await.unwrap();
    assert!(lines(&flow, &zone(&want)).await.contains(&"www.example.com. A".to_owned()));

    change(&flow, &zone(&want), ChangeAction::Create, left).await;
    let mut record = by_hand(&flow, "www.example.com");
    record.alias_target = records(&flow, &zone(&want))
        .await
        .into_iter()
        .find(|set| set.name() == "www.example.com." && *set.r#type() == RrType::A)
        .unwrap()
        .alias_target;
    change(&flow, &zone(&want), ChangeAction::Delete, record).await;
    let seen = flow.seen(&want).await;
    assert_eq!((&seen.owner, &seen.attrs["target"]), (&Owner::Ours, &json!("")));
    flow.driver(&want).delete(&want.at, &seen).await.unwrap();
    assert_eq!(flow.driver(&want).read(&want.at).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_zones_in_tags_lead_to_every_record_of_the_stack_and_to_no_other() {
    let flow = complete().await;
    let mut wanted: Vec<Locator> =
        names(&flow).into_iter().map(|want| want.at).filter(|at| at.address.kind() == "dns_record").collect();
    wanted.sort();
    assert_eq!(traced(&flow).await, wanted);

    // The same stack of another region, and another stack, use the same zone.
    let want = flow.want(WWW);
    let left = marker(&flow, &want).await.unwrap();
    let text = left.resource_records()[0].value();
    let scope = text.split("scope=").nth(1).unwrap().split(' ').next().unwrap();
    let elsewhere = text.replace(scope, "000000000000");
    let theirs = set("eu.names._fargate-stack.example.com", RrType::Txt, &elsewhere);
    change(&flow, &zone(&want), ChangeAction::Create, theirs).await;
    let other = text.replace("stack=names", "stack=other");
    let theirs = set("www.other._fargate-stack.example.com", RrType::Txt, &other);
    change(&flow, &zone(&want), ChangeAction::Create, theirs).await;
    assert_eq!(traced(&flow).await, wanted);

    let elsewhere = set("www.names._fargate-stack.example.com", RrType::Txt, &elsewhere);
    change(&flow, &zone(&want), ChangeAction::Upsert, elsewhere).await;
    let seen = flow.seen(&want).await;
    assert_eq!(seen.owner, Owner::Stack("names, in another account or region".to_owned()));
    let refused = flow.driver(&want).create(&want.at, flow.resolved(&want)).await.unwrap_err();
    assert!(refused.message.contains("in another account or region"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_another_stack_is_told_by_its_marker_and_never_taken() {
    let flow = complete().await;
    for want in names(&flow).iter().filter(|want| want.at.address.kind() == "dns_record") {
        let at = Locator { stack: "other".to_owned(), ..want.at.clone() };
        let seen = flow.driver(want).read(&at).await.unwrap().unwrap();
        assert_eq!(seen.owner, Owner::Stack("names".to_owned()), "{}", want.at.address);
        let before = records(&flow, &zone(want)).await;
        let made = flow.driver(want).create(&at, flow.resolved(want)).await;
        // What validates a certificate of one stack validates those of others too.
        assert_eq!(made.is_ok(), want.at.address.name().ends_with("-validation"), "{}", want.at.address);
        flow.driver(want).delete(&at, &seen).await.unwrap();
        assert_eq!(records(&flow, &zone(want)).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_record_is_found_again_before_the_new_certificate_tells_its_name() {
    let flow = complete().await;
    let known = flow.want(VALIDATION);
    let unknown = Locator { name: String::new(), ..known.at.clone() };
    let driver = flow.driver(&known);
    let seen = driver.read(&unknown).await.unwrap().unwrap();
    assert_eq!(seen, flow.seen(&known).await);
    // ACM gives the next certificate of the domain the same record: it must be there when the old certificate is gone.
    driver.update(&unknown, &seen, flow.resolved(&known)).await.unwrap();
    flow.same(&known, &flow.resolved(&known)).await;
    // … and when it is another one, the old one goes.
    let mut other = flow.resolved(&known);
    other["name"] = "_other.www.example.com".into();
    driver.update(&unknown, &seen, other).await.unwrap();
    assert_eq!(driver.read(&known.at).await.unwrap(), None);
    let moved = Locator { name: "_other.www.example.com".to_owned(), ..known.at.clone() };
    assert_eq!(driver.read(&moved).await.unwrap().unwrap().owner, Owner::Ours);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_that_is_gone_holds_nothing_and_one_that_may_not_be_read_is_an_error() {
    let flow = complete().await;
    let refused = json!({
        "account": flow.world.account, "service": "route53", "operation": "ListResourceRecordSets", "nth": 1, "count": 100,
        "kind": "access_denied"
    });
    flow.world.control("POST", "faults", &refused);
    let want = flow.want(WWW);
    assert!(flow.driver(&want).read(&want.at).await.unwrap_err().is_access_denied());
    flow.world.control("DELETE", &format!("faults?account={}", flow.world.account), &Value::Null);

    let seen = flow.seen(&want).await;
    let at = Locator { parent: Some("Z0GONE/example.com".to_owned()), ..want.at.clone() };
    assert_eq!(flow.driver(&want).read(&at).await.unwrap(), None);
    flow.driver(&want).delete(&at, &seen).await.unwrap();
}
