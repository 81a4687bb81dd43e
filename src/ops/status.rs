//! How a stack's services are, read in as few calls as it takes: services ten at a time, tasks a hundred at a time.

use std::collections::BTreeMap;

use crate::aws::Aws;
use crate::model::{CallError, ImageStatus, Scalable, ServiceStatus, TaskRun, WebStatus};
use crate::stack::Names;

use super::autoscaling;
use super::images::{self, Revision};
use super::services::{self, Live};
use super::targets;
use super::tasks::{self, Which};

/// A task of the stack file whose service is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its key, which is the service's name, too.
    pub key: String,
    /// Its task-definition family.
    pub family: String,
    /// The tag that the stack file names; `None` when it names a digest.
    pub tag: Option<String>,
    /// The addresses of a web service.
    pub urls: Vec<String>,
}

/// What one look found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// The services, in the order asked.
    pub services: Vec<ServiceStatus>,
    /// Every running task of the cluster, those of the services included.
    pub runs: Vec<TaskRun>,
    /// What could not be read, and why.
    pub unknown: Vec<String>,
}

/// Looks again and again; what cannot change is read once.
#[derive(Debug, Default)]
pub struct Watcher {
    /// ARN of a revision → the revision, its images compared with ECR.
    revisions: BTreeMap<String, Revision>,
    unknown: Vec<String>,
}

impl Watcher {
    /// Looks once; `events` are the newest of each service's events to keep.
    pub async fn look(
        &mut self,
        aws: &Aws,
        names: &Names,
        asked: &[Asked],
        events: usize,
    ) -> Result<Seen, CallError> {
        let keys: Vec<String> = asked.iter().map(|one| names.service(&one.key)).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let (found, runs, scaled) = tokio::join!(
            services::describe(aws, &names.cluster, &names.stack, &keys),
            tasks::list(aws, &names.cluster, Which::Running),
            autoscaling::owners_of_counts(aws, &names.cluster, &keys),
        );
        let (mut found, runs) = (found?, runs?);
        let mut scaled = self.or_unknown(scaled, "who scales the services")?;
        let mut seen = Seen { runs, ..Seen::default() };
        for one in asked {
            let name = names.service(&one.key);
            let live = found.remove(&name);
            let newest = images::revision(aws, &one.family).await?;
            let revision = match &live {
                Some(live) => self.revision(aws, &live.task_definition, one.tag.as_deref()).await?,
                None => None,
            };
            let tasks = of_group(&seen.runs, &format!("service:{name}"));
            let scalable = scaled.remove(&name);
            let web = self.web(aws, one, live.as_ref(), &tasks).await?;
            let found = service(one, live, newest, revision, &tasks, scalable, events);
            seen.services.push(ServiceStatus { web, ..found });
        }
        seen.unknown.clone_from(&self.unknown);
        Ok(seen)
    }

    /// How the service is reached; `None` when nothing of it is behind a load balancer.
    async fn web(
        &mut self,
        aws: &Aws,
        asked: &Asked,
        live: Option<&Live>,
        tasks: &[TaskRun],
    ) -> Result<Option<WebStatus>, CallError> {
        let group = live.and_then(|live| live.target_group.as_deref());
        let seen = match group {
            Some(group) => {
                let looked = targets::look(aws, group, tasks).await;
                self.or_unknown(looked, "the health of the targets")?
            }
            None => None,
        };
        let seen = seen.or_else(|| (!asked.urls.is_empty()).then(WebStatus::default));
        Ok(seen.map(|seen| WebStatus { urls: asked.urls.clone(), ..seen }))
    }

    async fn revision(
        &mut self,
        aws: &Aws,
        arn: &str,
        tag: Option<&str>,
    ) -> Result<Option<Revision>, CallError> {
        if let Some(known) = self.revisions.get(arn) {
            return Ok(Some(known.clone()));
        }
        let Some(mut revision) = images::revision(aws, arn).await? else { return Ok(None) };
        for image in &mut revision.images {
            let compared = images::compare(aws, image, tag).await;
            self.or_unknown(compared, "what ECR has")?;
        }
        self.revisions.insert(arn.to_owned(), revision.clone());
        Ok(Some(revision))
    }

    /// What the credentials may not read is told, and the rest is shown without it.
    fn or_unknown<T: Default>(&mut self, read: Result<T, CallError>, what: &str) -> Result<T, CallError> {
        match read {
            Err(error) if error.is_access_denied() => {
                let told = format!("{what} is unknown: the credentials lack the permission `{}`", error.op);
                if !self.unknown.contains(&told) {
                    self.unknown.push(told);
                }
                Ok(T::default())
            }
            read => read,
        }
    }
}

/// The tasks of a group.
pub fn of_group(runs: &[TaskRun], group: &str) -> Vec<TaskRun> {
    runs.iter().filter(|run| run.group == group).cloned().collect()
}

fn service(
    asked: &Asked,
    live: Option<Live>,
    newest: Option<Revision>,
    revision: Option<Revision>,
    tasks: &[TaskRun],
    autoscaling: Option<Scalable>,
    events: usize,
) -> ServiceStatus {
    let newest_revision = newest.map(|newest| newest.name);
    let Some(live) = live.filter(|live| live.status != "INACTIVE") else {
        return ServiceStatus { service: asked.key.clone(), newest_revision, ..ServiceStatus::default() };
    };
    let mine = |run: &TaskRun| TaskRun { task: asked.key.clone(), ..run.clone() };
    let images: Vec<ImageStatus> = revision.map(|revision| revision.images).unwrap_or_default();
    ServiceStatus {
        service: asked.key.clone(),
        deployed: live.status == "ACTIVE",
        status: live.status,
        desired: live.desired,
        running: live.running,
        pending: live.pending,
        deployment: live.deployment,
        revision: Some(images::short(&live.task_definition).to_owned()),
        newest_revision,
        images,
        autoscaling,
        web: None,
        tasks: tasks.iter().map(mine).collect(),
        events: live.events.into_iter().take(events).collect(),
    }
}
