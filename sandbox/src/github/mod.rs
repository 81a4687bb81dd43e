//! A stub of GitHub that behaves: pull requests, commits and issue comments with author, editor and edit history.
//!
//! REST answers on `/…` and `/api/v3/…`, GraphQL on `/graphql` and `/api/graphql`, as on github.com and on an
//! enterprise server. A repository exists from the first time that it is named. Fields are named as in GitHub's
//! public API description. Faults (403, 429, 502, …) are the front's business, not the stub's.

mod control;
mod graphql;
mod parse;
mod rest;
mod route;
mod schema;
pub mod state;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::http::{Request, Response};
use state::{ACTIONS_BOT, Repo};

/// The longest comment body in characters.
const LONGEST_BODY: usize = 65_536;

/// All repositories.
#[derive(Debug, Clone, Default)]
pub struct GitHub {
    /// Repositories by lower-case `owner/name`: names do not distinguish case.
    repos: BTreeMap<String, Repo>,
    /// Last id given to a comment, over all repositories.
    last_comment: u64,
    /// Requests answered, the source of request ids.
    requests: u64,
}

/// Who a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Actor {
    /// Login as REST spells it.
    login: String,
    /// Whether writes are refused.
    read_only: bool,
}

impl Actor {
    /// Reads `authorization`: `user:NAME` is that user, a token that begins with `readonly` may not write, and every
    /// other token is the one of a workflow run.
    fn of(request: &Request) -> Option<Self> {
        let header = request.headers.get("authorization")?;
        let (scheme, token) = header.trim().split_once(' ')?;
        let token = token.trim();
        if token.is_empty()
            || !(scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token"))
        {
            return None;
        }
        let login = token.strip_prefix("user:").filter(|name| !name.is_empty()).unwrap_or(ACTIONS_BOT);
        Some(Self { login: login.into(), read_only: token.starts_with("readonly") })
    }

    /// Whether this is an app's installation instead of a person.
    fn is_installation(&self) -> bool {
        self.login.ends_with("[bot]")
    }
}

impl GitHub {
    /// A GitHub without repositories.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers one call of the REST or GraphQL API; `now` is in seconds since the epoch.
    pub fn handle(&mut self, request: &Request, now: f64) -> Response {
        self.requests += 1;
        let mut response = self.answer(request, now);
        let limit =
            if matches!(route::Route::of(request), route::Route::GraphQl) { "graphql" } else { "core" };
        for (name, value) in [
            ("x-github-request-id", format!("5A4D:0001:{:06X}:{:08X}", self.requests, self.requests)),
            ("x-github-media-type", "github.v3; format=json".into()),
            ("x-ratelimit-limit", "1000".into()),
            ("x-ratelimit-remaining", "999".into()),
            ("x-ratelimit-used", "1".into()),
            ("x-ratelimit-reset", rest::reset_at(now).to_string()),
            ("x-ratelimit-resource", limit.into()),
        ] {
            response.headers.push((name.into(), value));
        }
        response
    }

    fn answer(&mut self, request: &Request, now: f64) -> Response {
        let route = route::Route::of(request);
        let Some(actor) = Actor::of(request) else {
            return problem(401, "Requires authentication", "https://docs.github.com/rest");
        };
        match route {
            route::Route::GraphQl => self.graphql(request, &actor, now),
            route::Route::Rest(call) => {
                if call.is_mutating() && actor.read_only {
                    let mut refused = not_accessible();
                    let accepted =
                        ("x-accepted-github-permissions".into(), "issues=write; pull_requests=write".into());
                    refused.headers.push(accepted);
                    return refused;
                }
                self.rest(call, request, &actor, now)
            }
            route::Route::Unknown => {
                let mut response = not_found();
                response.headers.push(("x-sandbox".into(), "not emulated".into()));
                response
            }
        }
    }

    /// Name of the call as the record shows it (`POST /repos/{owner}/{repo}/issues/{issue_number}/comments`,
    /// `graphql:NAME`) and whether it changes anything.
    pub fn operation(request: &Request) -> (String, bool) {
        match route::Route::of(request) {
            route::Route::GraphQl => graphql::operation(&request.body),
            route::Route::Rest(call) => (call.template().into(), call.is_mutating()),
            route::Route::Unknown => {
                let method = request.method.as_str();
                (format!("{method} {}", request.path), !matches!(method, "GET" | "HEAD" | "OPTIONS"))
            }
        }
    }

    /// The repository, made when it is named for the first time.
    fn repo(&mut self, owner: &str, name: &str) -> &mut Repo {
        let key = format!("{owner}/{name}").to_lowercase();
        self.repos.entry(key).or_insert_with(|| Repo::new(owner, name))
    }

    fn next_comment(&mut self) -> u64 {
        self.last_comment += 1;
        1_000_000_000 + self.last_comment
    }
}

/// An error in the form of the REST API.
fn problem(status: u16, message: &str, documentation: &str) -> Response {
    let body = json!({"message": message, "documentation_url": documentation, "status": status.to_string()});
    Response::json(status, &body)
}

fn not_found() -> Response {
    problem(404, "Not Found", "https://docs.github.com/rest")
}

fn not_accessible() -> Response {
    problem(403, "Resource not accessible by integration", "https://docs.github.com/rest/issues/comments")
}

/// A refused value of a comment, 422.
fn invalid(code: &str, message: &str) -> Response {
    let errors = json!([{"resource": "IssueComment", "code": code, "field": "data", "message": message}]);
    let body = json!({
        "message": "Validation Failed",
        "errors": errors,
        "documentation_url": "https://docs.github.com/rest/issues/comments",
        "status": "422",
    });
    Response::json(422, &body)
}

/// The comment text of a request body, or the answer that refuses it.
fn comment_text(body: &Value) -> Result<&str, Response> {
    let Some(text) = body.get("body").and_then(Value::as_str) else {
        return Err(invalid("missing_field", "body is missing or not a string"));
    };
    if text.trim().is_empty() {
        return Err(invalid("unprocessable", "Body cannot be blank"));
    }
    if text.chars().count() > LONGEST_BODY {
        return Err(invalid("unprocessable", "Body is too long (maximum is 65536 characters)"));
    }
    Ok(text)
}
