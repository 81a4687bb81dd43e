use serde_json::{Value, json};

use super::{Bench, GROUP, definition, network, service, with};

#[test]
fn a_new_task_definition_starts_a_deployment() {
    let mut bench = Bench::running();
    bench.ok("RegisterTaskDefinition", definition());
    assert!(bench.deploys(json!({ "taskDefinition": "web:2" })));
}

#[test]
fn the_same_task_definition_and_network_start_nothing() {
    let mut bench = Bench::running();
    assert!(!bench.deploys(
        json!({ "taskDefinition": "web:1", "networkConfiguration": network(&["subnet-a", "subnet-b"]) })
    ));
    assert!(
        !bench.deploys(json!({ "networkConfiguration": network(&["subnet-b", "subnet-a"]) })),
        "order has no meaning"
    );
}

#[test]
fn another_network_starts_a_deployment() {
    let mut bench = Bench::running();
    assert!(bench.deploys(json!({ "networkConfiguration": network(&["subnet-a"]) })));
}

#[test]
fn another_platform_version_or_force_starts_a_deployment() {
    let mut bench = Bench::running();
    assert!(bench.deploys(json!({ "platformVersion": "1.4.0" })));
    assert!(bench.deploys(json!({ "forceNewDeployment": true })));
}

#[test]
fn load_balancers_registries_and_service_connect_start_a_deployment() {
    let mut bench = Bench::running();
    let balancers = json!([{ "targetGroupArn": GROUP, "containerName": "web", "containerPort": 80 }]);
    assert!(bench.deploys(json!({ "loadBalancers": balancers })));
    assert!(!bench.deploys(json!({ "loadBalancers": balancers })));
    assert!(bench.deploys(json!({ "loadBalancers": [] })), "an empty list removes them");
    assert_eq!(bench.service()["loadBalancers"], json!([]));
    let registry =
        json!([{ "registryArn": "arn:aws:servicediscovery:eu-west-1:123456789012:service/srv-1" }]);
    assert!(bench.deploys(json!({ "serviceRegistries": registry })));
    assert!(
        !bench.deploys(json!({ "serviceConnectConfiguration": { "enabled": false } })),
        "off is the same as never on"
    );
    assert!(bench.deploys(json!({ "serviceConnectConfiguration": { "enabled": true, "namespace": "app" } })));
}

#[test]
fn what_reaches_later_tasks_or_the_service_alone_starts_nothing() {
    let mut bench = Bench::running();
    for change in [
        json!({ "desiredCount": 3 }),
        json!({ "deploymentConfiguration": { "maximumPercent": 150 } }),
        json!({ "availabilityZoneRebalancing": "DISABLED" }),
        json!({ "enableECSManagedTags": true }),
        json!({ "propagateTags": "SERVICE" }),
    ] {
        assert!(!bench.deploys(change.clone()), "{change}");
        let seen = bench.service();
        for (key, value) in
            change.as_object().unwrap().iter().filter(|(key, _)| *key != "deploymentConfiguration")
        {
            assert_eq!(&seen[key], value, "{key}");
        }
    }
    assert_eq!(bench.service()["deploymentConfiguration"]["maximumPercent"], 150);
}

#[test]
fn exec_reaches_later_tasks_and_starts_nothing() {
    let mut bench = Bench::ready();
    let role = json!({ "taskRoleArn": "arn:aws:iam::123456789012:role/task" });
    bench.ok("RegisterTaskDefinition", with(definition(), role));
    bench.ok("CreateService", service());
    bench.after(10.0);
    assert!(!bench.deploys(json!({ "enableExecuteCommand": true, "desiredCount": 3 })));
    bench.after(10.0);
    let on = bench.tasks("RUNNING").iter().filter(|task| task["enableExecuteCommand"] == true).count();
    assert_eq!(on, 1);
}

/// A service with a volume that is configured at launch.
fn with_volume() -> Bench {
    let mut bench = Bench::ready();
    let volumes = json!({ "volumes": [{ "name": "data", "configuredAtLaunch": true }] });
    bench.ok("RegisterTaskDefinition", with(definition(), volumes));
    bench.ok("CreateService", with(service(), json!({ "volumeConfigurations": volume(10) })));
    bench.ok("RegisterTaskDefinition", definition());
    bench.after(10.0);
    bench
}

fn volume(size: i64) -> Value {
    let role = "arn:aws:iam::123456789012:role/ebs";
    json!([{ "name": "data", "managedEBSVolume": { "roleArn": role, "sizeInGiB": size } }])
}

#[test]
fn null_volumes_are_left_alone_and_different_ones_start_a_deployment() {
    let mut bench = with_volume();
    assert!(!bench.deploys(json!({ "volumeConfigurations": null })));
    assert!(!bench.deploys(json!({ "volumeConfigurations": volume(10) })));
    assert!(bench.deploys(json!({ "volumeConfigurations": volume(20) })));
}

#[test]
fn empty_volumes_remove_the_configuration_and_start_a_deployment() {
    let mut bench = with_volume();
    let same = json!({ "cluster": "app", "service": "web", "volumeConfigurations": [] });
    bench.refuses("UpdateService", same, "InvalidParameterException", "must match the volumes");
    assert!(bench.deploys(json!({ "volumeConfigurations": [], "taskDefinition": "web:3" })));
    assert!(bench.service()["deployments"][0].get("volumeConfigurations").is_none());
}

#[test]
fn empty_volumes_where_there_were_none_start_nothing() {
    let mut bench = Bench::running();
    assert!(
        !bench.deploys(json!({ "volumeConfigurations": [], "loadBalancers": [], "serviceRegistries": [] }))
    );
}

#[test]
fn absent_members_of_the_deployment_configuration_stay() {
    let mut bench = Bench::running();
    bench.update(json!({ "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } } }));
    bench.update(json!({ "deploymentConfiguration": { "maximumPercent": 150 } }));
    let config = bench.service()["deploymentConfiguration"].clone();
    assert_eq!(config["deploymentCircuitBreaker"], json!({ "enable": true, "rollback": true }));
    assert_eq!((&config["maximumPercent"], &config["minimumHealthyPercent"]), (&json!(150), &json!(100)));
}

#[test]
fn an_update_without_desired_count_leaves_it_to_autoscaling() {
    let mut bench = Bench::running();
    bench.update(json!({ "desiredCount": 7 }));
    bench.update(json!({ "forceNewDeployment": true }));
    let seen = bench.service();
    assert_eq!((&seen["desiredCount"], &seen["deployments"][0]["desiredCount"]), (&json!(7), &json!(7)));
}

#[test]
fn a_change_of_capacity_providers_must_be_forced() {
    let mut bench = Bench::running();
    let providers = json!({ "cluster": "app", "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
                            "defaultCapacityProviderStrategy": [] });
    bench.ok("PutClusterCapacityProviders", providers);
    let spot = json!({ "capacityProviderStrategy": [{ "capacityProvider": "FARGATE_SPOT", "weight": 1 }] });
    let plain = with(json!({ "cluster": "app", "service": "web" }), spot.clone());
    bench.refuses("UpdateService", plain, "InvalidParameterException", "you must force a new deployment");
    bench.update(with(spot, json!({ "forceNewDeployment": true })));
    bench.after(10.0);
    let tasks = bench.tasks("RUNNING");
    assert_eq!(tasks.len(), 2);
    assert!(tasks.iter().all(|task| task["capacityProviderName"] == "FARGATE_SPOT"));
    assert!(bench.service().get("launchType").is_none());
}

#[test]
fn an_update_needs_an_active_service() {
    let mut bench = Bench::running();
    let unknown = json!({ "cluster": "app", "service": "nope", "desiredCount": 1 });
    bench.refuses("UpdateService", unknown, "ServiceNotFoundException", "Service not found.");
    bench.ok("DeleteService", json!({ "cluster": "app", "service": "web", "force": true }));
    let gone = json!({ "cluster": "app", "service": "web", "desiredCount": 1 });
    bench.refuses("UpdateService", gone.clone(), "ServiceNotActiveException", "Service was not ACTIVE.");
    bench.after(10.0);
    bench.refuses("UpdateService", gone, "ServiceNotActiveException", "Service was not ACTIVE.");
}

#[test]
fn a_new_definition_must_keep_the_container_of_the_load_balancer() {
    let mut bench = Bench::running();
    let balancers = json!([{ "targetGroupArn": GROUP, "containerName": "web", "containerPort": 80 }]);
    bench.update(json!({ "loadBalancers": balancers }));
    let mut input = definition();
    input["containerDefinitions"][0]["name"] = json!("api");
    bench.ok("RegisterTaskDefinition", input);
    let update = json!({ "cluster": "app", "service": "web", "taskDefinition": "web:2" });
    bench.refuses("UpdateService", update, "InvalidParameterException", "The container web does not exist");
}

#[test]
fn a_refused_update_changes_nothing() {
    let mut bench = Bench::running();
    let before = bench.service();
    bench.refused(
        "UpdateService",
        json!({ "cluster": "app", "service": "web", "desiredCount": 9, "platformVersion": "7" }),
    );
    assert_eq!(bench.service(), before);
}

#[test]
fn a_deregistered_definition_goes_on_running_and_scaling() {
    let mut bench = Bench::running();
    bench.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:1" }));
    bench.update(json!({ "desiredCount": 4 }));
    bench.after(10.0);
    assert_eq!(bench.service()["runningCount"], 4);
}
