//! Services: what they are made of, and the calls that look at them or end them.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::Ecs;
use super::deployments::Deployment;
use super::error::{Answer, EcsError};
use super::ids::Ids;
use super::json::{count, flag, list, text, texts, time};
use super::page::page;
use super::releases::Release;
use super::tags::{self, Tags};
use super::tasks::Task;
use super::workloads::Workload;

/// Cluster name and service name.
pub type ServiceKey = (String, String);

/// Most events that a service remembers.
const MOST_EVENTS: usize = 100;

/// Whether a service works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// In use.
    Active,
    /// Deleted, with tasks still to stop.
    Draining,
    /// Deleted; can still be described.
    Inactive,
}

/// One service.
#[derive(Debug)]
pub struct Service {
    /// Its ARN.
    pub arn: String,
    /// Unique in its cluster.
    pub name: String,
    /// The cluster's name.
    pub cluster: String,
    /// Whether it works.
    pub status: Status,
    /// Every setting of the request with the defaults filled in, under the names of the API. `taskDefinition` is an ARN.
    pub settings: Value,
    /// How many tasks it wants.
    pub desired: i64,
    /// Its tags.
    pub tags: Tags,
    /// Newest first: PRIMARY, then those whose tasks are still to go.
    pub deployments: Vec<Deployment>,
    /// Every service deployment, newest first.
    pub releases: Vec<Release>,
    /// Every service revision, oldest first.
    pub workloads: Vec<Workload>,
    /// The last deployment that completed: its id and its service revision.
    pub completed: Option<(String, String)>,
    /// Newest first.
    pub events: VecDeque<Value>,
    /// Whether the steady state was announced since the last change.
    pub steady: bool,
    /// Since when desired count and deployments are what they are.
    pub changed_at: f64,
    /// When it was created.
    pub created_at: f64,
    /// Availability Zone by subnet id.
    pub zones: BTreeMap<String, String>,
    /// The client token and the request that made it.
    pub request: (Option<String>, Value),
}

/// Settings that `DescribeServices` does not show on the service itself.
const HIDDEN: [&str; 6] = [
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
    "monitoring",
    "role",
];

impl Service {
    /// Neither draining nor gone.
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    /// Deleted, and all its tasks stopped.
    pub fn is_inactive(&self) -> bool {
        self.status == Status::Inactive
    }

    /// Whether it, or a deployment that still has tasks, uses the task definition.
    pub fn uses(&self, definition: &str) -> bool {
        text(&self.settings, "taskDefinition") == Some(definition)
            || self
                .deployments
                .iter()
                .any(|one| one.spec.get("taskDefinition").and_then(Value::as_str) == Some(definition))
    }

    /// The capacity providers that it names.
    pub fn providers(&self) -> Vec<&str> {
        list(&self.settings, "capacityProviderStrategy")
            .iter()
            .filter_map(|one| text(one, "capacityProvider"))
            .collect()
    }

    /// Whether its tasks run on Fargate.
    pub fn on_fargate(&self) -> bool {
        is_fargate(&self.settings)
    }

    /// Writes an event; the text comes after `(service NAME) `.
    pub fn event(&mut self, ids: &mut Ids, now: f64, message: &str) {
        let message = format!("(service {}) {message}", self.name);
        self.events.push_front(json!({ "id": ids.uuid(), "createdAt": time(now), "message": message }));
        self.events.truncate(MOST_EVENTS);
    }

    /// A member of `deploymentConfiguration`.
    pub fn percent(&self, key: &str, default: i64) -> i64 {
        let given = self.settings.pointer(&format!("/deploymentConfiguration/{key}"));
        given.and_then(Value::as_i64).unwrap_or(default)
    }
}

/// Whether a service of these settings runs on Fargate.
pub fn is_fargate(settings: &Value) -> bool {
    text(settings, "launchType") == Some("FARGATE")
        || list(settings, "capacityProviderStrategy")
            .iter()
            .any(|one| text(one, "capacityProvider").is_some_and(|name| name.starts_with("FARGATE")))
}

impl Ecs {
    /// The name that a service name or ARN means in a cluster.
    pub(super) fn service_name<'a>(&self, cluster: &str, reference: &'a str) -> Answer<&'a str> {
        if !reference.starts_with("arn:") {
            return Ok(reference);
        }
        let tail = self.place.tail(reference).and_then(|tail| tail.strip_prefix("service/"));
        match tail.and_then(|tail| tail.split_once('/')) {
            Some((own, name)) if own == cluster => Ok(name),
            Some((own, _)) => Err(EcsError::invalid(format!(
                "Invalid identifier: Identifier is for {own}. Your cluster is {cluster}"
            ))),
            None => Err(EcsError::invalid("Invalid service ARN.")),
        }
    }

    /// The service of a cluster by name or ARN, unless it is inactive.
    pub(super) fn service(&self, cluster: &str, reference: &str) -> Answer<&Service> {
        let name = self.service_name(cluster, reference)?;
        self.services
            .get(&(cluster.to_owned(), name.to_owned()))
            .filter(|service| !service.is_inactive())
            .ok_or_else(EcsError::no_service)
    }

    pub(super) fn describe_services(&self, input: &Value) -> Answer {
        let cluster = self.cluster(text(input, "cluster"))?.name.as_str();
        let wanted = texts(input, "services");
        if wanted.is_empty() {
            return Err(EcsError::invalid("Services cannot be empty."));
        }
        if wanted.len() > 10 {
            return Err(EcsError::invalid("Services can have at most 10 items."));
        }
        let with_tags = tags::asked(input);
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for reference in wanted {
            let name = self.service_name(cluster, reference)?;
            match self.services.get(&(cluster.to_owned(), name.to_owned())) {
                Some(service) => found.push(self.show_service(service, with_tags)),
                None => failures.push(json!({
                    "arn": self.place.arn(&format!("service/{cluster}/{name}")), "reason": "MISSING"
                })),
            }
        }
        Ok(json!({ "services": found, "failures": failures }))
    }

    pub(super) fn list_services(&self, input: &Value) -> Answer {
        let cluster = self.cluster(text(input, "cluster"))?.name.as_str();
        let launch_type = text(input, "launchType");
        let strategy = text(input, "schedulingStrategy");
        let arns: Vec<String> = self
            .services
            .values()
            .filter(|one| one.cluster == cluster && !one.is_inactive())
            .filter(|one| launch_type.is_none_or(|wanted| text(&one.settings, "launchType") == Some(wanted)))
            .filter(|one| {
                strategy.is_none_or(|wanted| text(&one.settings, "schedulingStrategy") == Some(wanted))
            })
            // Services that ECS itself manages are not modelled.
            .filter(|_| text(input, "resourceManagementType").is_none_or(|wanted| wanted == "CUSTOMER"))
            .map(|one| one.arn.clone())
            .collect();
        page(input, &format!("ListServices {cluster} {launch_type:?} {strategy:?}"), "serviceArns", &arns, 10)
    }

    /// The service starts to drain; it is inactive when its last task has stopped.
    pub(super) fn delete_service(&mut self, input: &Value) -> Answer {
        let cluster = self.cluster(text(input, "cluster"))?.name.clone();
        let name = self.service(&cluster, text(input, "service").unwrap_or_default())?.name.clone();
        let now = self.settled_at;
        let key = (cluster, name);
        let service = self.services.get_mut(&key).ok_or_else(EcsError::no_service)?;
        let force = flag(input, "force").unwrap_or(false);
        if service.is_active() && service.desired > 0 && !force {
            return Err(EcsError::invalid(
                "The service cannot be stopped while the primary deployment is scaled above 0.",
            ));
        }
        if service.is_active() {
            service.status = Status::Draining;
            service.desired = 0;
            service.changed_at = now;
            service.stop_release("Service deployment was stopped because the service was deleted.", now);
            if let Some(primary) = service.deployments.first_mut() {
                primary.desired = 0;
                primary.updated_at = now;
            }
        }
        self.services.get(&key).map_or_else(
            || Err(EcsError::no_service()),
            |service| Ok(json!({ "service": self.show_service(service, true) })),
        )
    }

    /// The tasks of a service, stopped ones included.
    pub(super) fn tasks_of<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Task> {
        self.tasks
            .values()
            .filter(|task| task.cluster == service.cluster && task.service.as_deref() == Some(&service.name))
    }

    /// The service as Describe answers it.
    pub(super) fn show_service(&self, service: &Service, with_tags: bool) -> Value {
        let now = self.settled_at;
        let tasks: Vec<&Task> = self.tasks_of(service).collect();
        let mut shown = service.settings.as_object().cloned().unwrap_or_default();
        for key in HIDDEN {
            shown.remove(key);
        }
        let mut put = |key: &str, value: Value| {
            shown.insert(key.to_owned(), value);
        };
        put("serviceArn", json!(service.arn));
        put("serviceName", json!(service.name));
        put("clusterArn", json!(self.place.arn(&format!("cluster/{}", service.cluster))));
        put(
            "status",
            json!(match service.status {
                Status::Active => "ACTIVE",
                Status::Draining => "DRAINING",
                Status::Inactive => "INACTIVE",
            }),
        );
        put("desiredCount", json!(service.desired));
        put("runningCount", json!(count(tasks.iter().filter(|task| task.is_running(now)))));
        put("pendingCount", json!(count(tasks.iter().filter(|task| task.is_pending(now)))));
        let deployments: Vec<Value> =
            service.deployments.iter().enumerate().map(|(at, one)| one.show(at == 0, &tasks, now)).collect();
        put("deployments", json!(deployments));
        if let Some(release) = service.deployments.first().map(|one| &one.release) {
            put("currentServiceDeployment", json!(release));
        }
        let mut revisions: Vec<&str> = Vec::new();
        for deployment in &service.deployments {
            if !revisions.contains(&deployment.revision.as_str()) {
                revisions.push(&deployment.revision);
            }
        }
        let summaries: Vec<Value> =
            revisions.into_iter().map(|arn| service.summary(arn, &tasks, now)).collect();
        put("currentServiceRevisions", json!(summaries));
        put("events", json!(service.events));
        put("createdAt", time(service.created_at));
        put("createdBy", json!(self.place.caller()));
        put("roleArn", json!(self.place.service_role()));
        put("resourceManagementType", json!("CUSTOMER"));
        if with_tags {
            put("tags", tags::show(&service.tags));
        }
        Value::Object(shown)
    }
}
