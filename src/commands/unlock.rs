//! `unlock`: takes away a lock that its holder left behind.

use crate::cli::UnlockArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Runs it.
pub async fn run(app: &App, args: &UnlockArgs) -> Result<ExitStatus, Error> {
    let _ = (app, args);
    Err(Error::new(ExitStatus::Failed, "not there yet"))
}
