//! Errors as the ECS endpoint answers them.

use serde_json::{Map, Value, json};

/// A refused call.
#[derive(Debug, Clone, PartialEq)]
pub struct EcsError {
    /// HTTP status code.
    pub status: u16,
    /// Exception name, without namespace.
    pub code: String,
    /// What AWS tells the caller.
    pub message: String,
    /// Further members of the exception (for example `resourceIds` of a `ConflictException`).
    pub extra: Box<Map<String, Value>>,
}

impl EcsError {
    /// An exception with HTTP status 400.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.to_owned(), message: message.into(), extra: Box::default() }
    }

    /// `ClientException`: the action or resource is not usable by the caller, or a task definition is invalid.
    pub fn client(message: impl Into<String>) -> Self {
        Self::new("ClientException", message)
    }

    /// `InvalidParameterException`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    /// `ClusterNotFoundException`.
    pub fn no_cluster() -> Self {
        Self::new("ClusterNotFoundException", "Cluster not found.")
    }

    /// `ServiceNotFoundException`.
    pub fn no_service() -> Self {
        Self::new("ServiceNotFoundException", "Service not found.")
    }

    /// An operation that this model does not have: a fault of the sandbox, not of the caller.
    pub fn not_emulated(operation: &str) -> Self {
        Self {
            status: 501,
            code: "NotEmulated".to_owned(),
            message: format!("not emulated: ecs:{operation}"),
            extra: Box::default(),
        }
    }

    /// The body of the HTTP answer.
    pub fn body(&self) -> Value {
        let mut body = (*self.extra).clone();
        body.insert("__type".to_owned(), json!(self.code));
        body.insert("message".to_owned(), json!(self.message));
        Value::Object(body)
    }
}

impl std::fmt::Display for EcsError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for EcsError {}

/// What every operation returns.
pub type Answer<T = Value> = Result<T, EcsError>;
