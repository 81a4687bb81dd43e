//! The targets of services behind a load balancer, and how they are.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    LoadBalancerSchemeEnum, LoadBalancerState, LoadBalancerStateEnum, TargetGroup, TargetHealthDescription,
    TargetHealthReasonEnum, TargetHealthStateEnum,
};

use crate::aws::{Aws, absent, call};
use crate::model::{BalancerStatus, CallError, TargetStatus, TaskRun, WebStatus, ZoneStatus};

/// The IAM actions that read.
pub const READS: &[&str] = &[
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
];

/// What Elastic Load Balancing answers about a group that was deleted.
const GONE: &[&str] = &["TargetGroupNotFoundException", "TargetGroupNotFound"];

/// The target group of a service with the health of its targets; `None` when the group is gone. The tasks of the service tell the
/// zone of a target where Elastic Load Balancing does not.
pub async fn look(aws: &Aws, group: &str, tasks: &[TaskRun]) -> Result<Option<WebStatus>, CallError> {
    let (described, health) = tokio::join!(
        call(
            "elasticloadbalancing:DescribeTargetGroups",
            aws.balancing.describe_target_groups().target_group_arns(group).send()
        ),
        call(
            "elasticloadbalancing:DescribeTargetHealth",
            aws.balancing.describe_target_health().target_group_arn(group).send()
        ),
    );
    let (Some(described), Some(health)) = (absent(described, GONE)?, absent(health, GONE)?) else {
        return Ok(None);
    };
    let described = described.target_groups().first();
    let mut status = of(health.target_health_descriptions(), tasks);
    // arn:…:targetgroup/NAME/ID
    status.target_group = group.rsplit('/').nth(1).map(str::to_owned);
    status.load_balancer = balancer(aws, described).await?;
    Ok(Some(status))
}

/// The load balancer of which a listener forwards to the group.
async fn balancer(aws: &Aws, group: Option<&TargetGroup>) -> Result<Option<BalancerStatus>, CallError> {
    let Some(arn) = group.and_then(|group| group.load_balancer_arns().first()) else { return Ok(None) };
    let ask = aws.balancing.describe_load_balancers().load_balancer_arns(arn);
    let sent = call("elasticloadbalancing:DescribeLoadBalancers", ask.send()).await;
    let found = absent(sent, &["LoadBalancerNotFoundException", "LoadBalancerNotFound"])?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Ok(found.as_ref().and_then(|found| found.load_balancers().first()).map(|found| BalancerStatus {
        name: text(found.load_balancer_name()),
        scheme: text(found.scheme().map(LoadBalancerSchemeEnum::as_str)),
        dns_name: text(found.dns_name()),
        state: text(found.state().and_then(LoadBalancerState::code).map(LoadBalancerStateEnum::as_str)),
    }))
}

/// Targets by zone, and each that is not healthy. Pure.
fn of(health: &[TargetHealthDescription], tasks: &[TaskRun]) -> WebStatus {
    let mut zones: BTreeMap<String, ZoneStatus> = BTreeMap::new();
    let mut others = Vec::new();
    for one in health {
        let (Some(target), Some(health)) = (one.target(), one.target_health()) else { continue };
        let id = target.id().unwrap_or_default();
        let of_task = || tasks.iter().find(|task| task.ip.as_deref() == Some(id));
        let given = target.availability_zone().filter(|zone| *zone != "all").map(str::to_owned);
        let zone = given.or_else(|| of_task()?.zone.clone()).unwrap_or_else(|| "unknown".to_owned());
        let count = zones
            .entry(zone.clone())
            .or_insert_with(|| ZoneStatus { zone: zone.clone(), ..Default::default() });
        let state = health.state().map(TargetHealthStateEnum::as_str).unwrap_or_default();
        match state {
            "healthy" => count.healthy += 1,
            "unhealthy" | "unhealthy.draining" => count.unhealthy += 1,
            "initial" => count.initial += 1,
            "draining" => count.draining += 1,
            "unused" => count.unused += 1,
            _ => count.unavailable += 1,
        }
        if state == "healthy" {
            continue;
        }
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        others.push(TargetStatus {
            target: format!("{id}:{}", target.port().unwrap_or_default()),
            zone,
            state: state.to_owned(),
            reason: text(health.reason().map(TargetHealthReasonEnum::as_str)),
            description: text(health.description()),
        });
    }
    others.sort_by(|a, b| (&a.zone, &a.target).cmp(&(&b.zone, &b.target)));
    WebStatus { zones: zones.into_values().collect(), targets: others, ..WebStatus::default() }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetHealth};

    use super::*;

    fn target(id: &str, zone: Option<&str>, state: TargetHealthStateEnum) -> TargetHealthDescription {
        let target =
            TargetDescription::builder().id(id).port(80).set_availability_zone(zone.map(str::to_owned));
        let health =
            TargetHealth::builder().state(state).reason(TargetHealthReasonEnum::Timeout).description("");
        TargetHealthDescription::builder().target(target.build()).target_health(health.build()).build()
    }

    #[test]
    fn targets_are_counted_by_zone_and_those_without_one_get_it_from_their_task() {
        let task = TaskRun { ip: Some("10.0.0.9".into()), zone: Some("b".into()), ..TaskRun::default() };
        let health = [
            target("10.0.0.1", Some("a"), TargetHealthStateEnum::Healthy),
            target("10.0.0.2", Some("a"), TargetHealthStateEnum::Unhealthy),
            target("10.0.0.9", None, TargetHealthStateEnum::Initial),
            target("10.0.0.8", None, TargetHealthStateEnum::Unavailable),
            target("10.0.0.3", Some("b"), TargetHealthStateEnum::Draining),
        ];
        let status = of(&health, &[task]);
        let zones: Vec<&str> = status.zones.iter().map(|zone| zone.zone.as_str()).collect();
        assert_eq!(zones, ["a", "b", "unknown"]);
        let [a, b, unknown] = [0, 1, 2].map(|at| &status.zones[at]);
        assert_eq!((a.healthy, a.unhealthy), (1, 1));
        assert_eq!((b.initial, b.draining, unknown.unavailable), (1, 1, 1));
        let targets: Vec<&str> = status.targets.iter().map(|target| target.target.as_str()).collect();
        assert_eq!(targets, ["10.0.0.2:80", "10.0.0.3:80", "10.0.0.9:80", "10.0.0.8:80"]);
        assert_eq!(status.targets[0].reason.as_deref(), Some("Target.Timeout"));
        assert_eq!(status.targets[0].description, None);
    }
}
