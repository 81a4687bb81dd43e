//! The comment against a server with prepared answers: runs that overtake each other, the mode `new`, the number of writes, and
//! a change only of what is still what it was.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::comment::{Found, Mode, Newer, Restated, Upserted, Volatile, Wanted};
use super::error::Failed;
use super::marker;
use super::testing::{FakeClock, Server, answer};
use super::{GitHub, Token};

fn client(server: &Server) -> GitHub {
    GitHub::new(&server.base, &format!("{}/graphql", server.base), Token::new("x"), "octo/app")
        .unwrap()
        .paced(Duration::from_mins(5), Arc::new(FakeClock::default()))
}

fn ok(body: &Value) -> String {
    answer(200, &[], &body.to_string())
}

fn page(nodes: &[Value]) -> String {
    let comments = json!({"pageInfo": {"hasPreviousPage": false, "startCursor": null}, "nodes": nodes});
    ok(&json!({"data": {"repository": {"pullRequest": {"comments": comments}}}}))
}

/// The text of a run.
fn body(run: u64, attempt: u64, text: &str) -> String {
    marker::mark(&json!({"scope": ".", "run": run, "attempt": attempt}), text)
}

fn node(id: u64, body: &str) -> Value {
    let author = json!({"login": "github-actions"});
    json!({"databaseId": id, "id": format!("IC_{id}"), "viewerDidAuthor": true, "author": author, "body": body})
}

fn wanted(body: &str, run: u64, attempt: u64) -> Wanted<'_> {
    Wanted {
        number: 7,
        scope: ".",
        body,
        volatile: Volatile { lines: &[], keys: &["run", "attempt"] },
        head: None,
        run,
        attempt,
        mode: Mode::Update,
    }
}

fn patched() -> String {
    ok(&json!({"id": 6}))
}

#[tokio::test]
async fn an_older_run_never_overwrites_a_newer_one() {
    let there = node(6, &body(5, 2, "newer"));
    for (run, attempt, superseded) in
        [(4, 9, true), (5, 1, true), (5, 2, false), (5, 3, false), (6, 1, false), (0, 0, false)]
    {
        let server = Server::start(vec![page(&[there.clone()]), patched()]);
        let text = body(run, attempt, "other");
        let done = client(&server).upsert_comment(&wanted(&text, run, attempt)).await.unwrap();
        let by = Newer::Run(5, 2);
        let expected = if superseded { Upserted::Superseded { by } } else { Upserted::Updated { id: 6 } };
        assert_eq!(done, expected, "{run} {attempt}");
        assert_eq!(server.seen().len(), if superseded { 1 } else { 2 });
    }
    assert_eq!(Newer::Run(5, 2).to_string(), "attempt 2 of run 5");
}

#[tokio::test]
async fn a_forged_run_does_not_keep_us_from_our_comment() {
    let mut forged = node(6, &body(999, 1, "forged"));
    forged["editor"] = json!({"login": "octo"});
    forged["lastEditedAt"] = json!("2025-01-01T00:00:00Z");
    let server = Server::start(vec![page(&[forged]), patched()]);
    let text = body(5, 1, "ours");
    let done = client(&server).upsert_comment(&wanted(&text, 5, 1)).await.unwrap();
    assert_eq!(done, Upserted::Updated { id: 6 });
}

#[tokio::test]
async fn the_mode_new_writes_another_comment_and_folds_the_old_one_as_outdated() {
    let (old, text) = (node(6, &body(4, 1, "old")), body(5, 1, "text"));
    let server =
        Server::start(vec![page(&[old.clone()]), answer(201, &[], r#"{"id":8}"#), ok(&json!({"data": {}}))]);
    let new = Wanted { mode: Mode::New, ..wanted(&text, 5, 1) };
    assert_eq!(client(&server).upsert_comment(&new).await.unwrap(), Upserted::Created { id: 8 });
    let folded: Value = serde_json::from_str(&server.seen()[2].body).unwrap();
    assert_eq!(folded["variables"], json!({"id": "IC_6", "classifier": "OUTDATED"}));

    let mut hidden = old;
    hidden["isMinimized"] = json!(true);
    let server = Server::start(vec![page(&[hidden, node(8, &text)])]);
    let again = body(6, 1, "text");
    let new = Wanted { mode: Mode::New, ..wanted(&again, 6, 1) };
    assert_eq!(client(&server).upsert_comment(&new).await.unwrap(), Upserted::Unchanged { id: 8 });
    assert_eq!(server.seen().len(), 1, "nothing is left to be folded");
}

#[tokio::test]
async fn an_unclear_new_comment_is_known_by_its_text() {
    let (old, text) = (node(6, &body(4, 1, "old")), body(5, 1, "text"));
    let server = Server::start(vec![
        page(&[old.clone()]),
        answer(502, &[], "<html>"),
        page(&[old.clone()]),
        String::new(),
        page(&[old, node(8, &text)]),
        ok(&json!({"data": {}})),
    ]);
    let new = Wanted { mode: Mode::New, ..wanted(&text, 5, 1) };
    assert_eq!(client(&server).upsert_comment(&new).await.unwrap(), Upserted::Created { id: 8 });
    assert_eq!(server.lines().iter().filter(|line| line.ends_with("/issues/7/comments")).count(), 2);
}

#[tokio::test]
async fn a_run_writes_three_times_about_a_comment_and_not_more() {
    let texts: Vec<String> = ["one", "two", "three", "four"].iter().map(|text| body(5, 1, text)).collect();
    let nodes = |text: &str| page(&[node(6, text), node(7, &body(1, 1, "x")), node(8, &body(1, 1, "x"))]);
    let server = Server::start(vec![
        nodes(&body(1, 1, "zero")),
        patched(),
        ok(&json!({"data": {}})),
        nodes(&texts[0]),
        patched(),
        nodes(&texts[1]),
    ]);
    let github = client(&server);
    let first = github.upsert_comment(&wanted(&texts[0], 5, 1)).await.unwrap();
    assert_eq!(first, Upserted::Updated { id: 6 });
    let second = github.upsert_comment(&wanted(&texts[1], 5, 1)).await.unwrap();
    assert_eq!(second, Upserted::Updated { id: 6 });
    let third = github.upsert_comment(&wanted(&texts[2], 5, 1)).await.unwrap_err();
    assert_eq!(
        (third.kind, third.message.as_str()),
        (Failed::Setup, "this run has written comment 6 3 times")
    );
    let writes = server.lines().iter().filter(|line| line.starts_with("PATCH")).count();
    let folds = server.seen().iter().filter(|seen| seen.body.contains("minimizeComment")).count();
    assert_eq!((writes, folds), (2, 1), "one write is kept for the end of the run");
}

async fn found(text: &str) -> Found {
    client(&Server::start(vec![page(&[node(6, text)])])).own_comments(7, ".").await.unwrap().kept.unwrap()
}

#[tokio::test]
async fn a_comment_is_restated_only_when_it_still_is_what_was_read() {
    let (old, new) = (body(4, 1, "old"), body(4, 1, "outdated"));
    let read = found(&old).await;
    let says = |text: &str| ok(&json!({"id": 6, "body": text}));
    let gone = || answer(404, &[], r#"{"message":"Not Found"}"#);
    for (answers, wanted) in [
        (vec![says(&old), patched()], Restated::Written),
        (vec![says(&new)], Restated::Unchanged),
        (vec![says("something else")], Restated::Changed),
        (vec![ok(&json!({"id": 6, "body": null}))], Restated::Changed),
        (vec![gone()], Restated::Gone),
        (vec![says(&old), gone()], Restated::Gone),
    ] {
        let count = answers.len();
        let server = Server::start(answers);
        assert_eq!(client(&server).restate(&read, &new).await.unwrap(), wanted);
        assert_eq!(server.seen().len(), count);
        assert_eq!(server.lines()[0], "GET /repos/octo/app/issues/comments/6");
    }
    let server = Server::start(vec![says(&old), patched()]);
    client(&server).restate(&read, &new).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&server.seen()[1].body).unwrap(), json!({"body": new}));
}

#[tokio::test]
async fn comments_are_read_page_by_page_from_the_newest() {
    let older = ok(&json!({"data": {"repository": {"pullRequest": {"comments": {
        "pageInfo": {"hasPreviousPage": false, "startCursor": "a"}, "nodes": [node(6, &body(4, 1, "x"))],
    }}}}}));
    let newest = ok(&json!({"data": {"repository": {"pullRequest": {"comments": {
        "pageInfo": {"hasPreviousPage": true, "startCursor": "b"}, "nodes": [node(9, "hello"), null],
    }}}}}));
    let server = Server::start(vec![newest, older]);
    assert_eq!(client(&server).own_comments(7, ".").await.unwrap().kept.unwrap().id, 6);
    let second: Value = serde_json::from_str(&server.seen()[1].body).unwrap();
    assert_eq!(second["variables"]["before"], "b");
}
