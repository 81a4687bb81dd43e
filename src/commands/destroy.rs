//! `destroy`: deletes everything that carries the stack's tags.

use crate::cli::{DestroyArgs, Format, Selection};
use crate::error::{Error, ExitStatus};

use super::{App, apply, plan};

/// Plans the deletion, shows, asks unless told not to, and does it.
pub async fn run(app: &App, args: &DestroyArgs) -> Result<ExitStatus, Error> {
    let session = app.session().await?;
    let doomed = session.plan_destruction(&args.allow_delete).await?;
    if app.format() == Format::Text {
        plan::show(app, &doomed, &Selection::default(), false)?;
    }
    if !doomed.is_empty() {
        apply::agree(app, args.yes, "Delete all of this?")?;
    }
    apply::execute(app, &session, &doomed, None).await?.status()
}
