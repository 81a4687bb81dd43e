//! Clusters.

use serde_json::{Value, json};

use super::Ecs;
use super::error::{Answer, EcsError};
use super::json::{Object, count, list, names, text, texts};
use super::page::page;
use super::tags::{self, Tags};
use super::validate::is_name_char;

/// One cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its ARN.
    pub arn: String,
    /// Unique among active clusters.
    pub name: String,
    /// `false` once deleted: it can still be described.
    pub active: bool,
    /// Its tags.
    pub tags: Tags,
    /// `settings`, `configuration`, `capacityProviders` and so on, as given.
    pub members: Object,
}

impl Cluster {
    /// Whether the capacity provider is associated with the cluster.
    pub fn has_provider(&self, name: &str) -> bool {
        list_in(&self.members, "capacityProviders").iter().any(|one| one == name)
    }

    /// What services and tasks use that name no launch type.
    pub fn default_strategy(&self) -> &[Value] {
        list_in(&self.members, "defaultCapacityProviderStrategy")
    }
}

fn list_in<'a>(members: &'a Object, key: &str) -> &'a [Value] {
    members.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Ecs {
    /// The active cluster that a name or ARN means; without one, `default`.
    pub(super) fn cluster(&self, reference: Option<&str>) -> Answer<&Cluster> {
        let name = self.cluster_name(reference).ok_or_else(EcsError::no_cluster)?;
        let cluster = self.clusters.get(name).ok_or_else(EcsError::no_cluster)?;
        if cluster.active { Ok(cluster) } else { Err(EcsError::no_cluster()) }
    }

    /// The name in a name or ARN of this account and region.
    pub(super) fn cluster_name<'a>(&self, reference: Option<&'a str>) -> Option<&'a str> {
        match reference {
            None => Some("default"),
            Some(given) if given.starts_with("arn:") => self.place.tail(given)?.strip_prefix("cluster/"),
            Some(given) => Some(given),
        }
    }

    pub(super) fn create_cluster(&mut self, input: &Value) -> Answer {
        let name = text(input, "clusterName").unwrap_or("default");
        if name.is_empty() || name.len() > 255 || !name.chars().all(is_name_char) {
            return Err(EcsError::invalid(format!("Invalid cluster name '{name}'.")));
        }
        tags::validate(list(input, "tags"))?;
        // The same name again is the same cluster: it comes back as it is, whatever the request says.
        if self.clusters.get(name).is_some_and(|cluster| cluster.active) {
            return Ok(json!({ "cluster": self.show_cluster(name, &EVERYTHING) }));
        }
        check_providers(input)?;
        let mut members = input.as_object().cloned().unwrap_or_default();
        members.remove("clusterName");
        members.remove("tags");
        let settings = merged(&[], list(input, "settings"));
        members.insert("settings".to_owned(), json!(settings));
        self.set_defaults_namespace(&mut members);
        let cluster = Cluster {
            arn: self.place.arn(&format!("cluster/{name}")),
            name: name.to_owned(),
            active: true,
            tags: tags::read(input),
            members,
        };
        self.clusters.insert(name.to_owned(), cluster);
        Ok(json!({ "cluster": self.show_cluster(name, &EVERYTHING) }))
    }

    /// A namespace given by name is answered as the ARN of that name.
    fn set_defaults_namespace(&self, members: &mut Object) {
        if let Some(defaults) = members.get_mut("serviceConnectDefaults").and_then(Value::as_object_mut)
            && let Some(namespace) = defaults.get("namespace").and_then(Value::as_str).map(str::to_owned)
            && !namespace.starts_with("arn:")
        {
            let place = &self.place;
            let id = super::ids::sha256_hex(&namespace).chars().take(16).collect::<String>();
            let arn = format!(
                "arn:{}:servicediscovery:{}:{}:namespace/ns-{id}",
                place.partition, place.region, place.account
            );
            defaults.insert("namespace".to_owned(), json!(arn));
        }
    }

    pub(super) fn describe_clusters(&self, input: &Value) -> Answer {
        let wanted = match texts(input, "clusters") {
            given if given.is_empty() => vec!["default"],
            given => given,
        };
        if wanted.len() > 100 {
            return Err(EcsError::invalid("Clusters can have at most 100 items."));
        }
        let include = texts(input, "include");
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for reference in wanted {
            let known = self.cluster_name(Some(reference)).filter(|name| self.clusters.contains_key(*name));
            if let Some(name) = known {
                found.push(self.show_cluster(name, &include));
            } else {
                let arn = if reference.starts_with("arn:") {
                    reference.to_owned()
                } else {
                    self.place.arn(&format!("cluster/{reference}"))
                };
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
        Ok(json!({ "clusters": found, "failures": failures }))
    }

    pub(super) fn list_clusters(&self, input: &Value) -> Answer {
        let arns: Vec<String> =
            self.clusters.values().filter(|one| one.active).map(|one| one.arn.clone()).collect();
        page(input, "ListClusters", "clusterArns", &arns, 100)
    }

    pub(super) fn update_cluster(&mut self, input: &Value) -> Answer {
        let name = self.cluster(text(input, "cluster"))?.name.clone();
        let mut given = input.as_object().cloned().unwrap_or_default();
        given.remove("cluster");
        self.set_defaults_namespace(&mut given);
        if let Some(cluster) = self.clusters.get_mut(&name) {
            if let Some(settings) = given.get_mut("settings") {
                let old = list_in(&cluster.members, "settings");
                *settings = json!(merged(old, settings.as_array().map_or(&[], Vec::as_slice)));
            }
            cluster.members.extend(given);
        }
        Ok(json!({ "cluster": self.show_cluster(&name, &EVERYTHING) }))
    }

    pub(super) fn update_cluster_settings(&mut self, input: &Value) -> Answer {
        self.update_cluster(input)
    }

    pub(super) fn put_capacity_providers(&mut self, input: &Value) -> Answer {
        let cluster = self.cluster(text(input, "cluster"))?;
        let name = cluster.name.clone();
        check_providers(input)?;
        let removed =
            |provider: &str| cluster.has_provider(provider) && !names(input, "capacityProviders", provider);
        let used = self.services.values().any(|service| {
            service.cluster == name && !service.is_inactive() && service.providers().into_iter().any(removed)
        });
        if used {
            return Err(EcsError::new(
                "ResourceInUseException",
                "The specified capacity provider is in use and cannot be removed.",
            ));
        }
        if let Some(cluster) = self.clusters.get_mut(&name) {
            for key in ["capacityProviders", "defaultCapacityProviderStrategy"] {
                cluster.members.insert(key.to_owned(), json!(list(input, key)));
            }
        }
        Ok(json!({ "cluster": self.show_cluster(&name, &EVERYTHING) }))
    }

    pub(super) fn delete_cluster(&mut self, input: &Value) -> Answer {
        let name = self.cluster(text(input, "cluster"))?.name.clone();
        if self.services.values().any(|one| one.cluster == name && one.is_active()) {
            return Err(EcsError::new(
                "ClusterContainsServicesException",
                "The Cluster cannot be deleted while Services are active.",
            ));
        }
        let now = self.settled_at;
        if self.tasks.values().any(|one| one.cluster == name && !one.is_stopped(now)) {
            return Err(EcsError::new(
                "ClusterContainsTasksException",
                "The Cluster cannot be deleted while Tasks are active.",
            ));
        }
        if let Some(cluster) = self.clusters.get_mut(&name) {
            cluster.active = false;
        }
        Ok(json!({ "cluster": self.show_cluster(&name, &[]) }))
    }

    /// The cluster as Describe answers it; tags, settings, configuration and statistics only when asked for.
    fn show_cluster(&self, name: &str, include: &[&str]) -> Value {
        let Some(cluster) = self.clusters.get(name) else {
            return Value::Null;
        };
        let now = self.settled_at;
        let tasks = || self.tasks.values().filter(|one| one.cluster == name);
        let mut shown = cluster.members.clone();
        let mut put = |key: &str, value: Value| {
            shown.insert(key.to_owned(), value);
        };
        put("clusterArn", json!(cluster.arn));
        put("clusterName", json!(cluster.name));
        put("status", json!(if cluster.active { "ACTIVE" } else { "INACTIVE" }));
        put("registeredContainerInstancesCount", json!(0));
        put("runningTasksCount", json!(count(tasks().filter(|one| one.is_running(now)))));
        put("pendingTasksCount", json!(count(tasks().filter(|one| one.is_pending(now)))));
        let services = self.services.values().filter(|one| one.cluster == name && one.is_active());
        put("activeServicesCount", json!(count(services)));
        put("statistics", json!([]));
        put("capacityProviders", json!(list_in(&cluster.members, "capacityProviders")));
        put("defaultCapacityProviderStrategy", json!(cluster.default_strategy()));
        put("tags", if include.contains(&"TAGS") { tags::show(&cluster.tags) } else { json!([]) });
        if !include.contains(&"SETTINGS") {
            put("settings", json!([]));
        }
        if !include.contains(&"CONFIGURATIONS") {
            shown.remove("configuration");
        }
        Value::Object(shown)
    }
}

/// What the answers of the changing calls include.
const EVERYTHING: [&str; 3] = ["TAGS", "SETTINGS", "CONFIGURATIONS"];

/// Cluster settings with the given ones put over the old ones; Container Insights is off unless set.
fn merged(old: &[Value], given: &[Value]) -> Vec<Value> {
    let value = given
        .iter()
        .chain(old)
        .find(|one| text(one, "name") == Some("containerInsights"))
        .and_then(|one| text(one, "value"))
        .unwrap_or("disabled");
    vec![json!({ "name": "containerInsights", "value": value })]
}

/// Only Fargate's providers exist in the sandbox, and a default strategy uses those of the cluster.
fn check_providers(input: &Value) -> Answer<()> {
    let providers = texts(input, "capacityProviders");
    if providers.iter().any(|one| !["FARGATE", "FARGATE_SPOT"].contains(one)) {
        return Err(EcsError::invalid(
            "The specified capacity provider was not found. Specify a valid name or ARN and try again.",
        ));
    }
    let strategy = list(input, "defaultCapacityProviderStrategy");
    if strategy.iter().filter_map(|one| text(one, "capacityProvider")).any(|one| !providers.contains(&one)) {
        return Err(EcsError::invalid(
            "The specified capacity provider strategy contains a capacity provider that is not associated with the \
             cluster. Associate the capacity provider with the cluster and try again.",
        ));
    }
    Ok(())
}
