use serde_json::{Value, json};

use super::{GitHub, NOW, QUERY, call, comment, control, get, header, read, request, with_pull};

#[test]
fn a_call_without_a_token_is_refused() {
    let mut github = with_pull();
    for line in ["GET /repos/octo/app", "POST /graphql", "GET /rate_limit"] {
        assert_eq!(call(&mut github, line, "", &Value::Null).0, 401, "{line}");
    }
}

#[test]
fn the_user_is_only_shown_to_a_user() {
    let mut github = GitHub::new();
    assert_eq!(call(&mut github, "GET /user", "user:reviewer", &Value::Null).1["login"], "reviewer");
    let (status, body) = get(&mut github, "/user");
    assert_eq!((status, &body["message"]), (403, &json!("Resource not accessible by integration")));
}

#[test]
fn a_read_only_token_reads_but_does_not_write() {
    let mut github = with_pull();
    let id = comment(&mut github, "run", "first");
    let write = json!({"body": "no"});
    for line in [
        "POST /repos/octo/app/issues/7/comments".to_owned(),
        format!("PATCH /repos/octo/app/issues/comments/{id}"),
        format!("DELETE /repos/octo/app/issues/comments/{id}"),
    ] {
        let response = github.handle(&request(&line, "readonly", &write), NOW);
        assert_eq!(response.status, 403, "{line}");
        let accepted = header(&response, "x-accepted-github-permissions").unwrap();
        assert!(accepted.contains("pull_requests=write"));
    }
    let (status, body) = call(&mut github, "GET /repos/octo/app/issues/7/comments", "readonly", &Value::Null);
    assert_eq!((status, body[0]["body"].as_str()), (200, Some("first")));
}

#[test]
fn a_repository_exists_from_its_first_mention_and_apart_from_others() {
    let mut github = with_pull();
    assert_eq!(get(&mut github, "/repos/octo/other").1["default_branch"], "main");
    assert_eq!(get(&mut github, "/repos/octo/other/pulls/7").0, 404);
    assert_eq!(get(&mut github, "/repos/OCTO/App/pulls/7").0, 200, "names do not distinguish case");
}

#[test]
fn an_enterprise_prefix_leads_to_the_same_answers() {
    let mut github = with_pull();
    let (status, body) = get(&mut github, "/api/v3/repos/octo/app/pulls/7");
    assert_eq!(status, 200);
    assert_eq!(body["url"], "http://127.0.0.1:8080/api/v3/repos/octo/app/pulls/7");
    let (status, body) = call(&mut github, "POST /api/graphql", "run", &json!({"query": "{viewer{login}}"}));
    assert_eq!((status, body), (200, json!({"data": {"viewer": {"login": "github-actions[bot]"}}})));
}

#[test]
fn a_pull_request_shows_its_head_base_and_author() {
    let mut github = with_pull();
    let (_, pull) = get(&mut github, "/repos/octo/app/pulls/7");
    assert_eq!(pull["head"]["sha"], "a".repeat(40));
    assert_eq!(pull["head"]["repo"]["full_name"], "octo/app");
    assert_eq!(pull["base"]["ref"], "main");
    assert_eq!((&pull["user"]["login"], &pull["merged"]), (&json!("author"), &json!(false)));
    assert_eq!(pull["created_at"], "2025-11-24T16:00:00Z");
}

#[test]
fn a_fork_has_another_repository_and_a_deleted_fork_has_none() {
    let mut github = with_pull();
    control(&mut github, "POST pulls", &json!({"number": 8, "head_repo": "stranger/app"}));
    let head = get(&mut github, "/repos/octo/app/pulls/8").1["head"].clone();
    assert_eq!((&head["repo"]["full_name"], &head["repo"]["fork"]), (&json!("stranger/app"), &json!(true)));
    control(&mut github, "POST pulls/8", &json!({"head_repo": null}));
    assert!(get(&mut github, "/repos/octo/app/pulls/8").1["head"]["repo"].is_null());
}

#[test]
fn pull_requests_are_listed_by_state_and_head() {
    let mut github = with_pull();
    control(&mut github, "POST pulls", &json!({"number": 8, "head_ref": "fix"}));
    control(&mut github, "POST pulls/7/merge", &json!({"sha": "c".repeat(40), "method": "squash"}));
    let numbers = |body: &Value| -> Vec<u64> {
        body.as_array().unwrap().iter().map(|pull| pull["number"].as_u64().unwrap()).collect()
    };
    for (query, wanted) in [
        ("", vec![8]),
        ("?state=closed", vec![7]),
        ("?state=all", vec![8, 7]),
        ("?state=all&head=octo:fix", vec![8]),
        ("?head=octo:none", vec![]),
    ] {
        assert_eq!(numbers(&get(&mut github, &format!("/repos/octo/app/pulls{query}")).1), wanted, "{query}");
    }
}

#[test]
fn comments_are_made_read_changed_and_deleted() {
    let mut github = with_pull();
    let id = comment(&mut github, "run", "one");
    let path = format!("/repos/octo/app/issues/comments/{id}");
    let made = get(&mut github, &path).1;
    assert_eq!(
        (&made["user"]["login"], &made["user"]["type"]),
        (&json!("github-actions[bot]"), &json!("Bot"))
    );
    assert_eq!(made["performed_via_github_app"]["slug"], "github-actions");
    let (status, changed) = call(&mut github, &format!("PATCH {path}"), "run", &json!({"body": "two"}));
    assert_eq!((status, &changed["body"]), (200, &json!("two")));
    assert_eq!(call(&mut github, &format!("DELETE {path}"), "run", &Value::Null).0, 204);
    assert_eq!(get(&mut github, &path).0, 404);
    assert_eq!(call(&mut github, &format!("PATCH {path}"), "run", &json!({"body": "x"})).0, 404);
}

#[test]
fn a_comment_that_is_blank_too_long_or_not_json_is_refused() {
    let mut github = with_pull();
    let line = "POST /repos/octo/app/issues/7/comments";
    for body in [json!({}), json!({"body": " \n"}), json!({"body": "ü".repeat(65_537)})] {
        let (status, answer) = call(&mut github, line, "run", &body);
        assert_eq!((status, &answer["message"]), (422, &json!("Validation Failed")));
    }
    assert_eq!(call(&mut github, line, "run", &json!({"body": "ü".repeat(65_536)})).0, 201);
    let mut broken = request(line, "run", &Value::Null);
    broken.body = b"{".to_vec();
    assert_eq!(github.handle(&broken, NOW).status, 400);
    assert_eq!(
        call(&mut github, "POST /repos/octo/app/issues/9/comments", "run", &json!({"body": "x"})).0,
        404
    );
}

#[test]
fn a_locked_conversation_takes_no_comment() {
    let mut github = with_pull();
    control(&mut github, "POST pulls/7", &json!({"locked": true}));
    let (status, body) =
        call(&mut github, "POST /repos/octo/app/issues/7/comments", "run", &json!({"body": "x"}));
    assert_eq!(status, 403);
    assert!(body["message"].as_str().unwrap().contains("locked"));
}

#[test]
fn a_long_list_of_comments_is_paged_with_links() {
    let mut github = with_pull();
    let (_, made) =
        control(&mut github, "POST comments", &json!({"number": 7, "user": "a", "body": "hi", "count": 250}));
    assert_eq!(made["ids"].as_array().unwrap().len(), 250);
    let line = "GET /repos/octo/app/issues/7/comments?per_page=100&page=2";
    let response = github.handle(&request(line, "run", &Value::Null), NOW);
    assert_eq!(read(&response).as_array().unwrap().len(), 100);
    let base = "http://127.0.0.1:8080/repos/octo/app/issues/7/comments?per_page=100&page=";
    let wanted = format!(
        "<{base}1>; rel=\"prev\", <{base}3>; rel=\"next\", <{base}3>; rel=\"last\", <{base}1>; rel=\"first\""
    );
    assert_eq!(header(&response, "link"), Some(wanted.as_str()));
    assert_eq!(get(&mut github, "/repos/octo/app/issues/7/comments").1.as_array().unwrap().len(), 30);
}

#[test]
fn operations_are_named_as_in_the_api_description() {
    let graphql = |query: &str| request("POST /api/graphql", "t", &json!({"query": query}));
    for (request, wanted) in [
        (
            request("POST /repos/o/r/issues/4/comments", "t", &Value::Null),
            ("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", true),
        ),
        (
            request("GET /api/v3/repos/o/r/commits/abc/pulls", "t", &Value::Null),
            ("GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls", false),
        ),
        (
            request("PATCH /repos/o/r/issues/comments/4", "t", &Value::Null),
            ("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", true),
        ),
        (request("PUT /repos/o/r/pulls/4/merge", "t", &Value::Null), ("PUT /repos/o/r/pulls/4/merge", true)),
        (graphql(QUERY), ("graphql:pullRequestComments", false)),
        (graphql("{ viewer { login } }"), ("graphql:viewer", false)),
        (
            graphql("mutation { minimizeComment(input: {}) { clientMutationId } }"),
            ("graphql:minimizeComment", true),
        ),
        (graphql("nonsense"), ("graphql:invalid", false)),
    ] {
        let (name, mutating) = GitHub::operation(&request);
        assert_eq!((name.as_str(), mutating), wanted);
    }
}

#[test]
fn every_answer_carries_the_headers_of_the_rate_limit() {
    let mut github = GitHub::new();
    let response = github.handle(&request("GET /nothing/here", "t", &Value::Null), NOW);
    assert_eq!((response.status, header(&response, "x-sandbox")), (404, Some("not emulated")));
    assert_eq!(header(&response, "x-ratelimit-reset"), Some("1764003600"));
    assert!(header(&response, "x-github-request-id").is_some());
    let (_, body) = get(&mut github, "/rate_limit");
    assert_eq!(body["resources"]["core"]["limit"], 1000);
}
