//! `status`: how services are.

use crate::cli::StatusArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Reads and shows, once or until interrupted.
pub async fn run(_app: &App, _args: &StatusArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
