//! `init`: a stack file and workflows for a repository.

use crate::cli::InitArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Runs it.
pub fn run(app: &App, args: &InitArgs) -> Result<ExitStatus, Error> {
    let _ = (app, args);
    Err(Error::new(ExitStatus::Failed, "not there yet"))
}
