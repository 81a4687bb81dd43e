//! `wait`: watches a rollout to its verdict.

use crate::cli::WaitForArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Watches and tells.
pub async fn run(_app: &App, _args: &WaitForArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
