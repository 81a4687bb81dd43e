use serde_json::{Value, json};

use super::{GitHub, call, control, get, with_pull};

fn three() -> GitHub {
    let mut github = with_pull();
    for (number, letter) in [(8, "b"), (9, "c")] {
        control(&mut github, "POST pulls", &json!({"number": number, "head_sha": letter.repeat(40)}));
    }
    github
}

fn brought_by(github: &mut GitHub, sha: &Value) -> Vec<u64> {
    let (_, found) = get(github, &format!("/repos/octo/app/commits/{}/pulls", sha.as_str().unwrap()));
    found.as_array().unwrap().iter().map(|pull| pull["number"].as_u64().unwrap()).collect()
}

#[test]
fn a_batch_of_the_queue_lands_in_one_push() {
    for method in ["merge", "squash", "rebase"] {
        let mut github = three();
        let (status, batch) =
            control(&mut github, "POST queue", &json!({"numbers": [7, 8, 9], "method": method}));
        assert_eq!(status, 200, "{batch}");
        let shas = batch["shas"].as_array().unwrap().clone();
        assert_eq!((shas.len(), &batch["after"]), (3, &shas[2]));
        let range = format!("{}...{}", batch["before"].as_str().unwrap(), batch["after"].as_str().unwrap());
        let compared = get(&mut github, &format!("/repos/octo/app/compare/{range}")).1;
        let listed: Vec<Value> =
            compared["commits"].as_array().unwrap().iter().map(|one| one["sha"].clone()).collect();
        assert_eq!(compared["status"], "ahead");
        for (sha, number) in shas.iter().zip([7, 8, 9]) {
            assert_eq!(brought_by(&mut github, sha), [number], "{method}");
            assert!(listed.contains(sha), "{method}");
        }
        let merges = batch["groups"].as_array().unwrap();
        let branch = format!("refs/heads/gh-readonly-queue/main/pr-8-{}", shas[0].as_str().unwrap());
        assert_eq!((&merges[1]["head_ref"], &merges[1]["base_sha"]), (&json!(branch), &shas[0]));
    }
}

#[test]
fn groups_can_be_made_before_they_land() {
    let mut github = three();
    let wanted = json!({"numbers": [7, 8], "land": false});
    let early = control(&mut github, "POST queue", &wanted).1;
    assert_eq!(get(&mut github, "/repos/octo/app/pulls/7").1["merged"], false);
    let reference = early["groups"][1]["head_ref"].as_str().unwrap().replace("refs/", "");
    assert_eq!(get(&mut github, &format!("/repos/octo/app/commits/{reference}")).1["sha"], early["shas"][1]);
    let landed = control(&mut github, "POST queue", &json!({"numbers": [7, 8]})).1;
    assert_eq!((&landed["shas"], &landed["landed"]), (&early["shas"], &json!(true)));
    assert_eq!(get(&mut github, "/repos/octo/app/pulls/8").1["merge_commit_sha"], landed["shas"][1]);
    assert_eq!(control(&mut github, "POST queue", &json!({"numbers": [7]})).0, 409, "it is merged");
    for body in [json!({"numbers": []}), json!({"numbers": [9], "method": "fold"})] {
        assert_eq!(control(&mut github, "POST queue", &body).0, 400);
    }
}

const MANY: &str = "query($o: String!, $n: String!, $a: GitObjectID!, $b: GitObjectID!) { repository(owner: $o, name: $n) {
  c0: object(oid: $a) { ... on Commit { oid associatedPullRequests(first: 5) { nodes {
      number merged baseRefName headRefOid mergeCommit { oid } isCrossRepository headRepository { nameWithOwner } } } } }
  c1: object(oid: $b) { ...on Commit { associatedPullRequests(first: 5) { totalCount nodes { number } } } } } }";

fn many(github: &mut GitHub, token: &str, a: &Value, b: &Value) -> Value {
    let variables = json!({"o": "octo", "n": "app", "a": a, "b": b});
    call(github, "POST /graphql", token, &json!({"query": MANY, "variables": variables})).1
}

#[test]
fn graphql_tells_the_pull_requests_of_several_commits_at_once() {
    let mut github = three();
    let batch = control(&mut github, "POST queue", &json!({"numbers": [7, 8], "lag": 1})).1;
    let (a, b) = (&batch["shas"][0], &batch["shas"][1]);
    let early = many(&mut github, "run", a, b);
    assert_eq!(
        early["data"]["repository"]["c0"]["associatedPullRequests"]["nodes"],
        json!([]),
        "GitHub lags behind"
    );
    let found = many(&mut github, "run", a, b)["data"]["repository"].clone();
    let first = &found["c0"]["associatedPullRequests"]["nodes"][0];
    assert_eq!(
        (&first["number"], &first["merged"], &first["mergeCommit"]["oid"]),
        (&json!(7), &json!(true), a)
    );
    assert_eq!((&first["baseRefName"], &first["headRefOid"]), (&json!("main"), &json!("a".repeat(40))));
    assert_eq!(
        (&first["isCrossRepository"], &first["headRepository"]["nameWithOwner"]),
        (&json!(false), &json!("octo/app"))
    );
    assert_eq!(found["c1"]["associatedPullRequests"]["nodes"], json!([{"number": 8}]));
    let unknown = many(&mut github, "run", a, &json!("e".repeat(40)));
    assert!(unknown["data"]["repository"]["c1"].is_null() && unknown.get("errors").is_none());
    let refused = many(&mut github, "perm:contents=read", a, b);
    assert_eq!(refused["errors"][0]["type"], "FORBIDDEN");
}

#[test]
fn a_forced_push_makes_histories_diverge() {
    let mut github = three();
    let root = get(&mut github, "/repos/octo/app/commits/main").1["sha"].clone();
    let merged = control(&mut github, "POST pulls/7/merge", &json!({"sha": "d".repeat(40)})).1;
    let pushed = json!({"sha": "e".repeat(40), "branch": "main", "parents": [root]});
    let forced = control(&mut github, "POST commits", &pushed).1;
    assert_eq!((&forced["forced"], &forced["before"]), (&json!(true), &merged["after"]));
    let range = format!("{}...{}", "d".repeat(40), "e".repeat(40));
    let compared = get(&mut github, &format!("/repos/octo/app/compare/{range}")).1;
    assert_eq!((&compared["status"], &compared["behind_by"]), (&json!("diverged"), &json!(2)));
    assert_eq!(compared["merge_base_commit"]["sha"], root);
    let zeros = format!("/repos/octo/app/compare/{}...{}", "0".repeat(40), "e".repeat(40));
    assert_eq!(get(&mut github, &zeros).0, 404);
}

#[test]
fn a_long_comparison_shows_the_newest_commits_or_pages() {
    let mut github = with_pull();
    let before = get(&mut github, "/repos/octo/app/commits/main").1["sha"].as_str().unwrap().to_owned();
    for n in 0..260 {
        control(&mut github, "POST commits", &json!({"sha": format!("{n:040x}"), "branch": "main"}));
    }
    let line = format!("/repos/octo/app/compare/{before}...main");
    let plain = get(&mut github, &line).1;
    let commits = plain["commits"].as_array().unwrap();
    assert_eq!((commits.len(), &plain["total_commits"]), (250, &json!(260)));
    assert_eq!(
        (&commits[0]["sha"], &commits[249]["sha"]),
        (&json!(format!("{:040x}", 10)), &json!(format!("{:040x}", 259)))
    );
    let third = get(&mut github, &format!("{line}?per_page=100&page=3")).1;
    assert_eq!((third["commits"].as_array().unwrap().len(), &third["ahead_by"]), (60, &json!(260)));
}

#[test]
fn a_hidden_comment_names_its_reason_and_can_be_shown_again() {
    let mut github = with_pull();
    let id = control(&mut github, "POST comments", &json!({"number": 7, "body": "x"})).1["id"].clone();
    let hidden = control(
        &mut github,
        &format!("POST pulls/7/comments/{id}/minimize"),
        &json!({"by": "ana", "reason": "spam"}),
    )
    .1;
    assert_eq!((&hidden["minimized"], &hidden["minimized_by"]), (&json!("spam"), &json!("ana")));
    let node = get(&mut github, &format!("/repos/octo/app/issues/comments/{id}")).1["node_id"].clone();
    for (classifier, reason) in
        [("OUTDATED", "outdated"), ("DUPLICATE", "duplicate"), ("RESOLVED", "resolved")]
    {
        let query = "mutation($id: ID!, $c: ReportedContentClassifiers!) { minimizeComment(input: {subjectId: $id, classifier: $c}) {
            minimizedComment { isMinimized minimizedReason } } }";
        let done = call(
            &mut github,
            "POST /graphql",
            "run",
            &json!({"query": query, "variables": {"id": node, "c": classifier}}),
        )
        .1;
        assert_eq!(done["data"]["minimizeComment"]["minimizedComment"]["minimizedReason"], reason);
    }
    let query = "mutation($id: ID!) { unminimizeComment(input: {subjectId: $id}) { unminimizedComment { isMinimized } } }";
    let done =
        call(&mut github, "POST /graphql", "run", &json!({"query": query, "variables": {"id": node}})).1;
    assert_eq!(done["data"]["unminimizeComment"]["unminimizedComment"]["isMinimized"], false);
    let shown = control(&mut github, "GET pulls/7/comments", &Value::Null).1;
    assert_eq!((&shown[0]["minimized"], &shown[0]["minimized_by"]), (&Value::Null, &Value::Null));
}
