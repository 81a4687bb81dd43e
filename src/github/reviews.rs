//! Reviews of a pull request, and what a person may do in the repository.

use serde::Deserialize;

use super::address::segment;
use super::client::GitHub;
use super::error::GithubError;

const REVIEWS_OP: &str = "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews";
const PERMISSION_OP: &str = "GET /repos/{owner}/{repo}/collaborators/{username}/permission";

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

#[derive(Debug, Deserialize)]
struct Wire {
    #[serde(default)]
    user: Option<User>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    commit_id: Option<String>,
    #[serde(default)]
    submitted_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rights {
    permission: String,
    role_name: Option<String>,
}

impl From<Wire> for Review {
    fn from(wire: Wire) -> Self {
        Self {
            user: wire.user.map(|user| user.login),
            state: match wire.state.as_str() {
                "APPROVED" => ReviewState::Approved,
                "CHANGES_REQUESTED" => ReviewState::ChangesRequested,
                "DISMISSED" => ReviewState::Dismissed,
                _ => ReviewState::Commented,
            },
            // GitHub forgets the commit when it was garbage-collected after a forced push: then it is no commit.
            commit_id: wire.commit_id.unwrap_or_default(),
            submitted_at: wire.submitted_at,
        }
    }
}

impl Permission {
    /// Reads the word of a role; `None` for a role that the organisation made itself.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "admin" => Self::Admin,
            "maintain" => Self::Maintain,
            "write" => Self::Write,
            "triage" => Self::Triage,
            "read" => Self::Read,
            "none" => Self::None,
            _ => return None,
        })
    }
}

impl GitHub {
    /// All reviews of a pull request, in the order in which they were submitted.
    pub async fn reviews(&self, number: u64) -> Result<Vec<Review>, GithubError> {
        let found = self.pages::<Wire>(REVIEWS_OP, &format!("pulls/{number}/reviews"), None).await?;
        Ok(found.into_iter().map(Review::from).collect())
    }

    /// What an account may do; a login that is no collaborator has [`Permission::None`].
    pub async fn permission(&self, login: &str) -> Result<Permission, GithubError> {
        let path = format!("collaborators/{}/permission", segment(PERMISSION_OP, login)?);
        match self.call::<Rights>(&self.get(PERMISSION_OP, &path), |_| None).await {
            // The role is finer; of one that is not known the permission tells what it is built on.
            Ok(rights) => Ok(rights
                .role_name
                .as_deref()
                .and_then(Permission::parse)
                .or_else(|| Permission::parse(&rights.permission))
                .unwrap_or_default()),
            Err(error) if error.status == Some(404) => Ok(Permission::None),
            Err(error) => Err(error),
        }
    }
}
