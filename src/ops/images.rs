//! Revisions and their images: what a revision pins, and whether ECR has something newer.

use std::collections::BTreeMap;

use aws_sdk_ecr::types::{ImageDetail, ImageIdentifier};
use aws_sdk_ecs::types::{TaskDefinition, TaskDefinitionField};

use crate::aws::{Aws, absent, call};
use crate::model::{CallError, ImageStatus, NewerImage};
use crate::stack::{STACK, tags};

/// The IAM actions of this file.
pub const READS: &[&str] = &["ecr:DescribeImages", "ecs:DescribeTaskDefinition"];

/// A revision of a task definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revision {
    /// Its ARN.
    pub arn: String,
    /// `family:revision`.
    pub name: String,
    /// The revision's number.
    pub number: i32,
    /// `ACTIVE`, `INACTIVE` or `DELETE_IN_PROGRESS`.
    pub status: String,
    /// The stack that registered it, as its tag says.
    pub stack: Option<String>,
    /// Its images.
    pub images: Vec<ImageStatus>,
}

impl Revision {
    /// Container → digest that it pins.
    pub fn pinned(&self) -> BTreeMap<String, String> {
        let digest = |image: &ImageStatus| Some((image.container.clone(), image.digest.clone()?));
        self.images.iter().filter_map(digest).collect()
    }
}

/// `family:revision` of an ARN.
pub fn short(arn: &str) -> &str {
    super::last(arn)
}

/// A revision by ARN, or a family's newest active one by the family's name; `None` when there is none.
pub async fn revision(aws: &Aws, name: &str) -> Result<Option<Revision>, CallError> {
    let ask = aws.ecs.describe_task_definition().task_definition(name).include(TaskDefinitionField::Tags);
    // ECS calls it a ClientException when there is no such revision.
    let sent = call("ecs:DescribeTaskDefinition", ask.send()).await;
    let Some(answer) = absent(sent, &["ClientException"])? else { return Ok(None) };
    let Some(found) = answer.task_definition() else { return Ok(None) };
    let tag = |key: &str| {
        answer.tags().iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value()).map(str::to_owned)
    };
    let arn = found.task_definition_arn().unwrap_or_default();
    Ok(Some(Revision {
        arn: arn.to_owned(),
        name: short(arn).to_owned(),
        number: found.revision(),
        status: found.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        stack: tag(STACK),
        images: images(found, tag(tags::IMAGE_TAG).as_ref(), tag(tags::COMMIT).as_ref()),
    }))
}

fn images(found: &TaskDefinition, tag: Option<&String>, commit: Option<&String>) -> Vec<ImageStatus> {
    let image = |container: &aws_sdk_ecs::types::ContainerDefinition| {
        let image = container.image().unwrap_or_default();
        ImageStatus {
            container: container.name().unwrap_or_default().to_owned(),
            image: image.to_owned(),
            digest: image.split_once('@').map(|(_, digest)| digest.to_owned()),
            tag: tag.cloned(),
            commit: commit.cloned(),
            newer: None,
            in_ecr: None,
        }
    };
    found.container_definitions().iter().map(image).collect()
}

/// An ECR repository as an image reference names it.
struct Place<'a> {
    account: &'a str,
    repository: &'a str,
}

/// The repository of a reference like `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:…`, if it is of this region.
fn place<'a>(reference: &'a str, region: &str) -> Option<Place<'a>> {
    let (host, rest) = reference.split_once('/')?;
    let (account, host) = host.split_once(".dkr.ecr.")?;
    host.strip_prefix(region)?.strip_prefix('.')?;
    let name = rest.split_once('@').map_or(rest, |(name, _)| name);
    let repository = name.split_once(':').map_or(name, |(name, _)| name);
    Some(Place { account, repository })
}

/// Finds out whether ECR still has the image, and whether it has something newer under `tag`, the tag that the stack file
/// names. An image outside this region's ECR stays as it is.
pub async fn compare(aws: &Aws, image: &mut ImageStatus, tag: Option<&str>) -> Result<(), CallError> {
    let Some(digest) = image.digest.clone() else { return Ok(()) };
    let Some(place) = place(&image.image, &aws.region) else { return Ok(()) };
    let running = detail(aws, &place, ImageIdentifier::builder().image_digest(&digest).build()).await?;
    image.in_ecr = Some(running.is_some());
    let Some(tag) = tag else { return Ok(()) };
    let Some(there) = detail(aws, &place, ImageIdentifier::builder().image_tag(tag).build()).await? else {
        return Ok(());
    };
    let pushed = there.image_pushed_at().map(super::moment).unwrap_or_default();
    let before = running.as_ref().and_then(ImageDetail::image_pushed_at).map(super::moment);
    if there.image_digest() != Some(&digest) && before.is_none_or(|before| before <= pushed) {
        let digest = there.image_digest().unwrap_or_default().to_owned();
        image.newer = Some(NewerImage { tag: tag.to_owned(), digest, pushed });
    }
    Ok(())
}

async fn detail(aws: &Aws, place: &Place<'_>, id: ImageIdentifier) -> Result<Option<ImageDetail>, CallError> {
    let ask = aws.ecr.describe_images().registry_id(place.account).repository_name(place.repository);
    let sent = call("ecr:DescribeImages", ask.image_ids(id).send()).await;
    let answer = absent(sent, &["ImageNotFoundException", "RepositoryNotFoundException"])?;
    Ok(answer.and_then(|answer| answer.image_details().first().cloned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_reference_tells_its_repository_only_in_this_region() {
        let reference = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:v1@sha256:0a";
        let found = place(reference, "us-east-1").unwrap();
        assert_eq!((found.account, found.repository), ("123456789012", "team/app"));
        assert!(place(reference, "us-east").is_none());
        assert!(place(reference, "eu-west-1").is_none());
        assert!(place("nginx:1", "us-east-1").is_none());
        assert!(place("ghcr.io/x/y@sha256:0a", "us-east-1").is_none());
    }
}
