//! wip
use crate::error::{Error, ExitStatus};
use crate::lock::LockError;
pub fn refusal(error: &LockError) -> Error {
    Error::new(ExitStatus::Refused, error.to_string()).because("locked")
}
