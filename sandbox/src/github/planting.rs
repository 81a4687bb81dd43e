//! What tests put into a repository beside pull requests: reviews, people, environments, runs, checks, deployments,
//! issues, files, time; and what they read back.

use serde::Deserialize;
use serde_json::{Value, json};

use super::checks::{ACTIONS_APP, CheckRun};
use super::control::{Control, refused};
use super::deployments::Deployment;
use super::environments::{Branches, Environment};
use super::people::{Person, Review, shown_review};
use super::state::{ACTIONS_BOT, Repo, seconds, timestamp};
use super::{Answered, GitHub, issues, view};
use crate::http::{Request, Response};

/// What a review can be.
const REVIEWS: [&str; 5] = ["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED", "PENDING"];

/// An environment as a test wants it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewEnvironment {
    #[serde(rename = "repo")]
    _repo: Option<String>,
    name: String,
    #[serde(default)]
    reviewers: Vec<String>,
    #[serde(default)]
    prevent_self_review: bool,
    #[serde(default)]
    wait_timer: u64,
    #[serde(default)]
    branch_policy: Value,
    can_admins_bypass: Option<bool>,
}

impl GitHub {
    /// Answers a call of the control API, `None` when the path is not one of these.
    pub(super) fn planted(
        &mut self,
        request: &Request,
        parts: &[&str],
        control: &Control,
    ) -> Option<Answered> {
        let full = self.named(&control.repo).full_name();
        let repo = self.named(&control.repo);
        let id = |text: &str| text.parse::<u64>().ok();
        Some(match (request.method.as_str(), parts) {
            ("POST", ["permissions"]) => repo.person(control),
            ("POST", ["environments"]) => repo.new_environment(control),
            ("POST", ["runs", run]) => Ok(repo.new_run(control, id(run)?)),
            ("POST", ["runs", run, "approvals"]) => repo.approve_run(control, id(run)?),
            ("POST", ["branches", branch, "rules"]) => repo.protect(control, branch),
            ("POST", ["deployments"]) => repo.new_deployment(control),
            ("GET", ["deployments"]) => Ok(repo.all_deployments(control)),
            ("POST", ["check-runs"]) => repo.new_check(control),
            ("GET", ["check-runs"]) => {
                let sha = request.query.get("sha");
                let all = repo.checks.values().rev().filter(|one| sha.is_none_or(|sha| *sha == one.head_sha));
                let shown = all.map(|one| one.show(repo, &control.links)).collect();
                Ok(Response::json(200, &Value::Array(shown)))
            }
            ("POST", ["issues"]) => {
                let user = control.text("user").unwrap_or("octocat").to_owned();
                let made = self.add_issue(&control.repo, &control.body, &user, control.now);
                let repo = self.named(&control.repo);
                made.map(|made| Response::json(201, &issues::shown_issue(repo, &made, &control.links)))
            }
            ("POST", ["issues", number]) => repo.change_issue(control, id(number)?),
            ("GET", ["issues"]) => {
                let shown = repo.issues.values().map(|one| issues::shown_issue(repo, one, &control.links));
                Ok(Response::json(200, &shown.collect()))
            }
            ("POST", ["files"]) => repo.file(control),
            ("GET", ["dispatches"]) => Ok(Response::json(200, &json!(repo.dispatches))),
            ("POST", ["clock"]) => repo.set_clock(control),
            ("GET", ["clock"]) => Ok(Response::json(200, &repo.clock(control.now))),
            ("POST", ["oidc"]) => {
                match control.body.get("claims") {
                    Some(Value::Object(claims)) => repo.claims.clone_from(claims),
                    _ => return Some(Err(refused(400, "`claims` must be an object"))),
                }
                Ok(Response::json(200, &json!({"repo": full, "claims": repo.claims})))
            }
            ("GET", ["writes"]) => {
                let total: u64 = repo.writes.values().sum();
                Ok(Response::json(200, &json!({"total": total, "operations": repo.writes})))
            }
            ("DELETE", ["writes"]) => {
                repo.writes.clear();
                Ok(Response::json(200, &json!({})))
            }
            _ => return None,
        })
    }

    /// Submits a review; unlike at GitHub, also of one's own pull request.
    pub(super) fn review(&mut self, control: &Control, number: u64) -> Answered {
        let repo = self.named(&control.repo);
        let state = control.text("state").unwrap_or("APPROVED").to_uppercase();
        if !REVIEWS.contains(&state.as_str()) {
            return Err(refused(400, &format!("`state` must be one of {REVIEWS:?}")));
        }
        let head = repo.pulls.get(&number).map(|pull| pull.head_sha.clone()).unwrap_or_default();
        let user = match control.body.get("user") {
            Some(Value::Null) => None,
            Some(Value::String(user)) => Some(user.clone()),
            _ => return Err(refused(400, "`user` must be a login, or null for a deleted account")),
        };
        let at = control.time("submitted_at")?.unwrap_or(control.now);
        let review = Review {
            id: repo.next_id(),
            number,
            user,
            body: control.text("body").unwrap_or_default().into(),
            submitted_at: (state != "PENDING").then_some(at),
            state,
            commit_id: control.text("commit_id").map_or(head, str::to_owned),
        };
        let shown = shown_review(repo, &review, &control.links);
        // The list is in the order of submission.
        let later = |one: &Review| one.submitted_at.is_some_and(|other| other > at);
        let place = repo.reviews.iter().position(later).unwrap_or(repo.reviews.len());
        repo.reviews.insert(place, review);
        Ok(Response::json(201, &shown))
    }
}

impl Control {
    /// A time of the body: seconds since the epoch, or RFC 3339.
    fn time(&self, name: &str) -> Result<Option<f64>, Response> {
        match self.body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(at)) => Ok(at.as_f64()),
            Some(Value::String(at)) => {
                seconds(at).map(Some).ok_or_else(|| refused(400, &format!("`{name}` is not a time: `{at}`")))
            }
            Some(_) => Err(refused(400, &format!("`{name}` must be a time"))),
        }
    }

    fn needed(&self, name: &str) -> Result<&str, Response> {
        self.text(name).ok_or_else(|| refused(400, &format!("`{name}` is missing")))
    }
}

impl Repo {
    fn person(&mut self, control: &Control) -> Answered {
        let login = control.needed("user")?;
        let (permission, role) = match control.needed("permission")? {
            "maintain" => ("write", "maintain"),
            "triage" => ("read", "triage"),
            plain @ ("admin" | "write" | "read" | "none") => (plain, plain),
            other => return Err(refused(400, &format!("`{other}` is no permission"))),
        };
        let role_name = control.text("role_name").unwrap_or(role);
        let person =
            Person { login: login.into(), permission: permission.into(), role_name: role_name.into() };
        self.people.insert(login.to_lowercase(), person);
        Ok(Response::json(200, &json!({"user": login, "permission": permission, "role_name": role_name})))
    }

    fn new_environment(&mut self, control: &Control) -> Answered {
        let wanted: NewEnvironment = serde_json::from_value(control.body.clone())
            .map_err(|error| refused(400, &format!("the body is not as expected: {error}")))?;
        let branches = match &wanted.branch_policy {
            Value::Null => Branches::All,
            Value::String(word) if word == "protected" => Branches::Protected,
            Value::Array(names) => {
                Branches::Named(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            _ => return Err(refused(400, "`branch_policy` must be null, \"protected\" or a list of names")),
        };
        let environment = Environment {
            id: self.next_id(),
            name: wanted.name.clone(),
            reviewers: wanted.reviewers,
            prevent_self_review: wanted.prevent_self_review,
            wait_timer: wanted.wait_timer,
            branches,
            can_admins_bypass: wanted.can_admins_bypass.unwrap_or(true),
            created_at: control.now,
        };
        let shown = environment.show(self, &control.links);
        self.environments.insert(wanted.name, environment);
        Ok(Response::json(201, &shown))
    }

    fn new_run(&mut self, control: &Control, id: u64) -> Response {
        let url = format!("{}/{}/actions/runs/{id}", control.links.html, self.full_name());
        let mut run = json!({
            "id": id, "name": "ci", "path": ".github/workflows/ci.yml", "event": "push", "run_attempt": 1,
            "status": "in_progress", "conclusion": null, "head_branch": self.default_branch,
            "head_sha": self.tip("main"), "html_url": url, "created_at": timestamp(control.now),
            "actor": view::user("octocat"), "triggering_actor": view::user("octocat"),
        });
        if let (Some(run), Value::Object(given)) = (run.as_object_mut(), &control.body) {
            for (key, value) in given.iter().filter(|(key, _)| *key != "repo") {
                let person = matches!(key.as_str(), "actor" | "triggering_actor");
                let login = value.as_str().filter(|_| person).map(view::user);
                run.insert(key.clone(), login.unwrap_or_else(|| value.clone()));
            }
        }
        self.runs.insert(id, run.clone());
        Response::json(201, &run)
    }

    fn approve_run(&mut self, control: &Control, id: u64) -> Answered {
        let state = control.text("state").unwrap_or("approved");
        if !matches!(state, "approved" | "rejected") {
            return Err(refused(400, "`state` must be approved or rejected"));
        }
        let names = control.body.get("environments").and_then(Value::as_array).into_iter().flatten();
        let environments: Vec<Value> = names
            .filter_map(Value::as_str)
            .map(|name| {
                let known = self.environments.get(name).map(|one| one.show(self, &control.links));
                known.unwrap_or_else(|| json!({"name": name}))
            })
            .collect();
        let approval = json!({
            "state": state,
            "comment": control.text("comment").unwrap_or_default(),
            "environments": environments,
            "user": view::user(control.needed("user")?),
        });
        self.approvals.entry(id).or_default().push(approval.clone());
        Ok(Response::json(201, &approval))
    }

    /// The body is the list of rules, or an object that holds it as `rules`.
    fn protect(&mut self, control: &Control, branch: &str) -> Answered {
        let given = control.body.get("rules").unwrap_or(&control.body);
        let rules = given.as_array().filter(|all| all.iter().all(|rule| rule.get("type").is_some()));
        let rules =
            rules.ok_or_else(|| refused(400, "the body must be a list of rules, each with a `type`"))?;
        self.rules.insert(branch.into(), rules.clone());
        Ok(Response::json(200, &json!({"branch": branch, "rules": rules})))
    }

    /// A deployment as a job's `environment:` makes it: `sha` is the commit, `state` the status that it has.
    fn new_deployment(&mut self, control: &Control) -> Answered {
        let given = control.text("sha").or(control.text("ref")).unwrap_or("main");
        let sha = self.resolve(given).unwrap_or_else(|| given.to_owned());
        let user = control.text("user").unwrap_or(ACTIONS_BOT);
        let deployment = Deployment::new(self, &control.body, &sha, user, control.now);
        let id = deployment.id;
        self.deployments.insert(id, deployment);
        if control.text("state").is_some() {
            self.say(id, &control.body, user, control.now)?;
        }
        let shown = self.deployments.get(&id).map(|one| one.show(self, &control.links));
        Ok(Response::json(201, &json!(shown)))
    }

    /// All deployments with their statuses, both newest first.
    fn all_deployments(&self, control: &Control) -> Response {
        let shown = self.deployments.values().rev().map(|one| {
            let mut shown = one.show(self, &control.links);
            if let Some(fields) = shown.as_object_mut() {
                fields.insert("statuses".into(), one.show_statuses(self, &control.links).into());
            }
            shown
        });
        Response::json(200, &shown.collect())
    }

    /// A check run that some workflow wrote (`app` says otherwise), on whichever commit.
    fn new_check(&mut self, control: &Control) -> Answered {
        let sha = control.needed("head_sha")?;
        let app = control.text("app").unwrap_or(ACTIONS_APP);
        let mut check = CheckRun::new(self, app, sha, control.now);
        check.fill(&control.body, control.now)?;
        let shown = check.show(self, &control.links);
        self.checks.insert(check.id, check);
        Ok(Response::json(201, &shown))
    }

    fn change_issue(&mut self, control: &Control, number: u64) -> Answered {
        let missing = || refused(404, &format!("no issue {number}"));
        let mut issue = self.issues.get(&number).cloned().ok_or_else(missing)?;
        issue.fill(&control.body, control.now)?;
        issue.locked = control.body.get("locked").and_then(Value::as_bool).unwrap_or(issue.locked);
        let shown = issues::shown_issue(self, &issue, &control.links);
        self.issues.insert(number, issue);
        Ok(Response::json(200, &shown))
    }

    fn file(&mut self, control: &Control) -> Answered {
        let (path, content) = (control.needed("path")?, control.needed("content")?);
        let reference = control.text("ref").unwrap_or_default();
        self.files.insert((path.into(), reference.into()), content.into());
        Ok(Response::json(201, &json!({"path": path, "ref": reference})))
    }

    /// Moves the time of this repository: `at` first, then `advance_s`.
    fn set_clock(&mut self, control: &Control) -> Answered {
        let real = control.now - self.ahead_s;
        if let Some(at) = control.time("at")? {
            self.ahead_s = at - real;
        }
        self.ahead_s += control.body.get("advance_s").and_then(Value::as_f64).unwrap_or(0.0);
        Ok(Response::json(200, &self.clock(real + self.ahead_s)))
    }

    fn clock(&self, now: f64) -> Value {
        json!({"now": now, "time": timestamp(now), "ahead_s": self.ahead_s})
    }
}
