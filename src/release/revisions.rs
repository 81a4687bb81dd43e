//! Revisions of task definitions: what they hold and what their tags tell.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{SortOrder, Tag, TaskDefinition, TaskDefinitionField, TaskDefinitionStatus};
use aws_smithy_types::DateTime;
use tokio::task::JoinSet;

use crate::aws::{Aws, absent_definition, call};
use crate::model::{CallError, Revision};
use crate::stack::{STACK, tags};

/// The IAM actions of this file.
pub const READS: &[&str] = &["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions"];

/// How many reads run at once: far below ECS's limit for task-definition reads (50 in a burst).
const LIMIT: usize = 8;

/// `family:7` of a revision's ARN.
pub fn short(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, name)| name)
}

/// A point in time as RFC 3339 in UTC, whole seconds.
pub(super) fn written(at: &DateTime) -> Option<String> {
    let at = time::OffsetDateTime::from_unix_timestamp(at.secs()).ok()?;
    at.format(&time::format_description::well_known::Rfc3339).ok()
}

/// A revision by ARN, `family:7`, or the newest active one of a family; `None` when there is none, or it is deleted.
pub async fn read(aws: &Aws, which: &str, stack: &str) -> Result<Option<Revision>, CallError> {
    let request =
        aws.ecs.describe_task_definition().task_definition(which).include(TaskDefinitionField::Tags);
    let sent = call("ecs:DescribeTaskDefinition", request.send()).await;
    let Some(answer) = absent_definition(sent)? else { return Ok(None) };
    let definition = answer.task_definition();
    let there = definition.filter(|one| one.status() != Some(&TaskDefinitionStatus::DeleteInProgress));
    Ok(there.map(|definition| revision(definition, answer.tags(), stack)))
}

fn revision(definition: &TaskDefinition, found: &[Tag], stack: &str) -> Revision {
    let found: BTreeMap<&str, &str> =
        found.iter().filter_map(|tag| Some((tag.key()?, tag.value().unwrap_or_default()))).collect();
    let tag = |key: &str| found.get(key).map(|value| (*value).to_owned());
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let containers = definition.container_definitions().iter();
    Revision {
        name: format!("{}:{}", definition.family().unwrap_or_default(), definition.revision()),
        arn: text(definition.task_definition_arn()),
        active: definition.status() == Some(&TaskDefinitionStatus::Active),
        ours: tag(STACK).as_deref() == Some(stack),
        registered: definition.registered_at().and_then(written),
        images: containers.map(|one| (text(one.name()), text(one.image()))).collect(),
        tag: tag(tags::IMAGE_TAG),
        commit: tag(tags::COMMIT),
        pull_request: tag(tags::PULL_REQUEST),
        run: tag(tags::RUN),
    }
}

/// Several revisions by ARN; what is deleted is left out.
pub async fn read_all(
    aws: &Aws,
    arns: impl IntoIterator<Item = String>,
    stack: &str,
) -> Result<BTreeMap<String, Revision>, CallError> {
    let mut waiting: Vec<String> = arns.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let mut running = JoinSet::new();
    let mut found = BTreeMap::new();
    loop {
        while running.len() < LIMIT
            && let Some(arn) = waiting.pop()
        {
            let (aws, stack) = (aws.clone(), stack.to_owned());
            running.spawn(async move {
                let seen = read(&aws, &arn, &stack).await;
                (arn, seen)
            });
        }
        match running.join_next().await {
            None => return Ok(found),
            Some(Ok((arn, seen))) => found.extend(seen?.map(|revision| (arn, revision))),
            Some(Err(_)) => {} // the runtime ends: nobody waits for the answer
        }
    }
}

/// The ARNs of a family's revisions that are active, or that are not; newest first, at most about `most`.
pub async fn list(aws: &Aws, family: &str, active: bool, most: usize) -> Result<Vec<String>, CallError> {
    let status = if active { TaskDefinitionStatus::Active } else { TaskDefinitionStatus::Inactive };
    let mut arns: Vec<String> = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let request = aws.ecs.list_task_definitions().family_prefix(family).status(status.clone());
        let request = request.sort(SortOrder::Desc).set_next_token(token);
        let page = call("ecs:ListTaskDefinitions", request.send()).await?;
        let own = |arn: &&String| short(arn).rsplit_once(':').is_some_and(|(name, _)| name == family);
        arns.extend(page.task_definition_arns().iter().filter(own).cloned());
        token = page.next_token().map(str::to_owned);
        if token.is_none() || arns.len() >= most {
            return Ok(arns);
        }
    }
}
