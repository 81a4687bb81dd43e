use serde_json::{Value, json};

use super::{Bench, container, definition, service, with};

const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition";

fn register(bench: &mut Bench, over: Value) -> Value {
    bench.ok("RegisterTaskDefinition", with(definition(), over))["taskDefinition"].clone()
}

fn list(bench: &mut Bench, input: Value) -> Vec<String> {
    let arns = bench.ok("ListTaskDefinitions", input)["taskDefinitionArns"].clone();
    let short = |one: &Value| one.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    arns.as_array().unwrap().iter().map(short).collect()
}

#[test]
fn registering_fills_in_what_the_server_adds() {
    let mut bench = Bench::empty();
    let made = register(&mut bench, json!({}));
    assert_eq!(made["taskDefinitionArn"], format!("{ARN}/web:1"));
    assert_eq!((&made["revision"], &made["status"]), (&json!(1), &json!("ACTIVE")));
    assert_eq!(made["registeredAt"], json!(bench.now));
    assert_eq!(made["registeredBy"], "arn:aws:iam::123456789012:root");
    assert_eq!(made["compatibilities"], json!(["EC2", "FARGATE"]));
    assert_eq!((&made["volumes"], &made["placementConstraints"]), (&json!([]), &json!([])));
    let wanted = json!({ "name": "ecs.capability.task-eni" });
    assert!(made["requiresAttributes"].as_array().unwrap().contains(&wanted));
}

#[test]
fn containers_get_their_defaults() {
    let mut bench = Bench::empty();
    let made = register(&mut bench, json!({}));
    let mut wanted = container();
    wanted["cpu"] = json!(0);
    wanted["essential"] = json!(true);
    for key in ["environment", "mountPoints", "volumesFrom", "systemControls"] {
        wanted[key] = json!([]);
    }
    wanted["portMappings"] = json!([{ "containerPort": 80, "hostPort": 80, "protocol": "tcp" }]);
    assert_eq!(made["containerDefinitions"], json!([wanted]));
}

#[test]
fn every_member_given_comes_back() {
    let mut bench = Bench::empty();
    let over = json!({
        "taskRoleArn": "arn:aws:iam::123456789012:role/app/task",
        "pidMode": "task",
        "ephemeralStorage": { "sizeInGiB": 100 },
        "runtimePlatform": { "cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX" },
        "volumes": [{ "name": "scratch" }],
        "enableFaultInjection": true,
        "containerDefinitions": [with(container(), json!({
            "command": ["run"], "entryPoint": ["/bin/sh", "-c"], "stopTimeout": 120, "user": "1000:1000",
            "environment": [{ "name": "A", "value": "1" }],
            "secrets": [{ "name": "S", "valueFrom": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s" }],
            "mountPoints": [{ "sourceVolume": "scratch", "containerPath": "/scratch", "readOnly": true }],
            "logConfiguration": { "logDriver": "awslogs", "options": {
                "awslogs-group": "/ecs/app", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "web" } },
            "ulimits": [{ "name": "nofile", "softLimit": 1024, "hardLimit": 4096 }],
            "linuxParameters": { "initProcessEnabled": true }, "readonlyRootFilesystem": true,
            "dockerLabels": { "a": "b" }, "versionConsistency": "disabled",
        }))],
    });
    let made = register(&mut bench, over.clone());
    let seen =
        bench.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web:1" }))["taskDefinition"].clone();
    assert_eq!(made, seen);
    for (key, value) in over
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, _)| !["containerDefinitions", "volumes"].contains(&key.as_str()))
    {
        assert_eq!(&seen[key], value, "{key}");
    }
    for (key, value) in
        over["containerDefinitions"][0].as_object().unwrap().iter().filter(|(key, _)| *key != "portMappings")
    {
        assert_eq!(&seen["containerDefinitions"][0][key], value, "{key}");
    }
}

#[test]
fn a_bare_volume_is_a_host_volume_and_an_efs_root_is_a_slash() {
    let mut bench = Bench::empty();
    let efs = json!({ "name": "data", "efsVolumeConfiguration": { "fileSystemId": "fs-1" } });
    let made = register(&mut bench, json!({ "volumes": [{ "name": "scratch" }, efs] }));
    assert_eq!(made["volumes"][0], json!({ "name": "scratch", "host": {} }));
    assert_eq!(made["volumes"][1]["efsVolumeConfiguration"]["rootDirectory"], "/");
}

#[test]
fn sizes_in_vcpu_and_gb_are_stored_in_units_and_mebibytes() {
    let mut bench = Bench::empty();
    let made = register(&mut bench, json!({ "cpu": ".5 vCPU", "memory": "2 GB" }));
    assert_eq!((&made["cpu"], &made["memory"]), (&json!("512"), &json!("2048")));
}

#[test]
fn a_health_check_gets_interval_timeout_and_retries() {
    let mut bench = Bench::empty();
    let check = json!({ "command": ["CMD-SHELL", "true"] });
    let made = register(
        &mut bench,
        json!({ "containerDefinitions": [with(container(), json!({ "healthCheck": check }))] }),
    );
    let check = &made["containerDefinitions"][0]["healthCheck"];
    assert_eq!(
        (&check["interval"], &check["timeout"], &check["retries"]),
        (&json!(30), &json!(5), &json!(3))
    );
}

#[test]
fn tags_of_a_task_definition_are_beside_it_and_only_when_asked_for() {
    let mut bench = Bench::empty();
    let tags = json!([{ "key": "team", "value": "blue" }]);
    let made = bench.ok("RegisterTaskDefinition", with(definition(), json!({ "tags": tags })));
    assert_eq!(made["tags"], tags);
    assert!(made["taskDefinition"].get("tags").is_none());
    let plain = bench.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web" }));
    assert!(plain.get("tags").is_none());
    let full = bench.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web", "include": ["TAGS"] }));
    assert_eq!(full["tags"], tags);
}

#[test]
fn a_family_means_its_latest_active_revision() {
    let mut bench = Bench::empty();
    for _ in 0..3 {
        register(&mut bench, json!({}));
    }
    bench.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:3" }));
    let seen = bench.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web" }));
    assert_eq!(seen["taskDefinition"]["revision"], 2);
    let by_arn = bench.ok("DescribeTaskDefinition", json!({ "taskDefinition": format!("{ARN}/web:3") }));
    assert_eq!(by_arn["taskDefinition"]["status"], "INACTIVE");
    assert_eq!(by_arn["taskDefinition"]["deregisteredAt"], json!(bench.now));
}

#[test]
fn a_family_without_active_revision_cannot_be_described_by_name() {
    let mut bench = Bench::empty();
    register(&mut bench, json!({}));
    bench.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:1" }));
    for reference in ["web", "web:2", "nope"] {
        let input = json!({ "taskDefinition": reference });
        bench.refuses(
            "DescribeTaskDefinition",
            input,
            "ClientException",
            "Unable to describe task definition.",
        );
    }
}

#[test]
fn deregistering_needs_an_active_revision() {
    let mut bench = Bench::empty();
    register(&mut bench, json!({}));
    let input = |reference: &str| json!({ "taskDefinition": reference });
    bench.refuses("DeregisterTaskDefinition", input("web"), "ClientException", "Invalid revision number");
    bench.refuses("DeregisterTaskDefinition", input("web:7"), "ClientException", "does not exist");
    bench.ok("DeregisterTaskDefinition", input("web:1"));
    bench.refuses("DeregisterTaskDefinition", input("web:1"), "ClientException", "inactive");
}

#[test]
fn revision_numbers_are_never_used_again() {
    let mut bench = Bench::empty();
    register(&mut bench, json!({}));
    register(&mut bench, json!({}));
    for reference in ["web:1", "web:2"] {
        bench.ok("DeregisterTaskDefinition", json!({ "taskDefinition": reference }));
    }
    bench.ok("DeleteTaskDefinitions", json!({ "taskDefinitions": ["web:1", "web:2"] }));
    bench.after(120.0);
    assert_eq!(bench.ok("ListTaskDefinitionFamilies", json!({}))["families"], json!([]));
    assert_eq!(register(&mut bench, json!({}))["revision"], 3);
}

#[test]
fn lists_take_the_whole_family_name_and_a_status() {
    let mut bench = Bench::empty();
    for family in ["web", "web-admin", "web", "api"] {
        register(&mut bench, json!({ "family": family }));
    }
    bench.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:1" }));
    assert_eq!(list(&mut bench, json!({})), ["api:1", "web:2", "web-admin:1"]);
    assert_eq!(list(&mut bench, json!({ "familyPrefix": "web" })), ["web:2"]);
    assert_eq!(list(&mut bench, json!({ "familyPrefix": "we" })), [""; 0]);
    assert_eq!(list(&mut bench, json!({ "status": "INACTIVE" })), ["web:1"]);
}

#[test]
fn revisions_are_sorted_by_number_not_by_text() {
    let mut bench = Bench::empty();
    for _ in 0..11 {
        register(&mut bench, json!({}));
    }
    let down = list(&mut bench, json!({ "familyPrefix": "web", "sort": "DESC", "maxResults": 3 }));
    assert_eq!(down, ["web:11", "web:10", "web:9"]);
    assert_eq!(list(&mut bench, json!({ "maxResults": 2 })), ["web:1", "web:2"]);
}

#[test]
fn families_are_listed_by_prefix_and_status() {
    let mut bench = Bench::empty();
    for family in ["web", "web-admin", "api"] {
        register(&mut bench, json!({ "family": family }));
    }
    bench.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:1" }));
    let families =
        |bench: &mut Bench, input: Value| bench.ok("ListTaskDefinitionFamilies", input)["families"].clone();
    assert_eq!(families(&mut bench, json!({ "familyPrefix": "we" })), json!(["web", "web-admin"]));
    assert_eq!(families(&mut bench, json!({ "status": "ACTIVE" })), json!(["api", "web-admin"]));
    assert_eq!(families(&mut bench, json!({ "status": "INACTIVE" })), json!(["web"]));
}

#[test]
fn only_inactive_revisions_can_be_deleted() {
    let mut bench = Bench::empty();
    register(&mut bench, json!({}));
    let input = json!({ "taskDefinitions": ["web:1", "web:9"] });
    let answer = bench.ok("DeleteTaskDefinitions", input.clone());
    assert_eq!(answer["taskDefinitions"], json!([]));
    assert_eq!(answer["failures"][0]["arn"], format!("{ARN}/web:1"));
    assert!(answer["failures"][0]["reason"].as_str().unwrap().contains("still in ACTIVE status"));
    assert!(answer["failures"][1]["reason"].as_str().unwrap().contains("not found"));
    bench.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:1" }));
    let answer = bench.ok("DeleteTaskDefinitions", input);
    assert_eq!(answer["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
}

#[test]
fn a_deleted_revision_stays_while_a_service_uses_it() {
    let mut bench = Bench::running();
    bench.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:1" }));
    bench.ok("DeleteTaskDefinitions", json!({ "taskDefinitions": ["web:1"] }));
    bench.after(600.0);
    let seen = bench.ok("DescribeTaskDefinition", json!({ "taskDefinition": "web:1" }));
    assert_eq!(seen["taskDefinition"]["status"], "DELETE_IN_PROGRESS");
    bench.ok("DeleteService", json!({ "cluster": "app", "service": "web", "force": true }));
    bench.after(600.0);
    let gone = json!({ "taskDefinition": "web:1" });
    bench.refuses("DescribeTaskDefinition", gone, "ClientException", "Unable to describe task definition.");
}

#[test]
fn an_inactive_or_unknown_revision_cannot_start_a_service() {
    let mut bench = Bench::ready();
    register(&mut bench, json!({}));
    bench.ok("DeregisterTaskDefinition", json!({ "taskDefinition": "web:1" }));
    let with_definition = |reference: &str| with(service(), json!({ "taskDefinition": reference }));
    bench.refuses("CreateService", with_definition("web:1"), "ClientException", "TaskDefinition is inactive");
    bench.refuses("CreateService", with_definition("web:9"), "ClientException", "TaskDefinition not found.");
    bench.ok("CreateService", with_definition("web:2"));
    let back = json!({ "cluster": "app", "service": "web", "taskDefinition": "web:1" });
    bench.refuses("UpdateService", back, "ClientException", "TaskDefinition is inactive");
}
