//! The event file of a run: what happened that started it.
//!
//! Everything in it may be missing, and most of it was written by others. Titles and branch names are foreign text.

use super::payload;

/// The account that updates dependencies; its runs get neither secrets nor a writing token.
const DEPENDABOT: &str = "dependabot[bot]";
/// `before` of the push that creates a branch, and `after` of the one that deletes it.
pub(super) const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// What started the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// `pull_request`.
    PullRequest(PullRequestEvent),
    /// `pull_request_target`: a pull request again, but with secrets and a writing token whoever opened it.
    PullRequestTarget(PullRequestEvent),
    /// `push`.
    Push(PushEvent),
    /// `merge_group`: the merge queue asks for a check.
    MergeGroup(MergeGroupEvent),
    /// `workflow_dispatch`: somebody pressed the button.
    Dispatch(DispatchEvent),
    /// `schedule`.
    Schedule(ScheduleEvent),
    /// An event that the product does nothing for.
    Other {
        /// Its name, such as `schedule`.
        name: String,
    },
}

/// A pull request was opened, got commits, was closed, …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestEvent {
    /// Number within the repository.
    pub number: u64,
    /// What happened: `opened`, `synchronize`, `reopened`, `closed`, …
    pub action: String,
    /// SHA of the last commit of the pull request.
    pub head_sha: String,
    /// Branch name of the head: foreign text.
    pub head_ref: String,
    /// `owner/name` of the head, `None` when that fork was deleted.
    pub head_repo: Option<String>,
    /// Tip of the base branch when the event happened.
    pub base_sha: String,
    /// Branch that the pull request goes to.
    pub base_ref: String,
    /// `owner/name` of the base.
    pub base_repo: Option<String>,
    /// Not ready for review.
    pub draft: bool,
    /// Merged, with `action` `closed`.
    pub merged: bool,
    /// Title: foreign text.
    pub title: String,
    /// Login of the author.
    pub user: String,
    /// Login of the account that caused the event.
    pub actor: String,
}

/// Commits arrived on a branch, or a tag was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushEvent {
    /// Tip before, forty zeros for a new branch.
    pub before: String,
    /// Tip after, forty zeros for a deleted branch.
    pub after: String,
    /// Whole name, such as `refs/heads/main`.
    pub ref_name: String,
    /// History was rewritten.
    pub forced: bool,
    /// The branch is gone.
    pub deleted: bool,
    /// The branch is new.
    pub created: bool,
    /// The repository's default branch.
    pub default_branch: Option<String>,
    /// Message of the last commit: foreign text.
    pub message: String,
    /// SHAs of the pushed commits, oldest first; GitHub names 2,048 at most.
    pub commits: Vec<String>,
    /// Login of the account that pushed or merged.
    pub sender: String,
}

/// A merge queue made a group of pull requests and waits for checks of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MergeGroupEvent {
    /// `checks_requested` or `destroyed`.
    pub action: String,
    /// SHA of the group's last commit.
    pub head_sha: String,
    /// `refs/heads/gh-readonly-queue/<base>/pr-<number>-<sha>`.
    pub head_ref: String,
    /// SHA that the group is made on.
    pub base_sha: String,
    /// Branch that the group goes to, without `refs/heads/`.
    pub base_ref: String,
    /// The last pull request of the group, read from `head_ref`.
    pub number: Option<u64>,
}

/// Somebody started the workflow by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DispatchEvent {
    /// The ref that was chosen, such as `refs/heads/main`.
    pub ref_name: String,
    /// The repository's default branch.
    pub default_branch: Option<String>,
    /// The workflow's inputs as text: foreign text.
    pub inputs: std::collections::BTreeMap<String, String>,
    /// Login of whoever pressed the button first; a re-run may be by somebody else.
    pub sender: String,
}

/// The clock started the workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScheduleEvent {
    /// The cron expression.
    pub cron: String,
    /// The repository's default branch.
    pub default_branch: Option<String>,
}

/// Whether a run for a pull request has what is needed to call AWS and to write a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// The branch is in this repository.
    Available,
    /// The branch is in a fork.
    Fork,
    /// The branch was in a fork that is deleted.
    DeletedFork,
    /// Dependabot caused the run.
    Dependabot,
}

/// An event file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event file of `{name}` {problem}")]
pub struct EventError {
    /// Name of the event.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Event {
    /// Reads the event file (`GITHUB_EVENT_PATH`) of an event (`GITHUB_EVENT_NAME`). Only of the events that the product
    /// acts on is the text looked at.
    pub fn read(name: &str, json_text: &str) -> Result<Self, EventError> {
        if !payload::EVENTS.contains(&name) {
            return Ok(Self::Other { name: name.into() });
        }
        let problem = |problem: String| EventError { name: name.into(), problem };
        match payload::read(name, json_text) {
            Ok(event) => Ok(event),
            // It is refused whatever it says, unless it was asked for.
            Err(_) if name == "pull_request_target" => Ok(Self::Other { name: name.into() }),
            Err(payload::Unusable::Unreadable(why)) => Err(problem(format!("is not readable: {why}"))),
            Err(payload::Unusable::Missing(field)) => Err(problem(format!("has no usable `{field}`"))),
        }
    }

    /// Its name, as `GITHUB_EVENT_NAME` spells it.
    pub fn name(&self) -> &str {
        match self {
            Self::PullRequest(_) => "pull_request",
            Self::PullRequestTarget(_) => "pull_request_target",
            Self::Push(_) => "push",
            Self::MergeGroup(_) => "merge_group",
            Self::Dispatch(_) => "workflow_dispatch",
            Self::Schedule(_) => "schedule",
            Self::Other { name } => name,
        }
    }

    /// Whether this is a pull request from another repository, or from one that is gone.
    pub fn is_fork(&self) -> bool {
        match self {
            Self::PullRequest(pull) | Self::PullRequestTarget(pull) => pull.is_fork(),
            _ => false,
        }
    }
}

impl PullRequestEvent {
    /// Whether the head is not in the repository of the base. When that cannot be told it counts as a fork.
    pub fn is_fork(&self) -> bool {
        match (&self.head_repo, &self.base_repo) {
            (Some(head), Some(base)) => !head.eq_ignore_ascii_case(base),
            _ => true,
        }
    }

    /// Whether the run may call AWS and write.
    pub fn credentials(&self) -> Credentials {
        if self.head_repo.is_none() {
            Credentials::DeletedFork
        } else if self.is_fork() {
            Credentials::Fork
        } else if self.actor == DEPENDABOT {
            Credentials::Dependabot
        } else {
            Credentials::Available
        }
    }
}

impl PushEvent {
    /// Name of the branch, `None` for a tag.
    pub fn branch(&self) -> Option<&str> {
        self.ref_name.strip_prefix("refs/heads/")
    }

    /// Whether the branch is the repository's default branch.
    pub fn is_default_branch(&self) -> bool {
        self.branch().is_some() && self.branch() == self.default_branch.as_deref()
    }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
