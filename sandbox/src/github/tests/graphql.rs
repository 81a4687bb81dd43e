use serde_json::{Value, json};

use super::{GitHub, QUERY, call, comment, control, with_pull};

fn graphql(github: &mut GitHub, token: &str, query: &str, variables: &Value) -> Value {
    let (status, body) =
        call(github, "POST /graphql", token, &json!({"query": query, "variables": variables}));
    assert_eq!(status, 200);
    body
}

fn comments(github: &mut GitHub, token: &str, before: &Value) -> Value {
    let variables = json!({"owner": "octo", "name": "app", "number": 7, "before": before});
    let body = graphql(github, token, QUERY, &variables);
    assert!(body.get("errors").is_none(), "{body}");
    body["data"]["repository"]["pullRequest"]["comments"].clone()
}

#[test]
fn graphql_walks_comments_from_the_newest_side() {
    let mut github = with_pull();
    control(&mut github, "POST comments", &json!({"number": 7, "user": "a", "body": "hi", "count": 150}));
    let mine = comment(&mut github, "run", "mine");
    let page = comments(&mut github, "run", &Value::Null);
    let nodes = page["nodes"].as_array().unwrap();
    assert_eq!((nodes.len(), nodes[99]["databaseId"].as_u64()), (100, Some(mine)));
    assert_eq!(page["pageInfo"]["hasPreviousPage"], true);
    let rest = comments(&mut github, "run", &page["pageInfo"]["startCursor"]);
    assert_eq!(rest["nodes"].as_array().unwrap().len(), 51);
    assert_eq!(rest["pageInfo"]["hasPreviousPage"], false);
    let empty = comments(&mut github, "run", &rest["pageInfo"]["startCursor"]);
    assert_eq!(empty["nodes"], json!([]));
}

#[test]
fn graphql_names_the_author_without_the_bot_suffix_and_knows_the_viewer() {
    let mut github = with_pull();
    comment(&mut github, "run", "mine");
    comment(&mut github, "user:reviewer", "theirs");
    let page = comments(&mut github, "run", &Value::Null);
    let seen: Vec<_> = page["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| (&n["author"]["login"], &n["viewerDidAuthor"]))
        .collect();
    assert_eq!(seen, [(&json!("github-actions"), &json!(true)), (&json!("reviewer"), &json!(false))]);
    let page = comments(&mut github, "user:reviewer", &Value::Null);
    assert_eq!(page["nodes"][1]["viewerDidAuthor"], true);
}

#[test]
fn an_edit_shows_its_editor_and_leaves_a_history() {
    let mut github = with_pull();
    let id = comment(&mut github, "run", "one");
    let fresh = comments(&mut github, "run", &Value::Null)["nodes"][0].clone();
    assert!(fresh["editor"].is_null() && fresh["lastEditedAt"].is_null());
    assert_eq!(
        (&fresh["includesCreatedEdit"], &fresh["userContentEdits"]["nodes"]),
        (&json!(false), &json!([]))
    );

    let own = format!("PATCH /repos/octo/app/issues/comments/{id}");
    call(&mut github, &own, "run", &json!({"body": "two"}));
    assert_eq!(comments(&mut github, "run", &Value::Null)["nodes"][0]["editor"]["login"], "github-actions");

    control(&mut github, &format!("POST comments/{id}/edit"), &json!({"user": "author", "body": "three"}));
    let edited = comments(&mut github, "run", &Value::Null)["nodes"][0].clone();
    assert_eq!(
        (&edited["author"]["login"], &edited["editor"]["login"]),
        (&json!("github-actions"), &json!("author"))
    );
    let editors: Vec<_> = edited["userContentEdits"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["editor"]["login"])
        .collect();
    assert_eq!(editors, ["author", "github-actions", "github-actions"], "newest first, the creation last");

    let shown = control(&mut github, "GET pulls/7/comments", &Value::Null).1[0].clone();
    assert_eq!((&shown["author"], &shown["editor"]), (&json!("github-actions[bot]"), &json!("author")));
    let bodies: Vec<_> = shown["edits"].as_array().unwrap().iter().map(|edit| &edit["body"]).collect();
    assert_eq!(bodies, ["one", "two", "three"]);
}

#[test]
fn the_same_text_again_is_no_edit() {
    let mut github = with_pull();
    let id = comment(&mut github, "run", "one");
    call(&mut github, &format!("PATCH /repos/octo/app/issues/comments/{id}"), "run", &json!({"body": "one"}));
    assert!(comments(&mut github, "run", &Value::Null)["nodes"][0]["editor"].is_null());
}

#[test]
fn a_comment_is_hidden_by_its_node_id() {
    let mut github = with_pull();
    comment(&mut github, "run", "one");
    let id = comments(&mut github, "run", &Value::Null)["nodes"][0]["id"].clone();
    let mutation = "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: DUPLICATE}) {
        minimizedComment { isMinimized minimizedReason } } }";
    let refused = graphql(&mut github, "readonly", mutation, &json!({"id": id}));
    assert_eq!(refused["errors"][0]["type"], "FORBIDDEN");
    assert_eq!(comments(&mut github, "run", &Value::Null)["nodes"][0]["isMinimized"], false);
    let refused = graphql(&mut github, "perm:pull-requests=read", mutation, &json!({"id": id}));
    assert_eq!(refused["errors"][0]["type"], "FORBIDDEN");
    let done = graphql(&mut github, "perm:pull-requests=write", mutation, &json!({"id": id}));
    let state = json!({"isMinimized": true, "minimizedReason": "duplicate"});
    assert_eq!(done["data"]["minimizeComment"]["minimizedComment"], state);
    assert_eq!(comments(&mut github, "run", &Value::Null)["nodes"][0]["isMinimized"], true);
}

#[test]
fn graphql_that_github_would_refuse_gets_errors() {
    let mut github = with_pull();
    let variables = json!({"owner": "octo", "name": "app", "number": 7});
    let within = |inner: &str| {
        format!(
            "query($owner: String!, $name: String!, $number: Int!) {{ repository(owner: $owner, name: $name) {{ \
             pullRequest(number: $number) {{ {inner} }} }} }}"
        )
    };
    for (query, wanted) in [
        (
            within("comments(last: 10) { nodes { nope } }"),
            "Field 'nope' doesn't exist on type 'IssueComment'",
        ),
        (within("comments { nodes { id } }"), "You must provide a `first` or `last`"),
        (within("comments(first: 101) { nodes { id } }"), "exceeds the `first` limit of 100"),
        (within("comments(last: 1)"), "Field must have selections"),
        (within("comments(last: 1, before: $where) { nodes { id } }"), "$where"),
        (within("comments(last: 1, before: \"x\") { nodes { id } }"), "valid cursor"),
        (within("title { x }"), "Selections can't be made on scalars"),
        ("query { repository(".into(), "Expected"),
        ("{ nothing }".into(), "Field 'nothing' doesn't exist on type 'Query'"),
        ("query($n: Int!) { viewer { login } }".into(), "Variable $n of type Int!"),
    ] {
        let body = graphql(&mut github, "run", &query, &variables);
        let message = body["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(message.contains(wanted), "{query}\n{body}");
        assert!(body.get("data").is_none(), "{body}");
    }
    let missing = graphql(&mut github, "run", QUERY, &json!({"owner": "octo", "name": "app", "number": 99}));
    assert_eq!(missing["errors"][0]["type"], "NOT_FOUND");
    assert!(missing["data"]["repository"]["pullRequest"].is_null());
}

#[test]
fn graphql_understands_aliases_and_fragments() {
    let mut github = with_pull();
    let query = "query Q { r: repository(owner: \"octo\", name: \"app\") { __typename
        p: issueOrPullRequest(number: 7) { ... on PullRequest { ...Some } } } }
        fragment Some on PullRequest { n: number headRefOid } # the end";
    let body = graphql(&mut github, "run", query, &json!({}));
    assert_eq!(
        body,
        json!({"data": {"r": {"__typename": "Repository", "p": {"n": 7, "headRefOid": "a".repeat(40)}}}})
    );
}
