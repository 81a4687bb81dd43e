//! What an AWS account holds, seen with the SDK and not through the product.

use std::collections::BTreeSet;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ecs::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_ecs::types::TaskDefinitionStatus;

use super::harness::World;

/// SDK settings for a world's account.
pub fn sdk(world: &World) -> SdkConfig {
    let credentials = Credentials::new(&world.account, "sandbox", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(World::aws_endpoint())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .sleep_impl(aws_smithy_async_sleep())
        .build()
}

fn aws_smithy_async_sleep() -> aws_sdk_ecs::config::SharedAsyncSleep {
    aws_sdk_ecs::config::SharedAsyncSleep::new(TokioSleep)
}

#[derive(Debug)]
struct TokioSleep;

impl aws_sdk_ecs::config::AsyncSleep for TokioSleep {
    fn sleep(&self, duration: std::time::Duration) -> aws_sdk_ecs::config::Sleep {
        aws_sdk_ecs::config::Sleep::new(tokio::time::sleep(duration))
    }
}

/// Runs async code in a test.
pub fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// One line for each cluster, service, task-definition revision, role with its policies, log group, security group and
/// rule with its targets: everything that these stacks make.
pub fn holds(world: &World) -> BTreeSet<String> {
    block(async {
        let config = sdk(world);
        let mut found = BTreeSet::new();
        let ecs = aws_sdk_ecs::Client::new(&config);
        for arn in ecs.list_clusters().send().await.unwrap().cluster_arns() {
            found.insert(format!("cluster {arn}"));
            let services = ecs.list_services().cluster(arn).send().await.unwrap();
            for service in services.service_arns() {
                let described = ecs.describe_services().cluster(arn).services(service).send().await.unwrap();
                let service = described.services().first().unwrap();
                found.insert(format!(
                    "service {} runs {}",
                    service.service_name().unwrap(),
                    service.task_definition().unwrap()
                ));
            }
        }
        for status in [TaskDefinitionStatus::Active, TaskDefinitionStatus::Inactive] {
            let listed = ecs.list_task_definitions().status(status.clone()).send().await.unwrap();
            found.extend(listed.task_definition_arns().iter().map(|arn| format!("{status} {arn}")));
        }
        let iam = aws_sdk_iam::Client::new(&config);
        for role in iam.list_roles().send().await.unwrap().roles() {
            let name = role.role_name();
            if role.path().starts_with("/aws-service-role/") {
                continue; // AWS makes these
            }
            let policies = iam.list_role_policies().role_name(name).send().await.unwrap();
            found.insert(format!("role {name} {:?}", policies.policy_names()));
        }
        let logs = aws_sdk_cloudwatchlogs::Client::new(&config);
        for group in logs.describe_log_groups().send().await.unwrap().log_groups() {
            let (name, days) = (group.log_group_name().unwrap(), group.retention_in_days());
            found.insert(format!("log group {name} {days:?}"));
        }
        let ec2 = aws_sdk_ec2::Client::new(&config);
        for group in ec2.describe_security_groups().send().await.unwrap().security_groups() {
            found.insert(format!(
                "security group {} in {}",
                group.group_name().unwrap(),
                group.vpc_id().unwrap()
            ));
        }
        let events = aws_sdk_eventbridge::Client::new(&config);
        for rule in events.list_rules().send().await.unwrap().rules() {
            let name = rule.name().unwrap();
            let targets = events.list_targets_by_rule().rule(name).send().await.unwrap();
            let targets: Vec<&str> =
                targets.targets().iter().map(aws_sdk_eventbridge::types::Target::id).collect();
            found.insert(format!(
                "rule {name} {} → {targets:?}",
                rule.schedule_expression().unwrap_or_default()
            ));
        }
        found
    })
}
