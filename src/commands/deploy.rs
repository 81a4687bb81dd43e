//! Services one by one: `deploy-service`, `update-service`, `redeploy`, `remove-service`, `register-task-definition`.

use crate::cli::{CountArgs, EndServiceArgs, ServiceArgs, TaskArgs};
use crate::error::{Error, ExitStatus};

use super::App;

/// Creates the service, or brings it up to date.
pub async fn deploy(_app: &App, _args: &CountArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}

/// Rolls out the newest revision.
pub async fn newest(_app: &App, _args: &ServiceArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}

/// Replaces all tasks.
pub async fn again(_app: &App, _args: &ServiceArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}

/// Deletes the service.
pub async fn remove(_app: &App, _args: &EndServiceArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}

/// Registers a revision only.
pub async fn register(_app: &App, _args: &TaskArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
