//! `release`: the plan of apply, narrowed to what a new image changes.

use crate::cli::ReleaseArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Plans, shows, asks unless told not to, does it, and waits for the verdict.
pub async fn run(_app: &App, _args: &ReleaseArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
