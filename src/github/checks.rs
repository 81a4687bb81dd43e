//! Check runs: the second witness of a plan, and a place for its state that is not a comment.

use super::client::GitHub;
use super::error::GithubError;

/// How a check run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// `success`.
    Success,
    /// `failure`.
    Failure,
    /// `neutral`: it says nothing about the commit.
    Neutral,
    /// `cancelled`.
    Cancelled,
    /// `action_required`.
    ActionRequired,
    /// `skipped`, `stale`, `timed_out` or one that this version does not know.
    Other,
}

/// A check run as GitHub holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// Its number.
    pub id: u64,
    /// The app that wrote it, such as `github-actions`; `None` when GitHub does not say.
    pub app: Option<String>,
    /// Our own key: the digest of the plan.
    pub external_id: Option<String>,
    /// `None` while it runs.
    pub conclusion: Option<Conclusion>,
    /// The text of its page, hidden record included.
    pub text: Option<String>,
    /// When it ended (RFC 3339, UTC).
    pub completed_at: Option<String>,
}

/// What a check run is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check<'a> {
    /// Its name on the commit.
    pub name: &'a str,
    /// The head commit of the pull request (not `GITHUB_SHA`, which is the test merge).
    pub head_sha: &'a str,
    /// Our own key.
    pub external_id: &'a str,
    /// `None` while it runs.
    pub conclusion: Option<Conclusion>,
    /// One line.
    pub title: &'a str,
    /// Markdown, at most 65,535 bytes.
    pub summary: &'a str,
    /// Markdown, at most 65,535 bytes.
    pub text: &'a str,
    /// Where "details" leads: the run.
    pub details_url: &'a str,
}

impl GitHub {
    /// The newest check runs of a commit with this name, newest first.
    pub async fn check_runs(&self, sha: &str, name: &str) -> Result<Vec<CheckRun>, GithubError> {
        let _ = (sha, name);
        Err(GithubError::setup("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", "not there yet", ""))
    }

    /// Makes the check run, or brings our newest one of that name and commit up to date; its number. After an unclear answer it is
    /// looked for before it is made again.
    pub async fn put_check_run(&self, check: &Check<'_>) -> Result<u64, GithubError> {
        let _ = check;
        Err(GithubError::setup("POST /repos/{owner}/{repo}/check-runs", "not there yet", ""))
    }
}
