//! Behavioural model of ECS: the state of one account in one region, and what every call does to it.
//!
//! A call first settles what time has done since the last one (`scheduler`), then is checked against the request
//! shapes (`api`), and then answered. Nothing here reads a clock: the caller says what time it is.

mod api;
mod clusters;
pub mod course;
mod defaults;
mod deployments;
mod error;
mod execute;
mod fargate;
pub(crate) mod ids;
pub(crate) mod json;
mod launch;
mod log_lines;
mod outside;
mod overrides;
mod page;
mod releases;
mod releases_api;
mod run_task;
mod scheduler;
mod script;
mod script_course;
mod service_checks;
mod service_create;
mod service_update;
mod services;
mod tags;
mod targets;
mod task_definitions;
mod tasks;
#[cfg(test)]
mod tests;
mod validate;
mod validate_container;
mod verdict;
mod workloads;

use std::collections::BTreeMap;

use serde_json::Value;

pub use course::{Pace, TargetHealth};
pub use error::EcsError;
pub use log_lines::LogBatch;
pub use outside::{Needs, Outside, Role, Subnet, TargetGroup};
pub use script::{Outcome, Script};
pub use tags::Tags;
pub use targets::Target;

use clusters::Cluster;
use ids::{Ids, Place};
use services::{Service, ServiceKey};
use task_definitions::Family;
use tasks::Task;

/// All ECS state of one account and region.
#[derive(Debug)]
pub struct Ecs {
    place: Place,
    ids: Ids,
    /// By name, inactive ones included.
    clusters: BTreeMap<String, Cluster>,
    /// By family name; a family stays when its last revision is deleted, so that numbers are never used again.
    families: BTreeMap<String, Family>,
    /// By cluster and service name, inactive ones included.
    services: BTreeMap<ServiceKey, Service>,
    /// By ARN; stopped tasks stay for an hour.
    tasks: BTreeMap<String, Task>,
    /// `RunTask` calls with a client token, by cluster and token.
    ran: BTreeMap<(String, String), run_task::Ran>,
    /// How fast tasks go when nothing is scripted.
    pace: Pace,
    /// What the next deployments and runs will do; the first that fits is used.
    scripts: Vec<Script>,
    /// Up to when time has been played.
    settled_at: f64,
}

impl Ecs {
    /// An account without any ECS resource. The partition follows from the region.
    pub fn new(account: &str, region: &str) -> Self {
        let place = Place::new(account, region);
        let ids = Ids::new(&place);
        Self {
            place,
            ids,
            clusters: BTreeMap::new(),
            families: BTreeMap::new(),
            services: BTreeMap::new(),
            tasks: BTreeMap::new(),
            ran: BTreeMap::new(),
            pace: Pace::default(),
            scripts: Vec::new(),
            settled_at: 0.0,
        }
    }

    /// What must be looked up in other services before this call.
    pub fn needs(operation: &str, input: &Value) -> Needs {
        Needs::of(operation, &json::without_nulls(input))
    }

    /// Sets how fast tasks go in deployments that start from now on, where no script says otherwise.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Answers one call at `now` (epoch seconds). A refused call changes nothing but what time has changed.
    pub fn call(
        &mut self,
        operation: &str,
        input: &Value,
        now: f64,
        outside: &Outside,
    ) -> Result<Value, EcsError> {
        if !api::knows(operation) {
            return Err(EcsError::not_emulated(operation));
        }
        self.settle(now);
        let input = &json::without_nulls(input);
        api::check(operation, input)?;
        match operation {
            "CreateCluster" => self.create_cluster(input),
            "DescribeClusters" => self.describe_clusters(input),
            "ListClusters" => self.list_clusters(input),
            "UpdateCluster" => self.update_cluster(input),
            "UpdateClusterSettings" => self.update_cluster_settings(input),
            "PutClusterCapacityProviders" => self.put_capacity_providers(input),
            "DeleteCluster" => self.delete_cluster(input),
            "RegisterTaskDefinition" => self.register(input),
            "DescribeTaskDefinition" => self.describe_definition(input),
            "ListTaskDefinitions" => self.list_definitions(input),
            "ListTaskDefinitionFamilies" => self.list_families(input),
            "DeregisterTaskDefinition" => self.deregister(input),
            "DeleteTaskDefinitions" => self.delete_definitions(input),
            "CreateService" => self.create_service(input, outside),
            "UpdateService" => self.update_service(input, outside),
            "DescribeServices" => self.describe_services(input),
            "ListServices" => self.list_services(input),
            "ListServiceDeployments" => self.list_releases(input),
            "DescribeServiceDeployments" => self.describe_releases(input),
            "DescribeServiceRevisions" => self.describe_workloads(input),
            "StopServiceDeployment" => self.stop_release(input),
            "DeleteService" => self.delete_service(input),
            "ListTasks" => self.list_tasks(input),
            "DescribeTasks" => self.describe_tasks(input),
            "RunTask" => self.run_task(input, outside),
            "ExecuteCommand" => self.execute_command(input),
            "StopTask" => self.stop_task(input),
            "TagResource" => self.tag_resource(input),
            "UntagResource" => self.untag_resource(input),
            "ListTagsForResource" => self.list_tags(input),
            "ListAccountSettings" => Ok(self.account_settings(input)),
            other => Err(EcsError::not_emulated(other)),
        }
    }

    /// Default settings of an account that never changed any.
    fn account_settings(&self, input: &Value) -> Value {
        const DEFAULTS: [(&str, &str); 7] = [
            ("awsvpcTrunking", "disabled"),
            ("containerInsights", "disabled"),
            ("containerInstanceLongArnFormat", "enabled"),
            ("defaultLogDriverMode", "non-blocking"),
            ("serviceLongArnFormat", "enabled"),
            ("tagResourceAuthorization", "on"),
            ("taskLongArnFormat", "enabled"),
        ];
        // Without `effectiveSettings` only what was set explicitly is listed: nothing.
        let effective = json::flag(input, "effectiveSettings").unwrap_or(false);
        let settings: Vec<Value> = DEFAULTS
            .iter()
            .filter(|(name, _)| effective && json::text(input, "name").is_none_or(|wanted| wanted == *name))
            .map(|(name, value)| {
                serde_json::json!({
                    "name": name, "value": value, "principalArn": self.place.caller(), "type": "user"
                })
            })
            .collect();
        serde_json::json!({ "settings": settings })
    }
}

/// Whether an operation of ECS changes anything.
pub fn is_mutating(operation: &str) -> bool {
    !["Describe", "List", "Get", "Discover"].iter().any(|verb| operation.starts_with(verb))
}
