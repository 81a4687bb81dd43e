//! One way to make a call.

use std::future::Future;
use std::time::Duration;

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};

use crate::model::CallError;

/// Makes one call; `op` is the IAM action. Throttling and server errors are retried by the SDK's standard mode.
pub async fn call<T, E>(
    op: &str,
    sent: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, CallError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let result = sent.await.map_err(|error| super::call_error(op, &error));
    match &result {
        Ok(_) => tracing::debug!(op, "ok"),
        Err(error) => tracing::debug!(op, code = error.code, "refused"),
    }
    result
}

/// Which refusals pass by themselves (something made a moment ago is not visible everywhere yet), and for how long to try.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// An error code and a part of the message (may be empty) that together mean "try again".
    pub on: &'static [(&'static str, &'static str)],
    /// When to give up.
    pub limit: Duration,
}

/// Makes a call again while it is refused for a reason that passes by itself: waits 0.5 s at first, doubling up to 5 s. A step that is
/// stopped does not try again.
pub async fn retrying<T, F>(retry: Retry, mut attempt: impl FnMut() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let started = tokio::time::Instant::now();
    let mut pause = Duration::from_millis(500);
    loop {
        // Boxed, because an SDK call's future is large (17 kB) and this one is held by every caller.
        let error = match Box::pin(attempt()).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let passes = retry.on.iter().any(|(code, part)| error.code == *code && error.message.contains(part));
        if !passes || started.elapsed() + pause > retry.limit {
            return Err(error);
        }
        if !super::wait::slept(pause).await {
            return Err(error);
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}
