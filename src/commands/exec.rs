//! `exec`: a session in a container.

use crate::cli::ExecArgs;
use crate::error::{Error, ExitStatus};

use super::App;

/// Prints or runs the command that opens it.
pub async fn run(_app: &App, _args: &ExecArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
