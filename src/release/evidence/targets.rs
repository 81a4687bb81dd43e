//! The health of the service's targets.

use aws_sdk_ecs::types::Service;

use crate::aws::{Aws, call};
use crate::release::diagnose::Target;

/// The targets of the service that are not healthy, by group, state and reason.
pub(super) async fn sick(aws: &Aws, service: Option<&Service>, notes: &mut Vec<String>) -> Vec<Target> {
    let groups = service.map(Service::load_balancers).unwrap_or_default();
    let Some(arn) = groups.iter().find_map(|one| one.target_group_arn()) else { return Vec::new() };
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
    let group = described.ok().and_then(|answer| answer.target_groups().first().cloned());
    let check = group.as_ref().map(check).unwrap_or_default();
    // arn:…:targetgroup/NAME/ID
    let name = arn.rsplit('/').nth(1).unwrap_or(arn);
    let health = match health {
        Ok(health) => health,
        Err(error) => {
            notes.push(format!("the health of the targets could not be read: {error}"));
            return Vec::new();
        }
    };
    let mut found: Vec<Target> = Vec::new();
    for one in health.target_health_descriptions() {
        let Some(health) = one.target_health() else { continue };
        let state = health.state().map(|state| state.as_str().to_owned()).unwrap_or_default();
        if matches!(state.as_str(), "healthy" | "draining") {
            continue;
        }
        let target = Target {
            group: name.to_owned(),
            state,
            reason: health.reason().map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
            description: health.description().unwrap_or_default().to_owned(),
            check: check.clone(),
            targets: 1,
        };
        let same = |known: &&mut Target| Target { targets: 1, ..(*known).clone() } == target;
        match found.iter_mut().find(same) {
            Some(known) => known.targets += 1,
            None => found.push(target),
        }
    }
    found
}

/// What a target group's health check asks for.
fn check(group: &aws_sdk_elasticloadbalancingv2::types::TargetGroup) -> String {
    let protocol = group.health_check_protocol().map_or("TCP", |protocol| protocol.as_str());
    let port = group.health_check_port().unwrap_or("traffic-port");
    let path = group.health_check_path().unwrap_or_default();
    let codes = group.matcher().and_then(|matcher| matcher.http_code());
    let codes = codes.map(|codes| format!(", expects {codes}")).unwrap_or_default();
    format!("{protocol} {port} {path}{codes}").replace("  ", " ")
}
