//! `iam`: the policies of the roles that workflows take on.

use crate::cli::Iam;
use crate::error::{Error, ExitStatus};

use super::App;

/// Runs it.
pub async fn run(app: &App, args: &Iam) -> Result<ExitStatus, Error> {
    let _ = (app, args);
    Err(Error::new(ExitStatus::Failed, "not there yet"))
}
