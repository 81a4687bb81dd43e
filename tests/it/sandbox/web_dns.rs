//! Hosted zones and their records.

use aws_sdk_route53::Client as Dns;
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsOutput as Changed;
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, HostedZoneType, ResourceRecord, ResourceRecordSet,
    RrType, TagResourceType,
};

use super::super::account::block;
use super::web::Web;
use super::{Bench, assert_refused, refused};

type Outcome = Result<
    Changed,
    aws_sdk_route53::error::SdkError<
        aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError,
    >,
>;

fn set(name: &str, kind: RrType, value: &str) -> ResourceRecordSet {
    let value = ResourceRecord::builder().value(value).build().unwrap();
    ResourceRecordSet::builder().name(name).r#type(kind).ttl(60).resource_records(value).build().unwrap()
}

fn alias(name: &str, zone: &str, target: &str) -> ResourceRecordSet {
    let target = AliasTarget::builder().hosted_zone_id(zone).dns_name(target).evaluate_target_health(false);
    ResourceRecordSet::builder()
        .name(name)
        .r#type(RrType::A)
        .alias_target(target.build().unwrap())
        .build()
        .unwrap()
}

/// Makes changes in the public zone of the seed.
async fn change(bench: &Bench, changes: Vec<(ChangeAction, ResourceRecordSet)>) -> Outcome {
    let changes = changes
        .into_iter()
        .map(|(action, set)| Change::builder().action(action).resource_record_set(set).build().unwrap());
    let batch = ChangeBatch::builder().set_changes(Some(changes.collect())).build().unwrap();
    let zone = bench.seed["public_zone_id"].as_str().unwrap();
    Dns::new(&bench.config)
        .change_resource_record_sets()
        .hosted_zone_id(zone)
        .change_batch(batch)
        .send()
        .await
}

#[test]
fn records_are_created_once_deleted_as_they_are_and_a_batch_is_whole() {
    block(async {
        let bench = Bench::new();
        let www = |value: &str| set("www.example.com", RrType::A, value);
        change(&bench, vec![(ChangeAction::Create, www("10.0.0.1"))]).await.unwrap();
        let spelled = "resource record set [name='www.example.com.', type='A']";
        let twice = change(&bench, vec![(ChangeAction::Create, www("10.0.0.1"))]).await;
        assert_refused(
            twice,
            &format!("InvalidChangeBatch: [Tried to create {spelled} but it already exists]"),
        );
        let other = change(&bench, vec![(ChangeAction::Delete, www("10.0.0.2"))]).await;
        let expected =
            format!("[Tried to delete {spelled} but the values provided do not match the current values]");
        assert_refused(other, &format!("InvalidChangeBatch: {expected}"));
        let half = vec![
            (ChangeAction::Create, set("a.example.com", RrType::A, "10.0.0.1")),
            (ChangeAction::Create, set("www.example.com", RrType::Cname, "a.example.com")),
            (ChangeAction::Create, set("a.example.org", RrType::A, "10.0.0.1")),
        ];
        let said = refused(change(&bench, half).await);
        assert!(
            said.contains("RRSet of type CNAME with DNS name www.example.com. is not permitted"),
            "{said}"
        );
        assert!(said.contains("a.example.org. is not permitted in zone example.com."), "{said}");
        let dns = Dns::new(&bench.config);
        let zone = bench.seed["public_zone_id"].as_str().unwrap();
        let shown = dns.get_hosted_zone().id(zone).send().await.unwrap();
        assert_eq!(shown.hosted_zone().unwrap().resource_record_set_count(), Some(3));
        change(&bench, vec![(ChangeAction::Delete, www("10.0.0.1"))]).await.unwrap();
        let gone = dns.get_hosted_zone().id("Z0000000000000000000X").send().await;
        assert_refused(gone, "NoSuchHostedZone: No hosted zone found with ID: Z0000000000000000000X");
    });
}

#[test]
fn an_alias_points_to_a_load_balancer_and_is_shown_in_every_region() {
    block(async {
        let web = Web::new().await;
        let shown = web.elb.describe_load_balancers().send().await.unwrap();
        let balancer = &shown.load_balancers()[0];
        let (zone, name) = (balancer.canonical_hosted_zone_id().unwrap(), balancer.dns_name().unwrap());
        let wrong = change(
            &web.bench,
            vec![(ChangeAction::Upsert, alias("example.com", zone, &format!("x-{name}")))],
        );
        assert_refused(wrong.await, "InvalidChangeBatch: [Tried to create an alias that targets x-shared-");
        let made = change(&web.bench, vec![(ChangeAction::Upsert, alias("*.example.com", zone, name))])
            .await
            .unwrap();
        let id = made.change_info().unwrap().id();
        let elsewhere = aws_sdk_route53::config::Builder::from(&web.bench.config)
            .region(aws_sdk_route53::config::Region::new("eu-west-1"))
            .build();
        let dns = Dns::from_conf(elsewhere);
        assert_eq!(dns.get_change().id(id).send().await.unwrap().change_info().unwrap().id(), id);
        let own = web.bench.seed["public_zone_id"].as_str().unwrap();
        let list = dns.list_resource_record_sets().hosted_zone_id(own);
        let listed = list.start_record_name("*.example.com").start_record_type(RrType::A).max_items(1);
        let listed = listed.send().await.unwrap();
        let [record] = listed.resource_record_sets() else { panic!("{listed:?}") };
        assert_eq!(record.name(), "\\052.example.com.");
        assert_eq!(record.alias_target().unwrap().dns_name(), format!("{name}."));
        assert_eq!((listed.is_truncated(), record.ttl()), (false, None));
    });
}

#[test]
fn records_and_zones_come_in_order_and_pages() {
    block(async {
        let bench = Bench::new();
        let made = ["z.example.com", "a.b.example.com", "b.example.com"]
            .map(|name| (ChangeAction::Create, set(name, RrType::A, "10.0.0.1")));
        change(&bench, made.into()).await.unwrap();
        let dns = Dns::new(&bench.config);
        let own = bench.seed["public_zone_id"].as_str().unwrap();
        let mut names = Vec::new();
        let mut page = dns.list_resource_record_sets().hosted_zone_id(own).max_items(2).send().await.unwrap();
        loop {
            names.extend(page.resource_record_sets().iter().map(|one| one.name().to_owned()));
            let (Some(name), Some(kind)) = (page.next_record_name(), page.next_record_type()) else { break };
            let next = dns.list_resource_record_sets().hosted_zone_id(own).max_items(2);
            let next = next.start_record_name(name).start_record_type(kind.clone()).send().await.unwrap();
            page = next;
        }
        let expected =
            ["example.com.", "example.com.", "b.example.com.", "a.b.example.com.", "z.example.com."];
        assert_eq!(names, expected);

        let reference = bench.world.account.clone();
        let org =
            dns.create_hosted_zone().name("example.org").caller_reference(reference).send().await.unwrap();
        assert_eq!(org.hosted_zone().unwrap().name(), "example.org.");
        assert_eq!(org.delegation_set().unwrap().name_servers().len(), 4);
        let first = dns.list_hosted_zones().max_items(2).send().await.unwrap();
        assert_eq!((first.hosted_zones().len(), first.is_truncated()), (2, true));
        let rest = dns.list_hosted_zones().marker(first.next_marker().unwrap()).send().await.unwrap();
        assert_eq!((rest.hosted_zones().len(), rest.is_truncated()), (1, false));
        let only = HostedZoneType::PrivateHostedZone;
        let private = dns.list_hosted_zones().hosted_zone_type(only).send().await.unwrap();
        assert!(private.hosted_zones()[0].config().unwrap().private_zone());
        let id = private.hosted_zones()[0].id().to_owned();
        let shown = dns.get_hosted_zone().id(&id).send().await.unwrap();
        assert_eq!(shown.vpcs()[0].vpc_id(), bench.seed["vpc_id"].as_str());
        let by_name =
            dns.list_hosted_zones_by_name().dns_name("example.org").max_items(1).send().await.unwrap();
        assert_eq!(by_name.hosted_zones()[0].name(), "example.org.");
        let mark = aws_sdk_route53::types::Tag::builder().key("team").value("web").build();
        let own = || id.trim_start_matches("/hostedzone/");
        let zone = TagResourceType::Hostedzone;
        let add = dns
            .change_tags_for_resource()
            .resource_type(zone.clone())
            .resource_id(own())
            .add_tags(mark.clone());
        add.send().await.unwrap();
        let found = dns.list_tags_for_resource().resource_type(zone).resource_id(own()).send().await.unwrap();
        assert_eq!(found.resource_tag_set().unwrap().tags(), [mark]);
    });
}
