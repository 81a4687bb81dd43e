//! `CreateService`.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::error::{Answer, EcsError};
use super::json::{Object, default_to, int, list, text};
use super::outside::Outside;
use super::script::{Plan, Subject};
use super::service_checks::{self, exec, invalid, with_network_defaults};
use super::services::{Service, Status, is_fargate};
use super::task_definitions::Revision;
use super::validate::is_name_char;
use super::workloads::container_images;
use super::{Ecs, tags};

impl Ecs {
    pub(super) fn create_service(&mut self, input: &Value, outside: &Outside) -> Answer {
        let cluster = self.cluster(text(input, "cluster"))?;
        let name = text(input, "serviceName").unwrap_or_default();
        if name.is_empty() || name.len() > 255 || !name.chars().all(is_name_char) {
            return invalid(format!("Invalid service name '{name}'."));
        }
        let token = text(input, "clientToken");
        if token.is_some_and(|token| {
            !(1..=36).contains(&token.len()) || !token.chars().all(|char| char.is_ascii_graphic())
        }) {
            return invalid("Invalid client token: up to 36 ASCII characters are allowed.");
        }
        tags::validate(list(input, "tags"))?;
        let key = (cluster.name.clone(), name.to_owned());
        if let Some(there) = self.services.get(&key) {
            match there.status {
                // The same request again, as a client that lost the answer sends it, finds its own service.
                Status::Active
                    if token.is_some() && there.request == (token.map(str::to_owned), input.clone()) =>
                {
                    return Ok(json!({ "service": self.show_service(there, true) }));
                }
                Status::Active => return invalid("Creation of service was not idempotent."),
                Status::Draining => return invalid("Unable to Start a service that is still Draining."),
                Status::Inactive => {}
            }
        }
        let Some(reference) = text(input, "taskDefinition") else {
            return invalid("TaskDefinition can not be blank.");
        };
        let definition = self.usable_definition(reference)?;
        let desired = match int(input, "desiredCount") {
            Some(count) if count < 0 => return invalid("desiredCount must be greater than or equal to 0."),
            Some(count) => count,
            None if text(input, "schedulingStrategy") == Some("DAEMON") => 0,
            None => return invalid("desiredCount is required for the REPLICA scheduling strategy."),
        };
        if input.get("launchType").is_some() && !list(input, "capacityProviderStrategy").is_empty() {
            return invalid(
                "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try \
                 again.",
            );
        }
        let settings = filled(input, definition, cluster.default_strategy());
        service_checks::settings(&settings, input, definition, cluster, outside)?;
        exec(&settings, definition, "created")?;
        let images = container_images(definition);
        let now = self.settled_at;
        let plan = Plan::new(self.pace, self.take_script(Subject::Service(&key.1)));
        let mut service = Service {
            arn: self.place.arn(&format!("service/{}/{name}", key.0)),
            name: name.to_owned(),
            cluster: key.0.clone(),
            status: Status::Active,
            settings,
            desired,
            tags: tags::read(input),
            deployments: Vec::new(),
            releases: Vec::new(),
            workloads: Vec::new(),
            completed: None,
            events: VecDeque::new(),
            steady: false,
            changed_at: now,
            created_at: now,
            zones: zones(outside),
            request: (token.map(str::to_owned), input.clone()),
        };
        service.deploy(plan, images, &self.place, &mut self.ids, now);
        self.services.insert(key.clone(), service);
        self.services.get(&key).map_or_else(
            || Err(EcsError::no_service()),
            |service| Ok(json!({ "service": self.show_service(service, true) })),
        )
    }
}

/// The Availability Zones of the subnets that a call names.
pub fn zones(outside: &Outside) -> BTreeMap<String, String> {
    outside.subnets.iter().map(|(id, subnet)| (id.clone(), subnet.az.clone())).collect()
}

/// The settings of a new service: every member given, and ECS's defaults.
fn filled(input: &Value, definition: &Revision, default_strategy: &[Value]) -> Value {
    let mut settings = input.as_object().cloned().unwrap_or_default();
    for key in ["cluster", "serviceName", "desiredCount", "clientToken", "tags"] {
        settings.remove(key);
    }
    settings.insert("taskDefinition".to_owned(), json!(definition.arn()));
    if list(input, "capacityProviderStrategy").is_empty() {
        settings.remove("capacityProviderStrategy");
        if !settings.contains_key("launchType") {
            if default_strategy.is_empty() {
                settings.insert("launchType".to_owned(), json!("EC2"));
            } else {
                settings.insert("capacityProviderStrategy".to_owned(), json!(default_strategy));
            }
        }
    }
    normalize_strategy(&mut settings);
    if is_fargate(&Value::Object(settings.clone())) {
        default_to(&mut settings, "platformVersion", json!("LATEST"));
        settings.insert("platformFamily".to_owned(), json!(platform_family(definition)));
    }
    for key in LISTS {
        default_to(&mut settings, key, json!([]));
    }
    if let Some(network) = input.get("networkConfiguration") {
        settings.insert("networkConfiguration".to_owned(), with_network_defaults(network));
    }
    let given = input.get("deploymentConfiguration").and_then(Value::as_object).cloned().unwrap_or_default();
    settings.insert("deploymentConfiguration".to_owned(), Value::Object(deployment_defaults(given)));
    if !list(input, "loadBalancers").is_empty() {
        default_to(&mut settings, "healthCheckGracePeriodSeconds", json!(0));
    }
    default_to(&mut settings, "schedulingStrategy", json!("REPLICA"));
    default_to(&mut settings, "deploymentController", json!({ "type": "ECS" }));
    default_to(&mut settings, "enableECSManagedTags", json!(false));
    default_to(&mut settings, "propagateTags", json!("NONE"));
    default_to(&mut settings, "enableExecuteCommand", json!(false));
    default_to(&mut settings, "availabilityZoneRebalancing", json!("ENABLED"));
    Value::Object(settings)
}

/// Settings that are empty lists when never given.
const LISTS: [&str; 6] = [
    "loadBalancers",
    "serviceRegistries",
    "placementConstraints",
    "placementStrategy",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
];

/// Each item of a strategy is answered with weight and base.
pub fn normalize_strategy(settings: &mut Object) {
    let items = settings.get_mut("capacityProviderStrategy").and_then(Value::as_array_mut);
    for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
        default_to(item, "weight", json!(0));
        default_to(item, "base", json!(0));
    }
}

/// `Linux`, or the Windows family of the task definition.
pub fn platform_family(definition: &Revision) -> String {
    let family = definition.body.pointer("/runtimePlatform/operatingSystemFamily").and_then(Value::as_str);
    match family {
        None | Some("LINUX") => "Linux".to_owned(),
        Some(windows) => windows.to_owned(),
    }
}

/// Rolling update between 100 and 200 percent, nothing watched.
pub fn deployment_defaults(mut config: Object) -> Object {
    default_to(&mut config, "deploymentCircuitBreaker", json!({ "enable": false, "rollback": false }));
    default_to(&mut config, "maximumPercent", json!(200));
    default_to(&mut config, "minimumHealthyPercent", json!(100));
    default_to(&mut config, "strategy", json!("ROLLING"));
    default_to(&mut config, "bakeTimeInMinutes", json!(0));
    config
}
