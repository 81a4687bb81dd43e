//! How the scheduler makes a task of a service.

use serde_json::{Value, json};

use super::json::{Object, flag, int, list, text};
use super::scheduler::{World, target_groups};
use super::services::Service;
use super::tags::Tags;
use super::task_definitions;
use super::tasks::{Launch, Task, may_exec};

impl World<'_> {
    /// Starts one task of PRIMARY, the `turn`th; its id.
    pub fn launch(&mut self, service: &mut Service, turn: i64, at: f64) -> Option<String> {
        let balancers = target_groups(service);
        let deployment = service.deployments.first_mut()?;
        let spec = Value::Object(deployment.spec.clone());
        let definition = task_definitions::find(self.families, text(&spec, "taskDefinition")?)?;
        let subnets = spec
            .pointer("/networkConfiguration/awsvpcConfiguration/subnets")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let spread = usize::try_from(turn).unwrap_or_default() % subnets.len().max(1);
        let subnet = subnets.get(spread).and_then(Value::as_str).unwrap_or_default();
        let zone = service.zones.get(subnet).map_or("", String::as_str);
        let mut members: Object = ["platformVersion", "platformFamily"]
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), spec.get(*key)?.clone())))
            .collect();
        members.insert("launchType".to_owned(), json!("FARGATE"));
        if let Some(provider) = provider(list(&spec, "capacityProviderStrategy"), turn) {
            members.insert("capacityProviderName".to_owned(), json!(provider));
        }
        members.insert("enableExecuteCommand".to_owned(), json!(may_exec(&service.settings)));
        let course =
            deployment.plan.next(definition.containers(), balancers.first().map(|(group, _)| group.as_str()));
        let deployment = deployment.id.clone();
        let launch = Launch {
            cluster: &service.cluster,
            service: Some(&service.name),
            started_by: Some(&deployment),
            group: format!("service:{}", service.name),
            definition,
            course,
            members,
            subnet: (subnet, zone),
            balancers,
            tags: tags_of_a_task(service, &definition.tags),
        };
        let task = Task::new(launch, self.place, self.ids, at);
        let id = task.id().to_owned();
        self.tasks.insert(task.arn.clone(), task);
        Some(id)
    }
}

/// The capacity provider of the `turn`th task: bases first, then by weight.
pub fn provider(strategy: &[Value], turn: i64) -> Option<String> {
    let name = |one: &Value| text(one, "capacityProvider").map(str::to_owned);
    let mut before = 0;
    for item in strategy {
        before += int(item, "base").unwrap_or(0);
        if turn < before {
            return name(item);
        }
    }
    let total: i64 = strategy.iter().map(|one| int(one, "weight").unwrap_or(0)).sum();
    if total == 0 {
        return strategy.first().and_then(name);
    }
    let mut place = (turn - before) % total;
    for item in strategy {
        place -= int(item, "weight").unwrap_or(0);
        if place < 0 {
            return name(item);
        }
    }
    None
}

/// What a task carries: the propagated tags, and those of ECS when managed tags are on.
fn tags_of_a_task(service: &Service, of_definition: &Tags) -> Tags {
    let mut tags = match text(&service.settings, "propagateTags") {
        Some("SERVICE") => service.tags.clone(),
        Some("TASK_DEFINITION") => of_definition.clone(),
        _ => Tags::new(),
    };
    if flag(&service.settings, "enableECSManagedTags").unwrap_or(false) {
        tags.insert("aws:ecs:clusterName".to_owned(), service.cluster.clone());
        tags.insert("aws:ecs:serviceName".to_owned(), service.name.clone());
    }
    tags
}
