//! Who may take a role on: the jobs of one repository, by the claims of GitHub's OIDC token.
//!
//! Sources: GitHub, `OpenID Connect reference` (the forms of `sub`); AWS, `IAM and AWS STS condition context keys` (which claims are
//! keys besides `aud` and `sub`). No `ForAllValues`: in an `Allow` it is true where the claim is missing.

use std::collections::BTreeMap;

use super::{Place, Role};
use crate::stack::{Policy, Statement};

/// The issuer of github.com, without the scheme.
pub const GITHUB: &str = "token.actions.githubusercontent.com";
/// What `aws-actions/configure-aws-credentials` asks the token for.
const AUDIENCE: &str = "sts.amazonaws.com";

/// Which jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jobs {
    /// `owner/name`.
    pub repository: String,
    /// The ids of owner and repository, which no later owner of the name has.
    pub ids: Option<Ids>,
    /// The branch that applies.
    pub branch: String,
    /// The environment of the job; `None` for the one of the role.
    pub environment: Option<String>,
    /// The issuer, without the scheme.
    pub issuer: String,
}

/// The ids of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// Of the owner (`repository_owner_id`).
    pub owner: u64,
    /// Of the repository (`repository_id`).
    pub repository: u64,
}

impl Jobs {
    /// The environment of a role's job. A plan has none: its role is for pull requests.
    pub fn environment(&self, role: Role) -> Option<&str> {
        let named = self.environment.as_deref();
        match role {
            Role::Plan => None,
            Role::Apply => Some(named.unwrap_or("production")),
            Role::RunTask => Some(named.unwrap_or("production-tasks")),
        }
    }

    /// What `sub` begins with.
    fn subject(&self, rest: &str) -> String {
        match (self.ids, self.repository.split_once('/')) {
            (Some(ids), Some((owner, name))) => {
                format!("repo:{owner}@{}/{name}@{}:{rest}", ids.owner, ids.repository)
            }
            _ => format!("repo:{}:{rest}", self.repository),
        }
    }

    /// AWS reads claims other than `aud` and `sub` from the tokens of github.com only.
    pub fn has_claims(&self) -> bool {
        self.issuer == GITHUB
    }
}

/// The issuer that a host or an address means: github.com, `SUB.ghe.com`, or an enterprise server. `None` for what is no host.
pub fn issuer(text: &str) -> Option<String> {
    let text = text.strip_prefix("https://").unwrap_or(text).trim_end_matches('/');
    let (host, path) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
    let fits = |part: &str, more: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    if !fits(host, ".-") || !host.contains('.') || path.is_some_and(|path| !fits(path, "/_-.")) {
        return None;
    }
    let host = host.to_ascii_lowercase();
    Some(match path {
        Some(path) => format!("{host}/{path}"),
        None if host == "github.com" => GITHUB.to_owned(),
        None if host.starts_with("token.actions.") => host,
        None if host.ends_with(".ghe.com") => format!("token.actions.{host}"),
        None => format!("{host}/_services/token"),
    })
}

/// `owner/name` of GitHub, and nothing that has a meaning in a policy.
pub fn is_repository(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    text.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
}

/// A branch by the rules of git (`git check-ref-format`), so that it has no star and no question mark.
pub fn is_branch(text: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c);
    !text.is_empty()
        && !text.starts_with(['/', '-'])
        && !text.ends_with(['/', '.'])
        && !text.contains("..")
        && !text.contains("@{")
        && !text.starts_with("refs/")
        && !text.chars().any(bad)
}

/// The trust policy of a role.
pub fn trust(role: Role, jobs: &Jobs, place: &Place) -> Policy {
    let statement = |sid: &str, sub: (&str, String)| {
        let provider = place.global("iam", &format!("oidc-provider/{}", jobs.issuer));
        let claim = |name: &str| format!("{}:{name}", jobs.issuer);
        let base = Statement {
            sid: Some(sid.to_owned()),
            principal: BTreeMap::from([("Federated".to_owned(), [provider].into())]),
            ..Statement::allow(["sts:AssumeRoleWithWebIdentity"], Vec::<String>::new())
        };
        let mut statement =
            base.when("StringEquals", &claim("aud"), AUDIENCE).when(sub.0, &claim("sub"), &sub.1);
        if let Some(ids) = jobs.ids.filter(|_| jobs.has_claims()) {
            let id = ids.repository.to_string();
            statement = statement.when("StringEquals", &claim("repository_id"), &id);
        }
        if let Some(environment) = jobs.environment(role).filter(|_| jobs.has_claims()) {
            // With an environment, `sub` does not say which branch the job runs on.
            statement = statement.when("StringEquals", &claim("environment"), environment).when(
                "StringEquals",
                &claim("ref"),
                &format!("refs/heads/{}", jobs.branch),
            );
        }
        statement
    };
    let equals = |rest: &str| ("StringEquals", jobs.subject(rest));
    let branch = &jobs.branch;
    match jobs.environment(role) {
        Some(environment) => {
            // GitHub writes a colon of the name so.
            let name = environment.replace(':', "%3A");
            Policy::new([statement("Environment", equals(&format!("environment:{name}")))])
        }
        None => Policy::new([
            statement("PullRequests", equals("pull_request")),
            statement(
                "MergeQueue",
                ("StringLike", jobs.subject(&format!("ref:refs/heads/gh-readonly-queue/{branch}/*"))),
            ),
            statement("Drift", equals(&format!("ref:refs/heads/{branch}"))),
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs() -> Jobs {
        Jobs {
            repository: "octo/shop".into(),
            ids: None,
            branch: "main".into(),
            environment: None,
            issuer: GITHUB.into(),
        }
    }

    fn text(role: Role, jobs: &Jobs) -> String {
        let place = Place::new(Some("123456789012"), "eu-west-1", None);
        format!("{:#}", serde_json::json!(trust(role, jobs, &place)))
    }

    #[test]
    fn the_plan_role_trusts_pull_requests_the_queue_and_the_branch() {
        insta::assert_snapshot!(text(Role::Plan, &jobs()));
    }

    #[test]
    fn the_apply_role_trusts_one_environment_on_one_branch() {
        insta::assert_snapshot!(text(Role::Apply, &jobs()));
    }

    #[test]
    fn the_role_for_runs_has_an_environment_of_its_own() {
        let text = text(Role::RunTask, &Jobs { environment: Some("jobs: night".into()), ..jobs() });
        assert!(text.contains("repo:octo/shop:environment:jobs%3A night"), "{text}");
        assert!(
            text.contains(
                r#"environment": [
            "jobs: night""#
            ),
            "{text}"
        );
    }

    #[test]
    fn with_ids_the_subject_is_immutable_and_the_repository_is_pinned() {
        let ids = Some(Ids { owner: 7, repository: 42 });
        for role in [Role::Plan, Role::Apply, Role::RunTask] {
            let text = text(role, &Jobs { ids, ..jobs() });
            assert!(text.contains("repo:octo@7/shop@42:"), "{text}");
            assert!(!text.contains("repo:octo/shop"), "{text}");
            assert!(text.contains("repository_id"), "{text}");
        }
    }

    #[test]
    fn claims_that_aws_does_not_know_of_other_hosts_are_not_asked_for() {
        let text = text(Role::Apply, &Jobs { issuer: "github.example.com/_services/token".into(), ..jobs() });
        assert!(text.contains("oidc-provider/github.example.com/_services/token"), "{text}");
        assert!(!text.contains(":ref") && !text.contains("repository_id"), "{text}");
    }

    #[test]
    fn no_trust_uses_for_all_values_or_a_star_before_the_end() {
        for role in [Role::Plan, Role::Apply, Role::RunTask] {
            let text = text(role, &jobs());
            assert!(!text.contains("ForAllValues"), "{text}");
            for line in text.lines().filter(|line| line.contains('*')) {
                assert!(line.contains("ref:refs/heads/gh-readonly-queue/main/*\""), "{line}");
            }
        }
    }

    #[test]
    fn every_host_has_its_issuer() {
        for (host, expected) in [
            ("github.com", GITHUB),
            ("https://github.com", GITHUB),
            ("octo.ghe.com", "token.actions.octo.ghe.com"),
            ("https://token.actions.octo.ghe.com", "token.actions.octo.ghe.com"),
            ("https://github.example.com/", "github.example.com/_services/token"),
            ("https://github.example.com/_services/token", "github.example.com/_services/token"),
        ] {
            assert_eq!(issuer(host).as_deref(), Some(expected), "{host}");
        }
        for host in ["", "localhost", "http://github.com", "a b.com", "x.com/*", "x.com:443"] {
            assert_eq!(issuer(host), None, "{host}");
        }
    }

    #[test]
    fn what_would_be_a_pattern_is_no_repository_and_no_branch() {
        for text in ["octo", "octo/", "octo/*", "o/c/t", "octo/sh?p", "octo/a b"] {
            assert!(!is_repository(text), "{text}");
        }
        for text in ["", "*", "ma?n", "a b", "refs/heads/main", "a..b", "x/", "a[b", "a\\b"] {
            assert!(!is_branch(text), "{text}");
        }
        assert!(is_repository("octo/app.js_1") && is_branch("release/1.x"));
    }
}
