//! The one issue that tells of a drift: found again by its marker, kept up to date, closed when the drift is gone.

use super::client::GitHub;
use super::error::GithubError;

/// What became of the issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueDone {
    /// A new one.
    Opened {
        /// Its number.
        number: u64,
    },
    /// It said something else before, or was closed.
    Updated {
        /// Its number.
        number: u64,
    },
    /// It said the same.
    Unchanged {
        /// Its number.
        number: u64,
    },
    /// It was closed.
    Closed {
        /// Its number.
        number: u64,
    },
    /// There was none to close.
    Nothing,
}

impl GitHub {
    /// Keeps one open issue of ours with this `scope` in its marker. `body` holds the marker in its first line; lines that begin as
    /// `volatile` says are not compared.
    pub async fn put_issue(
        &self,
        scope: &str,
        title: &str,
        body: &str,
        volatile: &[&str],
    ) -> Result<IssueDone, GithubError> {
        let _ = (scope, title, body, volatile);
        Err(GithubError::setup("POST /repos/{owner}/{repo}/issues", "not there yet", ""))
    }

    /// Closes our open issue of this scope, with a comment that says why.
    pub async fn close_issue(&self, scope: &str, comment: &str) -> Result<IssueDone, GithubError> {
        let _ = (scope, comment);
        Err(GithubError::setup("PATCH /repos/{owner}/{repo}/issues/{issue_number}", "not there yet", ""))
    }
}
