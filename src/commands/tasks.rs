//! `tasks`, `list-tasks`, `stop-task`.

use crate::cli::{ListTasksArgs, StopTaskArgs};
use crate::error::{Error, ExitStatus};

use super::App;

/// What the stack file has.
pub fn of_the_file(_app: &App) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}

/// What runs, or stopped.
pub async fn list(_app: &App, _args: &ListTasksArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}

/// Stops a run.
pub async fn stop(_app: &App, _args: &StopTaskArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
