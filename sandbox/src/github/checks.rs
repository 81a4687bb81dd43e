//! Check runs.

use serde_json::{Value, json};

use super::state::{Repo, id_of, timestamp};
use super::view::{self, Links};
use super::{Answered, Ask, GitHub, invalid_request, not_found, problem, rest, unprocessable, web_address};
use crate::http::Response;

/// Slug of the app that `GITHUB_TOKEN` speaks for.
pub(super) const ACTIONS_APP: &str = "github-actions";

/// Most bytes of a summary or a text. GitHub says characters and counts bytes.
const LONGEST_OUTPUT: usize = 65_535;

/// Most annotations of one request.
const MOST_ANNOTATIONS: usize = 50;

const CONCLUSIONS: [&str; 8] =
    ["action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"];

/// One check run.
#[derive(Debug, Clone)]
pub(super) struct CheckRun {
    pub id: u64,
    /// Slug of the app that made it.
    pub app: String,
    pub name: String,
    pub head_sha: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    pub conclusion: Option<String>,
    external_id: String,
    details_url: Option<String>,
    started_at: Option<f64>,
    completed_at: Option<f64>,
    title: Option<String>,
    summary: Option<String>,
    text: Option<String>,
    annotations: Vec<Value>,
}

impl CheckRun {
    /// A check run that says nothing yet.
    pub(super) fn new(repo: &mut Repo, app: &str, head_sha: &str, now: f64) -> Self {
        Self {
            id: repo.next_id(),
            app: app.into(),
            name: String::new(),
            head_sha: head_sha.into(),
            status: "queued".into(),
            conclusion: None,
            external_id: String::new(),
            details_url: None,
            started_at: Some(now),
            completed_at: None,
            title: None,
            summary: None,
            text: None,
            annotations: Vec::new(),
        }
    }

    /// Takes over what a request gives.
    pub(super) fn fill(&mut self, body: &Value, now: f64) -> Result<(), Response> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        web_address("CheckRun", body, "details_url")?;
        if let Some(name) = text("name") {
            self.name = name;
        }
        if let Some(id) = text("external_id") {
            self.external_id = id;
        }
        self.details_url = text("details_url").or_else(|| self.details_url.take());
        if let Some(status) = text("status") {
            if !matches!(status.as_str(), "queued" | "in_progress" | "completed") {
                let message =
                    format!("{status} is not a member of [\"queued\", \"in_progress\", \"completed\"].");
                return Err(invalid_request(&message));
            }
            if status != "completed" {
                (self.conclusion, self.completed_at) = (None, None);
            }
            self.status = status;
        }
        let time = |name: &str| text(name).and_then(|at| super::state::seconds(&at));
        self.started_at = time("started_at").or(self.started_at);
        if let Some(conclusion) = text("conclusion") {
            if !CONCLUSIONS.contains(&conclusion.as_str()) {
                return Err(invalid_request(&format!("{conclusion} is not a member of {CONCLUSIONS:?}.")));
            }
            self.conclusion = Some(conclusion);
            self.status = "completed".into();
        }
        if self.status == "completed" {
            if self.conclusion.is_none() {
                return Err(invalid_request("Missing required key \"conclusion\"."));
            }
            self.completed_at = time("completed_at").or(self.completed_at).or(Some(now));
        }
        body.get("output").filter(|output| output.is_object()).map_or(Ok(()), |output| self.output(output))
    }

    fn output(&mut self, output: &Value) -> Result<(), Response> {
        let text = |name: &str| output.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(summary) = text("summary") else {
            return Err(invalid_request("\"summary\" wasn't supplied."));
        };
        for given in [Some(&summary), text("text").as_ref()].into_iter().flatten() {
            if given.len() > LONGEST_OUTPUT {
                let message =
                    format!("Only {LONGEST_OUTPUT} characters are allowed; {} were supplied.", given.len());
                return Err(invalid_request(&message));
            }
        }
        let annotations = output.get("annotations").and_then(Value::as_array).cloned().unwrap_or_default();
        if annotations.len() > MOST_ANNOTATIONS {
            let message = format!(
                "No more than {MOST_ANNOTATIONS} items are allowed; {} were supplied.",
                annotations.len()
            );
            return Err(invalid_request(&message));
        }
        for annotation in &annotations {
            let missing = ["path", "start_line", "end_line", "annotation_level", "message"]
                .into_iter()
                .find(|key| annotation.get(key).is_none());
            if let Some(key) = missing {
                return Err(invalid_request(&format!("\"{key}\" wasn't supplied.")));
            }
        }
        (self.title, self.summary, self.text) = (text("title"), Some(summary), text("text"));
        self.annotations.extend(annotations);
        Ok(())
    }

    /// The check run in the form of the REST API.
    pub(super) fn show(&self, repo: &Repo, links: &Links) -> Value {
        let (full, id) = (repo.full_name(), self.id);
        let url = format!("{}/repos/{full}/check-runs/{id}", links.api);
        json!({
            "id": id,
            "node_id": format!("CR_kwDO{id}"),
            "head_sha": self.head_sha,
            "external_id": self.external_id,
            "url": url,
            "html_url": format!("{}/{full}/runs/{id}", links.html),
            "details_url": self.details_url,
            "status": self.status,
            "conclusion": self.conclusion,
            "started_at": self.started_at.map(timestamp),
            "completed_at": self.completed_at.map(timestamp),
            "name": self.name,
            "check_suite": {"id": id_of(&format!("{full}@{}", self.head_sha))},
            "output": {
                "title": self.title,
                "summary": self.summary,
                "text": self.text,
                "annotations_count": self.annotations.len(),
                "annotations_url": format!("{url}/annotations"),
            },
            "app": app(&self.app),
            "pull_requests": [],
        })
    }
}

/// An app in the form of the REST API.
fn app(slug: &str) -> Value {
    let actions = slug == ACTIONS_APP;
    json!({
        "id": app_id(slug),
        "slug": slug,
        "name": if actions { "GitHub Actions" } else { slug },
        "owner": view::user(if actions { "github" } else { slug }),
    })
}

fn app_id(slug: &str) -> u64 {
    if slug == ACTIONS_APP { 15_368 } else { id_of(slug) }
}

impl GitHub {
    pub(super) fn create_check(&mut self, ask: &Ask) -> Answered {
        if !ask.token.is_installation() {
            return Err(only_apps());
        }
        let body = ask.body()?;
        let repo = self.named(&ask.call.repo);
        let sha = body.get("head_sha").and_then(Value::as_str);
        let sha = sha.ok_or_else(|| invalid_request("\"head_sha\" wasn't supplied."))?;
        if !body.get("name").is_some_and(Value::is_string) {
            return Err(invalid_request("\"name\" wasn't supplied."));
        }
        if !repo.commits.contains_key(sha) {
            return Err(rest::no_commit(sha));
        }
        let mut check = CheckRun::new(repo, ACTIONS_APP, sha, ask.now);
        check.fill(&body, ask.now)?;
        let shown = check.show(repo, &ask.links);
        repo.checks.insert(check.id, check);
        Ok(Response::json(201, &shown))
    }

    pub(super) fn update_check(&mut self, ask: &Ask) -> Answered {
        if !ask.token.is_installation() {
            return Err(only_apps());
        }
        let body = ask.body()?;
        let repo = self.named(&ask.call.repo);
        let mut check = repo.checks.get(&ask.call.number()).cloned().ok_or_else(not_found)?;
        if check.app != ACTIONS_APP {
            let id = app_id(ACTIONS_APP);
            let message = format!(
                "Invalid app_id `{id}` - check run can only be modified by the GitHub App that created it."
            );
            return Err(problem(403, &message, "https://docs.github.com/rest/checks/runs"));
        }
        check.fill(&body, ask.now)?;
        let shown = check.show(repo, &ask.links);
        repo.checks.insert(check.id, check);
        Ok(Response::json(200, &shown))
    }

    pub(super) fn check(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let check = repo.checks.get(&ask.call.number()).ok_or_else(not_found)?;
        Ok(Response::json(200, &check.show(repo, &ask.links)))
    }

    pub(super) fn annotations(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let check = repo.checks.get(&ask.call.number()).ok_or_else(not_found)?;
        Ok(ask.page(check.annotations.clone()))
    }

    /// Check runs of a commit, newest first; `filter=latest` leaves the newest of each app and name.
    pub(super) fn commit_checks(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let reference = ask.call.value("ref");
        let sha = repo.resolve(reference).ok_or_else(|| rest::no_commit(reference))?;
        let all = match ask.query("filter") {
            None | Some("latest") => false,
            Some("all") => true,
            Some(_) => return Err(unprocessable("CheckRun", "filter", "invalid", "")),
        };
        let mut found: Vec<&CheckRun> = Vec::new();
        for check in repo.checks.values().rev().filter(|check| check.head_sha == sha) {
            let wanted = ask.query("check_name").is_none_or(|name| name == check.name)
                && ask.query("status").is_none_or(|status| status == check.status)
                && ask.query("app_id").is_none_or(|id| id == app_id(&check.app).to_string());
            let seen = found.iter().any(|other| other.name == check.name && other.app == check.app);
            if wanted && (all || !seen) {
                found.push(check);
            }
        }
        let shown = found.iter().map(|check| check.show(repo, &ask.links)).collect();
        Ok(ask.wrapped("check_runs", shown))
    }
}

fn only_apps() -> Response {
    problem(403, "You must authenticate via a GitHub App.", "https://docs.github.com/rest/checks/runs")
}
