//! What the stub remembers: repositories with pull requests, comments and a commit graph.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

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
    /// Comments by id; ids grow, so this order is the order of creation.
    pub comments: BTreeMap<u64, Comment>,
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
            comments: BTreeMap::new(),
        }
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

    /// What `tip` has and `other` has not, oldest first.
    pub fn ahead(&self, tip: &str, other: &str) -> Vec<String> {
        let old = self.ancestors(other);
        let new: BTreeSet<String> =
            self.ancestors(tip).into_iter().filter(|sha| !old.contains(sha)).collect();
        let mut ordered: Vec<String> = Vec::new();
        while ordered.len() < new.len() {
            let before = ordered.len();
            for sha in &new {
                let ready = self.commits.get(sha).is_some_and(|commit| {
                    commit.parents.iter().all(|parent| !new.contains(parent) || ordered.contains(parent))
                });
                if ready && !ordered.contains(sha) {
                    ordered.push(sha.clone());
                }
            }
            if ordered.len() == before {
                break; // a commit that was declared as its own ancestor
            }
        }
        ordered
    }

    /// Comments of one pull request, oldest first.
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

/// One comment in the conversation of a pull request.
#[derive(Debug, Clone)]
pub struct Comment {
    /// Number that REST and `databaseId` show.
    pub id: u64,
    /// Number of the pull request.
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
