use serde_json::{Value, json};

use super::{GitHub, call, control, get, with_pull};

const RUNS: &str = "POST /repos/octo/app/check-runs";

fn make(github: &mut GitHub, body: &Value) -> Value {
    let (status, made) = call(github, RUNS, "run", body);
    assert_eq!(status, 201, "{made}");
    made
}

fn listed(github: &mut GitHub, query: &str) -> Vec<Value> {
    let (status, body) =
        get(github, &format!("/repos/octo/app/commits/{}/check-runs{query}", "a".repeat(40)));
    assert_eq!(
        (status, body["total_count"].as_u64()),
        (200, Some(body["check_runs"].as_array().unwrap().len() as u64))
    );
    body["check_runs"].as_array().unwrap().clone()
}

#[test]
fn a_check_run_is_made_brought_up_to_date_and_read() {
    let mut github = with_pull();
    let body = json!({
        "name": "fargate-stack: web", "head_sha": "a".repeat(40), "external_id": "sha256:1", "status": "in_progress",
        "details_url": "https://example.org/run", "output": {"title": "t", "summary": "s", "text": "marker"},
    });
    let made = make(&mut github, &body);
    assert_eq!((&made["conclusion"], &made["completed_at"]), (&Value::Null, &Value::Null));
    assert_eq!((&made["app"]["slug"], &made["app"]["id"]), (&json!("github-actions"), &json!(15_368)));
    let path = format!("/repos/octo/app/check-runs/{}", made["id"]);
    let (status, done) =
        call(&mut github, &format!("PATCH {path}"), "run", &json!({"conclusion": "success"}));
    assert_eq!((status, &done["status"], &done["conclusion"]), (200, &json!("completed"), &json!("success")));
    let read = get(&mut github, &path).1;
    assert_eq!((&read["output"]["text"], &read["external_id"]), (&json!("marker"), &json!("sha256:1")));
    assert_eq!(read["completed_at"], "2025-11-24T16:01:00Z");
    assert_eq!(get(&mut github, "/repos/octo/app/check-runs/5").0, 404);
}

#[test]
fn the_list_shows_the_newest_of_each_name_unless_all_are_wanted() {
    let mut github = with_pull();
    for (name, key) in [("a", "1"), ("a", "2"), ("b", "3")] {
        make(&mut github, &json!({"name": name, "head_sha": "a".repeat(40), "external_id": key}));
    }
    control(
        &mut github,
        "POST check-runs",
        &json!({"name": "a", "head_sha": "a".repeat(40), "external_id": "4", "app": "other"}),
    );
    let keys = |all: Vec<Value>| -> Vec<String> {
        all.iter().map(|one| one["external_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys(listed(&mut github, "")), ["4", "3", "2"]);
    assert_eq!(keys(listed(&mut github, "?check_name=a&filter=all")), ["4", "2", "1"]);
    assert_eq!(keys(listed(&mut github, "?check_name=a&app_id=15368")), ["2"]);
    assert_eq!(keys(listed(&mut github, "?status=completed")), Vec::<String>::new());
    let line = format!("GET check-runs?sha={}", "a".repeat(40));
    assert_eq!(control(&mut github, &line, &Value::Null).1.as_array().unwrap().len(), 4);
}

#[test]
fn what_a_check_run_must_not_say_is_refused() {
    let mut github = with_pull();
    let with = |more: Value| {
        let mut body = json!({"name": "a", "head_sha": "a".repeat(40)});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let annotation =
        json!({"path": "x", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"});
    let annotated = |count: usize| {
        with(
            json!({"output": {"title": "t", "summary": "s", "annotations": vec![annotation.clone(); count]}}),
        )
    };
    for (body, wanted) in [
        (json!({"head_sha": "a".repeat(40)}), "\"name\" wasn't supplied"),
        (json!({"name": "a"}), "\"head_sha\" wasn't supplied"),
        (json!({"name": "a", "head_sha": "f".repeat(40)}), "No commit found for SHA"),
        (with(json!({"status": "completed"})), "conclusion"),
        (with(json!({"conclusion": "fine"})), "fine is not a member"),
        (with(json!({"output": {"title": "t"}})), "\"summary\" wasn't supplied"),
        (
            with(json!({"output": {"title": "t", "summary": "s".repeat(65_536)}})),
            "Only 65535 characters are allowed; 65536 were supplied",
        ),
        (
            with(json!({"output": {"title": "t", "summary": "s", "text": "ü".repeat(32_768)}})),
            "65536 were supplied",
        ),
        (annotated(51), "No more than 50 items are allowed"),
    ] {
        let (status, answer) = call(&mut github, RUNS, "run", &body);
        assert_eq!(status, 422);
        assert!(answer["message"].as_str().unwrap().contains(wanted), "{wanted}\n{answer}");
    }
    assert_eq!(
        call(
            &mut github,
            RUNS,
            "run",
            &with(json!({"output": {"title": "t", "summary": "s".repeat(65_535)}}))
        )
        .0,
        201
    );
    let made = make(&mut github, &annotated(50));
    let path = format!("/repos/octo/app/check-runs/{}", made["id"]);
    call(
        &mut github,
        &format!("PATCH {path}"),
        "run",
        &json!({"output": {"title": "t", "summary": "s", "annotations": [annotation]}}),
    );
    assert_eq!(get(&mut github, &path).1["output"]["annotations_count"], 51, "annotations add up");
    assert_eq!(get(&mut github, &format!("{path}/annotations?per_page=100")).1.as_array().unwrap().len(), 51);
}

#[test]
fn only_the_app_that_made_a_check_run_may_change_it_and_people_make_none() {
    let mut github = with_pull();
    let foreign = control(
        &mut github,
        "POST check-runs",
        &json!({"name": "a", "head_sha": "a".repeat(40), "app": "other"}),
    )
    .1;
    let line = format!("PATCH /repos/octo/app/check-runs/{}", foreign["id"]);
    let (status, body) = call(&mut github, &line, "run", &json!({"conclusion": "success"}));
    assert!(status == 403 && body["message"].as_str().unwrap().contains("Invalid app_id"), "{body}");
    let (status, body) =
        call(&mut github, RUNS, "user:ana", &json!({"name": "a", "head_sha": "a".repeat(40)}));
    assert_eq!((status, &body["message"]), (403, &json!("You must authenticate via a GitHub App.")));
}

#[test]
fn statuses_of_a_commit_add_up_to_one() {
    let mut github = with_pull();
    let line = format!("POST /repos/octo/app/statuses/{}", "a".repeat(40));
    let combined =
        |github: &mut GitHub| get(github, "/repos/octo/app/commits/aaaaaaa/status").1["state"].clone();
    assert_eq!(combined(&mut github), "pending");
    for (context, state, wanted) in
        [("x", "failure", "failure"), ("x", "success", "success"), ("y", "pending", "pending")]
    {
        let (status, _) = call(&mut github, &line, "run", &json!({"state": state, "context": context}));
        assert_eq!((status, combined(&mut github)), (201, json!(wanted)));
    }
    let all = get(&mut github, &format!("/repos/octo/app/commits/{}/statuses", "a".repeat(40))).1;
    assert_eq!((all.as_array().unwrap().len(), &all[0]["context"]), (3, &json!("y")));
    for body in [
        json!({"state": "done"}),
        json!({"state": "success", "description": "d".repeat(141)}),
        json!({"state": "success", "target_url": "javascript:alert(1)"}),
    ] {
        assert_eq!(call(&mut github, &line, "run", &body).0, 422, "{body}");
    }
}
