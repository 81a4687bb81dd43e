use serde_json::{Value, json};

use super::{Bench, GROUP, IDLE, INSTANCES, definition, network, service, with};

fn balancer(group: &str, name: &str, port: i64) -> Value {
    json!({ "loadBalancers": [{ "targetGroupArn": group, "containerName": name, "containerPort": port }] })
}

fn refused(over: Value, code: &str, message: &str) {
    Bench::ready().refuses("CreateService", with(service(), over), code, message);
}

fn invalid(over: Value, message: &str) {
    refused(over, "InvalidParameterException", message);
}

#[test]
fn a_new_service_has_the_defaults_of_ecs() {
    let mut bench = Bench::ready();
    let made = bench.ok("CreateService", service())["service"].clone();
    assert_eq!(made["serviceArn"], "arn:aws:ecs:eu-west-1:123456789012:service/app/web");
    assert_eq!(made["clusterArn"], "arn:aws:ecs:eu-west-1:123456789012:cluster/app");
    assert_eq!(made["taskDefinition"], "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1");
    assert_eq!(
        made["deploymentConfiguration"],
        json!({ "deploymentCircuitBreaker": { "enable": false, "rollback": false }, "maximumPercent": 200,
                "minimumHealthyPercent": 100, "strategy": "ROLLING", "bakeTimeInMinutes": 0 })
    );
    for (key, value) in [
        ("status", json!("ACTIVE")),
        ("schedulingStrategy", json!("REPLICA")),
        ("deploymentController", json!({ "type": "ECS" })),
        ("enableECSManagedTags", json!(false)),
        ("propagateTags", json!("NONE")),
        ("enableExecuteCommand", json!(false)),
        ("availabilityZoneRebalancing", json!("ENABLED")),
        ("platformVersion", json!("LATEST")),
        ("platformFamily", json!("Linux")),
        ("loadBalancers", json!([])),
        ("desiredCount", json!(2)),
        ("runningCount", json!(0)),
        ("createdAt", json!(1_800_000_000.0)),
    ] {
        assert_eq!(made[key], value, "{key}");
    }
    assert_eq!(made["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"], "DISABLED");
    assert!(made.get("healthCheckGracePeriodSeconds").is_none());
    // LATEST is what the service asks for; a deployment runs on a version.
    assert_eq!(made["deployments"][0]["platformVersion"], "1.4.0");
}

#[test]
fn every_setting_of_a_service_is_kept() {
    let mut bench = Bench::ready();
    let over = json!({
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": { "enable": true, "rollback": true, "resetOnHealthyTask": false,
                                          "thresholdConfiguration": { "type": "COUNT", "value": 3 } },
            "maximumPercent": 150, "minimumHealthyPercent": 50, "strategy": "ROLLING", "bakeTimeInMinutes": 5,
            "alarms": { "alarmNames": ["a"], "enable": true, "rollback": true },
            "earlySuccessCriteria": { "enable": true, "healthyPercent": 80 } },
        "enableECSManagedTags": true, "propagateTags": "SERVICE", "availabilityZoneRebalancing": "DISABLED",
        "healthCheckGracePeriodSeconds": 60, "platformVersion": "1.4.0",
        "serviceRegistries": [{ "registryArn": "arn:aws:servicediscovery:eu-west-1:123456789012:service/srv-1" }],
    });
    bench.ok("CreateService", with(with(service(), over.clone()), balancer(GROUP, "web", 80)));
    let seen = bench.service();
    for (key, value) in over.as_object().unwrap() {
        assert_eq!(&seen[key], value, "{key}");
    }
    assert_eq!(seen["loadBalancers"][0]["targetGroupArn"], GROUP);
}

#[test]
fn tags_of_a_service_are_shown_only_when_asked_for() {
    let mut bench = Bench::ready();
    let tags = json!([{ "key": "a", "value": "b" }]);
    bench.ok("CreateService", with(service(), json!({ "tags": tags })));
    assert!(bench.service().get("tags").is_none());
    let input = json!({ "cluster": "app", "services": ["web"], "include": ["TAGS"] });
    assert_eq!(bench.ok("DescribeServices", input)["services"][0]["tags"], tags);
}

#[test]
fn the_name_of_an_active_service_is_taken() {
    let mut bench = Bench::ready();
    bench.ok("CreateService", service());
    bench.refuses(
        "CreateService",
        service(),
        "InvalidParameterException",
        "Creation of service was not idempotent.",
    );
}

#[test]
fn the_same_request_with_the_same_token_finds_its_service() {
    let mut bench = Bench::ready();
    let input = with(service(), json!({ "clientToken": "token-1" }));
    let first = bench.ok("CreateService", input.clone());
    bench.after(5.0);
    let again = bench.ok("CreateService", input.clone());
    assert_eq!(first["service"]["deployments"][0]["id"], again["service"]["deployments"][0]["id"]);
    let other = with(input, json!({ "desiredCount": 3 }));
    bench.refuses("CreateService", other, "InvalidParameterException", "not idempotent");
}

#[test]
fn the_name_of_a_draining_service_is_not_free_yet() {
    let mut bench = Bench::running();
    let gone = bench.ok("DeleteService", json!({ "cluster": "app", "service": "web", "force": true }));
    assert_eq!(gone["service"]["status"], "DRAINING");
    let message = "Unable to Start a service that is still Draining.";
    bench.refuses("CreateService", service(), "InvalidParameterException", message);
    bench.after(5.0);
    assert_eq!(bench.service()["status"], "INACTIVE");
    let anew = bench.ok("CreateService", service());
    assert_eq!(anew["service"]["status"], "ACTIVE");
}

#[test]
fn a_service_with_tasks_is_deleted_only_by_force() {
    let mut bench = Bench::running();
    let plain = json!({ "cluster": "app", "service": "web" });
    let message = "The service cannot be stopped while the primary deployment is scaled above 0.";
    bench.refuses("DeleteService", plain.clone(), "InvalidParameterException", message);
    bench.update(json!({ "desiredCount": 0 }));
    bench.ok("DeleteService", plain.clone());
    bench.after(5.0);
    bench.refuses("DeleteService", plain, "ServiceNotFoundException", "Service not found.");
}

#[test]
fn an_inactive_service_is_described_but_not_listed() {
    let mut bench = Bench::running();
    bench.ok("DeleteService", json!({ "cluster": "app", "service": "web", "force": true }));
    bench.after(5.0);
    let seen = bench.service();
    assert_eq!((&seen["status"], &seen["desiredCount"]), (&json!("INACTIVE"), &json!(0)));
    assert_eq!(bench.ok("ListServices", json!({ "cluster": "app" }))["serviceArns"], json!([]));
}

#[test]
fn an_unknown_service_is_a_missing_failure() {
    let mut bench = Bench::ready();
    let answer = bench.ok("DescribeServices", json!({ "cluster": "app", "services": ["nope"] }));
    let arn = "arn:aws:ecs:eu-west-1:123456789012:service/app/nope";
    assert_eq!(answer, json!({ "services": [], "failures": [{ "arn": arn, "reason": "MISSING" }] }));
    let unknown = json!({ "cluster": "nope", "services": ["web"] });
    bench.refuses("DescribeServices", unknown, "ClusterNotFoundException", "Cluster not found.");
}

#[test]
fn a_service_is_found_by_its_arn() {
    let mut bench = Bench::running();
    let arn = bench.service()["serviceArn"].clone();
    let answer = bench.ok("DescribeServices", json!({ "cluster": "app", "services": [arn] }));
    assert_eq!(answer["services"][0]["serviceName"], "web");
    bench.ok("CreateCluster", json!({ "clusterName": "other" }));
    let elsewhere = json!({ "cluster": "other", "services": [arn] });
    bench.refuses("DescribeServices", elsewhere, "InvalidParameterException", "Identifier is for app");
}

#[test]
fn the_container_and_port_of_a_load_balancer_are_in_the_task_definition() {
    invalid(balancer(GROUP, "api", 80), "The container api does not exist in the task definition.");
    invalid(balancer(GROUP, "web", 81), "The container web did not have a container port 81 defined.");
}

#[test]
fn a_target_group_exists_takes_addresses_and_has_a_load_balancer() {
    let gone = GROUP.replace("web", "gone");
    invalid(balancer(&gone, "web", 80), "does not exist");
    invalid(balancer(IDLE, "web", 80), "does not have an associated load balancer.");
    invalid(
        balancer(INSTANCES, "web", 80),
        "target type instance, which is incompatible with the awsvpc network mode",
    );
}

#[test]
fn a_service_behind_a_load_balancer_has_a_grace_period() {
    let mut bench = Bench::ready();
    let made = bench.ok("CreateService", with(service(), balancer(GROUP, "web", 80)));
    assert_eq!(made["service"]["healthCheckGracePeriodSeconds"], 0);
}

#[test]
fn fargate_needs_a_network_that_exists() {
    invalid(
        json!({ "networkConfiguration": null }),
        "Network Configuration must be provided when networkMode 'awsvpc'",
    );
    invalid(json!({ "networkConfiguration": network(&[]) }), "subnets can not be empty.");
    invalid(
        json!({ "networkConfiguration": network(&["subnet-none"]) }),
        "The subnet ID 'subnet-none' does not exist",
    );
    invalid(json!({ "networkConfiguration": network(&["subnet-a", "subnet-x"]) }), "same VPC");
    let groups = |groups: Value| json!({ "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-a"], "securityGroups": groups } } });
    invalid(groups(json!(["sg-none"])), "The security group 'sg-none' does not exist");
    invalid(groups(json!(["sg-1", "sg-2", "a", "b", "c", "d"])), "at most 5");
}

#[test]
fn a_definition_for_instances_does_not_run_on_fargate() {
    let mut bench = Bench::ready();
    let mut input = with(
        definition(),
        json!({ "family": "ec2", "requiresCompatibilities": ["EC2"], "cpu": null, "memory": null }),
    );
    input["containerDefinitions"][0]["memory"] = json!(128);
    bench.ok("RegisterTaskDefinition", input);
    let input = with(service(), json!({ "taskDefinition": "ec2" }));
    bench.refuses(
        "CreateService",
        input,
        "InvalidParameterException",
        "does not support launch_type FARGATE",
    );
}

#[test]
fn percentages_that_block_every_deployment_are_refused() {
    let config = |least: i64, most: i64| json!({ "deploymentConfiguration": { "minimumHealthyPercent": least, "maximumPercent": most } });
    invalid(config(100, 100), "cannot be 100 as this will block deployments");
    invalid(config(120, 110), "minimumHealthyPercent must be less than or equal");
}

#[test]
fn an_unknown_platform_version_is_refused() {
    refused(json!({ "platformVersion": "9.9.9" }), "PlatformUnknownException", "does not exist");
}

#[test]
fn a_strategy_excludes_a_launch_type_and_needs_providers_of_the_cluster() {
    let strategy = json!([{ "capacityProvider": "FARGATE_SPOT", "weight": 1 }]);
    invalid(
        json!({ "capacityProviderStrategy": strategy }),
        "Specifying both a launch type and capacity provider",
    );
    invalid(
        json!({ "launchType": null, "capacityProviderStrategy": strategy }),
        "not associated with the cluster",
    );
}

#[test]
fn exec_needs_a_task_role() {
    invalid(json!({ "enableExecuteCommand": true }), "a valid taskRoleArn is not being used");
}

#[test]
fn a_desired_count_is_needed_and_not_negative() {
    invalid(json!({ "desiredCount": null }), "desiredCount");
    invalid(json!({ "desiredCount": -1 }), "desiredCount");
}

#[test]
fn a_volume_role_must_exist_and_volumes_must_match() {
    let mut bench = Bench::ready();
    let family = json!({ "family": "ebs", "volumes": [{ "name": "data", "configuredAtLaunch": true }] });
    bench.ok("RegisterTaskDefinition", with(definition(), family));
    let volume = |name: &str, role: &str| {
        with(
            service(),
            json!({ "taskDefinition": "ebs", "volumeConfigurations": [{ "name": name,
            "managedEBSVolume": { "roleArn": format!("arn:aws:iam::123456789012:role/{role}"), "sizeInGiB": 10 } }] }),
        )
    };
    let code = "InvalidParameterException";
    bench.refuses("CreateService", volume("other", "ebs"), code, "must match the volumes");
    bench.refuses("CreateService", volume("data", "gone"), code, "unable to assume the role");
    let made = bench.ok("CreateService", volume("data", "ebs"));
    assert_eq!(made["service"]["deployments"][0]["volumeConfigurations"][0]["name"], "data");
}

#[test]
fn a_service_on_instances_finds_none_in_the_sandbox() {
    let mut bench = Bench::ready();
    bench.ok("CreateService", with(service(), json!({ "launchType": "EC2" })));
    bench.after(60.0);
    let seen = bench.service();
    assert_eq!(
        (&seen["runningCount"], &seen["deployments"][0]["rolloutState"]),
        (&json!(0), &json!("IN_PROGRESS"))
    );
    let events = bench.events();
    assert_eq!(events.len(), 1);
    assert!(events[0].contains("was unable to place a task"));
}
