//! Questions to an account and to a plan that several tests ask.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{Service, Tag, TaskDefinition, TaskDefinitionField};
use aws_sdk_eventbridge::types::Target;
use serde_json::{Value, json};

use super::account::{block, sdk};
use super::harness::World;

/// Address → action of a plan document, without what is kept as it is.
pub fn actions(plan: &Value) -> BTreeMap<String, String> {
    let changes = plan["changes"].as_array().unwrap();
    let pair = |change: &Value| (text(&change["address"]), text(&change["action"]));
    changes.iter().map(pair).filter(|(_, action)| action != "keep").collect()
}

/// One change of a plan document.
#[track_caller]
pub fn change<'a>(plan: &'a Value, address: &str) -> &'a Value {
    let found = plan["changes"].as_array().unwrap().iter().find(|change| change["address"] == address);
    found.unwrap_or_else(|| panic!("no change of {address} in {plan:#}"))
}

/// The attribute changes of one change: path → (before, after).
pub fn attributes(change: &Value) -> BTreeMap<String, (Value, Value)> {
    let attributes = change["attributes"].as_array().unwrap().iter();
    attributes.map(|one| (text(&one["path"]), (one["before"].clone(), one["after"].clone()))).collect()
}

/// A string of a document.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}")).to_owned()
}

/// The list of warnings of a plan document, as one text.
pub fn warnings(plan: &Value) -> String {
    plan["warnings"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join("\n")
}

/// The newest active revision of a family, with its tags.
pub fn latest(world: &World, family: &str) -> (TaskDefinition, BTreeMap<String, String>) {
    block(async {
        let ecs = aws_sdk_ecs::Client::new(&sdk(world));
        let request =
            ecs.describe_task_definition().task_definition(family).include(TaskDefinitionField::Tags);
        let found = request.send().await.unwrap();
        (found.task_definition().unwrap().clone(), tags(found.tags()))
    })
}

/// The image of the one container of a family's newest revision.
pub fn image(world: &World, family: &str) -> String {
    let (definition, _) = latest(world, family);
    let [container] = definition.container_definitions() else { panic!("{definition:?}") };
    container.image().unwrap().to_owned()
}

/// Tags as a map.
pub fn tags(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter()
        .map(|tag| (tag.key().unwrap().to_owned(), tag.value().unwrap_or_default().to_owned()))
        .collect()
}

/// A service with its tags.
pub fn service(world: &World, cluster: &str, name: &str) -> Service {
    block(async {
        let ecs = aws_sdk_ecs::Client::new(&sdk(world));
        let request = ecs.describe_services().cluster(cluster).services(name);
        let found = request.include(aws_sdk_ecs::types::ServiceField::Tags).send().await.unwrap();
        found.services().first().unwrap().clone()
    })
}

/// The targets of a rule.
pub fn targets(world: &World, rule: &str) -> Vec<Target> {
    block(async {
        let events = aws_sdk_eventbridge::Client::new(&sdk(world));
        events.list_targets_by_rule().rule(rule).send().await.unwrap().targets().to_vec()
    })
}

/// The statements of a role's inline policy; none when the role has no policy of this name.
pub fn statements(world: &World, role: &str, policy: &str) -> Vec<Value> {
    block(async {
        let iam = aws_sdk_iam::Client::new(&sdk(world));
        let names = iam.list_role_policies().role_name(role).send().await.unwrap();
        if !names.policy_names().iter().any(|name| name == policy) {
            return Vec::new();
        }
        let found = iam.get_role_policy().role_name(role).policy_name(policy).send().await.unwrap();
        let document: Value = serde_json::from_str(&decoded(found.policy_document())).unwrap();
        document["Statement"].as_array().unwrap().clone()
    })
}

/// The resources on which these statements allow an action, sorted.
pub fn allowed(statements: &[Value], action: &str) -> Vec<String> {
    let mut found = Vec::new();
    for statement in
        statements.iter().filter(|statement| list(&statement["Action"]).contains(&action.to_owned()))
    {
        found.extend(list(&statement["Resource"]));
    }
    found.sort();
    found
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().map_or_else(|| vec![text(value)], |values| values.iter().map(text).collect())
}

fn decoded(encoded: &str) -> String {
    let bytes = encoded.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.push(u8::from_str_radix(&encoded[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap()
}

/// Pushes a new image; its digest.
pub fn push(world: &World, repository: &str, tag: &str) -> String {
    let image = json!({"account": world.account, "repository": repository, "tag": tag});
    text(&world.control("POST", "ecr/images", &image)["digest"])
}

/// Pushes an image to a registry outside ECR, which all worlds share; its digest.
pub fn publish(host: &str, repository: &str, tag: &str) -> String {
    let content = format!("{host}/{repository}:{tag}");
    let image = json!({"host": host, "repository": repository, "tag": tag, "content": content});
    text(&World::control_of_all("POST", "registry/images", &image)["digest"])
}

/// Makes an ECR repository.
pub fn repository(world: &World, name: &str) {
    block(async {
        let ecr = aws_sdk_ecr::Client::new(&sdk(world));
        ecr.create_repository().repository_name(name).send().await.unwrap();
    });
}

/// Makes a secret; its ARN.
pub fn secret(world: &World, name: &str, value: &str) -> String {
    block(async {
        let secrets = aws_sdk_secretsmanager::Client::new(&sdk(world));
        let made = secrets.create_secret().name(name).secret_string(value).send().await.unwrap();
        made.arn().unwrap().to_owned()
    })
}

/// The names of the recorded calls of an operation's service and name, with their parameters.
pub fn recorded(world: &World, operation: &str) -> Vec<Value> {
    let (service, operation) = operation.split_once(':').unwrap();
    let calls = world.calls().into_iter();
    calls
        .filter(|call| call["service"] == service && call["operation"] == operation)
        .map(|call| call["parameters"].clone())
        .collect()
}
