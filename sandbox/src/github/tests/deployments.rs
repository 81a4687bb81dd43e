use serde_json::{Value, json};

use super::{GitHub, call, control, get, with_pull};

const MAKE: &str = "POST /repos/octo/app/deployments";

fn make(github: &mut GitHub, environment: &str) -> u64 {
    let body = json!({"ref": "a".repeat(40), "environment": environment, "auto_merge": false, "required_contexts": []});
    let (status, made) = call(github, MAKE, "run", &body);
    assert_eq!(status, 201, "{made}");
    made["id"].as_u64().unwrap()
}

fn say(github: &mut GitHub, id: u64, body: &Value) -> (u16, Value) {
    call(github, &format!("POST /repos/octo/app/deployments/{id}/statuses"), "run", body)
}

fn states(github: &mut GitHub, id: u64) -> Vec<String> {
    let (_, all) = get(github, &format!("/repos/octo/app/deployments/{id}/statuses"));
    all.as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_deployment_is_made_found_and_told_about() {
    let mut github = with_pull();
    let body = json!({
        "ref": "a".repeat(40), "task": "apply", "environment": "production", "auto_merge": false, "required_contexts": [],
        "description": "d", "payload": {"digest": "sha256:1"},
    });
    let (status, made) = call(&mut github, MAKE, "run", &body);
    assert_eq!(
        (status, &made["sha"], &made["production_environment"]),
        (201, &json!("a".repeat(40)), &json!(true))
    );
    let id = made["id"].as_u64().unwrap();
    let found = get(
        &mut github,
        &format!("/repos/octo/app/deployments?sha={}&environment=production", "a".repeat(40)),
    )
    .1;
    assert_eq!((found[0]["id"].as_u64(), &found[0]["payload"]["digest"]), (Some(id), &json!("sha256:1")));
    assert_eq!(get(&mut github, "/repos/octo/app/deployments?environment=staging").1, json!([]));
    let told = json!({"state": "success", "log_url": "https://x/log", "environment_url": "https://web", "description": "ok"});
    let (status, told) = say(&mut github, id, &told);
    assert_eq!(
        (status, &told["target_url"], &told["environment_url"]),
        (201, &json!("https://x/log"), &json!("https://web"))
    );
    let shown = control(&mut github, "GET deployments", &Value::Null).1;
    assert_eq!((&shown[0]["task"], &shown[0]["statuses"][0]["state"]), (&json!("apply"), &json!("success")));
    assert_eq!(say(&mut github, 5, &json!({"state": "success"})).0, 404);
}

#[test]
fn a_deployment_without_care_merges_the_base_or_trips_over_checks() {
    let mut github = with_pull();
    control(&mut github, "POST commits", &json!({"sha": "d".repeat(40), "branch": "main"}));
    let (status, body) = call(&mut github, MAKE, "run", &json!({"ref": "a".repeat(40)}));
    assert!(status == 202 && body["message"].as_str().unwrap().starts_with("Auto-merged main"), "{body}");
    let careful = json!({"ref": "a".repeat(40), "auto_merge": false});
    assert_eq!(call(&mut github, MAKE, "run", &careful).0, 201, "no contexts, none that fails");
    let line = format!("POST /repos/octo/app/statuses/{}", "a".repeat(40));
    call(&mut github, &line, "run", &json!({"state": "failure", "context": "build"}));
    let (status, body) = call(&mut github, MAKE, "run", &careful);
    assert!(
        status == 409 && body["message"].as_str().unwrap().contains("Commit status checks failed"),
        "{body}"
    );
    let wanted = json!({"ref": "a".repeat(40), "auto_merge": false, "required_contexts": ["missing"]});
    assert_eq!(call(&mut github, MAKE, "run", &wanted).0, 409);
    make(&mut github, "production");
}

#[test]
fn a_success_makes_earlier_deployments_inactive_but_not_those_of_production() {
    let mut github = with_pull();
    for (environment, wanted) in [("staging", vec!["inactive", "success"]), ("production", vec!["success"])] {
        let (first, second) = (make(&mut github, environment), make(&mut github, environment));
        say(&mut github, first, &json!({"state": "success"}));
        say(&mut github, second, &json!({"state": "in_progress"}));
        assert_eq!(states(&mut github, first), ["success"]);
        say(&mut github, second, &json!({"state": "success"}));
        assert_eq!(states(&mut github, first), wanted, "{environment}");
        assert_eq!(states(&mut github, second), ["success", "in_progress"], "newest first");
    }
    let (first, second) = (make(&mut github, "test"), make(&mut github, "test"));
    say(&mut github, first, &json!({"state": "success"}));
    say(&mut github, second, &json!({"state": "success", "auto_inactive": false}));
    assert_eq!(states(&mut github, first), ["success"]);
}

#[test]
fn what_a_deployment_must_not_say_is_refused() {
    let mut github = with_pull();
    let id = make(&mut github, "staging");
    for body in [
        json!({"state": "done"}),
        json!({"state": "success", "description": "ü".repeat(141)}),
        json!({"state": "success", "environment_url": "javascript:alert(1)"}),
        json!({"state": "success", "log_url": "file:///etc/passwd"}),
    ] {
        assert_eq!(say(&mut github, id, &body).0, 422, "{body}");
    }
    assert_eq!(say(&mut github, id, &json!({"state": "success", "description": "ü".repeat(140)})).0, 201);
    for body in [json!({}), json!({"ref": "nowhere"}), json!({"ref": "main", "description": "d".repeat(141)})]
    {
        assert_eq!(call(&mut github, MAKE, "run", &body).0, 422, "{body}");
    }
}

#[test]
fn the_environment_of_a_job_makes_a_deployment_by_itself() {
    let mut github = with_pull();
    let body = json!({"sha": "a".repeat(40), "environment": "production", "state": "in_progress", "log_url": "https://x/job"});
    assert_eq!(control(&mut github, "POST deployments", &body).0, 201);
    let found = get(&mut github, "/repos/octo/app/deployments?environment=production").1;
    assert_eq!(
        (&found[0]["creator"]["login"], &found[0]["sha"]),
        (&json!("github-actions[bot]"), &json!("a".repeat(40)))
    );
    assert_eq!(states(&mut github, found[0]["id"].as_u64().unwrap()), ["in_progress"]);
}
