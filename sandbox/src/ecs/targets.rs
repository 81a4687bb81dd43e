//! The targets that services register: every task that runs is one, in each target group of its service.

use serde_json::Value;

use super::Ecs;
use super::course::TargetHealth;
use super::json::{int, list, text};
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
    /// The targets of a group at `now`; `None` when no service uses it, so that ECS has no say in it.
    pub fn targets(&mut self, group: &str, now: f64) -> Option<Vec<Target>> {
        self.settle(now);
        let now = self.settled_at;
        let mut found = None;
        for service in self.services.values().filter(|service| !service.is_inactive()) {
            let balancers = list(&service.settings, "loadBalancers").iter();
            for balancer in balancers.filter(|one| text(one, "targetGroupArn") == Some(group)) {
                let port = int(balancer, "containerPort").unwrap_or_default();
                let own = self.tasks.values().filter(|task| {
                    task.cluster == service.cluster && task.service.as_deref() == Some(&service.name)
                });
                let mut own: Vec<&Task> =
                    own.filter(|task| task.has_run(now) && !task.is_stopped(now)).collect();
                own.sort_by_key(|task| task.sequence);
                let all: &mut Vec<Target> = found.get_or_insert_default();
                all.extend(own.into_iter().map(|task| target(task, port, now)));
            }
        }
        found
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
