//! The one place where an SDK error becomes ours.

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::operation::RequestId;

use crate::model::CallError;

/// Maps an SDK error; `op` is the IAM action.
pub fn call_error<E>(op: &str, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    // An answer of the 5xx class does not say either whether the call took effect.
    let broken = error.raw_response().is_some_and(|response| response.status().is_server_error());
    let unanswered = broken
        || matches!(
            error,
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ResponseError(_)
        );
    let message = error.message().map_or_else(|| chain(error), str::to_owned);
    CallError {
        op: op.to_owned(),
        code: error.code().unwrap_or_default().to_owned(),
        message,
        request_id: error.request_id().map(str::to_owned),
        unanswered,
    }
}

/// Turns "there is no such thing" (one of `codes`) into `None`.
pub fn absent<T>(result: Result<T, CallError>, codes: &[&str]) -> Result<Option<T>, CallError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if codes.contains(&error.code.as_str()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Turns "there is no such task definition" into `None`: ECS has no code of its own for it.
pub fn absent_definition<T>(result: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match result {
        Err(error) if error.code == "ClientException" && error.message.contains("Unable to describe") => {
            Ok(None)
        }
        other => other.map(Some),
    }
}

/// The messages of an error and its sources, without repetition.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let message = inner.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = inner.source();
    }
    text
}
