//! What tests and the demo do on GitHub by hand: open and merge pull requests, write and edit comments.
//!
//! Everything is under `/_sandbox/github/`; `repo` (`owner/name`, in the body or the query) is `octo/app` unless given.

use serde_json::{Value, json};

use super::GitHub;
use super::route::{Name, decode};
use super::state::{Comment, Pull, Repo, sha_of, timestamp};
use super::view;
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
        let control = Control { repo, links: super::rest::links(request), body, now };
        let number = |text: &str| text.parse::<u64>().ok();
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["pulls"]) => Some(self.open(&control)),
            ("POST", ["commits"]) => Some(self.declare(&control)),
            ("POST", ["comments"]) => Some(self.comment(&control)),
            ("POST", ["comments", id, "edit"]) => Some(self.edit(&control, number(id)?)),
            ("POST", ["reset"]) => {
                self.repos.remove(&full.to_lowercase());
                Some(Response::json(200, &json!({"reset": full})))
            }
            (method, ["pulls", pull, rest @ ..]) => {
                let pull = number(pull)?;
                if method == "POST" && rest.is_empty() {
                    return Some(self.change(&control, pull));
                }
                if !self.named(&control.repo).pulls.contains_key(&pull) {
                    return Some(refused(404, &format!("{full} has no pull request {pull}")));
                }
                match (method, rest) {
                    ("GET", []) => Some(self.shown(&control, pull, 200)),
                    ("GET", ["comments"]) => Some(self.comments(&control, pull)),
                    ("POST", ["merge"]) => Some(self.merge(&control, pull)),
                    ("POST", ["push"]) => Some(self.push(&control, pull)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn open(&mut self, control: &Control) -> Response {
        let repo = self.named(&control.repo);
        let number = control.body.get("number").and_then(Value::as_u64);
        let number = number.unwrap_or_else(|| repo.pulls.keys().max().copied().unwrap_or(0) + 1);
        self.change(control, number)
    }

    /// Opens a pull request, or changes the given fields of one that exists.
    fn change(&mut self, control: &Control, number: u64) -> Response {
        let repo = self.named(&control.repo);
        let is_new = !repo.pulls.contains_key(&number);
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

    /// Merges: `merge` and `squash` leave one commit on the base branch, `rebase` one for each commit of the pull
    /// request and at least two, of which only the last is `merge_commit_sha`. `lag` makes that many look-ups of
    /// pull requests by commit find nothing at first.
    fn merge(&mut self, control: &Control, number: u64) -> Response {
        let Some(sha) = control.text("sha") else {
            return refused(400, "`sha` is missing");
        };
        let method = control.text("method").unwrap_or("merge");
        let repo = self.named(&control.repo);
        let Some(mut pull) = repo.pulls.get(&number).cloned() else {
            return refused(404, "no such pull request");
        };
        if pull.closed {
            return refused(409, "the pull request is closed");
        }
        let before = repo.tip(&pull.base_ref);
        let landed = match method {
            "merge" => {
                let message =
                    format!("Merge pull request #{number} from {}\n\n{}", pull.head_ref, pull.title);
                repo.commit(sha, &message, vec![before.clone(), pull.head_sha.clone()]);
                // A merge brings the commits of the branch too.
                pull.commits.iter().cloned().chain([sha.to_owned()]).collect()
            }
            "squash" => {
                repo.commit(sha, &format!("{} (#{number})", pull.title), vec![before.clone()]);
                vec![sha.to_owned()]
            }
            "rebase" => {
                let copies = pull.commits.len().max(2) - 1;
                let mut landed: Vec<String> =
                    (0..copies).map(|index| sha_of(&["rebased", sha, &index.to_string()])).collect();
                landed.push(sha.to_owned());
                let mut parent = before.clone();
                for (commit, index) in landed.iter().zip(1..) {
                    repo.commit(commit, &format!("{} ({index})", pull.title), vec![parent.clone()]);
                    parent.clone_from(commit);
                }
                landed
            }
            other => {
                return refused(400, &format!("`method` must be merge, squash or rebase, not `{other}`"));
            }
        };
        repo.branches.insert(pull.base_ref.clone(), sha.into());
        pull.closed = true;
        pull.merged_at = Some(control.now);
        pull.updated_at = control.now;
        pull.merge_commit_sha = Some(sha.into());
        pull.landed.clone_from(&landed);
        pull.lag = control.body.get("lag").and_then(Value::as_u64).unwrap_or(0);
        let ref_name = format!("refs/heads/{}", pull.base_ref);
        repo.pulls.insert(number, pull);
        let body = json!({
            "merged": true,
            "sha": sha,
            "method": method,
            "before": before,
            "after": sha,
            "ref": ref_name,
            "commits": landed,
        });
        Response::json(200, &body)
    }

    /// Declares a commit that no pull request brought, and moves `branch` to it when given.
    fn declare(&mut self, control: &Control) -> Response {
        let Some(sha) = control.text("sha") else {
            return refused(400, "`sha` is missing");
        };
        let repo = self.named(&control.repo);
        let branch = control.text("branch");
        let parents = match control.body.get("parents").and_then(Value::as_array) {
            Some(given) => given.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            None => vec![repo.tip(branch.unwrap_or("main"))],
        };
        repo.commit(sha, control.text("message").unwrap_or("A commit"), parents);
        if let Some(branch) = branch {
            repo.branches.insert(branch.into(), sha.into());
        }
        Response::json(201, &json!({"sha": sha}))
    }

    fn comment(&mut self, control: &Control) -> Response {
        let (Some(number), Some(text)) =
            (control.body.get("number").and_then(Value::as_u64), control.text("body"))
        else {
            return refused(400, "`number` and `body` are needed");
        };
        if !self.named(&control.repo).pulls.contains_key(&number) {
            return refused(404, &format!("no pull request {number}"));
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

    fn comments(&mut self, control: &Control, number: u64) -> Response {
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
struct Control {
    repo: Name,
    links: view::Links,
    body: Value,
    now: f64,
}

impl Control {
    fn text(&self, name: &str) -> Option<&str> {
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
        let edits = comment
            .edits
            .iter()
            .map(|edit| json!({"editor": edit.editor, "edited_at": timestamp(edit.at), "body": edit.body}));
        fields.insert("edits".into(), edits.collect());
    }
    value
}

fn refused(status: u16, message: &str) -> Response {
    Response::json(status, &json!({"error": message}))
}
