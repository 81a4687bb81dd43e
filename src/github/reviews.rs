//! Reviews of a pull request, and what a person may do in the repository.

use super::client::GitHub;
use super::error::GithubError;

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewState {
    /// `APPROVED`.
    Approved,
    /// `CHANGES_REQUESTED`.
    ChangesRequested,
    /// `COMMENTED`, `PENDING`, or a state that this version does not know: neither for nor against.
    Commented,
    /// `DISMISSED`: it does not count any more.
    Dismissed,
}

/// One review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Login of the reviewer; `None` when the account was deleted.
    pub user: Option<String>,
    /// What it says.
    pub state: ReviewState,
    /// The head commit that was reviewed.
    pub commit_id: String,
    /// When it was submitted (RFC 3339, UTC); `None` while it is pending.
    pub submitted_at: Option<String>,
}

/// What an account may do in the repository, in rising order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Nothing.
    #[default]
    None,
    /// Read.
    Read,
    /// Manage issues (`role_name` `triage`).
    Triage,
    /// Push.
    Write,
    /// Manage the repository (`role_name` `maintain`).
    Maintain,
    /// Everything.
    Admin,
}

impl GitHub {
    /// All reviews of a pull request, in the order in which they were submitted.
    pub async fn reviews(&self, number: u64) -> Result<Vec<Review>, GithubError> {
        let _ = number;
        Err(GithubError::setup("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews", "not there yet", ""))
    }

    /// What an account may do; a login that is no collaborator has [`Permission::None`].
    pub async fn permission(&self, login: &str) -> Result<Permission, GithubError> {
        let _ = login;
        Err(GithubError::setup(
            "GET /repos/{owner}/{repo}/collaborators/{username}/permission",
            "not there yet",
            "",
        ))
    }
}
