//! What the stub remembers: repositories with pull requests, comments and a commit graph.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::checks::CheckRun;
use super::deployments::Deployment;
use super::environments::Environment;
use super::people::{Person, Review};
use super::statuses::Status;

/// Login of the installation that `GITHUB_TOKEN` acts as, as REST spells it.
pub const ACTIONS_BOT: &str = "github-actions[bot]";

/// One repository.
#[derive(Debug, Clone)]
pub struct Repo {
    /// Account name.
    pub owner: String,
    /// Repository name.
    pub name: String,
    /// Repository id, stable for a full name.
    pub id: u64,
    /// Branch that merges go to.
    pub default_branch: String,
    /// Commit at the tip of each branch.
    pub branches: BTreeMap<String, String>,
    /// Commits by SHA.
    pub commits: BTreeMap<String, Commit>,
    /// Pull requests by number.
    pub pulls: BTreeMap<u64, Pull>,
    /// Issues by number; they share their numbers with pull requests.
    pub issues: BTreeMap<u64, Issue>,
    /// Labels of issues and pull requests by number.
    pub labels: BTreeMap<u64, Vec<String>>,
    /// Comments by id; ids grow, so this order is the order of creation.
    pub comments: BTreeMap<u64, Comment>,
    /// Reviews, in the order in which they were submitted.
    pub(super) reviews: Vec<Review>,
    /// What people may do, by lower-case login.
    pub(super) people: BTreeMap<String, Person>,
    /// Check runs by id.
    pub(super) checks: BTreeMap<u64, CheckRun>,
    /// Commit statuses, oldest first.
    pub(super) statuses: Vec<Status>,
    /// Deployments by id.
    pub(super) deployments: BTreeMap<u64, Deployment>,
    /// Environments by name.
    pub(super) environments: BTreeMap<String, Environment>,
    /// Workflow runs by id, as the API shows them.
    pub(super) runs: BTreeMap<u64, Value>,
    /// Answers to runs that waited for an environment, by run.
    pub(super) approvals: BTreeMap<u64, Vec<Value>>,
    /// Rules by branch.
    pub(super) rules: BTreeMap<String, Vec<Value>>,
    /// Workflows that were dispatched, oldest first.
    pub(super) dispatches: Vec<Value>,
    /// Files by path and reference; the reference is empty where the file is the same everywhere.
    pub(super) files: BTreeMap<(String, String), String>,
    /// Claims of the job's token that differ from the usual ones.
    pub(super) claims: Map<String, Value>,
    /// Seconds by which the time of this repository is ahead of the clock.
    pub(super) ahead_s: f64,
    /// Successful calls that changed something, by operation.
    pub(super) writes: BTreeMap<String, u64>,
    last_id: u64,
}

impl Repo {
    /// A repository with one commit on `main`.
    pub fn new(owner: &str, name: &str) -> Self {
        let full = format!("{owner}/{name}");
        let root = sha_of(&["root", &full]);
        let first = Commit { message: "Initial commit".into(), parents: Vec::new() };
        Self {
            owner: owner.into(),
            name: name.into(),
            id: id_of(&full),
            default_branch: "main".into(),
            branches: BTreeMap::from([("main".into(), root.clone())]),
            commits: BTreeMap::from([(root, first)]),
            pulls: BTreeMap::new(),
            issues: BTreeMap::new(),
            labels: BTreeMap::new(),
            comments: BTreeMap::new(),
            reviews: Vec::new(),
            people: BTreeMap::new(),
            checks: BTreeMap::new(),
            statuses: Vec::new(),
            deployments: BTreeMap::new(),
            environments: BTreeMap::new(),
            runs: BTreeMap::new(),
            approvals: BTreeMap::new(),
            rules: BTreeMap::new(),
            dispatches: Vec::new(),
            files: BTreeMap::new(),
            claims: Map::new(),
            ahead_s: 0.0,
            writes: BTreeMap::new(),
            last_id: 0,
        }
    }

    /// An id for something of this repository; ids grow.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.id * 1000 + self.last_id
    }

    /// The number of the next issue or pull request.
    pub fn next_number(&self) -> u64 {
        let last = |numbers: Option<&u64>| numbers.copied().unwrap_or(0);
        last(self.pulls.keys().max()).max(last(self.issues.keys().max())) + 1
    }

    /// Whether an issue or a pull request has this number.
    pub fn has_number(&self, number: u64) -> bool {
        self.pulls.contains_key(&number) || self.issues.contains_key(&number)
    }

    /// Counts a call that changed something.
    pub fn wrote(&mut self, operation: &str) {
        *self.writes.entry(operation.into()).or_default() += 1;
    }

    /// `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The tip of a branch, which is made from the default branch when it is new.
    pub fn tip(&mut self, branch: &str) -> String {
        if let Some(sha) = self.branches.get(branch) {
            return sha.clone();
        }
        let sha = self.branches.get(&self.default_branch).cloned().unwrap_or_default();
        self.branches.insert(branch.into(), sha.clone());
        sha
    }

    /// Records a commit; one that is known keeps its parents.
    pub fn commit(&mut self, sha: &str, message: &str, parents: Vec<String>) {
        self.commits.entry(sha.into()).or_insert_with(|| Commit { message: message.into(), parents });
    }

    /// SHA of a commit given as a full SHA, a prefix of at least 7 characters, or a branch name.
    pub fn resolve(&self, reference: &str) -> Option<String> {
        let branch =
            reference.strip_prefix("refs/heads/").or(reference.strip_prefix("heads/")).unwrap_or(reference);
        if let Some(sha) = self.branches.get(branch) {
            return Some(sha.clone());
        }
        if self.commits.contains_key(reference) {
            return Some(reference.into());
        }
        let mut matches =
            self.commits.keys().filter(|sha| reference.len() >= 7 && sha.starts_with(reference));
        matches.next().filter(|_| matches.next().is_none()).cloned()
    }

    /// The commit and everything reachable from it.
    pub fn ancestors(&self, sha: &str) -> BTreeSet<String> {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![sha.to_owned()]);
        while let Some(sha) = todo.pop() {
            if let Some(commit) = self.commits.get(&sha)
                && seen.insert(sha)
            {
                todo.extend(commit.parents.iter().cloned());
            }
        }
        seen
    }

    /// What `tip` has and `other` has not, oldest first: parents before children, first parents first.
    pub fn ahead(&self, tip: &str, other: &str) -> Vec<String> {
        let mut seen = self.ancestors(other);
        let mut ordered = Vec::new();
        // A commit is written down when it is met for the second time, after its parents.
        let mut todo = vec![(tip.to_owned(), false)];
        while let Some((sha, ready)) = todo.pop() {
            if ready {
                ordered.push(sha);
            } else if let Some(commit) = self.commits.get(&sha)
                && seen.insert(sha.clone())
            {
                todo.push((sha, true));
                todo.extend(commit.parents.iter().rev().map(|parent| (parent.clone(), false)));
            }
        }
        ordered
    }

    /// Comments of one issue or pull request, oldest first.
    pub fn comments_of(&self, number: u64) -> impl Iterator<Item = &Comment> {
        self.comments.values().filter(move |comment| comment.number == number)
    }
}

/// One commit.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Whole message.
    pub message: String,
    /// Parent SHAs, first parent first.
    pub parents: Vec<String>,
}

/// One pull request.
#[derive(Debug, Clone)]
pub struct Pull {
    /// Number within the repository.
    pub number: u64,
    /// Title.
    pub title: String,
    /// Description.
    pub body: Option<String>,
    /// Author's login.
    pub user: String,
    /// Not ready for review.
    pub draft: bool,
    /// Conversation locked: nobody may comment.
    pub locked: bool,
    /// Closed, merged or not.
    pub closed: bool,
    /// Seconds since the epoch when merged.
    pub merged_at: Option<f64>,
    /// Commit that the merge left on the base branch; before the merge the test merge commit.
    pub merge_commit_sha: Option<String>,
    /// SHA of the last commit.
    pub head_sha: String,
    /// Branch name of the head.
    pub head_ref: String,
    /// `owner/name` of the head; `None` when that fork was deleted.
    pub head_repo: Option<String>,
    /// Branch that the pull request goes to.
    pub base_ref: String,
    /// Tip of the base branch when the pull request was made.
    pub base_sha: String,
    /// Commits of the pull request, oldest first.
    pub commits: Vec<String>,
    /// Commits that the merge put on the base branch, oldest first.
    pub landed: Vec<String>,
    /// How many look-ups by commit still find nothing after the merge (GitHub is eventually consistent there).
    pub lag: u64,
    /// Seconds since the epoch.
    pub created_at: f64,
    /// Seconds since the epoch.
    pub updated_at: f64,
}

/// One issue.
#[derive(Debug, Clone)]
pub struct Issue {
    /// Number within the repository.
    pub number: u64,
    /// Title.
    pub title: String,
    /// Text.
    pub body: Option<String>,
    /// Author's login.
    pub user: String,
    /// Conversation locked: nobody may comment.
    pub locked: bool,
    /// Seconds since the epoch when closed.
    pub closed_at: Option<f64>,
    /// Why it is closed (`completed`, `not_planned`), or `reopened`.
    pub state_reason: Option<String>,
    /// Seconds since the epoch.
    pub created_at: f64,
    /// Seconds since the epoch.
    pub updated_at: f64,
}

/// One comment in the conversation of an issue or a pull request.
#[derive(Debug, Clone)]
pub struct Comment {
    /// Number that REST and `databaseId` show.
    pub id: u64,
    /// Number of the issue or pull request.
    pub number: u64,
    /// Author's login, as REST spells it.
    pub author: String,
    /// Text as it is now.
    pub body: String,
    /// Seconds since the epoch.
    pub created_at: f64,
    /// Seconds since the epoch.
    pub updated_at: f64,
    /// Hidden, with the reason (`outdated`, `duplicate`, …).
    pub minimized: Option<String>,
    /// Login of who hid it.
    pub minimized_by: Option<String>,
    /// Edits, oldest first; once there is one, the first entry is the creation.
    pub edits: Vec<Edit>,
}

impl Comment {
    /// Id for GraphQL.
    pub fn node_id(&self) -> String {
        format!("IC_kwDO{:010}", self.id)
    }

    /// Login of the last editor: `None` while the comment is as it was created.
    pub fn editor(&self) -> Option<&str> {
        self.edits.last().map(|edit| edit.editor.as_str())
    }

    /// Changes the text and keeps what was there; the same text again is no edit.
    pub fn edit(&mut self, editor: &str, body: &str, now: f64) {
        if self.body == body {
            return;
        }
        if self.edits.is_empty() {
            let first = Edit { editor: self.author.clone(), at: self.created_at, body: self.body.clone() };
            self.edits.push(first);
        }
        self.edits.push(Edit { editor: editor.into(), at: now, body: body.into() });
        body.clone_into(&mut self.body);
        self.updated_at = now;
    }
}

/// One entry of a comment's edit history.
#[derive(Debug, Clone)]
pub struct Edit {
    /// Who wrote this text.
    pub editor: String,
    /// Seconds since the epoch.
    pub at: f64,
    /// The text after the edit.
    pub body: String,
}

/// A commit-like SHA made from words.
pub fn sha_of(words: &[&str]) -> String {
    let digest = Sha256::digest(words.join("\0").as_bytes());
    digest.iter().take(20).fold(String::new(), |sha, byte| format!("{sha}{byte:02x}"))
}

/// A stable numeric id made from a name, below 2^31 as most ids of GitHub.
pub fn id_of(name: &str) -> u64 {
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().take(4).fold(0, |id, byte| (id << 8) | u64::from(*byte)) & 0x7fff_ffff
}

/// Seconds since the epoch as GitHub writes times.
pub fn timestamp(seconds: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "whole seconds of a time that is far from the limits of i64"
    )]
    let whole = seconds.floor() as i64;
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    time::OffsetDateTime::from_unix_timestamp(whole)
        .ok()
        .and_then(|at| at.format(format).ok())
        .unwrap_or_else(|| "1970-01-01T00:00:00Z".into())
}

/// Reads a time as GitHub takes it (RFC 3339), in seconds since the epoch.
pub fn seconds(text: &str) -> Option<f64> {
    let at = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    #[allow(clippy::cast_precision_loss, reason = "seconds since the epoch are far below 2^53")]
    Some(at.unix_timestamp() as f64)
}
