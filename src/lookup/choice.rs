//! Which image a task gets: the digest that runs, or the one behind a tag. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::commit;
use super::outside::{self, Elsewhere};
use super::platforms::Platform;
use super::registry::{Answer, Ask, By, Held, Registry};
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
    /// The tag of the configuration is looked up although something runs.
    pub anew: bool,
    /// Without an image of the tag that was asked for, there is no plan.
    pub required: bool,
}

/// What the registries said.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// ECR.
    pub ecr: BTreeMap<Ask, Answer>,
    /// Registries outside ECR, by the reference in the configuration.
    pub outside: BTreeMap<String, Elsewhere>,
}

/// The image of a task, and how it came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The image.
    pub image: TaskImage,
    /// What the reader should know, without the name of the task.
    pub warning: Option<String>,
    /// What ECR holds, when it was asked just now.
    pub held: Option<Held>,
    /// What the image is built for, when its registry has told already.
    pub platforms: BTreeSet<Platform>,
}

/// A registry lacks what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// ECR.
    Ecr {
        /// What was asked.
        ask: Box<Ask>,
        /// What it said.
        answer: Answer,
        /// It was asked for the tag that is released, and the image must have it.
        required: bool,
    },
    /// Another registry, which has no such image.
    Outside,
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
    pub fn kept(&self) -> Option<(&Running, String)> {
        if self.anew {
            return None;
        }
        let running = self.running.as_ref()?;
        let held = ImageRef::parse(&running.image).ok()?;
        let recorded = running.source.as_ref().map(|source| *source == tags::value(&self.text));
        let same_name =
            held.registry == self.reference.registry && held.repository == self.reference.repository;
        let registry = held.registry.as_deref().and_then(Registry::from_host);
        let is_kept = match (&self.registry, registry) {
            // Found in ECR: an unrecorded one is taken for the one that is meant.
            (Some(own), Some(registry)) => {
                *own == registry && held.repository == self.reference.repository && recorded != Some(false)
            }
            // Found elsewhere: a short name may be of either place, and only what is recorded tells.
            (None, None) => same_name && recorded != Some(false),
            (Some(_), None) => self.is_short() && same_name && recorded == Some(true),
            (None, Some(_)) => false,
        };
        if is_kept { Some((running, held.digest?)) } else { None }
    }

    /// What runs is of another registry than ECR, and stays.
    fn kept_outside(&self) -> bool {
        self.kept().is_some_and(|(running, _)| {
            let held = ImageRef::parse(&running.image).ok();
            held.is_none_or(|held| held.registry.as_deref().and_then(Registry::from_host).is_none())
        })
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
            commit: tag.and_then(commit::of).map(str::to_owned),
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

    /// An image of another registry, by its digest. The name stays as it is written, so that it reads the same whether
    /// its registry could be asked or not.
    fn pinned_outside(&self, digest: &str, tag: Option<&str>, origin: ImageOrigin) -> TaskImage {
        let name = ImageRef { tag: None, digest: Some(digest.to_owned()), ..self.reference.clone() };
        self.image(name.to_string(), tag, Some(digest.to_owned()), origin)
    }

    /// An image of another registry: what runs, what its registry said, or as it is written.
    fn outside(&self, answers: &Answers) -> Result<Choice, Missing> {
        let reference = &self.reference;
        if self.kept_outside()
            && let Some((running, digest)) = self.kept()
        {
            let image = self.pinned_outside(&digest, running.tag.as_deref(), ImageOrigin::Running);
            let commit = running.commit.clone().or(image.commit);
            return Ok(Choice::of(TaskImage { commit, ..image }));
        }
        let tag = reference.tag.as_deref();
        let as_written = self.image(self.text.clone(), tag, reference.digest.clone(), ImageOrigin::Outside);
        let answer = answers.outside.get(&self.text);
        if let Some(Elsewhere::Image { digest, platforms }) = answer {
            let image = match &reference.digest {
                Some(_) => as_written,
                None => self.pinned_outside(digest, tag.or(Some("latest")), ImageOrigin::Configured),
            };
            return Ok(Choice { platforms: platforms.clone(), ..Choice::of(image) });
        }
        if answer == Some(&Elsewhere::NoImage) && reference.digest.is_none() {
            return Err(Missing::Outside);
        }
        let warning = reference.digest.is_none().then(|| self.unpinned(answer));
        Ok(Choice { warning, ..Choice::of(as_written) })
    }

    /// Why an image stays as it is written.
    fn unpinned(&self, answer: Option<&Elsewhere>) -> String {
        let text = &self.text;
        let host = outside::host(&self.reference);
        let place = match host {
            "docker.io" if self.is_short() => {
                "is no repository of the account's ECR and is pulled from Docker Hub"
            }
            _ => "is outside ECR",
        };
        let why = match answer {
            Some(Elsewhere::Refused { signed_in: true }) => {
                format!(", and `{host}` refuses it to the account of the Docker configuration")
            }
            Some(Elsewhere::Refused { signed_in: false }) => {
                format!(
                    ", and `{host}` refuses to tell its digest without signing in (`docker login {host}`)"
                )
            }
            Some(Elsewhere::Limited) if host == "docker.io" => {
                ", and Docker Hub's limit for pulls without an account is reached (`docker login` raises it)"
                    .to_owned()
            }
            Some(Elsewhere::Limited) => format!(", and `{host}` was asked too often"),
            Some(Elsewhere::Unreachable(why)) => format!(", and `{host}` could not be asked ({why})"),
            Some(Elsewhere::Image { .. } | Elsewhere::NoImage) | None => String::new(),
        };
        format!(
            "the image `{text}` {place}{why}: its tag is kept as it is, so a new image under that tag goes unnoticed"
        )
    }
}

impl Choice {
    fn of(image: TaskImage) -> Self {
        Self { image, warning: None, held: None, platforms: BTreeSet::new() }
    }
}

/// What ECR must be asked about an image.
pub fn asks(source: &Source, pin: Option<&str>) -> Vec<Ask> {
    let by = match (&source.reference.digest, pin) {
        (Some(digest), _) if source.is_short() => vec![By::Digest(digest.clone())],
        (Some(_), _) => vec![],
        (None, Some(tag)) if source.kept().is_some() => vec![By::pin(tag)],
        (None, Some(tag)) => vec![By::pin(tag), source.configured()],
        (None, None) if source.kept().is_some() => vec![],
        (None, None) => vec![source.configured()],
    };
    by.into_iter().filter_map(|by| source.ask(by)).collect()
}

/// What ECR said it has not, and a build may still push: what is released, else what the configuration names.
pub fn awaited(source: &Source, pin: Option<&str>, answers: &Answers) -> Option<Ask> {
    if source.reference.digest.is_some() {
        return None;
    }
    let by = match pin {
        Some(tag) => By::pin(tag),
        None if source.kept().is_some() => return None,
        None => source.configured(),
    };
    source.ask(by).filter(|ask| answers.ecr.get(ask) == Some(&Answer::NoImage))
}

/// Whether a registry outside ECR must be asked: nothing that ECR has, and nothing that stays.
pub fn asks_outside(source: &Source, pin: Option<&str>, answers: &Answers) -> bool {
    let in_ecr = source.registry.is_some()
        && !(source.is_short()
            && asks(source, pin).iter().any(|ask| answers.ecr.get(ask) == Some(&Answer::NoRepository)));
    !in_ecr && !source.kept_outside() && (source.reference.digest.is_none() || source.is_new_digest())
}

/// Decides by what the registries answered; with a warning (that does not name the task), where the result is not what one
/// may expect.
pub fn decide(
    source: &Source,
    pin: Option<&str>,
    scope: &Scope,
    answers: &Answers,
) -> Result<Choice, Missing> {
    if source.registry.is_none() {
        return source.outside(answers);
    }
    let reference = &source.reference;
    if let Some(digest) = &reference.digest {
        let tag = reference.tag.as_deref();
        let as_written = Choice::of(source.pinned(scope, digest, tag, ImageOrigin::Configured));
        if !source.is_short() {
            return Ok(as_written);
        }
        return match resolve(source, By::Digest(digest.clone()), answers)? {
            Some(_) => Ok(as_written),
            None => source.outside(answers),
        };
    }
    let mut warning = None;
    if let Some(tag) = pin {
        match resolve(source, By::pin(tag), answers) {
            Ok(Some(held)) => {
                let found = held.tag.as_deref().unwrap_or(tag);
                let image = source.pinned(scope, &held.digest, Some(found), ImageOrigin::Pinned);
                // The longer of the two says more.
                let asked = commit::of(tag).map(str::to_owned);
                let commit = asked.into_iter().chain(image.commit.clone()).max_by_key(String::len);
                let image = TaskImage { commit, ..image };
                return Ok(Choice { held: Some(held), ..Choice::of(image) });
            }
            Ok(None) => return source.outside(answers),
            Err(missing) => warning = Some(source.lacking(tag, missing)?),
        }
    }
    if source.kept_outside() {
        return source.outside(answers).map(|choice| Choice { warning, ..choice });
    }
    if let Some((running, digest)) = source.kept() {
        let image = source.pinned(scope, &digest, running.tag.as_deref(), ImageOrigin::Running);
        let commit = running.commit.clone().or(image.commit);
        return Ok(Choice { warning, ..Choice::of(TaskImage { commit, ..image }) });
    }
    let by = source.configured();
    match resolve(source, by.clone(), answers)? {
        Some(held) => {
            let image = source.pinned(scope, &held.digest, Some(by.text()), ImageOrigin::Configured);
            Ok(Choice { warning, held: Some(held), ..Choice::of(image) })
        }
        None => source.outside(answers),
    }
}

impl Source {
    /// The digest of the configuration is not the one that runs.
    fn is_new_digest(&self) -> bool {
        let running = self.running.as_ref().and_then(|running| ImageRef::parse(&running.image).ok());
        running.and_then(|running| running.digest) != self.reference.digest
    }

    /// What is told of a repository that lacks the tag that was asked for; or that there is no plan without it.
    fn lacking(&self, tag: &str, missing: Missing) -> Result<String, Missing> {
        let Missing::Ecr { ask, answer, .. } = missing else { return Err(missing) };
        let repository = &self.reference.repository;
        let why = match &answer {
            Answer::NoImage => format!("the ECR repository `{repository}` has no image tagged `{tag}`"),
            Answer::Denied => format!(
                "the ECR repository `{repository}` of another account may not be asked for the tag `{tag}`"
            ),
            Answer::NoRepository | Answer::Archived | Answer::Ambiguous(_) | Answer::Image(_) => {
                return Err(Missing::Ecr { ask, answer, required: false });
            }
        };
        if self.required {
            return Err(Missing::Ecr { ask, answer, required: true });
        }
        let then = match self.kept() {
            Some(_) => "the image that runs now stays".to_owned(),
            None => format!("`{}` is taken", self.text),
        };
        Ok(format!("{why}: {then}"))
    }
}

/// What ECR holds; `None` when a short name is no repository of the account's own registry.
fn resolve(source: &Source, by: By, answers: &Answers) -> Result<Option<Held>, Missing> {
    let Some(ask) = source.ask(by) else {
        return Ok(None);
    };
    let missing = |answer: Answer| Missing::Ecr { ask: Box::new(ask.clone()), answer, required: false };
    match answers.ecr.get(&ask) {
        Some(Answer::Image(held)) => Ok(Some(held.clone())),
        Some(Answer::NoRepository) if source.is_short() => Ok(None),
        Some(answer) => Err(missing(answer.clone())),
        // `asks` names everything that is resolved here; what was not asked is not there.
        None => Err(missing(Answer::NoImage)),
    }
}
