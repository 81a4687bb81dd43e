//! Load balancers, target groups, listeners and rules against an ELB that answers.

use std::collections::BTreeMap;

use aws_sdk_acm::types::ValidationMethod;
use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum};
use fargate_stack::aws::inventory::Inventory;
use fargate_stack::lookup::{self, Wish};
use fargate_stack::model::{Locator, Owner, Resource};
use fargate_stack::stack::{Names, Stack};
use fargate_stack::{config, kinds};
use serde_json::{Value, json};

use super::{Flow, clients};
use crate::harness::World;

const WEB: &str = "
app:
  name: shop
tags:
  team: platform
tasks:
  web:
    type: https
    image: helloworld:latest
    domain: www.example.com
    container_port: 8080
    stickiness: 3600
  api:
    type: https
    image: helloworld:latest
    domain: api.example.org
    path: /v1/*
    health_check:
      path: /health
      matcher: 200-299
route53:
  records: false
";

/// What these tests are about, makers before users.
const KINDS: [&str; 6] =
    ["security_group", "load_balancer", "target_group", "listener", "listener_rule", "listener_certificate"];

impl Flow {
    /// Nothing made yet, in an account that has the certificates.
    async fn web() -> Self {
        let world = World::new();
        for domain in ["www.example.com", "api.example.org"] {
            certificate(&world, domain, "ISSUED");
        }
        let aws = clients(&world.account);
        let registry = kinds::registry(&aws);
        let mut flow = Self { world, aws, registry, wanted: Vec::new(), known: BTreeMap::new() };
        flow.look().await;
        flow
    }

    /// What is wanted after a look at what is there.
    async fn look(&mut self) {
        let config = config::parse("fargate-stack.yml", WEB).unwrap();
        let names = Names::new(&config);
        let inventory = Inventory::new(&self.aws, "fargate-stack:stack", &names.stack);
        let facts = lookup::facts(&self.aws, &config, &names, &Wish::default(), &inventory).await.unwrap();
        let wanted = kinds::wanted(&Stack::new(&config, facts)).unwrap();
        self.wanted = wanted.into_iter().filter(|want| KINDS.contains(&want.at.address.kind())).collect();
    }

    /// Everything made, and looked at.
    async fn made() -> Self {
        let mut flow = Self::web().await;
        flow.make().await;
        flow.look().await;
        flow
    }

    fn arn(&self, address: &str) -> &str {
        &self.known[address]["arn"]
    }

    fn of(&self, kind: &str) -> Vec<Resource> {
        self.wanted.iter().filter(|want| want.at.address.kind() == kind).cloned().collect()
    }
}

fn certificate(world: &World, domain: &str, status: &str) -> String {
    let wish = json!({"account": world.account, "domain": domain, "status": status});
    world.control("POST", "acm/certificates", &wish)["arn"].as_str().unwrap().to_owned()
}

/// Changed where AWS can follow in place.
fn changed(kind: &str, attrs: &Value) -> Value {
    let mut attrs = attrs.clone();
    attrs["tags"]["team"] = "infrastructure".into();
    match kind {
        "load_balancer" => attrs["idle_timeout"] = 120.into(),
        "target_group" => {
            attrs["health_check"] = json!({
                "protocol": "HTTP", "port": "9000", "path": "/up", "matcher": "200,204",
                "interval": 20, "timeout": 10, "healthy_threshold": 3, "unhealthy_threshold": 4,
            });
            attrs["deregistration_delay"] = 60.into();
            attrs["stickiness"] = if attrs["stickiness"].is_null() { 7200.into() } else { Value::Null };
        }
        "listener" if attrs["protocol"] == "HTTPS" => {
            let first = attrs["certificate"].take();
            attrs["certificate"] = attrs["certificates"][0].take();
            attrs["certificates"] = json!([first]);
            attrs["ssl_policy"] = "ELBSecurityPolicy-TLS13-1-2-2021-06".into();
            attrs["default_action"] = json!({"fixed_response": "503"});
        }
        "listener" => attrs["default_action"] = json!({"fixed_response": "404"}),
        "listener_rule" => {
            attrs["priority"] = (attrs["priority"].as_i64().unwrap() + 300).into();
            attrs["hosts"] = json!(["new.example.com", "other.example.com"]);
            attrs["paths"] = json!(["/new/*"]);
        }
        _ => {}
    }
    attrs
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_a_load_balancer_reads_back_what_it_made_changed_and_deleted() {
    let mut flow = Flow::web().await;
    for want in flow.wanted.clone() {
        let (address, driver) = (&want.at.address, flow.driver(&want));
        assert_eq!(driver.read(&want.at).await.unwrap(), None, "{address} exists already");
        let outputs = driver.create(&want.at, flow.resolved(&want)).await.unwrap();
        flow.known.insert(address.to_string(), outputs);
    }

    flow.look().await;
    flow.world.forget_calls();
    for want in flow.wanted.clone() {
        let attrs = flow.resolved(&want);
        let seen = flow.same(&want, &attrs).await;
        assert_eq!(seen.outputs, flow.known[&want.at.address.to_string()], "{}", want.at.address);
        flow.driver(&want).update(&want.at, &seen, attrs).await.unwrap();
        assert_eq!(flow.effects(), BTreeMap::new(), "{} changes although nothing differs", want.at.address);
    }

    for want in flow.wanted.clone() {
        let seen = flow.seen(&want).await;
        let other = changed(want.at.address.kind(), &flow.resolved(&want));
        flow.driver(&want).update(&want.at, &seen, other.clone()).await.unwrap();
        let now = flow.same(&want, &other).await;
        flow.world.forget_calls();
        flow.driver(&want).update(&want.at, &now, other).await.unwrap();
        assert_eq!(flow.effects(), BTreeMap::new(), "{} changes twice", want.at.address);
    }

    for want in flow.wanted.iter().rev() {
        let (address, driver) = (&want.at.address, flow.driver(want));
        let seen = flow.seen(want).await;
        driver.delete(&want.at, &seen).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        assert_eq!(driver.read(&want.at).await.unwrap(), None, "{address} is still there");
        driver.delete(&want.at, &seen).await.unwrap_or_else(|error| panic!("{address} again: {error}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_that_is_made_twice_is_there_once() {
    let mut flow = Flow::web().await;
    flow.make().await;
    let first = flow.known.clone();
    flow.make().await;
    assert_eq!(flow.known, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_load_balancer_whose_creation_got_no_answer_is_not_made_twice() {
    let creations = ["CreateLoadBalancer", "CreateTargetGroup", "CreateListener", "CreateRule"];
    for kind in ["timeout_after", "drop", "error500"] {
        let mut flow = Flow::web().await;
        for operation in creations {
            flow.fault("elasticloadbalancing", operation, kind);
        }
        flow.make().await;
        flow.look().await;
        for want in flow.wanted.clone() {
            flow.same(&want, &flow.resolved(&want)).await;
        }
        let balancing = &flow.aws.balancing;
        let groups = balancing.describe_target_groups().send().await.unwrap();
        assert_eq!(groups.target_groups().len(), 2, "{kind}");
        let rules = balancing.describe_rules().listener_arn(flow.arn("listener.public-443"));
        assert_eq!(rules.send().await.unwrap().rules().len(), 3, "{kind}");
        let struck = flow.world.calls().into_iter().filter(|call| !call["fault"].is_null()).count();
        assert_eq!(struck, creations.len(), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_that_nobody_owns_is_adopted_by_tags_alone() {
    let flow = Flow::made().await;
    let keys = ["fargate-stack:stack", "fargate-stack:address"].map(str::to_owned);
    for want in flow.wanted.iter().filter(|want| want.at.address.kind() != "security_group") {
        let (address, attrs) = (&want.at.address, flow.resolved(want));
        let request = flow.aws.balancing.remove_tags().resource_arns(flow.arn(&address.to_string()));
        request.set_tag_keys(Some(keys.to_vec())).send().await.unwrap();
        let found = flow.seen(want).await;
        assert_eq!(found.owner, Owner::Nobody, "{address}");
        flow.world.forget_calls();
        flow.driver(want).update(&want.at, &found, attrs.clone()).await.unwrap();
        let tagged = BTreeMap::from([("elasticloadbalancing:AddTags".to_owned(), 1)]);
        assert_eq!(flow.effects(), tagged, "{address}");
        flow.same(want, &attrs).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_of_another_stack_is_never_taken() {
    let flow = Flow::made().await;
    for kind in ["load_balancer", "target_group", "listener"] {
        for want in flow.of(kind) {
            let at = Locator { stack: "other".to_owned(), ..want.at.clone() };
            let seen = flow.driver(&want).read(&at).await.unwrap().unwrap();
            assert_eq!(seen.owner, Owner::Stack("shop".to_owned()), "{}", want.at.address);
            flow.world.forget_calls();
            let refused = flow.driver(&want).create(&at, flow.resolved(&want)).await;
            assert!(refused.is_err(), "{} was taken from another stack", want.at.address);
            let effects: Vec<String> = flow.effects().into_keys().collect();
            // The calls that make a thing answer with the one that is there.
            assert!(effects.iter().all(|effect| effect.contains(":Create")), "{effects:?}");
        }
    }
    let rule = flow.want("listener_rule.web");
    let at = Locator { stack: "other".to_owned(), ..rule.at.clone() };
    let refused = flow.driver(&rule).create(&at, flow.resolved(&rule)).await.unwrap_err();
    assert!(refused.message.contains("belongs to a rule that is not this stack's"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_rule_for_another_target_group_comes_behind_the_old_one_which_stays() {
    let flow = Flow::made().await;
    let want = flow.want("listener_rule.web");
    let old = flow.seen(&want).await;
    let mut group = flow.resolved(&flow.want("target_group.web"));
    group["name"] = "shop-web-2".into();
    let at = Locator { name: "shop-web-2".to_owned(), ..flow.want("target_group.web").at };
    let made = flow.driver(&flow.want("target_group.web")).create(&at, group).await.unwrap();

    let mut attrs = flow.resolved(&want);
    attrs["target_group"] = made["arn"].clone().into();
    let outputs = flow.driver(&want).create(&want.at, attrs.clone()).await.unwrap();
    assert_ne!(outputs["arn"], old.outputs["arn"]);
    assert_eq!(flow.seen(&want).await, old);
    let new = Locator { id: Some(outputs["arn"].clone()), ..want.at.clone() };
    let seen = flow.driver(&want).read(&new).await.unwrap().unwrap();
    assert_eq!(seen.attrs["target_group"], attrs["target_group"]);
    assert!(seen.attrs["priority"].as_i64() > old.attrs["priority"].as_i64());
    assert_eq!(flow.driver(&want).create(&want.at, attrs).await.unwrap(), outputs, "made twice");

    flow.driver(&want).delete(&want.at, &old).await.unwrap();
    let first = flow.want("target_group.web");
    flow.driver(&first).delete(&first.at, &flow.seen(&first).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_a_stack_exchange_their_places() {
    let flow = Flow::made().await;
    let (web, api) = (flow.want("listener_rule.web"), flow.want("listener_rule.api"));
    let (seen_web, seen_api) = (flow.seen(&web).await, flow.seen(&api).await);
    let (mut to_web, mut to_api) = (seen_web.attrs.clone(), seen_api.attrs.clone());
    to_web["priority"] = seen_api.attrs["priority"].clone();
    to_api["priority"] = seen_web.attrs["priority"].clone();
    let (driver, other) = (flow.driver(&web), flow.driver(&api));
    let (one, two) = tokio::join!(
        driver.update(&web.at, &seen_web, to_web.clone()),
        other.update(&api.at, &seen_api, to_api.clone())
    );
    one.and(two).unwrap();
    assert_eq!((flow.seen(&web).await.attrs, flow.seen(&api).await.attrs), (to_web, to_api));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_made_of_a_rule_and_a_listener_by_hand_is_seen_and_taken_back() {
    let flow = Flow::made().await;
    let (rule, listener) = (flow.want("listener_rule.web"), flow.want("listener.public-80"));
    let forward =
        Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(flow.arn("target_group.web"));
    let request = flow.aws.balancing.modify_listener().listener_arn(flow.arn("listener.public-80"));
    request.default_actions(forward.build()).send().await.unwrap();
    let fixed = aws_sdk_elasticloadbalancingv2::types::FixedResponseActionConfig::builder()
        .status_code("200")
        .build();
    let fixed = Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(fixed).build();
    let request = flow.aws.balancing.modify_rule().rule_arn(flow.arn("listener_rule.web")).actions(fixed);
    request.send().await.unwrap();

    assert_eq!(flow.seen(&rule).await.attrs["other"], json!(["fixed-response"]));
    let other = flow.seen(&listener).await.attrs["default_action"]["other"].clone();
    assert!(other.as_str().unwrap().starts_with("forward "), "{other}");
    for want in [rule, listener] {
        let attrs = flow.resolved(&want);
        flow.driver(&want).update(&want.at, &flow.seen(&want).await, attrs.clone()).await.unwrap();
        flow.same(&want, &attrs).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_is_not_made_with_a_certificate_that_acm_refused() {
    let mut flow = Flow::web().await;
    flow.make().await;
    let mut attrs = flow.resolved(&flow.want("listener.public-443"));
    attrs["port"] = 8443.into();
    attrs["certificates"] = json!([certificate(&flow.world, "bad.example.com", "VALIDATION_TIMED_OUT")]);
    let at = Locator { name: "8443".to_owned(), ..flow.want("listener.public-443").at };
    flow.world.forget_calls();
    let error = flow.driver(&flow.want("listener.public-443")).create(&at, attrs).await.unwrap_err();
    assert!(
        error.message.starts_with("the certificate of `bad.example.com` is VALIDATION_TIMED_OUT"),
        "{error}"
    );
    assert_eq!(flow.effects(), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_waits_until_its_certificate_is_issued() {
    let mut flow = Flow::web().await;
    flow.make().await;
    let (listener, acm) = (flow.want("listener.public-443"), &flow.aws.certificates);
    let requested = acm.request_certificate().domain_name("late.example.com");
    let requested = requested.validation_method(ValidationMethod::Dns).send().await.unwrap();
    let late = requested.certificate_arn().unwrap();
    let mut attrs = flow.resolved(&listener);
    attrs["port"] = 8443.into();
    attrs["certificates"] = json!([late]);
    let at = Locator { name: "8443".to_owned(), ..listener.at.clone() };
    let driver = flow.driver(&listener);
    let mut making = std::pin::pin!(driver.create(&at, attrs.clone()));
    let early = tokio::time::timeout(std::time::Duration::from_secs(2), making.as_mut()).await;
    assert!(early.is_err(), "made with a certificate that is not issued: {early:?}");
    validate(&flow, late).await;
    let outputs = making.await.unwrap();
    let made = Locator { id: Some(outputs["arn"].clone()), ..at.clone() };
    assert_eq!(driver.read(&made).await.unwrap().unwrap().attrs["certificates"], json!([late]));
}

/// Puts the record that ACM looks for into a public zone.
async fn validate(flow: &Flow, certificate: &str) {
    use aws_sdk_route53::types::{
        Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
    };
    let described =
        flow.aws.certificates.describe_certificate().certificate_arn(certificate).send().await.unwrap();
    let options = described.certificate().unwrap().domain_validation_options();
    let asked = options[0].resource_record().unwrap();
    let zone = flow.aws.dns.create_hosted_zone().name("late.example.com").caller_reference("late");
    let zone = zone.send().await.unwrap().hosted_zone().unwrap().id().to_owned();
    let value = ResourceRecord::builder().value(asked.value()).build().unwrap();
    let record = ResourceRecordSet::builder().name(asked.name()).r#type(RrType::Cname).ttl(300);
    let record = record.resource_records(value).build().unwrap();
    let change = Change::builder().action(ChangeAction::Create).resource_record_set(record).build().unwrap();
    let batch = ChangeBatch::builder().changes(change).build().unwrap();
    flow.aws.dns.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_added_to_a_listener_found_by_the_tags_of_the_rule_and_taken_back() {
    let flow = Flow::made().await;
    let (listener, rule) = (flow.arn("listener.public-443").to_owned(), flow.arn("listener_rule.web"));
    let added = certificate(&flow.world, "added.example.com", "ISSUED");
    let driver = flow.registry.get("listener_certificate").unwrap();
    let id = added.rsplit('/').next().unwrap();
    let tag = |key: &str, value: &str| {
        aws_sdk_elasticloadbalancingv2::types::Tag::builder().key(key).value(value).build()
    };
    let request = flow.aws.balancing.add_tags().resource_arns(rule);
    let request = request.tags(tag("fargate-stack:certificates", &format!("public-443 {id}")));
    request.send().await.unwrap();
    let config = config::parse("fargate-stack.yml", WEB).unwrap();
    let names = Names::new(&config);
    let inventory = Inventory::new(&flow.aws, "fargate-stack:stack", "shop");
    let owned = kinds::owned(&flow.aws, &names, inventory.all().await.unwrap()).await.unwrap();
    let [at] = owned
        .into_iter()
        .filter(|at| at.address.kind() == "listener_certificate")
        .collect::<Vec<_>>()
        .try_into()
        .unwrap_or_else(|found| panic!("{found:?}"));
    let at: Locator = at;
    assert_eq!((at.name.as_str(), at.parent.as_deref()), (added.as_str(), Some(listener.as_str())));
    assert_eq!(at.address.name(), format!("public-443-{}", &id[..8]));

    assert_eq!(driver.read(&at).await.unwrap(), None);
    let attrs = json!({"listener": listener, "certificate": added});
    let outputs = driver.create(&at, attrs.clone()).await.unwrap();
    assert_eq!(driver.create(&at, attrs.clone()).await.unwrap(), outputs);
    let seen = driver.read(&at).await.unwrap().unwrap();
    assert_eq!((&seen.attrs, &seen.outputs, &seen.owner), (&attrs, &outputs, &Owner::Ours));
    driver.delete(&at, &seen).await.unwrap();
    driver.delete(&at, &seen).await.unwrap();
    assert_eq!(driver.read(&at).await.unwrap(), None);
}
