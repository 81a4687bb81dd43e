//! Waiting for rollouts: which there are, the waiting with its progress, the report, the exit code.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::watch::Receiver;

use crate::cli::{self, Format, WaitArgs, WatchArgs};
use crate::error::{Error, ExitStatus};
use crate::github::workflow::{Annotation, Level, annotations};
use crate::model::{
    Action, ApplyReport, Change, Outcome, Plan, RolloutEvent, RolloutOutcome, RolloutReport, Step, Verb,
};
use crate::release::{OnEnd, Patience, Target, history, watch};
use crate::render::{self, Budget, Links, escape, redact};

use super::session::Session;
use super::{App, failure, signals};

/// The output of a service that names its PRIMARY deployment.
const DEPLOYMENT: &str = "deployment";

/// The deployments that an apply started: each service that was made, or whose PRIMARY deployment is another than before.
pub fn targets(plan: &Plan, report: &ApplyReport, session: &Session) -> Vec<Target> {
    let services = plan.changes.iter().filter(|change| change.at.address.kind() == "service");
    services
        .filter_map(|change| {
            let step = Step { address: change.at.address.clone(), verb: Verb::Make };
            let Some(Outcome::Done(outputs)) = report.outcomes.get(&step) else { return None };
            let before = change.seen.as_ref().and_then(|seen| seen.outputs.get(DEPLOYMENT));
            let deployment = outputs.get(DEPLOYMENT).filter(|now| Some(*now) != before)?;
            Some(target(plan, change, session, deployment))
        })
        .collect()
}

/// The deployments that began earlier and are what the plan wants, but have not come to a good end: an apply or a release
/// that is run again must not call them done. Only services of tasks that the plan is about.
pub async fn unsettled(plan: &Plan, session: &Session) -> Result<Vec<Target>, Error> {
    let mut found = Vec::new();
    for change in &plan.changes {
        let key = change.at.address.name();
        let kept = change.action == Action::Keep && change.at.address.kind() == "service";
        if !kept || !plan.images.iter().any(|image| image.task == key) {
            continue;
        }
        let cluster = change.at.parent.as_deref().unwrap_or(&session.names.cluster);
        let open = history::unsettled(&session.aws, cluster, &change.at.name).await;
        let open = open.map_err(|error| failure::call(&error))?;
        found.extend(open.map(|deployment| target(plan, change, session, &deployment)));
    }
    Ok(found)
}

fn target(plan: &Plan, change: &Change, session: &Session, deployment: &str) -> Target {
    let key = change.at.address.name();
    Target {
        key: key.to_owned(),
        cluster: change.at.parent.clone().unwrap_or_else(|| session.names.cluster.clone()),
        service: change.at.name.clone(),
        deployment: deployment.to_owned(),
        expected: pinned(plan, key),
    }
}

/// Container → digest that the plan's task definition pins.
fn pinned(plan: &Plan, key: &str) -> BTreeMap<String, String> {
    let of_task =
        |change: &&Change| change.at.address.kind() == "task_definition" && change.at.address.name() == key;
    let want = plan.changes.iter().find(of_task).and_then(|change| change.want.as_ref());
    let containers = want.and_then(|want| want.attrs.get("containers")).and_then(Value::as_array);
    let text = |container: &Value, field: &str| container.get(field)?.as_str().map(str::to_owned);
    let pair = |container: &Value| {
        let digest = text(container, "image")?.split_once('@')?.1.to_owned();
        Some((text(container, "name")?, digest))
    };
    containers.into_iter().flatten().filter_map(pair).collect()
}

/// Waits, shows the report in the asked form, and gives the exit code. With `--no-wait` it only says how to wait later;
/// then, and when nothing is rolled out, there is nothing to report.
pub async fn follow(
    app: &App,
    session: &Session,
    targets: Vec<Target>,
    args: &WaitArgs,
) -> Result<(RolloutReport, ExitStatus), Error> {
    if args.no_wait || targets.is_empty() {
        unwatched(app, &targets);
        return Ok((RolloutReport::new(Vec::new()), ExitStatus::Done));
    }
    let waited = signals::watching(async |stopped| waited(app, session, targets, &args.watch, stopped).await);
    let (report, status) = waited.await?;
    app.print(&document(app, session, &report))?;
    Ok((report, status))
}

/// Waits with live progress on standard error until the end or a signal; prints no document. What did not succeed is
/// annotated in a workflow.
pub async fn waited(
    app: &App,
    session: &Session,
    targets: Vec<Target>,
    args: &WatchArgs,
    stopped: Receiver<bool>,
) -> Result<(RolloutReport, ExitStatus), Error> {
    let (report, signalled) = watched(app, session, targets, args, stopped).await?;
    annotate(app, &report);
    let status = status(&report, signalled);
    Ok((report, status))
}

/// The waiting alone: the report, and whether a signal ended it.
pub async fn watched(
    app: &App,
    session: &Session,
    targets: Vec<Target>,
    args: &WatchArgs,
    stopped: Receiver<bool>,
) -> Result<(RolloutReport, bool), Error> {
    let patience = patience(args);
    let flag = stopped.clone();
    let keys: Vec<&str> = targets.iter().map(|target| target.key.as_str()).collect();
    app.console.rollout_begin(&format!("Rollout of {}", keys.join(", ")));
    let mut tell = |event: RolloutEvent| app.console.rollout(&event);
    let report = watch(&session.aws, &session.names, targets, &patience, stopped, &mut tell).await;
    app.console.rollout_end();
    let signalled = *flag.borrow();
    Ok((report.map_err(|error| failure::call(&error))?, signalled))
}

/// In a workflow, what did not succeed stands beside the run.
fn annotate(app: &App, report: &RolloutReport) {
    let failed = report.services.iter().filter(|one| one.outcome != RolloutOutcome::Succeeded);
    let told: Vec<Annotation> = failed
        .map(|one| {
            let mut message = format!("{}: {}", one.service, one.outcome.meaning());
            for part in one.cause.iter().flat_map(|cause| [&cause.summary, &cause.remedy]) {
                if !part.is_empty() {
                    message.push('\n');
                    message.push_str(&escape::terminal(&redact::credentials(part)));
                }
            }
            Annotation { title: Some("rollout".to_owned()), ..Annotation::new(Level::Error, message) }
        })
        .collect();
    app.console.annotate(&annotations(&told, 10));
}

/// The report in the asked form.
pub fn document(app: &App, session: &Session, report: &RolloutReport) -> String {
    match app.format() {
        Format::Text => render::rollout_text(report, app.console.style()),
        Format::Json => render::escape::json(&render::rollout_json(report)),
        Format::Markdown => {
            render::rollout_markdown(report, &session.aws.account, &Links::default(), Budget::summary(0))
        }
    }
}

/// The exit code of a report: 4 for everything but success; 130 for the process that was told to stop.
pub fn status(report: &RolloutReport, signalled: bool) -> ExitStatus {
    match report.outcome {
        RolloutOutcome::Succeeded => ExitStatus::Done,
        RolloutOutcome::Cancelled if signalled => ExitStatus::Interrupted,
        _ => ExitStatus::RolloutFailed,
    }
}

/// Says how to wait for what is not waited for.
pub fn unwatched(app: &App, targets: &[Target]) {
    for Target { key, deployment, .. } in targets {
        app.console.note(&format!(
            "the rollout of {key} goes on; `fargate-stack wait {key} --deployment {deployment}` tells how it ends"
        ));
    }
}

fn patience(args: &WatchArgs) -> Patience {
    let on_end = |what: cli::OnEnd| match what {
        cli::OnEnd::Leave => OnEnd::Leave,
        cli::OnEnd::Rollback => OnEnd::Rollback,
    };
    Patience {
        timeout: args.timeout,
        fail_fast: !args.no_fail_fast,
        on_failure: on_end(args.on_failure),
        on_cancel: on_end(args.on_cancel),
    }
}
