//! What the ECS model uses of other services, read through its own API.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::ecs::{Ecs, Outside};
use crate::state::State;

/// The security groups of all services that are not gone, and of all runs that go on: their tasks' network interfaces hold the groups.
pub fn security_groups(state: &State, account: &str, region: &str) -> BTreeSet<String> {
    let now = state.now();
    state.with_ecs(account, region, |ecs| {
        let mut found = ecs.groups_of_runs(now);
        for cluster in pages(ecs, "ListClusters", &json!({}), "clusterArns", now) {
            let services = pages(ecs, "ListServices", &json!({"cluster": cluster}), "serviceArns", now);
            for some in services.chunks(10) {
                let input = json!({"cluster": cluster, "services": some});
                let Ok(answer) = ecs.call("DescribeServices", &input, now, &Outside::default()) else {
                    continue;
                };
                for service in answer.get("services").and_then(Value::as_array).into_iter().flatten() {
                    if service.get("status").and_then(Value::as_str) != Some("INACTIVE") {
                        collect(service, &mut found);
                    }
                }
            }
        }
        found
    })
}

/// All ARNs of a paged listing.
fn pages(ecs: &mut Ecs, operation: &str, input: &Value, list: &str, now: f64) -> Vec<String> {
    let mut found = Vec::new();
    let mut input = input.clone();
    while let Ok(answer) = ecs.call(operation, &input, now, &Outside::default()) {
        let items = answer.get(list).and_then(Value::as_array).into_iter().flatten();
        found.extend(items.filter_map(Value::as_str).map(str::to_owned));
        match (answer.get("nextToken").filter(|token| !token.is_null()), input.as_object_mut()) {
            (Some(token), Some(input)) => input.insert("nextToken".into(), token.clone()),
            _ => break,
        };
    }
    found
}

/// The groups named anywhere in a description: by the service and by each of its deployments.
fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if key == "securityGroups" {
                    let groups = value.as_array().into_iter().flatten();
                    found.extend(groups.filter_map(Value::as_str).map(str::to_owned));
                } else {
                    collect(value, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_older_deployments_count_as_used() {
        let service = json!({
            "networkConfiguration": {"awsvpcConfiguration": {"securityGroups": ["sg-1"]}},
            "deployments": [{"networkConfiguration": {"awsvpcConfiguration": {"securityGroups": ["sg-2"]}}}],
        });
        let mut found = BTreeSet::new();
        collect(&service, &mut found);
        assert_eq!(found, BTreeSet::from(["sg-1".to_owned(), "sg-2".to_owned()]));
    }
}
