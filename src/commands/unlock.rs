//! `unlock`: takes away a lock that its holder left behind.

use serde_json::json;

use crate::cli::{Format, LockArgs, UnlockArgs};
use crate::error::{Error, ExitStatus};
use crate::lock;
use crate::model::Deed;

use super::locked::{self, Locking};
use super::{App, apply};

/// Shows the holder, asks, and lets the next one take the lock.
pub async fn run(app: &App, args: &UnlockArgs) -> Result<ExitStatus, Error> {
    let number = args.id.split_once('-').and_then(|(generation, _)| generation.parse::<u64>().ok());
    if number.is_none() {
        let message = format!("`{}` is no id of a lock", args.id);
        return Err(Error::new(ExitStatus::Usage, message)
            .hint("the refusal of `apply` tells the id, like `7-91f3c2d4e5a60b18`"));
    }
    let session = app.session().await?;
    let stack = &session.names.stack;
    let failed = |call| locked::of_call(stack, &call);
    let seen = lock::look(&session.aws, stack).await.map_err(failed)?;
    let mut deed = Deed {
        command: "unlock",
        subject: format!("stack {stack}"),
        did: vec!["nobody holds its lock; nothing to do".to_owned()],
        ..Deed::default()
    };
    if let Some(holder) = &seen.holder {
        if holder.id != args.id {
            let message = format!("the lock of `{stack}` is not `{}` any more; it stays", args.id);
            return Err(Error::new(ExitStatus::Refused, message).detail(locked::told(holder)));
        }
        if app.format() == Format::Text {
            app.print(&format!("The lock of {stack}:\n\n{}\n", locked::told(holder)))?;
        }
        apply::agree(app, args.yes, "Take it away? If that run still lives, it stops within minutes.")?;
        let by = Locking::new(app, &session, "unlock", &LockArgs::default());
        if !lock::unlock(&session.aws, stack, &seen, by.owner()).await.map_err(failed)? {
            let message = format!("the lock of `{stack}` changed hands just now; nothing was done");
            return Err(Error::new(ExitStatus::Refused, message));
        }
        deed.changed = true;
        deed.did = vec![format!("took the lock away from {} ({})", holder.owner.who, holder.owner.what)];
        deed.notes = vec!["what that run left undone is done by the next `fargate-stack apply`".to_owned()];
    }
    let mut document = json!(deed);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("holder".to_owned(), json!(seen.holder));
    }
    app.document(Some(&session), &crate::render::daily::deed(&deed), &document)?;
    Ok(ExitStatus::Done)
}
