//! The client against a server with prepared answers: addresses, headers, redirects, retries, time-outs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::comment::{Mode, Newer, Upserted, Volatile, Wanted};
use super::error::Failed;
use super::marker;
use super::testing::{FakeClock, Server, answer};
use super::{GitHub, GithubError, Token};

fn client(server: &Server, clock: &Arc<FakeClock>) -> GitHub {
    let graphql = format!("{}/api/graphql", server.base);
    GitHub::new(&format!("{}/api/v3/", server.base), &graphql, Token::new("s3cret"), "octo/app")
        .unwrap()
        .paced(Duration::from_mins(5), clock.clone())
}

fn pull(number: u64, merged_at: &Value) -> Value {
    json!({
        "number": number, "title": "t", "head": {"sha": "abc", "ref": "f"}, "base": {"sha": "d", "ref": "main"},
        "merged_at": merged_at, "merge_commit_sha": "c".repeat(40),
    })
}

fn ok(body: &Value) -> String {
    answer(200, &["content-type: application/json"], &body.to_string())
}

fn page(nodes: &Value) -> String {
    let comments = json!({"pageInfo": {"hasPreviousPage": false, "startCursor": "x"}, "nodes": nodes});
    ok(&json!({"data": {"repository": {"pullRequest": {"comments": comments}}}}))
}

fn node(id: u64, body: &str) -> Value {
    let author = json!({"login": "github-actions"});
    json!({"databaseId": id, "id": format!("IC_{id}"), "viewerDidAuthor": true, "author": author, "body": body})
}

fn body(run: u64) -> String {
    marker::mark(&json!({"scope": ".", "run": run}), "### Plan")
}

fn wanted(body: &str) -> Wanted<'_> {
    Wanted {
        number: 7,
        scope: ".",
        body,
        volatile: Volatile { lines: &[], keys: &["run"] },
        head: None,
        run: 0,
        attempt: 0,
        mode: Mode::Update,
    }
}

const COMMENTS: &str = "/api/v3/repos/octo/app/issues/7/comments";

#[tokio::test]
async fn calls_go_below_the_base_of_an_enterprise_server_and_graphql_beside_it() {
    let server = Server::start(vec![ok(&pull(7, &Value::Null)), page(&json!([]))]);
    let github = client(&server, &Arc::default());
    assert_eq!(github.head_sha(7).await.unwrap(), "abc");
    github.own_comments(7, ".").await.unwrap();
    assert_eq!(server.lines(), ["GET /api/v3/repos/octo/app/pulls/7", "POST /api/graphql"]);
    let authorization: Vec<_> = server.seen().into_iter().map(|seen| seen.authorization.unwrap()).collect();
    assert_eq!(authorization, ["Bearer s3cret", "Bearer s3cret"]);
    let variables = serde_json::from_str::<Value>(&server.seen()[1].body).unwrap()["variables"].clone();
    assert_eq!(variables, json!({"owner": "octo", "name": "app", "number": 7, "before": null}));
}

#[tokio::test]
async fn a_repository_named_like_the_base_path_is_addressed_whole() {
    let server = Server::start(vec![ok(&pull(7, &Value::Null))]);
    let base = format!("{}/repos", server.base);
    let github = GitHub::new(&base, &server.base, None, "repos/repos").unwrap();
    github.head_sha(7).await.unwrap();
    assert_eq!(server.lines(), ["GET /repos/repos/repos/repos/pulls/7"]);
    assert_eq!(server.seen()[0].authorization, None);
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_server_only() {
    let other = Server::start(vec![ok(&pull(7, &Value::Null)); 2]);
    let away = |status| answer(status, &[&format!("location: {}/elsewhere", other.base)], "");
    let near = answer(301, &["location: /moved"], "");
    let server = Server::start(vec![away(307), away(302), near, ok(&pull(7, &Value::Null))]);
    let github = client(&server, &Arc::default());
    for status in [307, 302] {
        let error = github.head_sha(7).await.unwrap_err();
        assert_eq!((error.status, error.kind), (Some(status), Failed::Refused));
    }
    assert_eq!(other.lines(), Vec::<String>::new(), "neither the token nor the call reaches another server");
    github.head_sha(7).await.unwrap();
    assert_eq!(server.lines()[3], "GET /moved");
    assert_eq!(server.seen()[3].authorization.as_deref(), Some("Bearer s3cret"));
}

#[tokio::test]
async fn addresses_that_would_leak_the_token_are_refused() {
    let new = |api: &str, graphql: &str, repository: &str| {
        GitHub::new(api, graphql, Token::new("x"), repository)
            .map(|_| ())
            .map_err(|error: GithubError| error.message)
    };
    let api = "https://api.example.com";
    for (api, graphql, repository, wanted) in [
        ("http://api.example.com", api, "o/r", "is not https"),
        ("http://127.0.0.1.example.com", api, "o/r", "is not https"),
        ("http://localhost@example.com", api, "o/r", "is not a plain address"),
        ("ftp://127.0.0.1", api, "o/r", "is not an address of the web"),
        ("api.example.com", api, "o/r", "is not an address"),
        ("https://", api, "o/r", "is not a plain address"),
        (api, "https://other.example.com/graphql", "o/r", "different hosts"),
        (api, "https://api.example.com", "o", "is not a repository"),
        (api, "https://api.example.com", "o/r/x", "is not a repository"),
        (api, "https://api.example.com", "../r", "is not a repository"),
        (api, "https://api.example.com", "o/r?x", "is not a repository"),
    ] {
        let message = new(api, graphql, repository).unwrap_err();
        assert!(message.contains(wanted), "{api} {repository}: {message}");
    }
    assert_eq!(new(api, "https://api.example.com/graphql", "octo/my.app-1_x"), Ok(()));
    assert_eq!(new("http://[::1]:80/api", "http://[::1]:80/graphql", "o/r"), Ok(()));
}

#[test]
fn a_token_is_never_shown_and_must_be_one() {
    assert_eq!(format!("{:?}", Token::new("s3cret").unwrap()), "Token(…)");
    for text in ["", " ", "a b", "a\nb", "ü"] {
        assert!(Token::new(text).is_none(), "{text:?}");
    }
}

#[tokio::test]
async fn a_read_is_repeated_after_trouble_and_a_limit() {
    let clock = Arc::new(FakeClock::default());
    let server = Server::start(vec![
        answer(502, &["content-type: text/html"], "<html>Unicorn</html>"),
        String::new(),
        answer(429, &["retry-after: 30"], r#"{"message":"slow down"}"#),
        answer(
            403,
            &["x-ratelimit-remaining: 0", "x-ratelimit-reset: 1083"],
            r#"{"message":"API rate limit"}"#,
        ),
        ok(&pull(7, &Value::Null)),
    ]);
    assert_eq!(client(&server, &clock).head_sha(7).await.unwrap(), "abc");
    assert_eq!(clock.slept(), [1, 2, 30, 50]);
}

#[tokio::test]
async fn waiting_ends_with_the_budget() {
    let clock = Arc::new(FakeClock::default());
    let server =
        Server::start(vec![answer(429, &["retry-after: 60"], "{}"), answer(429, &["retry-after: 60"], "{}")]);
    let github = client(&server, &clock).paced(Duration::from_secs(100), clock.clone());
    let error = github.head_sha(7).await.unwrap_err();
    assert_eq!((error.status, clock.slept()), (Some(429), vec![60]));
    assert!(error.hint.unwrap().contains("60 s"));
}

#[tokio::test]
async fn a_refusal_names_call_status_request_and_permission() {
    let headers = ["x-github-request-id: AB:12", "x-accepted-github-permissions: pull_requests=read"];
    let refusal = answer(403, &headers, r#"{"message":"Resource not accessible by integration"}"#);
    let error = client(&Server::start(vec![refusal]), &Arc::default()).head_sha(7).await.unwrap_err();
    assert_eq!((error.status, error.kind), (Some(403), Failed::Refused));
    assert_eq!(error.request_id.as_deref(), Some("AB:12"));
    assert_eq!(error.hint.as_deref(), Some("add `pull-requests: read` to the `permissions` of the job"));
    let text = "GET /repos/{owner}/{repo}/pulls/{pull_number} failed with status 403: Resource not accessible by integration";
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn no_answer_in_time_is_an_error_and_not_a_hang() {
    let quiet = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", quiet.local_addr().unwrap());
    let github = GitHub::new(&base, &base, None, "o/r").unwrap().timing_out(Duration::from_millis(50));
    let error = github.paced(Duration::ZERO, Arc::new(FakeClock::default())).head_sha(7).await.unwrap_err();
    assert_eq!((error.status, error.kind), (None, Failed::Unclear));
}

#[tokio::test]
async fn a_comment_is_created_when_there_is_none() {
    let server = Server::start(vec![page(&json!([])), answer(201, &[], r#"{"id":5}"#)]);
    let done = client(&server, &Arc::default()).upsert_comment(&wanted(&body(1))).await.unwrap();
    assert_eq!(done, Upserted::Created { id: 5 });
    assert_eq!(server.lines()[1], format!("POST {COMMENTS}"));
    assert_eq!(serde_json::from_str::<Value>(&server.seen()[1].body).unwrap(), json!({"body": body(1)}));
}

#[tokio::test]
async fn an_unclear_creation_is_looked_up_before_it_is_tried_again() {
    let clock = Arc::new(FakeClock::default());
    let server = Server::start(vec![
        page(&json!([])),
        answer(502, &[], "<html>"),
        page(&json!([])),
        String::new(),
        page(&json!([node(6, &body(1))])),
    ]);
    let done = client(&server, &clock).upsert_comment(&wanted(&body(1))).await.unwrap();
    assert_eq!(done, Upserted::Created { id: 6 });
    let posts = server.lines().iter().filter(|line| line.ends_with(COMMENTS)).count();
    assert_eq!(
        (posts, clock.slept()),
        (2, vec![2, 4]),
        "not a third comment: the second one had taken effect"
    );
}

#[tokio::test]
async fn a_refused_creation_is_not_tried_again() {
    let server = Server::start(vec![page(&json!([])), answer(403, &[], r#"{"message":"no"}"#)]);
    let error = client(&server, &Arc::default()).upsert_comment(&wanted(&body(1))).await.unwrap_err();
    assert_eq!((error.status, server.lines().len()), (Some(403), 2));
    assert!(error.hint.unwrap().contains("`pull-requests: write`"));
}

#[tokio::test]
async fn an_equal_comment_is_left_alone_and_another_is_edited_in_place() {
    let server = Server::start(vec![page(&json!([node(6, &body(1))]))]);
    let done = client(&server, &Arc::default()).upsert_comment(&wanted(&body(2))).await.unwrap();
    assert_eq!((done, server.lines().len()), (Upserted::Unchanged { id: 6 }, 1));

    let server =
        Server::start(vec![page(&json!([node(6, &format!("{}\nmore", body(1)))])), ok(&json!({"id": 6}))]);
    let done = client(&server, &Arc::default()).upsert_comment(&wanted(&body(2))).await.unwrap();
    assert_eq!(done, Upserted::Updated { id: 6 });
    assert_eq!(server.lines()[1], "PATCH /api/v3/repos/octo/app/issues/comments/6");
}

#[tokio::test]
async fn an_equal_comment_that_somebody_else_edited_is_written_anew() {
    let mut edited = node(6, &body(1));
    edited["editor"] = json!({"login": "author"});
    edited["lastEditedAt"] = json!("2025-01-01T00:00:00Z");
    let server = Server::start(vec![page(&json!([edited])), ok(&json!({"id": 6}))]);
    let done = client(&server, &Arc::default()).upsert_comment(&wanted(&body(2))).await.unwrap();
    assert_eq!(done, Upserted::Updated { id: 6 });
}

#[tokio::test]
async fn a_comment_deleted_meanwhile_is_created_again() {
    let server = Server::start(vec![
        page(&json!([node(6, "<!-- fargate-stack:v1 ?? -->")])),
        answer(404, &[], r#"{"message":"Not Found"}"#),
        answer(201, &[], r#"{"id":8}"#),
    ]);
    let done = client(&server, &Arc::default()).upsert_comment(&wanted(&body(1))).await.unwrap();
    assert_eq!(done, Upserted::Created { id: 8 });
}

#[tokio::test]
async fn duplicates_are_folded_away_two_at_a_time_and_a_failure_there_is_no_failure() {
    let nodes: Vec<Value> = (6..10).map(|id| node(id, &body(1))).collect();
    let forbidden = json!({"data": null, "errors": [{"type": "FORBIDDEN", "message": "no"}]});
    let server = Server::start(vec![page(&json!(nodes)), ok(&forbidden), ok(&json!({"data": {}}))]);
    let done = client(&server, &Arc::default()).upsert_comment(&wanted(&body(1))).await.unwrap();
    assert_eq!(done, Upserted::Unchanged { id: 6 });
    let folded: Vec<Value> =
        server.seen()[1..].iter().map(|seen| serde_json::from_str(&seen.body).unwrap()).collect();
    let folded: Vec<&Value> = folded.iter().map(|body| &body["variables"]).collect();
    assert_eq!(
        folded,
        [
            &json!({"id": "IC_7", "classifier": "DUPLICATE"}),
            &json!({"id": "IC_8", "classifier": "DUPLICATE"})
        ]
    );
}

#[tokio::test]
async fn nothing_is_written_about_a_head_that_the_pull_request_left() {
    let server = Server::start(vec![ok(&pull(7, &Value::Null))]);
    let text = body(1);
    let stale = Wanted { head: Some("old"), ..wanted(&text) };
    let done = client(&server, &Arc::default()).upsert_comment(&stale).await.unwrap();
    assert_eq!((done, server.lines().len()), (Upserted::Superseded { by: Newer::Head("abc".into()) }, 1));
}

#[tokio::test]
async fn graphql_errors_are_told_with_the_status_of_rest_and_limits_are_waited_for() {
    let missing = ok(
        &json!({"data": {"repository": {"pullRequest": null}}, "errors": [{"type": "NOT_FOUND", "message": "m"}]}),
    );
    let error =
        client(&Server::start(vec![missing]), &Arc::default()).own_comments(7, ".").await.unwrap_err();
    assert_eq!(
        (error.status, error.op.as_str(), error.message.as_str()),
        (Some(404), "graphql:pullRequestComments", "m")
    );

    let clock = Arc::new(FakeClock::default());
    let limited = ok(&json!({"errors": [{"type": "RATE_LIMITED", "message": "wait"}]}));
    let server = Server::start(vec![limited, page(&json!([]))]);
    assert!(client(&server, &clock).own_comments(7, ".").await.is_ok());
    assert_eq!(clock.slept(), [60]);
}

#[tokio::test]
async fn the_pull_request_of_a_push_is_asked_for_until_github_knows_it() {
    let (clock, sha) = (Arc::new(FakeClock::default()), "c".repeat(40));
    let unknown = answer(422, &[], r#"{"message":"No commit found for SHA"}"#);
    let open = ok(&json!([pull(3, &Value::Null)]));
    let merged = ok(&json!([pull(4, &json!("2025-01-01T00:00:00Z"))]));
    let server = Server::start(vec![unknown, ok(&json!([])), open, merged]);
    let found = client(&server, &clock).merged_pull_request(&sha, "main").await.unwrap();
    assert_eq!(found.map(|pull| pull.number), Some(4));
    assert_eq!(clock.slept(), [1, 2, 4]);
    assert_eq!(server.lines()[0], format!("GET /api/v3/repos/octo/app/commits/{sha}/pulls?per_page=100"));
}

#[tokio::test]
async fn a_push_without_a_pull_request_ends_the_search_after_15_seconds() {
    let clock = Arc::new(FakeClock::default());
    let server = Server::start(vec![ok(&json!([])); 5]);
    let found = client(&server, &clock).merged_pull_request(&"c".repeat(40), "main").await.unwrap();
    assert_eq!((found, clock.slept()), (None, vec![1, 2, 4, 8]));
    let error = client(&server, &clock).merged_pull_request("../../x", "main").await.unwrap_err();
    assert_eq!(error.kind, Failed::Setup);
}

#[tokio::test]
async fn a_write_keeps_its_method_and_its_body_on_a_redirect() {
    let moved = answer(307, &["location: /repositories/5/issues/7/comments"], "");
    let server = Server::start(vec![page(&json!([])), moved, answer(201, &[], r#"{"id":5}"#)]);
    let done = client(&server, &Arc::default()).upsert_comment(&wanted(&body(1))).await.unwrap();
    assert_eq!(done, Upserted::Created { id: 5 });
    assert_eq!(server.lines()[2], "POST /repositories/5/issues/7/comments");
    assert_eq!(server.seen()[1].body, server.seen()[2].body);

    let other = Server::start(vec![answer(201, &[], r#"{"id":5}"#)]);
    let away = answer(307, &[&format!("location: {}/elsewhere", other.base)], "");
    let server = Server::start(vec![page(&json!([])), away]);
    let error = client(&server, &Arc::default()).upsert_comment(&wanted(&body(1))).await.unwrap_err();
    assert_eq!((error.status, other.lines().len()), (Some(307), 0));
}

#[tokio::test]
async fn redirects_in_a_circle_have_an_end() {
    let server = Server::start(vec![answer(302, &["location: /round"], ""); 20]);
    let error = client(&server, &Arc::default()).head_sha(7).await.unwrap_err();
    assert_eq!((error.status, server.seen().len()), (Some(302), 6));
}

#[tokio::test]
async fn an_html_page_with_status_200_is_an_error_that_does_not_quote_it() {
    let html = answer(200, &["content-type: text/html"], "<html>Sign in</html>");
    let error = client(&Server::start(vec![html]), &Arc::default()).head_sha(7).await.unwrap_err();
    assert!(
        error.message.starts_with("the answer is not JSON") && !error.message.contains("Sign in"),
        "{error}"
    );
    assert_eq!(error.kind, Failed::Unclear);
}

#[tokio::test]
async fn addresses_of_all_hosts_of_github_are_taken() {
    for (api, graphql) in [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://api.octo.ghe.com", "https://api.octo.ghe.com/graphql"),
        ("https://github.example.com/api/v3", "https://github.example.com/api/graphql"),
        ("https://github.example.com:8443/api/v3/", "https://github.example.com:8443/api/graphql"),
    ] {
        assert!(GitHub::new(api, graphql, Token::new("x"), "octo/app").is_ok(), "{api}");
    }
}

#[tokio::test]
async fn a_hurried_client_ends_in_time_whether_it_calls_or_waits() {
    let quiet = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", quiet.local_addr().unwrap());
    let started = std::time::Instant::now();
    let github = GitHub::new(&base, &base, None, "o/r").unwrap().hurried(Duration::from_millis(100));
    let error = github.head_sha(7).await.unwrap_err();
    assert_eq!((error.status, error.kind), (None, Failed::Unclear));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let error = github.head_sha(8).await.unwrap_err();
    assert!(error.message.contains("no answer within 0.0 s"), "nothing is left for a second call: {error}");

    let clock = Arc::new(FakeClock::default());
    let server = Server::start(vec![answer(429, &["retry-after: 30"], "{}"), ok(&pull(7, &Value::Null))]);
    let github = client(&server, &clock).hurried(Duration::from_secs(20));
    assert_eq!(github.head_sha(7).await.unwrap_err().status, Some(429));
    assert_eq!(clock.slept(), Vec::<u64>::new(), "30 seconds are more than are left");
    assert_eq!(github.head_sha(7).await.unwrap(), "abc", "what fits is done");
}

#[tokio::test]
async fn a_list_follows_links_of_its_own_host_and_has_an_end() {
    let server = Server::start(
        (0..60)
            .map(|_| answer(200, &["link: <https://elsewhere.example/x?page=2>; rel=\"next\""], "[]"))
            .collect(),
    );
    let error = client(&server, &Arc::default()).reviews(7).await.unwrap_err();
    assert_eq!((error.kind, server.seen().len()), (Failed::Setup, 50), "{error}");
}
