//! The targets that services register: every task that runs is one, in each target group that its service had
//! when it was started.

use serde_json::Value;

use super::Ecs;
use super::course::TargetHealth;
use super::json::text;
use super::scheduler::target_groups;
use super::services::Service;
use super::tasks::Task;

/// One target of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its address.
    pub address: String,
    /// The container's port.
    pub port: i64,
    /// Its Availability Zone.
    pub zone: String,
    /// What the load balancer says about it.
    pub health: TargetHealth,
}

impl Ecs {
    /// The targets of a group at `now`: the tasks that were started for it. `None` when no service uses it and none of
    /// its tasks is left, so that ECS has no say in it.
    pub fn targets(&mut self, group: &str, now: f64) -> Option<Vec<Target>> {
        self.settle(now);
        let now = self.settled_at;
        let names = |service: &Service| target_groups(service).iter().any(|(own, _)| own == group);
        let used = self.services.values().any(|service| !service.is_inactive() && names(service));
        let mut own: Vec<(&Task, i64)> = self
            .tasks
            .values()
            .filter(|task| task.has_run(now) && !task.is_stopped(now))
            .flat_map(|task| task.balancers.iter().map(move |balancer| (task, balancer)))
            .filter(|(_, (own, _))| own == group)
            .map(|(task, (_, port))| (task, *port))
            .collect();
        own.sort_by_key(|(task, _)| task.sequence);
        (used || !own.is_empty())
            .then(|| own.into_iter().map(|(task, port)| target(task, port, now)).collect())
    }
}

fn target(task: &Task, port: i64, now: f64) -> Target {
    let details = task.members.get("attachments").and_then(|all| all.pointer("/0/details"));
    let mut details = details.and_then(Value::as_array).into_iter().flatten();
    let address = details.find(|one| text(one, "name") == Some("privateIPv4Address"));
    let zone = task.members.get("availabilityZone").and_then(Value::as_str);
    Target {
        address: address.and_then(|one| text(one, "value")).unwrap_or_default().to_owned(),
        port,
        zone: zone.unwrap_or_default().to_owned(),
        health: health(task, now),
    }
}

/// Reasons and descriptions are those of `DescribeTargetHealth` (`TargetHealth`).
fn health(task: &Task, now: f64) -> TargetHealth {
    let say = |state: &str, reason: &str, description: &str| TargetHealth {
        state: state.to_owned(),
        reason: Some(reason.to_owned()),
        description: Some(description.to_owned()),
    };
    if !task.is_wanted() {
        return say("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress");
    }
    if task.course.target.state == "healthy" && now < task.healthy_at() {
        return say("initial", "Elb.InitialHealthChecking", "Initial health checks in progress");
    }
    task.course.target.clone()
}
