//! What CloudTrail recorded of schedules starting tasks: `RunTask` calls of the stack's events role.
//!
//! CloudTrail keeps management events for 90 days and shows a call some minutes after it was made.

use std::time::Duration;

use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use serde_json::Value;

use crate::aws::{Aws, Retry, call, retrying};
use crate::model::{CallError, Firing, TaskRun};

use super::{last, tasks};

/// The IAM actions of this file.
pub const READS: &[&str] = &["cloudtrail:LookupEvents"];

/// `LookupEvents` answers twice a second in an account and region; whoever else asks counts, too.
const BUSY: Retry = Retry { on: &[("ThrottlingException", "")], limit: Duration::from_secs(30) };

/// Whose calls are wanted, and when they were made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted<'a> {
    /// The name of the role that EventBridge assumes.
    pub role: &'a str,
    /// The name of the cluster.
    pub cluster: &'a str,
    /// The task in the stack file.
    pub task: &'a str,
    /// The task-definition family.
    pub family: &'a str,
    /// The earliest, in seconds since the epoch.
    pub from: f64,
    /// The latest, in seconds since the epoch; `None` = now.
    pub to: Option<f64>,
}

/// The calls that fit, oldest first, joined with what ECS still knows of their tasks.
pub async fn firings(aws: &Aws, wanted: &Wanted<'_>) -> Result<Vec<Firing>, CallError> {
    let attribute = LookupAttribute::builder()
        .attribute_key(LookupAttributeKey::EventName)
        .attribute_value("RunTask")
        .build()
        .map_err(|error| CallError::local("cloudtrail:LookupEvents", error.to_string()))?;
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let page = retrying(BUSY, || {
            let ask = aws
                .trail
                .lookup_events()
                .lookup_attributes(attribute.clone())
                .start_time(DateTime::from_secs_f64(wanted.from))
                .set_end_time(wanted.to.map(DateTime::from_secs_f64))
                .set_next_token(token.clone());
            call("cloudtrail:LookupEvents", ask.send())
        })
        .await?;
        for event in page.events() {
            let text = event.cloud_trail_event().unwrap_or_default();
            let Ok(record) = serde_json::from_str::<Value>(text) else { continue };
            found.extend(firings_of(&record, wanted));
        }
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    // CloudTrail gives the newest first, and times to the second only.
    found.reverse();
    found.sort_by(|a, b| a.event_time.cmp(&b.event_time));
    let ids: Vec<String> = found.iter().filter_map(|firing| firing.id.clone()).collect();
    let runs = tasks::describe(aws, wanted.cluster, &ids).await?;
    for firing in &mut found {
        let run = runs.iter().find(|run| Some(&run.id) == firing.id.as_ref());
        firing.run = run.map(|run| TaskRun { task: wanted.task.to_owned(), ..run.clone() });
    }
    Ok(found)
}

/// What one recorded call came to: a firing for each task, or one that tells why there is none; nothing when it is of
/// somebody else, of another cluster or of another task.
fn firings_of(record: &Value, wanted: &Wanted<'_>) -> Vec<Firing> {
    let text = |path: &str| record.pointer(path).and_then(Value::as_str);
    let list = |path: &str| record.pointer(path).and_then(Value::as_array).into_iter().flatten();
    let revision = last(text("/requestParameters/taskDefinition").unwrap_or_default()).to_owned();
    let family = revision.split_once(':').map_or(revision.as_str(), |(family, _)| family);
    let cluster = last(text("/requestParameters/cluster").unwrap_or("default"));
    let caller = text("/userIdentity/sessionContext/sessionIssuer/userName");
    if caller != Some(wanted.role) || cluster != wanted.cluster || family != wanted.family {
        return Vec::new();
    }
    let reasons: Vec<&str> =
        list("/responseElements/failures").filter_map(|failure| failure.get("reason")?.as_str()).collect();
    let firing = Firing {
        event_time: text("/eventTime").unwrap_or_default().to_owned(),
        error_code: text("/errorCode").map(str::to_owned),
        error_message: text("/errorMessage")
            .map(str::to_owned)
            .or_else(|| (!reasons.is_empty()).then(|| reasons.join("; "))),
        revision,
        run: None,
        id: None,
    };
    let ids: Vec<String> = list("/responseElements/tasks")
        .filter_map(|task| Some(last(task.get("taskArn")?.as_str()?).to_owned()))
        .collect();
    if ids.is_empty() {
        return vec![firing];
    }
    ids.into_iter().map(|id| Firing { id: Some(id), ..firing.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const WANTED: Wanted<'static> = Wanted {
        role: "EventsAppRole",
        cluster: "app-cluster",
        task: "nightly",
        family: "nightly",
        from: 0.0,
        to: None,
    };

    fn record(role: &str, definition: &str, response: &Value) -> Value {
        json!({
            "eventTime": "2026-11-21T10:00:00Z",
            "userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"userName": role}}},
            "requestParameters": {"cluster": "arn:aws:ecs:us-east-1:1:cluster/app-cluster", "taskDefinition": definition},
            "responseElements": response,
        })
    }

    #[test]
    fn a_call_of_another_role_task_or_cluster_is_no_firing() {
        let answer = json!({"tasks": [{"taskArn": "arn:aws:ecs:us-east-1:1:task/app-cluster/0a"}]});
        let of = |role: &str, definition: &str| firings_of(&record(role, definition, &answer), &WANTED);
        assert_eq!(of("EventsAppRole", "arn:aws:ecs:us-east-1:1:task-definition/nightly:7").len(), 1);
        assert_eq!(of("Admin", "nightly:7"), []);
        assert_eq!(of("EventsAppRole", "nightly-2:7"), []);
        let elsewhere = Wanted { cluster: "other", ..WANTED };
        assert_eq!(firings_of(&record("EventsAppRole", "nightly", &answer), &elsewhere), []);
        assert_eq!(firings_of(&Value::Null, &WANTED), []);
    }

    #[test]
    fn a_refused_call_and_one_that_placed_nothing_tell_why() {
        let mut refused = record("EventsAppRole", "nightly:7", &Value::Null);
        refused["errorCode"] = "AccessDenied".into();
        refused["errorMessage"] = "not authorized to perform: ecs:RunTask".into();
        let [firing] = firings_of(&refused, &WANTED).try_into().unwrap();
        assert_eq!(firing.error_code.as_deref(), Some("AccessDenied"));
        let full = json!({"tasks": [], "failures": [{"reason": "RESOURCE:ENI"}]});
        let [firing] = firings_of(&record("EventsAppRole", "nightly:7", &full), &WANTED).try_into().unwrap();
        assert_eq!((firing.id, firing.error_message.as_deref()), (None, Some("RESOURCE:ENI")));
    }
}
