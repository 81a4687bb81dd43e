//! What is set up in the repository: environments, branch rules, and who let a run go on.

use serde::Deserialize;
use serde_json::Value;

use super::address::segment;
use super::client::GitHub;
use super::error::GithubError;

const ENVIRONMENT_OP: &str = "GET /repos/{owner}/{repo}/environments/{environment_name}";
const APPROVALS_OP: &str = "GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals";
const RULES_OP: &str = "GET /repos/{owner}/{repo}/rules/branches/{branch}";
const BRANCH_OP: &str = "GET /repos/{owner}/{repo}/branches/{branch}";

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
    /// Minutes that a job waits.
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
    /// `pull_request`, `required_status_checks`, `non_fast_forward`, `deletion`, `merge_queue`, …, or `branch_protection`.
    pub kind: String,
    /// Its parameters, as GitHub gives them.
    pub parameters: serde_json::Value,
}

#[derive(Debug, Deserialize)]
struct WireEnvironment {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    protection_rules: Option<Vec<WireRule>>,
    #[serde(default)]
    deployment_branch_policy: Option<BranchPolicy>,
    #[serde(default)]
    can_admins_bypass: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireRule {
    #[serde(rename = "type")]
    kind: Option<String>,
    wait_timer: Option<u64>,
    prevent_self_review: Option<bool>,
    reviewers: Option<Vec<Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BranchPolicy {
    protected_branches: Option<bool>,
    custom_branch_policies: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireApproval {
    state: Option<String>,
    user: Option<User>,
    environments: Option<Vec<Named>>,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Debug, Deserialize)]
struct WireBranchRule {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    parameters: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Branch {
    protected: bool,
    protection: Value,
}

impl WireEnvironment {
    fn read(self, asked: &str) -> Environment {
        let mut found = Environment {
            name: self.name.unwrap_or_else(|| asked.to_owned()),
            branches_limited: self.deployment_branch_policy.is_some_and(|policy| {
                policy.protected_branches.unwrap_or(false) || policy.custom_branch_policies.unwrap_or(false)
            }),
            // A server that does not tell has no such setting, and there admins may.
            admins_bypass: self.can_admins_bypass.unwrap_or(true),
            ..Environment::default()
        };
        for rule in self.protection_rules.unwrap_or_default() {
            match rule.kind.as_deref() {
                Some("required_reviewers") => {
                    found.required_reviewers |= rule.reviewers.is_some_and(|reviewers| !reviewers.is_empty());
                    found.prevent_self_review |= rule.prevent_self_review.unwrap_or(false);
                }
                Some("wait_timer") => found.wait_minutes = rule.wait_timer.unwrap_or(0),
                _ => {}
            }
        }
        found
    }
}

impl GitHub {
    /// An environment, `None` when there is none of that name.
    pub async fn environment(&self, name: &str) -> Result<Option<Environment>, GithubError> {
        let path = format!("environments/{}", segment(ENVIRONMENT_OP, name)?);
        match self.call::<WireEnvironment>(&self.get(ENVIRONMENT_OP, &path), |_| None).await {
            Ok(found) => Ok(Some(found.read(name))),
            Err(error) if error.status == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Who let this run go on, for which environments.
    pub async fn run_approvals(&self, run: u64) -> Result<Vec<RunApproval>, GithubError> {
        let path = format!("actions/runs/{run}/approvals");
        let found = self.pages::<WireApproval>(APPROVALS_OP, &path, None).await?;
        Ok(found
            .into_iter()
            .map(|approval| RunApproval {
                user: approval.user.map(|user| user.login),
                approved: approval.state.as_deref() == Some("approved"),
                environments: approval
                    .environments
                    .unwrap_or_default()
                    .into_iter()
                    .map(|environment| environment.name)
                    .collect(),
            })
            .collect())
    }

    /// The rules of a branch from rulesets. When they demand no pull request, and the branch has the older kind of protection, a
    /// rule `branch_protection` says so: what is in it only admins may read.
    pub async fn branch_rules(&self, branch: &str) -> Result<Vec<BranchRule>, GithubError> {
        let name = segment(RULES_OP, branch)?;
        let rules = self.pages::<WireBranchRule>(RULES_OP, &format!("rules/branches/{name}"), None).await?;
        let mut rules: Vec<BranchRule> = rules
            .into_iter()
            .map(|rule| BranchRule { kind: rule.kind, parameters: rule.parameters })
            .collect();
        if rules.iter().any(|rule| rule.kind == "pull_request") {
            return Ok(rules);
        }
        match self.call::<Branch>(&self.get(BRANCH_OP, &format!("branches/{name}")), |_| None).await {
            Ok(branch) if branch.protected && rules.is_empty() => {
                rules.push(BranchRule { kind: "branch_protection".into(), parameters: branch.protection });
            }
            Ok(_) => {}
            // A token that may not read it, or a branch that is not there yet.
            Err(error) if matches!(error.status, Some(403 | 404)) => {}
            Err(error) => return Err(error),
        }
        Ok(rules)
    }
}
