//! The REST calls.

use serde_json::{Value, json};

use super::route::{Call, Name};
use super::state::{Comment, Pull, Repo, timestamp};
use super::view::{self, Links};
use super::{Actor, GitHub, comment_text, not_accessible, not_found, problem};
use crate::http::{Request, Response};

impl GitHub {
    pub(super) fn rest(&mut self, call: Call, request: &Request, actor: &Actor, now: f64) -> Response {
        let links = links(request);
        match call {
            Call::User if actor.is_installation() => not_accessible(),
            Call::User => Response::json(200, &view::user(&actor.login)),
            Call::RateLimit => rate_limit(now),
            Call::Repo { repo } => Response::json(200, &view::repo(self.named(&repo), &links)),
            Call::Pulls { repo } => {
                let repo = self.named(&repo);
                let items = listed_pulls(repo, request).map(|pull| view::pull(repo, pull, &links, false));
                paged(items.collect(), request, &links)
            }
            Call::Pull { repo, number } => {
                let repo = self.named(&repo);
                let pull = repo.pulls.get(&number);
                pull.map_or_else(not_found, |pull| Response::json(200, &view::pull(repo, pull, &links, true)))
            }
            Call::Commit { repo, reference } => {
                let repo = self.named(&repo);
                let Some((sha, commit)) =
                    repo.resolve(&reference).and_then(|sha| repo.commits.get_key_value(&sha))
                else {
                    return no_commit(&reference);
                };
                Response::json(200, &view::commit(repo, sha, commit, &links))
            }
            Call::CommitPulls { repo, reference } => {
                let repo = self.named(&repo);
                let Some(sha) = repo.resolve(&reference) else {
                    return no_commit(&reference);
                };
                let found: Vec<u64> = pulls_of(repo, &sha);
                paged(
                    found
                        .iter()
                        .filter_map(|number| repo.pulls.get(number))
                        .map(|pull| view::pull(repo, pull, &links, false))
                        .collect(),
                    request,
                    &links,
                )
            }
            Call::Compare { repo, base, head } => compare(self.named(&repo), &base, &head, &links),
            Call::Comments { repo, number } => {
                let repo = self.named(&repo);
                if !repo.pulls.contains_key(&number) {
                    return not_found();
                }
                let since = request.query.get("since");
                let items = repo
                    .comments_of(number)
                    .filter(|comment| since.is_none_or(|since| timestamp(comment.updated_at) >= *since))
                    .map(|comment| view::comment(repo, comment, &links));
                paged(items.collect(), request, &links)
            }
            Call::CreateComment { repo, number } => self.create_comment(&repo, number, request, actor, now),
            Call::Comment { repo, id } => {
                let repo = self.named(&repo);
                let comment = repo.comments.get(&id);
                comment.map_or_else(not_found, |comment| {
                    Response::json(200, &view::comment(repo, comment, &links))
                })
            }
            Call::UpdateComment { repo, id } => {
                let repo = self.named(&repo);
                let Some(comment) = repo.comments.get_mut(&id) else {
                    return not_found();
                };
                let body = match parsed(request) {
                    Ok(body) => body,
                    Err(refused) => return refused,
                };
                let text = match comment_text(&body) {
                    Ok(text) => text,
                    Err(refused) => return refused,
                };
                comment.edit(&actor.login, text, now);
                let comment = comment.clone();
                Response::json(200, &view::comment(repo, &comment, &links))
            }
            Call::DeleteComment { repo, id } => match self.named(&repo).comments.remove(&id) {
                Some(_) => Response { status: 204, ..Response::default() },
                None => not_found(),
            },
        }
    }

    fn create_comment(
        &mut self,
        name: &Name,
        number: u64,
        request: &Request,
        actor: &Actor,
        now: f64,
    ) -> Response {
        let Some(pull) = self.named(name).pulls.get(&number) else {
            return not_found();
        };
        if pull.locked {
            return problem(
                403,
                "Unable to create comment because issue is locked.",
                "https://docs.github.com/articles/locking-conversations/",
            );
        }
        let body = match parsed(request) {
            Ok(body) => body,
            Err(refused) => return refused,
        };
        let text = match comment_text(&body) {
            Ok(text) => text,
            Err(refused) => return refused,
        };
        let comment = self.add_comment(name, number, &actor.login, text, now);
        let value = view::comment(self.named(name), &comment, &links(request));
        let mut response = Response::json(201, &value);
        if let Some(url) = value.get("url").and_then(Value::as_str) {
            response.headers.push(("location".into(), url.into()));
        }
        response
    }

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
            edits: Vec::new(),
        };
        self.named(name).comments.insert(comment.id, comment.clone());
        comment
    }

    pub(super) fn named(&mut self, name: &Name) -> &mut Repo {
        self.repo(&name.owner, &name.name)
    }
}

/// Bases for links, taken from the host that the client spoke to.
pub(super) fn links(request: &Request) -> Links {
    let host = request.headers.get("host").map_or("api.github.localhost", String::as_str);
    let enterprise = if request.path.starts_with("/api/") { "/api/v3" } else { "" };
    Links { api: format!("http://{host}{enterprise}"), html: format!("http://{host}") }
}

/// Whole seconds at which the rate limit starts anew: the next full hour.
pub(super) fn reset_at(now: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time after the epoch")]
    let whole = now.max(0.0) as u64;
    (whole / 3600 + 1) * 3600
}

fn parsed(request: &Request) -> Result<Value, Response> {
    serde_json::from_slice(&request.body)
        .map_err(|_| problem(400, "Problems parsing JSON", "https://docs.github.com/rest/issues/comments"))
}

fn rate_limit(now: f64) -> Response {
    let one = json!({"limit": 1000, "used": 1, "remaining": 999, "reset": reset_at(now)});
    let body = json!({"resources": {"core": one, "graphql": one, "search": one}, "rate": one});
    Response::json(200, &body)
}

fn no_commit(reference: &str) -> Response {
    problem(
        422,
        &format!("No commit found for SHA: {reference}"),
        "https://docs.github.com/rest/commits/commits",
    )
}

/// Pull requests filtered by `state`, `head` (`user:branch`) and `base`, newest first.
fn listed_pulls<'a>(repo: &'a Repo, request: &Request) -> impl Iterator<Item = &'a Pull> {
    let state = request.query.get("state").map_or("open", String::as_str).to_owned();
    let head = request.query.get("head").cloned();
    let base = request.query.get("base").cloned();
    repo.pulls.values().rev().filter(move |pull| {
        let owner = pull.head_repo.as_deref().and_then(|name| name.split('/').next()).unwrap_or_default();
        let state_fits = match state.as_str() {
            "all" => true,
            "closed" => pull.closed,
            _ => !pull.closed,
        };
        state_fits
            && head.as_deref().is_none_or(|head| head == format!("{owner}:{}", pull.head_ref))
            && base.as_deref().is_none_or(|base| base == pull.base_ref)
    })
}

/// Numbers of the pull requests that brought a commit, or that hold it and are open.
fn pulls_of(repo: &mut Repo, sha: &str) -> Vec<u64> {
    let mut found = Vec::new();
    for (number, pull) in &mut repo.pulls {
        let brought = pull.landed.iter().any(|landed| landed == sha);
        let holds = pull.commits.iter().any(|commit| commit == sha);
        if (brought || holds) && pull.lag > 0 {
            pull.lag -= 1;
        } else if brought || holds && (!pull.closed || pull.merged_at.is_some()) {
            found.push(*number);
        }
    }
    found
}

fn compare(repo: &Repo, base: &str, head: &str, links: &Links) -> Response {
    let (Some(from), Some(to)) = (repo.resolve(base), repo.resolve(head)) else {
        return not_found();
    };
    let (ahead, behind) = (repo.ahead(&to, &from), repo.ahead(&from, &to));
    let status = match (ahead.is_empty(), behind.is_empty()) {
        (true, true) => "identical",
        (false, true) => "ahead",
        (true, false) => "behind",
        (false, false) => "diverged",
    };
    let shared = repo.ancestors(&from);
    let merge_base = repo.ancestors(&to).into_iter().filter(|sha| shared.contains(sha)).max_by_key(|sha| {
        // The nearest common ancestor is the one that has most ancestors itself.
        repo.ancestors(sha).len()
    });
    let shown = |sha: &String| repo.commits.get(sha).map(|commit| view::commit(repo, sha, commit, links));
    let body = json!({
        "status": status,
        "ahead_by": ahead.len(),
        "behind_by": behind.len(),
        "total_commits": ahead.len(),
        "base_commit": shown(&from),
        "merge_base_commit": merge_base.as_ref().and_then(shown),
        "commits": ahead.iter().filter_map(shown).collect::<Vec<_>>(),
        "files": [],
    });
    Response::json(200, &body)
}

/// One page of a list with the links to the others: 30 items unless `per_page` says else, 100 at most.
fn paged(items: Vec<Value>, request: &Request, links: &Links) -> Response {
    let number = |name: &str, default: usize| {
        request
            .query
            .get(name)
            .and_then(|text| text.parse::<usize>().ok())
            .filter(|n| *n > 0)
            .unwrap_or(default)
    };
    let (size, page) = (number("per_page", 30).min(100), number("page", 1));
    let last = items.len().div_ceil(size).max(1);
    let shown: Vec<Value> = items.into_iter().skip(size.saturating_mul(page - 1)).take(size).collect();
    let mut response = Response::json(200, &Value::Array(shown));
    let host = links.html.as_str();
    let to = |page: usize, rel: &str| {
        let kept = request.query.iter().filter(|(key, _)| *key != "page" && *key != "per_page");
        let kept = kept.fold(String::new(), |all, (key, value)| all + key + "=" + &encode(value) + "&");
        format!("<{host}{}?{kept}per_page={size}&page={page}>; rel=\"{rel}\"", request.path)
    };
    let mut rels = Vec::new();
    if page > 1 {
        rels.push(to(page - 1, "prev"));
    }
    if page < last {
        rels.push(to(page + 1, "next"));
        rels.push(to(last, "last"));
    }
    if page > 1 {
        rels.push(to(1, "first"));
    }
    if !rels.is_empty() {
        response.headers.push(("link".into(), rels.join(", ")));
    }
    response
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().fold(String::new(), |encoded, byte| {
        if plain(byte) { encoded + &char::from(byte).to_string() } else { format!("{encoded}%{byte:02X}") }
    })
}
