//! `release`: the plan of apply, narrowed to what a new image changes.

use std::collections::BTreeSet;

use crate::cli::ReleaseArgs;
use crate::error::{Error, ExitStatus};
use crate::model::{Address, Demand};

use super::apply::{self, Ask};
use super::session::Session;
use super::{App, pick, signals};

/// What a release may change of a task.
const KINDS: [&str; 3] = ["task_definition", "service", "schedule"];

/// Plans, shows, asks unless told not to, does it, and waits for the verdict.
pub async fn run(app: &App, args: &ReleaseArgs) -> Result<ExitStatus, Error> {
    if let Some(address) = args.selection.allow_delete.first() {
        let message = format!("a release deletes nothing, so `--allow-delete {address}` has no place here");
        return Err(Error::new(ExitStatus::Usage, message).hint("`fargate-stack apply` takes it"));
    }
    let loaded = app.load()?;
    let named: BTreeSet<String> =
        pick::several("task", &pick::matching(&loaded.config, |_| true), &args.tasks)?
            .into_keys()
            .map(str::to_owned)
            .collect();
    signals::watching(async |stopped| {
        let connect = async {
            let connection = app.connect(&loaded).await?;
            Session::new(app, loaded, connection).await
        };
        let session = signals::unless(&stopped, connect).await?;
        let mut selection = app.selected(&args.selection);
        if args.selection.image_tag.is_some() {
            // Whoever asks for this release of this tag is not served by another image.
            selection.demand = Demand::Workflow;
        }
        let addresses: BTreeSet<Address> =
            named.iter().flat_map(|task| KINDS.map(|kind| Address::new(kind, task))).collect();
        let ask = Ask {
            command: "release",
            question: "Make these changes?",
            yes: args.yes,
            selection: &selection,
            wait: Some(&args.wait),
            lock: &args.lock,
        };
        let plan = async || Box::pin(session.plan_part(&selection, "release", addresses.clone())).await;
        let (planned, done) = apply::under_lock(app, &session, &ask, &stopped, plan).await?;
        if planned.plan.is_empty() {
            app.console.note(&match &selection.image_tag {
                Some(tag) => format!("nothing to release: what `{tag}` gives runs already"),
                None => "nothing to release: images stay as they run without `--image-tag`".to_owned(),
            });
        }
        done.status()
    })
    .await
}
