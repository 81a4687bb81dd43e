//! Schedules on demand: what EventBridge does when the time of a rule has come.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::aws;
use crate::aws::caller::{DEFAULT_ACCOUNT, DEFAULT_REGION};
use crate::internal::{Internal, InternalError};
use crate::record::Caller;
use crate::state::State;

/// Which rule to fire.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fire {
    account: Option<String>,
    region: Option<String>,
    rule: String,
}

/// Why a rule cannot fire: status and message.
type Refused = (u16, String);

impl Fire {
    /// Runs the ECS targets of the rule, as the role that each names; tells for each how the call ended.
    pub async fn now(self, state: &State) -> Result<Value, Refused> {
        let account = self.account.as_deref().unwrap_or(DEFAULT_ACCOUNT);
        let region = self.region.as_deref().unwrap_or(DEFAULT_REGION);
        let internal = state.internal(account, region);
        let rule = events(internal, "DescribeRule", &json!({"Name": self.rule})).await?;
        if rule.get("State").and_then(Value::as_str) == Some("DISABLED") {
            return Err((
                409,
                format!("the rule `{}` is disabled: EventBridge would not fire it", self.rule),
            ));
        }
        let listed = events(internal, "ListTargetsByRule", &json!({"Rule": self.rule})).await?;
        let targets = listed.get("Targets").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut fired = Vec::new();
        for (turn, target) in targets.iter().enumerate() {
            let Some(input) = call_of(target, &self.rule) else { continue };
            let text = |key: &str| target.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let assumed = text("RoleArn");
            let name = assumed.rsplit('/').next().unwrap_or_default();
            let known = internal.query("iam", "GetRole", &[("RoleName", name)]).await.is_ok();
            if !known {
                // EventBridge cannot assume it: there is no call, and CloudTrail has nothing.
                fired
                    .push(json!({"target": text("Id"), "result": "the role cannot be assumed", "tasks": []}));
                continue;
            }
            let session = format!("{:032x}", 0xe0e0_u64 + u64::try_from(turn).unwrap_or_default());
            let caller = Caller {
                access_key: "ASIASANDBOXEVENTS".into(),
                role: Some((assumed, session)),
                invoked_by: Some("events.amazonaws.com".into()),
            };
            let (result, answer) = aws::run_task(state, account, region, caller, input).await;
            let tasks = answer.get("tasks").and_then(Value::as_array).into_iter().flatten();
            let tasks: Vec<&Value> = tasks.filter_map(|task| task.get("taskArn")).collect();
            let failures = answer.get("failures").cloned().unwrap_or_else(|| json!([]));
            fired.push(json!({"target": text("Id"), "result": result, "tasks": tasks, "failures": failures}));
        }
        Ok(json!({"fired": fired}))
    }
}

async fn events(internal: Internal<'_>, operation: &str, input: &Value) -> Result<Value, Refused> {
    let answer = internal.json("events", &format!("AWSEvents.{operation}"), input).await;
    answer.map_err(|error: InternalError| match error.code.as_str() {
        "ResourceNotFoundException" => (404, format!("there is no such rule: {}", error.said)),
        _ => (500, error.to_string()),
    })
}

/// The call that a target stands for; `None` when it is not one of ECS. Its input holds the overrides.
fn call_of(target: &Value, rule: &str) -> Option<Value> {
    let ecs = target.get("EcsParameters")?;
    let mut call = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            call.insert(key.to_owned(), value);
        }
    };
    put("cluster", target.get("Arn").cloned());
    put("taskDefinition", ecs.get("TaskDefinitionArn").cloned());
    put("count", Some(ecs.get("TaskCount").cloned().unwrap_or_else(|| json!(1))));
    put("startedBy", Some(json!(format!("events-rule/{rule}"))));
    for (key, name) in [
        ("LaunchType", "launchType"),
        ("PlatformVersion", "platformVersion"),
        ("Group", "group"),
        ("PropagateTags", "propagateTags"),
        ("EnableECSManagedTags", "enableECSManagedTags"),
        ("EnableExecuteCommand", "enableExecuteCommand"),
        ("ReferenceId", "referenceId"),
    ] {
        put(name, ecs.get(key).cloned());
    }
    for (key, name) in [
        ("NetworkConfiguration", "networkConfiguration"),
        ("CapacityProviderStrategy", "capacityProviderStrategy"),
        ("Tags", "tags"),
    ] {
        put(name, ecs.get(key).map(lower_first));
    }
    let given = target.get("Input").and_then(Value::as_str);
    put("overrides", given.and_then(|text| serde_json::from_str(text).ok()));
    Some(Value::Object(call))
}

/// EventBridge writes the members of ECS's structures with a capital letter.
fn lower_first(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| {
                let mut letters = key.chars();
                let first = letters.next().map(|first| first.to_ascii_lowercase());
                (first.into_iter().chain(letters).collect::<String>(), lower_first(value))
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(lower_first).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_becomes_the_call_that_it_describes() {
        let target = json!({
            "Id": "run", "Arn": "arn:c", "RoleArn": "arn:r", "Input": "{\"containerOverrides\":[]}",
            "EcsParameters": {
                "TaskDefinitionArn": "arn:t", "LaunchType": "FARGATE",
                "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["s"], "AssignPublicIp": "ENABLED"}},
            },
        });
        let expected = json!({
            "cluster": "arn:c", "taskDefinition": "arn:t", "count": 1, "startedBy": "events-rule/nightly",
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"], "assignPublicIp": "ENABLED"}},
            "overrides": {"containerOverrides": []},
        });
        assert_eq!(call_of(&target, "nightly"), Some(expected));
        assert_eq!(call_of(&json!({"Id": "1", "Arn": "arn:aws:sqs:x"}), "nightly"), None);
    }
}
