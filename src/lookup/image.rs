//! The images of all tasks: what runs, and what the registries say; `choice` decides between them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::JoinSet;

use super::choice::{Answers, Choice, Source, asks, asks_outside, awaited, decide};
use super::fit::{self, Finding};
use super::lacking::{explain, nearest};
use super::outside;
use super::registry::{self, Answer, Ask, Registry};
use super::running;
use super::{LookupError, Problem, Wish, joined};
use crate::aws::{Aws, patiently};
use crate::config::{Config, ImageRef, ReleaseRule, Task};
use crate::model::Demand;
use crate::stack::facts::TaskImage;
use crate::stack::{self, Names, Scope};

/// How long the first pause is when a build is waited for, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));

/// The images by task, and what the reader should know about them.
pub type Found = (BTreeMap<String, TaskImage>, Vec<String>);

/// Finds the image of every task: one round for what runs, one for ECR, and more only for what is new, missing, or outside ECR.
pub async fn images(
    aws: &Aws,
    config: &Config,
    names: &Names,
    scope: &Scope,
    wish: &Wish,
) -> Result<Found, LookupError> {
    if let Some(tag) =
        wish.image_tag.as_deref().filter(|tag| ImageRef::parse(&format!("image:{tag}")).is_err())
    {
        let hint = "a tag has up to 128 letters, digits, `_`, `.` and `-`";
        return Err(Problem::new(format!("`{tag}` is not an image tag"), hint).key("--image-tag").into());
    }
    if let Some(task) = wish.refresh.iter().find(|task| !config.tasks.contains_key(*task)) {
        let problem =
            Problem::new(format!("the stack file has no task `{task}`"), "name a task of the stack file");
        let there = nearest(task, config.tasks.keys().cloned().collect());
        return Err(problem.key("--refresh").candidates(there).into());
    }
    let sources = sources(aws, config, names, scope, wish).await?;
    let mut answers = Answers::default();
    let questions: BTreeSet<Ask> =
        sources.iter().flat_map(|source| asks(source, wish.tag_of(&source.task))).collect();
    answers.ecr = ask_all(aws, questions).await?;
    if let Some(limit) = wish.wait_image {
        wait(aws, config, &sources, limit, wish, &mut answers).await?;
    }
    answers.outside = ask_outside(&sources, wish, &answers).await?;

    let mut error = LookupError::default();
    let mut chosen: Vec<(&Source, Choice)> = Vec::new();
    for source in &sources {
        match decide(source, wish.tag_of(&source.task), scope, &answers) {
            Ok(choice) => chosen.push((source, choice)),
            Err(missing) => error.problems.push(explain(aws, source, &missing).await),
        }
    }
    if !error.is_empty() {
        return Err(error);
    }
    let Finding { problems, warnings: told, notes } = fit::look(aws, config, &chosen).await?;
    if !problems.is_empty() {
        return Err(LookupError { problems, ..LookupError::default() });
    }
    for note in &notes {
        wish.tell.say(note);
    }

    // Tasks often share a repository: what is the same for all is said once.
    let mut warned: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut images = BTreeMap::new();
    for (source, choice) in chosen {
        if let Some(warning) = choice.warning {
            warned.entry(warning).or_default().push(format!("`{}`", source.task));
        }
        images.insert(source.task.clone(), choice.image);
    }
    let warnings = warned.into_iter().map(|(warning, tasks)| match tasks.as_slice() {
        [task] => format!("{warning} (task {task})"),
        tasks => format!("{warning} (tasks {})", tasks.join(", ")),
    });
    Ok((images, warnings.chain(told).collect()))
}

async fn ask_all(aws: &Aws, asks: BTreeSet<Ask>) -> Result<BTreeMap<Ask, Answer>, LookupError> {
    let mut error = LookupError::default();
    let mut reads = JoinSet::new();
    for ask in asks {
        let aws = aws.clone();
        reads.spawn(async move {
            let answer = registry::ask(&aws, &ask).await?;
            Ok((ask, answer))
        });
    }
    let answers = joined(reads, &mut error).await.into_iter().collect();
    if error.is_empty() { Ok(answers) } else { Err(error) }
}

/// Waits until ECR has what it lacked, or the time is up. A task whose file says `auto` does not need the image.
async fn wait(
    aws: &Aws,
    config: &Config,
    sources: &[Source],
    limit: Duration,
    wish: &Wish,
    answers: &mut Answers,
) -> Result<(), LookupError> {
    let waits = |source: &&Source| {
        let rule = config.tasks.get(&source.task).and_then(|task| config.release_of(task));
        rule != Some(ReleaseRule::Auto) && wish.is_for(&source.task)
    };
    let missing: BTreeSet<Ask> = sources
        .iter()
        .filter(waits)
        .filter_map(|source| awaited(source, wish.tag_of(&source.task), answers))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    for Ask { repository, by, .. } in &missing {
        wish.tell.say(&format!(
            "waiting up to {} s for an image tagged `{}` in the ECR repository `{repository}`",
            limit.as_secs(),
            by.text()
        ));
    }
    let open = std::sync::Mutex::new((missing, BTreeMap::new()));
    // A thread that panics holding this lock ends the process.
    let lock = || open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (first, longest) = PAUSES;
    patiently(limit, first, longest, || async {
        let asked = lock().0.clone();
        let found = ask_all(aws, asked).await?;
        let mut open = lock();
        for (ask, answer) in found.into_iter().filter(|(_, answer)| *answer != Answer::NoImage) {
            wish.tell.say(&format!("`{}` is in the ECR repository `{}`", ask.by.text(), ask.repository));
            open.0.remove(&ask);
            open.1.insert(ask, answer);
        }
        Ok::<_, LookupError>(open.0.is_empty().then_some(()))
    })
    .await?;
    let found = std::mem::take(&mut lock().1);
    answers.ecr.extend(found);
    Ok(())
}

async fn ask_outside(
    sources: &[Source],
    wish: &Wish,
    answers: &Answers,
) -> Result<BTreeMap<String, outside::Elsewhere>, LookupError> {
    let mut error = LookupError::default();
    let mut reads = JoinSet::new();
    let asked: BTreeMap<&String, &ImageRef> = sources
        .iter()
        .filter(|source| asks_outside(source, wish.tag_of(&source.task), answers))
        .map(|source| (&source.text, &source.reference))
        .collect();
    for (text, reference) in asked {
        let (registries, text, reference) = (wish.registries.clone(), text.clone(), reference.clone());
        reads.spawn(async move { Ok((text, outside::ask(&registries, &reference).await)) });
    }
    let found = joined(reads, &mut error).await.into_iter().collect();
    if error.is_empty() { Ok(found) } else { Err(error) }
}

async fn sources(
    aws: &Aws,
    config: &Config,
    names: &Names,
    scope: &Scope,
    wish: &Wish,
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
        let required = wish.is_for(key) && is_required(config, task, wish.demand);
        let anew = wish.refresh.contains(key);
        let (task, text) = (key.clone(), task.image.clone());
        reads.spawn(async move {
            let running = running::read(&aws, &family, &container, &stack).await?;
            Ok(Source { task, text, reference, registry, running, anew, required })
        });
    }
    let mut sources = joined(reads, &mut error).await;
    sources.sort_by(|a, b| a.task.cmp(&b.task));
    if error.is_empty() { Ok(sources) } else { Err(error) }
}

/// Whether a task must get an image of the tag that was asked for. On a merge, a release that silently does not happen is the
/// worst outcome; a plan of a pull request comes before its image is built.
fn is_required(config: &Config, task: &Task, demand: Demand) -> bool {
    match (demand, config.release_of(task)) {
        (Demand::Told, _) | (_, Some(ReleaseRule::Auto)) | (Demand::Typed, None) => false,
        (Demand::Typed | Demand::Workflow, Some(ReleaseRule::Required)) | (Demand::Workflow, None) => true,
    }
}

/// A short name is looked for in the account's own registry first.
fn home(reference: &ImageRef, scope: &Scope) -> Option<Registry> {
    match &reference.registry {
        Some(host) => Registry::from_host(host),
        None => Some(Registry { account: scope.account.clone(), region: scope.region.clone() }),
    }
}
