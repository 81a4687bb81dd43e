//! The sandbox keeps to the facts of AWS and GitHub, seen over HTTP through the SDK that the product uses.
//!
//! The clock belongs to all tests of this binary, so nothing here sets it: rollouts are waited for, a few seconds each.

mod clusters;
mod comments;
mod corrections;
mod definitions;
mod faults;
mod images;
mod limits;
mod merges;
mod parameters;
mod permissions;
mod process;
mod recorder;
mod registry;
mod repo;
mod revisions;
mod rollouts;
mod rollouts_scripted;
mod rules;
mod runs;
mod services;
mod targets;
mod trail;
mod triggers;
pub mod web;
mod web_balancing;
mod web_certificates;
mod web_dns;
mod web_groups;
mod web_health;
mod web_roles;

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::operation::create_service::builders::CreateServiceFluentBuilder;
use aws_sdk_ecs::operation::register_task_definition::builders::RegisterTaskDefinitionFluentBuilder;
use aws_sdk_ecs::operation::update_service::builders::UpdateServiceFluentBuilder;
use aws_sdk_ecs::types::{
    AwsVpcConfiguration, Compatibility, ContainerDefinition, LaunchType, NetworkConfiguration, NetworkMode,
    Service, Task,
};
use serde_json::Value;

use super::account::sdk;
use super::harness::World;

/// A seeded account, its ids and an ECS client. The cluster of its services is `main`.
struct Bench {
    world: World,
    config: SdkConfig,
    ecs: Client,
    seed: Value,
}

impl Bench {
    /// An account with the standard seed.
    fn new() -> Self {
        Self::of(World::new())
    }

    /// An account without anything, for calls that name no network.
    fn empty() -> Self {
        Self::of(World::seeded("empty"))
    }

    fn of(world: World) -> Self {
        let config = sdk(&world);
        let seed = world.control("GET", &format!("seed?account={}", world.account), &Value::Null);
        Self { ecs: Client::new(&config), config, seed, world }
    }

    /// An ARN of this account in its region.
    fn arn(&self, service: &str, tail: &str) -> String {
        format!("arn:aws:{service}:us-east-1:{}:{tail}", self.world.account)
    }

    /// A private subnet of the seed.
    fn subnet(&self, index: usize) -> &str {
        self.seed["private_subnets"][index].as_str().unwrap()
    }

    /// The seed's default security group.
    fn group(&self) -> &str {
        self.seed["default_security_group_id"].as_str().unwrap()
    }

    /// A network of these subnets and security groups.
    fn network(subnets: &[&str], groups: &[&str]) -> NetworkConfiguration {
        let mut vpc = AwsVpcConfiguration::builder().set_subnets(Some(Vec::new()));
        for subnet in subnets {
            vpc = vpc.subnets(*subnet);
        }
        for group in groups {
            vpc = vpc.security_groups(*group);
        }
        NetworkConfiguration::builder().awsvpc_configuration(vpc.build().unwrap()).build()
    }

    /// Makes the cluster.
    async fn cluster(&self) {
        self.ecs.create_cluster().cluster_name("main").send().await.unwrap();
    }

    /// A request for the smallest Fargate task, with one container `web` on port 80.
    fn definition(&self, family: &str) -> RegisterTaskDefinitionFluentBuilder {
        self.bare(family).container_definitions(container("web").build())
    }

    /// The same without a container.
    fn bare(&self, family: &str) -> RegisterTaskDefinitionFluentBuilder {
        self.ecs
            .register_task_definition()
            .family(family)
            .requires_compatibilities(Compatibility::Fargate)
            .network_mode(NetworkMode::Awsvpc)
            .cpu("256")
            .memory("512")
    }

    /// Registers a revision of a family; its ARN.
    async fn revision(&self, family: &str) -> String {
        let made = self.definition(family).send().await.unwrap();
        made.task_definition().unwrap().task_definition_arn().unwrap().to_owned()
    }

    /// A request for a Fargate service of `web:1` without tasks.
    fn service(&self, name: &str) -> CreateServiceFluentBuilder {
        self.ecs
            .create_service()
            .cluster("main")
            .service_name(name)
            .task_definition("web:1")
            .launch_type(LaunchType::Fargate)
            .desired_count(0)
            .network_configuration(Self::network(&[self.subnet(0)], &[self.group()]))
    }

    /// The cluster, the task definition `web:1` and the service `web`.
    async fn with_service(self, desired: i32) -> Self {
        self.cluster().await;
        self.revision("web").await;
        self.service("web").desired_count(desired).send().await.unwrap();
        self
    }

    /// A request to change the service `web`.
    fn update(&self) -> UpdateServiceFluentBuilder {
        self.ecs.update_service().cluster("main").service("web")
    }

    /// The service `web`.
    async fn look(&self) -> Service {
        let answer = self.ecs.describe_services().cluster("main").services("web").send().await.unwrap();
        answer.services().first().unwrap().clone()
    }

    /// Looks at the service `web` again and again until something is true of it; all that was seen.
    async fn watch(&self, what: &str, done: impl Fn(&Service) -> bool) -> Vec<Service> {
        let started = Instant::now();
        let mut seen = Vec::new();
        loop {
            let service = self.look().await;
            let finished = done(&service);
            seen.push(service);
            if finished {
                return seen;
            }
            assert!(
                started.elapsed() < Duration::from_mins(1),
                "waited in vain until {what}: {:?}",
                seen.last()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Every task of the cluster with this desired status.
    async fn tasks(&self, status: aws_sdk_ecs::types::DesiredStatus) -> Vec<Task> {
        let listed = self.ecs.list_tasks().cluster("main").desired_status(status).send().await.unwrap();
        if listed.task_arns().is_empty() {
            return Vec::new();
        }
        let arns = Some(listed.task_arns().to_vec());
        let described = self.ecs.describe_tasks().cluster("main").set_tasks(arns).send().await.unwrap();
        assert!(described.failures().is_empty(), "{:?}", described.failures());
        described.tasks().to_vec()
    }

    /// Sets a fault for this account.
    fn fault(&self, mut fault: Value) {
        fault["account"] = Value::from(self.world.account.clone());
        self.world.control("POST", "faults", &fault);
    }
}

/// A container with an image and port 80.
fn container(name: &str) -> aws_sdk_ecs::types::builders::ContainerDefinitionBuilder {
    let port = aws_sdk_ecs::types::PortMapping::builder().container_port(80).name("http").build();
    ContainerDefinition::builder()
        .name(name)
        .image("public.ecr.aws/docker/library/nginx:1")
        .port_mappings(port)
}

/// `Code: message` of a refused call.
#[track_caller]
fn refused<T: std::fmt::Debug, E: ProvideErrorMetadata>(result: Result<T, SdkError<E>>) -> String {
    let error = result.expect_err("the call was accepted");
    format!("{}: {}", error.code().unwrap_or("no code"), error.message().unwrap_or("no message"))
}

/// Fails the test unless a call was refused with this code and words.
#[track_caller]
fn assert_refused<T: std::fmt::Debug, E: ProvideErrorMetadata>(
    result: Result<T, SdkError<E>>,
    expected: &str,
) {
    let said = refused(result);
    assert!(said.starts_with(expected), "{said:?} instead of {expected:?}");
}

/// Status and body of a control request that may be refused.
fn control(path: &str, body: &Value) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response =
        agent.post(format!("{}/_sandbox/{path}", World::aws_endpoint())).send_json(body).unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

/// How many clusters the account of a client has.
async fn clusters(ecs: &aws_sdk_ecs::Client) -> usize {
    ecs.list_clusters().send().await.unwrap().cluster_arns().len()
}
