//! Which image a task gets: the digest that runs, or the one behind a tag. Pure.

use std::collections::BTreeMap;

use super::registry::{Answer, Ask, By, Registry};
use super::running::Running;
use crate::config::ImageRef;
use crate::model::{Image, ImageOrigin};
use crate::stack::facts::TaskImage;
use crate::stack::{Scope, tags};

/// What is known of a task's image before ECR is asked.
#[derive(Debug, Clone)]
pub struct Source {
    /// The task's key.
    pub task: String,
    /// The reference as the configuration writes it.
    pub text: String,
    /// The same, taken apart.
    pub reference: ImageRef,
    /// Where the repository is, or would be if the short name is one of the account's own; `None` outside ECR.
    pub registry: Option<Registry>,
    /// What runs now.
    pub running: Option<Running>,
}

/// ECR lacks what the configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What was asked.
    pub ask: Box<Ask>,
    /// What ECR said.
    pub answer: Answer,
}

impl Source {
    fn ask(&self, by: By) -> Option<Ask> {
        let registry = self.registry.clone()?;
        Some(Ask { registry, repository: self.reference.repository.clone(), by })
    }

    fn configured(&self) -> By {
        By::Tag(self.reference.tag.clone().unwrap_or_else(|| "latest".to_owned()))
    }

    /// What runs, with its digest, when it was found for what the configuration names still.
    fn kept(&self) -> Option<(&Running, String)> {
        let running = self.running.as_ref()?;
        let held = ImageRef::parse(&running.image).ok()?;
        let registry = Registry::from_host(held.registry.as_deref()?)?;
        let same_place =
            self.registry.as_ref() == Some(&registry) && held.repository == self.reference.repository;
        let same_source = running.source.as_ref().is_none_or(|source| *source == tags::value(&self.text));
        if same_place && same_source { Some((running, held.digest?)) } else { None }
    }

    fn is_short(&self) -> bool {
        self.reference.registry.is_none()
    }

    fn image(
        &self,
        image: String,
        tag: Option<&str>,
        digest: Option<String>,
        origin: ImageOrigin,
    ) -> TaskImage {
        TaskImage {
            image: Image { task: self.task.clone(), image, tag: tag.map(str::to_owned), digest, origin },
            source: self.text.clone(),
            repository_arn: None,
            commit: tag.filter(|tag| is_commit(tag)).map(str::to_owned),
        }
    }

    /// An image of ECR, by its digest.
    fn pinned(&self, scope: &Scope, digest: &str, tag: Option<&str>, origin: ImageOrigin) -> TaskImage {
        let host = self.reference.registry.clone().unwrap_or_else(|| scope.registry());
        let repository = &self.reference.repository;
        let arn = self.registry.clone().map(|Registry { account, region }| {
            Scope { partition: scope.partition.clone(), region, account }.repository_arn(repository)
        });
        let image = format!("{host}/{repository}@{digest}");
        TaskImage { repository_arn: arn, ..self.image(image, tag, Some(digest.to_owned()), origin) }
    }

    /// An image that stays as it is written.
    fn outside(&self) -> (TaskImage, Option<String>) {
        let reference = &self.reference;
        let text = &self.text;
        let where_from = if self.is_short() {
            "is no repository of the account's ECR and is pulled from Docker Hub"
        } else {
            "is outside ECR"
        };
        let warning = format!(
            "the image `{text}` {where_from}: its tag is kept as it is, so a new image under that tag goes unnoticed"
        );
        let image = self.image(
            text.clone(),
            reference.tag.as_deref(),
            reference.digest.clone(),
            ImageOrigin::Outside,
        );
        (image, reference.digest.is_none().then_some(warning))
    }
}

/// What ECR must be asked about an image.
pub fn asks(source: &Source, pin: Option<&str>) -> Vec<Ask> {
    let by = match (&source.reference.digest, pin) {
        (Some(digest), _) if source.is_short() => vec![By::Digest(digest.clone())],
        (Some(_), _) => vec![],
        (None, Some(tag)) if source.kept().is_some() => vec![By::Tag(tag.to_owned())],
        (None, Some(tag)) => vec![By::Tag(tag.to_owned()), source.configured()],
        (None, None) if source.kept().is_some() => vec![],
        (None, None) => vec![source.configured()],
    };
    by.into_iter().filter_map(|by| source.ask(by)).collect()
}

/// Decides by what ECR answered; with a warning (that does not name the task), where the result is not what one may expect.
pub fn decide(
    source: &Source,
    pin: Option<&str>,
    scope: &Scope,
    answers: &BTreeMap<Ask, Answer>,
) -> Result<(TaskImage, Option<String>), Missing> {
    if source.registry.is_none() {
        return Ok(source.outside());
    }
    let reference = &source.reference;
    if let Some(digest) = &reference.digest {
        let tag = reference.tag.as_deref();
        let as_written = source.pinned(scope, digest, tag, ImageOrigin::Configured);
        if !source.is_short() {
            return Ok((as_written, None));
        }
        return resolve(source, By::Digest(digest.clone()), answers).map(|digest| match digest {
            Some(_) => (as_written, None),
            None => source.outside(),
        });
    }
    let mut warning = None;
    if let Some(tag) = pin {
        match resolve(source, By::Tag(tag.to_owned()), answers) {
            Ok(Some(digest)) => {
                return Ok((source.pinned(scope, &digest, Some(tag), ImageOrigin::Pinned), None));
            }
            Ok(None) => return Ok(source.outside()),
            Err(missing) if missing.answer == Answer::NoRepository => return Err(missing),
            Err(missing) => {
                let repository = &reference.repository;
                let why = if missing.answer == Answer::Denied {
                    format!(
                        "the ECR repository `{repository}` of another account may not be asked for the tag `{tag}`"
                    )
                } else {
                    format!("the ECR repository `{repository}` has no image tagged `{tag}`")
                };
                let then = match source.kept() {
                    Some(_) => "the image that runs now stays".to_owned(),
                    None => format!("`{}` is taken", source.text),
                };
                warning = Some(format!("{why}: {then}"));
            }
        }
    }
    if let Some((running, digest)) = source.kept() {
        let image = source.pinned(scope, &digest, running.tag.as_deref(), ImageOrigin::Running);
        let commit = running.commit.clone().or(image.commit);
        return Ok((TaskImage { commit, ..image }, warning));
    }
    let by = source.configured();
    let By::Tag(tag) = by.clone() else {
        return Ok(source.outside());
    };
    match resolve(source, by, answers)? {
        Some(digest) => Ok((source.pinned(scope, &digest, Some(&tag), ImageOrigin::Configured), warning)),
        None => Ok(source.outside()),
    }
}

/// The digest; `None` when a short name is no repository of the account's own registry.
fn resolve(source: &Source, by: By, answers: &BTreeMap<Ask, Answer>) -> Result<Option<String>, Missing> {
    let Some(ask) = source.ask(by) else {
        return Ok(None);
    };
    match answers.get(&ask) {
        Some(Answer::Digest(digest)) => Ok(Some(digest.clone())),
        Some(Answer::NoRepository) if source.is_short() => Ok(None),
        Some(answer) => Err(Missing { ask: Box::new(ask), answer: answer.clone() }),
        // `asks` names everything that is resolved here; what was not asked is not there.
        None => Err(Missing { ask: Box::new(ask), answer: Answer::NoImage }),
    }
}

/// A tag that looks like a Git commit, short or whole.
fn is_commit(tag: &str) -> bool {
    (7..=40).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_hexdigit())
}
