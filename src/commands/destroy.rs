//! `destroy`: deletes everything that carries the stack's tags.

use crate::cli::{DestroyArgs, Selection};
use crate::error::{Error, ExitStatus};

use super::apply::{self, Ask};
use super::session::Planned;
use super::{App, signals};

/// Plans the deletion, shows, asks unless told not to, and does it.
pub async fn run(app: &App, args: &DestroyArgs) -> Result<ExitStatus, Error> {
    signals::watching(async |stopped| {
        let session = signals::unless(&stopped, app.session()).await?;
        let ask = Ask {
            command: "destroy",
            question: "Delete all of this?",
            yes: args.yes,
            selection: &Selection::default(),
            wait: None,
            lock: &args.lock,
        };
        let plan = async || {
            let plan = session.plan_destruction(&args.allow_delete).await?;
            Ok(Planned { plan, resolved: Vec::new() })
        };
        let (_, done) = apply::under_lock(app, &session, &ask, &stopped, plan).await?;
        done.status()
    })
    .await
}
