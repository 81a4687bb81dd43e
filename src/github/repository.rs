//! What is set up in the repository: environments, branch rules, and who let a run go on.

use super::client::GitHub;
use super::error::GithubError;

/// An environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "rules that are on or off")]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Somebody must approve a job that uses it.
    pub required_reviewers: bool,
    /// Whoever started the run may not approve it.
    pub prevent_self_review: bool,
    /// Seconds that a job waits.
    pub wait_minutes: u64,
    /// Only some branches may use it: `protected_branches` or `custom_branch_policies`.
    pub branches_limited: bool,
    /// Admins may pass its rules.
    pub admins_bypass: bool,
}

/// One answer to a run that waited for an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunApproval {
    /// Who.
    pub user: Option<String>,
    /// `approved` and not `rejected`.
    pub approved: bool,
    /// The environments.
    pub environments: Vec<String>,
}

/// One rule of a branch (`GET /repos/{owner}/{repo}/rules/branches/{branch}`).
#[derive(Debug, Clone, PartialEq)]
pub struct BranchRule {
    /// `pull_request`, `required_status_checks`, `non_fast_forward`, `deletion`, `merge_queue`, …
    pub kind: String,
    /// Its parameters, as GitHub gives them.
    pub parameters: serde_json::Value,
}

impl GitHub {
    /// An environment, `None` when there is none of that name.
    pub async fn environment(&self, name: &str) -> Result<Option<Environment>, GithubError> {
        let _ = name;
        Err(GithubError::setup(
            "GET /repos/{owner}/{repo}/environments/{environment_name}",
            "not there yet",
            "",
        ))
    }

    /// Who let this run go on, for which environments.
    pub async fn run_approvals(&self, run: u64) -> Result<Vec<RunApproval>, GithubError> {
        let _ = run;
        Err(GithubError::setup(
            "GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals",
            "not there yet",
            "",
        ))
    }

    /// The rules of a branch from rulesets and branch protection.
    pub async fn branch_rules(&self, branch: &str) -> Result<Vec<BranchRule>, GithubError> {
        let _ = branch;
        Err(GithubError::setup("GET /repos/{owner}/{repo}/rules/branches/{branch}", "not there yet", ""))
    }
}
