//! `enable-scheduled-task`, `disable-scheduled-task`, `update-target`, `update-policy`.

use crate::cli::{TaskArgs, UpdatePolicyArgs, UpdateTargetArgs};
use crate::error::{Error, ExitStatus};

use super::App;

/// Lets the schedule start its task.
pub async fn enable(_app: &App, _args: &TaskArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}

/// Keeps it from that.
pub async fn disable(_app: &App, _args: &TaskArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}

/// Points the schedule at the newest revision.
pub async fn update_target(_app: &App, _args: &UpdateTargetArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}

/// Brings the roles up to date.
pub async fn update_policy(_app: &App, _args: &UpdatePolicyArgs) -> Result<ExitStatus, Error> {
    Err(Error::bug("not there yet"))
}
