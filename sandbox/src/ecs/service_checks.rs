//! What `CreateService` and `UpdateService` refuse alike.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::clusters::Cluster;
use super::error::{Answer, EcsError};
use super::json::{flag, int, list, text, texts};
use super::outside::{Outside, role_name, service_roles};
use super::services::is_fargate;
use super::task_definitions::Revision;

/// Checks the settings as they would be after the call; `given` is what the call names, and only that is looked
/// up `outside`.
pub fn settings(
    settings: &Value,
    given: &Value,
    definition: &Revision,
    cluster: &Cluster,
    outside: &Outside,
) -> Answer<()> {
    capacity(settings, definition, cluster)?;
    percentages(settings)?;
    network(settings, given, definition, outside)?;
    balancers(settings, given, definition, outside)?;
    volumes(settings, definition)?;
    for arn in service_roles(given) {
        if !outside.roles.contains_key(role_name(arn)) {
            return invalid(format!(
                "ECS was unable to assume the role '{arn}' that was provided for this service."
            ));
        }
    }
    Ok(())
}

pub fn capacity(settings: &Value, definition: &Revision, cluster: &Cluster) -> Answer<()> {
    for item in list(settings, "capacityProviderStrategy") {
        let name = text(item, "capacityProvider").unwrap_or_default();
        if !cluster.has_provider(name) {
            return invalid(
                "The specified capacity provider strategy contains a capacity provider that is not associated with \
                 the cluster. Associate the capacity provider with the cluster and try again.",
            );
        }
    }
    if !is_fargate(settings) {
        return Ok(());
    }
    if !super::json::names(&definition.body, "compatibilities", "FARGATE") {
        return invalid("Task definition does not support launch_type FARGATE.");
    }
    if text(settings, "schedulingStrategy") == Some("DAEMON") {
        return invalid("The DAEMON scheduling strategy is not supported on Fargate.");
    }
    if !list(settings, "placementStrategy").is_empty() {
        return invalid("Placement strategies are not supported with FARGATE launch type.");
    }
    if !list(settings, "placementConstraints").is_empty() {
        return invalid("Placement constraints are not supported with FARGATE launch type.");
    }
    let linux = text(settings, "platformFamily") == Some("Linux");
    let known: &[&str] = if linux { &["LATEST", "1.4.0", "1.3.0"] } else { &["LATEST", "1.0.0"] };
    match text(settings, "platformVersion") {
        Some(version) if !known.contains(&version) => {
            Err(EcsError::new("PlatformUnknownException", "The specified platform does not exist."))
        }
        Some("1.3.0") if needs_newer_platform(definition) => Err(EcsError::new(
            "PlatformTaskDefinitionIncompatibilityException",
            "One or more of the requested capabilities are not supported.",
        )),
        _ => Ok(()),
    }
}

/// EFS volumes and larger ephemeral storage came with platform version 1.4.0.
fn needs_newer_platform(definition: &Revision) -> bool {
    definition.body.get("ephemeralStorage").is_some()
        || list(&definition.body, "volumes").iter().any(|one| one.get("efsVolumeConfiguration").is_some())
}

fn percentages(settings: &Value) -> Answer<()> {
    let Some(config) = settings.get("deploymentConfiguration") else {
        return Ok(());
    };
    let most = int(config, "maximumPercent").unwrap_or(200);
    let least = int(config, "minimumHealthyPercent").unwrap_or(100);
    if least < 0 || most < 1 {
        return invalid("Invalid maximumPercent or minimumHealthyPercent.");
    }
    if least > most {
        return invalid("minimumHealthyPercent must be less than or equal to maximumPercent.");
    }
    if least == 100 && most == 100 {
        return invalid(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
        );
    }
    if int(config, "bakeTimeInMinutes").is_some_and(|minutes| !(0..=1440).contains(&minutes)) {
        return invalid("bakeTimeInMinutes must be between 0 and 1440.");
    }
    if let Some(limit) = config.pointer("/deploymentCircuitBreaker/thresholdConfiguration/value")
        && limit.as_i64().is_none_or(|value| value < 1)
    {
        return invalid("The threshold of the deployment circuit breaker must be at least 1.");
    }
    let rolling = text(config, "strategy").unwrap_or("ROLLING") == "ROLLING";
    let breaker =
        config.pointer("/deploymentCircuitBreaker/enable").and_then(Value::as_bool).unwrap_or(false);
    if breaker && (!rolling || controller(settings) != "ECS") {
        return invalid(
            "The deployment circuit breaker is only supported for the rolling update deployment type.",
        );
    }
    Ok(())
}

fn controller(settings: &Value) -> &str {
    settings.pointer("/deploymentController/type").and_then(Value::as_str).unwrap_or("ECS")
}

pub fn network(settings: &Value, given: &Value, definition: &Revision, outside: &Outside) -> Answer<()> {
    let awsvpc = text(&definition.body, "networkMode") == Some("awsvpc");
    let Some(vpc) = settings.pointer("/networkConfiguration/awsvpcConfiguration") else {
        return if awsvpc {
            invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
        } else {
            Ok(())
        };
    };
    if !awsvpc {
        return invalid(
            "Network Configuration is not valid for the given networkMode of this task definition.",
        );
    }
    let (subnets, groups) = (texts(vpc, "subnets"), texts(vpc, "securityGroups"));
    if subnets.is_empty() {
        return invalid("subnets can not be empty.");
    }
    if subnets.len() > 16 {
        return invalid("subnets can have at most 16 items.");
    }
    if groups.len() > 5 {
        return invalid("securityGroups can have at most 5 items.");
    }
    if given.get("networkConfiguration").is_none() {
        return Ok(());
    }
    let mut vpcs = BTreeSet::new();
    for id in subnets {
        let subnet = outside.subnets.get(id).ok_or_else(|| {
            EcsError::invalid(format!(
                "Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not exist (ErrorCode: \
                 InvalidSubnetID.NotFound)"
            ))
        })?;
        vpcs.insert(subnet.vpc_id.as_str());
    }
    if vpcs.len() > 1 {
        return invalid("All subnets must be in the same VPC.");
    }
    match groups.into_iter().find(|id| !outside.security_groups.contains(*id)) {
        Some(id) => invalid(format!(
            "Error retrieving security group information for [{id}]: The security group '{id}' does not exist \
             (ErrorCode: InvalidGroup.NotFound)"
        )),
        None => Ok(()),
    }
}

fn balancers(settings: &Value, given: &Value, definition: &Revision, outside: &Outside) -> Answer<()> {
    let all = list(settings, "loadBalancers");
    if all.is_empty() && given.get("healthCheckGracePeriodSeconds").is_some() {
        return invalid(
            "Health check grace period is only valid for services configured to use load balancers",
        );
    }
    if int(given, "healthCheckGracePeriodSeconds").is_some_and(|seconds| seconds < 0) {
        return invalid("healthCheckGracePeriodSeconds must be greater than or equal to 0.");
    }
    if all.len() > 5 {
        return invalid("load balancers can have at most 5 items.");
    }
    for balancer in all {
        let name = text(balancer, "containerName").unwrap_or_default();
        let port = int(balancer, "containerPort");
        let Some(container) = definition.container(name) else {
            return invalid(format!("The container {name} does not exist in the task definition."));
        };
        let mapped = list(container, "portMappings").iter().any(|one| int(one, "containerPort") == port);
        if port.is_none() || !mapped {
            let port = port.unwrap_or_default();
            return invalid(format!("The container {name} did not have a container port {port} defined."));
        }
        let Some(arn) = text(balancer, "targetGroupArn") else {
            return invalid("A target group ARN is needed for each load balancer.");
        };
        if given.get("loadBalancers").is_some() {
            target_group(arn, definition, outside)?;
        }
    }
    for registry in list(settings, "serviceRegistries") {
        if text(registry, "registryArn").is_none() {
            return invalid("registryArn can not be empty.");
        }
        if let Some(name) = text(registry, "containerName")
            && definition.container(name).is_none()
        {
            return invalid(format!("The container {name} does not exist in the task definition."));
        }
    }
    Ok(())
}

fn target_group(arn: &str, definition: &Revision, outside: &Outside) -> Answer<()> {
    let Some(group) = outside.target_groups.get(arn) else {
        return invalid(format!("The target group with targetGroupArn {arn} does not exist."));
    };
    if text(&definition.body, "networkMode") == Some("awsvpc") && group.target_type != "ip" {
        return invalid(format!(
            "The provided target group {arn} has target type {}, which is incompatible with the awsvpc network mode \
             specified in the task definition.",
            group.target_type
        ));
    }
    if group.load_balancers.is_empty() {
        return invalid(format!(
            "The target group with targetGroupArn {arn} does not have an associated load balancer."
        ));
    }
    Ok(())
}

/// Volumes configured at launch, and their configurations, belong together one to one.
fn volumes(settings: &Value, definition: &Revision) -> Answer<()> {
    let configured: BTreeSet<&str> =
        list(settings, "volumeConfigurations").iter().filter_map(|one| text(one, "name")).collect();
    let declared: BTreeSet<&str> = list(&definition.body, "volumes")
        .iter()
        .filter(|one| flag(one, "configuredAtLaunch").unwrap_or(false))
        .filter_map(|one| text(one, "name"))
        .collect();
    if configured == declared {
        Ok(())
    } else {
        invalid(
            "Volume configurations must match the volumes of the task definition that are configured at launch.",
        )
    }
}

/// The network configuration with ECS's defaults.
pub fn with_network_defaults(network: &Value) -> Value {
    let mut network = network.clone();
    if let Some(vpc) = network.pointer_mut("/awsvpcConfiguration").and_then(Value::as_object_mut) {
        super::json::default_to(vpc, "securityGroups", json!([]));
        super::json::default_to(vpc, "assignPublicIp", json!("DISABLED"));
    }
    network
}

/// Refuses an execute-command service whose tasks have no role to talk to Systems Manager with.
pub fn exec(settings: &Value, definition: &Revision, verb: &str) -> Answer<()> {
    if flag(settings, "enableExecuteCommand").unwrap_or(false)
        && text(&definition.body, "taskRoleArn").is_none()
    {
        return invalid(format!(
            "The service couldn't be {verb} because a valid taskRoleArn is not being used. Specify a valid task role \
             in your task definition and try again."
        ));
    }
    Ok(())
}

/// Refuses with `InvalidParameterException`.
pub fn invalid<T>(message: impl Into<String>) -> Answer<T> {
    Err(EcsError::invalid(message))
}
