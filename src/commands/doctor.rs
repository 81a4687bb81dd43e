//! `doctor`: what is missing or too wide around a stack.

use crate::cli::DoctorArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Runs it.
pub async fn run(app: &App, args: &DoctorArgs) -> Result<ExitStatus, Error> {
    let _ = (app, args);
    Err(Error::new(ExitStatus::Failed, "not there yet"))
}
