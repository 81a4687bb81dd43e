//! What a task definition holds now.

use aws_sdk_ecs::types::{TaskDefinition, TaskDefinitionField};

use crate::aws::{self, Aws};
use crate::model::CallError;
use crate::stack::tags;

/// The IAM actions of this file.
pub const READS: &[&str] = &["ecs:DescribeTaskDefinition"];

/// The image of the newest active revision of a family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// The reference that the container holds.
    pub image: String,
    /// The configuration's reference that it was found for, as its tag says.
    pub source: Option<String>,
    /// The tag that it was found by, as its tag says.
    pub tag: Option<String>,
    /// The commit that it was built from, as its tag says.
    pub commit: Option<String>,
    /// The processor that the revision asks for; without one, ECS takes `X86_64`.
    pub cpu_architecture: Option<String>,
}

/// Reads the family's newest active revision. A family of another stack counts as none: its image is not ours to keep.
pub async fn read(
    aws: &Aws,
    family: &str,
    container: &str,
    stack: &str,
) -> Result<Option<Running>, CallError> {
    let ask = aws.ecs.describe_task_definition().task_definition(family).include(TaskDefinitionField::Tags);
    let sent = aws::call("ecs:DescribeTaskDefinition", ask.send()).await;
    // ECS calls it a ClientException when a family has no active revision.
    let Some(found) = aws::absent(sent, &["ClientException"])? else {
        return Ok(None);
    };
    let tag = |key: &str| found.tags().iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value());
    if tag(tags::STACK).is_some_and(|owner| owner != stack) {
        return Ok(None);
    }
    let containers = found.task_definition().map(TaskDefinition::container_definitions).unwrap_or_default();
    let named = containers.iter().find(|found| found.name() == Some(container)).or(match containers {
        [only] => Some(only),
        _ => None,
    });
    let platform = found.task_definition().and_then(TaskDefinition::runtime_platform);
    let cpu = platform.and_then(|platform| platform.cpu_architecture()).map(|cpu| cpu.as_str().to_owned());
    Ok(named.and_then(|container| container.image()).map(|image| Running {
        image: image.to_owned(),
        source: tag(tags::IMAGE_SOURCE).map(str::to_owned),
        tag: tag(tags::IMAGE_TAG).map(str::to_owned),
        commit: tag(tags::COMMIT).map(str::to_owned),
        cpu_architecture: cpu.clone(),
    }))
}
