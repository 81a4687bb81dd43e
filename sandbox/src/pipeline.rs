//! What happens to every call of a client, at AWS and at GitHub: latency, faults, the effect, the record.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fault::{Fault, Kind, Subject};
use crate::http::{Answer, Response};
use crate::record::{Caller, Entry};
use crate::state::{State, lock};

/// A call as it will be recorded.
#[derive(Debug, Clone)]
pub struct Described {
    /// `aws` or `github`.
    pub source: &'static str,
    /// Account, or `owner/name`.
    pub account: String,
    /// Region, or empty.
    pub region: String,
    /// Signing name, or `github`.
    pub service: String,
    /// Operation.
    pub operation: String,
    /// Whether it can change something.
    pub mutating: bool,
    /// Input.
    pub parameters: Value,
    /// Who makes it.
    pub caller: Caller,
}

/// Runs a call: `fail` writes the answer of a fault, `effect` makes the call, `result` reads an answer's error code.
///
/// A call that takes effect is recorded before anything delays or drops its answer, so that a test can wait for the
/// record and then end the client that still waits.
pub async fn run(
    state: &State,
    call: Described,
    fail: impl FnOnce(&Fault) -> Response,
    effect: impl Future<Output = Response>,
    result: fn(&Response) -> String,
) -> Answer {
    let started = Instant::now();
    let time = state.now();
    let (latency, fault) = {
        let subject = Subject {
            account: &call.account,
            service: &call.service,
            operation: &call.operation,
            mutating: call.mutating,
        };
        let mut faults = lock(&state.faults);
        (faults.latency(subject), faults.strike(subject))
    };
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let note = |status: u16, result: String, answer: Value| {
        lock(&state.recorder).note(Entry {
            n: 0,
            source: call.source,
            account: call.account,
            region: call.region,
            service: call.service,
            operation: call.operation,
            mutating: call.mutating,
            parameters: call.parameters,
            status,
            result,
            fault: fault.as_ref().map(|fault| fault.kind.name().to_owned()),
            time,
            caller: call.caller,
            answer: if call.mutating { answer } else { Value::Null },
            ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    };
    let Some(fault) = fault.as_ref() else {
        let response = effect.await;
        note(response.status, result(&response), answer_of(&response));
        return Answer::Reply(response);
    };
    let delay = Duration::from_millis(fault.delay_ms);
    match fault.kind {
        Kind::Drop => {
            tokio::time::sleep(delay).await;
            note(0, "dropped".into(), Value::Null);
            Answer::Drop
        }
        Kind::TimeoutAfter => {
            let response = effect.await;
            note(response.status, result(&response), answer_of(&response));
            tokio::time::sleep(delay).await;
            Answer::Drop
        }
        _ => {
            let response = fail(fault);
            tokio::time::sleep(delay).await;
            note(response.status, result(&response), answer_of(&response));
            Answer::Reply(response)
        }
    }
}

/// The body of an answer, if it is JSON.
fn answer_of(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

/// The answer of a `status` fault, with `body` as its default.
pub fn plain(fault: &Fault, status: u16, content_type: &str, body: String) -> Response {
    let content_type = fault.content_type.as_deref().unwrap_or(content_type);
    let mut response =
        Response::text(fault.status.unwrap_or(status), content_type, fault.body.clone().unwrap_or(body));
    response.headers.extend(fault.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    response
}
