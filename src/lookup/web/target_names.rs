//! The names of target groups: of the one that fits, or a free one. Pure.
//!
//! A target group's port, protocol and VPC never change, and only one load balancer can use it: where that differs, another one
//! is made beside it, under another name.

use super::found::{Ours, TargetGroup};
use crate::config::Config;
use crate::stack::target_group;
use crate::stack::web::balancing_name;

/// What a service needs.
#[derive(Debug, Clone, Copy)]
pub struct Need<'a> {
    /// The task's key.
    pub task: &'a str,
    /// The port of the container.
    pub port: u16,
    /// The VPC of the tasks.
    pub vpc: &'a str,
    /// The load balancer's ARN, when it exists.
    pub balancer: Option<&'a str>,
    /// The load balancer's name.
    pub balancer_name: &'a str,
}

/// Chooses the name of one service's target group.
pub fn choose(all: &[TargetGroup], ours: &Ours, config: &Config, need: Need<'_>) -> String {
    let base = target_group(config, need.task);
    let chosen = config.tasks.get(need.task).is_some_and(|task| task.target_group_name.is_some());
    let mark = |round: usize| format!("HTTP {} {} {} {round}", need.port, need.vpc, need.balancer_name);
    let marked: Vec<String> =
        (0..=all.len()).map(|round| balancing_name(&base, Some(&mark(round)))).collect();
    // A name that is chosen anew is another target group, too.
    let fit =
        |one: &&TargetGroup| fits(one, need) && (!chosen || one.name == base || marked.contains(&one.name));
    let own = ours.of("target_group").filter(|(_, task)| *task == need.task);
    let mut own: Vec<&TargetGroup> = own.filter_map(|(arn, _)| by_arn(all, arn)).collect();
    // After an interrupted move the one that is in use already is the one to go on with.
    own.sort_by_key(|one| (one.balancers.is_empty(), one.name.as_str()));
    if let Some(own) = own.into_iter().find(fit) {
        return own.name.clone();
    }
    let of_others = |one: &&TargetGroup| {
        let address = ours.address(&one.arn).filter(|address| address.name() != need.task);
        address.is_some_and(|address| config.tasks.get(address.name()).is_some_and(|task| task.kind.is_web()))
    };
    let usable = |name: &str| match all.iter().find(|one| one.name == name) {
        None => true,
        Some(one) => fits(one, need) && !of_others(&one),
    };
    let only = config.tasks.values().filter(|task| task.kind.is_web()).count() == 1;
    if !chosen && only {
        let before = balancing_name(&format!("{}-tg", config.app.name), None);
        let taken = all.iter().any(|one| one.name == base);
        if !taken && all.iter().any(|one| one.name == before) && usable(&before) {
            return before;
        }
    }
    if usable(&base) {
        return base;
    }
    marked.into_iter().find(|name| usable(name)).unwrap_or(base)
}

fn by_arn<'a>(all: &'a [TargetGroup], arn: &str) -> Option<&'a TargetGroup> {
    all.iter().find(|one| one.arn == arn)
}

fn fits(one: &TargetGroup, need: Need<'_>) -> bool {
    one.port == Some(need.port)
        && one.protocol == "HTTP"
        && matches!(one.version.as_str(), "" | "HTTP1")
        && one.vpc == need.vpc
        && one.target_type == "ip"
        && one.balancers.iter().all(|arn| Some(arn.as_str()) == need.balancer)
}
