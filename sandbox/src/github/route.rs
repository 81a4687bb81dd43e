//! From method and path to the call that is meant.

use std::collections::BTreeMap;

use super::token::Token;
use crate::http::Request;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// The GraphQL endpoint.
    GraphQl,
    /// The token service of the runner.
    Oidc(String),
    /// A REST call.
    Rest(Call),
    /// Nothing that the stub knows.
    Unknown,
}

/// The REST calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    User,
    RateLimit,
    Repo,
    Pulls,
    Pull,
    Reviews,
    Commit,
    CommitPulls,
    CommitChecks,
    CommitStatuses,
    CombinedStatus,
    Compare,
    Comments,
    CreateComment,
    Comment,
    UpdateComment,
    DeleteComment,
    Permission,
    CreateCheck,
    UpdateCheck,
    Check,
    Annotations,
    CreateStatus,
    Deployments,
    CreateDeployment,
    Deployment,
    DeploymentStatuses,
    CreateDeploymentStatus,
    Environments,
    Environment,
    BranchPolicies,
    Approvals,
    Run,
    Dispatch,
    BranchRules,
    Issues,
    CreateIssue,
    Issue,
    UpdateIssue,
    Labels,
    AddLabels,
    RemoveLabel,
    Contents,
}

/// Operation, method and path template as GitHub's API description names them, and the permissions of which a token
/// needs one, as `x-accepted-github-permissions` lists them.
type Row = (Op, &'static str, &'static str);

/// Reading and writing the conversation of an issue or a pull request.
const TALK_READ: &str = "issues=read; pull_requests=read";
const TALK_WRITE: &str = "issues=write; pull_requests=write";

/// The calls; of two that fit, the first is meant.
const ROWS: &[Row] = &[
    (Op::User, "GET /user", ""),
    (Op::RateLimit, "GET /rate_limit", ""),
    (Op::Repo, "GET /repos/{owner}/{repo}", "metadata=read"),
    (Op::Pulls, "GET /repos/{owner}/{repo}/pulls", "pull_requests=read"),
    (Op::Pull, "GET /repos/{owner}/{repo}/pulls/{pull_number}", "pull_requests=read"),
    (Op::Reviews, "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews", "pull_requests=read"),
    (Op::CommitPulls, "GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls", "pull_requests=read"),
    (Op::CommitChecks, "GET /repos/{owner}/{repo}/commits/{ref}/check-runs", "checks=read"),
    (Op::CommitStatuses, "GET /repos/{owner}/{repo}/commits/{ref}/statuses", "statuses=read"),
    (Op::CombinedStatus, "GET /repos/{owner}/{repo}/commits/{ref}/status", "statuses=read"),
    (Op::Commit, "GET /repos/{owner}/{repo}/commits/{ref}", "contents=read"),
    (Op::Compare, "GET /repos/{owner}/{repo}/compare/{basehead}", "contents=read"),
    (Op::Contents, "GET /repos/{owner}/{repo}/contents/{path}", "contents=read"),
    (Op::Permission, "GET /repos/{owner}/{repo}/collaborators/{username}/permission", "metadata=read"),
    (Op::CreateCheck, "POST /repos/{owner}/{repo}/check-runs", "checks=write"),
    (Op::UpdateCheck, "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", "checks=write"),
    (Op::Check, "GET /repos/{owner}/{repo}/check-runs/{check_run_id}", "checks=read"),
    (Op::Annotations, "GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations", "checks=read"),
    (Op::CreateStatus, "POST /repos/{owner}/{repo}/statuses/{sha}", "statuses=write"),
    (Op::Deployments, "GET /repos/{owner}/{repo}/deployments", "deployments=read"),
    (Op::CreateDeployment, "POST /repos/{owner}/{repo}/deployments", "deployments=write"),
    (Op::Deployment, "GET /repos/{owner}/{repo}/deployments/{deployment_id}", "deployments=read"),
    (
        Op::DeploymentStatuses,
        "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        "deployments=read",
    ),
    (
        Op::CreateDeploymentStatus,
        "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        "deployments=write",
    ),
    (Op::Environments, "GET /repos/{owner}/{repo}/environments", "actions=read"),
    (Op::Environment, "GET /repos/{owner}/{repo}/environments/{environment_name}", "actions=read"),
    (
        Op::BranchPolicies,
        "GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies",
        "actions=read",
    ),
    (Op::Approvals, "GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals", "actions=read"),
    (Op::Run, "GET /repos/{owner}/{repo}/actions/runs/{run_id}", "actions=read"),
    (
        Op::Dispatch,
        "POST /repos/{owner}/{repo}/actions/workflows/{workflow_file}/dispatches",
        "actions=write",
    ),
    (Op::BranchRules, "GET /repos/{owner}/{repo}/rules/branches/{branch}", "metadata=read"),
    (Op::Issues, "GET /repos/{owner}/{repo}/issues", TALK_READ),
    (Op::CreateIssue, "POST /repos/{owner}/{repo}/issues", "issues=write"),
    (Op::Comment, "GET /repos/{owner}/{repo}/issues/comments/{comment_id}", TALK_READ),
    (Op::UpdateComment, "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", TALK_WRITE),
    (Op::DeleteComment, "DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}", TALK_WRITE),
    (Op::Issue, "GET /repos/{owner}/{repo}/issues/{issue_number}", TALK_READ),
    (Op::UpdateIssue, "PATCH /repos/{owner}/{repo}/issues/{issue_number}", TALK_WRITE),
    (Op::Comments, "GET /repos/{owner}/{repo}/issues/{issue_number}/comments", TALK_READ),
    (Op::CreateComment, "POST /repos/{owner}/{repo}/issues/{issue_number}/comments", TALK_WRITE),
    (Op::Labels, "GET /repos/{owner}/{repo}/issues/{issue_number}/labels", TALK_READ),
    (Op::AddLabels, "POST /repos/{owner}/{repo}/issues/{issue_number}/labels", TALK_WRITE),
    (Op::RemoveLabel, "DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}", TALK_WRITE),
];

/// Owner and name of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Name {
    pub owner: String,
    pub name: String,
}

/// One REST call with the values of its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub op: Op,
    template: &'static str,
    needs: &'static str,
    pub repo: Name,
    values: BTreeMap<&'static str, String>,
}

impl Route {
    /// Reads method and path.
    pub fn of(request: &Request) -> Self {
        let path = request.path.trim_end_matches('/');
        if matches!(path, "/graphql" | "/api/graphql") {
            return if request.method == "POST" { Self::GraphQl } else { Self::Unknown };
        }
        if path == "/_oidc/token" && request.method == "GET" {
            return Self::Oidc(request.query.get("repo").map_or("octo/app", String::as_str).to_owned());
        }
        let path = path.strip_prefix("/api/v3").unwrap_or(path);
        let parts: Vec<String> = path.split('/').skip(1).map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Call::of(&request.method, &parts).map_or(Self::Unknown, Self::Rest)
    }
}

impl Call {
    fn of(method: &str, parts: &[&str]) -> Option<Self> {
        ROWS.iter().find_map(|(op, template, needs)| {
            let (wanted, path) = template.split_once(" /")?;
            let pattern: Vec<&'static str> = path.split('/').collect();
            let mut values = if wanted == method { fit(&pattern, parts)? } else { return None };
            let mut take = |name: &str| values.remove(name).unwrap_or_default();
            let repo = Name { owner: take("owner"), name: take("repo") };
            Some(Self { op: *op, template, needs, repo, values })
        })
    }

    /// Method and path template as GitHub's API description names them.
    pub fn template(&self) -> &'static str {
        self.template
    }

    /// Whether the call changes something.
    pub fn is_mutating(&self) -> bool {
        !self.template.starts_with("GET ")
    }

    /// The permissions of which a token needs one.
    pub fn needs(&self) -> &'static str {
        self.needs
    }

    /// Whether the token may make this call.
    pub fn allowed(&self, token: &Token) -> bool {
        token.has_one_of(self.needs) && !(self.is_mutating() && token.read_only)
    }

    /// A value of the path.
    pub fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// A number of the path.
    pub fn number(&self) -> u64 {
        self.values.values().find_map(|value| value.parse().ok()).unwrap_or_default()
    }
}

/// Fits a path to a template: names of references and files may hold slashes, ids are numbers.
fn fit(pattern: &[&'static str], parts: &[&str]) -> Option<BTreeMap<&'static str, String>> {
    let Some((first, pattern)) = pattern.split_first() else {
        return parts.is_empty().then(BTreeMap::new);
    };
    let Some(name) = first.strip_prefix('{').and_then(|first| first.strip_suffix('}')) else {
        return if parts.first() == Some(first) { fit(pattern, parts.get(1..)?) } else { None };
    };
    let most =
        if matches!(name, "ref" | "commit_sha" | "basehead" | "branch" | "path") { parts.len() } else { 1 };
    let numeric = name.ends_with("_number") || name.ends_with("_id");
    (1..=most).find_map(|size| {
        let value = parts.get(..size)?.join("/");
        if value.is_empty() || (numeric && value.parse::<u64>().is_err()) {
            return None;
        }
        if name == "basehead" && !value.contains("...") {
            return None;
        }
        let mut found = fit(pattern, parts.get(size..)?)?;
        found.insert(name, value);
        Some(found)
    })
}

/// Percent-decodes one part of a path.
pub(super) fn decode(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code =
            if *first == b'%' { tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()) } else { None };
        if let Some(byte) = code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
