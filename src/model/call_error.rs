//! One refused or failed AWS call, as data.

/// Why an AWS call did not succeed. Made in one place (`aws::error`); `op` is spelled like the IAM action, so an
/// access-denied hint can name the permission that is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{op} {}: {message}", if code.is_empty() { "failed".to_owned() } else { format!("refused: {code}") })]
pub struct CallError {
    /// The IAM action, for example `ecs:CreateService`.
    pub op: String,
    /// The error code of the service; empty when no answer came (connection, time-out) or when the failure is our own.
    pub code: String,
    /// The message of the service, or what went wrong with the connection.
    pub message: String,
    /// The request id of the service, for a support case.
    pub request_id: Option<String>,
    /// Whether the call may have taken effect although no answer came.
    pub unanswered: bool,
}

impl CallError {
    /// A failure that no service reported: a wrong shape, a broken expectation, a wait that ended.
    pub fn local(op: &str, message: impl Into<String>) -> Self {
        Self {
            op: op.to_owned(),
            code: String::new(),
            message: message.into(),
            request_id: None,
            unanswered: false,
        }
    }

    /// A wait that a signal ended. Everything that was called has its answer.
    pub fn interrupted(op: &str) -> Self {
        Self::local(op, "interrupted while waiting for it; its calls were made")
    }

    /// Whether the service says that the caller lacks a permission.
    pub fn is_access_denied(&self) -> bool {
        matches!(
            self.code.as_str(),
            "AccessDenied"
                | "AccessDeniedException"
                | "UnauthorizedOperation"
                | "UnauthorizedAccess"
                | "AuthorizationError"
        )
    }
}
