//! Pull requests at GitHub, found by the commits that they brought.

use serde_json::{Value, json};

use super::repo::{Repo, sha};

#[test]
fn the_pull_request_of_a_merge_commit_is_found() {
    let repo = Repo::new();
    assert_eq!(repo.pulls_of(&sha('a')), [7], "an open pull request is found by its head");
    let merged = repo.control("POST", "pulls/7/merge", json!({"sha": sha('b'), "method": "merge"}));
    assert_eq!((&merged["after"], &merged["ref"]), (&json!(sha('b')), &json!("refs/heads/main")));
    assert_eq!(repo.pulls_of(&sha('b')), [7]);
    assert_eq!(repo.pulls_of(&sha('a')), [7], "a merge brings the commits of the branch too");
    let pull = repo.ask("GET", "pulls/7", &Value::Null).json();
    assert_eq!((&pull["state"], &pull["merged"]), (&json!("closed"), &json!(true)));
    assert_eq!(pull["merge_commit_sha"], json!(sha('b')));
    assert!(pull["merged_at"].is_string());
    let commit = repo.ask("GET", &format!("commits/{}", sha('b')), &Value::Null).json();
    assert_eq!(commit["parents"][1]["sha"], json!(sha('a')));
    assert_eq!(commit["parents"][0]["sha"], merged["before"]);
}

#[test]
fn the_pull_request_of_a_squash_commit_is_found() {
    let repo = Repo::new();
    repo.control("POST", "pulls/7/push", json!({"head_sha": sha('c')}));
    let merged = repo.control("POST", "pulls/7/merge", json!({"sha": sha('b'), "method": "squash"}));
    assert_eq!(merged["commits"], json!([sha('b')]));
    assert_eq!(repo.pulls_of(&sha('b')), [7]);
    let commit = repo.ask("GET", &format!("commits/{}", sha('b')), &Value::Null).json();
    assert_eq!(commit["commit"]["message"], "Add a worker (#7)");
    assert_eq!(commit["parents"].as_array().unwrap().len(), 1);
}

#[test]
fn the_pull_request_of_every_rebased_commit_is_found_and_only_the_last_is_its_merge_commit() {
    let repo = Repo::new();
    repo.control("POST", "pulls/7/push", json!({"head_sha": sha('c')}));
    let merged = repo.control("POST", "pulls/7/merge", json!({"sha": sha('b'), "method": "rebase"}));
    let commits: Vec<&str> =
        merged["commits"].as_array().unwrap().iter().map(|sha| sha.as_str().unwrap()).collect();
    assert_eq!((commits.len(), commits[1]), (2, sha('b').as_str()));
    for commit in commits {
        assert_eq!(repo.pulls_of(commit), [7]);
    }
    assert_eq!(repo.ask("GET", "pulls/7", &Value::Null).json()["merge_commit_sha"], json!(sha('b')));
}

#[test]
fn a_commit_of_no_pull_request_has_none_and_a_fresh_merge_may_not_be_known_yet() {
    let repo = Repo::new();
    repo.control("POST", "commits", json!({"sha": sha('d'), "branch": "main"}));
    assert_eq!(repo.pulls_of(&sha('d')), Vec::<u64>::new(), "a push straight to the branch");
    repo.control("POST", "pulls/7/merge", json!({"sha": sha('b'), "method": "squash", "lag": 2}));
    assert_eq!(repo.pulls_of(&sha('b')), Vec::<u64>::new());
    assert_eq!(repo.pulls_of(&sha('b')), Vec::<u64>::new());
    assert_eq!(repo.pulls_of(&sha('b')), [7]);
}

#[test]
fn a_pull_request_from_a_fork_names_the_fork() {
    let repo = Repo::new();
    repo.control(
        "POST",
        "pulls",
        json!({"number": 8, "head_sha": sha('e'), "head_repo": "stranger/app", "user": "stranger"}),
    );
    let pull = repo.ask("GET", "pulls/8", &Value::Null).json();
    assert_eq!(pull["head"]["repo"]["full_name"], "stranger/app");
    assert_eq!(pull["head"]["repo"]["fork"], true);
    assert_eq!(pull["base"]["repo"]["full_name"], json!(repo.world.repository));
    let ours = repo.ask("GET", "pulls/7", &Value::Null).json();
    assert_eq!(ours["head"]["repo"]["full_name"], json!(repo.world.repository));
}
