//! `start-service`, `stop-service`, `scale`.

use crate::cli::{CountArgs, EndServiceArgs};
use crate::error::{Error, ExitStatus};

use super::App;

/// Lets it run again.
pub async fn start(_app: &App, _args: &CountArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}

/// Stops all tasks.
pub async fn stop(_app: &App, _args: &EndServiceArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}

/// Sets the count.
pub async fn scale(_app: &App, _args: &CountArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
