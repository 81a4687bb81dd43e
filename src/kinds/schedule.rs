//! `schedule`: the EventBridge rule that starts a scheduled task, with its one target.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

use aws_sdk_eventbridge::types::{
    AssignPublicIp, AwsVpcConfiguration, EcsParameters, LaunchType, NetworkConfiguration, PropagateTags,
    RuleState, Tag, Target as SdkTarget,
};
use serde::{Deserialize, Serialize};

use super::common::{Tags, all_known, built, known, missing_tags, outputs, part, resource_of};
use super::{Kind, Seen, Want};
use crate::aws::{Aws, Retry, absent, call, retrying};
use crate::model::{CallError, Input, Locator, Outputs, Rules};
use crate::stack::{Runs, Stack, StackTask, owner, ownership};

/// The kind.
pub struct Schedule;

/// Tag of a task that a rule started: the scheduled task's key.
pub const SCHEDULE: &str = "fargate-stack:schedule";

/// An EventBridge rule on the default bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// Its name.
    pub name: String,
    /// `cron(…)` or `rate(…)`, in UTC.
    pub expression: String,
    /// `ENABLED` at creation; a rule that somebody disabled stays disabled.
    pub state: String,
    /// Its description.
    pub description: String,
    /// What it starts; `None` only on a rule whose creation was interrupted.
    pub target: Option<Target>,
    /// Its tags.
    pub tags: Tags,
}

/// What the rule starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its id within the rule.
    pub id: String,
    /// ARN of the cluster.
    pub cluster: String,
    /// ARN of the role that EventBridge assumes.
    pub role: String,
    /// ARN of the revision that it starts.
    pub task_definition: Input<String>,
    /// Tasks a time.
    pub task_count: i32,
    /// `FARGATE`.
    pub launch_type: String,
    /// Fargate platform version.
    pub platform_version: String,
    /// Subnet ids.
    pub subnets: BTreeSet<String>,
    /// Security group ids.
    pub security_groups: BTreeSet<Input<String>>,
    /// Tasks get a public address.
    pub assign_public_ip: bool,
    /// The group that its tasks show in ECS.
    pub group: String,
    /// Tasks get the tag `aws:ecs:clusterName`.
    pub enable_ecs_managed_tags: bool,
    /// Whose tags the tasks get besides: `TASK_DEFINITION`.
    pub propagate_tags: String,
    /// `aws ecs execute-command` works in its tasks.
    pub enable_execute_command: bool,
    /// Tags that its tasks get.
    pub tags: Tags,
    /// Settings that we never make, by API name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, String>,
}

/// What passes by itself: a role or a rule made a moment ago, and two changes at a time.
const SETTLING: Retry = Retry {
    on: &[
        ("ConcurrentModificationException", ""),
        ("ResourceNotFoundException", ""),
        ("ValidationException", "cannot be assumed"),
        ("ValidationException", "RoleArn"),
    ],
    limit: Duration::from_mins(1),
};

impl Kind for Schedule {
    const KIND: &'static str = "schedule";
    const RULES: Rules = Rules {
        create_only: &["state"],
        outputs: &["arn", "name"],
        uses: &["cluster", "iam_role", "task_definition", "security_group"],
        reads: &["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"],
        writes: &[
            "events:PutRule",
            "events:PutTargets",
            "events:TagResource",
            "events:RemoveTargets",
            "events:DeleteRule",
            "iam:PassRole",
        ],
        ..Rules::new("EventBridge rule with an ECS target")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        stack
            .tasks
            .values()
            .filter_map(|task| match &task.runs {
                Runs::Scheduled(expression) => Some(want(stack, task, expression)),
                Runs::OneOff | Runs::Service(_) => None,
            })
            .collect()
    }

    fn locate(arn: &str, at: &Locator) -> Option<Locator> {
        let name = resource_of(arn, "events")?.strip_prefix("rule/")?;
        // A rule of another bus has the bus in front of its name.
        (!name.contains('/')).then(|| Locator { name: name.to_owned(), ..at.clone() })
    }

    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        let found = call("events:DescribeRule", aws.events.describe_rule().name(&at.name).send());
        // Boxed, because both together are large.
        let (found, targets) = tokio::join!(Box::pin(found), Box::pin(targets(aws, &at.name)));
        let Some(rule) = absent(found, &["ResourceNotFoundException"])? else {
            return Ok(None);
        };
        let arn = part("events:DescribeRule", rule.arn(), "Arn")?;
        let tagged =
            call("events:ListTagsForResource", aws.events.list_tags_for_resource().resource_arn(arn).send());
        let Some(tagged) = absent(tagged.await, &["ResourceNotFoundException"])? else {
            return Ok(None);
        };
        let tags: Tags =
            tagged.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
        let ours = target_id(at.address.name());
        let target = targets?.into_iter().find(|target| target.id() == ours);
        Ok(Some(Seen {
            owner: owner(&tags, at),
            outputs: outputs([("arn", arn), ("name", &at.name)]),
            attrs: Attrs {
                name: at.name.clone(),
                expression: rule.schedule_expression().unwrap_or_default().to_owned(),
                state: rule.state().map(|state| state.as_str().to_owned()).unwrap_or_default(),
                description: rule.description().unwrap_or_default().to_owned(),
                target: target.as_ref().map(seen_target),
                tags,
            },
        }))
    }

    /// EventBridge changes the existing rule when there is one of this name, so that a repeated call makes no second one.
    async fn create(aws: &Aws, _at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        let outputs = put_rule(aws, want, &want.state, Some(to_events(&want.tags)?)).await?;
        put_target(aws, want).await?;
        Ok(outputs)
    }

    /// Targets that somebody added to the rule stay.
    async fn update(
        aws: &Aws,
        _at: &Locator,
        seen: &Seen<Attrs>,
        want: &Attrs,
    ) -> Result<Outputs, CallError> {
        let have = &seen.attrs;
        if have.expression != want.expression || have.description != want.description {
            // The call would enable a disabled rule, if it did not say otherwise; and it ignores the tags of an existing one.
            put_rule(aws, want, &have.state, None).await?;
        }
        if have.target != want.target {
            put_target(aws, want).await?;
        }
        let tags = missing_tags(&have.tags, &want.tags);
        if !tags.is_empty() {
            let arn = part("events:TagResource", seen.outputs.get("arn"), "Arn")?;
            let request = aws.events.tag_resource().resource_arn(arn).set_tags(Some(to_events(&tags)?));
            call("events:TagResource", request.send()).await?;
        }
        Ok(seen.outputs.clone())
    }

    /// A rule goes only without targets, so all of them go: ours, and those that somebody added to our rule.
    async fn delete(aws: &Aws, _at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        let name = &seen.attrs.name;
        let ids: Vec<String> =
            targets(aws, name).await?.iter().map(|target| target.id().to_owned()).collect();
        if !ids.is_empty() {
            let request = aws.events.remove_targets().rule(name).set_ids(Some(ids));
            let answer =
                absent(call("events:RemoveTargets", request.send()).await, &["ResourceNotFoundException"])?;
            if let Some(failed) = answer.as_ref().and_then(|answer| answer.failed_entries().first()) {
                return Err(entry_error(
                    "events:RemoveTargets",
                    failed.target_id(),
                    failed.error_code(),
                    failed.error_message(),
                ));
            }
        }
        absent(
            call("events:DeleteRule", aws.events.delete_rule().name(name).send()).await,
            &["ResourceNotFoundException"],
        )?;
        Ok(())
    }
}

fn want(stack: &Stack, task: &StackTask, expression: &str) -> Want<Attrs> {
    let (names, scope) = (&stack.names, stack.scope());
    let at = names.at(Schedule::KIND, &task.key, &names.rule(&task.key));
    let group = Input::of(names.address("security_group", "tasks"), "id");
    let target = Target {
        id: names.target_id(&task.key),
        cluster: scope.cluster_arn(&names.cluster),
        role: scope.role_arn(&names.events_role),
        task_definition: Input::of(names.address("task_definition", &task.key), "arn"),
        task_count: 1,
        launch_type: "FARGATE".to_owned(),
        platform_version: "LATEST".to_owned(),
        subnets: task.subnets.iter().cloned().collect(),
        security_groups: BTreeSet::from([group]),
        assign_public_ip: task.assign_public_ip,
        group: format!("schedule:{}", task.key),
        enable_ecs_managed_tags: true,
        propagate_tags: "TASK_DEFINITION".to_owned(),
        enable_execute_command: false,
        tags: BTreeMap::from([(SCHEDULE.to_owned(), task.key.clone())]),
        other: BTreeMap::new(),
    };
    let attrs = Attrs {
        name: at.name.clone(),
        expression: expression.to_owned(),
        state: RuleState::Enabled.as_str().to_owned(),
        description: format!("Starts the task {} of {}", task.key, stack.name),
        target: Some(target),
        tags: ownership(&stack.name, &at.address, &task.tags),
    };
    Want { at, attrs, after: vec![names.address("cluster", "main"), names.address("iam_role", "events")] }
}

/// The id of our target; the same as in `stack::names`, for when only the address is at hand.
pub(super) fn target_id(task: &str) -> String {
    format!("{task}-target")
}

async fn put_rule(
    aws: &Aws,
    want: &Attrs,
    state: &str,
    tags: Option<Vec<Tag>>,
) -> Result<Outputs, CallError> {
    let answer = retrying(SETTLING, || {
        let request = aws.events.put_rule().name(&want.name).schedule_expression(&want.expression);
        let request = request.description(&want.description).state(RuleState::from(state));
        call("events:PutRule", request.set_tags(tags.clone()).send())
    })
    .await?;
    let arn = part("events:PutRule", answer.rule_arn(), "RuleArn")?;
    Ok(outputs([("arn", arn), ("name", &want.name)]))
}

async fn put_target(aws: &Aws, want: &Attrs) -> Result<(), CallError> {
    let Some(target) = &want.target else { return Ok(()) };
    let target = sdk_target(target)?;
    retrying(SETTLING, || async {
        let request = aws.events.put_targets().rule(&want.name).targets(target.clone());
        let answer = call("events:PutTargets", request.send()).await?;
        // The call succeeds even when it refuses the target.
        match answer.failed_entries().first() {
            Some(failed) => Err(entry_error(
                "events:PutTargets",
                failed.target_id(),
                failed.error_code(),
                failed.error_message(),
            )),
            None if answer.failed_entry_count() > 0 => {
                Err(CallError::local("events:PutTargets", "the target was refused without a reason"))
            }
            None => Ok(()),
        }
    })
    .await
}

fn entry_error(op: &str, id: Option<&str>, code: Option<&str>, message: Option<&str>) -> CallError {
    let message = format!("target {}: {}", id.unwrap_or_default(), message.unwrap_or_default());
    CallError { code: code.unwrap_or_default().to_owned(), ..CallError::local(op, message) }
}

/// The targets of a rule; none without the rule.
async fn targets(aws: &Aws, rule: &str) -> Result<Vec<SdkTarget>, CallError> {
    let mut targets = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let request = aws.events.list_targets_by_rule().rule(rule).set_next_token(token);
        let page = call("events:ListTargetsByRule", request.send()).await;
        let Some(page) = absent(page, &["ResourceNotFoundException"])? else {
            return Ok(targets);
        };
        targets.extend(page.targets().iter().cloned());
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(targets);
        }
    }
}

fn seen_target(target: &SdkTarget) -> Target {
    let ecs = target.ecs_parameters();
    let vpc = ecs
        .and_then(EcsParameters::network_configuration)
        .and_then(NetworkConfiguration::awsvpc_configuration);
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let tags = ecs.map(EcsParameters::tags).unwrap_or_default();
    Target {
        id: target.id().to_owned(),
        cluster: target.arn().to_owned(),
        role: text(target.role_arn()),
        task_definition: Input::Known(text(ecs.map(EcsParameters::task_definition_arn))),
        task_count: ecs.and_then(EcsParameters::task_count).unwrap_or(1),
        launch_type: text(ecs.and_then(EcsParameters::launch_type).map(LaunchType::as_str)),
        platform_version: text(ecs.and_then(EcsParameters::platform_version)),
        subnets: vpc.map(|vpc| vpc.subnets().iter().cloned().collect()).unwrap_or_default(),
        security_groups: vpc
            .map(|vpc| vpc.security_groups().iter().cloned().map(Input::Known).collect())
            .unwrap_or_default(),
        assign_public_ip: vpc.and_then(AwsVpcConfiguration::assign_public_ip)
            == Some(&AssignPublicIp::Enabled),
        group: text(ecs.and_then(EcsParameters::group)),
        enable_ecs_managed_tags: ecs.is_some_and(EcsParameters::enable_ecs_managed_tags),
        propagate_tags: text(ecs.and_then(EcsParameters::propagate_tags).map(PropagateTags::as_str)),
        enable_execute_command: ecs.is_some_and(EcsParameters::enable_execute_command),
        tags: tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect(),
        other: other(target, ecs),
    }
}

/// What a target has beyond the fields that are modelled; a change of ours would remove it, so the plan must show it.
fn other(target: &SdkTarget, ecs: Option<&EcsParameters>) -> BTreeMap<String, String> {
    fn shown<T: Debug + ?Sized>(value: Option<&T>) -> Option<String> {
        value.map(|value| format!("{value:?}"))
    }
    fn list<T: Debug>(values: Option<&[T]>) -> Option<String> {
        values.filter(|values| !values.is_empty()).map(|values| format!("{values:?}"))
    }
    // The SDK keeps the paths unordered; in a plan the same settings must read the same.
    let transformer = target.input_transformer().map(|it| {
        let paths: BTreeMap<_, _> = it.input_paths_map().into_iter().flatten().collect();
        format!("{paths:?} {}", it.input_template())
    });
    [
        ("capacityProviderStrategy", list(ecs.map(EcsParameters::capacity_provider_strategy))),
        ("deadLetterConfig", shown(target.dead_letter_config())),
        ("input", shown(target.input())),
        ("inputPath", shown(target.input_path())),
        ("inputTransformer", transformer),
        ("placementConstraints", list(ecs.map(EcsParameters::placement_constraints))),
        ("placementStrategy", list(ecs.map(EcsParameters::placement_strategy))),
        ("referenceId", shown(ecs.and_then(EcsParameters::reference_id))),
        ("retryPolicy", shown(target.retry_policy())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

fn sdk_target(target: &Target) -> Result<SdkTarget, CallError> {
    const OP: &str = "events:PutTargets";
    let address = if target.assign_public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(target.subnets.iter().cloned().collect()))
        .set_security_groups(Some(all_known(OP, &target.security_groups)?))
        .assign_public_ip(address)
        .build();
    let ecs = EcsParameters::builder()
        .task_definition_arn(known(OP, &target.task_definition)?)
        .task_count(target.task_count)
        .launch_type(LaunchType::from(target.launch_type.as_str()))
        .platform_version(&target.platform_version)
        .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(built(OP, vpc)?).build())
        .group(&target.group)
        .enable_ecs_managed_tags(target.enable_ecs_managed_tags)
        .enable_execute_command(target.enable_execute_command)
        .propagate_tags(PropagateTags::from(target.propagate_tags.as_str()))
        .set_tags(Some(to_events(&target.tags)?))
        .build();
    let sdk = SdkTarget::builder().id(&target.id).arn(&target.cluster).role_arn(&target.role);
    built(OP, sdk.ecs_parameters(built(OP, ecs)?).build())
}

fn to_events(tags: &Tags) -> Result<Vec<Tag>, CallError> {
    tags.iter()
        .map(|(key, value)| built("events:TagResource", Tag::builder().key(key).value(value).build()))
        .collect()
}
