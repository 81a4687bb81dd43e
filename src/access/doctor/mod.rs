//! What is missing or too wide around a stack: each check is a function of facts. What could not be looked at is told as unknown.

pub mod account;
pub mod github;
pub mod oidc;
pub mod workflows;

use crate::model::{CallError, Finding, Level};

/// A read of AWS that was refused.
fn unread(about: &str, error: &CallError) -> Finding {
    let told = Finding::new(Level::Unknown, about, error.to_string());
    if error.is_access_denied() { told.mend(format!("allow `{}` to know", error.op)) } else { told }
}
