//! `enable-scheduled-task`, `disable-scheduled-task`, `update-target`, `update-policy`.

use std::collections::BTreeSet;

use crate::cli::{Selection, TaskArgs, UpdatePolicyArgs, UpdateTargetArgs};
use crate::error::{Error, ExitStatus};
use crate::model::{Address, Deed};
use crate::ops::schedules;

use super::daily::{ours, schedule_key};
use super::{App, apply, failure};

/// The roles that a stack may have.
const ROLES: [&str; 3] = ["execution", "task", "events"];

/// Lets the schedule start its task.
pub async fn enable(app: &App, args: &TaskArgs) -> Result<ExitStatus, Error> {
    switch(app, args, true).await
}

/// Keeps it from that. `apply` leaves a disabled rule disabled.
pub async fn disable(app: &App, args: &TaskArgs) -> Result<ExitStatus, Error> {
    switch(app, args, false).await
}

async fn switch(app: &App, args: &TaskArgs, on: bool) -> Result<ExitStatus, Error> {
    let (session, key) = app.session_for(|config| schedule_key(config, args.task.as_deref())).await?;
    let names = &session.names;
    let at = names.at("schedule", &key, &names.rule(&key));
    let driver = session.registry.get("schedule").ok_or_else(|| Error::bug("there is no kind `schedule`"))?;
    let seen = driver.read(&at).await.map_err(|error| failure::call(&error))?;
    let Some(seen) = seen else {
        let message = format!("the schedule of `{key}` is not deployed: there is no rule `{}`", at.name);
        return Err(Error::new(ExitStatus::Usage, message).hint("`fargate-stack apply` creates it"));
    };
    ours(&format!("the rule `{}`", at.name), &seen.owner, &names.stack)?;
    let (command, state) =
        if on { ("enable-scheduled-task", "ENABLED") } else { ("disable-scheduled-task", "DISABLED") };
    let is_so = seen.attrs.get("state").and_then(|state| state.as_str()) == Some(state);
    let word = if on { "enabled" } else { "disabled" };
    let mut notes = Vec::new();
    if !is_so {
        schedules::enable(&session.aws, &at.name, on).await.map_err(|error| failure::call(&error))?;
        if !on {
            notes.push("`apply` leaves it so; `enable-scheduled-task` starts it again".to_owned());
        }
    }
    let deed = Deed {
        command,
        subject: format!("scheduled task {key}"),
        changed: !is_so,
        did: vec![if is_so {
            format!("the rule {} is {word} already; nothing to do", at.name)
        } else {
            format!("{word} the rule {}", at.name)
        }],
        notes,
    };
    app.tell(&session, &deed)?;
    Ok(ExitStatus::Done)
}

/// Points the schedule at the newest revision: the rule and its target are changed in place, so that it always has one.
pub async fn update_target(app: &App, args: &UpdateTargetArgs) -> Result<ExitStatus, Error> {
    let (session, key) = app.session_for(|config| schedule_key(config, args.task.as_deref())).await?;
    let selection = app.selected(&Selection::default());
    let addresses = BTreeSet::from([Address::new("schedule", &key)]);
    let plan = session.plan_part(&selection, "update of a target", addresses).await?.plan;
    apply::agreed(app, &session, &plan, &selection, args.yes, None).await?.status()
}

/// Brings the roles up to date.
pub async fn update_policy(app: &App, args: &UpdatePolicyArgs) -> Result<ExitStatus, Error> {
    let session = app.session().await?;
    let selection = app.selected(&Selection::default());
    let addresses = ROLES.map(|role| Address::new("iam_role", role)).into();
    let plan = session.plan_part(&selection, "update of the roles", addresses).await?.plan;
    apply::agreed(app, &session, &plan, &selection, args.yes, None).await?.status()
}
