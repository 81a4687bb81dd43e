//! Who owns the desired count of a service: Application Auto Scaling, when the service is registered there.

use std::collections::BTreeMap;

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace, SuspendedState};

use crate::aws::{Aws, call};
use crate::model::{CallError, Scalable, Suspended};

/// The IAM actions that read.
pub const READS: &[&str] = &["application-autoscaling:DescribeScalableTargets"];
/// The IAM actions that change something.
pub const WRITES: &[&str] = &["application-autoscaling:RegisterScalableTarget"];

/// How many resource ids `DescribeScalableTargets` takes at a time.
const AT_A_TIME: usize = 50;

/// What Application Auto Scaling calls a service.
pub fn resource_id(cluster: &str, service: &str) -> String {
    format!("service/{cluster}/{service}")
}

/// What scales the count of this service; `None` when nobody does.
pub async fn owner_of_count(aws: &Aws, cluster: &str, service: &str) -> Result<Option<Scalable>, CallError> {
    let found = owners_of_counts(aws, cluster, &[service]).await?;
    Ok(found.into_values().next())
}

/// Service → what scales its count, for those that are scaled.
pub async fn owners_of_counts(
    aws: &Aws,
    cluster: &str,
    services: &[&str],
) -> Result<BTreeMap<String, Scalable>, CallError> {
    let mut found = BTreeMap::new();
    for services in services.chunks(AT_A_TIME) {
        let ids = services.iter().map(|service| resource_id(cluster, service)).collect();
        let ask = aws
            .autoscaling
            .describe_scalable_targets()
            .service_namespace(ServiceNamespace::Ecs)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .set_resource_ids(Some(ids));
        let answer = call("application-autoscaling:DescribeScalableTargets", ask.send()).await?;
        for target in answer.scalable_targets() {
            let state = target.suspended_state();
            let on = |what: fn(&SuspendedState) -> Option<bool>| state.and_then(what).unwrap_or(false);
            let suspended = Suspended {
                scale_in: on(SuspendedState::dynamic_scaling_in_suspended),
                scale_out: on(SuspendedState::dynamic_scaling_out_suspended),
                scheduled: on(SuspendedState::scheduled_scaling_suspended),
            };
            let scalable = Scalable {
                min_capacity: target.min_capacity(),
                max_capacity: target.max_capacity(),
                suspended,
            };
            found.insert(super::last(target.resource_id()).to_owned(), scalable);
        }
    }
    Ok(found)
}

/// Suspends or resumes what scales the service; its bounds and policies stay as they are.
pub async fn suspend(aws: &Aws, cluster: &str, service: &str, suspended: Suspended) -> Result<(), CallError> {
    let state = SuspendedState::builder()
        .dynamic_scaling_in_suspended(suspended.scale_in)
        .dynamic_scaling_out_suspended(suspended.scale_out)
        .scheduled_scaling_suspended(suspended.scheduled)
        .build();
    let request = aws
        .autoscaling
        .register_scalable_target()
        .service_namespace(ServiceNamespace::Ecs)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .resource_id(resource_id(cluster, service))
        .suspended_state(state);
    call("application-autoscaling:RegisterScalableTarget", request.send()).await?;
    Ok(())
}
