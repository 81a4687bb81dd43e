//! `UpdateService`: what changes in place, and what starts a deployment.

use serde_json::{Value, json};

use super::Ecs;
use super::error::{Answer, EcsError};
use super::json::{Object, default_to, flag, int, list, text};
use super::outside::Outside;
use super::script::{Plan, Subject};
use super::service_checks::{self, exec, invalid, with_network_defaults};
use super::service_create::{deployment_defaults, normalize_strategy, platform_family, zones};
use super::services::{Service, is_fargate};
use super::workloads::container_images;

/// A change of one of these starts a deployment. What is not here reaches the service, or tasks started later.
const TRIGGERS: [&str; 8] = [
    "taskDefinition",
    "networkConfiguration",
    "platformVersion",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
];

impl Ecs {
    pub(super) fn update_service(&mut self, input: &Value, outside: &Outside) -> Answer {
        let cluster = self.cluster(text(input, "cluster"))?;
        let name = self.service_name(&cluster.name, text(input, "service").unwrap_or_default())?;
        let key = (cluster.name.clone(), name.to_owned());
        let service = self.services.get(&key).ok_or_else(EcsError::no_service)?;
        if !service.is_active() {
            return Err(EcsError::new("ServiceNotActiveException", "Service was not ACTIVE."));
        }
        let desired = int(input, "desiredCount").unwrap_or(service.desired);
        if desired < 0 {
            return invalid("desiredCount must be greater than or equal to 0.");
        }
        let current = text(&service.settings, "taskDefinition").unwrap_or_default().to_owned();
        let definition = match text(input, "taskDefinition") {
            Some(reference) => self.usable_definition(reference)?,
            // What runs now goes on, even when it was deregistered meanwhile.
            None => self.definition(&current).ok_or_else(|| EcsError::client("TaskDefinition not found."))?,
        };
        let mut settings = patched(&service.settings, input);
        settings.insert("taskDefinition".to_owned(), json!(definition.arn()));
        if is_fargate(&Value::Object(settings.clone())) {
            default_to(&mut settings, "platformVersion", json!("LATEST"));
            settings.insert("platformFamily".to_owned(), json!(platform_family(definition)));
        }
        let settings = Value::Object(settings);
        let force = flag(input, "forceNewDeployment").unwrap_or(false);
        let strategy = |of: &Value| list(of, "capacityProviderStrategy").to_vec();
        if !force && strategy(&settings) != strategy(&service.settings) {
            return invalid(
                "When switching from launch type to capacity provider strategy on an existing service, or making a \
                 change to a capacity provider strategy on a service that is already using one, you must force a new \
                 deployment.",
            );
        }
        service_checks::settings(&settings, input, definition, cluster, outside)?;
        exec(&settings, definition, "updated")?;
        let deploys = force || TRIGGERS.iter().any(|key| differs(key, &service.settings, &settings));
        let images = container_images(definition);
        let now = self.settled_at;
        let plan = deploys.then(|| Plan::new(self.pace, self.take_script(Subject::Service(&key.1))));
        if let Some(service) = self.services.get_mut(&key) {
            service.zones.extend(zones(outside));
            apply(service, settings, desired, now);
            if let Some(plan) = plan {
                service.deploy(plan, images, &self.place, &mut self.ids, now);
            }
        }
        self.services.get(&key).map_or_else(
            || Err(EcsError::no_service()),
            |service| Ok(json!({ "service": self.show_service(service, true) })),
        )
    }
}

/// The settings with what the request names put over them. Absent members stay, empty lists empty the setting.
fn patched(old: &Value, input: &Value) -> Object {
    let mut settings = old.as_object().cloned().unwrap_or_default();
    let given = input.as_object().into_iter().flatten();
    for (key, value) in given {
        match key.as_str() {
            "cluster" | "service" | "desiredCount" | "forceNewDeployment" | "taskDefinition" => {}
            "networkConfiguration" => {
                settings.insert(key.clone(), with_network_defaults(value));
            }
            // Each member of the deployment configuration is a setting of its own.
            "deploymentConfiguration" => {
                let mut config = old.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
                config.extend(value.as_object().cloned().unwrap_or_default());
                settings.insert(key.clone(), Value::Object(deployment_defaults(config)));
            }
            "capacityProviderStrategy" if list(input, key).is_empty() => {
                // Back to a launch type.
                if settings.remove(key).is_some() {
                    settings.insert("launchType".to_owned(), json!("FARGATE"));
                }
            }
            "capacityProviderStrategy" => {
                settings.remove("launchType");
                settings.insert(key.clone(), value.clone());
                normalize_strategy(&mut settings);
            }
            _ => {
                settings.insert(key.clone(), value.clone());
            }
        }
    }
    if settings.get("loadBalancers").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        settings.remove("healthCheckGracePeriodSeconds");
    } else {
        default_to(&mut settings, "healthCheckGracePeriodSeconds", json!(0));
    }
    settings
}

/// Whether a setting means something else than before.
fn differs(key: &str, old: &Value, new: &Value) -> bool {
    normal(key, old.get(key)) != normal(key, new.get(key))
}

/// The form in which equal settings are equal: the order of subnets and security groups has no meaning, nothing
/// is an empty list, and Service Connect that is off is no Service Connect.
fn normal(key: &str, value: Option<&Value>) -> Option<Value> {
    let mut value = value.cloned()?;
    if key == "networkConfiguration" {
        for member in ["subnets", "securityGroups"] {
            let items =
                value.pointer_mut(&format!("/awsvpcConfiguration/{member}")).and_then(Value::as_array_mut);
            if let Some(items) = items {
                items.sort_by_key(|one| one.as_str().map(str::to_owned));
            }
        }
    }
    let nothing = value.as_array().is_some_and(Vec::is_empty)
        || (key == "serviceConnectConfiguration" && flag(&value, "enabled") == Some(false));
    (!nothing).then_some(value)
}

fn apply(service: &mut Service, settings: Value, desired: i64, now: f64) {
    service.settings = settings;
    if service.desired != desired {
        service.steady = false;
        service.changed_at = now;
    }
    service.desired = desired;
    if let Some(primary) = service.deployments.first_mut().filter(|one| one.desired != desired) {
        primary.desired = desired;
        primary.updated_at = now;
    }
}
