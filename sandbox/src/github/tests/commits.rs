use serde_json::{Value, json};

use super::{NOW, control, get, request, with_pull};

#[test]
fn a_merged_commit_leads_to_its_pull_request() {
    for method in ["merge", "squash"] {
        let mut github = with_pull();
        let sha = "c".repeat(40);
        let (status, merged) =
            control(&mut github, "POST pulls/7/merge", &json!({"sha": sha, "method": method}));
        assert_eq!((status, &merged["merged"], &merged["after"]), (200, &json!(true), &json!(sha)));
        let found = get(&mut github, &format!("/repos/octo/app/commits/{sha}/pulls")).1;
        assert_eq!((&found[0]["number"], &found[0]["merge_commit_sha"]), (&json!(7), &json!(sha)));
        assert!(!found[0]["merged_at"].is_null());
        let pull = get(&mut github, "/repos/octo/app/pulls/7").1;
        assert_eq!((&pull["merged"], &pull["state"]), (&json!(true), &json!("closed")));
        let commit = get(&mut github, "/repos/octo/app/commits/main").1;
        assert_eq!(commit["parents"].as_array().unwrap().len(), if method == "merge" { 2 } else { 1 });
    }
}

#[test]
fn a_rebase_lands_several_commits_of_which_the_last_is_the_merge_commit() {
    let mut github = with_pull();
    let sha = "c".repeat(40);
    let (_, merged) = control(&mut github, "POST pulls/7/merge", &json!({"sha": sha, "method": "rebase"}));
    let landed = merged["commits"].as_array().unwrap().clone();
    assert_eq!((landed.len(), &landed[1]), (2, &json!(sha)));
    for commit in &landed {
        let found =
            get(&mut github, &format!("/repos/octo/app/commits/{}/pulls", commit.as_str().unwrap())).1;
        assert_eq!((&found[0]["number"], &found[0]["merge_commit_sha"]), (&json!(7), &json!(sha)));
    }
    let range = format!("{}...{sha}", merged["before"].as_str().unwrap());
    let compared = get(&mut github, &format!("/repos/octo/app/compare/{range}")).1;
    assert_eq!((&compared["status"], &compared["ahead_by"]), (&json!("ahead"), &json!(2)));
    assert_eq!(compared["commits"][1]["sha"], json!(sha));
}

#[test]
fn the_look_up_by_commit_can_lag_behind_the_merge() {
    let mut github = with_pull();
    let sha = "c".repeat(40);
    control(&mut github, "POST pulls/7/merge", &json!({"sha": sha, "method": "merge", "lag": 2}));
    let line = format!("/repos/octo/app/commits/{sha}/pulls");
    let counts: Vec<_> = (0..3).map(|_| get(&mut github, &line).1.as_array().unwrap().len()).collect();
    assert_eq!(counts, [0, 0, 1]);
}

#[test]
fn a_commit_without_a_pull_request_and_an_unknown_one_differ() {
    let mut github = with_pull();
    let sha = "d".repeat(40);
    control(&mut github, "POST commits", &json!({"sha": sha, "branch": "main", "message": "Direct"}));
    assert_eq!(get(&mut github, &format!("/repos/octo/app/commits/{sha}/pulls")), (200, json!([])));
    assert_eq!(get(&mut github, "/repos/octo/app/commits/main").1["commit"]["message"], "Direct");
    assert_eq!(get(&mut github, &format!("/repos/octo/app/commits/{}/pulls", "e".repeat(40))).0, 422);
}

#[test]
fn a_push_moves_the_head_and_a_closed_pull_request_takes_none() {
    let mut github = with_pull();
    let sha = "b".repeat(40);
    control(&mut github, "POST pulls/7/push", &json!({"head_sha": sha}));
    assert_eq!(get(&mut github, "/repos/octo/app/pulls/7").1["head"]["sha"], json!(sha));
    let shown = control(&mut github, "GET pulls/7", &Value::Null).1;
    assert_eq!(shown["commit_shas"], json!(["a".repeat(40), sha]));
    control(&mut github, "POST pulls/7/merge", &json!({"sha": "c".repeat(40)}));
    assert_eq!(control(&mut github, "POST pulls/7/push", &json!({"head_sha": sha})).0, 409);
    assert_eq!(control(&mut github, "POST pulls/7/merge", &json!({"sha": "f".repeat(40)})).0, 409);
}

#[test]
fn control_keeps_to_its_own_paths_and_names_what_is_wrong() {
    let mut github = with_pull();
    let foreign = request("GET /_sandbox/calls", "", &Value::Null);
    assert!(github.control(&foreign, NOW).is_none());
    assert_eq!(control(&mut github, "POST pulls/7/merge", &json!({"sha": "c", "method": "fold"})).0, 400);
    assert_eq!(control(&mut github, "GET pulls/9", &Value::Null).0, 404);
    assert_eq!(control(&mut github, "POST comments/1/edit", &json!({"body": "x"})).0, 404);
    assert_eq!(control(&mut github, "POST pulls", &json!({"head_repo": 5})).0, 400);
    assert_eq!(control(&mut github, "GET pulls/7?repo=octo/other", &Value::Null).0, 404);
    assert_eq!(control(&mut github, "POST reset", &json!({"repo": "octo/app"})).0, 200);
    assert_eq!(get(&mut github, "/repos/octo/app/pulls/7").0, 404);
}
