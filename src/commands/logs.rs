//! `logs`: the logs of a task.

use crate::cli::LogsArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Shows.
pub async fn run(_app: &App, _args: &LogsArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
