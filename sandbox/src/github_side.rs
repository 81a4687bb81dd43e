//! The GitHub side: the stub behind latency, faults and the recorder.

use serde_json::{Value, json};

use crate::fault::{Fault, Kind};
use crate::github::GitHub;
use crate::http::{Answer, Request, Response};
use crate::pipeline::{self, Described};
use crate::record::Caller;
use crate::state::{State, lock};

/// The page that GitHub's front shows when it has no answer.
const BAD_GATEWAY: &str = "<!DOCTYPE html>\n<html>\n<head><title>Unicorn! &middot; GitHub</title></head>\n<body><p><strong>We \
had issues producing the response to your request.</strong></p></body>\n</html>\n";

/// Answers one request to the GitHub API.
pub async fn handle(state: &State, request: Request) -> Answer {
    let (operation, mutating) = GitHub::operation(&request);
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let described = Described {
        source: "github",
        account: repository(&request, &body),
        region: String::new(),
        service: "github".into(),
        operation,
        mutating,
        caller: Caller::default(),
        parameters: json!({"path": request.path, "query": request.query, "body": body}),
    };
    let effect = async {
        let now = state.now();
        lock(&state.github).handle(&request, now)
    };
    let fail = |fault: &Fault| fail(fault, state.now());
    pipeline::run(state, described, fail, effect, result_of).await
}

/// The repository that a call is about, as `owner/name`: from the path, or the variables of a GraphQL query.
fn repository(request: &Request, body: &Value) -> String {
    let mut segments = request.path.split('/').skip_while(|segment| *segment != "repos").skip(1);
    if let (Some(owner), Some(name)) = (segments.next(), segments.next()) {
        return format!("{owner}/{name}");
    }
    if let Some(full) = request.query.get("repo").filter(|_| request.path.starts_with("/_oidc/")) {
        return full.clone();
    }
    let variable =
        |names: &[&str]| names.iter().find_map(|name| body.pointer(&format!("/variables/{name}"))?.as_str());
    match (variable(&["owner"]), variable(&["name", "repo"])) {
        (Some(owner), Some(name)) => format!("{owner}/{name}"),
        _ => String::new(),
    }
}

/// The answer of a fault, as GitHub gives it.
fn fail(fault: &Fault, now: f64) -> Response {
    match fault.kind {
        Kind::RateLimit => return used_up(fault, now),
        Kind::SecondaryLimit => {
            return limited(
                fault,
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            );
        }
        _ => {}
    }
    let status = fault.status.unwrap_or(match fault.kind {
        Kind::Throttle => 429,
        Kind::AccessDenied => 403,
        _ => 502,
    });
    let limited = status == 429 || fault.kind == Kind::Throttle;
    let said = fault.message.as_deref().unwrap_or(match status {
        401 => "Bad credentials",
        403 if !limited => "Resource not accessible by integration",
        404 => "Not Found",
        422 => "Validation Failed",
        403 | 429 => {
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        }
        _ => "Server Error",
    });
    let mut body = json!({
        "message": said,
        "documentation_url": "https://docs.github.com/rest",
        "status": status.to_string(),
    });
    if let (422, Some(body)) = (status, body.as_object_mut()) {
        body.insert(
            "errors".into(),
            json!([{"resource": "IssueComment", "code": "unprocessable", "field": "data"}]),
        );
    }
    let mut response = if status >= 500 {
        pipeline::plain(fault, status, "text/html; charset=utf-8", BAD_GATEWAY.into())
    } else {
        pipeline::plain(fault, status, "application/json; charset=utf-8", body.to_string())
    };
    response.status = status;
    let given = |name: &str| fault.headers.keys().any(|given| given.eq_ignore_ascii_case(name));
    if limited && !given("retry-after") && !given("x-ratelimit-reset") {
        response.headers.push(("retry-after".into(), "1".into()));
    }
    response.headers.push(("x-github-request-id".into(), "0000:000000:0000000:0000000:00000000".into()));
    response
}

/// The answer when the hourly budget is used up: 403, with the time at which it starts anew.
fn used_up(fault: &Fault, now: f64) -> Response {
    let mut response = limited(fault, "API rate limit exceeded for installation ID 12345678.");
    let reset = now.ceil() + f64::from(fault.reset_s);
    for (name, value) in [
        ("x-ratelimit-limit", "1000".to_owned()),
        ("x-ratelimit-remaining", "0".to_owned()),
        ("x-ratelimit-used", "1000".to_owned()),
        ("x-ratelimit-reset", format!("{reset:.0}")),
        ("x-ratelimit-resource", "core".to_owned()),
    ] {
        response.headers.push((name.into(), value));
    }
    response
}

/// 403, or the given status, with a text about a limit.
fn limited(fault: &Fault, said: &str) -> Response {
    let status = fault.status.unwrap_or(403);
    let documentation = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api";
    let body = json!({
        "message": fault.message.as_deref().unwrap_or(said),
        "documentation_url": documentation,
        "status": status.to_string(),
    });
    pipeline::plain(fault, status, "application/json; charset=utf-8", body.to_string())
}

/// `ok`, or the status; a GraphQL answer with `errors` is not ok.
fn result_of(response: &Response) -> String {
    if response.status >= 400 {
        return format!("http {}", response.status);
    }
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    if body.get("errors").and_then(Value::as_array).is_some_and(|errors| !errors.is_empty()) {
        return "graphql error".into();
    }
    "ok".into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn fault(value: Value) -> Response {
        fail(&serde_json::from_value(value).unwrap(), 1000.5)
    }

    #[test]
    fn the_two_rate_limits_differ_in_text_and_headers() {
        let text = |response: &Response| String::from_utf8_lossy(&response.body).into_owned();
        let primary = fault(json!({"kind": "rate_limit", "reset_s": 30}));
        assert_eq!((primary.status, primary.header("x-ratelimit-remaining")), (403, "0"));
        assert_eq!((primary.header("x-ratelimit-reset"), primary.header("retry-after")), ("1031", ""));
        assert!(text(&primary).contains("API rate limit exceeded"));
        let secondary = fault(json!({"kind": "secondary_limit", "status": 429}));
        assert_eq!((secondary.status, secondary.header("x-ratelimit-remaining")), (429, ""));
        assert!(
            secondary.header("retry-after").is_empty() && text(&secondary).contains("secondary rate limit")
        );
    }

    #[test]
    fn the_repository_is_found_in_path_and_variables() {
        let path = |path: &str| Request { path: path.into(), ..Request::default() };
        assert_eq!(repository(&path("/repos/octo/app/pulls/1"), &Value::Null), "octo/app");
        assert_eq!(repository(&path("/api/v3/repos/octo/app"), &Value::Null), "octo/app");
        let body = json!({"query": "…", "variables": {"owner": "octo", "name": "app"}});
        assert_eq!(repository(&path("/graphql"), &body), "octo/app");
        assert_eq!(repository(&path("/user"), &Value::Null), "");
        let query = [("repo".to_owned(), "octo/app".to_owned())].into();
        let token = Request { path: "/_oidc/token".into(), query, ..Request::default() };
        assert_eq!(repository(&token, &Value::Null), "octo/app");
    }

    #[test]
    fn faults_look_like_the_answers_of_github() {
        let throttled = fault(json!({"kind": "throttle"}));
        assert_eq!((throttled.status, throttled.header("retry-after")), (429, "1"));
        let denied = fault(json!({"kind": "access_denied"}));
        assert!(
            denied.status == 403
                && String::from_utf8_lossy(&denied.body).contains("not accessible by integration")
        );
        let broken = fault(json!({"kind": "error500"}));
        assert!(broken.status == 502 && broken.header("content-type").starts_with("text/html"));
        let missing = fault(json!({"kind": "status", "status": 404}));
        assert_eq!((missing.status, result_of(&missing).as_str()), (404, "http 404"));
        let invalid = fault(json!({"kind": "status", "status": 422}));
        assert!(String::from_utf8_lossy(&invalid.body).contains("errors"));
    }

    #[test]
    fn a_graphql_answer_with_errors_is_not_ok() {
        assert_eq!(result_of(&Response::json(200, &json!({"errors": [{"message": "x"}]}))), "graphql error");
        assert_eq!(result_of(&Response::json(200, &json!({"data": {}}))), "ok");
    }
}
