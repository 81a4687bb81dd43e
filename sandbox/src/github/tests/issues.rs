use serde_json::{Value, json};

use super::{GitHub, call, control, get, with_pull};

fn open(github: &mut GitHub, token: &str, body: &Value) -> Value {
    let (status, made) = call(github, "POST /repos/octo/app/issues", token, body);
    assert_eq!(status, 201, "{made}");
    made
}

fn numbers(github: &mut GitHub, query: &str) -> Vec<u64> {
    let (status, all) = get(github, &format!("/repos/octo/app/issues{query}"));
    assert_eq!(status, 200);
    all.as_array().unwrap().iter().map(|one| one["number"].as_u64().unwrap()).collect()
}

#[test]
fn an_issue_is_opened_changed_closed_and_found() {
    let mut github = with_pull();
    let made = open(&mut github, "run", &json!({"title": "Drift", "body": "b", "labels": ["drift"]}));
    assert_eq!(
        (&made["number"], &made["state"]),
        (&json!(8), &json!("open")),
        "numbers are shared with pull requests"
    );
    assert_eq!(
        (&made["user"]["login"], &made["labels"][0]["name"]),
        (&json!("github-actions[bot]"), &json!("drift"))
    );
    open(&mut github, "user:ana", &json!({"title": "Other"}));
    assert_eq!(numbers(&mut github, ""), [9, 8, 7], "a pull request is an issue too");
    assert_eq!(
        numbers(&mut github, "?creator=github-actions%5Bbot%5D"),
        Vec::<u64>::new(),
        "the helper does not decode"
    );
    assert_eq!(numbers(&mut github, "?creator=github-actions[bot]&labels=drift"), [8]);
    let (status, closed) = call(
        &mut github,
        "PATCH /repos/octo/app/issues/8",
        "run",
        &json!({"state": "closed", "state_reason": "completed"}),
    );
    assert_eq!((status, &closed["state"], &closed["closed_at"].is_string()), (200, &json!("closed"), &true));
    assert_eq!(numbers(&mut github, "?state=closed"), [8]);
    let again =
        call(&mut github, "PATCH /repos/octo/app/issues/8", "run", &json!({"state": "open", "body": "c"})).1;
    assert_eq!((&again["state_reason"], &again["body"]), (&json!("reopened"), &json!("c")));
    assert_eq!(numbers(&mut github, "?state=all&per_page=1"), [9]);
    assert_eq!(get(&mut github, "/repos/octo/app/issues/7").1["pull_request"]["merged_at"], Value::Null);
    assert_eq!(get(&mut github, "/repos/octo/app/issues/99").0, 404);
}

#[test]
fn an_issue_that_says_nothing_or_too_much_is_refused() {
    let mut github = with_pull();
    for body in [json!({}), json!({"title": " "}), json!({"title": "x", "body": "b".repeat(65_537)})] {
        assert_eq!(call(&mut github, "POST /repos/octo/app/issues", "run", &body).0, 422);
    }
    open(&mut github, "run", &json!({"title": "x"}));
    assert_eq!(call(&mut github, "PATCH /repos/octo/app/issues/8", "run", &json!({"state": "gone"})).0, 422);
}

#[test]
fn issues_have_comments_and_can_be_locked() {
    let mut github = with_pull();
    open(&mut github, "run", &json!({"title": "x"}));
    let line = "POST /repos/octo/app/issues/8/comments";
    let (status, made) = call(&mut github, line, "run", &json!({"body": "gone"}));
    assert!(
        status == 201 && made["html_url"].as_str().unwrap().contains("/issues/8#issuecomment-"),
        "{made}"
    );
    assert_eq!(get(&mut github, "/repos/octo/app/issues/8/comments").1[0]["body"], "gone");
    assert_eq!(control(&mut github, "GET pulls/8/comments", &Value::Null).1[0]["body"], "gone");
    control(&mut github, "POST issues/8", &json!({"locked": true, "title": "y"}));
    assert_eq!(call(&mut github, line, "run", &json!({"body": "x"})).0, 403);
    assert_eq!(control(&mut github, "GET issues", &Value::Null).1[0]["title"], "y");
}

#[test]
fn labels_come_and_go() {
    let mut github = with_pull();
    let line = "POST /repos/octo/app/issues/7/labels";
    call(&mut github, line, "run", &json!({"labels": ["planned", "two words"]}));
    let (_, all) = call(&mut github, line, "run", &json!(["Planned"]));
    assert_eq!(all.as_array().unwrap().len(), 2, "names do not distinguish case");
    let gone = "DELETE /repos/octo/app/issues/7/labels/two%20words";
    assert_eq!(call(&mut github, gone, "run", &Value::Null).1[0]["name"], "planned");
    let (status, body) = call(&mut github, gone, "run", &Value::Null);
    assert_eq!((status, &body["message"]), (404, &json!("Label does not exist")));
}

#[test]
fn control_opens_issues_as_anybody_and_numbers_stay_apart() {
    let mut github = with_pull();
    let made =
        control(&mut github, "POST issues", &json!({"title": "Fake", "user": "mallory", "body": "marker"})).1;
    assert_eq!((&made["number"], &made["user"]["login"]), (&json!(8), &json!("mallory")));
    assert_eq!(control(&mut github, "POST pulls", &json!({"number": 8})).0, 409);
    assert_eq!(control(&mut github, "POST pulls", &json!({})).1["number"], 9);
}
