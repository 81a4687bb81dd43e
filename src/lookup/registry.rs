//! What ECR says about repositories, tags and digests: in any account and region that the caller may ask.

use aws_sdk_ecr::primitives::DateTime;
use aws_sdk_ecr::types::{DescribeImagesFilter, ImageIdentifier, TagStatus};

use crate::aws::{Aws, call};
use crate::model::CallError;

/// The IAM actions of this file.
pub const READS: &[&str] = &["ecr:DescribeImages", "ecr:DescribeRepositories"];

/// How many images of a repository are looked through for the newest tags, once something is missing.
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
    /// By digest.
    Digest(String),
}

/// What ECR says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The digest of the image; of the index, when the image is for several platforms.
    Digest(String),
    /// The repository has no such image.
    NoImage,
    /// There is no such repository.
    NoRepository,
    /// The repository belongs to another account, which does not let the caller ask.
    Denied,
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

/// Asks for one image.
pub async fn ask(aws: &Aws, ask: &Ask) -> Result<Answer, CallError> {
    let id = match &ask.by {
        By::Tag(tag) => ImageIdentifier::builder().image_tag(tag),
        By::Digest(digest) => ImageIdentifier::builder().image_digest(digest),
    };
    let op = "ecr:DescribeImages";
    let sent = client(aws, &ask.registry.region)
        .describe_images()
        .registry_id(&ask.registry.account)
        .repository_name(&ask.repository)
        .image_ids(id.build())
        .send();
    match call(op, sent).await {
        Ok(found) => {
            let digest = found.image_details().iter().find_map(|image| image.image_digest());
            Ok(digest.map_or(Answer::NoImage, |digest| Answer::Digest(digest.to_owned())))
        }
        Err(error) => match error.code.as_str() {
            "ImageNotFoundException" => Ok(Answer::NoImage),
            "RepositoryNotFoundException" => Ok(Answer::NoRepository),
            _ if error.is_access_denied() && ask.registry.account != aws.account => Ok(Answer::Denied),
            _ => Err(error),
        },
    }
}

/// The tags of a repository, newest image first, of its first thousand images.
pub async fn tags(aws: &Aws, registry: &Registry, repository: &str) -> Result<Vec<String>, CallError> {
    let sent = client(aws, &registry.region)
        .describe_images()
        .registry_id(&registry.account)
        .repository_name(repository)
        .filter(DescribeImagesFilter::builder().tag_status(TagStatus::Tagged).build())
        .max_results(IMAGES_MAX)
        .send();
    let found = call("ecr:DescribeImages", sent).await?;
    let mut images: Vec<_> = found.image_details().iter().collect();
    images.sort_by_key(|image| std::cmp::Reverse(image.image_pushed_at().map(DateTime::secs)));
    Ok(images.iter().flat_map(|image| image.image_tags()).map(ToOwned::to_owned).collect())
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
fn client(aws: &Aws, region: &str) -> aws_sdk_ecr::Client {
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
