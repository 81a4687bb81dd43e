//! `show cloudtrail-events`.

use crate::cli::Show;
use crate::error::{Error, ExitStatus};

use super::App;

/// Reads and shows.
pub async fn show(_app: &App, _args: &Show) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
