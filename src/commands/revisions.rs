//! `revisions`: what revisions there are, and cleaning up.

use crate::cli::RevisionsArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Shows, or cleans up.
pub async fn run(_app: &App, _args: &RevisionsArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
