//! A stub of GitHub that behaves: pull requests, commits and issue comments with author, editor and edit history.
//!
//! REST answers on `/…` and `/api/v3/…`, GraphQL on `/graphql` and `/api/graphql`, as on github.com and on an
//! enterprise server. A repository exists from the first time that it is named. Fields are named as in GitHub's
//! public API description. Faults (403, 429, 502, …) are the front's business, not the stub's.

mod checks;
mod control;
mod deployments;
mod environments;
mod graphql;
mod issues;
mod merging;
mod oidc;
mod paging;
mod parse;
mod people;
mod planting;
mod rest;
mod route;
mod runs;
mod schema;
pub mod state;
mod statuses;
#[cfg(test)]
mod tests;
mod token;
mod view;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::http::{Request, Response};
use state::Repo;
use token::Token;

/// The longest comment body in characters.
const LONGEST_BODY: usize = 65_536;

/// The longest description of a status or a deployment in characters.
const LONGEST_DESCRIPTION: usize = 140;

/// The header that names the permissions of which a call needs one.
const ACCEPTED: &str = "x-accepted-github-permissions";

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

/// One REST call as its handler sees it.
struct Ask<'a> {
    call: &'a route::Call,
    request: &'a Request,
    token: &'a Token,
    links: view::Links,
    now: f64,
}

/// What a handler gives, or refuses.
type Answered = Result<Response, Response>;

impl Ask<'_> {
    /// The body, which must be a JSON object.
    fn body(&self) -> Result<Value, Response> {
        let documentation = "https://docs.github.com/rest";
        match serde_json::from_slice(&self.request.body) {
            Ok(Value::Object(body)) => Ok(Value::Object(body)),
            Ok(_) => Err(problem(400, "Body should be a JSON object", documentation)),
            Err(_) => Err(problem(400, "Problems parsing JSON", documentation)),
        }
    }

    /// A parameter of the query that is not empty.
    fn query(&self, name: &str) -> Option<&str> {
        self.request.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// One page of a list.
    fn page(&self, items: Vec<Value>) -> Response {
        paging::paged(items, self.request, &self.links)
    }

    /// One page of a list that is wrapped with the count of all.
    fn wrapped(&self, name: &str, items: Vec<Value>) -> Response {
        let count = items.len();
        let mut response = self.page(items);
        let page: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        response.body = json!({"total_count": count, name: page}).to_string().into_bytes();
        response
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
        let route = route::Route::of(request);
        let mut response = self.answer(&route, request, now);
        let limit = if route == route::Route::GraphQl { "graphql" } else { "core" };
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

    fn answer(&mut self, route: &route::Route, request: &Request, now: f64) -> Response {
        let Some(token) = Token::of(request) else {
            return problem(401, "Requires authentication", "https://docs.github.com/rest");
        };
        match route {
            route::Route::GraphQl => self.graphql(request, &token),
            route::Route::Oidc(full) => self.oidc_token(full, request, now),
            route::Route::Rest(call) if !call.allowed(&token) => {
                let mut refused = not_accessible();
                refused.headers.push((ACCEPTED.into(), call.needs().into()));
                refused
            }
            route::Route::Rest(call) => {
                let now = now + self.named(&call.repo).ahead_s;
                let ask = Ask { call, request, token: &token, links: rest::links(request), now };
                let mut response = self.rest(&ask);
                if token.is_installation() && !call.needs().is_empty() {
                    response.headers.push((ACCEPTED.into(), call.needs().into()));
                }
                if call.is_mutating() && response.status < 300 {
                    self.named(&call.repo).wrote(call.template());
                }
                response
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
            route::Route::Oidc(_) => ("oidc:token".into(), false),
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
    problem(403, "Resource not accessible by integration", "https://docs.github.com/rest")
}

/// A refused field, 422, in the form of most of the REST API.
fn unprocessable(resource: &str, field: &str, code: &str, message: &str) -> Response {
    let mut error = json!({"resource": resource, "code": code, "field": field});
    if let Some(error) = error.as_object_mut().filter(|_| !message.is_empty()) {
        error.insert("message".into(), json!(message));
    }
    let body = json!({
        "message": "Validation Failed",
        "errors": [error],
        "documentation_url": "https://docs.github.com/rest",
        "status": "422",
    });
    Response::json(422, &body)
}

/// A refused request in the form of the younger parts of the REST API, 422.
fn invalid_request(message: &str) -> Response {
    problem(422, &format!("Invalid request.\n\n{message}"), "https://docs.github.com/rest")
}

/// Refuses an address that is not one of the web.
fn web_address(resource: &str, body: &Value, field: &str) -> Result<(), Response> {
    match body.get(field).and_then(Value::as_str).filter(|url| !url.is_empty()) {
        Some(url) if !url.starts_with("https://") && !url.starts_with("http://") => {
            Err(unprocessable(resource, field, "custom", &format!("{field} must use http(s) scheme")))
        }
        _ => Ok(()),
    }
}

/// Refuses a description of more than 140 characters.
fn short_description(resource: &str, body: &Value) -> Result<(), Response> {
    let text = body.get("description").and_then(Value::as_str).unwrap_or_default();
    if text.chars().count() <= LONGEST_DESCRIPTION {
        return Ok(());
    }
    let message = format!("description is too long (maximum is {LONGEST_DESCRIPTION} characters)");
    Err(unprocessable(resource, "description", "custom", &message))
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
