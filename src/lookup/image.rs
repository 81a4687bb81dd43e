//! The images of all tasks: what runs, and what ECR says; `choice` decides between them.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;

use super::choice::{Missing, Source, asks, decide};
use super::registry::{self, Answer, Ask, By, Registry};
use super::running;
use super::{LookupError, Problem, Wish, joined};
use crate::aws::Aws;
use crate::config::{Config, ImageRef};
use crate::stack::facts::TaskImage;
use crate::stack::{self, Names, Scope};

/// How many tags or repositories an error lists.
const LISTED: usize = 5;

/// The images by task, and what the reader should know about them.
pub type Found = (BTreeMap<String, TaskImage>, Vec<String>);

/// Finds the image of every task: one round for what runs, one for ECR, and one more only when something is missing.
pub async fn images(
    aws: &Aws,
    config: &Config,
    names: &Names,
    scope: &Scope,
    wish: &Wish,
) -> Result<Found, LookupError> {
    let pin = wish.image_tag.as_deref();
    if let Some(tag) = pin.filter(|tag| ImageRef::parse(&format!("image:{tag}")).is_err()) {
        let hint = "a tag has up to 128 letters, digits, `_`, `.` and `-`";
        return Err(Problem::new(format!("`{tag}` is not an image tag"), hint).key("--image-tag").into());
    }
    let sources = sources(aws, config, names, scope).await?;
    let mut error = LookupError::default();
    let mut reads = JoinSet::new();
    for ask in sources.iter().flat_map(|source| asks(source, pin)).collect::<BTreeSet<_>>() {
        let aws = aws.clone();
        reads.spawn(async move {
            let answer = registry::ask(&aws, &ask).await?;
            Ok((ask, answer))
        });
    }
    let answers: BTreeMap<Ask, Answer> = joined(reads, &mut error).await.into_iter().collect();
    if !error.is_empty() {
        return Err(error);
    }
    let mut images = BTreeMap::new();
    let mut warned: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in &sources {
        match decide(source, pin, scope, &answers) {
            Ok((image, warning)) => {
                images.insert(source.task.clone(), image);
                if let Some(warning) = warning {
                    warned.entry(warning).or_default().push(format!("`{}`", source.task));
                }
            }
            Err(missing) => error.problems.push(explain(aws, &source.task, &missing).await),
        }
    }
    // Tasks often share a repository: what is the same for all is said once.
    let warnings = warned.into_iter().map(|(warning, tasks)| match tasks.as_slice() {
        [task] => format!("{warning} (task {task})"),
        tasks => format!("{warning} (tasks {})", tasks.join(", ")),
    });
    if error.is_empty() { Ok((images, warnings.collect())) } else { Err(error) }
}

async fn sources(
    aws: &Aws,
    config: &Config,
    names: &Names,
    scope: &Scope,
) -> Result<Vec<Source>, LookupError> {
    let mut error = LookupError::default();
    let mut reads = JoinSet::new();
    for (key, task) in &config.tasks {
        let reference = match ImageRef::parse(&task.image) {
            Ok(reference) => reference,
            Err(why) => {
                let problem =
                    Problem::new(format!("the image `{}` {why}", task.image), "write `repository:tag`");
                let key_path = format!("tasks.{key}.image");
                error.problems.push(problem.key(&key_path).route(["tasks", key, "image"]));
                continue;
            }
        };
        let registry = home(&reference, scope);
        let (aws, stack) = (aws.clone(), names.stack.clone());
        let (family, container) =
            (stack::family(key, task).to_owned(), stack::container(key, task).to_owned());
        let (task, text) = (key.clone(), task.image.clone());
        reads.spawn(async move {
            let running = running::read(&aws, &family, &container, &stack).await?;
            Ok(Source { task, text, reference, registry, running })
        });
    }
    let mut sources = joined(reads, &mut error).await;
    sources.sort_by(|a, b| a.task.cmp(&b.task));
    if error.is_empty() { Ok(sources) } else { Err(error) }
}

/// A short name is looked for in the account's own registry first.
fn home(reference: &ImageRef, scope: &Scope) -> Option<Registry> {
    match &reference.registry {
        Some(host) => Registry::from_host(host),
        None => Some(Registry { account: scope.account.clone(), region: scope.region.clone() }),
    }
}

/// Says what is missing, with what there is instead.
async fn explain(aws: &Aws, task: &str, missing: &Missing) -> Problem {
    let Missing { ask, answer } = missing;
    let Ask { registry, repository, by } = ask.as_ref();
    let key = format!("tasks.{task}.image");
    let place = format!("{} ({})", registry.account, registry.region);
    // The lists only help: when they cannot be read, the problem is told without them.
    let problem = match (answer, by) {
        (Answer::NoRepository, _) => Problem::new(
            format!("the account {place} has no ECR repository `{repository}`"),
            format!("create the repository and push an image, or correct `{key}`"),
        )
        .candidates(nearest(repository, registry::repositories(aws, registry).await.unwrap_or_default())),
        (Answer::Denied, _) => Problem::new(
            format!("the ECR repository `{repository}` of the account {place} refuses `ecr:DescribeImages`"),
            format!("allow it in the repository's policy, or write the image with its digest in `{key}`"),
        ),
        (_, By::Tag(tag)) => Problem::new(
            format!("the ECR repository `{repository}` of the account {place} has no image tagged `{tag}`"),
            format!("push an image with that tag, or correct `{key}`"),
        )
        .candidates(newest(tag, registry::tags(aws, registry, repository).await.unwrap_or_default())),
        (_, By::Digest(digest)) => Problem::new(
            format!("the ECR repository `{repository}` of the account {place} has no image `{digest}`"),
            format!("push that image, or correct `{key}`"),
        ),
    };
    problem.key(&key).route(["tasks", task, "image"])
}

/// The names that look most like the wanted one.
fn nearest(wanted: &str, mut names: Vec<String>) -> Vec<String> {
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
