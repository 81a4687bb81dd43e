//! The calls of the watch, each for as many services as it takes. Limits are those of the ECS API reference.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{
    ContainerImage, CreatedAt, DesiredStatus, Service, ServiceDeployment, ServiceDeploymentBrief,
    ServiceRevision, StopServiceDeploymentStopType, Task,
};
use aws_smithy_types::DateTime;

use crate::aws::{Aws, absent, call};
use crate::model::CallError;

/// What watching reads.
pub const READS: &[&str] = &[
    "ecs:DescribeServiceDeployments",
    "ecs:DescribeServiceRevisions",
    "ecs:DescribeServices",
    "ecs:DescribeTasks",
    "ecs:ListServiceDeployments",
    "ecs:ListTasks",
];

/// What watching may change: only with `--on-failure rollback` or `--on-cancel rollback`.
pub const WRITES: &[&str] = &["ecs:StopServiceDeployment"];

/// Services of one `DescribeServices`.
const SERVICES: usize = 10;

/// ARNs of one `DescribeServiceDeployments` or `DescribeServiceRevisions`.
const RECORDS: usize = 20;

/// Tasks of one `DescribeTasks`, and of one page of `ListTasks`.
const TASKS: usize = 100;

/// Pages of stopped tasks that are read at a time: those of an hour may be thousands.
const PAGES: usize = 3;

/// The services of a cluster, by name; those that ECS does not know are left out.
pub async fn services(
    aws: &Aws,
    cluster: &str,
    names: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Service>, CallError> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut found = BTreeMap::new();
    for names in names.chunks(SERVICES) {
        let request = aws.ecs.describe_services().cluster(cluster).set_services(Some(names.to_vec()));
        let answer = call("ecs:DescribeServices", request.send()).await;
        let Some(answer) = absent(answer, &["ClusterNotFoundException"])? else { break };
        let keyed = |service: Service| Some((service.service_name()?.to_owned(), service));
        found.extend(answer.services.unwrap_or_default().into_iter().filter_map(keyed));
    }
    Ok(found)
}

/// Records of service deployments, by ARN; those that ECS does not have are left out.
pub async fn records(
    aws: &Aws,
    arns: &BTreeSet<String>,
) -> Result<BTreeMap<String, ServiceDeployment>, CallError> {
    let arns: Vec<&String> = arns.iter().collect();
    let mut found = BTreeMap::new();
    for arns in arns.chunks(RECORDS) {
        let arns = arns.iter().map(|arn| (*arn).clone()).collect();
        let request = aws.ecs.describe_service_deployments().set_service_deployment_arns(Some(arns));
        let answer = call("ecs:DescribeServiceDeployments", request.send()).await;
        let gone = ["ServiceDeploymentNotFoundException", "ServiceNotFoundException"];
        let Some(answer) = absent(answer, &gone)? else { continue };
        let named = |record: ServiceDeployment| Some((record.service_deployment_arn()?.to_owned(), record));
        found.extend(answer.service_deployments.unwrap_or_default().into_iter().filter_map(named));
    }
    Ok(found)
}

/// The newest service deployments of a service, newest first; created after this moment, if one is given.
pub async fn history(
    aws: &Aws,
    cluster: &str,
    service: &str,
    after: Option<f64>,
) -> Result<Vec<ServiceDeploymentBrief>, CallError> {
    let window = after.map(|after| CreatedAt::builder().after(DateTime::from_secs_f64(after)).build());
    let request = aws.ecs.list_service_deployments().cluster(cluster).service(service).max_results(100);
    let answer = call("ecs:ListServiceDeployments", request.set_created_at(window).send()).await;
    let gone = ["ServiceNotFoundException", "ClusterNotFoundException", "ServiceNotActiveException"];
    let mut found = absent(answer, &gone)?.and_then(|answer| answer.service_deployments).unwrap_or_default();
    let created = |one: &ServiceDeploymentBrief| one.created_at().map_or(0.0, DateTime::as_secs_f64);
    found.sort_by(|a, b| created(b).total_cmp(&created(a)));
    Ok(found)
}

/// The tasks of a service in this state, except those that are known.
pub async fn tasks(
    aws: &Aws,
    cluster: &str,
    service: &str,
    state: DesiredStatus,
    known: &BTreeSet<String>,
) -> Result<Vec<Task>, CallError> {
    let gone = ["ServiceNotFoundException", "ClusterNotFoundException"];
    let mut arns = Vec::new();
    let mut page = None;
    for _ in 0..PAGES {
        let request = aws.ecs.list_tasks().cluster(cluster).service_name(service);
        let request = request.desired_status(state.clone()).set_next_token(page);
        let Some(answer) = absent(call("ecs:ListTasks", request.send()).await, &gone)? else { break };
        page = answer.next_token;
        arns.extend(answer.task_arns.unwrap_or_default().into_iter().filter(|arn| !known.contains(arn)));
        if page.is_none() {
            break;
        }
    }
    let mut found = Vec::new();
    for arns in arns.chunks(TASKS) {
        let request = aws.ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns.to_vec()));
        found.extend(call("ecs:DescribeTasks", request.send()).await?.tasks.unwrap_or_default());
    }
    Ok(found)
}

/// A service revision; `None` when ECS has none of this ARN.
pub async fn revision(aws: &Aws, arn: &str) -> Result<Option<ServiceRevision>, CallError> {
    let request = aws.ecs.describe_service_revisions().service_revision_arns(arn);
    let answer = call("ecs:DescribeServiceRevisions", request.send()).await?;
    Ok(answer.service_revisions.unwrap_or_default().into_iter().next())
}

/// Container → image of a service revision.
pub fn images(revision: &ServiceRevision) -> BTreeMap<String, &ContainerImage> {
    let named = |image: &'_ ContainerImage| image.container_name().map(str::to_owned);
    revision.container_images().iter().filter_map(|image| Some((named(image)?, image))).collect()
}

/// Stops a service deployment and brings the last good revision back. That it is over, or stopping, already is fine.
pub async fn roll_back(aws: &Aws, arn: &str) -> Result<(), CallError> {
    let request = aws.ecs.stop_service_deployment().service_deployment_arn(arn);
    let request = request.stop_type(StopServiceDeploymentStopType::Rollback);
    absent(call("ecs:StopServiceDeployment", request.send()).await, &["ConflictException"]).map(drop)
}
