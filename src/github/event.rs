//! The event file of a run: what happened that started it.
//!
//! Everything in it may be missing, and most of it was written by others. Titles and branch names are foreign text.

use serde::Deserialize;

/// The account that updates dependencies; its runs get neither secrets nor a writing token.
const DEPENDABOT: &str = "dependabot[bot]";
/// `before` of the push that creates a branch, and `after` of the one that deletes it.
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// What started the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// `pull_request`.
    PullRequest(PullRequestEvent),
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

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payload {
    action: Option<String>,
    number: Option<u64>,
    pull_request: Option<Pull>,
    before: Option<String>,
    after: Option<String>,
    #[serde(rename = "ref")]
    ref_name: Option<String>,
    forced: Option<bool>,
    deleted: Option<bool>,
    created: Option<bool>,
    head_commit: Option<Commit>,
    commits: Option<Vec<Commit>>,
    repository: Option<Repository>,
    sender: Option<User>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pull {
    number: Option<u64>,
    title: Option<String>,
    draft: Option<bool>,
    merged: Option<bool>,
    user: Option<User>,
    head: Option<Side>,
    base: Option<Side>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Side {
    sha: Option<String>,
    #[serde(rename = "ref")]
    name: Option<String>,
    repo: Option<Repository>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Repository {
    full_name: Option<String>,
    default_branch: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    login: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Commit {
    id: Option<String>,
    message: Option<String>,
}

impl Event {
    /// Reads the event file (`GITHUB_EVENT_PATH`) of an event (`GITHUB_EVENT_NAME`). Only for the two events that the
    /// product acts on is the text looked at.
    pub fn read(name: &str, json_text: &str) -> Result<Self, EventError> {
        // `pull_request_target` is another event on purpose: it runs with secrets for code of forks.
        if !matches!(name, "pull_request" | "push") {
            return Ok(Self::Other { name: name.into() });
        }
        let problem = |problem: String| EventError { name: name.into(), problem };
        let payload: Payload = serde_json::from_str(json_text.trim_start_matches('\u{feff}'))
            .map_err(|error| problem(format!("is not readable: {error}")))?;
        let event =
            if name == "push" { push(payload).map(Self::Push) } else { pull(payload).map(Self::PullRequest) };
        event.map_err(|missing| problem(format!("has no usable `{missing}`")))
    }

    /// Whether this is a pull request from another repository, or from one that is gone.
    pub fn is_fork(&self) -> bool {
        match self {
            Self::PullRequest(pull) => pull.is_fork(),
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

fn pull(payload: Payload) -> Result<PullRequestEvent, &'static str> {
    let pull = payload.pull_request.ok_or("pull_request")?;
    let head = pull.head.ok_or("pull_request.head")?;
    let base = pull.base.ok_or("pull_request.base")?;
    let repository = base.repo.and_then(|repo| repo.full_name);
    Ok(PullRequestEvent {
        number: payload.number.or(pull.number).filter(|number| *number > 0).ok_or("number")?,
        action: payload.action.unwrap_or_default(),
        head_sha: sha(head.sha).ok_or("pull_request.head.sha")?,
        head_ref: head.name.unwrap_or_default(),
        head_repo: head.repo.and_then(|repo| repo.full_name),
        base_sha: base.sha.unwrap_or_default(),
        base_ref: base.name.ok_or("pull_request.base.ref")?,
        base_repo: repository.or_else(|| payload.repository.and_then(|repo| repo.full_name)),
        draft: pull.draft.unwrap_or(false),
        merged: pull.merged.unwrap_or(false),
        title: pull.title.unwrap_or_default(),
        user: pull.user.and_then(|user| user.login).unwrap_or_default(),
        actor: payload.sender.and_then(|user| user.login).unwrap_or_default(),
    })
}

fn push(payload: Payload) -> Result<PushEvent, &'static str> {
    let before = sha(payload.before).unwrap_or_else(|| NO_COMMIT.into());
    let after = sha(payload.after).ok_or("after")?;
    Ok(PushEvent {
        deleted: payload.deleted.unwrap_or(false) || after == NO_COMMIT,
        created: payload.created.unwrap_or(false) || before == NO_COMMIT,
        before,
        after,
        ref_name: payload.ref_name.ok_or("ref")?,
        forced: payload.forced.unwrap_or(false),
        default_branch: payload.repository.and_then(|repo| repo.default_branch),
        message: payload.head_commit.and_then(|commit| commit.message).unwrap_or_default(),
        commits: payload
            .commits
            .unwrap_or_default()
            .into_iter()
            .filter_map(|commit| sha(commit.id))
            .collect(),
    })
}

/// A SHA-1 or SHA-256 name of a commit.
fn sha(text: Option<String>) -> Option<String> {
    text.filter(|text| matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;
    use serde_json::{Value, json};

    fn pull_payload(head_repo: &Value, sender: &str) -> Value {
        json!({
            "action": "synchronize",
            "number": 7,
            "pull_request": {
                "number": 7, "title": "Grow", "draft": true, "merged": false, "user": {"login": "author"},
                "head": {"sha": "a".repeat(40), "ref": "grow", "repo": head_repo},
                "base": {"sha": "b".repeat(40), "ref": "main", "repo": {"full_name": "octo/app", "fork": false}},
                "labels": [{"name": "x"}],
            },
            "repository": {"full_name": "octo/app", "default_branch": "main"},
            "sender": {"login": sender},
        })
    }

    fn read_pull(head_repo: &Value, sender: &str) -> PullRequestEvent {
        match Event::read("pull_request", &pull_payload(head_repo, sender).to_string()).unwrap() {
            Event::PullRequest(pull) => pull,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_pull_request_of_the_own_repository_has_credentials() {
        let pull = read_pull(&json!({"full_name": "Octo/App"}), "author");
        assert_eq!(
            (pull.number, pull.action.as_str(), pull.draft, pull.merged),
            (7, "synchronize", true, false)
        );
        assert_eq!((pull.head_sha, pull.head_ref.as_str()), ("a".repeat(40), "grow"));
        assert_eq!((pull.base_sha, pull.base_ref.as_str()), ("b".repeat(40), "main"));
        let pull = read_pull(&json!({"full_name": "Octo/App"}), "author");
        assert_eq!((pull.is_fork(), pull.credentials()), (false, Credentials::Available));
    }

    #[test]
    fn a_fork_a_deleted_fork_and_dependabot_have_none() {
        let own = json!({"full_name": "octo/app"});
        for (repo, sender, fork, wanted) in [
            (json!({"full_name": "stranger/app"}), "stranger", true, Credentials::Fork),
            (Value::Null, "stranger", true, Credentials::DeletedFork),
            (own, "dependabot[bot]", false, Credentials::Dependabot),
        ] {
            let pull = read_pull(&repo, sender);
            assert_eq!((pull.is_fork(), pull.credentials()), (fork, wanted), "{repo}");
        }
    }

    #[test]
    fn a_base_that_is_not_named_counts_as_a_fork() {
        let mut payload = pull_payload(&json!({"full_name": "octo/app"}), "author");
        payload["pull_request"]["base"]["repo"] = Value::Null;
        payload["repository"] = Value::Null;
        assert!(Event::read("pull_request", &payload.to_string()).unwrap().is_fork());
    }

    #[test]
    fn a_push_is_read_and_its_default_branch_known() {
        let text = json!({
            "before": "b".repeat(40), "after": "c".repeat(40), "ref": "refs/heads/main", "forced": true,
            "deleted": false, "created": false, "head_commit": {"id": "c".repeat(40), "message": "Merge\n\nmore"},
            "commits": [{"id": "d".repeat(40)}, {"id": "c".repeat(40)}], "repository": {"default_branch": "main"},
        });
        let Event::Push(push) = Event::read("push", &text.to_string()).unwrap() else { panic!() };
        assert_eq!((push.branch(), push.is_default_branch()), (Some("main"), true));
        assert_eq!((push.forced, push.deleted, push.created), (true, false, false));
        assert_eq!(
            (push.message.as_str(), push.commits),
            ("Merge\n\nmore", vec!["d".repeat(40), "c".repeat(40)])
        );
    }

    #[test]
    fn a_new_a_deleted_branch_and_a_tag_are_told_from_an_update() {
        let read = |before: &str, after: &str, name: &str| {
            let text = json!({"before": before, "after": after, "ref": name, "repository": {"default_branch": "main"}});
            match Event::read("push", &text.to_string()).unwrap() {
                Event::Push(push) => (push.created, push.deleted, push.is_default_branch()),
                other => panic!("{other:?}"),
            }
        };
        let sha = "c".repeat(40);
        assert_eq!(read(NO_COMMIT, &sha, "refs/heads/x"), (true, false, false));
        assert_eq!(read(&sha, NO_COMMIT, "refs/heads/main"), (false, true, true));
        assert_eq!(read(&sha, &sha, "refs/tags/main"), (false, false, false));
    }

    #[test]
    fn an_event_with_secrets_for_foreign_code_is_not_a_pull_request() {
        let text = pull_payload(&Value::Null, "stranger").to_string();
        for name in ["pull_request_target", "workflow_run", "schedule", "PULL_REQUEST"] {
            assert_eq!(Event::read(name, &text).unwrap(), Event::Other { name: name.into() });
        }
        assert!(Event::read("schedule", "not json").is_ok());
    }

    #[test]
    fn what_cannot_be_used_is_named_without_quoting_it() {
        let mut no_sha = pull_payload(&Value::Null, "author");
        no_sha["pull_request"]["head"]["sha"] = json!("; rm -rf /");
        for (name, text, wanted) in [
            ("pull_request", "{}".to_owned(), "has no usable `pull_request`"),
            ("pull_request", no_sha.to_string(), "has no usable `pull_request.head.sha`"),
            ("push", json!({"after": "a".repeat(40)}).to_string(), "has no usable `ref`"),
            ("push", "[".to_owned(), "is not readable"),
        ] {
            let error = Event::read(name, &text).unwrap_err().to_string();
            assert!(error.contains(wanted) && !error.contains("rm -rf"), "{error}");
        }
    }
}
