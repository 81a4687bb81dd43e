//! CloudWatch Logs: what containers wrote gets there in time, and `FilterLogEvents` as AWS filters.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::error::Refusal;
use crate::ecs::LogBatch;
use crate::internal::{Internal, InternalError};
use crate::state::{State, lock};

/// Most events of one answer, and of one `PutLogEvents`.
const MOST: usize = 10_000;

async fn call(internal: Internal<'_>, operation: &str, input: &Value) -> Result<Value, InternalError> {
    internal.json("logs", &format!("Logs_20140328.{operation}"), input).await
}

/// Delivers what the containers of an account have written by now, wherever it goes: before any other call to the
/// service, so that nobody can tell that it was not there all the time.
pub async fn deliver(state: &State, account: &str) {
    // Who comes second waits until what the first one took has arrived.
    let _turn = state.log_delivery.lock().await;
    let now = state.now();
    let mut due = Vec::new();
    for ((owner, _), ecs) in lock(&state.ecs).iter_mut() {
        if owner == account {
            due.extend(ecs.due_logs(now));
        }
    }
    for batch in due {
        put(state.internal(account, &batch.region), &batch).await;
    }
}

/// Writes one batch; without its group it is lost, as with the driver.
async fn put(internal: Internal<'_>, batch: &LogBatch) {
    let group = json!({"logGroupName": batch.group});
    let stream = json!({"logGroupName": batch.group, "logStreamName": batch.stream});
    let made = call(internal, "CreateLogStream", &stream).await;
    let missing = made.is_err_and(|error| error.code == "ResourceNotFoundException");
    if missing {
        if !batch.create_group {
            return;
        }
        // Both can only fail because somebody else was quicker.
        let _ = call(internal, "CreateLogGroup", &group).await;
        let _ = call(internal, "CreateLogStream", &stream).await;
    }
    for some in batch.lines.chunks(MOST) {
        let events: Vec<Value> =
            some.iter().map(|(at, text)| json!({"timestamp": at, "message": text})).collect();
        let mut input = stream.clone();
        if let Some(input) = input.as_object_mut() {
            input.insert("logEvents".into(), json!(events));
        }
        // The stream is there; a group that goes at this moment takes the lines with it.
        let _ = call(internal, "PutLogEvents", &input).await;
    }
}

/// Events at the end time belong to `FilterLogEvents`, but not to `GetLogEvents`, where moto includes them.
pub fn without_end(input: &Value) -> Option<Vec<u8>> {
    let end = input.get("endTime")?.as_i64()?;
    let mut input = input.clone();
    input.as_object_mut()?.insert("endTime".into(), json!(end - 1));
    Some(input.to_string().into_bytes())
}

/// Answers `FilterLogEvents`: moto knows no prefix of streams, few patterns, and no order across streams.
pub async fn filter(internal: Internal<'_>, input: &Value) -> Result<Value, Refusal> {
    let invalid = |message: &str| Refusal::new("InvalidParameterException", message);
    let text = |key: &str| input.get(key).and_then(Value::as_str);
    let names: Vec<&str> = input
        .get("logStreamNames")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let prefix = text("logStreamNamePrefix");
    if prefix.is_some() && !names.is_empty() {
        return Err(invalid("LogStreamNamePrefix and LogStreamNames are mutually exclusive parameters."));
    }
    let limit = input.get("limit").map_or(Some(MOST), |limit| usize::try_from(limit.as_u64()?).ok());
    let limit = limit.filter(|limit| (1..=MOST).contains(limit)).ok_or_else(|| {
        invalid("Value at 'limit' failed to satisfy constraint: it must be between 1 and 10000")
    })?;
    let pattern = Pattern::read(text("filterPattern").unwrap_or_default())?;
    let after = text("nextToken").map(position).transpose()?;
    let identifier = text("logGroupName").or_else(|| text("logGroupIdentifier")).unwrap_or_default();
    let group = identifier.split(":log-group:").last().unwrap_or_default().trim_end_matches(":*");

    let mut wanted = all(internal, group, input).await?;
    for name in &names {
        if !exists(internal, group, name).await? {
            return Err(Refusal::new(
                "ResourceNotFoundException",
                "The specified log stream does not exist.",
            ));
        }
    }
    wanted.retain(|event| {
        let stream = event.get("logStreamName").and_then(Value::as_str).unwrap_or_default();
        let message = event.get("message").and_then(Value::as_str).unwrap_or_default();
        (names.is_empty() || names.contains(&stream))
            && prefix.is_none_or(|prefix| stream.starts_with(prefix))
            && after.is_none_or(|after| key(event) > after)
            && pattern.matches(message)
    });
    wanted.sort_by_key(key);
    let more = wanted.len() > limit;
    wanted.truncate(limit);
    let next =
        wanted.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(json!(key(last)).to_string()));
    for event in &mut wanted {
        let id = format!("{:056}", key(event).1);
        if let Some(event) = event.as_object_mut() {
            event.insert("eventId".into(), id.into());
        }
    }
    let mut answer = json!({"events": wanted, "searchedLogStreams": []});
    if let (Some(next), Some(answer)) = (next, answer.as_object_mut()) {
        answer.insert("nextToken".into(), next.into());
    }
    Ok(answer)
}

/// Whether a group has a stream of this name.
async fn exists(internal: Internal<'_>, group: &str, name: &str) -> Result<bool, Refusal> {
    // Names come in order, so that the name itself is the first of those that it begins.
    let input = json!({"logGroupName": group, "logStreamNamePrefix": name, "limit": 1});
    let found = call(internal, "DescribeLogStreams", &input).await.map_err(|error| refused(&error))?;
    Ok(found.pointer("/logStreams/0/logStreamName").and_then(Value::as_str) == Some(name))
}

/// Every event of a group between the times of the input.
async fn all(internal: Internal<'_>, group: &str, input: &Value) -> Result<Vec<Value>, Refusal> {
    let mut found = Vec::new();
    let mut page = json!({"logGroupName": group, "limit": MOST});
    for name in ["startTime", "endTime"] {
        if let (Some(time), Some(page)) =
            (input.get(name).filter(|time| !time.is_null()), page.as_object_mut())
        {
            page.insert(name.into(), time.clone());
        }
    }
    loop {
        let mut answer = call(internal, "FilterLogEvents", &page).await.map_err(|error| refused(&error))?;
        let next = answer.get("nextToken").filter(|next| next.is_string()).cloned();
        if let Some(Value::Array(events)) = answer.get_mut("events").map(Value::take) {
            found.extend(events);
        }
        match (next, page.as_object_mut()) {
            (Some(next), Some(page)) => page.insert("nextToken".into(), next),
            _ => return Ok(found),
        };
    }
}

/// moto's refusal, handed on.
fn refused(error: &InternalError) -> Refusal {
    let said: Value = serde_json::from_str(&error.said).unwrap_or_default();
    let message = said.get("message").or_else(|| said.get("Message")).and_then(Value::as_str);
    Refusal::new(&error.code, message.unwrap_or(&error.said))
}

/// Where an event stands: time, then the order in which events came.
fn key(event: &Value) -> (i64, u64) {
    let at = event.get("timestamp").and_then(Value::as_i64).unwrap_or_default();
    let id = event.get("eventId").and_then(Value::as_str).and_then(|id| id.parse().ok());
    (at, id.unwrap_or_default())
}

/// The event that a page ended with.
fn position(token: &str) -> Result<(i64, u64), Refusal> {
    let read = || serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok();
    read().ok_or_else(|| Refusal::new("InvalidParameterException", "The specified nextToken is invalid."))
}

/// A filter pattern of terms: `a b` both, `?a ?b` one of them, `-a` none, `"a b"` the phrase.
#[derive(Debug, Default, PartialEq, Eq)]
struct Pattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

impl Pattern {
    fn read(text: &str) -> Result<Self, Refusal> {
        let mut rest = text.trim();
        if rest.starts_with(['{', '[', '%']) {
            let why = "filter patterns for JSON, for fields and regular expressions are not understood";
            return Err(Refusal::not_emulated("logs", "FilterLogEvents", why));
        }
        let mut pattern = Self::default();
        while !rest.is_empty() {
            let (list, after) = match rest.as_bytes().first() {
                Some(b'?') => (&mut pattern.any, rest.get(1..)),
                Some(b'-') => (&mut pattern.none, rest.get(1..)),
                _ => (&mut pattern.all, Some(rest)),
            };
            let after = after.unwrap_or_default();
            let (term, left) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(|| invalid_pattern(text))?,
                None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
            };
            let plain = term.chars().all(|one| one.is_alphanumeric() || one == '_');
            if term.is_empty() || (!plain && !after.starts_with('"')) {
                return Err(invalid_pattern(term));
            }
            list.push(term.to_owned());
            rest = left.trim_start();
        }
        Ok(pattern)
    }

    fn matches(&self, message: &str) -> bool {
        let held = |term: &String| message.contains(term.as_str());
        // Beside terms that must match, those that may match mean nothing.
        let any = !self.all.is_empty() || self.any.is_empty() || self.any.iter().any(held);
        any && self.all.iter().all(held) && !self.none.iter().any(held)
    }
}

/// Terms with anything but letters, digits and underscores need quotes.
fn invalid_pattern(term: &str) -> Refusal {
    Refusal::new("InvalidParameterException", format!("Invalid character(s) in term '{term}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, message: &str) -> bool {
        Pattern::read(pattern).unwrap().matches(message)
    }

    #[test]
    fn terms_phrases_options_and_exclusions_select_messages() {
        for (pattern, message, expected) in [
            ("", "anything", true),
            ("ERROR", "an ERROR here", true),
            ("ERROR", "an error here", false),
            ("ERROR here", "here: ERROR", true),
            ("ERROR there", "here: ERROR", false),
            ("\"exit code\"", "the exit code is 1", true),
            ("\"exit code\"", "the code of exit", false),
            ("?WARN ?ERROR", "an ERROR", true),
            ("?WARN ?ERROR", "fine", false),
            ("ERROR -\"exit 0\"", "ERROR exit 0", false),
            ("ERROR -\"exit 0\"", "ERROR exit 1", true),
        ] {
            assert_eq!(matches(pattern, message), expected, "{pattern} on {message}");
        }
    }

    #[test]
    fn a_pattern_that_cannot_be_played_is_refused() {
        let code = |pattern: &str| Pattern::read(pattern).unwrap_err().code;
        assert_eq!(code("key:value"), "InvalidParameterException");
        assert_eq!(code("\"open"), "InvalidParameterException");
        assert_eq!(code("{ $.level = \"error\" }"), "NotEmulated");
    }

    #[test]
    fn a_token_brings_back_where_a_page_ended() {
        let event = json!({"timestamp": 5, "eventId": "12"});
        let token = URL_SAFE_NO_PAD.encode(json!(key(&event)).to_string());
        assert_eq!(position(&token).ok(), Some((5, 12)));
        assert!(position("nonsense").is_err());
    }
}
