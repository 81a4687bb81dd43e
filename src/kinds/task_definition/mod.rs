//! `task_definition`: what a task runs. A change registers a new revision; nothing is ever changed in a registered one.

mod sdk;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::types::{SortOrder, TaskDefinitionField, TaskDefinitionStatus};
use serde::{Deserialize, Serialize};

use super::common::{Tags, from_ecs, missing_tags, outputs, part, resource_of, to_ecs};
use super::{Kind, Seen, Want};
use crate::aws::{Aws, Retry, absent_definition, call, retrying, until};
use crate::model::{CallError, Locator, Outputs, Owner, Plan, Rules};
use crate::stack::{Runs, Stack, StackTask, owner, ownership};

/// The kind.
pub struct TaskDefinition;

/// A revision of a task-definition family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// The family: the name without the revision.
    pub family: String,
    /// CPU units (1024 = 1 vCPU).
    pub cpu: Option<i32>,
    /// MiB.
    pub memory: Option<i32>,
    /// `awsvpc`, the only one on Fargate.
    pub network_mode: String,
    /// The launch types that ECS checks it against.
    pub requires: BTreeSet<String>,
    /// Operating system and CPU architecture.
    pub runtime_platform: Option<RuntimePlatform>,
    /// ARN of the role that ECS itself uses: image, log, secrets.
    pub execution_role: String,
    /// ARN of the role of the program in the container.
    pub task_role: String,
    /// The containers.
    pub containers: Vec<Container>,
    /// Settings of the whole task that we never make, by API name, so that a hand-made revision shows what it changed.
    pub other: BTreeMap<String, String>,
    /// Its tags.
    pub tags: Tags,
    /// Where the image comes from.
    pub release: Release,
}

/// What a task definition runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimePlatform {
    /// `LINUX`.
    pub os: String,
    /// `X86_64` or `ARM64`.
    pub cpu: String,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image, by digest where the digest is known.
    pub image: String,
    /// The task stops when it stops.
    pub essential: bool,
    /// Its entry point; empty = the image's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entry_point: Vec<String>,
    /// Its command; empty = the image's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The ports that it listens on (TCP, under the same number outside); empty when nothing connects to it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ports: BTreeSet<i32>,
    /// Plain environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Environment variable → ARN of the secret that fills it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// Where its output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// Settings that we never make, by API name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, String>,
}

/// A container's log configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// `awslogs`.
    pub driver: String,
    /// The driver's options.
    pub options: BTreeMap<String, String>,
    /// Option → ARN of the secret that fills it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_options: BTreeMap<String, String>,
}

/// Where the image comes from; kept in tags of the revision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The reference as the configuration writes it.
    pub source: Option<String>,
    /// The tag that the digest was found by.
    pub tag: Option<String>,
    /// The commit that the image was built from.
    pub commit: Option<String>,
    /// The pull request that this revision was registered for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
    /// The workflow run that registered this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// What passes by itself. The SDK's own retries are off for a registration, so throttling is here too.
const REGISTER: Retry = Retry {
    on: &[
        ("ClientException", "Too many concurrent attempts to create a new revision"),
        ("ClientException", "Role is not valid"),
        ("ThrottlingException", ""),
        ("Throttling", ""),
        ("RequestLimitExceeded", ""),
        ("TooManyRequestsException", ""),
    ],
    limit: Duration::from_mins(2),
};

/// How often a registration is tried that gets no answer.
const ATTEMPTS: u32 = 3;

/// How long a revision of an unanswered registration is looked for before it is tried again.
const LOOK: Duration = Duration::from_secs(2);

impl Kind for TaskDefinition {
    const KIND: &'static str = "task_definition";
    const RULES: Rules = Rules {
        volatile: &["arn", "revision"],
        in_place: &["tags", "release"],
        passive: &["release"],
        // A plan that nobody carries out has no run, and does not want to take the one away that is there.
        shared: &["tags", "release"],
        release: &["containers.*.image"],
        sensitive: &["containers.*.environment.*"],
        outputs: &["arn", "revision", "family"],
        uses: &["iam_role", "log_group"],
        reads: &["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions"],
        writes: &[
            "ecs:RegisterTaskDefinition",
            "ecs:TagResource",
            "ecs:DeregisterTaskDefinition",
            "ecs:DeleteTaskDefinitions",
            "iam:PassRole",
        ],
        ..Rules::new("ECS task definition")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        stack.tasks.values().map(|task| want(stack, task)).collect()
    }

    fn locate(arn: &str, at: &Locator) -> Option<Locator> {
        Some(Locator { name: family_of(arn)?.to_owned(), ..at.clone() })
    }

    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        describe(aws, at, &at.name).await
    }

    async fn create(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        match registered(aws, at, want).await? {
            Some(outputs) => Ok(outputs),
            None => register(aws, at, want).await,
        }
    }

    async fn update(aws: &Aws, at: &Locator, seen: &Seen<Attrs>, want: &Attrs) -> Result<Outputs, CallError> {
        let all_but_tags =
            |attrs: &Attrs| Attrs { tags: Tags::new(), release: Release::default(), ..attrs.clone() };
        if all_but_tags(&seen.attrs) != all_but_tags(want) {
            return register(aws, at, want).await;
        }
        let mut have = seen.attrs.tags.clone();
        have.extend(sdk::release_tags(&seen.attrs.release));
        // The revision was registered by another run, and keeps that one's name.
        let (pull_request, run) = (seen.attrs.release.pull_request.clone(), seen.attrs.release.run.clone());
        let release = Release { pull_request, run, ..want.release.clone() };
        let tags = missing_tags(&have, &sdk::all_tags(&Attrs { release, ..want.clone() }));
        if !tags.is_empty() {
            let arn = part("ecs:TagResource", seen.outputs.get("arn"), "taskDefinitionArn")?;
            let request = aws.ecs.tag_resource().resource_arn(arn).set_tags(Some(to_ecs(&tags)));
            call("ecs:TagResource", request.send()).await?;
        }
        Ok(seen.outputs.clone())
    }

    /// Every revision of the family that carries the stack's tag goes, retired ones too; revisions that somebody else
    /// registered in the family stay.
    async fn delete(aws: &Aws, at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        let mut ours = Vec::new();
        for status in [TaskDefinitionStatus::Active, TaskDefinitionStatus::Inactive] {
            for arn in revisions(aws, &seen.attrs.family, &status).await? {
                let revision = describe(aws, at, &arn).await?;
                if revision.is_none_or(|revision| revision.owner != Owner::Ours) {
                    continue;
                }
                if status == TaskDefinitionStatus::Active {
                    let request = aws.ecs.deregister_task_definition().task_definition(&arn);
                    call("ecs:DeregisterTaskDefinition", request.send()).await?;
                }
                ours.push(arn);
            }
        }
        // Ten a call is the API's limit.
        for arns in ours.chunks(10) {
            let request = aws.ecs.delete_task_definitions().set_task_definitions(Some(arns.to_vec()));
            let answer = call("ecs:DeleteTaskDefinitions", request.send()).await?;
            if let Some(failure) = answer.failures().first() {
                let (arn, reason) = (failure.arn().unwrap_or_default(), failure.reason().unwrap_or_default());
                return Err(CallError::local("ecs:DeleteTaskDefinitions", format!("{arn}: {reason}")));
            }
        }
        Ok(())
    }
}

/// Names the pull request that a plan came from in the revisions that it registers. It is found after the plan was made, and
/// a revision with it is no other one.
pub fn attribute(plan: &mut Plan, pull_request: &str) {
    let definitions =
        plan.changes.iter_mut().filter(|change| change.at.address.kind() == TaskDefinition::KIND);
    for want in definitions.filter_map(|change| change.want.as_mut()) {
        let value = sdk::tag_value(Some(&pull_request.to_owned())).map(serde_json::Value::String);
        if let Some(release) = want.attrs.get_mut("release").and_then(serde_json::Value::as_object_mut) {
            release.extend(value.map(|value| ("pull_request".to_owned(), value)));
        }
    }
}

fn want(stack: &Stack, task: &StackTask) -> Want<Attrs> {
    let names = &stack.names;
    let at = names.at(TaskDefinition::KIND, &task.key, &task.family);
    let options = [
        ("awslogs-group", &names.log_group),
        ("awslogs-region", &stack.region),
        // The driver makes streams `<prefix>/<container>/<task id>`.
        ("awslogs-stream-prefix", &stack.name),
    ];
    let container = Container {
        name: task.container.clone(),
        image: task.image.image.image.clone(),
        essential: true,
        entry_point: Vec::new(),
        command: task.command.clone(),
        ports: ports(&task.runs),
        environment: task.environment.clone(),
        secrets: task.secrets.clone(),
        log: Some(Log {
            driver: "awslogs".to_owned(),
            options: options.map(|(key, value)| (key.to_owned(), value.clone())).into(),
            secret_options: BTreeMap::new(),
        }),
        other: BTreeMap::new(),
    };
    let attrs = Attrs {
        family: task.family.clone(),
        cpu: Some(task.cpu),
        memory: Some(task.memory),
        network_mode: "awsvpc".to_owned(),
        requires: BTreeSet::from(["FARGATE".to_owned()]),
        runtime_platform: Some(RuntimePlatform {
            os: "LINUX".to_owned(),
            cpu: task.cpu_architecture.to_owned(),
        }),
        execution_role: stack.scope().role_arn(&names.execution_role),
        task_role: stack.scope().role_arn(&names.task_role),
        containers: vec![container],
        other: BTreeMap::new(),
        tags: ownership(&stack.name, &at.address, &task.tags),
        release: Release {
            source: sdk::tag_value(Some(&task.image.source)),
            tag: sdk::tag_value(task.image.image.tag.as_ref()),
            commit: sdk::tag_value(task.image.commit.as_ref()),
            pull_request: sdk::tag_value(stack.provenance.pull_request.as_ref()),
            run: sdk::tag_value(stack.provenance.run.as_ref()),
        },
    };
    let after = [("iam_role", "execution"), ("iam_role", "task"), ("log_group", "main")]
        .map(|(kind, name)| names.address(kind, name));
    Want { at, attrs, after: after.into() }
}

fn ports(runs: &Runs) -> BTreeSet<i32> {
    match runs {
        Runs::Service(run) => run.web.iter().map(|web| i32::from(web.container_port)).collect(),
        Runs::OneOff | Runs::Scheduled(_) => BTreeSet::new(),
    }
}

/// `web` of `arn:…:task-definition/web:7`.
fn family_of(arn: &str) -> Option<&str> {
    let (family, _revision) = resource_of(arn, "ecs")?.strip_prefix("task-definition/")?.rsplit_once(':')?;
    Some(family)
}

/// A revision by its ARN, or the newest ACTIVE one of a family; `None` for one that is to be deleted.
async fn describe(aws: &Aws, at: &Locator, which: &str) -> Result<Option<Seen<Attrs>>, CallError> {
    let request =
        aws.ecs.describe_task_definition().task_definition(which).include(TaskDefinitionField::Tags);
    let sent = call("ecs:DescribeTaskDefinition", request.send()).await;
    let Some(answer) = absent_definition(sent)? else { return Ok(None) };
    let definition = part("ecs:DescribeTaskDefinition", answer.task_definition(), "taskDefinition")?;
    if definition.status() == Some(&TaskDefinitionStatus::DeleteInProgress) {
        return Ok(None);
    }
    let tags = from_ecs(answer.tags());
    Ok(Some(Seen {
        owner: owner(&tags, at),
        outputs: given(definition),
        attrs: sdk::attrs(definition, tags),
    }))
}

fn given(definition: &aws_sdk_ecs::types::TaskDefinition) -> Outputs {
    outputs([
        ("arn", definition.task_definition_arn().unwrap_or_default()),
        ("revision", &definition.revision().to_string()),
        ("family", definition.family().unwrap_or_default()),
    ])
}

/// The outputs of the newest revision, if it is ours and just what is wanted.
async fn registered(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Option<Outputs>, CallError> {
    let Some(mut seen) = describe(aws, at, &want.family).await? else {
        return Ok(None);
    };
    seen.attrs.tags.retain(|key, _| want.tags.contains_key(key));
    // Which run registered it does not make it another one.
    seen.attrs.release.pull_request.clone_from(&want.release.pull_request);
    seen.attrs.release.run.clone_from(&want.release.run);
    Ok((seen.owner == Owner::Ours && seen.attrs == *want).then_some(seen.outputs))
}

/// Registers one revision. The API has no idempotency token: a call that got no answer may have made the revision, so that
/// nobody but this function may repeat it, and only after a look.
async fn register(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
    let once = aws_sdk_ecs::config::Builder::new().retry_config(RetryConfig::disabled());
    let mut attempt = 1;
    loop {
        let made = retrying(REGISTER, || {
            let request = sdk::request(&aws.ecs, want).customize().config_override(once.clone());
            call("ecs:RegisterTaskDefinition", request.send())
        })
        .await;
        let error = match made {
            Ok(answer) => {
                let definition = answer.task_definition();
                return part("ecs:RegisterTaskDefinition", definition, "taskDefinition").map(given);
            }
            Err(error) if error.unanswered => error,
            Err(error) => return Err(error),
        };
        let look = || registered(aws, at, want);
        if let Ok(outputs) = until("ecs:DescribeTaskDefinition", "the registration", LOOK, look).await {
            return Ok(outputs);
        }
        if attempt >= ATTEMPTS {
            return Err(error);
        }
        attempt += 1;
    }
}

/// The ARNs of the family's revisions of one status, oldest first.
async fn revisions(aws: &Aws, family: &str, status: &TaskDefinitionStatus) -> Result<Vec<String>, CallError> {
    let mut arns = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let request = aws.ecs.list_task_definitions().family_prefix(family).status(status.clone());
        let request = request.sort(SortOrder::Asc).set_next_token(token);
        let page = call("ecs:ListTaskDefinitions", request.send()).await?;
        arns.extend(page.task_definition_arns().iter().filter(|arn| family_of(arn) == Some(family)).cloned());
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(arns);
        }
    }
}
