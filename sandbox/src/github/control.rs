//! What tests and the demo do on GitHub by hand: open and merge pull requests, write and edit comments.
//!
//! Everything is under `/_sandbox/github/`; `repo` (`owner/name`, in the body or the query) is `octo/app` unless given.

use serde_json::{Value, json};

use super::route::{Name, decode};
use super::state::{Comment, Pull, Repo, sha_of, timestamp};
use super::view;
use super::{Answered, GitHub};
use crate::http::{Request, Response};

/// Most comments that one call may make.
const MOST_COMMENTS: u64 = 5_000;

impl GitHub {
    /// Answers a call of the control API, `None` when the path is not one of ours.
    pub fn control(&mut self, request: &Request, now: f64) -> Option<Response> {
        let path = request.path.trim_end_matches('/').strip_prefix("/_sandbox/github/")?;
        let parts: Vec<String> = path.split('/').map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let body: Value = if request.body.is_empty() {
            json!({})
        } else {
            match serde_json::from_slice(&request.body) {
                Ok(body) => body,
                Err(error) => return Some(refused(400, &format!("the body is not JSON: {error}"))),
            }
        };
        let given = body.get("repo").and_then(Value::as_str);
        let full = given.or(request.query.get("repo").map(String::as_str)).unwrap_or("octo/app").to_owned();
        let Some((owner, name)) = full.split_once('/') else {
            return Some(refused(400, &format!("`repo` must be owner/name, not `{full}`")));
        };
        let repo = Name { owner: owner.into(), name: name.into() };
        let now = now + self.named(&repo).ahead_s;
        let control = Control { repo, links: super::rest::links(request), body, now };
        let answer =
            self.planted(request, &parts, &control).or_else(|| self.by_hand(request, &parts, &control));
        answer.map(|answer| answer.unwrap_or_else(|refused| refused))
    }

    /// Pull requests, commits and comments.
    fn by_hand(&mut self, request: &Request, parts: &[&str], control: &Control) -> Option<Answered> {
        let number = |text: &str| text.parse::<u64>().ok();
        let full = self.named(&control.repo).full_name();
        Some(Ok(match (request.method.as_str(), parts) {
            ("POST", ["pulls"]) => self.open(control),
            ("POST", ["commits"]) => self.declare(control),
            ("POST", ["queue"]) => return Some(self.queue(control)),
            ("POST", ["comments"]) => self.comment_by_hand(control),
            ("POST", ["comments", id, "edit"]) => self.edit(control, number(id)?),
            ("POST", ["comments", id, "minimize"]) => self.hide(control, number(id)?),
            ("POST", ["reset"]) => {
                self.repos.remove(&full.to_lowercase());
                Response::json(200, &json!({"reset": full}))
            }
            (method, ["pulls", pull, rest @ ..]) => {
                let pull = number(pull)?;
                if method == "POST" && rest.is_empty() {
                    return Some(Ok(self.change(control, pull)));
                }
                let repo = self.named(&control.repo);
                // The conversation of an issue is reached in the same way.
                let talked = rest == ["comments"] && repo.has_number(pull);
                if !talked && !repo.pulls.contains_key(&pull) {
                    return Some(Err(refused(404, &format!("{full} has no pull request {pull}"))));
                }
                match (method, rest) {
                    ("GET", []) => self.shown(control, pull, 200),
                    ("GET", ["comments"]) => self.comments_by_hand(control, pull),
                    ("POST", ["merge"]) => return Some(self.merge(control, pull)),
                    ("POST", ["push"]) => self.push(control, pull),
                    ("POST", ["reviews"]) => return Some(self.review(control, pull)),
                    ("POST", ["comments", id, "minimize"]) => self.hide(control, number(id)?),
                    _ => return None,
                }
            }
            _ => return None,
        }))
    }

    fn open(&mut self, control: &Control) -> Response {
        let repo = self.named(&control.repo);
        let number = control.body.get("number").and_then(Value::as_u64);
        let number = number.unwrap_or_else(|| repo.next_number());
        self.change(control, number)
    }

    /// Opens a pull request, or changes the given fields of one that exists.
    fn change(&mut self, control: &Control, number: u64) -> Response {
        let repo = self.named(&control.repo);
        let is_new = !repo.pulls.contains_key(&number);
        if repo.issues.contains_key(&number) {
            return refused(409, &format!("{number} is the number of an issue"));
        }
        let mut pull = match repo.pulls.get(&number) {
            Some(pull) => pull.clone(),
            None => new_pull(repo, control, number),
        };
        if let Err(message) = control.fill(&mut pull) {
            return refused(400, &message);
        }
        // A base that nobody declared lies on top of the branch, so that histories stay connected.
        let tip = repo.tip(&pull.base_ref);
        repo.commit(&pull.base_sha, "Base", vec![tip]);
        let made_up = sha_of(&["head", &repo.full_name(), &number.to_string()]);
        if let Some(head) = control.text("head_sha").or(is_new.then_some(made_up.as_str())) {
            advance(repo, &mut pull, head);
        }
        pull.updated_at = control.now;
        repo.pulls.insert(number, pull);
        self.shown(control, number, if is_new { 201 } else { 200 })
    }

    fn push(&mut self, control: &Control, number: u64) -> Response {
        let Some(head) = control.text("head_sha") else {
            return refused(400, "`head_sha` is missing");
        };
        let repo = self.named(&control.repo);
        let Some(mut pull) = repo.pulls.get(&number).cloned() else {
            return refused(404, "no such pull request");
        };
        if pull.closed {
            return refused(409, "the pull request is closed");
        }
        advance(repo, &mut pull, head);
        pull.updated_at = control.now;
        repo.pulls.insert(number, pull);
        self.shown(control, number, 200)
    }

    fn comment_by_hand(&mut self, control: &Control) -> Response {
        let (Some(number), Some(text)) =
            (control.body.get("number").and_then(Value::as_u64), control.text("body"))
        else {
            return refused(400, "`number` and `body` are needed");
        };
        if !self.named(&control.repo).has_number(number) {
            return refused(404, &format!("no issue or pull request {number}"));
        }
        let user = control.text("user").unwrap_or("octocat");
        let count = control.body.get("count").and_then(Value::as_u64).unwrap_or(1).min(MOST_COMMENTS);
        let made: Vec<u64> =
            (0..count).map(|_| self.add_comment(&control.repo, number, user, text, control.now).id).collect();
        Response::json(201, &json!({"id": made.last(), "ids": made}))
    }

    /// Edits a comment as some user; comment ids are unique, so the repository need not be named.
    fn edit(&mut self, control: &Control, id: u64) -> Response {
        let Some(text) = control.text("body") else {
            return refused(400, "`body` is missing");
        };
        let user = control.text("user").unwrap_or("octocat");
        let Some(repo) = self.repos.values_mut().find(|repo| repo.comments.contains_key(&id)) else {
            return refused(404, &format!("no comment {id}"));
        };
        if let Some(comment) = repo.comments.get_mut(&id) {
            comment.edit(user, text, control.now);
        }
        let shown = repo.comments.get(&id).map(|comment| whole(repo, comment, control));
        Response::json(200, &json!(shown))
    }

    /// Hides a comment, or shows it again (`reason` null).
    fn hide(&mut self, control: &Control, id: u64) -> Response {
        let reason = match control.body.get("reason") {
            None => Some("outdated".to_owned()),
            Some(reason) => reason.as_str().map(str::to_owned),
        };
        let Some(repo) = self.repos.values_mut().find(|repo| repo.comments.contains_key(&id)) else {
            return refused(404, &format!("no comment {id}"));
        };
        if let Some(comment) = repo.comments.get_mut(&id) {
            comment.minimized_by = reason.is_some().then(|| control.text("by").unwrap_or("octocat").into());
            comment.minimized = reason;
        }
        let shown = repo.comments.get(&id).map(|comment| whole(repo, comment, control));
        Response::json(200, &json!(shown))
    }

    fn comments_by_hand(&mut self, control: &Control, number: u64) -> Response {
        let repo = self.named(&control.repo);
        let shown: Vec<Value> =
            repo.comments_of(number).map(|comment| whole(repo, comment, control)).collect();
        Response::json(200, &Value::Array(shown))
    }

    fn shown(&mut self, control: &Control, number: u64, status: u16) -> Response {
        let repo = self.named(&control.repo);
        let Some(pull) = repo.pulls.get(&number) else {
            return refused(404, "no such pull request");
        };
        let mut value = view::pull(repo, pull, &control.links, true);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("commit_shas".into(), json!(pull.commits));
            fields.insert("landed".into(), json!(pull.landed));
        }
        Response::json(status, &value)
    }
}

/// One call of the control API.
pub(super) struct Control {
    pub repo: Name,
    pub links: view::Links,
    pub body: Value,
    pub now: f64,
}

impl Control {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    /// Takes over what the body gives.
    fn fill(&self, pull: &mut Pull) -> Result<(), String> {
        for (name, field) in [
            ("title", &mut pull.title),
            ("user", &mut pull.user),
            ("head_ref", &mut pull.head_ref),
            ("base", &mut pull.base_ref),
            ("base_sha", &mut pull.base_sha),
        ] {
            match self.body.get(name) {
                None => {}
                Some(Value::String(text)) => field.clone_from(text),
                Some(_) => return Err(format!("`{name}` must be a string")),
            }
        }
        for (name, field) in [("draft", &mut pull.draft), ("locked", &mut pull.locked)] {
            match self.body.get(name) {
                None => {}
                Some(Value::Bool(value)) => *field = *value,
                Some(_) => return Err(format!("`{name}` must be true or false")),
            }
        }
        match self.text("state") {
            None => {}
            Some("open") if pull.merged_at.is_some() => {
                return Err("a merged pull request stays closed".into());
            }
            Some(state) => pull.closed = state == "closed",
        }
        match self.body.get("head_repo") {
            None => {}
            Some(Value::Null) => pull.head_repo = None,
            Some(Value::String(name)) if name.contains('/') => pull.head_repo = Some(name.clone()),
            Some(_) => return Err("`head_repo` must be owner/name, or null for a deleted fork".into()),
        }
        if let Some(body) = self.text("body") {
            pull.body = Some(body.into());
        }
        Ok(())
    }
}

fn new_pull(repo: &mut Repo, control: &Control, number: u64) -> Pull {
    let base_ref = control.text("base").unwrap_or("main");
    Pull {
        number,
        title: format!("Pull request {number}"),
        body: None,
        user: "octocat".into(),
        draft: false,
        locked: false,
        closed: false,
        merged_at: None,
        merge_commit_sha: None,
        head_sha: String::new(),
        head_ref: format!("feature-{number}"),
        head_repo: Some(repo.full_name()),
        base_ref: base_ref.into(),
        base_sha: repo.tip(base_ref),
        commits: Vec::new(),
        landed: Vec::new(),
        lag: 0,
        created_at: control.now,
        updated_at: control.now,
    }
}

/// Moves the head of a pull request to a commit on top of the one before.
fn advance(repo: &mut Repo, pull: &mut Pull, head: &str) {
    if pull.commits.last().is_some_and(|last| last == head) {
        return;
    }
    let parent = pull.commits.last().cloned().unwrap_or_else(|| pull.base_sha.clone());
    repo.commit(head, &pull.title, vec![parent]);
    pull.commits.push(head.into());
    pull.head_sha = head.into();
    pull.merge_commit_sha = Some(sha_of(&["test merge", head]));
}

/// A comment with all that GitHub shows in either API, and its history oldest first.
fn whole(repo: &Repo, comment: &Comment, control: &Control) -> Value {
    let mut value = view::comment(repo, comment, &control.links);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("author".into(), json!(comment.author));
        fields.insert("editor".into(), json!(comment.editor()));
        fields.insert("minimized".into(), json!(comment.minimized));
        fields.insert("minimized_by".into(), json!(comment.minimized_by));
        let edits = comment
            .edits
            .iter()
            .map(|edit| json!({"editor": edit.editor, "edited_at": timestamp(edit.at), "body": edit.body}));
        fields.insert("edits".into(), edits.collect());
    }
    value
}

pub(super) fn refused(status: u16, message: &str) -> Response {
    Response::json(status, &json!({"error": message, "message": message}))
}
