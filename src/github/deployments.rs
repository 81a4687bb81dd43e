//! Deployments: what GitHub shows about an environment, with its address and its log.

use super::client::GitHub;
use super::error::GithubError;

/// The state of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentState {
    /// `in_progress`.
    InProgress,
    /// `success`.
    Success,
    /// `failure`.
    Failure,
    /// `error`.
    Error,
    /// `inactive`.
    Inactive,
}

/// A deployment to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment<'a> {
    /// The commit.
    pub sha: &'a str,
    /// The environment's name.
    pub environment: &'a str,
    /// What is deployed: `apply`, `release`, `destroy`.
    pub task: &'a str,
    /// At most 140 characters.
    pub description: &'a str,
    /// Our own data: the digest of the plan, the pull requests, the run.
    pub payload: serde_json::Value,
}

/// A state of a deployment to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentStatus<'a> {
    /// The state.
    pub state: DeploymentState,
    /// At most 140 characters.
    pub description: &'a str,
    /// The run.
    pub log_url: &'a str,
    /// `https://…` of the stack; left out when it is no address of the web.
    pub environment_url: Option<&'a str>,
}

impl GitHub {
    /// The deployment of a commit to an environment: the one that the job's `environment:` made already, the one that an earlier
    /// attempt of this run made, or a new one; its number.
    pub async fn deployment(&self, wanted: &Deployment<'_>) -> Result<u64, GithubError> {
        let _ = wanted;
        Err(GithubError::setup("POST /repos/{owner}/{repo}/deployments", "not there yet", ""))
    }

    /// Adds a state to a deployment.
    pub async fn deployment_status(&self, id: u64, status: &DeploymentStatus<'_>) -> Result<(), GithubError> {
        let _ = (id, status);
        Err(GithubError::setup(
            "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
            "not there yet",
            "",
        ))
    }
}
