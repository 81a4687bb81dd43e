//! Whether new images fit: built for the task's processor, in a repository that keeps them.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;

use super::choice::{Choice, Source};
use super::platforms::{self, Platform};
use super::registry::{Held, Registry};
use super::upkeep::{self, Upkeep};
use super::{LookupError, Problem, joined};
use crate::aws::Aws;
use crate::config::{Config, CpuArchitecture};

/// What was found out about new images.
#[derive(Debug, Default)]
pub struct Finding {
    /// Images that cannot run.
    pub problems: Vec<Problem>,
    /// What the reader of the plan should know.
    pub warnings: Vec<String>,
    /// What could not be found out.
    pub notes: Vec<String>,
}

/// An image in ECR.
type Place = (Registry, String, String);

/// What one read gave.
enum Read {
    Platforms(Place, Result<BTreeSet<Platform>, String>),
    Upkeep(String, String, Upkeep),
}

/// Looks at the images that do not run already. Images that share a digest are read once, and all reads run in parallel.
pub async fn look(aws: &Aws, config: &Config, chosen: &[(&Source, Choice)]) -> Result<Finding, LookupError> {
    let cpu_of = |source: &Source| {
        config.tasks.get(&source.task).map(|task| config.cpu_architecture_of(task)).unwrap_or_default()
    };
    let mut asked: BTreeSet<Place> = BTreeSet::new();
    let mut kept_by: BTreeMap<(Registry, String), Held> = BTreeMap::new();
    for (source, choice) in chosen {
        if !is_new(source, choice, cpu_of(source)) {
            continue;
        }
        if let Some(place) = place(source, choice) {
            if let Some(held) = &choice.held {
                kept_by.entry((place.0.clone(), place.1.clone())).or_insert_with(|| held.clone());
            }
            asked.insert(place);
        }
    }
    let mut reads = JoinSet::new();
    for place in asked {
        let aws = aws.clone();
        reads.spawn(async move {
            let (registry, repository, digest) = &place;
            let found = platforms::in_ecr(&aws, registry, repository, digest).await;
            Ok(Read::Platforms(place, found.map_err(|error| error.to_string())))
        });
    }
    for ((registry, repository), held) in kept_by {
        let aws = aws.clone();
        reads.spawn(async move {
            let upkeep = upkeep::read(&aws, &registry, &repository, &held).await;
            let tag = held.tag.unwrap_or(held.digest);
            Ok(Read::Upkeep(repository, tag, upkeep))
        });
    }
    let mut error = LookupError::default();
    let (mut known, mut remarks) = (BTreeMap::new(), BTreeMap::new());
    for read in joined(reads, &mut error).await {
        match read {
            Read::Platforms(place, found) => _ = known.insert(place, found),
            Read::Upkeep(repository, tag, upkeep) => _ = remarks.insert((repository, tag), upkeep),
        }
    }
    if !error.is_empty() {
        return Err(error);
    }
    let mut finding = Finding { warnings: warnings(&remarks), ..Finding::default() };
    let mut noted = BTreeSet::new();
    for (source, choice) in chosen {
        let cpu = cpu_of(source);
        let place = place(source, choice);
        let platforms = match place.as_ref().and_then(|place| known.get(place)) {
            Some(Ok(platforms)) => platforms,
            Some(Err(why)) => {
                if noted.insert(place) {
                    finding.notes.push(format!(
                        "what the image `{}` is built for was not checked: {why}",
                        choice.image.image.image
                    ));
                }
                continue;
            }
            None => &choice.platforms,
        };
        if !platforms.is_empty() && !platforms.contains(&Platform::of(cpu)) {
            finding.problems.push(unfit(source, choice, cpu, platforms));
        }
    }
    Ok(finding)
}

/// Another digest than the one that runs, or another processor.
fn is_new(source: &Source, choice: &Choice, cpu: CpuArchitecture) -> bool {
    let Some(running) = &source.running else { return true };
    let same_digest = choice
        .image
        .image
        .digest
        .as_ref()
        .is_some_and(|digest| running.image.ends_with(&format!("@{digest}")));
    let ran_on = running.cpu_architecture.as_deref().unwrap_or(CpuArchitecture::default().as_str());
    !same_digest || ran_on != cpu.as_str()
}

fn place(source: &Source, choice: &Choice) -> Option<Place> {
    choice.image.repository_arn.as_ref()?;
    let digest = choice.image.image.digest.clone()?;
    Some((source.registry.clone()?, source.reference.repository.clone(), digest))
}

fn unfit(source: &Source, choice: &Choice, cpu: CpuArchitecture, platforms: &BTreeSet<Platform>) -> Problem {
    let image = &choice.image.image;
    let name = image.tag.as_ref().map_or_else(
        || format!("the image `{}`", source.text),
        |tag| format!("the image of `{}` tagged `{tag}`", source.reference.repository),
    );
    let listed = platforms.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
    let what = format!("{name} is built for {listed}, and task `{}` runs on {}", source.task, cpu.as_str());
    let build = format!("build the image for `{}` too (`docker buildx build --platform`)", Platform::of(cpu));
    let other = match cpu {
        CpuArchitecture::X86 => CpuArchitecture::Arm,
        CpuArchitecture::Arm => CpuArchitecture::X86,
    };
    let hint = if platforms.contains(&Platform::of(other)) {
        format!("set `cpu_architecture: {}` in `tasks.{}`, or {build}", other.as_str(), source.task)
    } else {
        build
    };
    let key = format!("tasks.{}.cpu_architecture", source.task);
    Problem::new(what, hint).key(&key).route(["tasks", source.task.as_str(), "image"])
}

/// What is worth knowing of the repositories, each thing once.
fn warnings(remarks: &BTreeMap<(String, String), Upkeep>) -> Vec<String> {
    let movable: BTreeSet<String> = remarks
        .iter()
        .filter(|(_, upkeep)| upkeep.movable)
        .map(|((repository, _), _)| format!("`{repository}`"))
        .collect();
    let mut told = Vec::new();
    if !movable.is_empty() {
        let (noun, verb) = if movable.len() == 1 { ("repository", "lets") } else { ("repositories", "let") };
        let names = movable.into_iter().collect::<Vec<_>>().join(", ");
        told.push(format!(
            "the ECR {noun} {names} {verb} tags move to other images (`imageTagMutability`); the digest is what is released"
        ));
    }
    for ((repository, tag), upkeep) in remarks {
        told.extend(upkeep.removed_by.as_ref().map(|rule| {
            format!(
                "the lifecycle policy of the ECR repository `{repository}` may remove the image tagged `{tag}` while it runs: {rule}"
            )
        }));
    }
    told
}
