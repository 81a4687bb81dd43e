//! Each call against a server with prepared answers: request line, body, answers, pages, refusals, what is not made twice.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::checks::{Check, Conclusion};
use super::deployments::{Deployment, DeploymentState, DeploymentStatus};
use super::error::Failed;
use super::issues::IssueDone;
use super::marker;
use super::oidc::claims;
use super::repository::{BranchRule, Environment, RunApproval};
use super::reviews::{Permission, ReviewState};
use super::testing::{FakeClock, Server, answer};
use super::{GitHub, GithubError, Token};

const SHA: &str = "cccccccccccccccccccccccccccccccccccccccc";
const REPO: &str = "/api/v3/repos/octo/app";

fn client(server: &Server) -> GitHub {
    on(server, &Arc::default())
}

fn on(server: &Server, clock: &Arc<FakeClock>) -> GitHub {
    let graphql = format!("{}/api/graphql", server.base);
    GitHub::new(&format!("{}/api/v3", server.base), &graphql, Token::new("s3cret"), "octo/app")
        .unwrap()
        .paced(Duration::from_mins(5), clock.clone())
}

fn ok(body: &Value) -> String {
    answer(200, &[], &body.to_string())
}

fn made(body: &Value) -> String {
    answer(201, &[], &body.to_string())
}

fn not_found() -> String {
    answer(404, &[], r#"{"message":"Not Found"}"#)
}

fn trouble() -> String {
    answer(502, &["content-type: text/html"], "<html>Unicorn</html>")
}

fn body(server: &Server, at: usize) -> Value {
    serde_json::from_str(&server.seen()[at].body).unwrap()
}

/// The lines that were seen, without the base of the repository.
fn lines(server: &Server) -> Vec<String> {
    server.lines().into_iter().map(|line| line.replace(REPO, "")).collect()
}

async fn refused(server: Server, call: impl AsyncFn(GitHub) -> GithubError) -> String {
    let error = call(client(&server)).await;
    assert_eq!((error.status, error.kind), (Some(403), Failed::Refused));
    error.hint.unwrap()
}

fn forbidden() -> Server {
    Server::start(vec![answer(403, &[], r#"{"message":"Resource not accessible by integration"}"#); 2])
}

#[tokio::test]
async fn reviews_come_in_their_order_from_all_pages() {
    let next =
        |server: &str| format!("link: <{server}{REPO}/pulls/7/reviews?per_page=100&page=2>; rel=\"next\"");
    let first = json!([
        {"user": {"login": "ann"}, "state": "APPROVED", "commit_id": SHA, "submitted_at": "2025-01-01T00:00:00Z"},
        {"user": null, "state": "DISMISSED", "commit_id": null},
    ]);
    let second =
        json!([{"user": {"login": "bob"}, "state": "CHANGES_REQUESTED", "commit_id": SHA}, {"state": "NEW"}]);
    // The server does not know its address before it runs; another host in the link must not be followed.
    let elsewhere = next("https://elsewhere.example");
    let server = Server::start(vec![answer(200, &[&elsewhere], &first.to_string()), ok(&second)]);
    let found = client(&server).reviews(7).await.unwrap();
    let states: Vec<_> = found.iter().map(|review| (review.user.as_deref(), review.state)).collect();
    assert_eq!(
        states,
        [
            (Some("ann"), ReviewState::Approved),
            (None, ReviewState::Dismissed),
            (Some("bob"), ReviewState::ChangesRequested),
            (None, ReviewState::Commented)
        ]
    );
    assert_eq!((found[0].commit_id.as_str(), found[1].commit_id.as_str()), (SHA, ""));
    assert_eq!(found[0].submitted_at.as_deref(), Some("2025-01-01T00:00:00Z"));
    let wanted = ["GET /pulls/7/reviews?per_page=100", "GET /pulls/7/reviews?per_page=100&page=2"];
    assert_eq!(lines(&server), wanted);
    assert!(server.seen()[1].authorization.is_some(), "the second page was asked for at the same host");
}

#[tokio::test]
async fn a_permission_is_the_finer_role_and_none_for_strangers() {
    for (answer, wanted) in [
        (ok(&json!({"permission": "admin", "role_name": "admin"})), Permission::Admin),
        (ok(&json!({"permission": "write", "role_name": "maintain"})), Permission::Maintain),
        (ok(&json!({"permission": "read", "role_name": "triage"})), Permission::Triage),
        (ok(&json!({"permission": "write", "role_name": "our own role"})), Permission::Write),
        (ok(&json!({"permission": "read"})), Permission::Read),
        (ok(&json!({"permission": "none", "role_name": ""})), Permission::None),
        (ok(&json!({"permission": "root", "role_name": "root"})), Permission::None),
        (ok(&json!({})), Permission::None),
        (not_found(), Permission::None),
    ] {
        let server = Server::start(vec![answer]);
        assert_eq!(client(&server).permission("octo[bot]").await.unwrap(), wanted);
        assert_eq!(lines(&server), ["GET /collaborators/octo%5Bbot%5D/permission"]);
    }
    assert!(Permission::Admin > Permission::Maintain && Permission::Write > Permission::Triage);
    let server = Server::start(vec![]);
    let error = client(&server).permission("..").await.unwrap_err();
    assert_eq!((error.kind, server.seen().len()), (Failed::Setup, 0));
    let hint = refused(forbidden(), async |github| github.permission("x").await.unwrap_err()).await;
    assert!(hint.contains("`metadata: read`"), "{hint}");
}

#[tokio::test]
async fn an_environment_is_read_with_its_rules() {
    let whole = json!({
        "name": "eu/prod", "can_admins_bypass": false,
        "protection_rules": [
            {"type": "wait_timer", "wait_timer": 30}, {"type": "branch_policy"}, {"type": "custom"}, {},
            {"type": "required_reviewers", "prevent_self_review": true, "reviewers": [{"type": "User"}]},
        ],
        "deployment_branch_policy": {"protected_branches": false, "custom_branch_policies": true},
    });
    let server = Server::start(vec![ok(&whole), ok(&json!({})), not_found()]);
    let github = client(&server);
    let wanted = Environment {
        name: "eu/prod".into(),
        required_reviewers: true,
        prevent_self_review: true,
        wait_minutes: 30,
        branches_limited: true,
        admins_bypass: false,
    };
    assert_eq!(github.environment("eu/prod").await.unwrap(), Some(wanted));
    let bare = Environment { name: "x".into(), admins_bypass: true, ..Environment::default() };
    assert_eq!(github.environment("x").await.unwrap(), Some(bare));
    assert_eq!(github.environment("gone").await.unwrap(), None);
    assert_eq!(lines(&server)[0], "GET /environments/eu%2Fprod");
    let hint = refused(forbidden(), async |github| github.environment("x").await.unwrap_err()).await;
    assert_eq!(hint, "add `actions: read` to the `permissions` of the job");
}

#[tokio::test]
async fn reviewers_that_are_nobody_are_no_required_reviewers() {
    let rules = json!([{"type": "required_reviewers", "reviewers": []}, {"type": "required_reviewers"}]);
    let open = json!({"name": "x", "protection_rules": rules, "deployment_branch_policy": null});
    let found = client(&Server::start(vec![ok(&open)])).environment("x").await.unwrap().unwrap();
    assert!(!found.required_reviewers && !found.branches_limited);
}

#[tokio::test]
async fn whoever_let_the_run_go_on_is_told() {
    let answer = json!([
        {"state": "approved", "user": {"login": "ann"}, "environments": [{"name": "production"}], "comment": "ok"},
        {"state": "rejected", "user": null, "environments": null},
    ]);
    let server = Server::start(vec![ok(&answer)]);
    let found = client(&server).run_approvals(318).await.unwrap();
    let by_ann =
        RunApproval { user: Some("ann".into()), approved: true, environments: vec!["production".into()] };
    assert_eq!(found, [by_ann, RunApproval { user: None, approved: false, environments: vec![] }]);
    assert_eq!(lines(&server), ["GET /actions/runs/318/approvals?per_page=100"]);
    let hint = refused(forbidden(), async |github| github.run_approvals(1).await.unwrap_err()).await;
    assert_eq!(hint, "add `actions: read` to the `permissions` of the job");
}

#[tokio::test]
async fn rules_of_a_branch_are_those_of_rulesets_and_the_older_protection_shows() {
    let rule = json!({"type": "pull_request", "parameters": {"required_approving_review_count": 1}});
    let server = Server::start(vec![ok(&json!([rule]))]);
    let found = client(&server).branch_rules("release/v1").await.unwrap();
    let wanted = BranchRule { kind: "pull_request".into(), parameters: rule["parameters"].clone() };
    assert_eq!(
        (found, lines(&server)),
        (vec![wanted], vec!["GET /rules/branches/release%2Fv1?per_page=100".into()])
    );

    let protected = json!({"name": "main", "protected": true, "protection": {"enabled": true}});
    let server = Server::start(vec![ok(&json!([])), ok(&protected)]);
    let found = client(&server).branch_rules("main").await.unwrap();
    assert_eq!(found[0].kind, "branch_protection");
    assert_eq!(lines(&server)[1], "GET /branches/main");

    let other = json!([{"type": "deletion"}]);
    for (rules, branch, wanted) in [
        (&json!([]), ok(&json!({"protected": false})), 0),
        (&json!([]), not_found(), 0),
        (&json!([]), answer(403, &[], "{}"), 0),
        (&other, ok(&protected), 1),
    ] {
        let server = Server::start(vec![ok(rules), branch]);
        assert_eq!(client(&server).branch_rules("main").await.unwrap().len(), wanted);
    }
}

fn check(conclusion: Option<Conclusion>) -> Check<'static> {
    Check {
        name: "fargate-stack: web/*",
        head_sha: SHA,
        external_id: "d1",
        conclusion,
        title: "planned",
        summary: "s",
        text: "t",
        details_url: "https://github.com/octo/app/actions/runs/5",
    }
}

fn listed(runs: &Value) -> String {
    ok(&json!({"total_count": 1, "check_runs": runs}))
}

#[tokio::test]
async fn a_check_run_is_made_when_there_is_none() {
    let server = Server::start(vec![listed(&json!([])), made(&json!({"id": 9}))]);
    assert_eq!(client(&server).put_check_run(&check(None)).await.unwrap(), 9);
    let list = format!(
        "GET /commits/{SHA}/check-runs?check_name=fargate-stack%3A%20web%2F%2A&filter=all&per_page=100"
    );
    assert_eq!(lines(&server), [list, "POST /check-runs".to_owned()]);
    let wanted = json!({
        "name": "fargate-stack: web/*", "external_id": "d1", "head_sha": SHA, "status": "in_progress",
        "details_url": "https://github.com/octo/app/actions/runs/5",
        "output": {"title": "planned", "summary": "s", "text": "t"},
    });
    assert_eq!(body(&server, 1), wanted);
}

#[tokio::test]
async fn the_newest_check_run_is_brought_up_to_date() {
    let runs = json!([{"id": 3}, {"id": 8, "external_id": "d0"}, {"id": 5}]);
    let server = Server::start(vec![listed(&runs), ok(&json!({"id": 8}))]);
    assert_eq!(client(&server).put_check_run(&check(Some(Conclusion::ActionRequired))).await.unwrap(), 8);
    assert_eq!(lines(&server)[1], "PATCH /check-runs/8");
    let sent = body(&server, 1);
    assert_eq!((&sent["status"], &sent["conclusion"]), (&json!("completed"), &json!("action_required")));
    assert_eq!(sent["head_sha"], Value::Null);
}

#[tokio::test]
async fn a_check_run_of_somebody_else_is_left_to_them() {
    let server = Server::start(vec![
        listed(&json!([{"id": 8}])),
        answer(403, &[], r#"{"message":"Resource not accessible"}"#),
        made(&json!({"id": 9})),
    ]);
    assert_eq!(client(&server).put_check_run(&check(None)).await.unwrap(), 9);
    let hint = refused(Server::start(vec![listed(&json!([])), answer(403, &[], "{}")]), async |github| {
        github.put_check_run(&check(None)).await.unwrap_err()
    })
    .await;
    assert_eq!(hint, "add `checks: write` to the `permissions` of the job");
}

#[tokio::test]
async fn an_unclear_check_run_is_looked_for_before_it_is_made_again() {
    let clock = Arc::new(FakeClock::default());
    let old = json!({"id": 8, "external_id": "d1"});
    let server = Server::start(vec![
        listed(&json!([old])),
        not_found(),
        trouble(),
        listed(&json!([old])),
        String::new(),
        listed(&json!([old, {"id": 12, "external_id": "d1"}])),
    ]);
    assert_eq!(on(&server, &clock).put_check_run(&check(None)).await.unwrap(), 12);
    let posts = lines(&server).iter().filter(|line| line.starts_with("POST")).count();
    assert_eq!((posts, clock.slept()), (2, vec![2, 4]), "not a third one");
}

#[tokio::test]
async fn check_runs_are_read_whole_newest_first_and_long_texts_are_cut() {
    let server = Server::start(vec![listed(&json!([
        {"id": 3, "app": {"slug": "github-actions"}, "external_id": "", "conclusion": "timed_out", "output": {"text": null}},
        {"id": 4, "app": null, "external_id": "d1", "conclusion": null, "completed_at": null, "output": {"text": "x"}},
        {"id": 2, "conclusion": "success", "completed_at": "2025-01-01T00:00:00Z"},
    ]))]);
    let found = client(&server).check_runs(SHA, "x").await.unwrap();
    let ids: Vec<u64> = found.iter().map(|run| run.id).collect();
    assert_eq!(ids, [4, 3, 2]);
    assert_eq!((found[0].external_id.as_deref(), found[0].text.as_deref()), (Some("d1"), Some("x")));
    assert_eq!((found[0].app.as_deref(), found[0].conclusion), (None, None));
    assert_eq!(
        (found[1].app.as_deref(), found[1].conclusion),
        (Some("github-actions"), Some(Conclusion::Other))
    );
    assert_eq!((found[1].external_id.as_deref(), found[2].conclusion), (None, Some(Conclusion::Success)));

    let server = Server::start(vec![listed(&json!([])), made(&json!({"id": 9}))]);
    let long = "ü".repeat(40_000);
    client(&server).put_check_run(&Check { text: &long, ..check(None) }).await.unwrap();
    assert_eq!(body(&server, 1)["output"]["text"].as_str().unwrap().len(), 65_534);
}

fn deployment() -> Deployment<'static> {
    Deployment {
        sha: SHA,
        environment: "eu/prod",
        task: "apply",
        description: "plan 7d41",
        payload: json!({"run": 321, "digest": "7d41"}),
    }
}

fn status(run: u64) -> Value {
    json!({"state": "in_progress", "log_url": format!("https://github.com/octo/app/actions/runs/{run}/job/5")})
}

#[tokio::test]
async fn a_deployment_is_made_without_merging_or_waiting_for_checks() {
    let server = Server::start(vec![ok(&json!([])), made(&json!({"id": 4}))]);
    let long = Deployment { description: &"d".repeat(200), ..deployment() };
    assert_eq!(client(&server).deployment(&long).await.unwrap(), 4);
    let list = format!("GET /deployments?sha={SHA}&environment=eu%2Fprod&per_page=100");
    assert_eq!(lines(&server), [list, "POST /deployments".to_owned()]);
    let sent = body(&server, 1);
    assert_eq!((&sent["auto_merge"], &sent["required_contexts"]), (&json!(false), &json!([])));
    assert_eq!(
        (&sent["ref"], &sent["environment"], &sent["task"]),
        (&json!(SHA), &json!("eu/prod"), &json!("apply"))
    );
    assert_eq!(sent["payload"], json!({"run": 321, "digest": "7d41"}));
    assert_eq!(sent["description"].as_str().unwrap().chars().count(), 140);
    let hint = refused(Server::start(vec![ok(&json!([])), answer(403, &[], "{}")]), async |github| {
        github.deployment(&deployment()).await.unwrap_err()
    })
    .await;
    assert_eq!(hint, "add `deployments: write` to the `permissions` of the job");
}

#[tokio::test]
async fn the_deployment_of_the_jobs_environment_is_found_by_its_run() {
    let listed = json!([
        {"id": 9, "task": "deploy", "payload": {}},
        {"id": 8, "task": "deploy", "payload": ""},
        {"id": 7, "task": "deploy", "payload": {}},
        {"id": 6, "task": "other", "payload": {}},
    ]);
    let server = Server::start(vec![ok(&listed), ok(&json!([status(3_210)])), ok(&json!([{}, status(321)]))]);
    assert_eq!(client(&server).deployment(&deployment()).await.unwrap(), 8);
    assert_eq!(
        lines(&server)[1..],
        ["GET /deployments/9/statuses?per_page=100", "GET /deployments/8/statuses?per_page=100"]
    );
}

#[tokio::test]
async fn the_deployment_of_an_earlier_attempt_is_used_again_and_that_of_another_run_is_not() {
    let listed = json!([
        {"id": 9, "task": "apply", "payload": {"run": 300}},
        {"id": 8, "task": "apply", "payload": "{\"run\": 321}"},
        {"id": 7, "task": "release", "payload": {"run": 321}},
    ]);
    let server = Server::start(vec![ok(&listed)]);
    assert_eq!(client(&server).deployment(&deployment()).await.unwrap(), 8);
    let others = json!([{"id": 9, "task": "apply", "payload": {"run": 300}}]);
    let server = Server::start(vec![ok(&others), made(&json!({"id": 10}))]);
    assert_eq!(client(&server).deployment(&deployment()).await.unwrap(), 10);
}

#[tokio::test]
async fn an_unclear_deployment_is_looked_for_before_it_is_made_again() {
    let ours = json!([{"id": 12, "task": "apply", "payload": {"run": 321}}]);
    let server = Server::start(vec![ok(&json!([])), trouble(), ok(&json!([])), String::new(), ok(&ours)]);
    assert_eq!(client(&server).deployment(&deployment()).await.unwrap(), 12);
    assert_eq!(lines(&server).iter().filter(|line| line.starts_with("POST")).count(), 2);
}

#[tokio::test]
async fn a_state_of_a_deployment_is_told_once_and_with_addresses_of_the_web_only() {
    let told = |environment_url| DeploymentStatus {
        state: DeploymentState::Success,
        description: "stable",
        log_url: "https://github.com/octo/app/actions/runs/321",
        environment_url,
    };
    let server = Server::start(vec![made(&json!({"id": 1})), made(&json!({"id": 2}))]);
    let github = client(&server);
    github.deployment_status(4, &told(Some("https://web.example.org"))).await.unwrap();
    github.deployment_status(4, &told(Some("javascript:alert(1)"))).await.unwrap();
    assert_eq!(lines(&server), ["POST /deployments/4/statuses", "POST /deployments/4/statuses"]);
    let log = "https://github.com/octo/app/actions/runs/321";
    let bare = json!({"state": "success", "description": "stable", "log_url": log});
    assert_eq!(body(&server, 1), bare);
    assert_eq!(body(&server, 0)["environment_url"], "https://web.example.org");

    let there = json!([{"state": "success", "description": "stable"}, {"state": "in_progress"}]);
    let older = json!([{"state": "in_progress", "description": "stable"}, {"state": "success", "description": "stable"}]);
    let server = Server::start(vec![trouble(), ok(&older), trouble(), ok(&there)]);
    client(&server).deployment_status(4, &told(None)).await.unwrap();
    assert_eq!(lines(&server).iter().filter(|line| line.starts_with("POST")).count(), 2);
}

#[tokio::test]
async fn open_pull_requests_of_a_branch_are_listed() {
    let pull = json!({
        "number": 9, "title": "t", "head": {"sha": "abc", "ref": "f", "repo": {"full_name": "octo/app"}},
        "base": {"sha": "d", "ref": "release/v1"}, "user": {"login": "ann"}, "merged_at": null,
    });
    let server = Server::start(vec![ok(&json!([pull]))]);
    let found = client(&server).open_pulls("release/v1").await.unwrap();
    assert_eq!(
        (found[0].number, found[0].head_repo.as_deref(), found[0].user.as_deref()),
        (9, Some("octo/app"), Some("ann"))
    );
    assert_eq!(
        lines(&server),
        ["GET /pulls?state=open&base=release%2Fv1&sort=created&direction=desc&per_page=100"]
    );
}

fn viewer() -> String {
    ok(&json!({"data": {"viewer": {"login": "github-actions[bot]"}}}))
}

fn issue(number: u64, state: &str, scope: &str, text: &str) -> Value {
    let body = marker::mark(&json!({"scope": scope}), text);
    json!({"number": number, "title": "Drift in web", "state": state, "body": body})
}

async fn put(server: &Server, text: &str) -> Result<IssueDone, GithubError> {
    let body = marker::mark(&json!({"scope": "drift web"}), text);
    client(server).put_issue("drift web", "Drift in web", &body, &["Seen "]).await
}

#[tokio::test]
async fn an_issue_is_opened_once_for_a_scope() {
    let request =
        json!({"number": 1, "pull_request": {}, "body": issue(1, "open", "drift web", "x")["body"]});
    let others = json!([issue(2, "open", "drift api", "x"), {"number": 3, "body": null}, request]);
    let server = Server::start(vec![viewer(), ok(&others), ok(&json!([])), made(&json!({"number": 4}))]);
    assert_eq!(put(&server, "text").await.unwrap(), IssueDone::Opened { number: 4 });
    let list = "creator=github-actions%5Bbot%5D&sort=created&direction=asc&per_page=100";
    let wanted = [
        "POST /api/graphql".to_owned(),
        format!("GET /issues?state=open&{list}"),
        format!("GET /issues?state=closed&{list}"),
        "POST /issues".to_owned(),
    ];
    assert_eq!(lines(&server), wanted);
    assert_eq!(body(&server, 3)["title"], "Drift in web");

    let ours = json!([issue(5, "open", "drift web", "text")]);
    let server = Server::start(vec![viewer(), ok(&json!([])), ok(&json!([])), trouble(), ok(&ours)]);
    assert_eq!(
        put(&server, "text").await.unwrap(),
        IssueDone::Opened { number: 5 },
        "looked for, not made again"
    );
}

#[tokio::test]
async fn an_issue_is_left_alone_changed_or_opened_again() {
    let there = json!([issue(5, "open", "drift web", "Seen 1\ntext")]);
    let server = Server::start(vec![viewer(), ok(&there)]);
    assert_eq!(put(&server, "Seen 2\ntext").await.unwrap(), IssueDone::Unchanged { number: 5 });
    let server = Server::start(vec![viewer(), ok(&there), ok(&json!({}))]);
    assert_eq!(put(&server, "Seen 2\nother").await.unwrap(), IssueDone::Updated { number: 5 });
    assert_eq!((lines(&server)[2].as_str(), &body(&server, 2)["state"]), ("PATCH /issues/5", &json!("open")));
    let closed = json!([issue(5, "closed", "drift web", "Seen 1\ntext")]);
    let server = Server::start(vec![viewer(), ok(&json!([])), ok(&closed), ok(&json!({}))]);
    assert_eq!(put(&server, "Seen 1\ntext").await.unwrap(), IssueDone::Updated { number: 5 });
}

#[tokio::test]
async fn an_issue_is_closed_with_a_word_and_a_closed_one_is_not_touched() {
    let there = json!([issue(5, "open", "drift web", "text")]);
    let server = Server::start(vec![viewer(), ok(&there), ok(&json!({})), trouble()]);
    let done = client(&server).close_issue("drift web", "It is gone.").await.unwrap();
    assert_eq!(done, IssueDone::Closed { number: 5 }, "a comment that fails is no failure");
    assert_eq!(body(&server, 2), json!({"state": "closed", "state_reason": "completed"}));
    assert_eq!(
        (lines(&server)[3].as_str(), body(&server, 3)),
        ("POST /issues/5/comments", json!({"body": "It is gone."}))
    );
    let closed = json!([issue(5, "closed", "drift web", "text")]);
    let server = Server::start(vec![viewer(), ok(&json!([])), ok(&closed)]);
    assert_eq!(client(&server).close_issue("drift web", "x").await.unwrap(), IssueDone::Nothing);
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_repository_without_issues_says_so() {
    let gone = answer(410, &[], r#"{"message":"Issues are disabled for this repo"}"#);
    let error = put(&Server::start(vec![viewer(), gone]), "x").await.unwrap_err();
    assert!(error.hint.unwrap().contains("`drift-issue: false`"));
    let denied = answer(403, &["x-accepted-github-permissions: issues=write; pull_requests=write"], "{}");
    let error =
        put(&Server::start(vec![viewer(), ok(&json!([])), ok(&json!([])), denied]), "x").await.unwrap_err();
    assert_eq!(error.hint.unwrap(), "add `issues: write` to the `permissions` of the job");
}

#[tokio::test]
async fn claims_are_asked_for_with_the_runners_own_token() {
    let server = Server::start(vec![ok(
        &json!({"value": "e30.eyJzdWIiOiJyZXBvOm8vciIsInJ1bl9pZCI6NX0.c2ln", "count": 1}),
    )]);
    let url = format!("{}/_oidc/token?api-version=2.0", server.base);
    let found = claims(&url, &Token::new("runner-token").unwrap(), "sts.amazonaws.com/x y").await.unwrap();
    let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, [("run_id", "5"), ("sub", "repo:o/r")]);
    assert_eq!(server.lines(), ["GET /_oidc/token?api-version=2.0&audience=sts.amazonaws.com%2Fx%20y"]);
    assert_eq!(server.seen()[0].authorization.as_deref(), Some("Bearer runner-token"));
}

#[tokio::test]
async fn no_error_about_a_token_quotes_it() {
    let token = Token::new("runner-token").unwrap();
    for body in [
        json!({"value": "s3cret-jwt"}),
        json!({"value": {"s3cret-jwt": 1}}),
        json!("s3cret-jwt"),
        json!(["s3cret-jwt"]),
    ] {
        let server = Server::start(vec![ok(&body)]);
        let error = claims(&format!("{}/t", server.base), &token, "a").await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("runner-token"), "{shown}");
        assert!(shown.contains("`id-token: write`"), "{shown}");
    }
    for url in ["http://example.com/t", "https://h/t?a=b#c", "https://h/t?a b", "file:///etc/passwd"] {
        assert_eq!(claims(url, &token, "a").await.unwrap_err().kind, Failed::Setup, "{url}");
    }
}
