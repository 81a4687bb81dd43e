//! The pull requests that brought the commits of a push: by merge, squash or rebase, several at once, or from a queue.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::GitHub;
use super::error::GithubError;
use super::event::PushEvent;
use super::pulls::{Brought, LAG_WAITS, PullRequest, choose};

const COMPARE_OP: &str = "GET /repos/{owner}/{repo}/compare/{base}...{head}";
const COMMITS_OP: &str = "graphql:pullRequestsOfCommits";
/// Commits asked for in one query.
const CHUNK: usize = 50;
/// Most pages of a comparison, of 100 commits each.
const MOST_PAGES: usize = 25;

#[derive(Debug, Deserialize)]
struct Comparison {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    total_commits: Option<usize>,
    #[serde(default)]
    commits: Vec<Compared>,
}

#[derive(Debug, Deserialize)]
struct Compared {
    sha: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Node {
    number: u64,
    title: Option<String>,
    merged_at: Option<String>,
    base_ref_name: String,
    head_ref_oid: String,
    merge_commit: Option<Oid>,
    head_repository: Option<Repository>,
    author: Option<Login>,
}

#[derive(Debug, Deserialize)]
struct Oid {
    oid: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    name_with_owner: String,
}

#[derive(Debug, Deserialize)]
struct Login {
    login: String,
}

impl From<Node> for PullRequest {
    fn from(node: Node) -> Self {
        Self {
            number: node.number,
            title: node.title.unwrap_or_default(),
            head_sha: node.head_ref_oid,
            head_repo: node.head_repository.map(|repo| repo.name_with_owner),
            base_ref: node.base_ref_name,
            merged_at: node.merged_at,
            merge_commit_sha: node.merge_commit.map(|commit| commit.oid),
            user: node.author.map(|author| author.login),
        }
    }
}

impl GitHub {
    /// Every merged pull request that brought a commit of this push to its branch (merge, squash, rebase, several at once, a batch of
    /// a merge queue), oldest merge first, and the commits that no pull request brought. What GitHub learns late is asked for again,
    /// for 15 seconds. A push that rewrites history is an error: what it brings cannot be told.
    pub async fn pulls_of_push(&self, push: &PushEvent) -> Result<Brought, GithubError> {
        let branch = push.branch().unwrap_or_default();
        let commits =
            if push.created { vec![push.after.clone()] } else { self.commits_of_push(push).await? };
        let mut found: BTreeMap<String, PullRequest> = BTreeMap::new();
        let mut waits = LAG_WAITS.iter();
        loop {
            let open: Vec<&String> = commits.iter().filter(|sha| !found.contains_key(*sha)).collect();
            for chunk in open.chunks(CHUNK) {
                for (sha, pulls) in self.pulls_of_commits(chunk).await? {
                    found.extend(choose(pulls.into_iter(), &sha, branch).map(|pull| (sha, pull)));
                }
            }
            if found.len() == commits.len() {
                break;
            }
            let more = match waits.next() {
                Some(seconds) => self.pace().pause(Duration::from_secs(*seconds)).await,
                None => false,
            };
            if !more {
                break;
            }
        }
        let without = commits.into_iter().filter(|sha| !found.contains_key(sha)).collect();
        let pulls: BTreeMap<u64, PullRequest> = found.into_values().map(|pull| (pull.number, pull)).collect();
        let mut pulls: Vec<PullRequest> = pulls.into_values().collect();
        // Times of GitHub have one fixed form in UTC, so their texts compare as the times do.
        pulls.sort_by(|left, right| (&left.merged_at, left.number).cmp(&(&right.merged_at, right.number)));
        Ok(Brought { pulls, without })
    }

    /// The commits between the old and the new tip, oldest first. The event names some of them only.
    async fn commits_of_push(&self, push: &PushEvent) -> Result<Vec<String>, GithubError> {
        let (mut commits, mut known) = (Vec::new(), BTreeSet::new());
        for page in 1..=MOST_PAGES {
            let compared = self.compare(push, page).await?;
            if !matches!(compared.status.as_deref(), Some("ahead" | "identical")) {
                let status = compared.status.unwrap_or_default();
                return Err(GithubError::setup(
                    COMPARE_OP,
                    format!("{} is not built on {}: the comparison says `{status}`", push.after, push.before),
                    "look at the plan, then start the workflow by hand",
                ));
            }
            let before = commits.len();
            for commit in compared.commits {
                if known.insert(commit.sha.clone()) {
                    commits.push(commit.sha);
                }
            }
            if commits.len() >= compared.total_commits.unwrap_or(0) {
                return Ok(commits);
            }
            if commits.len() == before {
                let message = format!(
                    "the comparison names {before} of {} commits",
                    compared.total_commits.unwrap_or(0)
                );
                return Err(GithubError::setup(COMPARE_OP, message, "start the workflow by hand"));
            }
        }
        Err(GithubError::setup(
            COMPARE_OP,
            format!("the push brings more than {} commits", commits.len()),
            "look at the plan, then start the workflow by hand",
        ))
    }

    /// One page of the comparison; asked for again while GitHub does not know the new tip yet.
    async fn compare(&self, push: &PushEvent, page: usize) -> Result<Comparison, GithubError> {
        let path = format!("compare/{}...{}?per_page=100&page={page}", push.before, push.after);
        let call = self.get(COMPARE_OP, &path);
        let mut waits = LAG_WAITS.iter();
        loop {
            let error = match self.call::<Comparison>(&call, |_| None).await {
                Err(error) if error.status == Some(404) => error,
                done => return done,
            };
            let more = match waits.next() {
                Some(seconds) => self.pace().pause(Duration::from_secs(*seconds)).await,
                None => false,
            };
            if !more {
                return Err(error);
            }
        }
    }

    /// The pull requests that GitHub knows for each of these commits, which are names of commits and nothing else.
    async fn pulls_of_commits(
        &self,
        commits: &[&String],
    ) -> Result<Vec<(String, Vec<PullRequest>)>, GithubError> {
        let mut objects = String::new();
        for (at, sha) in commits.iter().enumerate() {
            if !(sha.len() >= 40 && sha.bytes().all(|byte| byte.is_ascii_hexdigit())) {
                return Err(GithubError::setup(
                    COMMITS_OP,
                    format!("`{sha}` is not a commit"),
                    "this is a bug",
                ));
            }
            let _ = writeln!(objects, "    c{at}: object(oid: \"{sha}\") {{ ...brought }}");
        }
        let query = format!(
            "query pullRequestsOfCommits($owner: String!, $name: String!) {{
  repository(owner: $owner, name: $name) {{
{objects}  }}
}}
fragment brought on Commit {{
  associatedPullRequests(first: 20) {{
    nodes {{
      number title mergedAt baseRefName headRefOid mergeCommit {{ oid }} headRepository {{ nameWithOwner }} author {{ login }}
    }}
  }}
}}"
        );
        let (owner, name) = self.owner_and_name();
        let mut answer: Value =
            self.query(COMMITS_OP, &query, &json!({"owner": owner, "name": name})).await?;
        let mut found = Vec::new();
        for (at, sha) in commits.iter().enumerate() {
            let nodes = answer.pointer_mut(&format!("/data/repository/c{at}/associatedPullRequests/nodes"));
            // A commit that is not there yet is null.
            let nodes = nodes.map(Value::take).unwrap_or_default();
            let nodes: Option<Vec<Option<Node>>> = serde_json::from_value(nodes).map_err(|error| {
                let mut unreadable = GithubError::answered(COMMITS_OP, 200, "", None, None);
                unreadable.message = format!("the answer is not as expected: {error}");
                unreadable
            })?;
            let pulls = nodes.unwrap_or_default().into_iter().flatten().map(PullRequest::from).collect();
            found.push(((*sha).clone(), pulls));
        }
        Ok(found)
    }
}
