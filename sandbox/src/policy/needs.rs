//! Which permissions a call needs: its own, those of the tags that it sets, and those of the roles that it hands on.

use serde_json::Value;

use super::Context;
use super::places::resources;
use crate::ecs::ids::Place;
use crate::ecs::json::{list, text};

/// One permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// For example `ecs:CreateService`.
    pub action: String,
    /// The resource, `*` where the action knows none.
    pub resource: String,
    /// What is known about the request.
    pub context: Context,
}

/// The permissions that a call needs; `roles` are those of the task definition that it runs. Nobody needs one to ask who
/// they are.
pub fn of(service: &str, operation: &str, input: &Value, place: &Place, roles: &[String]) -> Vec<Need> {
    if service == "sts" && (operation == "GetCallerIdentity" || operation.starts_with("AssumeRoleWith")) {
        return Vec::new();
    }
    let prefix = prefix(service);
    let mut context = Context::from([("aws:RequestedRegion".to_owned(), place.region.clone())]);
    if let Some(cluster) = text(input, "cluster").filter(|_| service == "ecs") {
        let name = cluster.rsplit('/').next().unwrap_or(cluster);
        context.insert("ecs:cluster".into(), place.arn(&format!("cluster/{name}")));
    }
    let places = resources(service, operation, input, place);
    let need =
        |action: String, resource: &str| Need { action, resource: resource.into(), context: context.clone() };
    let own = action(service, operation);
    let mut needs: Vec<Need> = places.iter().map(|at| need(format!("{prefix}:{own}"), at)).collect();
    if let Some(tagging) = tagging(service, operation).filter(|_| has_tags(input)) {
        // A new security group names its VPC, and only the group gets tags.
        let made = places.iter().filter(|at| !at.contains(":vpc/"));
        needs.extend(made.map(|at| need(format!("{prefix}:{tagging}"), &tagged(service, at))));
    }
    for (role, to) in handed_on(service, operation, input, roles) {
        let mut context = context.clone();
        context.insert("iam:PassedToService".into(), to.into());
        needs.push(Need { action: "iam:PassRole".into(), resource: role, context });
    }
    needs
}

/// The prefix of a service's actions.
fn prefix(service: &str) -> &str {
    match service {
        "tagging" => "tag",
        "monitoring" => "cloudwatch",
        other => other,
    }
}

/// The action that an operation needs, where it has another name.
fn action<'a>(service: &str, operation: &'a str) -> &'a str {
    match (service, operation) {
        ("s3", "ListObjectsV2" | "ListObjects" | "HeadBucket") => "ListBucket",
        ("s3", "HeadObject") => "GetObject",
        ("s3", "DeleteBucketTagging") => "PutBucketTagging",
        ("s3", "GetBucketEncryption") => "GetEncryptionConfiguration",
        ("s3", "PutBucketEncryption" | "DeleteBucketEncryption") => "PutEncryptionConfiguration",
        ("s3", "GetPublicAccessBlock") => "GetBucketPublicAccessBlock",
        ("s3", "PutPublicAccessBlock" | "DeletePublicAccessBlock") => "PutBucketPublicAccessBlock",
        ("s3", "GetBucketLifecycleConfiguration") => "GetLifecycleConfiguration",
        ("s3", "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle") => "PutLifecycleConfiguration",
        (_, same) => same,
    }
}

/// The action that sets tags, for operations that make something.
fn tagging(service: &str, operation: &str) -> Option<&'static str> {
    let makes = operation.starts_with("Create") || matches!(operation, "AllocateAddress" | "RunInstances");
    Some(match service {
        "ec2" if makes => "CreateTags",
        "elasticloadbalancing" if makes => "AddTags",
        "iam" if operation == "CreateRole" => "TagRole",
        "iam" if operation == "CreatePolicy" => "TagPolicy",
        "sqs" if makes => "TagQueue",
        "acm" if operation == "RequestCertificate" => "AddTagsToCertificate",
        "ssm" if operation == "PutParameter" => "AddTagsToResource",
        "ecs" if makes || matches!(operation, "RegisterTaskDefinition" | "RunTask") => "TagResource",
        "events" if operation == "PutRule" => "TagResource",
        "monitoring" if operation == "PutMetricAlarm" => "TagResource",
        "application-autoscaling" if operation == "RegisterScalableTarget" => "TagResource",
        "logs" | "secretsmanager" | "ecr" | "elasticfilesystem" | "scheduler" if makes => "TagResource",
        _ => return None,
    })
}

/// The resource of a tag, where it is named in another way than that of the call.
fn tagged(service: &str, resource: &str) -> String {
    match service {
        "logs" => resource.trim_end_matches(":log-stream:").to_owned(),
        "ecs" if resource.contains(":task-definition/") => resource.to_owned(),
        _ => resource.to_owned(),
    }
}

/// Whether a request sets tags.
fn has_tags(input: &Value) -> bool {
    let filled = |value: &Value| match value {
        Value::Array(all) => !all.is_empty(),
        Value::Object(all) => !all.is_empty(),
        _ => false,
    };
    ["tags", "Tags", "tag"].iter().any(|key| input.get(*key).is_some_and(filled))
        || input.as_object().is_some_and(|fields| {
            let tag = |name: &String| {
                name.starts_with("Tags.member.") || name.starts_with("Tag.1.") || name.contains(".Tag.1.")
            };
            fields.keys().any(tag)
        })
}

/// The roles that a call hands to a service.
fn handed_on(service: &str, operation: &str, input: &Value, roles: &[String]) -> Vec<(String, &'static str)> {
    const TASKS: &str = "ecs-tasks.amazonaws.com";
    let roles_of = |value: &Value| -> Vec<String> {
        let keys = ["executionRoleArn", "taskRoleArn"];
        keys.iter()
            .filter_map(|key| text(value, key))
            .filter(|role| role.starts_with("arn:"))
            .map(str::to_owned)
            .collect()
    };
    let to = |service: &'static str| move |role: String| (role, service);
    match (service, operation) {
        ("ecs", "RegisterTaskDefinition") => roles_of(input).into_iter().map(to(TASKS)).collect(),
        ("ecs", "RunTask") => {
            let overrides = input.get("overrides").map(roles_of).unwrap_or_default();
            roles.iter().cloned().chain(overrides).map(to(TASKS)).collect()
        }
        ("events", "PutTargets") => {
            let roles = list(input, "Targets").iter().filter_map(|target| text(target, "RoleArn"));
            roles.map(str::to_owned).map(to("events.amazonaws.com")).collect()
        }
        ("scheduler", "CreateSchedule" | "UpdateSchedule") => {
            let role = input.get("Target").and_then(|target| text(target, "RoleArn"));
            role.map(str::to_owned).map(to("scheduler.amazonaws.com")).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
