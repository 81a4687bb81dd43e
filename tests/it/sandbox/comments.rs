//! Comments at GitHub: pages, authors, editors and history, and the ways in which GitHub fails.

use serde_json::{Value, json};

use super::super::harness::World;
use super::repo::{Repo, ask, sha};

#[test]
fn more_than_a_hundred_comments_are_paged_with_links() {
    let repo = Repo::new();
    let made = repo.control(
        "POST",
        "comments",
        json!({"number": 7, "user": "reviewer", "body": "text", "count": 130}),
    );
    let all: Vec<u64> = made["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
    assert_eq!(all.len(), 130);

    let default = repo.ask("GET", "issues/7/comments", &Value::Null);
    assert_eq!(default.json().as_array().unwrap().len(), 30, "thirty unless asked for more");
    let most = repo.ask("GET", "issues/7/comments?per_page=500", &Value::Null);
    assert_eq!(most.json().as_array().unwrap().len(), 100, "a hundred at most");
    assert_eq!((most.page("prev"), most.page("first")), (None, None));

    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    let mut answer = repo.ask("GET", "issues/7/comments?per_page=50", &Value::Null);
    let last = answer.page("last").unwrap();
    loop {
        let items = answer.json();
        sizes.push(items.as_array().unwrap().len());
        seen.extend(items.as_array().unwrap().iter().map(|comment| comment["id"].as_u64().unwrap()));
        let Some(next) = answer.page("next") else { break };
        answer = ask("GET", &next, Some("run-token"), &Value::Null);
    }
    assert_eq!((sizes.as_slice(), &seen), ([50, 50, 30].as_slice(), &all), "oldest first, each once");
    assert!(answer.page("prev").is_some() && answer.page("first").is_some());
    let again = ask("GET", &last, Some("run-token"), &Value::Null);
    assert_eq!(again.json(), answer.json(), "the last page is the last page");
}

#[test]
fn a_comment_shows_its_author_and_the_control_its_editors_and_history() {
    let repo = Repo::new();
    let mine = repo.comment("first");
    assert_eq!(
        (&mine["user"]["login"], &mine["user"]["type"]),
        (&json!("github-actions[bot]"), &json!("Bot"))
    );
    assert_eq!(mine["performed_via_github_app"]["slug"], "github-actions");
    let id = mine["id"].as_u64().unwrap();
    let theirs =
        repo.ask_as(Some("user:reviewer"), "POST", "issues/7/comments", &json!({"body": "hello"})).json();
    assert_eq!((&theirs["user"]["login"], &theirs["user"]["type"]), (&json!("reviewer"), &json!("User")));

    let edited = repo.ask("PATCH", &format!("issues/comments/{id}"), &json!({"body": "second"}));
    assert_eq!((edited.status, &edited.json()["body"]), (200, &json!("second")));
    repo.control("POST", &format!("comments/{id}/edit"), json!({"user": "maintainer", "body": "third"}));
    let shown = repo.ask("GET", &format!("issues/comments/{id}"), &Value::Null).json();
    assert_eq!(shown["body"], "third");
    assert_eq!(shown["user"]["login"], "github-actions[bot]", "REST still shows the author alone");

    let whole = repo.control("GET", "pulls/7/comments", Value::Null);
    let first = &whole[0];
    assert_eq!((&first["author"], &first["editor"]), (&json!("github-actions[bot]"), &json!("maintainer")));
    let history: Vec<(&str, &str)> = first["edits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edit| (edit["editor"].as_str().unwrap(), edit["body"].as_str().unwrap()))
        .collect();
    let bot = "github-actions[bot]";
    assert_eq!(history, [(bot, "first"), (bot, "second"), ("maintainer", "third")]);
    assert!(whole[1]["editor"].is_null());

    let removed = repo.ask("DELETE", &format!("issues/comments/{id}"), &Value::Null);
    assert_eq!(removed.status, 204);
    assert_eq!(repo.ask("GET", &format!("issues/comments/{id}"), &Value::Null).status, 404);
    assert_eq!(repo.control("GET", "pulls/7/comments", Value::Null).as_array().unwrap().len(), 1);
}

#[test]
fn graphql_tells_the_editor_and_the_edits_of_a_comment() {
    let repo = Repo::new();
    let id = repo.comment("first")["id"].as_u64().unwrap();
    let query = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { pullRequest(number: 7) \
                 { comments(first: 10) { nodes { databaseId body viewerDidAuthor author { login } editor { login } \
                 userContentEdits(first: 5) { totalCount nodes { editor { login } diff } } } } } } }";
    let (owner, name) = repo.world.repository.split_once('/').unwrap();
    let body = json!({"query": query, "variables": {"owner": owner, "name": name}});
    let look = || {
        let answer = ask("POST", &format!("{}/graphql", World::github_api()), Some("run-token"), &body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let answer = answer.json();
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"]["repository"]["pullRequest"]["comments"]["nodes"][0].clone()
    };
    let fresh = look();
    assert_eq!((&fresh["databaseId"], &fresh["viewerDidAuthor"]), (&json!(id), &json!(true)));
    assert_eq!(fresh["author"]["login"], "github-actions", "GraphQL writes the bot without its suffix");
    assert!(fresh["editor"].is_null());
    repo.control("POST", &format!("comments/{id}/edit"), json!({"user": "reviewer", "body": "forged"}));
    let edited = look();
    assert_eq!((&edited["body"], &edited["editor"]["login"]), (&json!("forged"), &json!("reviewer")));
    let edits = &edited["userContentEdits"];
    assert_eq!(edits["totalCount"], 2);
    assert_eq!(edits["nodes"][0]["editor"]["login"], "reviewer", "the newest edit is first");
}

#[test]
fn github_refuses_what_it_refuses_without_any_fault() {
    let repo = Repo::new();
    let comment =
        |token: Option<&str>, body: &Value| repo.ask_as(token, "POST", "issues/7/comments", body).status;
    assert_eq!(comment(None, &json!({"body": "x"})), 401);
    assert_eq!(comment(Some("readonly-token"), &json!({"body": "x"})), 403, "the token of a run for a fork");
    assert_eq!(repo.ask_as(Some("readonly-token"), "GET", "issues/7/comments", &Value::Null).status, 200);
    assert_eq!(comment(Some("run-token"), &json!({"body": "x".repeat(65_537)})), 422);
    assert_eq!(comment(Some("run-token"), &json!({"body": " "})), 422);
    assert_eq!(comment(Some("run-token"), &json!({"body": "x".repeat(65_536)})), 201);
    assert_eq!(repo.ask("POST", "issues/8/comments", &json!({"body": "x"})).status, 404);
    assert_eq!(repo.ask("PATCH", "issues/comments/1", &json!({"body": "x"})).status, 404);
    assert_eq!(repo.ask("GET", &format!("commits/{}/pulls", sha('9')), &Value::Null).status, 422);
}

#[test]
fn github_fails_in_the_ways_that_are_asked_for() {
    let repo = Repo::new();
    let list = || repo.ask("GET", "issues/7/comments", &Value::Null);
    let operation = "GET /repos/{owner}/{repo}/issues/{issue_number}/comments";
    for (status, says) in
        [(403, "not accessible"), (404, "Not Found"), (422, "Validation Failed"), (429, "rate limit")]
    {
        repo.fault(json!({"operation": operation, "kind": "status", "status": status}));
        let answer = list();
        assert_eq!(answer.status, status);
        assert!(answer.json()["message"].as_str().unwrap().contains(says), "{}", answer.text);
        assert_eq!(answer.retry_after.is_empty(), status != 429);
        assert_eq!(list().status, 200, "one call was struck, the next one is not");
    }
    repo.fault(json!({"operation": operation, "kind": "error500"}));
    let broken = list();
    assert_eq!(broken.status, 502);
    assert!(broken.text.starts_with("<!DOCTYPE html>"), "{}", broken.text);

    repo.fault(json!({"mutating": true, "kind": "timeout_after"}));
    let url = format!("{}/repos/{}/issues/7/comments", World::github_api(), repo.world.repository);
    let lost =
        ureq::post(&url).header("authorization", "Bearer run-token").send_json(json!({"body": "once"}));
    assert!(lost.is_err(), "{lost:?}");
    assert_eq!(list().json().as_array().unwrap().len(), 1, "the comment was made all the same");

    let calls = repo.world.control(
        "GET",
        &format!("calls?source=github&account={}", repo.world.repository),
        &Value::Null,
    );
    let calls = calls.as_array().unwrap();
    assert_eq!((&calls[0]["operation"], &calls[0]["mutating"]), (&json!(operation), &json!(false)));
    let last = calls.iter().rfind(|call| call["mutating"] == true).unwrap();
    assert_eq!((&last["result"], &last["fault"]), (&json!("ok"), &json!("timeout_after")));
    assert_eq!(last["parameters"]["body"]["body"], "once");
}
