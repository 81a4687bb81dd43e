//! Faults and latency: what is to go wrong, for whose which call.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The ways in which a call can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The service's throttling error.
    Throttle,
    /// The service's internal error, status 500; GitHub's 502 page.
    Error500,
    /// The service's access-denied error.
    AccessDenied,
    /// The error with the given `code`, `message` and `status`, in the service's protocol.
    Error,
    /// The connection is closed before the call has any effect.
    Drop,
    /// The call takes effect, then the connection is closed without an answer.
    TimeoutAfter,
    /// The given `status`, `body`, `content_type` and `headers`, as they are.
    Status,
    /// The primary rate limit is used up until `reset_s` from now; at AWS the throttling error.
    RateLimit,
    /// The secondary rate limit, without any header that says how long; at AWS the throttling error.
    SecondaryLimit,
}

impl Kind {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::Error500 => "error500",
            Self::AccessDenied => "access_denied",
            Self::Error => "error",
            Self::Drop => "drop",
            Self::TimeoutAfter => "timeout_after",
            Self::Status => "status",
            Self::RateLimit => "rate_limit",
            Self::SecondaryLimit => "secondary_limit",
        }
    }
}

/// One fault: which calls, and what happens to them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only calls of this account, or of this `owner/name` at GitHub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Signing name, `github`, or `*`.
    #[serde(default = "any")]
    pub service: String,
    /// Operation, or `*`.
    #[serde(default = "any")]
    pub operation: String,
    /// Only calls that can change something, or only those that cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutating: Option<bool>,
    /// The first matching call that fails, counted from 1 since the fault was set.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many matching calls fail in a row.
    #[serde(default = "one")]
    pub count: u32,
    /// What happens.
    pub kind: Kind,
    /// HTTP status, for `status` and `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Body, for `status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Media type of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// More header values, for `status`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Error code instead of the service's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Error message instead of the service's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Milliseconds between the call and the failure.
    #[serde(default)]
    pub delay_ms: u64,
    /// Seconds until the rate limit starts anew, for `rate_limit`.
    #[serde(default = "one")]
    pub reset_s: u32,
    /// How many matching calls were seen; set by the sandbox.
    #[serde(default)]
    pub seen: u32,
}

fn any() -> String {
    "*".into()
}

fn one() -> u32 {
    1
}

/// What a call is, as far as faults and latency care.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Account, or `owner/name`.
    pub account: &'a str,
    /// Signing name, or `github`.
    pub service: &'a str,
    /// Operation.
    pub operation: &'a str,
    /// Whether it can change something.
    pub mutating: bool,
}

impl Fault {
    fn matches(&self, call: Subject<'_>) -> bool {
        self.account.as_deref().is_none_or(|account| account == call.account)
            && (self.service == "*" || self.service == call.service)
            && (self.operation == "*" || self.operation == call.operation)
            && self.mutating.is_none_or(|mutating| mutating == call.mutating)
    }
}

/// Extra time of calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// Only calls of this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Only calls of this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Milliseconds per call.
    pub ms: u64,
}

/// All faults and latencies that are set.
#[derive(Debug, Default)]
pub struct Faults {
    faults: Vec<Fault>,
    latencies: Vec<Latency>,
}

impl Faults {
    /// Sets a fault.
    pub fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// All faults, with what they have seen.
    pub fn list(&self) -> &[Fault] {
        &self.faults
    }

    /// Takes faults back: all, or those of one account.
    pub fn forget(&mut self, account: Option<&str>) {
        self.faults.retain(|fault| account.is_some() && fault.account.as_deref() != account);
    }

    /// Counts a call, and gives the fault that strikes it.
    pub fn strike(&mut self, call: Subject<'_>) -> Option<Fault> {
        let mut struck = None;
        for fault in self.faults.iter_mut().filter(|fault| fault.matches(call)) {
            fault.seen += 1;
            if struck.is_none() && fault.seen >= fault.nth && fault.seen - fault.nth < fault.count {
                struck = Some(fault.clone());
            }
        }
        struck
    }

    /// Sets a latency, in place of an earlier one for the same calls.
    pub fn delay(&mut self, latency: Latency) {
        self.latencies.retain(|old| old.account != latency.account || old.service != latency.service);
        self.latencies.push(latency);
    }

    /// Takes latencies back: all, or those of one account.
    pub fn hurry(&mut self, account: Option<&str>) {
        self.latencies.retain(|latency| account.is_some() && latency.account.as_deref() != account);
    }

    /// How long a call waits before it is looked at: the sum of all latencies that match.
    pub fn latency(&self, call: Subject<'_>) -> Duration {
        let matching = self.latencies.iter().filter(|latency| {
            latency.account.as_deref().is_none_or(|account| account == call.account)
                && latency.service.as_deref().is_none_or(|service| service == call.service)
        });
        Duration::from_millis(matching.map(|latency| latency.ms).sum())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn fault(value: serde_json::Value) -> Fault {
        serde_json::from_value(value).unwrap()
    }

    fn call<'a>(account: &'a str, operation: &'a str, mutating: bool) -> Subject<'a> {
        Subject { account, service: "ecs", operation, mutating }
    }

    #[test]
    fn a_fault_strikes_the_nth_matching_call_and_as_many_as_told() {
        let mut faults = Faults::default();
        faults.add(fault(json!({"account": "1", "service": "ecs", "operation": "CreateService", "nth": 2, "count": 2, "kind": "throttle"})));
        let hits: Vec<bool> =
            (0..5).map(|_| faults.strike(call("1", "CreateService", true)).is_some()).collect();
        assert_eq!(hits, [false, true, true, false, false]);
        assert!(faults.strike(call("2", "CreateService", true)).is_none());
        assert_eq!(faults.list().first().unwrap().seen, 5);
    }

    #[test]
    fn a_fault_can_count_only_calls_that_change_something() {
        let mut faults = Faults::default();
        faults.add(fault(json!({"mutating": true, "kind": "drop"})));
        assert!(faults.strike(call("1", "DescribeServices", false)).is_none());
        assert!(faults.strike(call("1", "CreateService", true)).is_some());
    }

    #[test]
    fn latencies_of_account_and_service_add_up() {
        let mut faults = Faults::default();
        faults.delay(Latency { account: None, service: Some("ecs".into()), ms: 5 });
        faults.delay(Latency { account: Some("1".into()), service: None, ms: 7 });
        faults.delay(Latency { account: Some("1".into()), service: None, ms: 10 });
        assert_eq!(faults.latency(call("1", "X", true)), Duration::from_millis(15));
        assert_eq!(faults.latency(call("2", "X", true)), Duration::from_millis(5));
    }
}
