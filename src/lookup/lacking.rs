//! What is told of an image that is not there.

use super::Problem;
use super::choice::{Missing, Source};
use super::registry::{self, Answer, Ask, By};
use crate::aws::Aws;

/// How many tags or repositories an error lists.
const LISTED: usize = 5;

/// Says what is missing, with what there is instead.
pub async fn explain(aws: &Aws, source: &Source, missing: &Missing) -> Problem {
    let key = format!("tasks.{}.image", source.task);
    let problem = match missing {
        Missing::Ecr { ask, answer, required } => in_ecr(aws, source, ask, answer, *required).await,
        Missing::Outside => Problem::new(
            format!(
                "the registry `{}` has no image `{}`",
                super::outside::host(&source.reference),
                source.text
            ),
            format!("push the image, or correct `{key}`"),
        ),
    };
    problem.key(&key).route(["tasks", source.task.as_str(), "image"])
}

async fn in_ecr(aws: &Aws, source: &Source, ask: &Ask, answer: &Answer, required: bool) -> Problem {
    let Ask { registry, repository, by } = ask;
    let task = &source.task;
    let key = format!("tasks.{task}.image");
    let place = format!("{} ({})", registry.account, registry.region);
    let archived =
        *answer == Answer::Archived || (*answer == Answer::NoImage && registry::is_archived(aws, ask).await);
    // The lists only help: when they cannot be read, the problem is told without them.
    match (answer, by) {
        _ if archived => {
            let id = match by {
                By::Digest(digest) => format!("imageDigest={digest}"),
                By::Tag(tag) | By::Commit(tag) => format!("imageTag={tag}"),
            };
            Problem::new(
                format!(
                    "the image `{}` of the ECR repository `{repository}` of the account {place} is archived, and cannot be pulled",
                    by.text()
                ),
                format!(
                    "restore it with `aws ecr update-image-storage-class --repository-name {repository} --image-id {id} --target-storage-class STANDARD`, and wait until it is active"
                ),
            )
        }
        (Answer::NoRepository, _) => Problem::new(
            format!("the account {place} has no ECR repository `{repository}`"),
            format!("create the repository and push an image, or correct `{key}`"),
        )
        .candidates(nearest(repository, registry::repositories(aws, registry).await.unwrap_or_default())),
        (Answer::Ambiguous(tags), _) => Problem::new(
            format!(
                "several images of the ECR repository `{repository}` of the account {place} have tags that begin with `{}`",
                by.text()
            ),
            "give more digits of the commit to `--image-tag`",
        )
        .candidates(tags.iter().take(LISTED).cloned()),
        (Answer::Denied, By::Tag(tag) | By::Commit(tag)) if required => Problem::new(
            format!(
                "the ECR repository `{repository}` of the account {place} refuses `ecr:DescribeImages`, so the image of `{tag}` cannot be found for task `{task}`"
            ),
            format!(
                "allow it in the repository's policy, or set `release: auto` in `tasks.{task}` to keep the image that runs"
            ),
        ),
        (Answer::Denied, _) => Problem::new(
            format!("the ECR repository `{repository}` of the account {place} refuses `ecr:DescribeImages`"),
            format!("allow it in the repository's policy, or write the image with its digest in `{key}`"),
        ),
        (_, By::Tag(tag) | By::Commit(tag)) => {
            let hint = if required {
                format!(
                    "push the image before this step, or let it wait with `--wait-image 5m` (input `wait-image`); `release: auto` in `tasks.{task}` keeps the image that runs instead"
                )
            } else {
                format!("push an image with that tag, or correct `{key}`")
            };
            let what = format!(
                "the ECR repository `{repository}` of the account {place} has no image tagged `{tag}`{}",
                if required { format!(", which task `{task}` is to be released with") } else { String::new() }
            );
            let tags = registry::tags(aws, registry, repository).await.unwrap_or_default();
            Problem::new(what, hint).candidates(newest(tag, tags))
        }
        (_, By::Digest(digest)) => Problem::new(
            format!("the ECR repository `{repository}` of the account {place} has no image `{digest}`"),
            format!("push that image, or correct `{key}`"),
        ),
    }
}

/// The names that look most like the wanted one.
pub fn nearest(wanted: &str, mut names: Vec<String>) -> Vec<String> {
    let unlike = |name: &String| (1000.0 * (1.0 - strsim::jaro_winkler(wanted, name))).round();
    names.sort_by(|a, b| unlike(a).total_cmp(&unlike(b)).then_with(|| a.cmp(b)));
    names.truncate(LISTED);
    names
}

/// The newest tags, and the one that looks most like the wanted one.
pub fn newest(wanted: &str, tags: Vec<String>) -> Vec<String> {
    let alike = |tag: &String| strsim::jaro_winkler(wanted, tag) > 0.9;
    let near = nearest(wanted, tags.iter().filter(|tag| alike(tag)).cloned().collect());
    let mut listed: Vec<String> = near.into_iter().take(1).collect();
    for tag in tags {
        if listed.len() < LISTED && !listed.contains(&tag) {
            listed.push(tag);
        }
    }
    listed
}
