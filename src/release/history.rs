//! What was released to a service: from ECS's records of its deployments, joined with the tags of the revisions. ECS keeps
//! records of deployments after 2024-10-25; for older ones the revisions alone tell, and how they went is unknown.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{
    DeploymentRolloutState, Service, ServiceDeploymentBrief, ServiceDeploymentStatus, ServiceRevision,
};
use aws_smithy_types::DateTime;

use super::revisions::{self, short, written};
use crate::aws::{Aws, absent, call};
use crate::model::{CallError, History, Release, ReleaseState, Revision};

/// The IAM actions of this file.
pub const READS: &[&str] =
    &["ecs:DescribeServices", "ecs:ListServiceDeployments", "ecs:DescribeServiceRevisions"];

/// The most ARNs that `DescribeServiceRevisions` takes.
const REVISIONS_A_CALL: usize = 20;

/// Which service, and how much of its history.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The service's key in the stack file.
    pub key: &'a str,
    /// Its cluster.
    pub cluster: &'a str,
    /// Its name.
    pub service: &'a str,
    /// The family of its task definition.
    pub family: &'a str,
    /// The stack, whose revisions are ours.
    pub stack: &'a str,
    /// How many releases at most, newest first.
    pub limit: usize,
}

/// The service in whatever state; `None` when ECS does not know it or its cluster, or it is deleted.
pub async fn service(aws: &Aws, cluster: &str, name: &str) -> Result<Option<Service>, CallError> {
    let request = aws.ecs.describe_services().cluster(cluster).services(name);
    let answer = absent(call("ecs:DescribeServices", request.send()).await, &["ClusterNotFoundException"])?;
    let found = answer.and_then(|answer| answer.services().first().cloned());
    Ok(found.filter(|service| service.status() != Some("INACTIVE")))
}

/// The deployment (`ecs-svc/…`) that a service is working towards, when it runs still or has failed; `None` when it is
/// completed, or there is no such service.
pub async fn unsettled(aws: &Aws, cluster: &str, name: &str) -> Result<Option<String>, CallError> {
    let Some(service) = service(aws, cluster, name).await? else { return Ok(None) };
    let primary = service.deployments().iter().find(|one| one.status() == Some("PRIMARY"));
    let open = |state: &DeploymentRolloutState| {
        matches!(state, DeploymentRolloutState::InProgress | DeploymentRolloutState::Failed)
    };
    let open = primary.filter(|one| one.rollout_state().is_some_and(open));
    Ok(open.and_then(|one| one.id()).map(str::to_owned))
}

/// Reads the history of a service.
pub async fn read(aws: &Aws, ask: Ask<'_>) -> Result<History, CallError> {
    let Some(service) = service(aws, ask.cluster, ask.service).await? else {
        let service = ask.key.to_owned();
        return Ok(History { service, exists: false, recorded: false, releases: Vec::new() });
    };
    of(aws, ask, &service).await
}

/// The history of a service that was read already.
pub async fn of(aws: &Aws, ask: Ask<'_>, service: &Service) -> Result<History, CallError> {
    let briefs = briefs(aws, ask).await?;
    let recorded = !briefs.is_empty();
    let mut releases: Vec<Release> = if recorded {
        let workloads = workloads(aws, &briefs).await?;
        let arns = workloads.values().filter_map(|one| one.task_definition().map(str::to_owned));
        let known = revisions::read_all(aws, arns, ask.stack).await?;
        briefs.iter().map(|brief| recorded_release(brief, &workloads, &known)).collect()
    } else {
        let arns = revisions::list(aws, ask.family, true, ask.limit).await?;
        let newest: Vec<String> = arns.into_iter().take(ask.limit).collect();
        let known = revisions::read_all(aws, newest.clone(), ask.stack).await?;
        newest.iter().filter_map(|arn| known.get(arn)).map(unrecorded_release).collect()
    };
    mark(&mut releases, &running(service));
    Ok(History { service: ask.key.to_owned(), exists: true, recorded, releases })
}

async fn briefs(aws: &Aws, ask: Ask<'_>) -> Result<Vec<ServiceDeploymentBrief>, CallError> {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let request = aws.ecs.list_service_deployments().cluster(ask.cluster).service(ask.service);
        // 100 is the most that a page has.
        let page = i32::try_from(ask.limit.min(100)).unwrap_or(100);
        let request = request.max_results(page).set_next_token(token);
        let answer = call("ecs:ListServiceDeployments", request.send()).await?;
        found.extend(answer.service_deployments().iter().cloned());
        token = answer.next_token().map(str::to_owned);
        if token.is_none() || found.len() >= ask.limit {
            break;
        }
    }
    let began = |brief: &ServiceDeploymentBrief| brief.created_at().map(DateTime::as_secs_f64);
    found.sort_by(|a, b| began(b).partial_cmp(&began(a)).unwrap_or(std::cmp::Ordering::Equal));
    found.truncate(ask.limit);
    Ok(found)
}

/// Service-revision ARN → what it is.
async fn workloads(
    aws: &Aws,
    briefs: &[ServiceDeploymentBrief],
) -> Result<BTreeMap<String, ServiceRevision>, CallError> {
    let arns: BTreeSet<String> =
        briefs.iter().filter_map(|brief| brief.target_service_revision_arn().map(str::to_owned)).collect();
    let arns: Vec<String> = arns.into_iter().collect();
    let mut found = BTreeMap::new();
    for chunk in arns.chunks(REVISIONS_A_CALL) {
        let request = aws.ecs.describe_service_revisions().set_service_revision_arns(Some(chunk.to_vec()));
        let answer = call("ecs:DescribeServiceRevisions", request.send()).await?;
        let named = answer.service_revisions().iter();
        found.extend(named.filter_map(|one| Some((one.service_revision_arn()?.to_owned(), one.clone()))));
    }
    Ok(found)
}

fn recorded_release(
    brief: &ServiceDeploymentBrief,
    workloads: &BTreeMap<String, ServiceRevision>,
    known: &BTreeMap<String, Revision>,
) -> Release {
    let workload = brief.target_service_revision_arn().and_then(|arn| workloads.get(arn));
    let definition = workload.and_then(ServiceRevision::task_definition).unwrap_or_default();
    let source = known.get(definition).cloned();
    let resolved = workload.map(ServiceRevision::container_images).unwrap_or_default().iter();
    let mut digests = source.as_ref().map(Revision::digests).unwrap_or_default();
    digests.extend(
        resolved.filter_map(|one| Some((one.container_name()?.to_owned(), one.image_digest()?.to_owned()))),
    );
    let (created, finished) = (brief.created_at(), brief.finished_at());
    Release {
        deployment: brief.service_deployment_arn().map(str::to_owned),
        outcome: state(brief.status()),
        reason: brief.status_reason().map(str::to_owned),
        at: created.and_then(written),
        seconds: created.zip(finished).map(|(from, to)| to.as_secs_f64() - from.as_secs_f64()),
        revision: short(definition).to_owned(),
        source,
        digests,
        runs_now: false,
    }
}

fn unrecorded_release(revision: &Revision) -> Release {
    Release {
        deployment: None,
        outcome: ReleaseState::Unknown,
        reason: None,
        at: revision.registered.clone(),
        seconds: None,
        revision: revision.name.clone(),
        digests: revision.digests(),
        source: Some(revision.clone()),
        runs_now: false,
    }
}

/// Only SUCCESSFUL is success (ECS API, `ServiceDeploymentStatus`); a word that is not known yet is none of them.
fn state(status: Option<&ServiceDeploymentStatus>) -> ReleaseState {
    use ServiceDeploymentStatus as Ecs;
    match status {
        Some(Ecs::Pending | Ecs::InProgress) => ReleaseState::InProgress,
        Some(Ecs::Successful) => ReleaseState::Succeeded,
        Some(Ecs::StopRequested | Ecs::Stopped) => ReleaseState::Stopped,
        Some(Ecs::RollbackRequested | Ecs::RollbackInProgress) => ReleaseState::RollingBack,
        Some(Ecs::RollbackSuccessful) => ReleaseState::RolledBack,
        Some(Ecs::RollbackFailed) => ReleaseState::Failed,
        _ => ReleaseState::Unknown,
    }
}

/// The revisions that tasks of the service run now; the wanted one when none runs.
fn running(service: &Service) -> BTreeSet<String> {
    let busy = service.deployments().iter().filter(|one| one.running_count() > 0);
    let found: BTreeSet<String> =
        busy.filter_map(|one| one.task_definition()).map(|arn| short(arn).to_owned()).collect();
    if found.is_empty() {
        service.task_definition().map(|arn| short(arn).to_owned()).into_iter().collect()
    } else {
        found
    }
}

/// Marks the release that each running revision came by: the newest that succeeded, else the newest.
fn mark(releases: &mut [Release], running: &BTreeSet<String>) {
    for revision in running {
        let of = |one: &Release| one.revision == *revision;
        let good = releases.iter().position(|one| of(one) && one.outcome == ReleaseState::Succeeded);
        let found = good.or_else(|| releases.iter().position(of));
        if let Some(release) = found.and_then(|at| releases.get_mut(at)) {
            release.runs_now = true;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A release for tests: revision, how it went.
    pub fn release(revision: &str, outcome: ReleaseState) -> Release {
        let source = Revision {
            name: revision.to_owned(),
            arn: format!("x/{revision}"),
            active: true,
            ..Revision::default()
        };
        Release { outcome, deployment: Some(format!("deployment/{revision}")), ..unrecorded_release(&source) }
    }

    #[test]
    fn a_word_of_ecs_that_is_not_known_is_never_success() {
        let status = ServiceDeploymentStatus::from("SUCCESSFUL_SOMEHOW");
        assert_eq!(state(Some(&status)), ReleaseState::Unknown);
        assert_eq!(state(Some(&ServiceDeploymentStatus::RollbackSuccessful)), ReleaseState::RolledBack);
        assert_eq!(state(None), ReleaseState::Unknown);
    }

    #[test]
    fn what_runs_is_marked_at_the_release_that_succeeded() {
        let mut releases =
            [release("web:1", ReleaseState::RolledBack), release("web:1", ReleaseState::Succeeded)];
        mark(&mut releases, &BTreeSet::from(["web:1".to_owned()]));
        assert_eq!(releases.map(|one| one.runs_now), [false, true]);
    }
}
