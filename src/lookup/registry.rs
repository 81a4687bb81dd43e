//! What ECR says about repositories, tags and digests: in any account and region that the caller may ask.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecr::primitives::DateTime;
use aws_sdk_ecr::types::{
    DescribeImagesFilter, ImageDetail, ImageIdentifier, ImageStatus, ImageStatusFilter, TagStatus,
};

use super::commit;
use crate::aws::{Aws, call};
use crate::model::CallError;

/// The IAM actions of this file.
pub const READS: &[&str] = &["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:DescribeRepositories"];

/// How many images of a repository are looked through for tags, once something is missing.
const IMAGES_MAX: i32 = 1000;

/// A private ECR registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Registry {
    /// 12 digits.
    pub account: String,
    /// For example `eu-west-1`.
    pub region: String,
}

/// An image in question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// Where.
    pub registry: Registry,
    /// The repository with all its path segments.
    pub repository: String,
    /// Which image.
    pub by: By,
}

/// How an image is named within its repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// By tag.
    Tag(String),
    /// By a commit, short or whole: a tag that is written just so, or else one of the other forms of a commit's tag.
    Commit(String),
    /// By digest.
    Digest(String),
}

/// What ECR says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There is one.
    Image(Held),
    /// There is one, but in the archive, from where nobody can pull it.
    Archived,
    /// A short commit, and several commits that begin so: their tags.
    Ambiguous(Vec<String>),
    /// The repository has no such image.
    NoImage,
    /// There is no such repository.
    NoRepository,
    /// The repository belongs to another account, which does not let the caller ask.
    Denied,
}

/// An image that ECR holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Its digest; of the index, when the image is for several platforms.
    pub digest: String,
    /// The tag that it was found by.
    pub tag: Option<String>,
    /// All its tags, as far as they were told.
    pub tags: Vec<String>,
}

impl By {
    /// What `--image-tag` names.
    pub fn pin(tag: &str) -> Self {
        if commit::is_commit(tag) { Self::Commit(tag.to_owned()) } else { Self::Tag(tag.to_owned()) }
    }

    /// The tag, the commit or the digest.
    pub fn text(&self) -> &str {
        match self {
            Self::Tag(text) | Self::Commit(text) | Self::Digest(text) => text,
        }
    }
}

impl Registry {
    /// Reads `<account>.dkr.ecr[-fips].<region>.<suffix>` and the dual-stack form `<account>.dkr-ecr[-fips].<region>.on.aws`.
    pub fn from_host(host: &str) -> Option<Self> {
        let (account, rest) = host.split_once('.')?;
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let prefixes = ["dkr.ecr.", "dkr.ecr-fips.", "dkr-ecr.", "dkr-ecr-fips."];
        let rest = prefixes.iter().find_map(|prefix| rest.strip_prefix(prefix))?;
        let (region, suffix) = rest.split_once('.')?;
        let known = [
            "amazonaws.com",
            "amazonaws.com.cn",
            "on.aws",
            "on.amazonwebservices.com.cn",
            "c2s.ic.gov",
            "sc2s.sgov.gov",
            "cloud.adc-e.uk",
            "csp.hci.ic.gov",
        ];
        if region.is_empty() || !known.contains(&suffix) {
            return None;
        }
        Some(Self { account: account.to_owned(), region: region.to_owned() })
    }
}

/// Asks for one image. The other forms of a commit's tag cost a call or two, and only when the exact tag is missing.
pub async fn ask(aws: &Aws, ask: &Ask) -> Result<Answer, CallError> {
    let (id, tag) = match &ask.by {
        By::Tag(tag) | By::Commit(tag) => (ImageIdentifier::builder().image_tag(tag), Some(tag)),
        By::Digest(digest) => (ImageIdentifier::builder().image_digest(digest), None),
    };
    let op = "ecr:DescribeImages";
    let sent = client(aws, &ask.registry.region)
        .describe_images()
        .registry_id(&ask.registry.account)
        .repository_name(&ask.repository)
        .image_ids(id.build())
        .send();
    match call(op, sent).await {
        Ok(found) => match found.image_details().first() {
            Some(image) => Ok(held(image, tag)),
            None => Ok(Answer::NoImage),
        },
        Err(error) => match error.code.as_str() {
            "ImageNotFoundException" => match &ask.by {
                By::Commit(commit) => by_other_forms(aws, ask, commit).await,
                By::Tag(_) | By::Digest(_) => Ok(Answer::NoImage),
            },
            "RepositoryNotFoundException" => Ok(Answer::NoRepository),
            _ if error.is_access_denied() && ask.registry.account != aws.account => Ok(Answer::Denied),
            _ => Err(error),
        },
    }
}

fn held(image: &ImageDetail, tag: Option<&String>) -> Answer {
    if matches!(image.image_status(), Some(ImageStatus::Archived | ImageStatus::Activating)) {
        return Answer::Archived;
    }
    match image.image_digest() {
        None => Answer::NoImage,
        Some(digest) => Answer::Image(Held {
            digest: digest.to_owned(),
            tag: tag.cloned(),
            tags: image.image_tags().to_vec(),
        }),
    }
}

/// What the account's own ECR says about an image of a short name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShortImage {
    /// It is there: the registry's host.
    Found(String),
    /// The repository has no such tag.
    NoImage,
    /// There is no such repository.
    NoRepository,
}

/// Asks the account's own ECR for an image.
pub async fn short_image(aws: &Aws, repository: &str, tag: &str) -> Result<ShortImage, CallError> {
    let registry = Registry { account: aws.account.clone(), region: aws.region.clone() };
    let asked = Ask { registry, repository: repository.to_owned(), by: By::Tag(tag.to_owned()) };
    Ok(match ask(aws, &asked).await? {
        Answer::Image(_) => {
            // The suffix of the other partitions; all others have the first.
            let suffix = if aws.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
            ShortImage::Found(format!("{}.dkr.ecr.{}.{suffix}", aws.account, aws.region))
        }
        Answer::NoRepository => ShortImage::NoRepository,
        Answer::NoImage | Answer::Archived | Answer::Ambiguous(_) | Answer::Denied => ShortImage::NoImage,
    })
}

/// Whether an image that was not found lies in the archive: without a filter ECR tells only what can be pulled.
pub async fn is_archived(aws: &Aws, ask: &Ask) -> bool {
    let id = match &ask.by {
        By::Tag(tag) | By::Commit(tag) => ImageIdentifier::builder().image_tag(tag),
        By::Digest(digest) => ImageIdentifier::builder().image_digest(digest),
    };
    let sent = client(aws, &ask.registry.region)
        .describe_images()
        .registry_id(&ask.registry.account)
        .repository_name(&ask.repository)
        .image_ids(id.build())
        .filter(DescribeImagesFilter::builder().image_status(ImageStatusFilter::Any).build())
        .send();
    let found = call("ecr:DescribeImages", sent).await;
    found.is_ok_and(|found| {
        found.image_details().first().is_some_and(|image| held(image, None) == Answer::Archived)
    })
}

/// The image of a commit under another form of its tag. Whoever may not ask so finds the exact tag only.
async fn by_other_forms(aws: &Aws, ask: &Ask, commit: &str) -> Result<Answer, CallError> {
    let forms = commit::forms(commit);
    let ids = forms.iter().map(|form| ImageIdentifier::builder().image_tag(form).build()).collect();
    let sent = client(aws, &ask.registry.region)
        .batch_get_image()
        .registry_id(&ask.registry.account)
        .repository_name(&ask.repository)
        .set_image_ids(Some(ids))
        .send();
    let found = match call("ecr:BatchGetImage", sent).await {
        Ok(found) => found,
        Err(error) if error.is_access_denied() => return Ok(Answer::NoImage),
        Err(error) => return Err(error),
    };
    let mut by_tag: BTreeMap<&str, &str> = BTreeMap::new();
    for image in found.images().iter().filter_map(|image| image.image_id()) {
        by_tag.extend(image.image_tag().zip(image.image_digest()));
    }
    let first = forms.iter().find_map(|form| by_tag.get_key_value(form.as_str()));
    if let Some((tag, digest)) = first {
        return Ok(image_by(digest, tag));
    }
    if commit.len() == commit::WHOLE {
        return Ok(Answer::NoImage);
    }
    let images = match tagged(aws, &ask.registry, &ask.repository).await {
        Ok(images) => images,
        Err(error) if error.is_access_denied() => return Ok(Answer::NoImage),
        Err(error) => return Err(error),
    };
    let longer: Vec<(&str, &str)> = images
        .iter()
        .filter_map(|image| Some((image.image_digest()?, image)))
        .flat_map(|(digest, image)| image.image_tags().iter().map(move |tag| (tag.as_str(), digest)))
        .filter(|(tag, _)| commit::begins(tag, commit))
        .collect();
    let commits: BTreeSet<&str> = longer.iter().map(|(tag, _)| commit::of(tag).unwrap_or(tag)).collect();
    Ok(match (longer.first(), commits.len()) {
        (Some((tag, digest)), 1) => image_by(digest, tag),
        (Some(_), _) => Answer::Ambiguous(longer.iter().map(|(tag, _)| (*tag).to_owned()).collect()),
        (None, _) => Answer::NoImage,
    })
}

fn image_by(digest: &str, tag: &str) -> Answer {
    Answer::Image(Held { digest: digest.to_owned(), tag: Some(tag.to_owned()), tags: vec![tag.to_owned()] })
}

/// The tags of a repository, newest image first, of its first thousand images.
pub async fn tags(aws: &Aws, registry: &Registry, repository: &str) -> Result<Vec<String>, CallError> {
    let images = tagged(aws, registry, repository).await?;
    Ok(images.iter().flat_map(ImageDetail::image_tags).map(ToOwned::to_owned).collect())
}

/// The tagged images of a repository, newest first, of its first thousand.
async fn tagged(aws: &Aws, registry: &Registry, repository: &str) -> Result<Vec<ImageDetail>, CallError> {
    let sent = client(aws, &registry.region)
        .describe_images()
        .registry_id(&registry.account)
        .repository_name(repository)
        .filter(DescribeImagesFilter::builder().tag_status(TagStatus::Tagged).build())
        .max_results(IMAGES_MAX)
        .send();
    let mut images = call("ecr:DescribeImages", sent).await?.image_details.unwrap_or_default();
    images.sort_by_key(|image| std::cmp::Reverse(image.image_pushed_at().map(DateTime::secs)));
    Ok(images)
}

/// The names of a registry's repositories.
pub async fn repositories(aws: &Aws, registry: &Registry) -> Result<Vec<String>, CallError> {
    let sent = client(aws, &registry.region)
        .describe_repositories()
        .registry_id(&registry.account)
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>();
    let found = call("ecr:DescribeRepositories", sent).await?;
    Ok(found.iter().filter_map(|repository| repository.repository_name()).map(str::to_owned).collect())
}

/// The client of a region: ECR answers for its own region only.
pub fn client(aws: &Aws, region: &str) -> aws_sdk_ecr::Client {
    if region == aws.region {
        return aws.ecr.clone();
    }
    let region = aws_sdk_ecr::config::Region::new(region.to_owned());
    aws_sdk_ecr::Client::from_conf(aws.ecr.config().to_builder().region(region).build())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_ecr_host_tells_account_and_region() {
        for (host, region) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
        ] {
            let registry = Registry::from_host(host).unwrap();
            assert_eq!(
                (registry.account.as_str(), registry.region.as_str()),
                ("123456789012", region),
                "{host}"
            );
        }
    }

    #[test]
    fn a_host_that_only_looks_like_ecr_is_not() {
        for host in [
            "public.ecr.aws",
            "12345678901.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.example.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.org",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com:443",
            "123456789012.dkr.ecr..amazonaws.com",
            "registry.dkr.ecr.eu-west-1.amazonaws.com",
        ] {
            assert_eq!(Registry::from_host(host), None, "{host}");
        }
    }
}
