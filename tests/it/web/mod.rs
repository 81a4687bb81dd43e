//! Web services: load balancers, certificates, DNS records and what belongs to them, from an empty account and beside what
//! others made.

mod change;
mod killed;
mod lives;
mod regressions;
mod shared;

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_elasticloadbalancingv2::types::{Action, RuleCondition, TagDescription};

use super::account::{block, holds, sdk};
use super::harness::World;

/// An apply has nothing to do.
#[track_caller]
pub fn settled(world: &World) {
    world.forget_calls();
    world.run(&["apply", "--yes"]).expect(0);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

/// Everything that an account holds, web services included, without what differs from world to world.
pub fn state(world: &World) -> Vec<String> {
    let cut = |line: &String| line.split(" in vpc-").next().unwrap().replace(&world.account, "ACCOUNT");
    let mut found: BTreeSet<String> = holds(world).iter().map(cut).collect();
    found.extend(web(world));
    found.into_iter().collect()
}

/// One line for each load balancer, target group, listener, rule, certificate, record and ingress rule. Names stand for ids.
fn web(world: &World) -> BTreeSet<String> {
    let config = sdk(world);
    block(async {
        let mut found = balancing(&config).await;
        found.extend(certificates(&config).await);
        found.extend(records(&config).await);
        found.extend(ingress(&config).await);
        found.extend(services(&config).await);
        found
    })
}

/// `targetgroup/NAME`, `loadbalancer/app/NAME`, … of an ARN: without what AWS makes up.
fn named(arn: &str) -> String {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    let parts: Vec<&str> = resource.split('/').collect();
    match parts.as_slice() {
        ["targetgroup", name, ..] => format!("targetgroup/{name}"),
        [kind, "app", name, ..] => format!("{kind}/{name}"),
        _ => resource.to_owned(),
    }
}

async fn balancing(config: &SdkConfig) -> BTreeSet<String> {
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(config);
    let mut found = BTreeSet::new();
    let groups = elb.describe_target_groups().send().await.unwrap();
    for group in groups.target_groups() {
        let arn = group.target_group_arn().unwrap();
        let attributes = elb.describe_target_group_attributes().target_group_arn(arn).send().await.unwrap();
        let mut attributes: Vec<String> = attributes
            .attributes()
            .iter()
            .map(|one| format!("{}={}", one.key().unwrap(), one.value().unwrap_or_default()))
            .filter(|one| one.starts_with("deregistration") || one.starts_with("stickiness"))
            .collect();
        attributes.sort();
        found.insert(format!(
            "{} {:?} {:?} {:?} {:?} {:?} every {:?} within {:?} up {:?} down {:?} {attributes:?}",
            named(arn),
            group.protocol(),
            group.port(),
            group.health_check_path(),
            group.health_check_port(),
            group.matcher().and_then(|matcher| matcher.http_code()),
            group.health_check_interval_seconds(),
            group.health_check_timeout_seconds(),
            group.healthy_threshold_count(),
            group.unhealthy_threshold_count(),
        ));
    }
    let balancers = elb.describe_load_balancers().send().await.unwrap();
    for balancer in balancers.load_balancers() {
        let arn = balancer.load_balancer_arn().unwrap();
        let attributes = elb.describe_load_balancer_attributes().load_balancer_arn(arn).send().await.unwrap();
        let tags = elb.describe_tags().resource_arns(arn).send().await.unwrap();
        let tags = tags.tag_descriptions().iter().flat_map(TagDescription::tags);
        let tags = tags.map(|tag| format!("{}={}", tag.key().unwrap(), tag.value().unwrap_or_default()));
        let tags: BTreeSet<String> = tags.filter(|tag| !tag.starts_with("fargate-stack:")).collect();
        let idle =
            attributes.attributes().iter().find(|one| one.key() == Some("idle_timeout.timeout_seconds"));
        found.insert(format!(
            "{} {:?} in {} zones, {} groups, idle {:?}, tags {tags:?}",
            named(arn),
            balancer.scheme(),
            balancer.availability_zones().len(),
            balancer.security_groups().len(),
            idle.and_then(|one| one.value()),
        ));
        let listeners = elb.describe_listeners().load_balancer_arn(arn).send().await.unwrap();
        for listener in listeners.listeners() {
            let arn = listener.listener_arn().unwrap();
            let port = listener.port().unwrap();
            let given = elb.describe_listener_certificates().listener_arn(arn).send().await.unwrap();
            found.insert(format!(
                "listener {port} of {}: {:?} {:?} {} certificates, else {}",
                balancer.load_balancer_name().unwrap(),
                listener.protocol(),
                listener.ssl_policy(),
                given.certificates().len(),
                actions(listener.default_actions()),
            ));
            let rules = elb.describe_rules().listener_arn(arn).send().await.unwrap();
            for rule in rules.rules().iter().filter(|rule| rule.is_default() != Some(true)) {
                found.insert(format!(
                    "rule {} of {}:{port}: {} → {}",
                    rule.priority().unwrap(),
                    balancer.load_balancer_name().unwrap(),
                    conditions(rule.conditions()),
                    actions(rule.actions()),
                ));
            }
        }
    }
    found
}

fn conditions(conditions: &[RuleCondition]) -> String {
    let mut all: Vec<String> = conditions
        .iter()
        .map(|one| {
            let hosts = one
                .host_header_config()
                .map(aws_sdk_elasticloadbalancingv2::types::HostHeaderConditionConfig::values)
                .unwrap_or_default();
            let paths = one
                .path_pattern_config()
                .map(aws_sdk_elasticloadbalancingv2::types::PathPatternConditionConfig::values)
                .unwrap_or_default();
            format!("{} {:?}", one.field().unwrap(), [hosts, paths].concat())
        })
        .collect();
    all.sort();
    all.join(" ")
}

fn actions(actions: &[Action]) -> String {
    let one = |action: &Action| match (action.target_group_arn(), action.redirect_config()) {
        (Some(group), _) => named(group),
        (_, Some(to)) => format!("redirect to {:?} {:?}", to.protocol(), to.port()),
        _ => format!("{:?}", action.fixed_response_config().map(|fixed| fixed.status_code())),
    };
    actions.iter().map(one).collect::<Vec<_>>().join(", ")
}

async fn certificates(config: &SdkConfig) -> BTreeSet<String> {
    let acm = aws_sdk_acm::Client::new(config);
    let mut found = BTreeSet::new();
    let listed = acm.list_certificates().send().await.unwrap();
    for (n, one) in listed.certificate_summary_list().iter().enumerate() {
        let arn = one.certificate_arn().unwrap();
        let described = acm.describe_certificate().certificate_arn(arn).send().await.unwrap();
        let status = described.certificate().unwrap().status().unwrap().as_str().to_owned();
        let twins = listed.certificate_summary_list().iter().take(n);
        let twins = twins.filter(|other| other.domain_name() == one.domain_name()).count();
        found.insert(format!("certificate {} {status} {twins}", one.domain_name().unwrap()));
    }
    found
}

async fn records(config: &SdkConfig) -> BTreeSet<String> {
    let dns = aws_sdk_route53::Client::new(config);
    let mut found = BTreeSet::new();
    for zone in dns.list_hosted_zones().send().await.unwrap().hosted_zones() {
        let private = zone.config().is_some_and(aws_sdk_route53::types::HostedZoneConfig::private_zone);
        let sets = dns.list_resource_record_sets().hosted_zone_id(zone.id()).send().await.unwrap();
        for set in sets.resource_record_sets() {
            if matches!(set.r#type().as_str(), "NS" | "SOA") {
                continue;
            }
            // Values that AWS makes up differ from world to world.
            let to = match set.alias_target() {
                Some(alias) => format!("alias of {}", alias.dns_name().split('-').next().unwrap_or_default()),
                None if set.r#type().as_str() == "TXT" => {
                    set.resource_records()[0].value().split(" scope=").next().unwrap().to_owned()
                }
                None => format!("{} values", set.resource_records().len()),
            };
            let name = set.name().split('.').map(|label| if label.len() > 30 { "_x" } else { label });
            let name = name.collect::<Vec<_>>().join(".");
            found.insert(format!("record {name} {} private={private} {to}", set.r#type()));
        }
    }
    found
}

async fn services(config: &SdkConfig) -> BTreeSet<String> {
    let ecs = aws_sdk_ecs::Client::new(config);
    let mut found = BTreeSet::new();
    for cluster in ecs.list_clusters().send().await.unwrap().cluster_arns() {
        for arn in ecs.list_services().cluster(cluster).send().await.unwrap().service_arns() {
            let described = ecs.describe_services().cluster(cluster).services(arn).send().await.unwrap();
            let service = described.services().first().unwrap();
            let settings = service.deployment_configuration().unwrap();
            let breaker = settings.deployment_circuit_breaker().unwrap();
            let behind = service.load_balancers().iter();
            let behind = behind
                .map(|one| format!("{}:{:?}", named(one.target_group_arn().unwrap()), one.container_port()));
            found.insert(format!(
                "service {} behind {:?}, grace {:?}, {:?} to {:?} per cent, breaker {} rollback {}",
                service.service_name().unwrap(),
                behind.collect::<Vec<_>>(),
                service.health_check_grace_period_seconds(),
                settings.minimum_healthy_percent(),
                settings.maximum_percent(),
                breaker.enable(),
                breaker.rollback(),
            ));
        }
    }
    found
}

async fn ingress(config: &SdkConfig) -> BTreeSet<String> {
    let ec2 = aws_sdk_ec2::Client::new(config);
    let groups = ec2.describe_security_groups().send().await.unwrap().security_groups().to_vec();
    let name = |id: &str| {
        let found = groups.iter().find(|group| group.group_id() == Some(id));
        found.and_then(|group| group.group_name()).unwrap_or(id).to_owned()
    };
    let mut found = BTreeSet::new();
    for group in &groups {
        for rule in group.ip_permissions() {
            let ranges = rule.ip_ranges().iter().map(|range| range.cidr_ip().unwrap_or_default().to_owned());
            let pairs =
                rule.user_id_group_pairs().iter().map(|pair| name(pair.group_id().unwrap_or_default()));
            for source in ranges.chain(pairs) {
                let (from, to) = (rule.from_port(), rule.to_port());
                let own = group.group_name().unwrap();
                if own != "default" {
                    found.insert(format!("ingress of {own}: {from:?}-{to:?} from {source}"));
                }
            }
        }
    }
    found
}
