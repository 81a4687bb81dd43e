//! Load balancers, listeners, rules and target groups: what reads back, and what is refused.

use std::time::{Duration, Instant};

use aws_sdk_elasticloadbalancingv2::types::{
    Certificate, HostHeaderConditionConfig, LoadBalancerAttribute, LoadBalancerStateEnum, Matcher,
    ProtocolEnum, RuleCondition, RulePriorityPair, TargetGroupAttribute, TargetTypeEnum,
};
use serde_json::json;

use super::super::account::block;
use super::assert_refused;
use super::web::{Web, forward, not_found, path, plant, tag};

#[test]
fn what_is_made_reads_back_with_its_tags_and_the_tagging_api_lists_all_of_it() {
    block(async {
        let web = Web::new().await;
        let group = web.group("app").await;
        let shown = web.elb.describe_load_balancers().names("shared").send().await.unwrap();
        let shown = &shown.load_balancers()[0];
        assert_eq!(shown.availability_zones().len(), 2);
        assert_eq!(shown.security_groups(), std::slice::from_ref(&web.security_group));
        assert_eq!(shown.canonical_hosted_zone_id(), Some("Z35SXDOTRQ7X7K"));
        assert!(shown.dns_name().unwrap().ends_with(".us-east-1.elb.amazonaws.com"));
        assert!(shown.created_time().is_some());
        let listeners = web.elb.describe_listeners().load_balancer_arn(&web.balancer).send().await.unwrap();
        let [http, https] = listeners.listeners() else { panic!("{listeners:?}") };
        let redirect = http.default_actions()[0].redirect_config().unwrap();
        assert_eq!((redirect.host(), redirect.path()), (Some("#{host}"), Some("/#{path}")));
        assert_eq!(https.certificates()[0].certificate_arn(), Some(web.certificate.as_str()));
        let rules = web.elb.describe_rules().listener_arn(&web.https).send().await.unwrap();
        let priorities: Vec<_> = rules.rules().iter().filter_map(|rule| rule.priority()).collect();
        assert_eq!(priorities, ["100", "default"]);
        assert_eq!(rules.rules()[0].conditions()[0].path_pattern_config().unwrap().values(), ["/old/*"]);
        assert_eq!(rules.rules()[1].is_default(), Some(true));

        let certificates = aws_sdk_acm::Client::new(&web.bench.config);
        let own = aws_sdk_acm::types::Tag::builder().key("team").value("web").build().unwrap();
        certificates
            .add_tags_to_certificate()
            .certificate_arn(&web.certificate)
            .tags(own)
            .send()
            .await
            .unwrap();
        let mut all =
            vec![web.balancer.clone(), web.http.clone(), web.https.clone(), web.rule.clone(), group];
        let described = web.elb.describe_tags().set_resource_arns(Some(all.clone())).send().await.unwrap();
        for one in described.tag_descriptions() {
            assert_eq!(one.tags(), [tag()], "{one:?}");
        }
        let tagging = aws_sdk_resourcegroupstagging::Client::new(&web.bench.config);
        let filter = aws_sdk_resourcegroupstagging::types::TagFilter::builder().key("team").values("web");
        let find = || tagging.get_resources().tag_filters(filter.clone().build());
        let arns = |found: aws_sdk_resourcegroupstagging::operation::get_resources::GetResourcesOutput| {
            let list = found.resource_tag_mapping_list.unwrap_or_default();
            list.into_iter().filter_map(|one| one.resource_arn).collect::<Vec<_>>()
        };
        let of_type =
            |kind: &str| find().resource_type_filters(format!("elasticloadbalancing:{kind}")).send();
        assert_eq!(arns(of_type("listener").await.unwrap()).len(), 2);
        assert_eq!(arns(of_type("listener-rule").await.unwrap()).len(), 1);
        let found = arns(find().send().await.unwrap());
        all.push(web.certificate.clone());
        all.sort();
        assert_eq!(found, all);
    });
}

#[test]
fn settings_of_a_target_group_and_attributes_read_back() {
    block(async {
        let web = Web::new().await;
        let request = web.elb.create_target_group().name("app").protocol(ProtocolEnum::Http).port(8080);
        let request =
            request.vpc_id(web.bench.seed["vpc_id"].as_str().unwrap()).target_type(TargetTypeEnum::Ip);
        let request = request
            .health_check_path("/health")
            .health_check_port("9000")
            .health_check_interval_seconds(10)
            .health_check_timeout_seconds(4)
            .healthy_threshold_count(2)
            .matcher(Matcher::builder().http_code("200-299").build());
        let made = request.clone().send().await.unwrap();
        let again = request.clone().send().await.unwrap();
        assert_eq!(made.target_groups(), again.target_groups());
        let shown = made.target_groups()[0].clone();
        assert_eq!((shown.health_check_path(), shown.health_check_port()), (Some("/health"), Some("9000")));
        assert_eq!(
            (shown.health_check_interval_seconds(), shown.healthy_threshold_count()),
            (Some(10), Some(2))
        );
        assert_eq!(shown.matcher().unwrap().http_code(), Some("200-299"));
        assert_eq!((shown.port(), shown.protocol_version()), (Some(8080), Some("HTTP1")));
        assert_refused(request.port(81).send().await, "DuplicateTargetGroupName");
        let arn = shown.target_group_arn().unwrap();
        let delay =
            TargetGroupAttribute::builder().key("deregistration_delay.timeout_seconds").value("5").build();
        web.elb
            .modify_target_group_attributes()
            .target_group_arn(arn)
            .attributes(delay)
            .send()
            .await
            .unwrap();
        let read = web.elb.describe_target_group_attributes().target_group_arn(arn).send().await.unwrap();
        let value = |key: &str| {
            read.attributes()
                .iter()
                .find(|one| one.key() == Some(key))
                .and_then(|one| one.value().map(str::to_owned))
        };
        assert_eq!(value("deregistration_delay.timeout_seconds").as_deref(), Some("5"));
        assert_eq!(value("stickiness.enabled").as_deref(), Some("false"));
        let idle = LoadBalancerAttribute::builder().key("idle_timeout.timeout_seconds").value("4001").build();
        let change =
            web.elb.modify_load_balancer_attributes().load_balancer_arn(&web.balancer).attributes(idle);
        assert_refused(change.send().await, "ValidationError");
    });
}

#[test]
fn networks_names_and_ports_that_cannot_be_are_refused() {
    block(async {
        let web = Web::new().await;
        let subnet = |kind: &str, at: usize| web.bench.seed[kind][at].as_str().unwrap().to_owned();
        let make = |name: &str, subnets: [String; 2]| {
            web.elb.create_load_balancer().name(name).set_subnets(Some(subnets.into())).send()
        };
        let (a, b) = (subnet("public_subnets", 0), subnet("public_subnets", 1));
        let private = subnet("private_subnets", 0);
        assert_refused(make("x", [a.clone(), private]).await, "InvalidConfigurationRequest");
        assert_refused(make("x", [a.clone(), "subnet-0123456789abcdef0".into()]).await, "SubnetNotFound");
        assert_refused(make("internal-x", [a.clone(), b.clone()]).await, "ValidationError");
        assert_refused(make("shared", [a.clone(), b.clone()]).await, "DuplicateLoadBalancerName");
        let one = web.elb.set_subnets().load_balancer_arn(&web.balancer).subnets(&a).send().await;
        assert_refused(one, "ValidationError: At least two subnets in two different Availability Zones");
        let unknown = web.elb.set_security_groups().load_balancer_arn(&web.balancer);
        assert_refused(unknown.security_groups("sg-0123456789abcdef0").send().await, "InvalidSecurityGroup");

        let listener = |port: i32, protocol: ProtocolEnum| {
            let request = web.elb.create_listener().load_balancer_arn(&web.balancer).port(port);
            request.protocol(protocol).default_actions(not_found())
        };
        assert_refused(listener(80, ProtocolEnum::Http).send().await, "DuplicateListener");
        assert_refused(
            listener(8443, ProtocolEnum::Https).send().await,
            "ValidationError: A certificate must be",
        );
        let with = |arn: String| {
            let certificate = Certificate::builder().certificate_arn(arn).build();
            listener(8443, ProtocolEnum::Https).certificates(certificate).send()
        };
        assert_refused(with(format!("{}0", web.certificate)).await, "CertificateNotFound");
        let pending =
            plant(&web.bench.world, json!({"domain": "new.example.com", "status": "PENDING_VALIDATION"}));
        assert_refused(with(pending.clone()).await, "UnsupportedCertificate");
        let expired = plant(&web.bench.world, json!({"domain": "old.example.com", "not_after_s": -1.0}));
        assert_refused(with(expired).await, "UnsupportedCertificate");
        let sni = |arn: &str| {
            let certificate = Certificate::builder().certificate_arn(arn).build();
            web.elb.add_listener_certificates().listener_arn(&web.https).certificates(certificate).send()
        };
        assert_refused(sni(&pending).await, "UnsupportedCertificate");
        let other = plant(&web.bench.world, json!({"domain": "b.example.com"}));
        sni(&other).await.unwrap();
        sni(&other).await.unwrap();
        let shown = web.elb.describe_listener_certificates().listener_arn(&web.https).send().await.unwrap();
        let defaults: Vec<_> = shown.certificates().iter().map(Certificate::is_default).collect();
        assert_eq!(defaults, [Some(true), Some(false)]);
        let default = Certificate::builder().certificate_arn(&web.certificate).build();
        let remove = web.elb.remove_listener_certificates().listener_arn(&web.https).certificates(default);
        assert_refused(remove.send().await, "OperationNotPermitted");
    });
}

#[test]
fn rules_are_checked_sorted_and_swapped() {
    block(async {
        let web = Web::new().await;
        let make = |priority: i32| web.elb.create_rule().listener_arn(&web.https).priority(priority);
        let whole = |priority: i32| make(priority).conditions(path("/a")).actions(not_found());
        assert_refused(whole(100).send().await, "PriorityInUse");
        assert_refused(whole(50_001).send().await, "ValidationError");
        assert_refused(
            make(1).actions(not_found()).send().await,
            "ValidationError: A condition must be specified",
        );
        assert_refused(make(1).conditions(path("/a")).send().await, "ValidationError");
        let hosts = HostHeaderConditionConfig::builder();
        let hosts = hosts.set_values(Some((0..6).map(|n| format!("{n}.example.com")).collect())).build();
        let hosts = RuleCondition::builder().field("host-header").host_header_config(hosts).build();
        let many = make(1).conditions(hosts).actions(not_found()).send().await;
        assert_refused(many, "ValidationError: A rule can only have '5' condition values");
        let gone = format!("{}0", web.group("gone").await);
        assert_refused(
            make(1).conditions(path("/a")).actions(forward(&gone)).send().await,
            "TargetGroupNotFound",
        );

        let early = whole(5).send().await.unwrap().rules()[0].rule_arn().unwrap().to_owned();
        let pair = |arn: &str, to: i32| RulePriorityPair::builder().rule_arn(arn).priority(to).build();
        let set = |pairs: Vec<RulePriorityPair>| {
            web.elb.set_rule_priorities().set_rule_priorities(Some(pairs)).send()
        };
        assert_refused(set(vec![pair(&early, 100)]).await, "PriorityInUse");
        set(vec![pair(&early, 100), pair(&web.rule, 5)]).await.unwrap();
        let rules = web.elb.describe_rules().listener_arn(&web.https).send().await.unwrap();
        let order: Vec<_> = rules.rules().iter().filter_map(|rule| rule.rule_arn()).collect();
        assert_eq!(order[..2], [web.rule.as_str(), early.as_str()]);
    });
}

#[test]
fn a_load_balancer_goes_with_its_listeners_and_frees_its_security_group_a_moment_later() {
    block(async {
        let web = Web::new().await;
        let group = web.group("app").await;
        web.route(1, &group).await;
        let delete_group = || web.elb.delete_target_group().target_group_arn(&group).send();
        assert_refused(delete_group().await, "ResourceInUse");
        let protect = |on: &str| {
            let attribute =
                LoadBalancerAttribute::builder().key("deletion_protection.enabled").value(on).build();
            web.elb
                .modify_load_balancer_attributes()
                .load_balancer_arn(&web.balancer)
                .attributes(attribute)
                .send()
        };
        let delete = || web.elb.delete_load_balancer().load_balancer_arn(&web.balancer).send();
        protect("true").await.unwrap();
        assert_refused(delete().await, "OperationNotPermitted");
        protect("false").await.unwrap();
        let ec2 = aws_sdk_ec2::Client::new(&web.bench.config);
        let delete_security_group = || ec2.delete_security_group().group_id(&web.security_group).send();
        assert_refused(delete_security_group().await, "DependencyViolation");
        delete().await.unwrap();
        let listeners = web.elb.describe_listeners().listener_arns(&web.https).send().await;
        assert_refused(listeners, "ListenerNotFound");
        delete_group().await.unwrap();
        let started = Instant::now();
        while delete_security_group().await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
}

#[test]
fn a_load_balancer_becomes_active() {
    block(async {
        let web = Web::new().await;
        let started = Instant::now();
        loop {
            let shown =
                web.elb.describe_load_balancers().load_balancer_arns(&web.balancer).send().await.unwrap();
            let state = shown.load_balancers()[0].state().unwrap().code().unwrap().clone();
            if state == LoadBalancerStateEnum::Active {
                break;
            }
            assert_eq!(state, LoadBalancerStateEnum::Provisioning);
            assert!(started.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
}
