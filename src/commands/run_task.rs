//! `run-task`: one run of a task to its end.

use crate::cli::RunTaskArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Starts it, shows its logs, ends with its exit code.
pub async fn run(_app: &App, _args: &RunTaskArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
