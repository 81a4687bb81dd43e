//! The recorder: every call that a client made, in the order in which they took effect.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// What takes the place of a secret value.
const MASK: &str = "(hidden)";

/// Parameters whose values are secrets, in any service, compared by the last part of a dotted name.
const SECRET: &[&str] = &[
    "SecretString",
    "SecretBinary",
    "WebIdentityToken",
    "Password",
    "SecretAccessKey",
    "SAMLAssertion",
    "ClientSecret",
];

/// Who made a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Access key id.
    pub access_key: String,
    /// ARN of the assumed role, and the name of the session.
    pub role: Option<(String, String)>,
    /// The service that made the call for the caller, as `events.amazonaws.com`.
    pub invoked_by: Option<String>,
}

/// One recorded call.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Number of the call, from 1, never re-used before a reset.
    pub n: u64,
    /// `aws` or `github`.
    pub source: &'static str,
    /// Account id; for GitHub the repository as `owner/name`, where the call names one.
    pub account: String,
    /// Region; empty for GitHub.
    pub region: String,
    /// Signing name of the AWS service (`ecs`, `tagging`, …), or `github`.
    pub service: String,
    /// Operation (`CreateService`), or method and path template.
    pub operation: String,
    /// Whether the call can change something.
    pub mutating: bool,
    /// The input: JSON as sent, or the form's fields; secret values are hidden.
    pub parameters: Value,
    /// HTTP status of the answer; 0 when the connection was dropped before the call had an effect.
    pub status: u16,
    /// `ok` or the error code.
    pub result: String,
    /// The fault that was injected, by its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// When it was received, in seconds since the epoch by the sandbox's clock.
    pub time: f64,
    /// How long it took, in milliseconds of the wall.
    pub ms: u64,
    /// Who made it.
    #[serde(skip)]
    pub caller: Caller,
    /// The answer of a call that can change something, where it is JSON; else null.
    #[serde(skip)]
    pub answer: Value,
}

/// All calls since the start or the last reset.
#[derive(Debug, Default)]
pub struct Recorder {
    last: u64,
    entries: Vec<Entry>,
}

impl Recorder {
    /// Notes a call and gives it its number.
    pub fn note(&mut self, mut entry: Entry) {
        self.last += 1;
        entry.n = self.last;
        mask(&mut entry.parameters);
        mask(&mut entry.answer);
        self.entries.push(entry);
    }

    /// The calls that match the filter of a query string: `account`, `region`, `service`, `operation`, `source`, `mutating`,
    /// `since` (numbers above).
    pub fn list(&self, filter: &BTreeMap<String, String>) -> Vec<&Entry> {
        let is = |key: &str, value: &str| filter.get(key).is_none_or(|wanted| wanted == value);
        let since: u64 = filter.get("since").and_then(|since| since.parse().ok()).unwrap_or(0);
        self.entries
            .iter()
            .filter(|entry| {
                entry.n > since
                    && is("account", &entry.account)
                    && is("region", &entry.region)
                    && is("service", &entry.service)
                    && is("operation", &entry.operation)
                    && is("source", entry.source)
                    && is("mutating", if entry.mutating { "true" } else { "false" })
            })
            .collect()
    }

    /// Every call, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets all calls, or those of one account; numbers go on.
    pub fn forget(&mut self, account: Option<&str>) {
        self.entries.retain(|entry| account.is_some_and(|account| account != entry.account));
    }
}

/// Hides secret values.
fn mask(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                let last = key.rsplit('.').next().unwrap_or(key);
                if SECRET.contains(&last) && !value.is_null() {
                    *value = Value::String(MASK.into());
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn entry(account: &str, mutating: bool) -> Entry {
        Entry {
            n: 0,
            source: "aws",
            account: account.into(),
            region: "us-east-1".into(),
            service: "secretsmanager".into(),
            operation: "PutSecretValue".into(),
            mutating,
            parameters: json!({"SecretId": "a", "SecretString": "hunter2", "Inner": [{"SecretBinary": "x"}]}),
            status: 200,
            result: "ok".into(),
            fault: None,
            time: 0.0,
            ms: 0,
            caller: Caller::default(),
            answer: Value::Null,
        }
    }

    #[test]
    fn secret_values_are_never_kept() {
        let mut recorder = Recorder::default();
        recorder.note(entry("1", true));
        let text = serde_json::to_string(&recorder.list(&BTreeMap::new())).unwrap_or_default();
        assert!(
            text.contains("\"SecretId\":\"a\"") && !text.contains("hunter2") && !text.contains("\"x\""),
            "{text}"
        );
    }

    #[test]
    fn calls_are_listed_by_account_kind_and_number() {
        let mut recorder = Recorder::default();
        recorder.note(entry("1", true));
        recorder.note(entry("2", false));
        recorder.note(entry("2", true));
        let list =
            |text: &str| recorder.list(&crate::http::pairs(text)).iter().map(|e| e.n).collect::<Vec<_>>();
        assert_eq!(list("account=2"), [2, 3]);
        assert_eq!(list("account=2&mutating=true"), [3]);
        assert_eq!(list("since=1&mutating=false"), [2]);
    }

    #[test]
    fn numbers_go_on_after_forgetting() {
        let mut recorder = Recorder::default();
        recorder.note(entry("1", true));
        recorder.note(entry("2", true));
        recorder.forget(Some("1"));
        recorder.note(entry("1", true));
        assert_eq!(recorder.list(&BTreeMap::new()).iter().map(|e| e.n).collect::<Vec<_>>(), [2, 3]);
    }
}
