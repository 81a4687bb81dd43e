//! Services as they are, and the calls that change one.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{Deployment, Service, ServiceField};

use crate::aws::{Aws, absent, call};
use crate::model::{CallError, DeploymentStatus, Owner, ServiceEvent};
use crate::stack::STACK;

/// The IAM actions that read.
pub const READS: &[&str] = &["ecs:DescribeServices"];
/// The IAM actions that change something.
pub const WRITES: &[&str] = &["ecs:UpdateService"];

/// How many services `DescribeServices` takes at a time.
const AT_A_TIME: usize = 10;

/// A service as ECS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// Tasks wanted.
    pub desired: i32,
    /// Tasks that run.
    pub running: i32,
    /// Tasks that start.
    pub pending: i32,
    /// ARN of the revision that it is to run.
    pub task_definition: String,
    /// Its PRIMARY deployment.
    pub deployment: Option<DeploymentStatus>,
    /// The ARN of the target group that its tasks are registered in.
    pub target_group: Option<String>,
    /// The newest of its events (ECS keeps 100), newest first.
    pub events: Vec<ServiceEvent>,
    /// Whose it is.
    pub owner: Owner,
}

/// The services of these names that ECS knows, whatever state they are in; without the cluster, none.
pub async fn describe(
    aws: &Aws,
    cluster: &str,
    stack: &str,
    services: &[&str],
) -> Result<BTreeMap<String, Live>, CallError> {
    let mut found = BTreeMap::new();
    for names in services.chunks(AT_A_TIME) {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let ask = aws.ecs.describe_services().cluster(cluster).set_services(Some(names));
        let sent = call("ecs:DescribeServices", ask.include(ServiceField::Tags).send()).await;
        let Some(answer) = absent(sent, &["ClusterNotFoundException"])? else {
            return Ok(found);
        };
        found.extend(answer.services().iter().map(|service| {
            let live = live(service, stack);
            (live.name.clone(), live)
        }));
    }
    Ok(found)
}

/// The service, if it is there and not on its way out.
pub async fn active(aws: &Aws, cluster: &str, stack: &str, name: &str) -> Result<Option<Live>, CallError> {
    let found = describe(aws, cluster, stack, &[name]).await?.remove(name);
    Ok(found.filter(|live| live.status == "ACTIVE"))
}

fn live(service: &Service, stack: &str) -> Live {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let tag = service.tags().iter().find(|tag| tag.key() == Some(STACK)).and_then(|tag| tag.value());
    Live {
        name: text(service.service_name()),
        status: text(service.status()),
        desired: service.desired_count(),
        running: service.running_count(),
        pending: service.pending_count(),
        task_definition: text(service.task_definition()),
        deployment: service.deployments().iter().find(|one| one.status() == Some("PRIMARY")).map(deployment),
        target_group: service
            .load_balancers()
            .iter()
            .find_map(|one| one.target_group_arn())
            .map(str::to_owned),
        events: events(service),
        owner: match tag {
            None => Owner::Nobody,
            Some(name) if name == stack => Owner::Ours,
            Some(name) => Owner::Stack(name.to_owned()),
        },
    }
}

fn deployment(deployment: &Deployment) -> DeploymentStatus {
    DeploymentStatus {
        id: deployment.id().unwrap_or_default().to_owned(),
        state: deployment.rollout_state().map(|state| state.as_str().to_owned()).unwrap_or_default(),
        reason: deployment.rollout_state_reason().filter(|reason| !reason.is_empty()).map(str::to_owned),
        since: deployment.created_at().map(super::moment).unwrap_or_default(),
    }
}

/// ECS says again what it said before, such as that the service is steady: that is told once.
fn events(service: &Service) -> Vec<ServiceEvent> {
    let mut events: Vec<ServiceEvent> = Vec::new();
    for event in service.events() {
        let message = event.message().unwrap_or_default();
        match events.last_mut() {
            Some(last) if last.message == message => last.times += 1,
            _ => events.push(ServiceEvent {
                at: event.created_at().map(super::moment).unwrap_or_default(),
                message: message.to_owned(),
                times: 1,
            }),
        }
    }
    events
}

/// A change of a service; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Tasks wanted. Starts no deployment.
    pub count: Option<i32>,
    /// ARN of the revision to run. Starts a deployment.
    pub revision: Option<String>,
    /// Starts a deployment although nothing else changes.
    pub force: bool,
}

/// Changes the service; gives it as ECS answers it, whose PRIMARY deployment is the one that the change started, if it did.
pub async fn update(
    aws: &Aws,
    cluster: &str,
    stack: &str,
    name: &str,
    change: Change,
) -> Result<Live, CallError> {
    const OP: &str = "ecs:UpdateService";
    let request = aws
        .ecs
        .update_service()
        .cluster(cluster)
        .service(name)
        .set_desired_count(change.count)
        .set_task_definition(change.revision)
        .set_force_new_deployment(change.force.then_some(true));
    let answer = call(OP, request.send()).await?;
    let service = answer.service().ok_or_else(|| CallError::local(OP, "the answer has no `service`"))?;
    Ok(live(service, stack))
}
