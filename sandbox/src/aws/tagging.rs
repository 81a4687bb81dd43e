//! `GetResources` of the Resource Groups Tagging API over everything that carries tags: the sandbox's
//! own models, `EventBridge` rules, and what moto finds itself. IAM roles are not among them, as at AWS.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::caller::DEFAULT_REGION;
use super::error::Refusal;
use crate::internal::{Internal, InternalError};
use crate::state::State;

/// ARN → tags.
type Tagged = BTreeMap<String, BTreeMap<String, String>>;

/// Resources of a page when the call does not say; also the most that AWS gives.
const PAGE: u64 = 100;

/// Answers a `GetResources` call.
pub async fn get_resources(
    state: &State,
    account: &str,
    region: &str,
    input: &Value,
) -> Result<Value, Refusal> {
    let found = everything(state, account, region).await.map_err(|error| Refusal {
        status: 500,
        code: "InternalServiceException".into(),
        message: error.to_string(),
    })?;
    page(&found, input)
}

async fn everything(state: &State, account: &str, region: &str) -> Result<Tagged, InternalError> {
    let internal = state.internal(account, region);
    let mut found: Tagged = state.with_ecs(account, region, |ecs| ecs.tagged()).into_iter().collect();
    found.extend(state.with_elb(account, region, |elb| elb.tagged()));
    found.extend(state.with_acm(account, region, |acm| acm.tagged()));
    found.extend(state.with_ssm(account, region, |ssm| ssm.tagged()));
    if region == DEFAULT_REGION {
        // Route 53 is global; its zones are listed in one region.
        let zones = state.with_dns(account, |dns| dns.tagged());
        found
            .extend(zones.into_iter().map(|(id, tags)| (format!("arn:aws:route53:::hostedzone/{id}"), tags)));
    }
    found.extend(of_moto(internal).await?);
    found.extend(of_rules(internal).await?);
    found.retain(|_, tags| !tags.is_empty());
    Ok(found)
}

async fn of_moto(internal: Internal<'_>) -> Result<Tagged, InternalError> {
    let mut found = Tagged::new();
    let mut token = String::new();
    loop {
        let mut input = json!({"ResourcesPerPage": PAGE});
        if !token.is_empty() {
            input = json!({"ResourcesPerPage": PAGE, "PaginationToken": token});
        }
        let answer =
            internal.json("tagging", "ResourceGroupsTaggingAPI_20170126.GetResources", &input).await?;
        for item in answer.get("ResourceTagMappingList").and_then(Value::as_array).into_iter().flatten() {
            let arn = item.get("ResourceARN").and_then(Value::as_str).unwrap_or_default();
            // moto lists roles, and never sees what the sandbox models.
            if !matches!(
                service_of(arn),
                "iam" | "ecs" | "events" | "elasticloadbalancing" | "acm" | "route53" | "ssm"
            ) {
                found.insert(arn.to_owned(), tags_of(item.get("Tags")));
            }
        }
        let next = answer.get("PaginationToken").and_then(Value::as_str);
        next.unwrap_or_default().clone_into(&mut token);
        if token.is_empty() {
            return Ok(found);
        }
    }
}

async fn of_rules(internal: Internal<'_>) -> Result<Tagged, InternalError> {
    let mut found = Tagged::new();
    let mut input = json!({"Limit": 100});
    loop {
        let answer = internal.json("events", "AWSEvents.ListRules", &input).await?;
        for rule in answer.get("Rules").and_then(Value::as_array).into_iter().flatten() {
            let arn = rule.get("Arn").and_then(Value::as_str).unwrap_or_default();
            let tags = internal
                .json("events", "AWSEvents.ListTagsForResource", &json!({"ResourceARN": arn}))
                .await?;
            found.insert(arn.to_owned(), tags_of(tags.get("Tags")));
        }
        match answer.get("NextToken").and_then(Value::as_str) {
            Some(token) => input = json!({"Limit": 100, "NextToken": token}),
            None => return Ok(found),
        }
    }
}

/// `[{"Key": …, "Value": …}]` as a map.
fn tags_of(list: Option<&Value>) -> BTreeMap<String, String> {
    let text = |tag: &Value, key: &str| tag.get(key).and_then(Value::as_str).map(str::to_owned);
    let tags = list.and_then(Value::as_array).into_iter().flatten();
    tags.filter_map(|tag| Some((text(tag, "Key")?, text(tag, "Value").unwrap_or_default()))).collect()
}

/// The third part of an ARN.
fn service_of(arn: &str) -> &str {
    arn.split(':').nth(2).unwrap_or_default()
}

/// Filters and cuts a page.
fn page(found: &Tagged, input: &Value) -> Result<Value, Refusal> {
    let invalid = |message: &str| Refusal::new("InvalidParameterException", message);
    let texts = |value: Option<&Value>| -> Vec<String> {
        let items = value.and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let types = texts(input.get("ResourceTypeFilters"));
    let arns: BTreeSet<String> = texts(input.get("ResourceARNList")).into_iter().collect();
    let mut filters = Vec::new();
    for filter in input.get("TagFilters").and_then(Value::as_array).into_iter().flatten() {
        let key = filter.get("Key").and_then(Value::as_str).filter(|key| !key.is_empty());
        filters.push((key.ok_or_else(|| invalid("TagFilters need a Key"))?, texts(filter.get("Values"))));
    }
    if !arns.is_empty() && (!types.is_empty() || !filters.is_empty()) {
        return Err(invalid("ResourceARNList cannot be combined with filters"));
    }
    let size = input.get("ResourcesPerPage").and_then(Value::as_u64).unwrap_or(PAGE);
    if !(1..=100).contains(&size) {
        return Err(invalid("ResourcesPerPage must be between 1 and 100"));
    }
    let after = input.get("PaginationToken").and_then(Value::as_str).unwrap_or_default();
    let wanted = |arn: &str, tags: &BTreeMap<String, String>| {
        let matches = |(key, values): &(&str, Vec<String>)| {
            tags.get(*key).is_some_and(|value| values.is_empty() || values.contains(value))
        };
        (arns.is_empty() || arns.contains(arn))
            && (types.is_empty() || types.iter().any(|kind| is_of_type(arn, kind)))
            && filters.iter().all(matches)
    };
    let rest: Vec<_> = found.iter().filter(|(arn, tags)| arn.as_str() > after && wanted(arn, tags)).collect();
    let size = usize::try_from(size).unwrap_or(100);
    let shown = rest.get(..size.min(rest.len())).unwrap_or_default();
    let token = if rest.len() > size { shown.last().map_or("", |(arn, _)| arn.as_str()) } else { "" };
    let list: Vec<Value> = shown
        .iter()
        .map(|(arn, tags)| {
            let tags: Vec<Value> =
                tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
            json!({"ResourceARN": arn, "Tags": tags})
        })
        .collect();
    Ok(json!({"PaginationToken": token, "ResourceTagMappingList": list}))
}

/// Whether an ARN is of a type like `ecs`, `ecs:service` or `elasticloadbalancing:loadbalancer`.
fn is_of_type(arn: &str, kind: &str) -> bool {
    let (service, resource) = kind.split_once(':').unwrap_or((kind, ""));
    if service_of(arn) != service {
        return false;
    }
    let own = arn.splitn(6, ':').nth(5).unwrap_or_default();
    resource.is_empty()
        || own.strip_prefix(resource).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    const CLUSTER: &str = "arn:aws:ecs:us-east-1:1:cluster/a";
    const SERVICE: &str = "arn:aws:ecs:us-east-1:1:service/a/web";
    const GROUP: &str = "arn:aws:logs:us-east-1:1:log-group:/ecs/a";

    fn sample() -> Tagged {
        let tags = |app: &str| {
            BTreeMap::from([("app".to_owned(), app.to_owned()), ("by".to_owned(), "x".to_owned())])
        };
        BTreeMap::from([(CLUSTER.into(), tags("a")), (SERVICE.into(), tags("b")), (GROUP.into(), tags("a"))])
    }

    fn arns(input: &Value) -> Vec<String> {
        let answer = page(&sample(), input).unwrap();
        let list = answer["ResourceTagMappingList"].as_array().unwrap().clone();
        list.iter().map(|item| item["ResourceARN"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn all_tag_filters_must_match_and_any_of_their_values() {
        assert_eq!(arns(&json!({})).len(), 3);
        assert_eq!(
            arns(&json!({"TagFilters": [{"Key": "by"}, {"Key": "app", "Values": ["a", "z"]}]})),
            [CLUSTER, GROUP]
        );
        assert!(arns(&json!({"TagFilters": [{"Key": "nope"}]})).is_empty());
    }

    #[test]
    fn types_are_service_or_service_and_resource() {
        assert_eq!(arns(&json!({"ResourceTypeFilters": ["ecs"]})), [CLUSTER, SERVICE]);
        assert_eq!(
            arns(&json!({"ResourceTypeFilters": ["ecs:service", "logs:log-group"]})),
            [SERVICE, GROUP]
        );
    }

    #[test]
    fn pages_follow_one_another_without_gap() {
        let first = page(&sample(), &json!({"ResourcesPerPage": 2})).unwrap();
        let token = first["PaginationToken"].as_str().unwrap();
        assert!(!token.is_empty());
        assert_eq!(arns(&json!({"ResourcesPerPage": 2, "PaginationToken": token})), [GROUP]);
        assert_eq!(page(&sample(), &json!({"ResourcesPerPage": 3})).unwrap()["PaginationToken"], "");
    }

    #[test]
    fn a_list_of_arns_excludes_filters() {
        assert_eq!(arns(&json!({"ResourceARNList": [SERVICE]})), [SERVICE]);
        assert!(
            page(&sample(), &json!({"ResourceARNList": [SERVICE], "ResourceTypeFilters": ["ecs"]})).is_err()
        );
    }
}
