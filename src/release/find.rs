//! Finding deployments: the newest of a service, one by its name, and the record that belongs to an `ecs-svc/…` id.
//!
//! ECS has two names for a deployment and no call that maps one to the other. In one answer of `DescribeServices` the PRIMARY
//! deployment and `currentServiceDeployment` are the same. Later its creation time tells; and once the id is gone from the service,
//! what still mentions it: an event (`(deployment ecs-svc/…)`), or a stopped task that it started.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{Deployment, DesiredStatus, Service, ServiceDeploymentBrief};
use aws_smithy_types::DateTime;

use super::Target;
use super::calls;
use super::verdict::{SAME_MOMENT, deployment, primary, rolls_back_or_did, was_created_at};
use crate::aws::Aws;
use crate::model::CallError;

/// How many of a service's last deployments are named when the one that was asked for is not there.
const NAMED: usize = 3;

/// What a time may lose on its way through floating point, in seconds.
const SLACK: f64 = 0.01;

/// What a search for a deployment gave.
#[derive(Debug)]
pub enum Search {
    /// It is there.
    Found(Box<Target>),
    /// It is not; these are, in words.
    Unknown(Vec<String>),
}

/// Finds the newest deployment of a service; `None` when there is no such service.
///
/// After a rollback the PRIMARY deployment is the rollback's. The newest deployment is then the one that was rolled back, and it is
/// named by its ARN.
pub async fn newest(aws: &Aws, cluster: &str, service: &str) -> Result<Option<Target>, CallError> {
    let found = calls::services(aws, cluster, &BTreeSet::from([service])).await?;
    let Some(found) = found.get(service).filter(|found| found.status() == Some("ACTIVE")) else {
        return Ok(None);
    };
    let Some(id) = primary(found).and_then(|primary| primary.id()) else { return Ok(None) };
    let current = found.current_service_deployment().map(str::to_owned);
    let records = match &current {
        Some(arn) => calls::records(aws, &BTreeSet::from([arn.clone()])).await?,
        None => BTreeMap::new(),
    };
    let rolled_back = current.filter(|arn| records.get(arn).is_some_and(rolls_back_or_did));
    Ok(Some(target(cluster, service, &rolled_back.unwrap_or_else(|| id.to_owned()))))
}

/// Finds a deployment by its id (`ecs-svc/…`) or its ARN among these services of a cluster.
pub async fn named(
    aws: &Aws,
    cluster: &str,
    services: &BTreeSet<&str>,
    name: &str,
) -> Result<Search, CallError> {
    let there = calls::services(aws, cluster, services).await?;
    if name.starts_with("arn:") {
        let place = name.split_once(":service-deployment/").map(|(_, place)| place.split('/'));
        let parts: Vec<&str> = place.into_iter().flatten().collect();
        if let [at, service, _] = parts.as_slice()
            && *at == cluster
            && there.contains_key(*service)
            && calls::records(aws, &BTreeSet::from([name.to_owned()])).await?.contains_key(name)
        {
            return Ok(Search::Found(Box::new(target(cluster, service, name))));
        }
    } else {
        let mut known = there.iter();
        let shown = known.find(|(_, service)| deployment(service, name).is_some());
        if let Some((service, _)) = shown {
            return Ok(Search::Found(Box::new(target(cluster, service, name))));
        }
        for (key, service) in &there {
            if record_of(aws, cluster, service, name).await?.is_some() {
                return Ok(Search::Found(Box::new(target(cluster, key, name))));
            }
        }
    }
    let mut words = Vec::new();
    for (key, service) in &there {
        let ids = service.deployments().iter().filter_map(|one| Some((one.id()?, one.status()?)));
        words.extend(ids.map(|(id, status)| format!("{key}: {id} ({status})")));
        let last = calls::history(aws, cluster, key, None).await?.into_iter().take(NAMED);
        words.extend(last.filter_map(|one| {
            let status = one.status().map(|status| status.as_str().to_owned()).unwrap_or_default();
            Some(format!("{key}: {} ({status})", one.service_deployment_arn()?))
        }));
    }
    Ok(Search::Unknown(words))
}

/// The ARN of the record of a deployment that is not, or not surely, the current one.
pub async fn record_of(
    aws: &Aws,
    cluster: &str,
    service: &Service,
    id: &str,
) -> Result<Option<String>, CallError> {
    let name = service.service_name().unwrap_or_default();
    if let Some(ours) = deployment(service, id) {
        let Some(created) = ours.created_at().map(DateTime::as_secs_f64) else { return Ok(None) };
        let history = calls::history(aws, cluster, name, Some(created - SAME_MOMENT)).await?;
        return Ok(at_moment(&history, service, ours));
    }
    // Events are kept for longer; the first task tells more exactly, and before another deployment can have begun.
    let started = started(aws, cluster, name, id).await?;
    let Some(mention) = started.into_iter().chain(mentioned(service, id)).min_by(f64::total_cmp) else {
        return Ok(None);
    };
    Ok(before(&calls::history(aws, cluster, name, None).await?, mention))
}

/// The deployment that was there when another ended at this moment, and is younger than it.
pub async fn successor(
    aws: &Aws,
    cluster: &str,
    service: &str,
    created: f64,
    ended: f64,
) -> Result<Option<ServiceDeploymentBrief>, CallError> {
    let history = calls::history(aws, cluster, service, Some(created)).await?;
    let fits = |one: &ServiceDeploymentBrief| {
        let born = created_at(one);
        born > created + SLACK && born <= ended + SAME_MOMENT
    };
    Ok(history.into_iter().rev().find(fits))
}

fn target(cluster: &str, service: &str, deployment: &str) -> Target {
    Target {
        key: service.to_owned(),
        cluster: cluster.to_owned(),
        service: service.to_owned(),
        deployment: deployment.to_owned(),
        expected: BTreeMap::new(),
    }
}

fn created_at(one: &ServiceDeploymentBrief) -> f64 {
    one.created_at().map_or(0.0, DateTime::as_secs_f64)
}

/// The record that was created together with this deployment.
fn at_moment(history: &[ServiceDeploymentBrief], service: &Service, ours: &Deployment) -> Option<String> {
    let record = history
        .iter()
        .find(|one| one.created_at().is_some_and(|born| was_created_at(born.as_secs_f64(), ours, service)));
    record?.service_deployment_arn().map(str::to_owned)
}

/// The youngest record that was there at this moment; the history is newest first.
fn before(history: &[ServiceDeploymentBrief], moment: f64) -> Option<String> {
    let record = history.iter().find(|one| created_at(one) <= moment + SLACK)?;
    record.service_deployment_arn().map(str::to_owned)
}

/// When an event first mentioned a deployment as its own.
fn mentioned(service: &Service, id: &str) -> Option<f64> {
    let words = format!("(deployment {id})");
    let said = |text: Option<&str>| text.is_some_and(|text| text.contains(&words));
    let times = service.events().iter().filter(|event| said(event.message()));
    times.filter_map(|event| event.created_at()).map(DateTime::as_secs_f64).min_by(f64::total_cmp)
}

/// When a deployment started its first task that ECS still shows.
async fn started(aws: &Aws, cluster: &str, service: &str, id: &str) -> Result<Option<f64>, CallError> {
    let stopped = calls::tasks(aws, cluster, service, DesiredStatus::Stopped, &BTreeSet::new()).await?;
    let ours = stopped.iter().filter(|task| task.started_by() == Some(id));
    Ok(ours.filter_map(|task| task.created_at()).map(DateTime::as_secs_f64).min_by(f64::total_cmp))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use aws_sdk_ecs::types::ServiceEvent;

    use super::*;

    fn history() -> Vec<ServiceDeploymentBrief> {
        let brief = |at: i64| {
            let arn = format!("arn:x:{at}");
            ServiceDeploymentBrief::builder()
                .service_deployment_arn(arn)
                .created_at(DateTime::from_secs(at))
                .build()
        };
        vec![brief(300), brief(200), brief(100)]
    }

    #[test]
    fn a_record_is_found_by_its_moment() {
        let found = |history: &[ServiceDeploymentBrief], at: i64| {
            let ours = Deployment::builder().id("ecs-svc/2").created_at(DateTime::from_secs(at)).build();
            at_moment(history, &Service::builder().deployments(ours.clone()).build(), &ours)
        };
        assert_eq!(found(&history(), 201).as_deref(), Some("arn:x:200"));
        assert_eq!(found(&history(), 250), None);
        assert_eq!(found(&[], 200), None);
    }

    #[test]
    fn a_deployment_that_is_gone_is_found_by_what_mentions_it() {
        let event = |at: i64, text: &str| {
            ServiceEvent::builder().message(text).created_at(DateTime::from_secs(at)).build()
        };
        let service = Service::builder()
            .events(event(260, "(service web) (deployment ecs-svc/21) deployment completed."))
            .events(event(
                250,
                "(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start.",
            ))
            .build();
        assert_eq!(mentioned(&service, "ecs-svc/2"), Some(250.0));
        assert_eq!(mentioned(&service, "ecs-svc/9"), None);
        assert_eq!(before(&history(), 250.0).as_deref(), Some("arn:x:200"));
        assert_eq!(before(&history(), 50.0), None);
    }
}
