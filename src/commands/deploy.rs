//! Services one by one: `deploy-service`, `update-service`, `redeploy`, `remove-service`, `register-task-definition`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::cli::{CountArgs, EndServiceArgs, Format, Selection, ServiceArgs, TaskArgs};
use crate::error::{Error, ExitStatus};
use crate::model::{Address, Deed, Outcome, Step, Verb};
use crate::ops::images;
use crate::ops::services::{self, Change};

use super::daily::{self, Found, counted, service_key, task_key};
use super::{App, apply, failure, scale};

/// Creates the service, or brings the existing one up to date: its task definition and itself, nothing else.
pub async fn deploy(app: &App, args: &CountArgs) -> Result<ExitStatus, Error> {
    let (mut session, (key, count)) = app
        .session_for(|config| {
            let words = counted(config, &args.words)?;
            Ok((service_key(config, words.service.as_deref())?, words.count))
        })
        .await?;
    // At its creation the count that is given is the service's first one; afterwards it is one like any other.
    let there = daily::live(&session, &key).await?.is_some();
    if let (false, Some(task)) = (there, session.loaded.config.tasks.get_mut(&key)) {
        task.desired_count = count.and_then(|count| u32::try_from(count).ok()).or(task.desired_count);
    }
    let selection = app.selected(&Selection::default());
    let addresses = ["task_definition", "service"].map(|kind| Address::new(kind, &key));
    let plan = session.plan_part(&selection, "deployment of a service", addresses.into()).await?.plan;
    // The command names what it does, and creating or updating one service is nothing to ask about.
    let done = apply::agreed(app, &session, &plan, &selection, true, Some(&args.wait)).await?;
    let status = done.status()?;
    match count.filter(|_| there && status == ExitStatus::Done) {
        Some(count) => scale::also(app, session, key, count, &args.wait).await,
        None => Ok(status),
    }
}

/// Rolls out the newest revision, if the service does not run it yet.
pub async fn newest(app: &App, args: &ServiceArgs) -> Result<ExitStatus, Error> {
    let Found { session, key, live } = app.service(args.service.as_deref()).await?;
    let family = family(&session.loaded.config, &key);
    let call = |error| failure::call(&error);
    let newest = images::revision(&session.aws, &family).await.map_err(call)?;
    let Some(newest) = newest else {
        let message = format!("the task definition family `{family}` has no active revision");
        return Err(Error::new(ExitStatus::Usage, message)
            .hint(format!("`fargate-stack register-task-definition {key}` registers one")));
    };
    let now = images::short(&live.task_definition).to_owned();
    let number = |name: &str| name.rsplit_once(':').and_then(|(_, number)| number.parse::<i32>().ok());
    let mut deed = Deed {
        command: "update-service",
        subject: format!("service {key}"),
        changed: false,
        did: vec![format!("it has the newest revision, {now}, already; nothing to do")],
        notes: Vec::new(),
    };
    let same_family = now.split_once(':').is_some_and(|(name, _)| name == family);
    if same_family && number(&now) >= Some(newest.number) {
        if number(&now) > Some(newest.number) {
            deed.did = vec![format!(
                "it has {now}, and the newest active revision is the older {}; nothing to do",
                newest.name
            )];
        } else {
            deed.notes.push(format!("`fargate-stack redeploy {key}` starts new tasks of it"));
        }
        app.tell(&session, &deed)?;
        return Ok(ExitStatus::Done);
    }
    if newest.stack.as_deref() != Some(&session.names.stack) {
        let message = format!("`{}` was not registered by this stack; nothing was changed", newest.name);
        return Err(Error::new(ExitStatus::Refused, message)
            .hint(format!("`fargate-stack deploy-service {key}` brings the service up to date")));
    }
    let names = &session.names;
    let change = Change { revision: Some(newest.arn.clone()), ..Change::default() };
    let live = services::update(&session.aws, &names.cluster, &names.stack, &live.name, change)
        .await
        .map_err(call)?;
    deed.changed = true;
    deed.did = vec![format!("rolls out {} in place of {now}", newest.name)];
    let targets = daily::target(&session, &key, &live, newest.pinned()).into_iter().collect();
    app.tell_and_follow(&session, &deed, targets, &args.wait).await
}

/// Replaces all tasks by new ones of the same revision.
pub async fn again(app: &App, args: &ServiceArgs) -> Result<ExitStatus, Error> {
    let Found { session, key, live } = app.service(args.service.as_deref()).await?;
    let call = |error| failure::call(&error);
    let revision = images::revision(&session.aws, &live.task_definition).await.map_err(call)?;
    let names = &session.names;
    let change = Change { force: true, ..Change::default() };
    let live = services::update(&session.aws, &names.cluster, &names.stack, &live.name, change)
        .await
        .map_err(call)?;
    let mut notes = Vec::new();
    if live.desired == 0 {
        notes.push(format!(
            "the service is stopped, so no task starts; `fargate-stack start-service {key}` starts it"
        ));
    }
    let deed = Deed {
        command: "redeploy",
        subject: format!("service {key}"),
        changed: true,
        did: vec![format!("replaces all tasks by new ones of {}", images::short(&live.task_definition))],
        notes,
    };
    let pinned = revision.map_or_else(BTreeMap::new, |revision| revision.pinned());
    let targets = daily::target(&session, &key, &live, pinned).into_iter().collect();
    app.tell_and_follow(&session, &deed, targets, &args.wait).await
}

/// Deletes the service and waits until its tasks are gone.
pub async fn remove(app: &App, args: &EndServiceArgs) -> Result<ExitStatus, Error> {
    let (session, key) = app.session_for(|config| service_key(config, args.service.as_deref())).await?;
    let names = &session.names;
    let mut at = names.at("service", &key, &names.service(&key));
    at.parent = Some(names.cluster.clone());
    let driver = session.registry.get("service").ok_or_else(|| Error::bug("there is no kind `service`"))?;
    let seen = driver.read(&at).await.map_err(|error| failure::call(&error))?;
    let mut deed = Deed {
        command: "remove-service",
        subject: format!("service {key}"),
        did: vec!["it is not deployed; nothing to do".to_owned()],
        ..Deed::default()
    };
    if let Some(seen) = seen {
        daily::ours(&format!("the service `{key}`"), &seen.owner, &names.stack)?;
        let question = format!("Delete the service {key} of {} and stop its tasks?", names.stack);
        apply::agree(app, args.yes, &question)?;
        app.console.note(&format!("deleting the service {key} and waiting for its tasks to end"));
        driver.delete(&at, &seen).await.map_err(|error| failure::call(&error))?;
        deed.changed = true;
        deed.did = vec!["deleted, and its tasks have ended".to_owned()];
        deed.notes = vec![format!(
            "its task definition stays; `fargate-stack deploy-service {key}` or `apply` creates the service again"
        )];
    }
    app.tell(&session, &deed)?;
    Ok(ExitStatus::Done)
}

/// Registers a revision when the stack file gives another one than the newest; rolls nothing out.
pub async fn register(app: &App, args: &TaskArgs) -> Result<ExitStatus, Error> {
    let (session, key) = app.session_for(|config| task_key(config, args.task.as_deref())).await?;
    let selection = app.selected(&Selection::default());
    let address = Address::new("task_definition", &key);
    let addresses = BTreeSet::from([address.clone()]);
    let plan = session.plan_part(&selection, "registration", addresses).await?.plan;
    if app.format() == Format::Text && !plan.is_empty() {
        super::plan::show(app, &plan, &selection, false)?;
    }
    let done = apply::carry_out(app, &session, &plan, None, |_| {}).await;
    let step = Step { address: address.clone(), verb: Verb::Make };
    if let Some(Outcome::Failed(error)) = done.report.outcomes.get(&step) {
        return Err(Error::from(error.clone()));
    }
    if done.applied != ExitStatus::Done {
        return Ok(done.applied);
    }
    let before = plan.changes.iter().find(|change| change.at.address == address);
    let outputs = match done.report.outcomes.get(&step) {
        Some(Outcome::Done(outputs)) => Some(outputs),
        _ => before.and_then(|change| change.seen.as_ref()).map(|seen| &seen.outputs),
    };
    let arn = outputs.and_then(|outputs| outputs.get("arn")).cloned().unwrap_or_default();
    let name = images::short(&arn).to_owned();
    let was = before.and_then(|change| change.seen.as_ref()).and_then(|seen| seen.outputs.get("arn"));
    let did = match (plan.is_empty(), was) {
        (true, _) => format!("{name} is what the stack file gives already; nothing to do"),
        // Tags change without a new revision.
        (false, Some(was)) if *was == arn => format!("updated the tags of {name}"),
        (false, _) => format!("registered {name}"),
    };
    let deed = Deed {
        command: "register-task-definition",
        subject: format!("task {key}"),
        changed: !plan.is_empty(),
        did: vec![did],
        notes: if plan.is_empty() { Vec::new() } else { vec![rolls_out(&session.loaded.config, &key)] },
    };
    let mut value = json!(deed);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("revision".to_owned(), json!(name));
        fields.insert("arn".to_owned(), json!(arn));
    }
    app.document(Some(&session), &crate::render::daily::deed(&deed), &value)?;
    Ok(ExitStatus::Done)
}

/// The command that brings a new revision to run.
fn rolls_out(config: &crate::config::Config, key: &str) -> String {
    let task = config.tasks.get(key);
    match task {
        Some(task) if task.schedule.is_some() => {
            format!("nothing runs it yet; `fargate-stack update-target {key}` points the schedule at it")
        }
        Some(task) if task.kind.is_service() => {
            format!("nothing runs it yet; `fargate-stack update-service {key}` rolls it out")
        }
        _ => format!("`fargate-stack run-task {key}` runs it"),
    }
}

/// The task-definition family of a task.
fn family(config: &crate::config::Config, key: &str) -> String {
    config.tasks.get(key).map_or(key, |task| crate::stack::family(key, task)).to_owned()
}
