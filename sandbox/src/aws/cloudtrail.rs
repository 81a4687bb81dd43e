//! CloudTrail's `LookupEvents`, answered from the sandbox's own record. At AWS an event takes minutes to appear, here none.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::error::Refusal;
use crate::record::{Caller, Entry};
use crate::state::{State, lock};

/// Most events of one answer.
const MOST: usize = 50;

/// Operations that are data events, which `LookupEvents` does not show.
const DATA: &[&str] = &[
    "FilterLogEvents",
    "GetLogEvents",
    "PutLogEvents",
    "GetObject",
    "PutObject",
    "HeadObject",
    "DeleteObject",
];

/// The names that events can be looked up by.
const ATTRIBUTES: &[&str] = &[
    "EventId",
    "EventName",
    "ReadOnly",
    "Username",
    "ResourceType",
    "ResourceName",
    "EventSource",
    "AccessKeyId",
];

/// Answers `LookupEvents`: newest first.
pub fn lookup(state: &State, account: &str, region: &str, input: &Value) -> Result<Value, Refusal> {
    let number = |key: &str| input.get(key).and_then(Value::as_f64);
    let (start, end) = (number("StartTime"), number("EndTime"));
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        return Err(Refusal::new("InvalidTimeRangeException", "The start time is after the end time."));
    }
    let attribute = attribute(input)?;
    let most = input.get("MaxResults").map_or(Some(MOST), |most| usize::try_from(most.as_u64()?).ok());
    let most = most
        .filter(|most| (1..=MOST).contains(most))
        .ok_or_else(|| Refusal::new("InvalidMaxResultsException", "MaxResults must be between 1 and 50."))?;
    let before = match input.get("NextToken").and_then(Value::as_str) {
        None => u64::MAX,
        Some(token) => before(token)
            .ok_or_else(|| Refusal::new("InvalidNextTokenException", "The NextToken is not valid."))?,
    };
    let recorder = lock(&state.recorder);
    let mut found = recorder.all().rev().filter(|entry| {
        entry.source == "aws"
            && entry.account == account
            && entry.region == region
            && entry.status > 0
            && !DATA.contains(&entry.operation.as_str())
            && entry.n < before
            && start.is_none_or(|start| entry.time.floor() >= start.floor())
            && end.is_none_or(|end| entry.time.floor() <= end)
            && attribute.is_none_or(|(key, value)| fits(entry, key, value))
    });
    let page: Vec<&Entry> = found.by_ref().take(most).collect();
    let more = found.next().is_some();
    let events: Vec<Value> = page.iter().map(|entry| event(entry)).collect();
    let mut answer = json!({"Events": events});
    if let (true, Some(last), Some(answer)) = (more, page.last(), answer.as_object_mut()) {
        answer.insert("NextToken".into(), URL_SAFE_NO_PAD.encode(last.n.to_string()).into());
    }
    Ok(answer)
}

/// The one attribute that a call may name.
fn attribute(input: &Value) -> Result<Option<(&str, &str)>, Refusal> {
    let invalid = |message: &str| Err(Refusal::new("InvalidLookupAttributesException", message));
    let given = input.get("LookupAttributes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let [one] = given else {
        return if given.is_empty() {
            Ok(None)
        } else {
            invalid("You can only specify one lookup attribute.")
        };
    };
    let text = |key: &str| one.get(key).and_then(Value::as_str);
    match (text("AttributeKey"), text("AttributeValue")) {
        (Some(key), Some(value)) if ATTRIBUTES.contains(&key) => Ok(Some((key, value))),
        _ => invalid("The lookup attribute is not valid."),
    }
}

/// The event that a page ended with.
fn before(token: &str) -> Option<u64> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?.parse().ok()
}

fn fits(entry: &Entry, key: &str, value: &str) -> bool {
    match key {
        "EventId" => id(entry) == value,
        "EventName" => entry.operation == value,
        "ReadOnly" => (!entry.mutating).to_string() == value,
        "Username" => user(&entry.caller) == value,
        "EventSource" => source(entry) == value,
        "AccessKeyId" => entry.caller.access_key == value,
        // Resources are not told apart here.
        _ => false,
    }
}

fn id(entry: &Entry) -> String {
    format!("00000000-0000-4000-8000-{:012x}", entry.n)
}

/// The host of the service, which names the source of an event.
fn source(entry: &Entry) -> String {
    format!("{}.amazonaws.com", entry.service)
}

/// The session of a role, else the root user.
fn user(caller: &Caller) -> &str {
    caller.role.as_ref().map_or("root", |(_, session)| session)
}

fn event(entry: &Entry) -> Value {
    json!({
        "EventId": id(entry),
        "EventName": entry.operation,
        "ReadOnly": (!entry.mutating).to_string(),
        "AccessKeyId": entry.caller.access_key,
        "EventTime": entry.time.floor(),
        "EventSource": source(entry),
        "Username": user(&entry.caller),
        "Resources": [],
        "CloudTrailEvent": record(entry).to_string(),
    })
}

/// The whole record, as CloudTrail keeps it ("CloudTrail record contents").
fn record(entry: &Entry) -> Value {
    let at = time::OffsetDateTime::UNIX_EPOCH + time::Duration::seconds_f64(entry.time.floor());
    let at = at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default();
    let from = entry.caller.invoked_by.as_deref();
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": identity(entry, &at),
        "eventTime": at,
        "eventSource": source(entry),
        "eventName": entry.operation,
        "awsRegion": entry.region,
        "sourceIPAddress": from.unwrap_or("127.0.0.1"),
        "userAgent": from.unwrap_or("fargate-stack"),
        "requestParameters": entry.parameters,
        "responseElements": null,
        "requestID": id(entry),
        "eventID": id(entry),
        "readOnly": !entry.mutating,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": entry.account,
        "eventCategory": "Management",
    });
    if let Some(record) = record.as_object_mut() {
        if entry.result == "ok" {
            record.insert("responseElements".into(), entry.answer.clone());
        } else {
            let said = entry.answer.get("message").or_else(|| entry.answer.get("Message"));
            record.insert("errorCode".into(), entry.result.clone().into());
            record.insert("errorMessage".into(), said.cloned().unwrap_or_default());
        }
    }
    record
}

fn identity(entry: &Entry, at: &str) -> Value {
    let Entry { account, caller, .. } = entry;
    let Some((role, session)) = &caller.role else {
        return json!({
            "type": "Root", "principalId": account, "arn": format!("arn:aws:iam::{account}:root"),
            "accountId": account, "accessKeyId": caller.access_key,
        });
    };
    let name = role.rsplit('/').next().unwrap_or(role);
    let mut identity = json!({
        "type": "AssumedRole",
        "principalId": format!("AROASANDBOX:{session}"),
        "arn": format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
        "accountId": account,
        "accessKeyId": caller.access_key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role", "principalId": "AROASANDBOX", "arn": role, "accountId": account, "userName": name,
            },
            "attributes": {"creationDate": at, "mfaAuthenticated": "false"},
        },
    });
    if let (Some(by), Some(identity)) = (&caller.invoked_by, identity.as_object_mut()) {
        identity.insert("invokedBy".into(), by.clone().into());
    }
    identity
}
