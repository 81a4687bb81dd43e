//! What ECS fills into a task definition when it is registered.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fargate;
use super::ids::Place;
use super::json::{Object, default_to, int, list, names, text};
use super::validate::{TaskSize, cpu_units, images, is_private_ecr, mebibytes};

/// The registered form of a valid request: every member given, and what ECS adds. Tags are not part of it.
pub fn registered(input: &Value, place: &Place, revision: u32, now: f64) -> Object {
    let mut definition = input.as_object().cloned().unwrap_or_default();
    definition.remove("tags");
    let family = text(input, "family").unwrap_or_default();
    definition.insert(
        "taskDefinitionArn".to_owned(),
        json!(place.arn(&format!("task-definition/{family}:{revision}"))),
    );
    definition.insert("revision".to_owned(), json!(revision));
    definition.insert("status".to_owned(), json!("ACTIVE"));
    definition.insert("registeredAt".to_owned(), super::json::time(now));
    definition.insert("registeredBy".to_owned(), json!(place.caller()));
    // `1 vCPU` and `2 GB` are stored as units and MiB.
    for (key, parse) in [("cpu", cpu_units as fn(&str) -> Option<i64>), ("memory", mebibytes)] {
        if let Some(number) = text(input, key).and_then(parse) {
            definition.insert(key.to_owned(), json!(number.to_string()));
        }
    }
    let awsvpc = text(input, "networkMode") == Some("awsvpc");
    let containers: Vec<Value> =
        list(input, "containerDefinitions").iter().map(|one| container(one, awsvpc)).collect();
    definition.insert("containerDefinitions".to_owned(), json!(containers));
    let volumes: Vec<Value> = list(input, "volumes").iter().map(volume).collect();
    definition.insert("volumes".to_owned(), json!(volumes));
    default_to(&mut definition, "placementConstraints", json!([]));
    definition.insert("compatibilities".to_owned(), json!(compatibilities(input)));
    let attributes: Vec<Value> =
        requires_attributes(input).into_iter().map(|name| json!({ "name": name })).collect();
    definition.insert("requiresAttributes".to_owned(), json!(attributes));
    definition
}

fn container(given: &Value, awsvpc: bool) -> Value {
    let mut container = given.as_object().cloned().unwrap_or_default();
    default_to(&mut container, "cpu", json!(0));
    default_to(&mut container, "essential", json!(true));
    for key in ["environment", "mountPoints", "volumesFrom", "systemControls"] {
        default_to(&mut container, key, json!([]));
    }
    let ports: Vec<Value> = list(given, "portMappings").iter().map(|mapping| port(mapping, awsvpc)).collect();
    container.insert("portMappings".to_owned(), json!(ports));
    if let Some(check) = container.get_mut("healthCheck").and_then(Value::as_object_mut) {
        default_to(check, "interval", json!(30));
        default_to(check, "timeout", json!(5));
        default_to(check, "retries", json!(3));
    }
    Value::Object(container)
}

fn port(given: &Value, awsvpc: bool) -> Value {
    let mut mapping = given.as_object().cloned().unwrap_or_default();
    default_to(&mut mapping, "protocol", json!("tcp"));
    if let Some(port) = int(given, "containerPort") {
        // In awsvpc the task has an interface of its own; elsewhere 0 asks for any free port of the host.
        default_to(&mut mapping, "hostPort", json!(if awsvpc { port } else { 0 }));
    }
    Value::Object(mapping)
}

fn volume(given: &Value) -> Value {
    let mut volume = given.as_object().cloned().unwrap_or_default();
    let bare = volume.keys().all(|key| key == "name");
    if bare {
        volume.insert("host".to_owned(), json!({}));
    }
    if let Some(efs) = volume.get_mut("efsVolumeConfiguration").and_then(Value::as_object_mut) {
        default_to(efs, "rootDirectory", json!("/"));
    }
    Value::Object(volume)
}

/// The launch types that a valid definition can run on.
fn compatibilities(input: &Value) -> Vec<&'static str> {
    let mut fits = vec!["EC2"];
    let size = TaskSize {
        cpu: text(input, "cpu").and_then(cpu_units),
        memory: text(input, "memory").and_then(mebibytes),
    };
    if fargate::task_definition(input, &size).is_ok() {
        fits.push("FARGATE");
    }
    if text(input, "networkMode") != Some("awsvpc") {
        fits.push("EXTERNAL");
    }
    fits
}

/// The capabilities that an agent needs to run the definition.
fn requires_attributes(input: &Value) -> BTreeSet<String> {
    let mut names_of = BTreeSet::new();
    let mut add = |name: &str| {
        names_of.insert(name.to_owned());
    };
    let containers = list(input, "containerDefinitions");
    let any = |key: &str| containers.iter().any(|one| !list(one, key).is_empty());
    let has = |key: &str| containers.iter().any(|one| one.get(key).is_some());
    let execution_role = text(input, "executionRoleArn").is_some();
    add("com.amazonaws.ecs.capability.docker-remote-api.1.18");
    if text(input, "networkMode") == Some("awsvpc") {
        add("ecs.capability.task-eni");
    }
    if text(input, "taskRoleArn").is_some() {
        add("com.amazonaws.ecs.capability.task-iam-role");
    }
    if images(input).any(is_private_ecr) {
        add("com.amazonaws.ecs.capability.ecr-auth");
        add("com.amazonaws.ecs.capability.docker-remote-api.1.19");
        if execution_role {
            add("ecs.capability.execution-role-ecr-pull");
        }
    }
    for log in containers.iter().filter_map(|one| one.get("logConfiguration")) {
        let driver = text(log, "logDriver").unwrap_or_default();
        add(&format!("com.amazonaws.ecs.capability.logging-driver.{driver}"));
        if driver == "awslogs" && execution_role {
            add("ecs.capability.execution-role-awslogs");
        }
    }
    for secret in containers.iter().flat_map(|one| list(one, "secrets")) {
        let asm = text(secret, "valueFrom").is_some_and(|from| from.contains(":secretsmanager:"));
        let source = if asm { "asm" } else { "ssm" };
        add(&format!("ecs.capability.secrets.{source}.environment-variables"));
    }
    if any("dependsOn") {
        add("ecs.capability.container-ordering");
    }
    if any("environmentFiles") {
        add("ecs.capability.env-files.s3");
    }
    if has("healthCheck") {
        add("ecs.capability.container-health-check");
    }
    if input.get("ephemeralStorage").is_some() {
        add("ecs.capability.extensible-ephemeral-storage");
    }
    if list(input, "volumes").iter().any(|one| one.get("efsVolumeConfiguration").is_some()) {
        add("ecs.capability.efsAuth");
        add("ecs.capability.efs");
    }
    if names(input, "requiresCompatibilities", "FARGATE") && text(input, "pidMode") == Some("task") {
        add("com.amazonaws.ecs.capability.pid-ipc-namespace-sharing");
    }
    names_of
}
