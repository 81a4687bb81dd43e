//! `create-stack`: a stack file from words.

use crate::cli::CreateStackArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Runs it.
pub async fn run(app: &App, args: &CreateStackArgs) -> Result<ExitStatus, Error> {
    let _ = (app, args);
    Err(Error::new(ExitStatus::Failed, "not there yet"))
}
