//! Commit statuses.

use serde_json::{Value, json};

use super::state::{Repo, timestamp};
use super::view::{self, Links};
use super::{Answered, Ask, GitHub, not_found, short_description, unprocessable, web_address};
use crate::http::Response;

/// Most statuses of one commit and context.
const MOST: usize = 1000;

/// One commit status.
#[derive(Debug, Clone)]
pub(super) struct Status {
    id: u64,
    pub sha: String,
    pub context: String,
    /// `error`, `failure`, `pending` or `success`.
    pub state: String,
    description: Option<String>,
    target_url: Option<String>,
    creator: String,
    created_at: f64,
}

impl GitHub {
    pub(super) fn create_status(&mut self, ask: &Ask) -> Answered {
        let body = ask.body()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let sha = ask.call.value("sha");
        let repo = self.named(&ask.call.repo);
        if !repo.commits.contains_key(sha) {
            return Err(super::rest::no_commit(sha));
        }
        let state = text("state").unwrap_or_default();
        if !matches!(state.as_str(), "error" | "failure" | "pending" | "success") {
            return Err(unprocessable("Status", "state", "custom", "State is not included in the list"));
        }
        short_description("Status", &body)?;
        web_address("Status", &body, "target_url")?;
        let context = text("context").unwrap_or_else(|| "default".into());
        let same = |status: &&Status| status.sha == sha && status.context == context;
        if repo.statuses.iter().filter(same).count() >= MOST {
            let message = "This SHA and context has reached the maximum number of statuses.";
            return Err(unprocessable("Status", "", "custom", message));
        }
        let status = Status {
            id: repo.next_id(),
            sha: sha.into(),
            context,
            state,
            description: text("description"),
            target_url: text("target_url"),
            creator: ask.token.login.clone(),
            created_at: ask.now,
        };
        let shown = shown(repo, &status, &ask.links);
        repo.statuses.push(status);
        Ok(Response::json(201, &shown))
    }

    /// All statuses of a commit, newest first.
    pub(super) fn commit_statuses(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let sha = repo.resolve(ask.call.value("ref")).ok_or_else(not_found)?;
        let own = repo.statuses.iter().rev().filter(|status| status.sha == sha);
        Ok(ask.page(own.map(|status| shown(repo, status, &ask.links)).collect()))
    }

    /// The newest status of each context, and what they are together.
    pub(super) fn combined_status(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let sha = repo.resolve(ask.call.value("ref")).ok_or_else(not_found)?;
        let newest = repo.newest_statuses(&sha);
        let any = |states: &[&str]| newest.iter().any(|status| states.contains(&status.state.as_str()));
        let state = if any(&["error", "failure"]) {
            "failure"
        } else if newest.is_empty() || any(&["pending"]) {
            "pending"
        } else {
            "success"
        };
        let statuses: Vec<Value> = newest.iter().map(|status| shown(repo, status, &ask.links)).collect();
        let body = json!({
            "state": state,
            "sha": sha,
            "total_count": statuses.len(),
            "statuses": statuses,
            "repository": view::repo(repo, &ask.links),
        });
        Ok(Response::json(200, &body))
    }
}

impl Repo {
    /// The newest status of each context of a commit.
    pub(super) fn newest_statuses(&self, sha: &str) -> Vec<&Status> {
        let mut found: Vec<&Status> = Vec::new();
        for status in self.statuses.iter().rev().filter(|status| status.sha == sha) {
            if found.iter().all(|seen| seen.context != status.context) {
                found.push(status);
            }
        }
        found
    }
}

fn shown(repo: &Repo, status: &Status, links: &Links) -> Value {
    let at = timestamp(status.created_at);
    json!({
        "url": format!("{}/repos/{}/statuses/{}", links.api, repo.full_name(), status.sha),
        "id": status.id,
        "node_id": format!("SC_kwDO{}", status.id),
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": at,
        "updated_at": at,
        "creator": view::user(&status.creator),
    })
}
