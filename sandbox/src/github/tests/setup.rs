use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{GitHub, call, comment, control, get, header, request, with_pull};

#[test]
fn an_environment_shows_what_protects_it() {
    let mut github = with_pull();
    assert_eq!(get(&mut github, "/repos/octo/app/environments/production").0, 404);
    let body = json!({
        "repo": "octo/app", "name": "pro/duction", "reviewers": ["ana"], "prevent_self_review": true, "wait_timer": 5,
        "branch_policy": ["main", "release/*"], "can_admins_bypass": false,
    });
    assert_eq!(control(&mut github, "POST environments", &body).0, 201);
    let (status, shown) = get(&mut github, "/repos/octo/app/environments/pro%2Fduction");
    assert_eq!((status, &shown["can_admins_bypass"]), (200, &json!(false)));
    let kinds: Vec<_> =
        shown["protection_rules"].as_array().unwrap().iter().map(|rule| &rule["type"]).collect();
    assert_eq!(kinds, ["wait_timer", "required_reviewers", "branch_policy"]);
    let rule = &shown["protection_rules"][1];
    assert_eq!(
        (&rule["prevent_self_review"], &rule["reviewers"][0]["reviewer"]["login"]),
        (&json!(true), &json!("ana"))
    );
    assert_eq!(
        shown["deployment_branch_policy"],
        json!({"protected_branches": false, "custom_branch_policies": true})
    );
    let policies =
        get(&mut github, "/repos/octo/app/environments/pro%2Fduction/deployment-branch-policies").1;
    assert_eq!(
        (&policies["total_count"], &policies["branch_policies"][1]["name"]),
        (&json!(2), &json!("release/*"))
    );

    control(&mut github, "POST environments", &json!({"name": "open"}));
    let open = get(&mut github, "/repos/octo/app/environments/OPEN").1;
    assert_eq!((&open["protection_rules"], &open["deployment_branch_policy"]), (&json!([]), &Value::Null));
    assert_eq!(get(&mut github, "/repos/octo/app/environments").1["total_count"], 2);
    assert_eq!(control(&mut github, "POST environments", &json!({"name": "x", "reviewer": "ana"})).0, 400);
}

#[test]
fn a_run_tells_who_let_it_go_on() {
    let mut github = with_pull();
    assert_eq!(get(&mut github, "/repos/octo/app/actions/runs/42/approvals"), (200, json!([])));
    assert_eq!(get(&mut github, "/repos/octo/app/actions/runs/42").0, 404);
    control(&mut github, "POST runs/42", &json!({"status": "completed", "triggering_actor": "ana"}));
    let run = get(&mut github, "/repos/octo/app/actions/runs/42").1;
    assert_eq!((&run["status"], &run["triggering_actor"]["login"]), (&json!("completed"), &json!("ana")));
    let body = json!({"user": "ben", "state": "approved", "environments": ["production"], "comment": "go"});
    control(&mut github, "POST runs/42/approvals", &body);
    let approval = get(&mut github, "/repos/octo/app/actions/runs/42/approvals").1[0].clone();
    assert_eq!(
        (&approval["user"]["login"], &approval["environments"][0]["name"]),
        (&json!("ben"), &json!("production"))
    );
    assert_eq!((&approval["state"], &approval["comment"]), (&json!("approved"), &json!("go")));
    assert_eq!(
        control(&mut github, "POST runs/42/approvals", &json!({"user": "ben", "state": "maybe"})).0,
        400
    );
}

#[test]
fn rules_belong_to_a_branch_whose_name_may_hold_slashes() {
    let mut github = with_pull();
    let rules = json!([{"type": "pull_request", "parameters": {"required_approving_review_count": 1}}, {"type": "deletion"}]);
    assert_eq!(control(&mut github, "POST branches/release%2F1/rules", &rules).0, 200);
    control(
        &mut github,
        "POST branches/main/rules",
        &json!({"repo": "octo/other", "rules": [{"type": "merge_queue"}]}),
    );
    let found = get(&mut github, "/repos/octo/app/rules/branches/release/1").1;
    assert_eq!(
        (&found[0]["parameters"]["required_approving_review_count"], &found[1]["type"]),
        (&json!(1), &json!("deletion"))
    );
    assert_eq!(found[0]["ruleset_source"], "octo/app");
    assert_eq!(get(&mut github, "/repos/octo/app/rules/branches/main").1, json!([]));
    assert_eq!(get(&mut github, "/repos/octo/other/rules/branches/main").1[0]["type"], "merge_queue");
    assert_eq!(control(&mut github, "POST branches/main/rules", &json!([{"parameters": {}}])).0, 400);
}

#[test]
fn a_dispatch_is_recorded_and_needs_a_branch() {
    let mut github = with_pull();
    let line = "POST /repos/octo/app/actions/workflows/run.yml/dispatches";
    assert_eq!(
        call(&mut github, line, "user:ana", &json!({"ref": "main", "inputs": {"task": "seed"}})).0,
        204
    );
    assert_eq!(call(&mut github, line, "user:ana", &json!({"ref": "gone"})).0, 422);
    let many: Value = (0..26).map(|n| (format!("i{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(call(&mut github, line, "user:ana", &json!({"ref": "main", "inputs": many})).0, 422);
    let seen = control(&mut github, "GET dispatches", &Value::Null).1;
    assert_eq!(
        seen,
        json!([{"workflow": "run.yml", "ref": "main", "inputs": {"task": "seed"}, "user": "ana"}])
    );
}

#[test]
fn a_file_can_differ_between_references() {
    let mut github = with_pull();
    control(&mut github, "POST files", &json!({"path": "stacks/web.yml", "content": "everywhere"}));
    control(
        &mut github,
        "POST files",
        &json!({"path": "stacks/web.yml", "content": "of the head", "ref": "a".repeat(40)}),
    );
    let read = |github: &mut GitHub, query: &str| {
        let body = get(github, &format!("/repos/octo/app/contents/stacks/web.yml{query}")).1;
        String::from_utf8(STANDARD.decode(body["content"].as_str().unwrap()).unwrap()).unwrap()
    };
    assert_eq!(read(&mut github, ""), "everywhere");
    assert_eq!(read(&mut github, &format!("?ref={}", "a".repeat(40))), "of the head");
    assert_eq!(get(&mut github, "/repos/octo/app/contents/nothing").0, 404);
    assert_eq!(get(&mut github, "/repos/octo/app/contents/stacks/web.yml?ref=gone").0, 404);
}

#[test]
fn the_time_of_a_repository_can_be_set_and_moved() {
    let mut github = with_pull();
    let moved = control(&mut github, "POST clock", &json!({"at": "2026-03-01T12:00:00Z"})).1;
    assert_eq!(moved["time"], "2026-03-01T12:00:00Z");
    let id = control(&mut github, "POST comments", &json!({"number": 7, "body": "x"})).1["id"].clone();
    control(&mut github, "POST clock", &json!({"advance_s": 3600}));
    control(&mut github, "POST pulls/7/reviews", &json!({"user": "ana"}));
    let read = get(&mut github, &format!("/repos/octo/app/issues/comments/{id}")).1;
    assert_eq!(read["created_at"], "2026-03-01T12:00:00Z");
    let review = get(&mut github, "/repos/octo/app/pulls/7/reviews").1;
    assert_eq!(review[0]["submitted_at"], "2026-03-01T13:00:00Z");
    let run = comment(&mut github, "run", "y"); // calls come a minute later than control
    let read = get(&mut github, &format!("/repos/octo/app/issues/comments/{run}")).1;
    assert_eq!(read["created_at"], "2026-03-01T13:01:00Z");
    assert_eq!(control(&mut github, "GET clock?repo=octo/other", &Value::Null).1["ahead_s"], 0.0);
}

#[test]
fn a_token_with_listed_permissions_may_do_just_that() {
    let mut github = with_pull();
    let token = "perm:contents=read,pull-requests=write";
    for (line, status, accepted) in [
        ("GET /repos/octo/app", 200, "metadata=read"),
        ("GET /repos/octo/app/commits/main", 200, "contents=read"),
        ("GET /repos/octo/app/pulls/7", 200, "pull_requests=read"),
        ("GET /repos/octo/app/issues/7/comments", 200, "issues=read; pull_requests=read"),
        ("POST /repos/octo/app/issues/7/comments", 201, "issues=write; pull_requests=write"),
        ("GET /repos/octo/app/deployments", 403, "deployments=read"),
        ("POST /repos/octo/app/issues", 403, "issues=write"),
        ("POST /repos/octo/app/check-runs", 403, "checks=write"),
        ("GET /repos/octo/app/environments", 403, "actions=read"),
    ] {
        let response = github.handle(&request(line, token, &json!({"body": "x", "title": "x"})), 0.0);
        assert_eq!(response.status, status, "{line}");
        assert_eq!(header(&response, "x-accepted-github-permissions"), Some(accepted), "{line}");
    }
    let line = "POST /repos/octo/app/issues/7/comments";
    let response =
        github.handle(&request(line, "perm:issues=read,pull_requests=read", &json!({"body": "x"})), 0.0);
    assert_eq!(header(&response, "x-accepted-github-permissions"), Some("issues=write; pull_requests=write"));
    assert_eq!(call(&mut github, line, "perm:issues=write", &json!({"body": "x"})).0, 201);
}

#[test]
fn writes_are_counted_and_refused_ones_are_not() {
    let mut github = with_pull();
    let id = comment(&mut github, "run", "one");
    call(&mut github, &format!("PATCH /repos/octo/app/issues/comments/{id}"), "run", &json!({"body": "two"}));
    call(&mut github, "POST /repos/octo/app/issues/7/comments", "readonly", &json!({"body": "no"}));
    call(&mut github, "POST /repos/octo/app/issues/7/comments", "run", &json!({"body": ""}));
    get(&mut github, "/repos/octo/app/issues/7/comments");
    let query = "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { clientMutationId } }";
    let node = get(&mut github, &format!("/repos/octo/app/issues/comments/{id}")).1["node_id"].clone();
    call(&mut github, "POST /graphql", "run", &json!({"query": query, "variables": {"id": node}}));
    let counted = control(&mut github, "GET writes", &Value::Null).1;
    assert_eq!(counted["total"], 3);
    assert_eq!(counted["operations"]["POST /repos/{owner}/{repo}/issues/{issue_number}/comments"], 1);
    assert_eq!(counted["operations"]["graphql:minimizeComment"], 1);
    control(&mut github, "DELETE writes", &Value::Null);
    assert_eq!(control(&mut github, "GET writes", &Value::Null).1["total"], 0);
}

fn claims(github: &mut GitHub, query: &str) -> Value {
    let (status, body) = get(github, &format!("/_oidc/token?{query}"));
    let token = body["value"].as_str().unwrap();
    assert_eq!((status, body["count"].as_u64()), (200, Some(token.len() as u64)));
    let parts: Vec<_> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let header: Value = serde_json::from_slice(&parts[0]).unwrap();
    assert_eq!((&header["alg"], parts.len(), parts[2].len()), (&json!("RS256"), 3, 256));
    serde_json::from_slice(&parts[1]).unwrap()
}

#[test]
fn the_token_of_a_job_has_the_claims_that_control_set() {
    let mut github = with_pull();
    let usual = claims(&mut github, "repo=octo/app&audience=sts.amazonaws.com");
    assert_eq!(
        (&usual["aud"], &usual["sub"]),
        (&json!("sts.amazonaws.com"), &json!("repo:octo/app:environment:production"))
    );
    for name in [
        "ref",
        "environment",
        "job_workflow_ref",
        "repository_id",
        "repository_owner_id",
        "actor",
        "event_name",
        "runner_environment",
    ] {
        assert!(usual[name].is_string(), "{name}");
    }
    let told = json!({"claims": {"sub": "repo:octo/app:pull_request", "environment": null}});
    control(&mut github, "POST oidc", &told);
    let changed = claims(&mut github, "repo=octo/app&audience=x");
    assert_eq!((&changed["sub"], changed.get("environment")), (&json!("repo:octo/app:pull_request"), None));
    assert_ne!(changed["jti"], usual["jti"]);
    assert_eq!(call(&mut github, "GET /_oidc/token?repo=octo/app", "", &Value::Null).0, 401);
}
