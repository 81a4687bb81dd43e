//! The target group of the service: the health of its targets, what it asks them, whether they can be reached.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{IpPermission, SecurityGroup};
use aws_sdk_ecs::types::{LoadBalancer, Service};
use aws_sdk_elasticloadbalancingv2::types::{ProtocolEnum, TargetGroup as Described};

use crate::aws::{Aws, call};
use crate::release::diagnose::{Target, TargetGroup};

/// The target group of the service, and its targets that are not healthy by state and reason.
pub(super) async fn sick(
    aws: &Aws,
    service: Option<&Service>,
    notes: &mut Vec<String>,
) -> (TargetGroup, Vec<Target>) {
    let groups = service.map(Service::load_balancers).unwrap_or_default();
    let behind = |one: &&LoadBalancer| one.target_group_arn().is_some();
    let Some(behind) = groups.iter().find(behind) else { return Default::default() };
    let arn = behind.target_group_arn().unwrap_or_default();
    let (health, described) = tokio::join!(
        call(
            "elasticloadbalancing:DescribeTargetHealth",
            aws.balancing.describe_target_health().target_group_arn(arn).send()
        ),
        call(
            "elasticloadbalancing:DescribeTargetGroups",
            aws.balancing.describe_target_groups().target_group_arns(arn).send()
        ),
    );
    let described =
        described.map_err(|error| notes.push(format!("the target group could not be read: {error}")));
    let described = described.ok().and_then(|answer| answer.target_groups().first().cloned());
    let mut group = described.as_ref().map(group).unwrap_or_default();
    // arn:…:targetgroup/NAME/ID
    arn.rsplit('/').nth(1).unwrap_or(arn).clone_into(&mut group.name);
    // What ECS registers a task with, whatever port the group has.
    group.port = behind.container_port().unwrap_or(group.port);
    let health = match health {
        Ok(health) => health,
        Err(error) => {
            notes.push(format!("the health of the targets could not be read: {error}"));
            return (group, Vec::new());
        }
    };
    let mut found: Vec<Target> = Vec::new();
    for health in health.target_health_descriptions().iter().filter_map(|one| one.target_health()) {
        let state = health.state().map(|state| state.as_str().to_owned()).unwrap_or_default();
        if matches!(state.as_str(), "healthy" | "draining") {
            continue;
        }
        let target = Target {
            state,
            reason: health.reason().map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
            description: health.description().unwrap_or_default().to_owned(),
            targets: 1,
        };
        let same = |known: &&mut Target| Target { targets: 1, ..(*known).clone() } == target;
        match found.iter_mut().find(same) {
            Some(known) => known.targets += 1,
            None => found.push(target),
        }
    }
    (group, found)
}

fn group(group: &Described) -> TargetGroup {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    TargetGroup {
        protocol: text(group.health_check_protocol().map(ProtocolEnum::as_str)),
        check_port: group.health_check_port().and_then(|port| port.parse().ok()),
        port: group.port().unwrap_or_default(),
        path: text(group.health_check_path()),
        matcher: text(group.matcher().and_then(|matcher| matcher.http_code())),
        timeout: group.health_check_timeout_seconds().unwrap_or_default(),
        balancers: group.load_balancer_arns().to_vec(),
        ..TargetGroup::default()
    }
}

/// Looks whether the load balancer of the target group is let in to the tasks.
pub(super) async fn look_at_the_way(
    aws: &Aws,
    service: &Service,
    group: &mut TargetGroup,
    notes: &mut Vec<String>,
) {
    let network = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let of_tasks = network.map(|network| network.security_groups().to_vec()).unwrap_or_default();
    if group.balancers.is_empty() || of_tasks.is_empty() {
        return;
    }
    let (groups, balancers) = tokio::join!(
        call(
            "ec2:DescribeSecurityGroups",
            aws.ec2.describe_security_groups().set_group_ids(Some(of_tasks)).send()
        ),
        call(
            "elasticloadbalancing:DescribeLoadBalancers",
            aws.balancing
                .describe_load_balancers()
                .set_load_balancer_arns(Some(group.balancers.clone()))
                .send()
        ),
    );
    match (groups, balancers) {
        (Ok(groups), Ok(balancers)) => {
            let sources = balancers.load_balancers().iter().flat_map(|one| one.security_groups().to_vec());
            group.sources = sources.collect::<BTreeSet<String>>().into_iter().collect();
            group.is_open = opens(groups.security_groups(), &group.sources, group.asked());
        }
        (Err(error), _) | (_, Err(error)) => {
            notes.push(format!("whether the load balancer is let in could not be read: {error}"));
        }
    }
}

/// Whether one of the groups lets the sources in on the port. Where only ranges of addresses are let in, nobody knows without the
/// load balancer's own: `None`.
fn opens(groups: &[SecurityGroup], sources: &[String], port: i32) -> Option<bool> {
    let at_port = |rule: &&IpPermission| {
        let any = rule.ip_protocol() == Some("-1");
        let within =
            rule.from_port().is_some_and(|from| from <= port) && rule.to_port().is_some_and(|to| port <= to);
        any || (rule.ip_protocol() == Some("tcp") && within)
    };
    let rules: Vec<&IpPermission> =
        groups.iter().flat_map(SecurityGroup::ip_permissions).filter(at_port).collect();
    let by_group = |rule: &&IpPermission| {
        rule.user_id_group_pairs()
            .iter()
            .any(|pair| pair.group_id().is_some_and(|id| sources.iter().any(|one| one == id)))
    };
    let everybody =
        |rule: &&IpPermission| rule.ip_ranges().iter().any(|range| range.cidr_ip() == Some("0.0.0.0/0"));
    if rules.iter().any(by_group) || rules.iter().any(everybody) {
        return Some(true);
    }
    let ranges = rules.iter().any(|rule| !rule.ip_ranges().is_empty() || !rule.prefix_list_ids().is_empty());
    (!ranges).then_some(false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use aws_sdk_ec2::types::{IpRange, UserIdGroupPair};

    use super::*;

    fn group(rule: IpPermission) -> Vec<SecurityGroup> {
        vec![SecurityGroup::builder().ip_permissions(rule).build()]
    }

    #[test]
    fn a_way_is_open_by_group_or_to_everybody_and_unknown_by_addresses() {
        let tcp = |from, to| IpPermission::builder().ip_protocol("tcp").from_port(from).to_port(to);
        let pair = |id: &str| UserIdGroupPair::builder().group_id(id).build();
        let range = |range: &str| IpRange::builder().cidr_ip(range).build();
        let sources = ["sg-alb".to_owned()];
        for (rule, open) in [
            (tcp(80, 80).user_id_group_pairs(pair("sg-alb")), Some(true)),
            (tcp(1, 100).user_id_group_pairs(pair("sg-alb")), Some(true)),
            (tcp(81, 90).user_id_group_pairs(pair("sg-alb")), Some(false)),
            (tcp(80, 80).user_id_group_pairs(pair("sg-other")), Some(false)),
            (tcp(80, 80).ip_ranges(range("0.0.0.0/0")), Some(true)),
            (tcp(80, 80).ip_ranges(range("10.0.0.0/16")), None),
            (IpPermission::builder().ip_protocol("-1").user_id_group_pairs(pair("sg-alb")), Some(true)),
            (IpPermission::builder().ip_protocol("udp").from_port(80).to_port(80), Some(false)),
        ] {
            assert_eq!(opens(&group(rule.clone().build()), &sources, 80), open, "{rule:?}");
        }
        assert_eq!(opens(&[], &sources, 80), Some(false));
    }
}
