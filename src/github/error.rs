//! What went wrong in a call of GitHub.

use std::fmt;

/// Most characters of GitHub's message that are kept.
const LONGEST_MESSAGE: usize = 300;

/// What kind of failure it was, which decides whether the call may have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// The client could not be set up; nothing was sent.
    Setup,
    /// GitHub answered and refused; nothing happened.
    Refused,
    /// No usable answer, or a server error: a write may have taken effect.
    Unclear,
}

/// A call of GitHub that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct GithubError {
    /// The call, such as `PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}`.
    pub op: String,
    /// HTTP status, `None` when there was no answer. For GraphQL the status that REST would give.
    pub status: Option<u16>,
    /// GitHub's own words, one line of at most 300 characters.
    pub message: String,
    /// GitHub's id of the request, for its support.
    pub request_id: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// What kind of failure it was.
    pub kind: Failed,
}

impl fmt::Display for GithubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{} failed with status {status}: {}", self.op, self.message),
            None => write!(f, "{} failed: {}", self.op, self.message),
        }
    }
}

impl GithubError {
    /// An error that was found before anything was sent.
    pub(super) fn setup(op: &str, message: impl Into<String>, hint: &str) -> Self {
        Self {
            op: op.into(),
            status: None,
            message: message.into(),
            request_id: None,
            hint: Some(hint.into()),
            kind: Failed::Setup,
        }
    }

    /// An error without an answer.
    pub(super) fn unreachable(op: &str, message: &str) -> Self {
        Self {
            op: op.into(),
            status: None,
            message: one_line(message),
            request_id: None,
            hint: Some("check that the runner reaches GITHUB_API_URL, then run the job again".into()),
            kind: Failed::Unclear,
        }
    }

    /// An error from an answer of GitHub; `accepted` is the header that names permissions that would do.
    pub(super) fn answered(
        op: &str,
        status: u16,
        body: &str,
        request_id: Option<String>,
        accepted: Option<&str>,
    ) -> Self {
        let message = message_of(body);
        Self {
            op: op.into(),
            status: Some(status),
            hint: hint(op, status, &message, accepted),
            message,
            request_id,
            kind: if (300..500).contains(&status) { Failed::Refused } else { Failed::Unclear },
        }
    }

    /// Whether a write may have taken effect although the call failed.
    pub fn may_have_happened(&self) -> bool {
        self.kind == Failed::Unclear
    }
}

/// GitHub's words in an error body: its `message`, and the messages of `errors`.
fn message_of(body: &str) -> String {
    let trimmed = body.trim_start();
    if trimmed.starts_with('<') {
        return "HTML answer".into();
    }
    let Ok(value) = serde_json::from_str::<serde_json::Value>(body) else {
        return if trimmed.is_empty() { "empty answer".into() } else { one_line(trimmed) };
    };
    let mut words: Vec<&str> =
        value.get("message").and_then(|message| message.as_str()).into_iter().collect();
    for error in value.get("errors").and_then(|errors| errors.as_array()).into_iter().flatten() {
        words.extend(error.as_str().or_else(|| error.get("message").and_then(|message| message.as_str())));
    }
    if words.is_empty() { one_line(trimmed) } else { one_line(&words.join(": ")) }
}

/// The first characters of a text on one line, without control characters.
fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let short: String = clean.trim().chars().take(LONGEST_MESSAGE).collect();
    if short.len() < clean.trim().len() { short + "…" } else { short }
}

/// What the user can do.
fn hint(op: &str, status: u16, message: &str, accepted: Option<&str>) -> Option<String> {
    let lower = message.to_lowercase();
    Some(match status {
        300..=399 => {
            "the repository has moved to another server, or something between redirects: check GITHUB_API_URL"
                .into()
        }
        401 => {
            "the token is missing or no longer valid: pass `github-token: ${{ github.token }}` to the action"
                .into()
        }
        403 | 429 if lower.contains("rate limit") || lower.contains("abuse") => {
            "GitHub limits how often it is called: run the job again later".into()
        }
        403 if lower.contains("locked") => "unlock the conversation of the pull request".into(),
        403 => format!("add `{}` to the `permissions` of the job", permission(op, accepted)),
        404 => format!(
            "check that it exists, and that the `permissions` of the job hold `{}`: without it GitHub says not found",
            permission(op, accepted)
        ),
        410 if op.contains("issues") && !op.contains("/comments") => {
            "turn on issues in the settings of the repository, or set `drift-issue: false`".into()
        }
        410 => "comments are turned off for this pull request".into(),
        422 if lower.contains("too long") => "the text is longer than this GitHub accepts".into(),
        500.. => "GitHub has trouble, see its status page, then run the job again".into(),
        _ => return None,
    })
}

/// Parts of a call's name with the permission that it needs: the first that fits. A level that is left out is `read` for `GET` and
/// `write` for everything else.
const PERMISSIONS: &[(&str, &str)] = &[
    ("graphql:pullRequest", "pull-requests: read"),
    ("graphql:viewer", "contents: read"),
    ("graphql:", "pull-requests: write"),
    ("/check-runs", "checks"),
    ("/deployments", "deployments"),
    ("/environments", "actions: read"),
    ("/actions/", "actions"),
    ("/collaborators/", "metadata: read"),
    ("/rules/", "metadata: read"),
    ("/compare/", "contents: read"),
    ("/branches/", "contents: read"),
    ("ID_TOKEN", "id-token: write"),
    ("/comments (issue)", "issues"),
    ("/comments", "pull-requests"),
    ("/issues", "issues"),
    ("/pulls", "pull-requests"),
    ("/commits/", "contents: read"),
];

/// The permission that a call needs, as workflow files spell it.
fn permission(op: &str, accepted: Option<&str>) -> String {
    let known =
        PERMISSIONS.iter().find(|(part, _)| op.contains(part)).map_or("contents: read", |(_, name)| name);
    let known = match known {
        name if name.contains(':') => name.to_owned(),
        name if op.starts_with("GET ") => format!("{name}: read"),
        name => format!("{name}: write"),
    };
    // The header offers alternatives: `issues=write; pull_requests=write`. What a comma joins is needed together.
    let spelled = |entry: &str| {
        let needed = entry.split(',').filter_map(|one| one.trim().split_once('='));
        let needed: Vec<String> = needed
            .filter(|(name, _)| *name != "metadata")
            .map(|(name, level)| format!("{}: {}", name.replace('_', "-"), level))
            .collect();
        (!needed.is_empty()).then(|| needed.join("` and `"))
    };
    let mut offered: Vec<String> =
        accepted.into_iter().flat_map(|header| header.split(';')).filter_map(spelled).collect();
    // The one that the rest of the job needs as well, when it would do.
    offered.sort_by_key(|entry| *entry != known);
    offered.into_iter().next().unwrap_or(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: &str = "POST /repos/{owner}/{repo}/issues/{issue_number}/comments";

    fn refused(op: &str, status: u16, body: &str, accepted: Option<&str>) -> GithubError {
        GithubError::answered(op, status, body, Some("AB:1".into()), accepted)
    }

    #[test]
    fn a_refused_write_names_the_missing_permission() {
        let body = r#"{"message":"Resource not accessible by integration"}"#;
        let wanted = Some("add `pull-requests: write` to the `permissions` of the job".to_owned());
        assert_eq!(refused(CREATE, 403, body, None).hint, wanted);
        assert_eq!(refused(CREATE, 403, body, Some("issues=write; pull_requests=write")).hint, wanted);
        assert_eq!(refused("graphql:minimizeComment", 403, body, None).hint, wanted);
    }

    #[test]
    fn a_refused_read_names_the_permission_to_read() {
        for (op, wanted) in [
            ("GET /repos/{owner}/{repo}/pulls/{pull_number}", "`pull-requests: read`"),
            ("GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls", "`pull-requests: read`"),
            ("GET /repos/{owner}/{repo}/commits/{ref}", "`contents: read`"),
            ("graphql:pullRequestComments", "`pull-requests: read`"),
        ] {
            let hint = refused(op, 404, "{}", None).hint.unwrap_or_default();
            assert!(hint.contains(wanted), "{op}: {hint}");
        }
    }

    #[test]
    fn every_call_names_the_permission_that_it_needs() {
        for (op, wanted) in [
            ("POST /repos/{owner}/{repo}/check-runs", "checks: write"),
            ("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", "checks: write"),
            ("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", "checks: read"),
            ("POST /repos/{owner}/{repo}/deployments", "deployments: write"),
            ("GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", "deployments: read"),
            ("GET /repos/{owner}/{repo}/environments/{environment_name}", "actions: read"),
            ("GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals", "actions: read"),
            ("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews", "pull-requests: read"),
            ("GET /repos/{owner}/{repo}/pulls", "pull-requests: read"),
            ("GET /repos/{owner}/{repo}/compare/{base}...{head}", "contents: read"),
            ("graphql:pullRequestsOfCommits", "pull-requests: read"),
            ("graphql:minimizeComment", "pull-requests: write"),
            ("GET /repos/{owner}/{repo}/issues", "issues: read"),
            ("POST /repos/{owner}/{repo}/issues", "issues: write"),
            ("PATCH /repos/{owner}/{repo}/issues/{issue_number}", "issues: write"),
            ("POST /repos/{owner}/{repo}/issues/{issue_number}/comments (issue)", "issues: write"),
            ("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", "pull-requests: write"),
            ("GET ACTIONS_ID_TOKEN_REQUEST_URL", "id-token: write"),
        ] {
            let body = r#"{"message":"Resource not accessible by integration"}"#;
            let hint = refused(op, 403, body, None).hint.unwrap_or_default();
            assert_eq!(hint, format!("add `{wanted}` to the `permissions` of the job"), "{op}");
        }
    }

    #[test]
    fn permissions_that_are_needed_together_are_named_together() {
        let body = r#"{"message":"Resource not accessible by integration"}"#;
        let header = Some("metadata=read,contents=read,pull_requests=read");
        let hint = refused("GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls", 403, body, header).hint;
        let wanted = "add `contents: read` and `pull-requests: read` to the `permissions` of the job";
        assert_eq!(hint.as_deref(), Some(wanted));
    }

    #[test]
    fn an_html_page_is_not_quoted() {
        let error = refused(CREATE, 502, "\n<!DOCTYPE html><html><body>Unicorn!</body></html>", None);
        assert_eq!(error.message, "HTML answer");
        assert!(error.may_have_happened());
        assert_eq!(error.to_string(), format!("{CREATE} failed with status 502: HTML answer"));
    }

    #[test]
    fn a_message_is_one_line_and_at_most_300_characters_long() {
        let error = refused(CREATE, 400, &format!("one\n::error::two {}", "ü".repeat(400)), None);
        assert!(!error.message.contains('\n'));
        assert_eq!(error.message.chars().count(), LONGEST_MESSAGE + 1);
        assert!(!error.may_have_happened());
    }

    #[test]
    fn the_reasons_of_a_refused_value_are_told() {
        let body = r#"{"message":"Validation Failed","errors":[{"code":"x","message":"Body is too long"}]}"#;
        let error = refused(CREATE, 422, body, None);
        assert_eq!(error.message, "Validation Failed: Body is too long");
        assert_eq!(error.hint.as_deref(), Some("the text is longer than this GitHub accepts"));
    }

    #[test]
    fn a_rate_limit_is_not_taken_for_a_missing_permission() {
        let error = refused(CREATE, 403, r#"{"message":"You have exceeded a secondary rate limit."}"#, None);
        assert!(error.hint.is_some_and(|hint| hint.contains("later")));
    }
}
