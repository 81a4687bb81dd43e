//! One fact of ECS a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::needless_pass_by_value, reason = "`json!` is written where the value is used")]

mod clusters;
mod outcomes;
mod protocol;
mod rollouts;
mod runs;
mod scripts;
mod services;
mod tagging;
mod targets;
mod task_definitions;
mod tasks;
mod updates;
mod validation;
mod verdicts;

use serde_json::{Value, json};

use super::{Ecs, EcsError, Outside, Pace, Role, Subnet, TargetGroup};

/// Running after two seconds, complete after three.
const SLOW: Pace = Pace { pending_s: 0.5, running_s: 2.0, settle_s: 1.0, stop_s: 1.0 };
/// A target group behind a load balancer.
const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef";
/// A target group that no listener sends to.
const IDLE: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/idle/0123456789abcdef";
/// A target group of instances.
const INSTANCES: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/ec2/0123456789abcdef";

/// An account with a clock and some network.
struct Bench {
    ecs: Ecs,
    now: f64,
    outside: Outside,
}

impl Bench {
    /// An empty account.
    fn empty() -> Self {
        let group = |kind: &str, behind: &[&str]| TargetGroup {
            target_type: kind.into(),
            vpc_id: "vpc-1".into(),
            load_balancers: behind.iter().map(|one| (*one).to_owned()).collect(),
        };
        let subnet = |vpc: &str, az: &str| Subnet { vpc_id: vpc.into(), az: az.into() };
        let outside = Outside {
            target_groups: [
                (GROUP.to_owned(), group("ip", &["lb"])),
                (IDLE.to_owned(), group("ip", &[])),
                (INSTANCES.to_owned(), group("instance", &["lb"])),
            ]
            .into(),
            subnets: [
                ("subnet-a".to_owned(), subnet("vpc-1", "eu-west-1a")),
                ("subnet-b".to_owned(), subnet("vpc-1", "eu-west-1b")),
                ("subnet-x".to_owned(), subnet("vpc-2", "eu-west-1a")),
            ]
            .into(),
            security_groups: ["sg-1".to_owned(), "sg-2".to_owned()].into(),
            roles: [("ebs".to_owned(), Role::default())].into(),
        };
        let mut ecs = Ecs::new("123456789012", "eu-west-1");
        ecs.set_pace(SLOW);
        Self { ecs, now: 1_800_000_000.0, outside }
    }

    /// With the cluster `app` and the task definition `web:1`.
    fn ready() -> Self {
        let mut bench = Self::empty();
        bench.ok("CreateCluster", json!({ "clusterName": "app" }));
        bench.ok("RegisterTaskDefinition", definition());
        bench
    }

    /// With the service `web` of two tasks, in steady state.
    fn running() -> Self {
        let mut bench = Self::ready();
        bench.ok("CreateService", service());
        bench.after(10.0);
        bench
    }

    fn call(&mut self, operation: &str, input: &Value) -> Result<Value, EcsError> {
        self.ecs.call(operation, input, self.now, &self.outside)
    }

    fn ok(&mut self, operation: &str, input: Value) -> Value {
        self.call(operation, &input).unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// The code and message of a refusal.
    fn refused(&mut self, operation: &str, input: Value) -> (String, String) {
        let error = self.call(operation, &input).expect_err("must be refused");
        (error.code, error.message)
    }

    /// Code and start of the message must fit.
    fn refuses(&mut self, operation: &str, input: Value, code: &str, message: &str) {
        let (got_code, got) = self.refused(operation, input);
        assert_eq!(got_code, code, "{got}");
        assert!(got.contains(message), "{got}");
    }

    fn after(&mut self, seconds: f64) {
        self.now += seconds;
    }

    /// The service `web` now.
    fn service(&mut self) -> Value {
        let answer = self.ok("DescribeServices", json!({ "cluster": "app", "services": ["web"] }));
        answer["services"][0].clone()
    }

    fn update(&mut self, change: Value) -> Value {
        self.ok("UpdateService", with(json!({ "cluster": "app", "service": "web" }), change))["service"]
            .clone()
    }

    /// Whether an update starts a deployment.
    fn deploys(&mut self, change: Value) -> bool {
        let before = self.service()["deployments"][0]["id"].clone();
        self.update(change)["deployments"][0]["id"] != before
    }

    /// The tasks of the service `web` with this desired status.
    fn tasks(&mut self, desired: &str) -> Vec<Value> {
        let list = json!({ "cluster": "app", "serviceName": "web", "desiredStatus": desired });
        let arns = self.ok("ListTasks", list)["taskArns"].clone();
        if arns.as_array().unwrap().is_empty() {
            return Vec::new();
        }
        let answer =
            self.ok("DescribeTasks", json!({ "cluster": "app", "tasks": arns, "include": ["TAGS"] }));
        answer["tasks"].as_array().unwrap().clone()
    }

    /// The messages of the service's events, newest first.
    fn events(&mut self) -> Vec<String> {
        let service = self.service();
        service["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["message"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// `base` with the members of `over` put over it; a null takes a member away.
fn with(mut base: Value, over: Value) -> Value {
    let members = base.as_object_mut().unwrap();
    for (key, value) in over.as_object().unwrap() {
        if value.is_null() {
            members.remove(key);
        } else {
            members.insert(key.clone(), value.clone());
        }
    }
    base
}

/// A Fargate task definition that ECS accepts.
fn definition() -> Value {
    json!({
        "family": "web",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/exec",
        "containerDefinitions": [container()],
    })
}

fn container() -> Value {
    json!({
        "name": "web",
        "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/helloworld:latest",
        "portMappings": [{ "containerPort": 80 }],
    })
}

/// A service of two tasks that ECS accepts.
fn service() -> Value {
    json!({
        "cluster": "app",
        "serviceName": "web",
        "taskDefinition": "web",
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": network(&["subnet-a", "subnet-b"]),
    })
}

fn network(subnets: &[&str]) -> Value {
    json!({ "awsvpcConfiguration": { "subnets": subnets, "securityGroups": ["sg-1"] } })
}
