//! Every kind against an AWS that answers: what is made reads back as it was wanted, and nothing is made twice.

#![allow(clippy::large_futures, reason = "a test holds many calls")]

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ecs::config::{Credentials, SharedCredentialsProvider};
use fargate_stack::aws::Aws;
use fargate_stack::aws::inventory::Inventory;
use fargate_stack::engine::{Driver, Registry};
use fargate_stack::lookup::{self, Wish};
use fargate_stack::model::{Locator, Observed, Outputs, Owner, Resource};
use fargate_stack::stack::{Names, Stack};
use fargate_stack::{config, kinds};
use serde_json::{Value, json};

use crate::harness::{World, operation};

mod balancing;
mod by_hand;
mod names;
mod web_service;

const STACK: &str = "
app:
  name: flow
tags:
  team: platform
tasks:
  worker:
    type: daemon
    image: helloworld:latest
    environment:
      MODE: production
  nightly:
    type: task
    image: helloworld:latest
    schedule: cron(00 15 * * ? *)
  migrate:
    type: task
    image: http-test:latest
    command: migrate
";

/// One account with the stack's resources half-way made.
struct Flow {
    world: World,
    aws: Aws,
    registry: Registry,
    wanted: Vec<Resource>,
    known: BTreeMap<String, Outputs>,
}

/// Clients of the sandbox that retry as the released binary does.
pub fn clients(account: &str) -> Aws {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(World::aws_endpoint())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            account, "sandbox", None, None, "test",
        )))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(aws_sdk_ecs::config::retry::RetryConfig::standard())
        .build();
    Aws {
        account: account.to_owned(),
        region: "us-east-1".to_owned(),
        partition: "aws".to_owned(),
        ec2: aws_sdk_ec2::Client::new(&config),
        ecs: aws_sdk_ecs::Client::new(&config),
        ecr: aws_sdk_ecr::Client::new(&config),
        iam: aws_sdk_iam::Client::new(&config),
        logs: aws_sdk_cloudwatchlogs::Client::new(&config),
        events: aws_sdk_eventbridge::Client::new(&config),
        autoscaling: aws_sdk_applicationautoscaling::Client::new(&config),
        balancing: aws_sdk_elasticloadbalancingv2::Client::new(&config),
        certificates: aws_sdk_acm::Client::new(&config),
        dns: aws_sdk_route53::Client::new(&config),
        trail: aws_sdk_cloudtrail::Client::new(&config),
        tagging: aws_sdk_resourcegroupstagging::Client::new(&config),
        secrets: aws_sdk_secretsmanager::Client::new(&config),
        parameters: aws_sdk_ssm::Client::new(&config),
        quotas: aws_sdk_servicequotas::Client::new(&config),
        tell: fargate_stack::aws::Tell::default(),
        together: std::sync::Arc::default(),
    }
}

impl Flow {
    async fn new() -> Self {
        Self::with(World::new(), STACK).await
    }

    /// A flow of this stack file.
    async fn with(world: World, stack: &str) -> Self {
        let aws = clients(&world.account);
        let config = config::parse("fargate-stack.yml", stack).unwrap();
        let names = Names::new(&config);
        let inventory = Inventory::new(&aws, "fargate-stack:stack", &names.stack);
        let facts = lookup::facts(&aws, &config, &names, &Wish::default(), &inventory).await.unwrap();
        let wanted = kinds::wanted(&Stack::new(&config, facts)).unwrap();
        let registry = kinds::registry(&aws);
        Self { world, aws, registry, wanted, known: BTreeMap::new() }
    }

    /// A flow in which everything is made.
    async fn complete() -> Self {
        let mut flow = Self::new().await;
        flow.make().await;
        flow
    }

    async fn make(&mut self) {
        self.make_some(|_| true).await;
    }

    /// Makes what is chosen by its address.
    async fn make_some(&mut self, chosen: impl Fn(&str) -> bool) {
        let wanted: Vec<Resource> = self.wanted.clone();
        for want in wanted.iter().filter(|want| chosen(&want.at.address.to_string())) {
            let attrs = self.resolved(want);
            let outputs = self.driver(want).create(&want.at, attrs).await.unwrap();
            self.known.insert(want.at.address.to_string(), outputs);
        }
    }

    fn driver(&self, resource: &Resource) -> Arc<dyn Driver> {
        Arc::clone(self.registry.get(resource.at.address.kind()).unwrap())
    }

    fn want(&self, address: &str) -> Resource {
        self.wanted.iter().find(|want| want.at.address.to_string() == address).unwrap().clone()
    }

    /// The wanted attributes with what others gave in place of the references.
    fn resolved(&self, want: &Resource) -> Value {
        fn resolve(value: &mut Value, known: &BTreeMap<String, Outputs>) {
            if let Some(address) = value.get("$ref").and_then(Value::as_str) {
                let output = value["output"].as_str().unwrap();
                *value = known[address][output].clone().into();
                return;
            }
            match value {
                Value::Object(members) => members.values_mut().for_each(|member| resolve(member, known)),
                Value::Array(values) => values.iter_mut().for_each(|value| resolve(value, known)),
                _ => {}
            }
        }
        let mut attrs = want.attrs.clone();
        resolve(&mut attrs, &self.known);
        self.driver(want).canonical(attrs).unwrap()
    }

    /// Another wish for the resource, that can be fulfilled in place.
    fn other(&self, want: &Resource) -> Value {
        let attrs = changed(want.at.address.kind(), &self.resolved(want));
        self.driver(want).canonical(attrs).unwrap()
    }

    async fn seen(&self, want: &Resource) -> Observed {
        let seen = self.driver(want).read(&want.at).await.unwrap();
        seen.unwrap_or_else(|| panic!("no {}", want.at.address))
    }

    /// Fails unless what is read is what was wanted.
    async fn same(&self, want: &Resource, attrs: &Value) -> Observed {
        let seen = self.seen(want).await;
        let rules = self.driver(want).rules();
        for (key, wanted) in attrs.as_object().unwrap() {
            let path = key.as_str();
            let mut found = seen.attrs[path].clone();
            if rules.create_only.contains(&path) {
                continue;
            }
            if rules.shared.contains(&path) {
                let wanted = wanted.as_object().unwrap();
                found.as_object_mut().unwrap().retain(|key, _| wanted.contains_key(key));
                assert_eq!(found.as_object().unwrap(), wanted, "{} {path}", want.at.address);
            } else {
                assert_eq!(&found, wanted, "{} {path}", want.at.address);
            }
        }
        let given: Vec<&str> = seen.outputs.keys().map(String::as_str).collect();
        let mut declared = rules.outputs.to_vec();
        declared.sort_unstable();
        assert_eq!(given, declared, "{}", want.at.address);
        assert_eq!(seen.owner, Owner::Ours, "{}", want.at.address);
        seen
    }

    /// `service:Operation` → how often it took effect.
    fn effects(&self) -> BTreeMap<String, usize> {
        let mut effects = BTreeMap::new();
        for call in self.world.changes().iter().filter(|call| call["result"] == "ok") {
            let name = operation(call);
            *effects.entry(name).or_insert(0) += 1;
        }
        effects
    }

    fn fault(&self, service: &str, operation: &str, kind: &str) {
        let fault = json!({
            "account": self.world.account, "service": service, "operation": operation, "nth": 1, "count": 1, "kind": kind
        });
        self.world.control("POST", "faults", &fault);
    }

    async fn revisions(&self, family: &str) -> usize {
        let listed = self.aws.ecs.list_task_definitions().family_prefix(family).send().await.unwrap();
        listed.task_definition_arns().len()
    }
}

/// Attributes of this kind, changed where AWS can follow in place.
fn changed(kind: &str, attrs: &Value) -> Value {
    let mut attrs = attrs.clone();
    attrs["tags"]["team"] = "infrastructure".into();
    attrs["tags"]["cost-centre"] = "42".into();
    match kind {
        "log_group" => attrs["retention_days"] = 30.into(),
        "iam_role" => {
            for policy in attrs["policies"].as_object_mut().unwrap().values_mut() {
                policy["Statement"][0]["Sid"] = "Changed".into();
            }
            attrs["trust"]["Statement"][0]["Sid"] = "Changed".into();
        }
        "task_definition" => {
            attrs["cpu"] = 1024.into();
            attrs["memory"] = 4096.into();
            attrs["containers"][0]["environment"] = json!({"MODE": "test", "NEW": "1"});
            attrs["containers"][0]["command"] = json!(["run", "it"]);
        }
        "service" => {
            attrs["deployment"]["maximum_percent"] = 150.into();
            attrs["propagate_tags"] = "TASK_DEFINITION".into();
            attrs["enable_execute_command"] = true.into();
            let subnets = attrs["subnets"].as_array_mut().unwrap();
            assert!(subnets.len() > 1, "a change needs two subnets");
            subnets.pop();
        }
        "schedule" => {
            attrs["expression"] = "rate(1 hour)".into();
            attrs["description"] = "Changed".into();
            attrs["target"]["task_count"] = 2.into();
        }
        _ => {}
    }
    attrs
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_reads_back_what_it_made_changed_and_deleted() {
    let mut flow = Flow::new().await;
    for want in flow.wanted.clone() {
        let address = &want.at.address;
        let driver = flow.driver(&want);
        assert_eq!(driver.read(&want.at).await.unwrap(), None, "{address} exists already");
        let attrs = flow.resolved(&want);
        let outputs = driver.create(&want.at, attrs.clone()).await.unwrap();
        let seen = flow.same(&want, &attrs).await;
        assert_eq!(seen.outputs, outputs, "{address}");
        flow.known.insert(address.to_string(), outputs);
    }

    flow.world.forget_calls();
    for want in flow.wanted.clone() {
        let seen = flow.seen(&want).await;
        flow.driver(&want).update(&want.at, &seen, flow.resolved(&want)).await.unwrap();
        assert_eq!(flow.effects(), BTreeMap::new(), "{} changes although nothing differs", want.at.address);
    }

    for want in flow.wanted.clone() {
        let seen = flow.seen(&want).await;
        let other = flow.other(&want);
        let outputs = flow.driver(&want).update(&want.at, &seen, other.clone()).await.unwrap();
        let now = flow.same(&want, &other).await;
        assert_eq!(now.outputs, outputs, "{}", want.at.address);
        flow.known.insert(want.at.address.to_string(), outputs);
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
async fn what_is_made_twice_is_there_once() {
    let mut flow = Flow::complete().await;
    let first = flow.known.clone();
    flow.make().await;
    assert_eq!(flow.known, first);
    for want in flow.wanted.clone() {
        flow.same(&want, &flow.resolved(&want)).await;
    }
    assert_eq!(flow.revisions("worker").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_whose_answer_is_lost_is_not_doubled() {
    let creations = [
        ("ecs", "CreateCluster"),
        ("logs", "CreateLogGroup"),
        ("iam", "CreateRole"),
        ("iam", "PutRolePolicy"),
        ("ec2", "CreateSecurityGroup"),
        ("ecs", "RegisterTaskDefinition"),
        ("ecs", "CreateService"),
        ("events", "PutRule"),
        ("events", "PutTargets"),
    ];
    for kind in ["timeout_after", "drop", "error500", "throttle"] {
        let mut flow = Flow::new().await;
        for (service, operation) in creations {
            flow.fault(service, operation, kind);
        }
        flow.make().await;
        for want in flow.wanted.clone() {
            flow.same(&want, &flow.resolved(&want)).await;
        }
        for family in ["worker", "nightly", "migrate"] {
            assert_eq!(flow.revisions(family).await, 1, "{kind}: {family}");
        }
        let struck: Vec<Value> =
            flow.world.calls().into_iter().filter(|call| !call["fault"].is_null()).collect();
        assert_eq!(struck.len(), creations.len(), "{kind}: {struck:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_owns_is_adopted_as_it_stands() {
    let mut flow = Flow::new().await;
    for want in flow.wanted.clone() {
        let (address, driver) = (&want.at.address, flow.driver(&want));
        let attrs = flow.resolved(&want);
        let mut unowned = attrs.clone();
        unowned["tags"] = json!({"team": "somebody"});
        let made = driver.create(&want.at, unowned).await.unwrap();
        let found = flow.seen(&want).await;
        assert_eq!(found.owner, Owner::Nobody, "{address}");
        flow.world.forget_calls();

        let outputs = driver.update(&want.at, &found, attrs.clone()).await.unwrap();
        assert_eq!(outputs, made, "{address}");
        let tagging =
            ["ecs:TagResource", "logs:TagResource", "iam:TagRole", "ec2:CreateTags", "events:TagResource"];
        for (effect, times) in flow.effects() {
            assert!(
                tagging.contains(&effect.as_str()) && times == 1,
                "{address} is not only tagged: {effect}"
            );
        }
        flow.same(&want, &attrs).await;
        flow.known.insert(address.to_string(), outputs);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_another_stack_is_never_taken() {
    let flow = Flow::complete().await;
    for want in &flow.wanted {
        let at = Locator { stack: "other".to_owned(), ..want.at.clone() };
        let seen = flow.driver(want).read(&at).await.unwrap().unwrap();
        assert_eq!(seen.owner, Owner::Stack("flow".to_owned()), "{}", want.at.address);
        if ["log_group", "iam_role", "security_group", "service"].contains(&at.address.kind()) {
            let refused = flow.driver(want).create(&at, flow.resolved(want)).await;
            assert!(refused.is_err(), "{} was taken from another stack", want.at.address);
        }
    }
}
