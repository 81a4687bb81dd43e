//! What was released: deployments of services and revisions of task definitions.

use std::collections::BTreeMap;

use serde::Serialize;

/// How a release ended, or where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseState {
    /// Its rollout still runs.
    InProgress,
    /// It was rolled out.
    Succeeded,
    /// It is being rolled back.
    RollingBack,
    /// It was rolled back.
    RolledBack,
    /// Neither it nor its rollback came to an end.
    Failed,
    /// It was stopped, by somebody or by a newer one.
    Stopped,
    /// ECS has no record of it.
    Unknown,
}

impl ReleaseState {
    /// The stable word of the documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in-progress",
            Self::Succeeded => "succeeded",
            Self::RollingBack => "rolling-back",
            Self::RolledBack => "rolled-back",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }
}

/// A registered revision of a task definition, and what its tags tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Revision {
    /// `family:7`.
    pub name: String,
    /// Its ARN.
    #[serde(skip)]
    pub arn: String,
    /// Services and tasks can be started from it; ECS calls any other INACTIVE.
    pub active: bool,
    /// It carries the ownership tags of the stack that asks.
    #[serde(skip)]
    pub ours: bool,
    /// When it was registered, RFC 3339 in UTC.
    pub registered: Option<String>,
    /// Container → image as registered.
    pub images: BTreeMap<String, String>,
    /// The tag that the image was found by.
    pub tag: Option<String>,
    /// The commit that the image was built from.
    pub commit: Option<String>,
    /// The address of the pull request that it was registered for.
    pub pull_request: Option<String>,
    /// The address of the workflow run that registered it.
    pub run: Option<String>,
}

impl Revision {
    /// Container → `sha256:…`, of the images that are pinned.
    pub fn digests(&self) -> BTreeMap<String, String> {
        let digest = |image: &String| image.split_once('@').map(|(_, digest)| digest.to_owned());
        self.images.iter().filter_map(|(name, image)| Some((name.clone(), digest(image)?))).collect()
    }

    /// `7` of `family:7`; 0 when there is no number.
    pub fn number(&self) -> u64 {
        self.name.rsplit_once(':').and_then(|(_, number)| number.parse().ok()).unwrap_or_default()
    }
}

/// One deployment of a service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Release {
    /// The ARN of the service deployment, which `wait --deployment` takes; absent when ECS has no record.
    pub deployment: Option<String>,
    /// How it ended.
    pub outcome: ReleaseState,
    /// ECS's words on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it began, RFC 3339 in UTC.
    pub at: Option<String>,
    /// From its beginning to its end, when it ended.
    pub seconds: Option<f64>,
    /// `family:7`.
    pub revision: String,
    /// Commit, pull request, run and images; absent when the revision is deleted.
    pub source: Option<Revision>,
    /// Container → digest as ECS resolved it, else as the revision pins it.
    pub digests: BTreeMap<String, String>,
    /// Tasks of it run now.
    pub runs_now: bool,
}

/// What was released to a service, newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct History {
    /// The service's key in the stack file.
    pub service: String,
    /// Whether there is such a service.
    pub exists: bool,
    /// ECS has records of its deployments; else the list is made from its revisions, and outcomes are unknown.
    pub recorded: bool,
    /// The releases.
    pub releases: Vec<Release>,
}

/// What a clean-up does to a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It stays.
    Keep,
    /// It becomes INACTIVE: nothing new is started from it.
    Deregister,
    /// It goes.
    Delete,
}

/// A revision in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The revision.
    #[serde(flatten)]
    pub revision: Revision,
    /// What uses it or may need it, in words; a revision in use is never cleaned up.
    pub used_by: Vec<String>,
    /// What a clean-up does to it.
    pub fate: Fate,
}

/// The revisions of a task, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Family {
    /// The task's key in the stack file.
    pub task: String,
    /// The revisions.
    pub revisions: Vec<Listed>,
}
