//! Environments with their protection, and the rules of branches.

use serde_json::{Value, json};

use super::state::{Repo, id_of, timestamp};
use super::view::{self, Links};
use super::{Answered, Ask, GitHub, not_found};
use crate::http::Response;

/// One environment.
#[derive(Debug, Clone)]
pub(super) struct Environment {
    pub id: u64,
    pub name: String,
    /// Logins of people who may approve; nobody must when it is empty.
    pub reviewers: Vec<String>,
    pub prevent_self_review: bool,
    /// Minutes that a job waits.
    pub wait_timer: u64,
    pub branches: Branches,
    pub can_admins_bypass: bool,
    pub created_at: f64,
}

/// The branches that may use an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Branches {
    /// All.
    All,
    /// Those with protection.
    Protected,
    /// Those whose names fit a pattern.
    Named(Vec<String>),
}

impl GitHub {
    pub(super) fn environments(&mut self, ask: &Ask) -> Response {
        let repo = self.named(&ask.call.repo);
        let shown = repo.environments.values().map(|one| one.show(repo, &ask.links)).collect();
        ask.wrapped("environments", shown)
    }

    pub(super) fn environment(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let found = repo.environment(ask.call.value("environment_name")).ok_or_else(not_found)?;
        Ok(Response::json(200, &found.show(repo, &ask.links)))
    }

    pub(super) fn branch_policies(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let found = repo.environment(ask.call.value("environment_name")).ok_or_else(not_found)?;
        let patterns = match &found.branches {
            Branches::Named(patterns) => patterns.as_slice(),
            _ => &[],
        };
        let shown = patterns.iter().map(|name| json!({"id": id_of(name), "name": name, "type": "branch"}));
        Ok(ask.wrapped("branch_policies", shown.collect()))
    }

    /// The rules of a branch; a branch that nobody protects, and one that does not exist, has none.
    pub(super) fn branch_rules(&mut self, ask: &Ask) -> Response {
        let repo = self.named(&ask.call.repo);
        let rules = repo.rules.get(ask.call.value("branch")).cloned().unwrap_or_default();
        let source = repo.full_name();
        let shown = rules.into_iter().map(|mut rule| {
            if let Some(rule) = rule.as_object_mut() {
                rule.insert("ruleset_source_type".into(), json!("Repository"));
                rule.insert("ruleset_source".into(), json!(source));
                rule.insert("ruleset_id".into(), json!(id_of(&source)));
            }
            rule
        });
        ask.page(shown.collect())
    }
}

impl Repo {
    /// An environment; names do not distinguish case.
    fn environment(&self, name: &str) -> Option<&Environment> {
        self.environments.values().find(|one| one.name.eq_ignore_ascii_case(name))
    }
}

impl Environment {
    /// The environment in the form of the REST API.
    pub(super) fn show(&self, repo: &Repo, links: &Links) -> Value {
        let (full, name) = (repo.full_name(), crate::http::encode(&self.name));
        let mut rules = Vec::new();
        let mut rule = |kind: &str, more: Value| {
            let id = self.id * 10 + u64::try_from(rules.len()).unwrap_or_default();
            let mut rule = json!({"id": id, "node_id": format!("GA_kwDO{id}"), "type": kind});
            if let (Some(rule), Value::Object(more)) = (rule.as_object_mut(), more) {
                rule.extend(more);
            }
            rules.push(rule);
        };
        if self.wait_timer > 0 {
            rule("wait_timer", json!({"wait_timer": self.wait_timer}));
        }
        if !self.reviewers.is_empty() {
            let reviewers =
                self.reviewers.iter().map(|login| json!({"type": "User", "reviewer": view::user(login)}));
            let reviewers: Vec<Value> = reviewers.collect();
            let more = json!({"prevent_self_review": self.prevent_self_review, "reviewers": reviewers});
            rule("required_reviewers", more);
        }
        let policy = match self.branches {
            Branches::All => Value::Null,
            Branches::Protected => json!({"protected_branches": true, "custom_branch_policies": false}),
            Branches::Named(_) => json!({"protected_branches": false, "custom_branch_policies": true}),
        };
        if !policy.is_null() {
            rule("branch_policy", json!({}));
        }
        let at = timestamp(self.created_at);
        json!({
            "id": self.id,
            "node_id": format!("EN_kwDO{}", self.id),
            "name": self.name,
            "url": format!("{}/repos/{full}/environments/{name}", links.api),
            "html_url": format!("{}/{full}/deployments/activity_log?environments_filter={name}", links.html),
            "created_at": at,
            "updated_at": at,
            "can_admins_bypass": self.can_admins_bypass,
            "protection_rules": rules,
            "deployment_branch_policy": policy,
        })
    }
}
