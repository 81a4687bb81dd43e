//! `releases`: the history of a service.

use crate::cli::ReleasesArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Reads and shows.
pub async fn run(_app: &App, _args: &ReleasesArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
