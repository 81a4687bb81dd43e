//! `iam_role`: the roles that ECS and EventBridge assume for the stack, each with its one inline policy.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_iam::types::{Role, Tag};
use serde::{Deserialize, Serialize};

use super::common::{Tags, built, missing_tags, outputs, part};
use super::{Kind, Seen, Want};
use crate::aws::{Aws, Retry, absent, call, retrying};
use crate::model::{CallError, Locator, Outputs, Owner, Rules};
use crate::stack::{Names, Policy, Runs, Stack, StackTask, Statement, owner, ownership};

/// The kind.
pub struct IamRole;

/// Tag of a role that names the inline policy that is ours: every other one is left alone.
pub const POLICY: &str = "fargate-stack:policy";

/// An IAM role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attrs {
    /// Its name.
    pub name: String,
    /// Who may assume it.
    pub trust: Policy,
    /// Our inline policies by name. Others, and managed policies that somebody attached, are not ours.
    pub policies: BTreeMap<String, Policy>,
    /// Its tags.
    pub tags: Tags,
}

/// IAM shows a role that was made a moment ago not everywhere at once, and refuses two changes of one role at a time.
const SETTLING: Retry = Retry {
    on: &[("NoSuchEntity", ""), ("ConcurrentModification", ""), ("ConcurrentModificationException", "")],
    limit: Duration::from_secs(30),
};

impl Kind for IamRole {
    const KIND: &'static str = "iam_role";
    const RULES: Rules = Rules {
        outputs: &["arn", "name"],
        reads: &["iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"],
        writes: &[
            "iam:CreateRole",
            "iam:PutRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:UpdateAssumeRolePolicy",
            "iam:TagRole",
            "iam:DetachRolePolicy",
            "iam:DeleteRole",
        ],
        ..Rules::new("IAM role")
    };
    type Attrs = Attrs;

    fn desired(stack: &Stack) -> Vec<Want<Attrs>> {
        let names = &stack.names;
        let mut wants = vec![
            want(
                stack,
                "execution",
                &names.execution_role,
                "ecs-tasks",
                &names.execution_policy,
                execution(stack),
            ),
            want(stack, "task", &names.task_role, "ecs-tasks", &names.task_policy, task(stack)),
        ];
        let events = events(stack);
        if !events.is_empty() {
            wants.push(want(stack, "events", &names.events_role, "events", &names.events_policy, events));
        }
        wants
    }

    fn candidates(names: &Names) -> Vec<Locator> {
        let roles = [
            ("execution", &names.execution_role),
            ("task", &names.task_role),
            ("events", &names.events_role),
        ];
        let defaults = roles.iter().zip(&names.default_roles).map(|((name, _), default)| (*name, default));
        // One that is wanted under its default name is named twice here, and read once.
        roles.into_iter().chain(defaults).map(|(name, role)| names.at(Self::KIND, name, role)).collect()
    }

    async fn read(aws: &Aws, at: &Locator) -> Result<Option<Seen<Attrs>>, CallError> {
        let found = call("iam:GetRole", aws.iam.get_role().role_name(&at.name).send());
        // Boxed, because both together are large.
        let (found, listed) = tokio::join!(Box::pin(found), Box::pin(policy_names(aws, &at.name)));
        let (Some(found), Some(listed)) = (absent(found, &["NoSuchEntity"])?, listed?) else {
            return Ok(None);
        };
        let role = part("iam:GetRole", found.role(), "Role")?;
        let tags: Tags =
            role.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
        let trust = document("iam:GetRole", role.assume_role_policy_document().unwrap_or("{}"))?;
        let mut policies = BTreeMap::new();
        for name in listed.into_iter().filter(|name| is_ours(name, &tags)) {
            let request = aws.iam.get_role_policy().role_name(&at.name).policy_name(&name);
            let policy = absent(call("iam:GetRolePolicy", request.send()).await, &["NoSuchEntity"])?;
            if let Some(policy) = policy {
                policies.insert(name, document("iam:GetRolePolicy", policy.policy_document())?);
            }
        }
        Ok(Some(Seen {
            owner: owner(&tags, at),
            outputs: outputs([("arn", role.arn()), ("name", role.role_name())]),
            attrs: Attrs { name: role.role_name().to_owned(), trust, policies, tags },
        }))
    }

    async fn create(aws: &Aws, at: &Locator, want: &Attrs) -> Result<Outputs, CallError> {
        let request =
            aws.iam.create_role().role_name(&want.name).assume_role_policy_document(want.trust.text());
        let request = request.set_tags(Some(to_iam(&want.tags)?));
        let made = match call("iam:CreateRole", request.send()).await {
            Ok(made) => made,
            Err(error) if error.code == "EntityAlreadyExists" => {
                return match Self::read(aws, at).await? {
                    Some(seen) if seen.owner == Owner::Ours => Self::update(aws, at, &seen, want).await,
                    _ => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        for (name, policy) in &want.policies {
            put(aws, &want.name, name, policy).await?;
        }
        let arn = part("iam:CreateRole", made.role().map(Role::arn), "Role")?;
        Ok(outputs([("arn", arn), ("name", &want.name)]))
    }

    async fn update(
        aws: &Aws,
        _at: &Locator,
        seen: &Seen<Attrs>,
        want: &Attrs,
    ) -> Result<Outputs, CallError> {
        let role = &want.name;
        if seen.attrs.trust != want.trust {
            retrying(SETTLING, || {
                let request =
                    aws.iam.update_assume_role_policy().role_name(role).policy_document(want.trust.text());
                call("iam:UpdateAssumeRolePolicy", request.send())
            })
            .await?;
        }
        for (name, policy) in &want.policies {
            if seen.attrs.policies.get(name) != Some(policy) {
                put(aws, role, name, policy).await?;
            }
        }
        for name in seen.attrs.policies.keys().filter(|name| !want.policies.contains_key(*name)) {
            remove(aws, role, name).await?;
        }
        // Last, because the policy tag says which policy is ours: a renamed one must be gone before.
        let tags = missing_tags(&seen.attrs.tags, &want.tags);
        if !tags.is_empty() {
            let request = aws.iam.tag_role().role_name(role).set_tags(Some(to_iam(&tags)?));
            call("iam:TagRole", request.send()).await?;
        }
        Ok(seen.outputs.clone())
    }

    /// A role goes only without policies, so all of them go: ours, and those that somebody added to our role. A role that
    /// is still in an instance profile stays, and IAM's refusal says so.
    async fn delete(aws: &Aws, _at: &Locator, seen: &Seen<Attrs>) -> Result<(), CallError> {
        let role = &seen.attrs.name;
        let Some(inline) = policy_names(aws, role).await? else {
            return Ok(());
        };
        for name in inline {
            remove(aws, role, &name).await?;
        }
        for policy in attached(aws, role).await? {
            let request = aws.iam.detach_role_policy().role_name(role).policy_arn(policy);
            absent(call("iam:DetachRolePolicy", request.send()).await, &["NoSuchEntity"])?;
        }
        absent(
            call("iam:DeleteRole", aws.iam.delete_role().role_name(role).send()).await,
            &["NoSuchEntity"],
        )?;
        Ok(())
    }
}

fn want(
    stack: &Stack,
    name: &str,
    role: &str,
    service: &str,
    policy: &str,
    statements: Vec<Statement>,
) -> Want<Attrs> {
    let at = stack.names.at(IamRole::KIND, name, role);
    let mut tags = ownership(&stack.name, &at.address, &stack.tags);
    let mut policies = BTreeMap::new();
    if !statements.is_empty() {
        tags.insert(POLICY.to_owned(), policy.to_owned());
        policies.insert(policy.to_owned(), Policy::new(statements));
    }
    let trust = Policy::trusting(&format!("{service}.amazonaws.com"));
    Want { attrs: Attrs { name: at.name.clone(), trust, policies, tags }, at, after: Vec::new() }
}

/// What the program in a container may do: nothing, but for the agent of ECS Exec. Its channels are no resources with names.
fn task(stack: &Stack) -> Vec<Statement> {
    let channels = ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"];
    let actions = channels.map(|action| format!("ssmmessages:{action}"));
    let wanted = stack.tasks.values().any(|task| task.execute_command);
    if wanted { vec![Statement::allow(actions, ["*"])] } else { Vec::new() }
}

/// What ECS itself needs to start the tasks: the images, the log, the secrets; and nothing beyond these.
fn execution(stack: &Stack) -> Vec<Statement> {
    let repositories: BTreeSet<&String> =
        stack.tasks.values().filter_map(|task| task.image.repository_arn.as_ref()).collect();
    let secrets: BTreeSet<&String> = stack.tasks.values().flat_map(|task| task.secrets.values()).collect();
    let log_group = format!("{}:log-stream:*", stack.scope().log_group_arn(&stack.names.log_group));
    let mut statements = vec![Statement::allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group])];
    if !repositories.is_empty() {
        // The token is the account's, not a repository's: AWS takes no narrower resource.
        statements.push(Statement::allow(["ecr:GetAuthorizationToken"], ["*"]));
        statements.push(Statement::allow(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            repositories,
        ));
    }
    if !secrets.is_empty() {
        statements.push(Statement::allow(["secretsmanager:GetSecretValue"], secrets));
    }
    statements
}

/// What EventBridge needs to start every scheduled task; empty without one.
fn events(stack: &Stack) -> Vec<Statement> {
    let scope = stack.scope();
    let scheduled = |task: &&StackTask| matches!(task.runs, Runs::Scheduled(_));
    // ECS resolves the revision before it looks at the permission, so the resource needs the `:*`.
    let families: BTreeSet<String> = stack
        .tasks
        .values()
        .filter(scheduled)
        .map(|task| format!("{}:*", scope.task_definition_arn(&task.family)))
        .collect();
    if families.is_empty() {
        return Vec::new();
    }
    let cluster = &stack.names.cluster;
    let roles = [&stack.names.execution_role, &stack.names.task_role].map(|role| scope.role_arn(role));
    vec![
        Statement::allow(["ecs:RunTask"], families).when(
            "ArnEquals",
            "ecs:cluster",
            &scope.cluster_arn(cluster),
        ),
        Statement::allow(["iam:PassRole"], roles).when(
            "StringEquals",
            "iam:PassedToService",
            "ecs-tasks.amazonaws.com",
        ),
        Statement::allow(["ecs:TagResource"], [scope.arn("ecs", &format!("task/{cluster}/*"))]),
    ]
}

/// Whether an inline policy is ours: the one that the role's tag names; on a role without the tag, one whose name is of
/// the form that is given when nothing else is configured.
fn is_ours(policy: &str, tags: &Tags) -> bool {
    match tags.get(POLICY) {
        Some(ours) => policy == ours,
        None => (policy.starts_with("Fargate") || policy.starts_with("Events")) && policy.ends_with("Policy"),
    }
}

fn document(op: &str, text: &str) -> Result<Policy, CallError> {
    Policy::read(text)
        .map_err(|error| CallError::local(op, format!("the policy document is not readable: {error}")))
}

fn to_iam(tags: &Tags) -> Result<Vec<Tag>, CallError> {
    tags.iter()
        .map(|(key, value)| built("iam:TagRole", Tag::builder().key(key).value(value).build()))
        .collect()
}

async fn put(aws: &Aws, role: &str, name: &str, policy: &Policy) -> Result<(), CallError> {
    retrying(SETTLING, || {
        let request =
            aws.iam.put_role_policy().role_name(role).policy_name(name).policy_document(policy.text());
        call("iam:PutRolePolicy", request.send())
    })
    .await?;
    Ok(())
}

async fn remove(aws: &Aws, role: &str, name: &str) -> Result<(), CallError> {
    let request = aws.iam.delete_role_policy().role_name(role).policy_name(name);
    absent(call("iam:DeleteRolePolicy", request.send()).await, &["NoSuchEntity"])?;
    Ok(())
}

/// The role's inline policies; `None` without the role.
async fn policy_names(aws: &Aws, role: &str) -> Result<Option<Vec<String>>, CallError> {
    let mut names = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let request = aws.iam.list_role_policies().role_name(role).set_marker(marker);
        let page = absent(call("iam:ListRolePolicies", request.send()).await, &["NoSuchEntity"])?;
        let Some(page) = page else { return Ok(None) };
        names.extend(page.policy_names().iter().cloned());
        marker = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
        if marker.is_none() {
            return Ok(Some(names));
        }
    }
}

/// The ARNs of the managed policies of the role.
async fn attached(aws: &Aws, role: &str) -> Result<Vec<String>, CallError> {
    let mut arns = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let request = aws.iam.list_attached_role_policies().role_name(role).set_marker(marker);
        let page = absent(call("iam:ListAttachedRolePolicies", request.send()).await, &["NoSuchEntity"])?;
        let Some(page) = page else { return Ok(arns) };
        arns.extend(
            page.attached_policies().iter().filter_map(|policy| policy.policy_arn().map(str::to_owned)),
        );
        marker = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
        if marker.is_none() {
            return Ok(arns);
        }
    }
}
