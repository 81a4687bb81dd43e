use serde_json::{Value, json};

use super::{call, control, get, with_pull};

#[test]
fn reviews_are_listed_in_the_order_of_submission_with_commit_and_time() {
    let mut github = with_pull();
    for (user, state, at) in [
        ("ana", "APPROVED", json!("2026-01-02T10:00:00Z")),
        ("ben", "CHANGES_REQUESTED", json!(1_767_340_800)), // 2026-01-02T08:00:00Z
        ("cyd", "PENDING", Value::Null),
    ] {
        let body = json!({"user": user, "state": state, "submitted_at": at});
        assert_eq!(control(&mut github, "POST pulls/7/reviews", &body).0, 201);
    }
    control(&mut github, "POST pulls/7/push", &json!({"head_sha": "b".repeat(40)}));
    control(
        &mut github,
        "POST pulls/7/reviews",
        &json!({"user": null, "submitted_at": "2026-01-03T00:00:00Z"}),
    );
    let (_, reviews) = get(&mut github, "/repos/octo/app/pulls/7/reviews");
    let seen: Vec<_> =
        reviews.as_array().unwrap().iter().map(|one| (&one["user"]["login"], &one["submitted_at"])).collect();
    assert_eq!(
        seen,
        [
            (&json!("ben"), &json!("2026-01-02T08:00:00Z")),
            (&json!("ana"), &json!("2026-01-02T10:00:00Z")),
            (&Value::Null, &json!("2026-01-03T00:00:00Z")),
        ],
        "a pending review is its author's alone"
    );
    assert_eq!(
        (&reviews[1]["state"], &reviews[1]["commit_id"]),
        (&json!("APPROVED"), &json!("a".repeat(40)))
    );
    assert_eq!(reviews[2]["commit_id"], json!("b".repeat(40)), "the head at that time");
    let own = call(&mut github, "GET /repos/octo/app/pulls/7/reviews", "user:cyd", &Value::Null).1;
    assert_eq!(own.as_array().unwrap().len(), 4);
    assert_eq!(get(&mut github, "/repos/octo/app/pulls/9/reviews").0, 404);
}

#[test]
fn a_review_that_cannot_be_is_refused() {
    let mut github = with_pull();
    for body in [
        json!({"user": "ana", "state": "MAYBE"}),
        json!({"state": "APPROVED"}),
        json!({"user": "ana", "submitted_at": "yesterday"}),
    ] {
        assert_eq!(control(&mut github, "POST pulls/7/reviews", &body).0, 400, "{body}");
    }
    assert_eq!(control(&mut github, "POST pulls/9/reviews", &json!({"user": "ana"})).0, 404);
}

#[test]
fn what_somebody_may_do_has_a_coarse_and_a_fine_name() {
    let mut github = with_pull();
    for (user, given, coarse, fine, push) in [
        ("ana", "admin", "admin", "admin", true),
        ("ben", "maintain", "write", "maintain", true),
        ("cyd", "write", "write", "write", true),
        ("dan", "triage", "read", "triage", false),
        ("eve", "none", "none", "none", false),
    ] {
        control(&mut github, "POST permissions", &json!({"user": user, "permission": given}));
        let line = format!("/repos/octo/app/collaborators/{}/permission", user.to_uppercase());
        let (status, body) = get(&mut github, &line);
        assert_eq!((status, &body["permission"], &body["role_name"]), (200, &json!(coarse), &json!(fine)));
        assert_eq!(
            (&body["user"]["login"], &body["user"]["permissions"]["push"]),
            (&json!(user), &json!(push))
        );
    }
    assert_eq!(control(&mut github, "POST permissions", &json!({"user": "x", "permission": "root"})).0, 400);
}

#[test]
fn the_owner_is_admin_and_a_stranger_is_unknown() {
    let mut github = with_pull();
    assert_eq!(get(&mut github, "/repos/octo/app/collaborators/octo/permission").1["permission"], "admin");
    for stranger in ["nobody", "github-actions[bot]"] {
        let (status, body) =
            get(&mut github, &format!("/repos/octo/app/collaborators/{stranger}/permission"));
        assert_eq!((status, &body["message"]), (404, &json!(format!("{stranger} is not a user"))));
    }
}
