//! The pull requests of a push, against a server with prepared answers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::error::{Failed, GithubError};
use super::event::PushEvent;
use super::testing::{FakeClock, Server, answer};
use super::{GitHub, Token};

const ZEROS: &str = "0000000000000000000000000000000000000000";

fn sha(n: usize) -> String {
    format!("{n:040x}")
}

fn push() -> PushEvent {
    PushEvent {
        before: sha(0xb),
        after: sha(0xa),
        ref_name: "refs/heads/main".into(),
        forced: false,
        deleted: false,
        created: false,
        default_branch: Some("main".into()),
        message: String::new(),
        commits: vec![],
        sender: "octo".into(),
    }
}

fn ok(body: &Value) -> String {
    answer(200, &[], &body.to_string())
}

fn compared(status: &str, total: usize, commits: impl Iterator<Item = usize>) -> String {
    let commits: Vec<Value> = commits.map(|n| json!({"sha": sha(n)})).collect();
    ok(&json!({"status": status, "total_commits": total, "commits": commits}))
}

/// A pull request that was merged into `main` at this second.
fn merged(number: u64, second: u64) -> Value {
    json!({
        "number": number, "title": "t", "mergedAt": format!("2025-01-01T00:00:{second:02}Z"), "baseRefName": "main",
        "headRefOid": "head", "mergeCommit": {"oid": sha(0xa)}, "headRepository": null, "author": null,
    })
}

/// The answer to a query for commits, each with its pull requests; null for a commit that is not known.
fn pulls(commits: &[Value]) -> String {
    let objects: Map<String, Value> = commits
        .iter()
        .enumerate()
        .map(|(at, pulls)| {
            let object = if pulls.is_null() {
                Value::Null
            } else {
                json!({"associatedPullRequests": {"nodes": pulls}})
            };
            (format!("c{at}"), object)
        })
        .collect();
    ok(&json!({"data": {"repository": objects}}))
}

struct Asked {
    pulls: Vec<u64>,
    without: Vec<String>,
    slept: Vec<u64>,
}

async fn ask(server: &Server, push: &PushEvent) -> Result<Asked, GithubError> {
    let clock = Arc::new(FakeClock::default());
    let github = GitHub::new(&server.base, &format!("{}/graphql", server.base), Token::new("x"), "octo/app")
        .unwrap()
        .paced(Duration::from_mins(5), clock.clone());
    let brought = github.pulls_of_push(push).await?;
    let pulls = brought.pulls.iter().map(|pull| pull.number).collect();
    Ok(Asked { pulls, without: brought.without, slept: clock.slept() })
}

#[tokio::test]
async fn a_merge_brings_the_commits_of_one_pull_request() {
    let server = Server::start(vec![
        compared("ahead", 3, [1, 2, 0xa].into_iter()),
        pulls(&[json!([merged(7, 1)]), json!([null, merged(7, 1)]), json!([merged(7, 1)])]),
    ]);
    let asked = ask(&server, &push()).await.unwrap();
    assert_eq!((asked.pulls, asked.without, asked.slept), (vec![7], vec![], vec![]));
    let compare = format!("GET /repos/octo/app/compare/{}...{}?per_page=100&page=1", sha(0xb), sha(0xa));
    assert_eq!(server.lines(), [compare, "POST /graphql".to_owned()]);
    let sent: Value = serde_json::from_str(&server.seen()[1].body).unwrap();
    let query = sent["query"].as_str().unwrap();
    assert!(query.contains(&format!("c2: object(oid: \"{}\") {{ ...brought }}", sha(0xa))), "{query}");
    assert_eq!(sent["variables"], json!({"owner": "octo", "name": "app"}));
}

#[tokio::test]
async fn several_pull_requests_of_a_push_come_in_the_order_of_their_merges() {
    let server = Server::start(vec![
        compared("ahead", 3, [1, 2, 0xa].into_iter()),
        pulls(&[json!([merged(9, 1)]), json!([merged(3, 2)]), json!([merged(5, 2)])]),
    ]);
    assert_eq!(ask(&server, &push()).await.unwrap().pulls, [9, 3, 5]);
}

#[tokio::test]
async fn only_pull_requests_that_were_merged_into_this_branch_count() {
    let mut open = merged(1, 1);
    open["mergedAt"] = Value::Null;
    let mut elsewhere = merged(2, 1);
    elsewhere["baseRefName"] = json!("feature");
    let commits = [json!([open, elsewhere, merged(7, 1)]), json!([elsewhere])];
    let again = || pulls(&[json!([elsewhere])]);
    let server = Server::start(vec![
        compared("ahead", 2, [1, 0xa].into_iter()),
        pulls(&commits),
        again(),
        again(),
        again(),
        again(),
    ]);
    let asked = ask(&server, &push()).await.unwrap();
    assert_eq!((asked.pulls, asked.without), (vec![7], vec![sha(0xa)]), "the second came without one");
    assert_eq!(asked.slept, [1, 2, 4, 8]);
}

#[tokio::test]
async fn what_github_learns_late_is_asked_for_again_and_the_rest_is_not() {
    let not_yet = answer(404, &[], r#"{"message":"Not Found"}"#);
    let server = Server::start(vec![
        not_yet,
        compared("ahead", 2, [1, 0xa].into_iter()),
        pulls(&[json!([merged(7, 1)]), Value::Null]),
        pulls(&[json!([])]),
        pulls(&[json!([merged(8, 2)])]),
    ]);
    let asked = ask(&server, &push()).await.unwrap();
    assert_eq!((asked.pulls, asked.without, asked.slept), (vec![7, 8], vec![], vec![1, 1, 2]));
    let last: Value = serde_json::from_str(&server.seen()[4].body).unwrap();
    let query = last["query"].as_str().unwrap();
    assert!(query.contains(&sha(0xa)) && !query.contains(&sha(1)), "{query}");
}

#[tokio::test]
async fn a_long_push_is_compared_page_by_page_and_asked_for_in_chunks() {
    let every: Vec<Value> = (0..50).map(|_| json!([merged(7, 1)])).collect();
    let server = Server::start(vec![
        compared("ahead", 120, 1..101),
        compared("ahead", 120, 101..121),
        pulls(&every),
        pulls(&every),
        pulls(&every[..20]),
    ]);
    let asked = ask(&server, &push()).await.unwrap();
    assert_eq!((asked.pulls, asked.without), (vec![7], vec![]));
    assert!(server.lines()[1].ends_with("&page=2"));
    assert_eq!(server.lines().iter().filter(|line| *line == "POST /graphql").count(), 3);
}

#[tokio::test]
async fn a_push_that_rewrites_history_or_is_not_told_whole_is_an_error() {
    for (answers, wanted) in [
        (vec![compared("diverged", 1, [1].into_iter())], "`diverged`"),
        (vec![compared("behind", 0, [].into_iter())], "`behind`"),
        (vec![ok(&json!({}))], "``"),
        (
            vec![compared("ahead", 9, [1].into_iter()), compared("ahead", 9, [1].into_iter())],
            "1 of 9 commits",
        ),
        (
            (0..25).map(|page| compared("ahead", 9_999, page * 100..(page + 1) * 100)).collect(),
            "more than 2500",
        ),
    ] {
        let error = ask(&Server::start(answers), &push()).await.err().unwrap();
        assert!(error.kind == Failed::Setup && error.message.contains(wanted), "{error}");
        assert!(error.hint.is_some_and(|hint| hint.contains("by hand")));
    }
    let not_a_commit = ok(&json!({"status": "ahead", "total_commits": 1, "commits": [{"sha": "\") { x }"}]}));
    assert!(ask(&Server::start(vec![not_a_commit]), &push()).await.is_err(), "no text gets into the query");
}

#[tokio::test]
async fn of_a_new_branch_only_the_tip_is_asked_for() {
    let server = Server::start(vec![pulls(&[json!([merged(7, 1)])])]);
    let created = PushEvent { before: ZEROS.into(), created: true, ..push() };
    assert_eq!(ask(&server, &created).await.unwrap().pulls, [7]);
    let nothing = Server::start(vec![compared("identical", 0, [].into_iter())]);
    let asked = ask(&nothing, &push()).await.unwrap();
    assert!(asked.pulls.is_empty() && asked.without.is_empty() && asked.slept.is_empty());
}
