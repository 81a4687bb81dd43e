//! The health of the targets that a service registers.

use std::time::{Duration, Instant};

use aws_sdk_ecs::types::LoadBalancer;
use aws_sdk_elasticloadbalancingv2::Client as Balancing;
use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetHealthDescription};
use serde_json::json;

use super::super::account::block;
use super::triggers::target_group;
use super::{Bench, assert_refused};

/// A service `web` of one task behind a target group; the group's ARN.
async fn balanced(bench: &Bench) -> String {
    let group = target_group(bench);
    bench.cluster().await;
    bench.revision("web").await;
    let balancer = LoadBalancer::builder().target_group_arn(&group).container_name("web").container_port(80);
    bench.service("web").desired_count(1).load_balancers(balancer.build()).send().await.unwrap();
    group
}

/// Waits until the only target of a group has a state.
async fn wait(balancing: &Balancing, group: &str, state: &str) -> TargetHealthDescription {
    let started = Instant::now();
    loop {
        let found = balancing.describe_target_health().target_group_arn(group).send().await.unwrap();
        let target = found.target_health_descriptions().first();
        let is = |one: &&TargetHealthDescription| {
            one.target_health().unwrap().state().is_some_and(|found| found.as_str() == state)
        };
        if let Some(target) = target.filter(is) {
            return target.clone();
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{target:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn a_running_task_is_a_healthy_target_and_drains_when_it_goes() {
    block(async {
        let bench = Bench::new();
        let group = balanced(&bench).await;
        let balancing = Balancing::new(&bench.config);
        let target = wait(&balancing, &group, "healthy").await;
        let seen = target.target().unwrap();
        let tasks = bench.tasks(aws_sdk_ecs::types::DesiredStatus::Running).await;
        let address = tasks[0].containers()[0].network_interfaces()[0].private_ipv4_address().unwrap();
        assert_eq!((seen.id(), seen.port()), (Some(address), Some(80)));
        assert!(seen.availability_zone().is_some());
        let other = TargetDescription::builder().id("10.9.9.9").port(80).build();
        let named = balancing.describe_target_health().target_group_arn(&group).targets(other);
        let named = named.send().await.unwrap();
        let health = named.target_health_descriptions()[0].target_health().unwrap().clone();
        assert_eq!(health.reason().unwrap().as_str(), "Target.NotRegistered");

        bench.update().desired_count(0).send().await.unwrap();
        let draining = wait(&balancing, &group, "draining").await;
        let reason = draining.target_health().unwrap().reason().unwrap().as_str().to_owned();
        assert_eq!(reason, "Target.DeregistrationInProgress");
        let gone = format!("{group}0");
        let unknown = balancing.describe_target_health().target_group_arn(gone).send().await;
        assert_refused(unknown, "TargetGroupNotFound");
    });
}

#[test]
fn an_unhealthy_target_says_why() {
    block(async {
        let bench = Bench::new();
        let health =
            json!({"state": "unhealthy", "reason": "Target.Timeout", "description": "Request timed out"});
        let script = json!({
            "account": bench.world.account, "service": "web", "outcome": "healthy", "target_health": health,
        });
        bench.world.control("POST", "rollouts", &script);
        let group = balanced(&bench).await;
        let target = wait(&Balancing::new(&bench.config), &group, "unhealthy").await;
        let health = target.target_health().unwrap();
        assert_eq!(health.reason().unwrap().as_str(), "Target.Timeout");
        assert_eq!(health.description(), Some("Request timed out"));
    });
}
