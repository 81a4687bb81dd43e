//! Reviews of pull requests, and what people may do in the repository.

use serde_json::{Value, json};

use super::state::{Repo, timestamp};
use super::view::{self, Links};
use super::{Answered, Ask, GitHub, not_found, problem};
use crate::http::Response;

/// One review.
#[derive(Debug, Clone)]
pub(super) struct Review {
    pub id: u64,
    /// Number of the pull request.
    pub number: u64,
    /// Reviewer's login; `None` when the account was deleted.
    pub user: Option<String>,
    pub body: String,
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`, `DISMISSED` or `PENDING`.
    pub state: String,
    /// The head commit that was reviewed.
    pub commit_id: String,
    /// Seconds since the epoch; `None` while it is pending.
    pub submitted_at: Option<f64>,
}

/// What somebody may do.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub login: String,
    /// `admin`, `write`, `read` or `none`.
    pub permission: String,
    /// The finer name: `maintain` is `write`, `triage` is `read`.
    pub role_name: String,
}

impl GitHub {
    pub(super) fn reviews(&mut self, ask: &Ask) -> Answered {
        let number = ask.call.number();
        let repo = self.named(&ask.call.repo);
        if !repo.pulls.contains_key(&number) {
            return Err(not_found());
        }
        let own = repo.reviews.iter().filter(|review| review.number == number);
        // What is not submitted is shown to its author only.
        let shown = own.filter(|review| {
            review.submitted_at.is_some() || review.user.as_deref() == Some(ask.token.login.as_str())
        });
        let shown = shown.map(|review| shown_review(repo, review, &ask.links)).collect();
        Ok(ask.page(shown))
    }

    pub(super) fn permission(&mut self, ask: &Ask) -> Answered {
        let login = ask.call.value("username");
        let repo = self.named(&ask.call.repo);
        let found = repo.people.get(&login.to_lowercase()).cloned();
        let owner =
            || Person { login: repo.owner.clone(), permission: "admin".into(), role_name: "admin".into() };
        let found = found.or_else(|| repo.owner.eq_ignore_ascii_case(login).then(owner));
        let Some(Person { login, permission, role_name }) = found else {
            let message = format!("{login} is not a user");
            return Err(problem(404, &message, "https://docs.github.com/rest/collaborators/collaborators"));
        };
        let mut user = view::user(&login);
        let may =
            |roles: &[&str]| roles.contains(&role_name.as_str()) || roles.contains(&permission.as_str());
        let flags = json!({
            "admin": may(&["admin"]),
            "maintain": may(&["admin", "maintain"]),
            "push": may(&["admin", "maintain", "write"]),
            "triage": may(&["admin", "maintain", "write", "triage"]),
            "pull": permission != "none",
        });
        if let Some(user) = user.as_object_mut() {
            user.insert("permissions".into(), flags);
            user.insert("role_name".into(), json!(role_name));
        }
        let body = json!({"permission": permission, "role_name": role_name, "user": user});
        Ok(Response::json(200, &body))
    }
}

/// A review in the form of the REST API.
pub(super) fn shown_review(repo: &Repo, review: &Review, links: &Links) -> Value {
    let (full, number) = (repo.full_name(), review.number);
    let author = repo.pulls.get(&number).map(|pull| pull.user.as_str());
    let mut value = json!({
        "id": review.id,
        "node_id": format!("PRR_kwDO{}", review.id),
        "user": review.user.as_deref().map(view::user),
        "body": review.body,
        "state": review.state,
        "html_url": format!("{}/{full}/pull/{number}#pullrequestreview-{}", links.html, review.id),
        "pull_request_url": format!("{}/repos/{full}/pulls/{number}", links.api),
        "author_association": if review.user.as_deref() == author { "CONTRIBUTOR" } else { "COLLABORATOR" },
        "commit_id": review.commit_id,
    });
    if let (Some(at), Some(value)) = (review.submitted_at, value.as_object_mut()) {
        value.insert("submitted_at".into(), json!(timestamp(at)));
    }
    value
}
