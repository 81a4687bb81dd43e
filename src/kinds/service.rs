//! `service`: the ECS service that keeps the tasks of a daemon or of a web service running.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, DeploymentCircuitBreaker, DeploymentConfiguration,
    DeploymentRolloutState, LaunchType, LoadBalancer as SdkBalancer, NetworkConfiguration, PropagateTags,
    SchedulingStrategy, Service as SdkService, ServiceField,
};
use serde::{Deserialize, Serialize};

use super::common::{
    Tags, all_known, built, from_ecs, known, missing_tags, outputs, part, resource_of, to_ecs, token, whole,
};
use super::{Kind, Seen, Want};
use crate::aws::{Aws, Retry, WAIT_LIMIT, absent, call, retrying, until, watching};
use crate::model::{CallError, Input, Locator, Outputs, Owner, Rules};
use crate::stack::{Runs, ServiceRun, Stack, StackTask, WebService, owner, ownership};

/// The kind.
pub struct Service;

/// An ECS service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// Its name.
    pub name: String,
    /// The name of its cluster.
    pub cluster: String,
    /// ARN of the revision that it runs.
    pub task_definition: Input<String>,
    /// Tasks at creation; `scale` and operators own it afterwards.
    pub desired_count: i32,
    /// `FARGATE`; empty when a capacity provider strategy decides.
    pub launch_type: String,
    /// `REPLICA`.
    pub scheduling: String,
    /// Fargate platform version.
    pub platform_version: String,
    /// Subnet ids.
    pub subnets: BTreeSet<String>,
    /// Security group ids.
    pub security_groups: BTreeSet<Input<String>>,
    /// Tasks get a public address.
    pub assign_public_ip: bool,
    /// The target groups that its tasks are registered in.
    pub load_balancers: BTreeSet<LoadBalancer>,
    /// Seconds after a task's start in which failed checks of a load balancer do not stop it; `None` without one.
    pub health_check_grace_period: Option<i32>,
    /// How ECS replaces tasks.
    pub deployment: Deployment,
    /// Tasks get the tags `aws:ecs:clusterName` and `aws:ecs:serviceName`.
    pub enable_ecs_managed_tags: bool,
    /// Whose tags the tasks get: `SERVICE`, `TASK_DEFINITION` or `NONE`.
    pub propagate_tags: String,
    /// `aws ecs execute-command` works in tasks that start from now on.
    pub enable_execute_command: bool,
    /// Its tags.
    pub tags: Tags,
}

/// One target group of a service. Called by its container, so that a reader sees what changes in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancer {
    /// The name of the container.
    pub name: String,
    /// The port that it listens on.
    pub container_port: i32,
    /// The target group's ARN.
    pub target_group: Input<String>,
}

/// How ECS replaces tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// Per cent of the desired tasks that always run (rounded up).
    pub minimum_healthy_percent: i32,
    /// Per cent of the desired tasks that never is exceeded (rounded down).
    pub maximum_percent: i32,
    /// A rollout whose tasks keep failing ends.
    pub circuit_breaker: bool,
    /// … and the last good revision comes back.
    pub rollback: bool,
}

/// What passes by itself: an old service of the name that still drains, a role or a rule made a moment ago.
const SETTLING: Retry = Retry {
    on: &[
        ("InvalidParameterException", "still Draining"),
        ("InvalidParameterException", "Unable to assume"),
        ("InvalidParameterException", "unable to assume"),
        ("ClientException", "unable to assume"),
        ("InvalidParameterException", "does not have an associated load balancer"),
    ],
    limit: Duration::from_mins(5),
};

/// How long the tasks of a service that moves to another load balancer are waited for.
const MOVING: Duration = Duration::from_mins(30);

/// The output that names the PRIMARY deployment (`ecs-svc/…`): another one than before is a rollout to watch.
const DEPLOYMENT: &str = "deployment";

/// What ECS answers when a service of this name exists already.
const EXISTS: &str = "not idempotent";

impl Kind for Service {
    const KIND: &'static str = "service";
    const RULES: Rules = Rules {
        replace_on: &["launch_type", "scheduling", "cluster"],
        create_only: &["desired_count"],
        restarts_tasks_on: &[
            "task_definition",
            "subnets",
            "security_groups",
            "assign_public_ip",
            "platform_version",
            "load_balancers",
        ],
        outputs: &["arn", "name", "deployment"],
        volatile: &["deployment"],
        uses: &["cluster", "task_definition", "security_group", "target_group", "listener_rule"],
        reads: &["ecs:DescribeServices"],
        writes: &[
            "ecs:CreateService",
            "ecs:UpdateService",
            "ecs:TagResource",
            "ecs:DeleteService",
            "iam:PassRole",
            // The first service with a load balancer makes ECS create its service-linked role on behalf of the caller.
            "iam:CreateServiceLinkedRole",
        ],
        ..Rules::new("ECS service")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        stack
            .tasks
            .values()
            .filter_map(|task| match task.runs {
                Runs::Service(ref run) => Some(want(stack, task, run)),
                Runs::OneOff | Runs::Scheduled(_) => None,
            })
            .collect()
    }

    fn locate(arn: &str, at: &Locator) -> Option<Locator> {
        let (cluster, name) = resource_of(arn, "ecs")?.strip_prefix("service/")?.split_once('/')?;
        Some(Locator { name: name.to_owned(), parent: Some(cluster.to_owned()), ..at.clone() })
    }

    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        let found = describe(aws, at.parent.as_deref(), &at.name).await?;
        Ok(found.filter(|service| service.status() == Some("ACTIVE")).map(|service| seen(&service, at)))
    }

    async fn create(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        let refused = match create(aws, at, want).await {
            Ok(outputs) => return Ok(outputs),
            Err(error) if error.message.contains(EXISTS) => error,
            Err(error) => return Err(error),
        };
        let at = Locator { parent: Some(want.cluster.clone()), ..at.clone() };
        match Self::read(aws, &at).await? {
            Some(seen) if seen.owner == Owner::Ours => Self::update(aws, &at, &seen, want).await,
            _ => Err(refused),
        }
    }

    async fn update(
        aws: &Aws,
        _at: &Locator,
        seen: &Seen<Attrs>,
        want: &Attrs,
    ) -> Result<Outputs, CallError> {
        let have = &seen.attrs;
        // Absent means "as it is" to ECS, so only what differs is sent.
        let task_definition = (have.task_definition != want.task_definition)
            .then(|| known("ecs:UpdateService", &want.task_definition).map(str::to_owned))
            .transpose()?;
        let network =
            (network_of(have) != network_of(want)).then(|| network("ecs:UpdateService", want)).transpose()?;
        let platform =
            (have.platform_version != want.platform_version).then(|| want.platform_version.clone());
        let moves = have.load_balancers != want.load_balancers;
        let balancers = moves.then(|| balancers("ecs:UpdateService", want)).transpose()?;
        let grace = (have.health_check_grace_period != want.health_check_grace_period)
            .then_some(want.health_check_grace_period)
            .flatten();
        let deployment = (have.deployment != want.deployment).then(|| deployment(&want.deployment));
        let managed = (have.enable_ecs_managed_tags != want.enable_ecs_managed_tags)
            .then_some(want.enable_ecs_managed_tags);
        let propagate = (have.propagate_tags != want.propagate_tags)
            .then(|| PropagateTags::from(want.propagate_tags.as_str()));
        let execute = (have.enable_execute_command != want.enable_execute_command)
            .then_some(want.enable_execute_command);
        let differs = task_definition.is_some()
            || network.is_some()
            || platform.is_some()
            || moves
            || grace.is_some()
            || deployment.is_some()
            || managed.is_some()
            || propagate.is_some()
            || execute.is_some();
        let mut outputs = seen.outputs.clone();
        if differs {
            let answer = retrying(SETTLING, || {
                let request = aws.ecs.update_service().cluster(&have.cluster).service(&have.name);
                let request = request
                    .set_task_definition(task_definition.clone())
                    .set_network_configuration(network.clone())
                    .set_platform_version(platform.clone())
                    .set_load_balancers(balancers.clone())
                    .set_health_check_grace_period_seconds(grace)
                    .set_deployment_configuration(deployment.clone())
                    .set_enable_ecs_managed_tags(managed)
                    .set_propagate_tags(propagate.clone())
                    .set_enable_execute_command(execute);
                call("ecs:UpdateService", request.send())
            })
            .await?;
            // The answer alone tells for sure which deployment this call started: a read after it may be stale.
            outputs.extend(primary(answer.service()).map(|id| (DEPLOYMENT.to_owned(), id)));
        }
        let tags = missing_tags(&have.tags, &want.tags);
        if !tags.is_empty() {
            let arn = part("ecs:TagResource", seen.outputs.get("arn"), "serviceArn")?;
            let request = aws.ecs.tag_resource().resource_arn(arn).set_tags(Some(to_ecs(&tags)));
            call("ecs:TagResource", request.send()).await?;
        }
        if let Some(deployment) = outputs.get(DEPLOYMENT).filter(|_| moves) {
            moved(aws, have, deployment).await?;
        }
        Ok(outputs)
    }

    async fn delete(aws: &Aws, _at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        let (cluster, name) = (&seen.attrs.cluster, &seen.attrs.name);
        // Without `force` ECS refuses a service that still wants tasks.
        let request = aws.ecs.delete_service().cluster(cluster).service(name).force(true);
        let gone = ["ServiceNotFoundException", "ServiceNotActiveException", "ClusterNotFoundException"];
        absent(call("ecs:DeleteService", request.send()).await, &gone)?;
        until("ecs:DeleteService", "the end of the service's tasks", WAIT_LIMIT, || async {
            let Some(service) = describe(aws, Some(cluster), name).await? else {
                return Ok(Some(()));
            };
            let tasks = service.running_count() + service.pending_count();
            Ok((service.status() == Some("INACTIVE") && tasks == 0).then_some(()))
        })
        .await
    }
}

fn want(stack: &Stack, task: &StackTask, run: &ServiceRun) -> Want<Attrs> {
    let names = &stack.names;
    let at = names.at(Service::KIND, &task.key, &names.service(&task.key));
    let group = Input::of(names.address("security_group", "tasks"), "id");
    let attrs = Attrs {
        name: at.name.clone(),
        cluster: names.cluster.clone(),
        task_definition: Input::of(names.address("task_definition", &task.key), "arn"),
        desired_count: run.desired_count,
        launch_type: "FARGATE".to_owned(),
        scheduling: "REPLICA".to_owned(),
        platform_version: "LATEST".to_owned(),
        subnets: task.subnets.iter().cloned().collect(),
        security_groups: BTreeSet::from([group]),
        assign_public_ip: task.assign_public_ip,
        load_balancers: run.web.iter().map(|web| target(stack, task, web)).collect(),
        health_check_grace_period: run.web.as_ref().map(|web| whole(web.grace_period)),
        deployment: Deployment {
            minimum_healthy_percent: run.deployment.minimum_healthy_percent,
            maximum_percent: run.deployment.maximum_percent,
            circuit_breaker: run.deployment.circuit_breaker,
            rollback: run.deployment.rollback,
        },
        enable_ecs_managed_tags: true,
        propagate_tags: "SERVICE".to_owned(),
        enable_execute_command: task.execute_command,
        tags: ownership(&stack.name, &at.address, &task.tags),
    };
    let at = Locator { parent: Some(names.cluster.clone()), ..at };
    // ECS takes no target group that no load balancer uses.
    let redirect =
        run.web.as_ref().and_then(|web| web.redirect_from).map(|_| format!("{}-redirect", task.key));
    let rules = run.web.iter().map(|_| task.key.clone()).chain(redirect);
    let rules = rules.map(|rule| names.address("listener_rule", &rule));
    Want { at, attrs, after: [names.address("cluster", "main")].into_iter().chain(rules).collect() }
}

fn target(stack: &Stack, task: &StackTask, web: &WebService) -> LoadBalancer {
    LoadBalancer {
        name: task.container.clone(),
        container_port: i32::from(web.container_port),
        target_group: Input::of(stack.names.address("target_group", &task.key), "arn"),
    }
}

/// Waits until the tasks of a deployment have taken over: what led to the old ones may go then.
async fn moved(aws: &Aws, service: &Attrs, deployment: &str) -> Result<(), CallError> {
    const OP: &str = "ecs:UpdateService";
    let name = &service.name;
    let tell = |lasted: Duration| {
        aws.tell.say(&format!("service.{name} moves to its target group ({} s)", lasted.as_secs()));
    };
    let ready = || async {
        let found = describe(aws, Some(&service.cluster), name).await?;
        let deployments = found.as_ref().map(SdkService::deployments).unwrap_or_default();
        let Some(found) = deployments.iter().find(|one| one.id() == Some(deployment)) else {
            let message =
                format!("the deployment that moves `{name}` to its target group was replaced by another one");
            return Err(CallError::local(OP, message));
        };
        match found.rollout_state() {
            Some(DeploymentRolloutState::Completed) => Ok(Some(())),
            Some(DeploymentRolloutState::Failed) => {
                let reason = found.rollout_state_reason().unwrap_or("ECS gives no reason");
                let message = format!("`{name}` did not move to its target group: {reason}");
                Err(CallError::local(OP, message))
            }
            _ => Ok(None),
        }
    };
    watching(MOVING, tell, ready).await?.ok_or_else(|| {
        let minutes = MOVING.as_secs() / 60;
        CallError::local(OP, format!("`{name}` has not moved to its target group within {minutes} minutes"))
    })
}

/// The service in whatever state; `None` when ECS does not know it or its cluster.
async fn describe(aws: &Aws, cluster: Option<&str>, name: &str) -> Result<Option<SdkService>, CallError> {
    let cluster = cluster.unwrap_or("default");
    let services = &aws.together.services;
    // A name that ECS does not know fails nothing: it comes back in `failures`.
    let found = services.get(cluster.to_owned(), name.to_owned(), &[], |names| async move {
        let request = aws.ecs.describe_services().cluster(cluster).include(ServiceField::Tags);
        let request = request.set_services(Some(names.into_iter().collect()));
        let answer = call("ecs:DescribeServices", request.send()).await?;
        let services = answer.services.unwrap_or_default().into_iter();
        Ok(services.filter_map(|service| Some((service.service_name()?.to_owned(), service))).collect())
    });
    Ok(absent(found.await, &["ClusterNotFoundException"])?.flatten())
}

/// What a service gives, with the deployment that is PRIMARY now.
fn given(service: &SdkService) -> Outputs {
    let (arn, name) = (service.service_arn().unwrap_or_default(), service.service_name().unwrap_or_default());
    let mut given = outputs([("arn", arn), ("name", name)]);
    given.extend(primary(Some(service)).map(|id| (DEPLOYMENT.to_owned(), id)));
    given
}

/// The id of the deployment that ECS is working towards.
fn primary(service: Option<&SdkService>) -> Option<String> {
    let primary = service?.deployments().iter().find(|one| one.status() == Some("PRIMARY"))?;
    primary.id().map(str::to_owned)
}

fn seen(service: &SdkService, at: &Locator) -> Seen<Attrs> {
    let tags = from_ecs(service.tags());
    let vpc = service.network_configuration().and_then(NetworkConfiguration::awsvpc_configuration);
    let rollout = service.deployment_configuration();
    let breaker = rollout.and_then(DeploymentConfiguration::deployment_circuit_breaker);
    let cluster = service.cluster_arn().unwrap_or_default();
    let name = service.service_name().unwrap_or_default();
    let balancers: BTreeSet<LoadBalancer> = service.load_balancers().iter().map(balancer).collect();
    let grace = service.health_check_grace_period_seconds().unwrap_or_default();
    Seen {
        owner: owner(&tags, at),
        outputs: given(service),
        attrs: Attrs {
            name: name.to_owned(),
            cluster: cluster.rsplit_once('/').map_or(cluster, |(_, name)| name).to_owned(),
            task_definition: Input::Known(service.task_definition().unwrap_or_default().to_owned()),
            desired_count: service.desired_count(),
            launch_type: service.launch_type().map(|it| it.as_str().to_owned()).unwrap_or_default(),
            scheduling: service.scheduling_strategy().map(|it| it.as_str().to_owned()).unwrap_or_default(),
            platform_version: service.platform_version().unwrap_or_default().to_owned(),
            subnets: vpc.map(|vpc| vpc.subnets().iter().cloned().collect()).unwrap_or_default(),
            security_groups: vpc
                .map(|vpc| vpc.security_groups().iter().cloned().map(Input::Known).collect())
                .unwrap_or_default(),
            assign_public_ip: vpc.and_then(AwsVpcConfiguration::assign_public_ip)
                == Some(&AssignPublicIp::Enabled),
            health_check_grace_period: (!balancers.is_empty()).then_some(grace),
            load_balancers: balancers,
            deployment: Deployment {
                minimum_healthy_percent: rollout
                    .and_then(DeploymentConfiguration::minimum_healthy_percent)
                    .unwrap_or(100),
                maximum_percent: rollout.and_then(DeploymentConfiguration::maximum_percent).unwrap_or(200),
                circuit_breaker: breaker.is_some_and(DeploymentCircuitBreaker::enable),
                rollback: breaker.is_some_and(DeploymentCircuitBreaker::rollback),
            },
            enable_ecs_managed_tags: service.enable_ecs_managed_tags(),
            propagate_tags: service.propagate_tags().map_or("NONE", PropagateTags::as_str).to_owned(),
            enable_execute_command: service.enable_execute_command(),
            tags,
        },
    }
}

async fn create(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
    const OP: &str = "ecs:CreateService";
    let task_definition = known(OP, &want.task_definition)?;
    let network = network(OP, want)?;
    let balancers = Some(balancers(OP, want)?).filter(|balancers| !balancers.is_empty());
    // A token that belongs to a service that is gone by now may be answered with that service: then another one is used.
    for round in 0..3 {
        let answer = retrying(SETTLING, || {
            let request = aws
                .ecs
                .create_service()
                .client_token(token(at, want, round))
                .cluster(&want.cluster)
                .service_name(&want.name)
                .task_definition(task_definition)
                .desired_count(want.desired_count)
                .launch_type(LaunchType::from(want.launch_type.as_str()))
                .scheduling_strategy(SchedulingStrategy::from(want.scheduling.as_str()))
                .platform_version(&want.platform_version)
                .network_configuration(network.clone())
                .set_load_balancers(balancers.clone())
                .set_health_check_grace_period_seconds(want.health_check_grace_period)
                .deployment_configuration(deployment(&want.deployment))
                .enable_ecs_managed_tags(want.enable_ecs_managed_tags)
                .propagate_tags(PropagateTags::from(want.propagate_tags.as_str()))
                .enable_execute_command(want.enable_execute_command)
                .set_tags(Some(to_ecs(&want.tags)));
            call("ecs:CreateService", request.send())
        })
        .await?;
        let service = part(OP, answer.service(), "service")?;
        if service.status() == Some("ACTIVE") {
            return Ok(given(service));
        }
    }
    Err(CallError::local(OP, "ECS answers with an old service of this name, which is no longer active"))
}

fn network_of(attrs: &Attrs) -> (&BTreeSet<String>, &BTreeSet<Input<String>>, bool) {
    (&attrs.subnets, &attrs.security_groups, attrs.assign_public_ip)
}

fn network(op: &str, want: &Attrs) -> Result<NetworkConfiguration, CallError> {
    let address = if want.assign_public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(want.subnets.iter().cloned().collect()))
        .set_security_groups(Some(all_known(op, &want.security_groups)?))
        .assign_public_ip(address)
        .build();
    Ok(NetworkConfiguration::builder().awsvpc_configuration(built(op, vpc)?).build())
}

fn balancer(found: &SdkBalancer) -> LoadBalancer {
    LoadBalancer {
        name: found.container_name().unwrap_or_default().to_owned(),
        container_port: found.container_port().unwrap_or_default(),
        target_group: Input::Known(found.target_group_arn().unwrap_or_default().to_owned()),
    }
}

fn balancers(op: &str, want: &Attrs) -> Result<Vec<SdkBalancer>, CallError> {
    let balancers = want.load_balancers.iter().map(|balancer| {
        let sdk =
            SdkBalancer::builder().container_name(&balancer.name).container_port(balancer.container_port);
        Ok(sdk.target_group_arn(known(op, &balancer.target_group)?).build())
    });
    balancers.collect()
}

fn deployment(want: &Deployment) -> DeploymentConfiguration {
    let breaker =
        DeploymentCircuitBreaker::builder().enable(want.circuit_breaker).rollback(want.rollback).build();
    DeploymentConfiguration::builder()
        .minimum_healthy_percent(want.minimum_healthy_percent)
        .maximum_percent(want.maximum_percent)
        .deployment_circuit_breaker(breaker)
        .build()
}
