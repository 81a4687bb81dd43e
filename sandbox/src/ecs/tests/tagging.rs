use serde_json::{Value, json};

use super::{Bench, definition, service, with};

const CLUSTER: &str = "arn:aws:ecs:eu-west-1:123456789012:cluster/app";
const SERVICE: &str = "arn:aws:ecs:eu-west-1:123456789012:service/app/web";
const DEFINITION: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1";

fn tags(bench: &mut Bench, arn: &str) -> Value {
    bench.ok("ListTagsForResource", json!({ "resourceArn": arn }))["tags"].clone()
}

#[test]
fn clusters_services_tasks_and_definitions_can_be_tagged_and_untagged() {
    let mut bench = Bench::running();
    let task = bench.tasks("RUNNING")[0]["taskArn"].as_str().unwrap().to_owned();
    for arn in [CLUSTER, SERVICE, DEFINITION, &task] {
        let pair = json!([{ "key": "a", "value": "1" }, { "key": "b", "value": "2" }]);
        bench.ok("TagResource", json!({ "resourceArn": arn, "tags": pair }));
        bench.ok("TagResource", json!({ "resourceArn": arn, "tags": [{ "key": "a", "value": "3" }] }));
        bench.ok("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["b", "never"] }));
        assert_eq!(tags(&mut bench, arn), json!([{ "key": "a", "value": "3" }]), "{arn}");
    }
}

#[test]
fn a_resource_carries_fifty_tags_and_no_more() {
    let mut bench = Bench::ready();
    let some = |from: usize, to: usize| -> Value {
        (from..to).map(|n| json!({ "key": format!("k{n}"), "value": "v" })).collect()
    };
    bench.ok("TagResource", json!({ "resourceArn": CLUSTER, "tags": some(0, 50) }));
    bench.ok("TagResource", json!({ "resourceArn": CLUSTER, "tags": some(0, 50) }));
    let more = json!({ "resourceArn": CLUSTER, "tags": some(50, 51) });
    bench.refuses("TagResource", more, "InvalidParameterException", "50");
}

#[test]
fn keys_of_aws_can_neither_be_set_nor_removed() {
    let mut bench = Bench::ready();
    let set = json!({ "resourceArn": CLUSTER, "tags": [{ "key": "AWS:x", "value": "" }] });
    bench.refuses("TagResource", set, "InvalidParameterException", "aws:");
    let unset = json!({ "resourceArn": CLUSTER, "tagKeys": ["aws:x"] });
    bench.refuses("UntagResource", unset, "InvalidParameterException", "aws:");
}

#[test]
fn what_does_not_exist_cannot_be_tagged() {
    let mut bench = Bench::ready();
    for arn in
        [SERVICE, "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:9", "arn:aws:s3:::bucket", "x"]
    {
        let input = json!({ "resourceArn": arn, "tags": [] });
        let (code, _) = bench.refused("TagResource", input);
        assert_eq!(code, "InvalidParameterException", "{arn}");
    }
    let cluster = json!({ "resourceArn": CLUSTER.replace("app", "nope") });
    bench.refuses("ListTagsForResource", cluster, "ClusterNotFoundException", "Cluster not found.");
}

#[test]
fn tags_are_propagated_to_tasks_launched_from_then_on() {
    let mut bench = Bench::ready();
    let definition_tags = json!({ "tags": [{ "key": "from", "value": "definition" }] });
    bench.ok("RegisterTaskDefinition", with(definition(), definition_tags));
    let service_tags = json!([{ "key": "from", "value": "service" }]);
    bench.ok("CreateService", with(service(), json!({ "tags": service_tags, "desiredCount": 1 })));
    bench.after(10.0);
    let launch = |bench: &mut Bench, change: Value| {
        bench.update(with(change, json!({ "forceNewDeployment": true })));
        bench.after(10.0);
        bench.tasks("RUNNING")[0]["tags"].clone()
    };
    assert_eq!(bench.tasks("RUNNING")[0]["tags"], json!([]));
    bench.update(json!({ "propagateTags": "SERVICE" }));
    bench.after(10.0);
    assert_eq!(bench.tasks("RUNNING")[0]["tags"], json!([]), "tasks that run keep what they have");
    assert_eq!(launch(&mut bench, json!({})), service_tags);
    let managed = json!({ "propagateTags": "TASK_DEFINITION", "enableECSManagedTags": true });
    assert_eq!(
        launch(&mut bench, managed),
        json!([{ "key": "aws:ecs:clusterName", "value": "app" }, { "key": "aws:ecs:serviceName", "value": "web" },
               { "key": "from", "value": "definition" }])
    );
}

#[test]
fn everything_tagged_is_known_to_the_tagging_api_while_it_exists() {
    let mut bench = Bench::empty();
    let mine = json!([{ "key": "mine", "value": "yes" }]);
    bench.ok("CreateCluster", json!({ "clusterName": "app", "tags": mine }));
    bench.ok("RegisterTaskDefinition", with(definition(), json!({ "tags": mine })));
    bench.ok(
        "CreateService",
        with(service(), json!({ "tags": mine, "propagateTags": "SERVICE", "desiredCount": 1 })),
    );
    bench.after(10.0);
    let task = bench.tasks("RUNNING")[0]["taskArn"].as_str().unwrap().to_owned();
    let arns =
        |bench: &Bench| -> Vec<String> { bench.ecs.tagged().into_iter().map(|(arn, _)| arn).collect() };
    assert_eq!(arns(&bench), [CLUSTER, SERVICE, &task, DEFINITION]);
    assert_eq!(bench.ecs.tagged()[0].1["mine"], "yes");
    bench.ok("DeleteService", json!({ "cluster": "app", "service": "web", "force": true }));
    bench.after(10.0);
    bench.ok("DeleteCluster", json!({ "cluster": "app" }));
    bench.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:1" }));
    assert_eq!(arns(&bench), [DEFINITION], "a deregistered revision still exists");
    bench.ok("DeleteTaskDefinitions", json!({ "taskDefinitions": ["web:1"] }));
    assert!(arns(&bench).is_empty());
}
