//! The end of a watch: what is reported of one deployment.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ecs::types::{Deployment, DesiredStatus, ServiceDeployment};
use aws_smithy_types::DateTime;

use super::evidence::{Suspect, explain, explain_mismatch};
use super::proof::{self, Proof};
use super::verdict::primary;
use super::watched::{Watched, is_open};
use super::{calls, find};
use crate::aws::{self, Aws};
use crate::model::{CallError, RolloutOutcome, ServiceRollout};
use crate::stack::Names;

/// How a deployment ended.
pub type End = (Watched, RolloutOutcome, Option<String>);

/// Reports an end from what is known, without a call.
pub fn told((one, outcome, reason): &End) -> ServiceRollout {
    let short = |arn: &str| arn.rsplit_once('/').map_or(arn, |(_, name)| name).to_owned();
    let revision = one.definition.as_deref().map(short).unwrap_or_default();
    let now = one.service.as_ref().and_then(primary).and_then(Deployment::task_definition).map(short);
    ServiceRollout {
        service: one.target.service.clone(),
        deployment: one.name().to_owned(),
        outcome: *outcome,
        seconds: seconds(one),
        status_reason: reason.clone(),
        digests: std::collections::BTreeMap::new(),
        running: now.filter(|now| *now != revision),
        revision,
        cause: None,
        next: next(one, *outcome),
    }
}

/// Reports an end with all that can be read about it: the proof of a success, the cause of anything else. Never fails: what cannot be
/// read stays unproved, or is told among the evidence of the cause.
pub async fn close(aws: &Aws, names: &Names, at: Duration, end: End) -> ServiceRollout {
    let (mut one, mut outcome, reason) = end;
    let revision = revision(aws, &one).await.unwrap_or_default();
    if let Some(definition) = revision.as_ref().and_then(|revision| revision.task_definition()) {
        one.definition = Some(definition.to_owned());
    }
    if outcome == RolloutOutcome::Succeeded {
        let proof = match &revision {
            Some(revision) => proof::of_revision(revision, &one.target.expected),
            None => proof_by_tasks(aws, &one).await.unwrap_or_default(),
        };
        let other = proof.others.first_key_value();
        let cause = other.map(|(container, (pinned, running))| {
            explain_mismatch(aws, names, &one.target.key, container, pinned, running)
        });
        let outcome = if cause.is_some() { RolloutOutcome::Failed } else { outcome };
        return ServiceRollout { digests: proof.digests, cause, ..told(&(one, outcome, reason)) };
    }
    if outcome == RolloutOutcome::Stopped && was_replaced(aws, &one).await.unwrap_or(false) {
        outcome = RolloutOutcome::Superseded;
    }
    // What failed since the last look is evidence, too.
    let _ = one.look(aws, at).await;
    let suspect = Suspect {
        names,
        key: &one.target.key,
        cluster: &one.target.cluster,
        service: Some(&one.target.service),
        deployment: one.id.as_deref(),
        since: one.created().unwrap_or_default(),
        record: one.record.as_ref(),
        tasks: one.course.tasks(),
        outcome,
    };
    let cause = Some(explain(aws, suspect).await);
    ServiceRollout { cause, ..told(&(one, outcome, reason)) }
}

/// The service revision that was rolled out.
async fn revision(
    aws: &Aws,
    one: &Watched,
) -> Result<Option<aws_sdk_ecs::types::ServiceRevision>, CallError> {
    let target = one.record.as_ref().and_then(ServiceDeployment::target_service_revision);
    match target.and_then(|target| target.arn()) {
        Some(arn) => calls::revision(aws, arn).await,
        None => Ok(None),
    }
}

async fn proof_by_tasks(aws: &Aws, one: &Watched) -> Result<Proof, CallError> {
    let (cluster, service) = (&one.target.cluster, &one.target.service);
    let tasks = calls::tasks(aws, cluster, service, DesiredStatus::Running, &BTreeSet::new()).await?;
    let ours = tasks.iter().filter(|task| task.started_by() == one.id.as_deref());
    Ok(proof::of_tasks(ours, &one.target.expected))
}

/// Whether a deployment that was stopped made room for another, of which nothing may be left in the service by now.
async fn was_replaced(aws: &Aws, one: &Watched) -> Result<bool, CallError> {
    let (Some(created), Some(ended)) = (one.created(), ended(one)) else { return Ok(false) };
    let next = find::successor(aws, &one.target.cluster, &one.target.service, created, ended).await?;
    Ok(next.is_some())
}

/// When the deployment ended, in seconds since the epoch.
fn ended(one: &Watched) -> Option<f64> {
    let record = one.record.as_ref()?;
    record.finished_at().or(record.stopped_at()).map(DateTime::as_secs_f64)
}

fn seconds(one: &Watched) -> f64 {
    let Some(created) = one.created() else { return 0.0 };
    (ended(one).unwrap_or_else(aws::now) - created).max(0.0)
}

/// The command that goes on waiting for a deployment.
pub fn resume(one: &Watched) -> String {
    format!("fargate-stack wait {} --deployment {}", one.target.key, one.name())
}

/// What can be run now.
fn next(one: &Watched, outcome: RolloutOutcome) -> Vec<String> {
    let key = &one.target.key;
    let record = one.record.as_ref();
    let goes_on = record.and_then(ServiceDeployment::status).is_some_and(is_open);
    match outcome {
        RolloutOutcome::TimedOut | RolloutOutcome::Cancelled => vec![resume(one)],
        RolloutOutcome::Failed if one.is_rolling_back() && goes_on => vec![resume(one)],
        RolloutOutcome::Failed if goes_on => vec![format!("fargate-stack rollback {key}"), resume(one)],
        RolloutOutcome::Failed => vec![format!("fargate-stack rollback {key}")],
        RolloutOutcome::Superseded => vec![format!("fargate-stack wait {key}")],
        RolloutOutcome::Paused => {
            let arn = record.and_then(ServiceDeployment::service_deployment_arn).unwrap_or_default();
            let hooks = record.map(ServiceDeployment::lifecycle_hook_details).unwrap_or_default().iter();
            let waiting = hooks.filter(|hook| {
                hook.status() == Some(&aws_sdk_ecs::types::DeploymentLifecycleHookStatus::AwaitingAction)
            });
            let go_on = |hook: &str| {
                format!(
                    "aws ecs continue-service-deployment --service-deployment-arn {arn} --hook-id {hook} --action CONTINUE"
                )
            };
            let mut commands: Vec<String> = waiting.filter_map(|hook| hook.hook_id()).map(go_on).collect();
            commands.push(resume(one));
            commands
        }
        RolloutOutcome::Succeeded | RolloutOutcome::RolledBack | RolloutOutcome::Stopped => Vec::new(),
    }
}
