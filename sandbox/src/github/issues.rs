//! Issues, labels, and the comments of issues and pull requests.

use serde_json::{Value, json};

use super::route::Name;
use super::state::{Comment, Issue, Pull, Repo, id_of, timestamp};
use super::view::{self, Links};
use super::{Answered, Ask, GitHub, comment_text, not_found, problem, unprocessable};
use crate::http::Response;

impl GitHub {
    pub(super) fn create_issue(&mut self, ask: &Ask) -> Answered {
        let body = ask.body()?;
        let issue = self.add_issue(&ask.call.repo, &body, &ask.token.login, ask.now)?;
        let repo = self.named(&ask.call.repo);
        let shown = shown_issue(repo, &issue, &ask.links);
        let mut response = Response::json(201, &shown);
        if let Some(url) = shown.get("url").and_then(Value::as_str) {
            response.headers.push(("location".into(), url.into()));
        }
        Ok(response)
    }

    /// Opens an issue as a request wants it.
    pub(super) fn add_issue(
        &mut self,
        name: &Name,
        body: &Value,
        user: &str,
        now: f64,
    ) -> Result<Issue, Response> {
        let repo = self.named(name);
        let mut issue = Issue {
            number: repo.next_number(),
            title: String::new(),
            body: None,
            user: user.into(),
            locked: false,
            closed_at: None,
            state_reason: None,
            created_at: now,
            updated_at: now,
        };
        issue.fill(body, now)?;
        if issue.title.trim().is_empty() {
            return Err(unprocessable("Issue", "title", "missing_field", ""));
        }
        if let Some(labels) = labels_of(body) {
            repo.labels.insert(issue.number, labels);
        }
        repo.issues.insert(issue.number, issue.clone());
        Ok(issue)
    }

    pub(super) fn issue(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let shown = shown_number(repo, ask.call.number(), &ask.links).ok_or_else(not_found)?;
        Ok(Response::json(200, &shown))
    }

    /// Changes an issue; of a pull request this way only the labels, the title and the text.
    pub(super) fn update_issue(&mut self, ask: &Ask) -> Answered {
        let body = ask.body()?;
        let number = ask.call.number();
        let repo = self.named(&ask.call.repo);
        if let Some(mut issue) = repo.issues.get(&number).cloned() {
            issue.fill(&body, ask.now)?;
            repo.issues.insert(number, issue);
        } else if let Some(pull) = repo.pulls.get_mut(&number) {
            let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
            pull.title = text("title").unwrap_or_else(|| pull.title.clone());
            pull.body = text("body").or_else(|| pull.body.take());
            pull.updated_at = ask.now;
        }
        let shown = shown_number(repo, number, &ask.links).ok_or_else(not_found)?;
        if let Some(labels) = labels_of(&body) {
            repo.labels.insert(number, labels);
        }
        let shown = shown_number(repo, number, &ask.links).unwrap_or(shown);
        Ok(Response::json(200, &shown))
    }

    /// Issues and, as at GitHub, pull requests: newest first unless the query says otherwise.
    pub(super) fn issues(&mut self, ask: &Ask) -> Response {
        let repo = self.named(&ask.call.repo);
        let mut numbers: Vec<u64> = repo.pulls.keys().chain(repo.issues.keys()).copied().collect();
        numbers.sort_unstable();
        if ask.query("direction") != Some("asc") {
            numbers.reverse();
        }
        let shown = numbers.into_iter().filter_map(|number| shown_number(repo, number, &ask.links));
        let text = |issue: &Value, path: &str| issue.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let wanted: Vec<&str> =
            ask.query("labels").map(|names| names.split(',').collect()).unwrap_or_default();
        let state = ask.query("state").unwrap_or("open");
        let fits = |issue: &Value| {
            let labels: Vec<&str> = issue
                .get("labels")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|label| label.get("name")?.as_str())
                .collect();
            (state == "all" || text(issue, "/state").as_deref() == Some(state))
                && wanted.iter().all(|name| labels.iter().any(|label| label.eq_ignore_ascii_case(name)))
                && ask.query("creator").is_none_or(|creator| {
                    text(issue, "/user/login").is_some_and(|login| login.eq_ignore_ascii_case(creator))
                })
                && ask
                    .query("since")
                    .is_none_or(|since| text(issue, "/updated_at").is_some_and(|at| at.as_str() >= since))
        };
        ask.page(shown.filter(fits).collect())
    }

    pub(super) fn labels(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let number = ask.call.number();
        if !repo.has_number(number) {
            return Err(not_found());
        }
        Ok(ask.page(shown_labels(repo, number)))
    }

    pub(super) fn add_labels(&mut self, ask: &Ask) -> Answered {
        // The body may also be the list itself.
        let given: Value = serde_json::from_slice(&ask.request.body).unwrap_or_default();
        let given = if given.is_array() { json!({"labels": given}) } else { given };
        let labels =
            labels_of(&given).ok_or_else(|| unprocessable("Label", "labels", "missing_field", ""))?;
        let repo = self.named(&ask.call.repo);
        let number = ask.call.number();
        if !repo.has_number(number) {
            return Err(not_found());
        }
        let all = repo.labels.entry(number).or_default();
        for label in labels {
            if !all.iter().any(|old| old.eq_ignore_ascii_case(&label)) {
                all.push(label);
            }
        }
        Ok(Response::json(200, &Value::Array(shown_labels(repo, number))))
    }

    pub(super) fn remove_label(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let number = ask.call.number();
        let name = ask.call.value("name");
        let all = repo.labels.entry(number).or_default();
        let before = all.len();
        all.retain(|label| !label.eq_ignore_ascii_case(name));
        if all.len() == before {
            return Err(problem(404, "Label does not exist", "https://docs.github.com/rest/issues/labels"));
        }
        Ok(Response::json(200, &Value::Array(shown_labels(repo, number))))
    }

    pub(super) fn comments(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let number = ask.call.number();
        if !repo.has_number(number) {
            return Err(not_found());
        }
        let own = repo.comments_of(number).filter(|comment| {
            ask.query("since").is_none_or(|since| timestamp(comment.updated_at).as_str() >= since)
        });
        Ok(ask.page(own.map(|comment| view::comment(repo, comment, &ask.links)).collect()))
    }

    pub(super) fn create_comment(&mut self, ask: &Ask) -> Answered {
        let number = ask.call.number();
        let repo = self.named(&ask.call.repo);
        let locked_pull = repo.pulls.get(&number).map(|pull| pull.locked);
        let locked = locked_pull.or_else(|| repo.issues.get(&number).map(|issue| issue.locked));
        if locked.ok_or_else(not_found)? {
            return Err(problem(
                403,
                "Unable to create comment because issue is locked.",
                "https://docs.github.com/articles/locking-conversations/",
            ));
        }
        let body = ask.body()?;
        let text = comment_text(&body)?;
        let comment = self.add_comment(&ask.call.repo, number, &ask.token.login, text, ask.now);
        let value = view::comment(self.named(&ask.call.repo), &comment, &ask.links);
        let mut response = Response::json(201, &value);
        if let Some(url) = value.get("url").and_then(Value::as_str) {
            response.headers.push(("location".into(), url.into()));
        }
        Ok(response)
    }

    /// Writes a comment as somebody.
    pub(super) fn add_comment(
        &mut self,
        name: &Name,
        number: u64,
        author: &str,
        body: &str,
        now: f64,
    ) -> Comment {
        let comment = Comment {
            id: self.next_comment(),
            number,
            author: author.into(),
            body: body.into(),
            created_at: now,
            updated_at: now,
            minimized: None,
            minimized_by: None,
            edits: Vec::new(),
        };
        self.named(name).comments.insert(comment.id, comment.clone());
        comment
    }

    pub(super) fn comment(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let comment = repo.comments.get(&ask.call.number()).ok_or_else(not_found)?;
        Ok(Response::json(200, &view::comment(repo, comment, &ask.links)))
    }

    pub(super) fn update_comment(&mut self, ask: &Ask) -> Answered {
        let repo = self.named(&ask.call.repo);
        let comment = repo.comments.get_mut(&ask.call.number()).ok_or_else(not_found)?;
        let body = ask.body()?;
        comment.edit(&ask.token.login, comment_text(&body)?, ask.now);
        let comment = comment.clone();
        Ok(Response::json(200, &view::comment(repo, &comment, &ask.links)))
    }

    pub(super) fn delete_comment(&mut self, ask: &Ask) -> Answered {
        let removed = self.named(&ask.call.repo).comments.remove(&ask.call.number());
        removed.map(|_| Response { status: 204, ..Response::default() }).ok_or_else(not_found)
    }
}

impl Issue {
    /// Takes over what a request gives.
    pub(super) fn fill(&mut self, body: &Value, now: f64) -> Result<(), Response> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        self.title = text("title").unwrap_or_else(|| self.title.clone());
        if let Some(given) = text("body") {
            if given.chars().count() > super::LONGEST_BODY {
                let message = "body is too long (maximum is 65536 characters)";
                return Err(unprocessable("Issue", "body", "custom", message));
            }
            self.body = Some(given);
        }
        match text("state").as_deref() {
            None => {}
            Some("closed") => {
                self.closed_at = self.closed_at.or(Some(now));
                self.state_reason = Some(text("state_reason").unwrap_or_else(|| "completed".into()));
            }
            Some("open") => {
                let reopened = self.closed_at.take().is_some();
                self.state_reason = reopened.then(|| "reopened".into()).or_else(|| self.state_reason.take());
            }
            Some(_) => return Err(unprocessable("Issue", "state", "invalid", "")),
        }
        self.updated_at = now;
        Ok(())
    }
}

/// The labels of a request: names, or objects with a name.
fn labels_of(body: &Value) -> Option<Vec<String>> {
    let given = body.get("labels")?.as_array()?.iter();
    let name = |label: &Value| label.as_str().or_else(|| label.get("name")?.as_str()).map(str::to_owned);
    Some(given.filter_map(name).collect())
}

fn shown_labels(repo: &Repo, number: u64) -> Vec<Value> {
    let labels = repo.labels.get(&number).into_iter().flatten();
    labels.map(|name| json!({"id": id_of(name), "name": name, "color": "ededed", "default": false})).collect()
}

/// An issue, or a pull request as an issue.
fn shown_number(repo: &Repo, number: u64, links: &Links) -> Option<Value> {
    let issue = repo.issues.get(&number).map(|issue| shown_issue(repo, issue, links));
    issue.or_else(|| repo.pulls.get(&number).map(|pull| shown_pull(repo, pull, links)))
}

/// An issue in the form of the REST API.
pub(super) fn shown_issue(repo: &Repo, issue: &Issue, links: &Links) -> Value {
    let (full, number) = (repo.full_name(), issue.number);
    let base = format!("{}/repos/{full}", links.api);
    json!({
        "url": format!("{base}/issues/{number}"),
        "repository_url": base,
        "comments_url": format!("{base}/issues/{number}/comments"),
        "html_url": format!("{}/{full}/issues/{number}", links.html),
        "id": id_of(&format!("{full}#{number}")),
        "node_id": format!("I_kwDO{}", id_of(&format!("{full}#{number}"))),
        "number": number,
        "title": issue.title,
        "user": view::user(&issue.user),
        "labels": shown_labels(repo, number),
        "state": if issue.closed_at.is_some() { "closed" } else { "open" },
        "state_reason": issue.state_reason,
        "locked": issue.locked,
        "comments": repo.comments_of(number).count(),
        "created_at": timestamp(issue.created_at),
        "updated_at": timestamp(issue.updated_at),
        "closed_at": issue.closed_at.map(timestamp),
        "body": issue.body,
        "assignees": [],
        "author_association": "NONE",
        "performed_via_github_app": view::app_of(&issue.user),
    })
}

fn shown_pull(repo: &Repo, pull: &Pull, links: &Links) -> Value {
    let as_issue = Issue {
        number: pull.number,
        title: pull.title.clone(),
        body: pull.body.clone(),
        user: pull.user.clone(),
        locked: pull.locked,
        closed_at: pull.closed.then_some(pull.updated_at),
        state_reason: None,
        created_at: pull.created_at,
        updated_at: pull.updated_at,
    };
    let mut shown = shown_issue(repo, &as_issue, links);
    if let Some(fields) = shown.as_object_mut() {
        let full = repo.full_name();
        let address = json!({
            "url": format!("{}/repos/{full}/pulls/{}", links.api, pull.number),
            "html_url": format!("{}/{full}/pull/{}", links.html, pull.number),
            "merged_at": pull.merged_at.map(timestamp),
        });
        fields.insert("pull_request".into(), address);
    }
    shown
}
