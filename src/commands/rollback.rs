//! `rollback`: back to a revision that ran well.

use crate::cli::RollbackArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Chooses, shows, asks, does it, and waits for the verdict.
pub async fn run(_app: &App, _args: &RollbackArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
