//! `preflight`: whether this account can carry a stack.

use crate::cli::PreflightArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Runs it.
pub async fn run(app: &App, args: &PreflightArgs) -> Result<ExitStatus, Error> {
    let _ = (app, args);
    Err(Error::new(ExitStatus::Failed, "not there yet"))
}
