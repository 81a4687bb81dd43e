//! The plan: a value with named parts.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Action, Address, Change, Input};

/// Where the digest of an image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageOrigin {
    /// The tag that was asked for with `--image-tag`.
    Pinned,
    /// The digest that the current task definition holds; the repository was not asked.
    Running,
    /// The tag of the configuration, because nothing runs yet or the configuration names another tag.
    Configured,
    /// A registry other than the account's ECR: kept as written.
    Outside,
}

/// What it means that an image has not the tag that was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Demand {
    /// Nothing is carried out: it is told.
    #[default]
    Told,
    /// The tag was typed, or nobody named one: an error where the stack file says `release: required`.
    Typed,
    /// A workflow names the tag: an error unless the stack file says `release: auto`.
    Workflow,
}

/// The image of one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// The task's key.
    pub task: String,
    /// The reference that the task definition holds.
    pub image: String,
    /// The tag that the digest was found by.
    pub tag: Option<String>,
    /// `sha256:…`, when known.
    pub digest: Option<String>,
    /// Where the digest comes from.
    pub origin: ImageOrigin,
}

/// An address at which people find a web service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The task's key.
    pub task: String,
    /// For example `https://app.example.com`.
    pub url: String,
    /// The DNS name of the load balancer, where the stack makes no record that leads there: somebody else has to.
    pub point_to: Option<Input<String>>,
}

/// How many resources each action touches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// To be made.
    pub create: usize,
    /// To be taken over.
    pub adopt: usize,
    /// To be changed in place.
    pub update: usize,
    /// To be made anew.
    pub replace: usize,
    /// To be deleted.
    pub delete: usize,
    /// As wanted already.
    pub keep: usize,
}

/// Everything that an apply would do, in dependency order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The stack's name.
    pub stack: String,
    /// The AWS account id.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// What happens to each resource: makers before users, deletions last.
    pub changes: Vec<Change>,
    /// What each resource waits for, for the executor.
    pub edges: std::collections::BTreeMap<Address, BTreeSet<Address>>,
    /// The images of the tasks.
    pub images: Vec<Image>,
    /// Where the web services will be found, those for all paths first.
    pub endpoints: Vec<Endpoint>,
    /// What the reader should know although nothing will be done about it.
    pub warnings: Vec<String>,
    /// SHA-256 over what would be done, in hex: equal for equal effects.
    pub fingerprint: String,
}

impl Plan {
    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(|change| change.action == Action::Keep)
    }

    /// The counts.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for change in &self.changes {
            match change.action {
                Action::Create => summary.create += 1,
                Action::Adopt => summary.adopt += 1,
                Action::Update => summary.update += 1,
                Action::Replace => summary.replace += 1,
                Action::Delete => summary.delete += 1,
                Action::Keep => summary.keep += 1,
            }
        }
        summary
    }
}
