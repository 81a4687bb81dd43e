//! Deployments and their statuses.

use serde_json::{Value, json};

use super::state::{Repo, sha_of, timestamp};
use super::view::{self, Links};
use super::{Answered, Ask, GitHub, not_found, problem, short_description, unprocessable, web_address};
use crate::http::Response;

const STATES: [&str; 7] = ["error", "failure", "inactive", "in_progress", "queued", "pending", "success"];

/// One deployment.
#[derive(Debug, Clone)]
pub(super) struct Deployment {
    pub id: u64,
    pub sha: String,
    reference: String,
    task: String,
    environment: String,
    description: Option<String>,
    payload: Value,
    creator: String,
    transient: bool,
    production: bool,
    created_at: f64,
    updated_at: f64,
    /// Oldest first.
    statuses: Vec<Status>,
}

/// What somebody said about a deployment.
#[derive(Debug, Clone)]
struct Status {
    id: u64,
    state: String,
    description: String,
    log_url: String,
    environment_url: String,
    creator: String,
    created_at: f64,
}

impl GitHub {
    pub(super) fn create_deployment(&mut self, ask: &Ask) -> Answered {
        let body = ask.body()?;
        let repo = self.named(&ask.call.repo);
        let reference = body.get("ref").and_then(Value::as_str).unwrap_or_default();
        if reference.is_empty() {
            return Err(unprocessable("Deployment", "ref", "missing_field", ""));
        }
        let Some(sha) = repo.resolve(reference) else {
            return Err(problem(
                422,
                &format!("No ref found for: {reference}"),
                "https://docs.github.com/rest",
            ));
        };
        short_description("Deployment", &body)?;
        let base = repo.default_branch.clone();
        let tip = repo.tip(&base);
        let merge = body.get("auto_merge").and_then(Value::as_bool).unwrap_or(true);
        if merge && !repo.ancestors(&sha).contains(&tip) {
            let merged = sha_of(&["auto merge", &sha, &tip]);
            repo.commit(&merged, &format!("Merge branch '{base}' into {reference}"), vec![sha, tip]);
            if let Some(branch) = repo.branches.get_mut(reference) {
                *branch = merged;
            }
            let message = format!("Auto-merged {base} into {reference} on deployment.");
            return Ok(Response::json(202, &json!({"message": message})));
        }
        let wanted = body.get("required_contexts").and_then(Value::as_array);
        let wanted = wanted.map(|all| all.iter().filter_map(Value::as_str).collect());
        if !repo.passed(&sha, wanted) {
            let message = format!("Conflict: Commit status checks failed for {reference}.");
            return Err(problem(409, &message, "https://docs.github.com/rest/deployments/deployments"));
        }
        let deployment = Deployment::new(repo, &body, &sha, &ask.token.login, ask.now);
        let shown = deployment.show(repo, &ask.links);
        repo.deployments.insert(deployment.id, deployment);
        Ok(Response::json(201, &shown))
    }

    /// Deployments that fit the query, newest first.
    pub(super) fn deployments(&mut self, ask: &Ask) -> Response {
        let repo = self.named(&ask.call.repo);
        let fits = |name: &str, value: &str| {
            ask.query(name).is_none_or(|wanted| wanted == value || wanted == "none")
        };
        let found = repo.deployments.values().rev().filter(|one| {
            fits("sha", &one.sha)
                && fits("ref", &one.reference)
                && fits("task", &one.task)
                && fits("environment", &one.environment)
        });
        ask.page(found.map(|one| one.show(repo, &ask.links)).collect())
    }

    pub(super) fn deployment(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let found = repo.deployments.get(&ask.call.number()).ok_or_else(not_found)?;
        Ok(Response::json(200, &found.show(repo, &ask.links)))
    }

    pub(super) fn deployment_statuses(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let found = repo.deployments.get(&ask.call.number()).ok_or_else(not_found)?;
        Ok(ask.page(found.show_statuses(repo, &ask.links)))
    }

    pub(super) fn create_deployment_status(&mut self, ask: &Ask) -> Answered {
        let body = ask.body()?;
        let repo = self.named(&ask.call.repo);
        let id = ask.call.number();
        if !repo.deployments.contains_key(&id) {
            return Err(not_found());
        }
        repo.say(id, &body, &ask.token.login, ask.now)?;
        let shown =
            repo.deployments.get(&id).and_then(|one| one.show_statuses(repo, &ask.links).first().cloned());
        Ok(Response::json(201, &json!(shown)))
    }
}

impl Repo {
    /// Whether the wanted contexts, or all that there are, have passed for a commit.
    fn passed(&self, sha: &str, wanted: Option<Vec<&str>>) -> bool {
        let statuses = self.newest_statuses(sha);
        let of_status = statuses.iter().map(|status| (status.context.as_str(), status.state == "success"));
        let checks = self.checks.values().filter(|check| check.head_sha == sha);
        let good = |conclusion: Option<&str>| matches!(conclusion, Some("success" | "neutral" | "skipped"));
        let of_check = checks.map(|check| (check.name.as_str(), good(check.conclusion.as_deref())));
        let all: std::collections::BTreeMap<&str, bool> = of_status.chain(of_check).collect();
        wanted.map_or_else(
            || all.values().all(|passed| *passed),
            |wanted| wanted.iter().all(|name| all.get(name).copied().unwrap_or(false)),
        )
    }

    /// Adds a status to a deployment that exists. A success makes the earlier ones of the environment inactive, unless
    /// these are of production or transient, or the request says otherwise.
    pub(super) fn say(&mut self, id: u64, body: &Value, login: &str, now: f64) -> Result<(), Response> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let resource = "DeploymentStatus";
        let state = text("state");
        if !STATES.contains(&state.as_str()) {
            return Err(unprocessable(resource, "state", "custom", "State is not included in the list"));
        }
        short_description(resource, body)?;
        for field in ["log_url", "target_url", "environment_url"] {
            web_address(resource, body, field)?;
        }
        let log_url =
            Some(text("log_url")).filter(|url| !url.is_empty()).unwrap_or_else(|| text("target_url"));
        let status = Status {
            id: self.next_id(),
            state,
            description: text("description"),
            log_url,
            environment_url: text("environment_url"),
            creator: login.into(),
            created_at: now,
        };
        let replaces =
            status.state == "success" && body.get("auto_inactive").and_then(Value::as_bool).unwrap_or(true);
        let environment = Some(text("environment")).filter(|name| !name.is_empty());
        let Some(deployment) = self.deployments.get_mut(&id) else {
            return Err(not_found());
        };
        if let Some(environment) = environment {
            deployment.environment = environment;
        }
        deployment.statuses.push(status.clone());
        deployment.updated_at = now;
        let name = deployment.environment.clone();
        if !replaces {
            return Ok(());
        }
        let next = self.next_id();
        for (_, old) in self.deployments.range_mut(..id) {
            let succeeded = old.statuses.last().is_some_and(|status| status.state == "success");
            if succeeded && old.environment == name && !old.production && !old.transient {
                let inactive = Status {
                    id: next,
                    state: "inactive".into(),
                    description: String::new(),
                    environment_url: String::new(),
                    ..status.clone()
                };
                old.statuses.push(inactive);
                old.updated_at = now;
            }
        }
        Ok(())
    }
}

impl Deployment {
    /// A deployment of a commit as a request wants it.
    pub(super) fn new(repo: &mut Repo, body: &Value, sha: &str, creator: &str, now: f64) -> Self {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let flag = |name: &str| body.get(name).and_then(Value::as_bool);
        let environment = text("environment").unwrap_or_else(|| "production".into());
        Self {
            id: repo.next_id(),
            sha: sha.into(),
            reference: text("ref").unwrap_or_else(|| sha.into()),
            task: text("task").unwrap_or_else(|| "deploy".into()),
            description: text("description"),
            payload: body.get("payload").cloned().unwrap_or_else(|| json!({})),
            creator: creator.into(),
            transient: flag("transient_environment").unwrap_or(false),
            production: flag("production_environment").unwrap_or(environment == "production"),
            environment,
            created_at: now,
            updated_at: now,
            statuses: Vec::new(),
        }
    }

    /// The deployment in the form of the REST API.
    pub(super) fn show(&self, repo: &Repo, links: &Links) -> Value {
        let base = format!("{}/repos/{}", links.api, repo.full_name());
        let url = format!("{base}/deployments/{}", self.id);
        json!({
            "url": url,
            "id": self.id,
            "node_id": format!("DE_kwDO{}", self.id),
            "task": self.task,
            "original_environment": self.environment,
            "environment": self.environment,
            "description": self.description,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
            "statuses_url": format!("{url}/statuses"),
            "repository_url": base,
            "creator": view::user(&self.creator),
            "sha": self.sha,
            "ref": self.reference,
            "payload": self.payload,
            "transient_environment": self.transient,
            "production_environment": self.production,
        })
    }

    /// Its statuses in the form of the REST API, newest first.
    pub(super) fn show_statuses(&self, repo: &Repo, links: &Links) -> Vec<Value> {
        let base = format!("{}/repos/{}", links.api, repo.full_name());
        let url = format!("{base}/deployments/{}", self.id);
        let shown = self.statuses.iter().rev().map(|status| {
            let at = timestamp(status.created_at);
            json!({
                "url": format!("{url}/statuses/{}", status.id),
                "id": status.id,
                "node_id": format!("DES_kwDO{}", status.id),
                "state": status.state,
                "creator": view::user(&status.creator),
                "description": status.description,
                "environment": self.environment,
                "target_url": status.log_url,
                "log_url": status.log_url,
                "environment_url": status.environment_url,
                "created_at": at,
                "updated_at": at,
                "deployment_url": url,
                "repository_url": base,
            })
        });
        shown.collect()
    }
}
