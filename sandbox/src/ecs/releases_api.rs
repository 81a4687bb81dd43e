//! The calls about service deployments and service revisions.

use serde_json::{Value, json};

use super::Ecs;
use super::error::{Answer, EcsError};
use super::json::{list, text, texts};
use super::page::page;
use super::releases::Status;
use super::services::{Service, ServiceKey};

/// Most ARNs that a describe call takes.
const MOST: usize = 20;

impl Ecs {
    /// Newest first, by state and time of creation.
    pub(super) fn list_releases(&self, input: &Value) -> Answer {
        let cluster = self.cluster(text(input, "cluster"))?;
        let service = self.service(&cluster.name, text(input, "service").unwrap_or_default())?;
        let states = texts(input, "status");
        let bound = |name: &str| input.pointer(&format!("/createdAt/{name}")).and_then(Value::as_f64);
        let (after, before) = (bound("after"), bound("before"));
        let fits = |status: Status, at: f64| {
            (states.is_empty() || states.contains(&status.word()))
                && after.is_none_or(|after| at >= after)
                && before.is_none_or(|before| at < before)
        };
        let arns: Vec<String> = service
            .releases
            .iter()
            .filter(|one| fits(one.status, one.created_at()))
            .map(|one| one.arn.clone())
            .collect();
        let scope = format!("ListServiceDeployments {} {states:?} {after:?} {before:?}", service.arn);
        let mut answer = page(input, &scope, "serviceDeployments", &arns, 20)?;
        let briefs: Vec<Value> = texts(&answer, "serviceDeployments")
            .into_iter()
            .filter_map(|arn| service.releases.iter().find(|one| one.arn == arn))
            .map(|one| Value::Object(one.brief(&service.arn, &cluster.arn)))
            .collect();
        if let Some(members) = answer.as_object_mut() {
            members.insert("serviceDeployments".to_owned(), json!(briefs));
        }
        Ok(answer)
    }

    pub(super) fn describe_releases(&self, input: &Value) -> Answer {
        let now = self.settled_at;
        self.each(input, "serviceDeploymentArns", "serviceDeployments", |service, cluster, arn| {
            let release = service.releases.iter().find(|one| one.arn == arn)?;
            let tasks: Vec<_> = self.tasks_of(service).collect();
            Some(service.show_release(release, cluster, &tasks, now))
        })
    }

    pub(super) fn describe_workloads(&self, input: &Value) -> Answer {
        self.each(input, "serviceRevisionArns", "serviceRevisions", |service, cluster, arn| {
            Some(service.workload(arn)?.show(&service.arn, cluster))
        })
    }

    /// Works on a service whose rollback was not configured too. It goes back with the next look of the scheduler.
    pub(super) fn stop_release(&mut self, input: &Value) -> Answer {
        if text(input, "stopType") == Some("ABORT") {
            return Err(EcsError::invalid("The stop type ABORT is not supported. Use ROLLBACK."));
        }
        let arn = text(input, "serviceDeploymentArn").unwrap_or_default();
        let missing = || EcsError::new("ServiceDeploymentNotFoundException", "Service deployment not found.");
        let key = self.owner(arn).ok_or_else(missing)?;
        let now = self.settled_at;
        let service = self.services.get_mut(&key).ok_or_else(missing)?;
        let release = service.releases.iter_mut().find(|one| one.arn == arn).ok_or_else(missing)?;
        if !matches!(release.status, Status::Pending | Status::InProgress) {
            return Err(EcsError::new(
                "ConflictException",
                format!(
                    "The service deployment cannot be stopped because it is in the {} state.",
                    release.status.word()
                ),
            ));
        }
        release.turn(Status::RollbackRequested, None, now);
        Ok(json!({ "serviceDeploymentArn": arn }))
    }

    /// Describes what a list of ARNs names; what is not there is a failure.
    fn each(
        &self,
        input: &Value,
        key: &str,
        member: &str,
        show: impl Fn(&Service, &str, &str) -> Option<Value>,
    ) -> Answer {
        let arns = list(input, key);
        if arns.is_empty() || arns.len() > MOST {
            return Err(EcsError::invalid(format!("{key} must have between 1 and {MOST} items.")));
        }
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for arn in arns.iter().filter_map(Value::as_str) {
            let service = self.owner(arn).and_then(|key| self.services.get(&key));
            let shown = service.and_then(|service| {
                let cluster = self.place.arn(&format!("cluster/{}", service.cluster));
                show(service, &cluster, arn)
            });
            match shown {
                Some(shown) => found.push(shown),
                None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
            }
        }
        Ok(json!({ member: found, "failures": failures }))
    }

    /// Cluster and service in an ARN of a service deployment or service revision.
    fn owner(&self, arn: &str) -> Option<ServiceKey> {
        let mut parts = self.place.tail(arn)?.split('/').skip(1);
        Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
    }
}
