//! The commands that people start by hand.

use crate::error::{Error, ExitStatus};
use crate::github::decide::JobCommand;
use crate::github::event::DispatchEvent;

use super::super::App;
use super::job::Job;

pub async fn permitted(_job: &Job<'_>, _event: &DispatchEvent) -> Result<(), Error> {
    Ok(())
}
pub async fn run(_app: &App, _job: &Job<'_>, _c: JobCommand, _e: &DispatchEvent) -> Result<ExitStatus, Error> {
    Ok(ExitStatus::Done)
}
