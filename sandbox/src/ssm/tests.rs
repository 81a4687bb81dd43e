#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::Ssm;

const NOW: f64 = 1_764_000_000.0;

fn store() -> Ssm {
    Ssm::new("111122223333", "eu-west-1")
}

fn code(ssm: &mut Ssm, operation: &str, input: &Value) -> String {
    ssm.call(operation, input, NOW).map_or_else(|refusal| refusal.code, |_| "ok".into())
}

fn put(ssm: &mut Ssm, name: &str) -> String {
    code(ssm, "PutParameter", &json!({"Name": name, "Value": "v", "Type": "String"}))
}

fn names(answer: &Value) -> Vec<String> {
    answer["Parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["Name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_name_is_taken_once_and_overwriting_counts_versions() {
    let mut ssm = store();
    let first =
        json!({"Name": "/lock/web", "Value": "one", "Type": "String", "Tags": [{"Key": "a", "Value": "b"}]});
    assert_eq!(ssm.call("PutParameter", &first, NOW).unwrap(), json!({"Tier": "Standard", "Version": 1}));
    assert_eq!(code(&mut ssm, "PutParameter", &first), "ParameterAlreadyExists");
    let again = json!({"Name": "/lock/web", "Value": "two", "Overwrite": true});
    assert_eq!(ssm.call("PutParameter", &again, NOW + 5.0).unwrap()["Version"], 2);
    let read = ssm.call("GetParameter", &json!({"Name": "/lock/web"}), NOW).unwrap()["Parameter"].clone();
    assert_eq!(
        (&read["Value"], &read["Version"], &read["Type"]),
        (&json!("two"), &json!(2), &json!("String"))
    );
    assert_eq!(read["ARN"], "arn:aws:ssm:eu-west-1:111122223333:parameter/lock/web");
    let old = ssm.call("GetParameter", &json!({"Name": "/lock/web:1"}), NOW).unwrap()["Parameter"].clone();
    assert_eq!((&old["Value"], &old["Selector"]), (&json!("one"), &json!(":1")));
    assert_eq!(code(&mut ssm, "GetParameter", &json!({"Name": "/lock/web:9"})), "ParameterVersionNotFound");
    assert_eq!(code(&mut ssm, "GetParameter", &json!({"Name": read["ARN"]})), "ok");
    let tags = ssm
        .call("ListTagsForResource", &json!({"ResourceType": "Parameter", "ResourceId": "/lock/web"}), NOW)
        .unwrap();
    assert_eq!(tags["TagList"], json!([{"Key": "a", "Value": "b"}]), "overwriting keeps tags");
}

#[test]
fn tags_and_overwrite_do_not_go_together() {
    let mut ssm = store();
    let body = json!({"Name": "x", "Value": "v", "Type": "String", "Overwrite": true, "Tags": [{"Key": "a", "Value": "b"}]});
    assert_eq!(code(&mut ssm, "PutParameter", &body), "ValidationException");
    assert_eq!(code(&mut ssm, "GetParameter", &json!({"Name": "x"})), "ParameterNotFound");
}

#[test]
fn of_concurrent_creations_exactly_one_wins() {
    let ssm = Arc::new(Mutex::new(store()));
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let ssm = Arc::clone(&ssm);
            std::thread::spawn(move || {
                let body = json!({"Name": "/lock/web", "Value": n.to_string(), "Type": "String"});
                ssm.lock().unwrap().call("PutParameter", &body, NOW).map_err(|refusal| refusal.code)
            })
        })
        .collect();
    let results: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(results.iter().filter(|one| one.is_ok()).count(), 1);
    assert!(results.iter().all(|one| one.as_ref().err().is_none_or(|code| code == "ParameterAlreadyExists")));
}

#[test]
fn names_follow_the_rules_of_aws() {
    let mut ssm = store();
    let deep = |levels: usize| format!("/{}", vec!["x"; levels].join("/"));
    for (name, wanted) in [
        ("plain", "ok"),
        ("/a.b/c-d/e_f", "ok"),
        (deep(15).as_str(), "ok"),
        (deep(16).as_str(), "HierarchyLevelLimitExceededException"),
        ("a/b", "ValidationException"),
        ("/a/", "ValidationException"),
        ("/a//b", "ValidationException"),
        ("a b", "ValidationException"),
        ("ä", "ValidationException"),
        ("", "ValidationException"),
        ("awsome", "ValidationException"),
        ("/SSM/x", "ValidationException"),
        ("/aws/x", "AccessDeniedException"),
        ("x".repeat(1011).as_str(), "ok"),
        ("x".repeat(1012).as_str(), "ValidationException"),
        ("x".repeat(2049).as_str(), "ValidationException"),
    ] {
        assert_eq!(put(&mut ssm, name), wanted, "{name}");
    }
}

#[test]
fn values_are_limited_by_tier_and_must_not_be_empty() {
    let mut ssm = store();
    let mut with = |name: &str, size: usize, tier: &str| {
        code(
            &mut ssm,
            "PutParameter",
            &json!({"Name": name, "Value": "v".repeat(size), "Type": "String", "Tier": tier}),
        )
    };
    assert_eq!(with("a", 4096, "Standard"), "ok");
    assert_eq!(with("b", 4097, "Standard"), "ValidationException");
    assert_eq!(with("c", 0, "Standard"), "ValidationException");
    assert_eq!(with("d", 8192, "Advanced"), "ok");
    assert_eq!(with("e", 8193, "Advanced"), "ValidationException");
    assert_eq!(with("f", 4097, "Intelligent-Tiering"), "ok");
    for bad in [
        json!({"Name": "g", "Value": "v"}),
        json!({"Name": "g", "Value": "v", "Type": "Text"}),
        json!({"Name": "g"}),
    ] {
        assert_eq!(code(&mut ssm, "PutParameter", &bad), "ValidationException", "{bad}");
    }
}

#[test]
fn a_path_lists_one_level_or_all_in_pages_of_ten() {
    let mut ssm = store();
    for n in 0..23 {
        put(&mut ssm, &format!("/fargate-stack/lock-{n:02}"));
    }
    for name in ["/fargate-stack/deep/x", "/fargate-stack-other/x", "plain"] {
        put(&mut ssm, name);
    }
    let (mut all, mut input) = (Vec::new(), json!({"Path": "/fargate-stack"}));
    let mut pages = 0;
    loop {
        let answer = ssm.call("GetParametersByPath", &input, NOW).unwrap();
        all.extend(names(&answer));
        pages += 1;
        match answer.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!((pages, all.len()), (3, 23));
    let deep = json!({"Path": "/fargate-stack/", "Recursive": true, "MaxResults": 1});
    assert_eq!(names(&ssm.call("GetParametersByPath", &deep, NOW).unwrap()), ["/fargate-stack/deep/x"]);
    assert_eq!(names(&ssm.call("GetParametersByPath", &json!({"Path": "/"}), NOW).unwrap()), ["plain"]);
    for (input, wanted) in [
        (json!({"Path": "x"}), "ValidationException"),
        (json!({"Path": "/x", "MaxResults": 11}), "ValidationException"),
        (json!({"Path": "/x", "NextToken": "y"}), "InvalidNextToken"),
    ] {
        assert_eq!(code(&mut ssm, "GetParametersByPath", &input), wanted);
    }
    let found = json!({"ParameterFilters": [{"Key": "Name", "Option": "BeginsWith", "Values": ["/fargate-stack/lock-0"]}]});
    let described = ssm.call("DescribeParameters", &found, NOW).unwrap();
    assert_eq!(names(&described).len(), 10);
    assert!(described["Parameters"][0].get("Value").is_none());
}

#[test]
fn what_is_absent_cannot_be_read_or_deleted() {
    let mut ssm = store();
    put(&mut ssm, "/a");
    assert_eq!(code(&mut ssm, "DeleteParameter", &json!({"Name": "/b"})), "ParameterNotFound");
    let several = ssm.call("GetParameters", &json!({"Names": ["/a", "/b"]}), NOW).unwrap();
    assert_eq!((names(&several), &several["InvalidParameters"]), (vec!["/a".to_owned()], &json!(["/b"])));
    assert_eq!(code(&mut ssm, "GetParameters", &json!({"Names": vec!["/a"; 11]})), "ValidationException");
    let gone = ssm.call("DeleteParameters", &json!({"Names": ["/a", "/b"]}), NOW).unwrap();
    assert_eq!(gone, json!({"DeletedParameters": ["/a"], "InvalidParameters": ["/b"]}));
    assert_eq!(code(&mut ssm, "GetParameter", &json!({"Name": "/a"})), "ParameterNotFound");
    assert_eq!(put(&mut ssm, "/a"), "ok", "the name is free again");
    let tag = json!({"ResourceType": "Parameter", "ResourceId": "/b", "Tags": []});
    assert_eq!(code(&mut ssm, "AddTagsToResource", &tag), "InvalidResourceId");
}

#[test]
fn a_secure_string_is_shown_only_when_decryption_is_wanted() {
    let mut ssm = store();
    ssm.call("PutParameter", &json!({"Name": "s", "Value": "secret", "Type": "SecureString"}), NOW).unwrap();
    let hidden = ssm.call("GetParameter", &json!({"Name": "s"}), NOW).unwrap();
    assert!(!hidden.to_string().contains("secret"));
    let shown = ssm.call("GetParameter", &json!({"Name": "s", "WithDecryption": true}), NOW).unwrap();
    assert_eq!(shown["Parameter"]["Value"], "secret");
}

#[test]
fn the_parameters_of_aws_are_left_to_moto() {
    assert!(!Ssm::knows("GetParameter", &json!({"Name": "/aws/service/x"})));
    assert!(Ssm::knows("PutParameter", &json!({"Name": "/aws/x"})));
    assert!(Ssm::knows("GetParametersByPath", &json!({"Path": "/fargate-stack"})));
    assert!(!Ssm::knows("ListDocuments", &json!({})));
    assert!(!Ssm::knows("ListTagsForResource", &json!({"ResourceType": "Document", "ResourceId": "x"})));
}
