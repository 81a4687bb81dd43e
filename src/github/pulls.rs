//! Pull requests: the head that one has now, and the one that brought a pushed commit.

use std::time::Duration;

use serde::Deserialize;

use super::address::encoded;
use super::client::GitHub;
use super::error::GithubError;

const PULL_OP: &str = "GET /repos/{owner}/{repo}/pulls/{pull_number}";
const COMMIT_PULLS_OP: &str = "GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls";
const OPEN_OP: &str = "GET /repos/{owner}/{repo}/pulls";
/// Seconds between look-ups while GitHub does not know yet which pull request brought a commit.
pub(super) const LAG_WAITS: [u64; 4] = [1, 2, 4, 8];

/// What we need of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Number within the repository.
    pub number: u64,
    /// Title as its author wrote it.
    pub title: String,
    /// SHA of the last commit.
    pub head_sha: String,
    /// `owner/name` of the head, `None` for a fork that was deleted.
    pub head_repo: Option<String>,
    /// Branch that it goes to.
    pub base_ref: String,
    /// When it was merged (RFC 3339, UTC), `None` when it was not.
    pub merged_at: Option<String>,
    /// The commit that the merge left on the base branch; before the merge a test merge.
    pub merge_commit_sha: Option<String>,
    /// Login of its author.
    pub user: Option<String>,
}

/// What brought the commits of a push.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brought {
    /// The pull requests, oldest merge first.
    pub pulls: Vec<PullRequest>,
    /// Commits that came without one.
    pub without: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Wire {
    number: u64,
    #[serde(default)]
    title: Option<String>,
    head: Side,
    base: Side,
    #[serde(default)]
    merged_at: Option<String>,
    #[serde(default)]
    merge_commit_sha: Option<String>,
    #[serde(default)]
    user: Option<User>,
}

#[derive(Debug, Deserialize)]
struct Side {
    sha: String,
    #[serde(rename = "ref")]
    name: String,
    #[serde(default)]
    repo: Option<Repo>,
}

#[derive(Debug, Deserialize)]
struct Repo {
    full_name: String,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
}

impl From<Wire> for PullRequest {
    fn from(wire: Wire) -> Self {
        Self {
            number: wire.number,
            title: wire.title.unwrap_or_default(),
            head_sha: wire.head.sha,
            head_repo: wire.head.repo.map(|repo| repo.full_name),
            base_ref: wire.base.name,
            merged_at: wire.merged_at,
            merge_commit_sha: wire.merge_commit_sha,
            user: wire.user.map(|user| user.login),
        }
    }
}

impl GitHub {
    /// A pull request as it is now.
    pub async fn pull_request(&self, number: u64) -> Result<PullRequest, GithubError> {
        let call = self.get(PULL_OP, &format!("pulls/{number}"));
        self.call::<Wire>(&call, |_| None).await.map(PullRequest::from)
    }

    /// SHA of the last commit of a pull request, to see whether it moved on since it was planned.
    pub async fn head_sha(&self, number: u64) -> Result<String, GithubError> {
        self.pull_request(number).await.map(|pull| pull.head_sha)
    }

    /// The merged pull request that brought `sha` to `branch`, `None` when the commit was pushed without one.
    ///
    /// GitHub learns of it some seconds after the push, so an empty answer is asked for again for 15 seconds.
    pub async fn merged_pull_request(
        &self,
        sha: &str,
        branch: &str,
    ) -> Result<Option<PullRequest>, GithubError> {
        if sha.len() < 40 || !sha.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(GithubError::setup(
                COMMIT_PULLS_OP,
                format!("`{sha}` is not a commit"),
                "this is a bug",
            ));
        }
        let call = self.get(COMMIT_PULLS_OP, &format!("commits/{sha}/pulls?per_page=100"));
        let mut waits = LAG_WAITS.iter();
        loop {
            let asked = self.call::<Vec<Wire>>(&call, |_| None).await;
            let asked = match asked {
                Ok(pulls) => Ok(choose(pulls.into_iter().map(PullRequest::from), sha, branch)),
                // `No commit found for SHA`: the push itself has not arrived everywhere.
                Err(error) if error.status == Some(422) => Err(error),
                Err(error) => return Err(error),
            };
            if let Ok(Some(pull)) = asked {
                return Ok(Some(pull));
            }
            let more = match waits.next() {
                Some(seconds) => self.pace().pause(Duration::from_secs(*seconds)).await,
                None => false,
            };
            if !more {
                return asked;
            }
        }
    }

    /// The open pull requests to a branch, newest first.
    pub async fn open_pulls(&self, base: &str) -> Result<Vec<PullRequest>, GithubError> {
        let path = format!("pulls?state=open&base={}&sort=created&direction=desc", encoded(base));
        let found = self.pages::<Wire>(OPEN_OP, &path, None).await?;
        Ok(found.into_iter().map(PullRequest::from).collect())
    }
}

/// The pull request that was merged into the branch: the one whose merge commit this is, else the newest merged.
pub(super) fn choose(
    pulls: impl Iterator<Item = PullRequest>,
    sha: &str,
    branch: &str,
) -> Option<PullRequest> {
    // Times of GitHub have one fixed form in UTC, so their texts compare as the times do.
    pulls.filter(|pull| pull.merged_at.is_some() && pull.base_ref == branch).max_by_key(|pull| {
        (pull.merge_commit_sha.as_deref() == Some(sha), pull.merged_at.clone(), pull.number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(number: u64, base: &str, merged_at: Option<&str>, merge: &str) -> PullRequest {
        PullRequest {
            number,
            title: String::new(),
            head_sha: "h".into(),
            head_repo: None,
            base_ref: base.into(),
            merged_at: merged_at.map(str::to_owned),
            merge_commit_sha: Some(merge.into()),
            user: None,
        }
    }

    fn chosen(pulls: Vec<PullRequest>) -> Option<u64> {
        choose(pulls.into_iter(), "abc", "main").map(|pull| pull.number)
    }

    #[test]
    fn the_pull_request_whose_merge_commit_was_pushed_wins() {
        let newer = pull(2, "main", Some("2025-02-01T00:00:00Z"), "other");
        let exact = pull(1, "main", Some("2025-01-01T00:00:00Z"), "abc");
        assert_eq!(chosen(vec![newer.clone(), exact.clone()]), Some(1));
        assert_eq!(chosen(vec![exact, newer]), Some(1));
    }

    #[test]
    fn without_a_merge_commit_the_newest_merged_one_wins() {
        let older = pull(9, "main", Some("2025-01-01T00:00:00Z"), "x");
        let newer = pull(3, "main", Some("2025-02-01T00:00:00Z"), "y");
        assert_eq!(chosen(vec![newer, older]), Some(3));
    }

    #[test]
    fn open_ones_and_those_of_other_branches_do_not_count() {
        let open = pull(1, "main", None, "abc");
        let elsewhere = pull(2, "release", Some("2025-01-01T00:00:00Z"), "abc");
        assert_eq!(chosen(vec![open, elsewhere]), None);
    }

    #[test]
    fn a_pull_request_of_a_deleted_fork_is_read() -> Result<(), serde_json::Error> {
        let wire: Wire = serde_json::from_value(serde_json::json!({
            "number": 7, "title": null, "head": {"sha": "a", "ref": "f", "repo": null},
            "base": {"sha": "b", "ref": "main", "repo": {"full_name": "octo/app"}}, "user": null,
        }))?;
        let pull = PullRequest::from(wire);
        assert_eq!((pull.head_repo, pull.user, pull.base_ref.as_str()), (None, None, "main"));
        Ok(())
    }
}
