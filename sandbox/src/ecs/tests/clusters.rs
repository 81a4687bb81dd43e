use serde_json::{Value, json};

use super::{Bench, service};

fn describe(bench: &mut Bench, include: Value) -> Value {
    bench.ok("DescribeClusters", json!({ "clusters": ["app"], "include": include }))["clusters"][0].clone()
}

#[test]
fn a_cluster_without_a_name_is_called_default() {
    let mut bench = Bench::empty();
    let made = bench.ok("CreateCluster", json!({}));
    assert_eq!(made["cluster"]["clusterArn"], "arn:aws:ecs:eu-west-1:123456789012:cluster/default");
    assert_eq!(bench.ok("DescribeClusters", json!({}))["clusters"][0]["clusterName"], "default");
}

#[test]
fn tags_and_settings_of_a_cluster_are_shown_only_when_asked_for() {
    let mut bench = Bench::empty();
    bench.ok(
        "CreateCluster",
        json!({ "clusterName": "app", "tags": [{ "key": "team", "value": "blue" }],
                "settings": [{ "name": "containerInsights", "value": "enhanced" }] }),
    );
    let bare = describe(&mut bench, json!([]));
    assert_eq!((&bare["tags"], &bare["settings"]), (&json!([]), &json!([])));
    let full = describe(&mut bench, json!(["TAGS", "SETTINGS"]));
    assert_eq!(full["tags"], json!([{ "key": "team", "value": "blue" }]));
    assert_eq!(full["settings"], json!([{ "name": "containerInsights", "value": "enhanced" }]));
}

#[test]
fn creating_an_active_cluster_again_returns_it_unchanged() {
    let mut bench = Bench::ready();
    bench.ok("CreateCluster", json!({ "clusterName": "app", "tags": [{ "key": "new", "value": "x" }] }));
    assert_eq!(describe(&mut bench, json!(["TAGS"]))["tags"], json!([]));
}

#[test]
fn a_deleted_cluster_is_described_as_inactive_and_not_listed() {
    let mut bench = Bench::ready();
    let gone = bench.ok("DeleteCluster", json!({ "cluster": "app" }));
    assert_eq!(gone["cluster"]["status"], "INACTIVE");
    assert_eq!(describe(&mut bench, json!([]))["status"], "INACTIVE");
    assert_eq!(bench.ok("ListClusters", json!({}))["clusterArns"], json!([]));
    bench.refuses("CreateService", service(), "ClusterNotFoundException", "Cluster not found.");
}

#[test]
fn a_deleted_cluster_can_be_created_anew_without_its_old_tags() {
    let mut bench = Bench::empty();
    bench.ok("CreateCluster", json!({ "clusterName": "app", "tags": [{ "key": "a", "value": "b" }] }));
    bench.ok("DeleteCluster", json!({ "cluster": "app" }));
    bench.ok("CreateCluster", json!({ "clusterName": "app" }));
    let anew = describe(&mut bench, json!(["TAGS"]));
    assert_eq!((&anew["status"], &anew["tags"]), (&json!("ACTIVE"), &json!([])));
}

#[test]
fn an_unknown_cluster_is_a_missing_failure_not_an_error() {
    let mut bench = Bench::ready();
    let answer = bench.ok("DescribeClusters", json!({ "clusters": ["app", "nope"] }));
    assert_eq!(answer["clusters"].as_array().unwrap().len(), 1);
    let arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/nope";
    assert_eq!(answer["failures"], json!([{ "arn": arn, "reason": "MISSING" }]));
}

#[test]
fn an_arn_of_another_region_names_no_cluster_here() {
    let mut bench = Bench::ready();
    let arn = "arn:aws:ecs:eu-west-2:123456789012:cluster/app";
    bench.refuses(
        "ListServices",
        json!({ "cluster": arn }),
        "ClusterNotFoundException",
        "Cluster not found.",
    );
}

#[test]
fn a_cluster_with_services_or_with_tasks_cannot_be_deleted() {
    let mut bench = Bench::running();
    let cluster = json!({ "cluster": "app" });
    bench.refuses(
        "DeleteCluster",
        cluster.clone(),
        "ClusterContainsServicesException",
        "Services are active",
    );
    bench.ok("DeleteService", json!({ "cluster": "app", "service": "web", "force": true }));
    bench.refuses("DeleteCluster", cluster.clone(), "ClusterContainsTasksException", "Tasks are active");
    bench.after(5.0);
    bench.ok("DeleteCluster", cluster);
}

#[test]
fn a_cluster_counts_its_services_and_tasks() {
    let mut bench = Bench::running();
    let cluster = describe(&mut bench, json!([]));
    assert_eq!(cluster["activeServicesCount"], 1);
    assert_eq!((&cluster["runningTasksCount"], &cluster["pendingTasksCount"]), (&json!(2), &json!(0)));
}

#[test]
fn capacity_providers_are_set_as_a_whole_and_kept_while_in_use() {
    let mut bench = Bench::ready();
    let strategy = json!([{ "capacityProvider": "FARGATE_SPOT", "weight": 1 }]);
    bench.ok(
        "PutClusterCapacityProviders",
        json!({ "cluster": "app", "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
                "defaultCapacityProviderStrategy": strategy }),
    );
    let cluster = describe(&mut bench, json!([]));
    assert_eq!(cluster["capacityProviders"], json!(["FARGATE", "FARGATE_SPOT"]));
    assert_eq!(cluster["defaultCapacityProviderStrategy"], strategy);
    // A service that names no launch type takes the default strategy.
    let made = bench.ok("CreateService", super::with(service(), json!({ "launchType": null })));
    assert_eq!(made["service"]["capacityProviderStrategy"][0]["capacityProvider"], "FARGATE_SPOT");
    assert!(made["service"].get("launchType").is_none());
    let none = json!({ "cluster": "app", "capacityProviders": [], "defaultCapacityProviderStrategy": [] });
    bench.refuses("PutClusterCapacityProviders", none, "ResourceInUseException", "in use");
}

#[test]
fn a_default_strategy_uses_only_providers_of_the_cluster() {
    let mut bench = Bench::ready();
    let input = json!({ "cluster": "app", "capacityProviders": ["FARGATE"],
                        "defaultCapacityProviderStrategy": [{ "capacityProvider": "FARGATE_SPOT" }] });
    bench.refuses("PutClusterCapacityProviders", input, "InvalidParameterException", "not associated");
}

#[test]
fn settings_of_a_cluster_can_be_changed() {
    let mut bench = Bench::ready();
    let before = describe(&mut bench, json!(["SETTINGS"]));
    assert_eq!(before["settings"], json!([{ "name": "containerInsights", "value": "disabled" }]));
    let on = json!([{ "name": "containerInsights", "value": "enabled" }]);
    bench.ok("UpdateClusterSettings", json!({ "cluster": "app", "settings": on }));
    assert_eq!(describe(&mut bench, json!(["SETTINGS"]))["settings"], on);
}

#[test]
fn the_partition_follows_the_region() {
    for (region, partition) in
        [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")]
    {
        let mut ecs = crate::ecs::Ecs::new("123456789012", region);
        let made = ecs.call("CreateCluster", &json!({}), 0.0, &crate::ecs::Outside::default()).unwrap();
        let arn = made["cluster"]["clusterArn"].as_str().unwrap();
        assert_eq!(arn, format!("arn:{partition}:ecs:{region}:123456789012:cluster/default"));
    }
}
