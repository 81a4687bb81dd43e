//! Services behind target groups: what is refused, and whose targets are where.

use std::time::{Duration, Instant};

use aws_sdk_ecs::types::LoadBalancer;
use aws_sdk_elasticloadbalancingv2::types::{SubnetMapping, TargetHealthDescription};

use super::super::account::block;
use super::assert_refused;
use super::web::Web;

fn behind(group: &str) -> LoadBalancer {
    LoadBalancer::builder().target_group_arn(group).container_name("web").container_port(80).build()
}

async fn targets(web: &Web, group: &str) -> Vec<TargetHealthDescription> {
    let found = web.elb.describe_target_health().target_group_arn(group).send().await.unwrap();
    found.target_health_descriptions().to_vec()
}

/// State and reason of each target.
async fn states(web: &Web, group: &str) -> Vec<String> {
    let said = |one: &TargetHealthDescription| {
        let health = one.target_health().unwrap();
        let reason = health.reason().map(|reason| format!(" {reason}")).unwrap_or_default();
        format!("{}{reason}", health.state().unwrap())
    };
    targets(web, group).await.iter().map(said).collect()
}

/// Waits until the targets of a group are in these states.
async fn wait(web: &Web, group: &str, expected: &[&str]) {
    let started = Instant::now();
    loop {
        let seen = states(web, group).await;
        if seen == expected {
            return;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{seen:?} instead of {expected:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn a_service_needs_a_target_group_that_a_load_balancer_sends_to() {
    block(async {
        let web = Web::new().await;
        web.bench.cluster().await;
        web.bench.revision("web").await;
        let group = web.group("app").await;
        let make = || web.bench.service("web").load_balancers(behind(&group));
        let idle = format!(
            "InvalidParameterException: The target group with targetGroupArn {group} does not have an associated load balancer."
        );
        assert_refused(make().send().await, &idle);
        web.route(1, &group).await;
        make().health_check_grace_period_seconds(30).send().await.unwrap();
        let other = web.group("other").await;
        assert_refused(
            web.bench.update().load_balancers(behind(&other)).send().await,
            &idle.replace(&group, &other),
        );
        let bare = web.bench.service("bare").health_check_grace_period_seconds(30).send().await;
        assert_refused(bare, "InvalidParameterException: Health check grace period is only valid");
    });
}

#[test]
fn targets_follow_a_service_from_group_to_group_and_go_with_it() {
    block(async {
        let web = Web::new().await;
        web.bench.cluster().await;
        web.bench.revision("web").await;
        let (blue, green) = (web.group("blue").await, web.group("green").await);
        let rule = web.route(1, &blue).await;
        web.route(2, &green).await;
        assert!(targets(&web, &blue).await.is_empty());
        let service = web.bench.service("web").desired_count(1).load_balancers(behind(&blue));
        service.send().await.unwrap();
        wait(&web, &blue, &["healthy"]).await;
        assert!(targets(&web, &blue).await[0].target().unwrap().availability_zone().is_some());
        web.bench.update().load_balancers(behind(&green)).send().await.unwrap();
        assert_eq!(states(&web, &blue).await, ["healthy"], "the old task stays where it is");
        wait(&web, &green, &["healthy"]).await;
        wait(&web, &blue, &[]).await;
        web.bench.update().load_balancers(behind(&blue)).load_balancers(behind(&green)).send().await.unwrap();
        wait(&web, &blue, &["healthy"]).await;
        wait(&web, &green, &["healthy"]).await;
        web.elb.delete_rule().rule_arn(rule).send().await.unwrap();
        wait(&web, &blue, &["unused Target.NotInUse"]).await;
        web.bench.ecs.delete_service().cluster("main").service("web").force(true).send().await.unwrap();
        wait(&web, &green, &[]).await;
        web.elb.delete_target_group().target_group_arn(&blue).send().await.unwrap();
    });
}

#[test]
fn a_target_in_a_zone_that_the_load_balancer_does_not_have_is_unused() {
    block(async {
        let web = Web::new().await;
        web.bench.cluster().await;
        web.bench.revision("web").await;
        let group = web.group("app").await;
        web.route(1, &group).await;
        let ec2 = aws_sdk_ec2::Client::new(&web.bench.config);
        let far = ec2.create_subnet().vpc_id(web.bench.seed["vpc_id"].as_str().unwrap());
        let far = far.cidr_block("10.0.50.0/24").availability_zone("us-east-1c").send().await.unwrap();
        let far = far.subnet().unwrap().subnet_id().unwrap().to_owned();
        let network = super::Bench::network(&[&far], &[web.bench.group()]);
        let service = web.bench.service("web").desired_count(1).network_configuration(network);
        service.load_balancers(behind(&group)).send().await.unwrap();
        wait(&web, &group, &["unused Target.NotInUse"]).await;
        let subnet = |at: usize| web.bench.seed["public_subnets"][at].as_str().unwrap().to_owned();
        let mut set = web.elb.set_subnets().load_balancer_arn(&web.balancer);
        for id in [subnet(0), subnet(1), far] {
            set = set.subnet_mappings(SubnetMapping::builder().subnet_id(id).build());
        }
        set.send().await.unwrap();
        wait(&web, &group, &["healthy"]).await;
    });
}
