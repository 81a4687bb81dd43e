use serde_json::{Value, json};

use super::{Bench, container, definition, with};
use crate::ecs::fargate::is_size;

/// The definition with these members, and its container with those, must be refused with this message.
fn refused(task: Value, first: Value, message: &str) {
    let mut input = definition();
    input["containerDefinitions"] = json!([with(container(), first)]);
    Bench::empty().refuses("RegisterTaskDefinition", with(input, task), "ClientException", message);
}

/// Must be accepted.
fn accepted(task: Value, first: Value) {
    let mut input = definition();
    input["containerDefinitions"] = json!([with(container(), first)]);
    Bench::empty().ok("RegisterTaskDefinition", with(input, task));
}

#[test]
fn fargate_has_exactly_these_sizes() {
    let steps = |first: i64, last: i64, step: i64| {
        (0..).map(move |n| first + n * step).take_while(move |m| *m <= last)
    };
    let table: Vec<(i64, Vec<i64>)> = vec![
        (256, vec![512, 1024, 2048]),
        (512, steps(1024, 4096, 1024).collect()),
        (1024, steps(2048, 8192, 1024).collect()),
        (2048, steps(4096, 16384, 1024).collect()),
        (4096, steps(8192, 30720, 1024).collect()),
        (8192, steps(16384, 61440, 4096).collect()),
        (16384, steps(32768, 122_880, 8192).collect()),
        (32768, vec![61440, 122_880, 249_856]),
    ];
    for (cpu, memories) in &table {
        for memory in (256..=262_144).step_by(256) {
            assert_eq!(is_size(*cpu, memory), memories.contains(&memory), "{cpu}/{memory}");
        }
    }
    assert!(!is_size(128, 512) && !is_size(3072, 8192));
}

#[test]
fn a_size_that_fargate_lacks_is_refused() {
    refused(
        json!({ "cpu": "256", "memory": "4096" }),
        json!({}),
        "No Fargate configuration exists for given values: 256 CPU, 4096 memory",
    );
    refused(json!({ "cpu": "300" }), json!({}), "No Fargate configuration exists");
    refused(json!({ "cpu": null }), json!({}), "Fargate requires that 'cpu' be defined at the task level.");
    refused(json!({ "memory": null }), json!({ "memory": 512 }), "Fargate requires that 'memory' be defined");
    refused(json!({ "cpu": "lots" }), json!({}), "Invalid 'cpu' setting for task");
    accepted(json!({ "cpu": "32768", "memory": "249856" }), json!({}));
}

#[test]
fn fargate_needs_network_mode_awsvpc() {
    refused(json!({ "networkMode": null }), json!({}), "Fargate only supports network mode");
    refused(json!({ "networkMode": "bridge" }), json!({}), "Fargate only supports network mode");
}

#[test]
fn in_awsvpc_host_and_container_port_are_the_same() {
    let ports = |host: i64| json!({ "portMappings": [{ "containerPort": 80, "hostPort": host }] });
    refused(json!({}), ports(8080), "the host ports and container ports in port mappings must match");
    accepted(json!({}), ports(80));
}

#[test]
fn ports_must_be_ports() {
    refused(json!({}), json!({ "portMappings": [{ "containerPort": 65536 }] }), "between 1 and 65535");
    refused(
        json!({}),
        json!({ "portMappings": [{ "protocol": "tcp" }] }),
        "Container port should not be null",
    );
}

#[test]
fn two_containers_cannot_share_a_port_in_awsvpc() {
    let second = with(container(), json!({ "name": "other" }));
    refused(
        json!({ "containerDefinitions": [container(), second] }),
        json!({}),
        "Port 80/tcp is mapped more than once",
    );
}

#[test]
fn container_names_are_unique_and_well_formed() {
    let twin = with(container(), json!({ "portMappings": [] }));
    refused(
        json!({ "containerDefinitions": [container(), twin] }),
        json!({}),
        "'web' is used more than once",
    );
    refused(json!({}), json!({ "name": "we b" }), "Container.name contains invalid characters.");
    refused(json!({}), json!({ "name": "" }), "Container.name should not be null or empty.");
}

#[test]
fn one_container_must_be_essential() {
    refused(json!({}), json!({ "essential": false }), "must be marked as essential");
}

#[test]
fn a_task_has_between_one_and_ten_containers() {
    refused(json!({ "containerDefinitions": [] }), json!({}), "Container list cannot be empty.");
    let many: Vec<Value> =
        (0..11).map(|n| with(container(), json!({ "name": format!("c{n}"), "portMappings": [] }))).collect();
    refused(json!({ "containerDefinitions": many }), json!({}), "at most 10 containers");
}

#[test]
fn a_mount_point_needs_a_declared_volume() {
    let mount = json!({ "mountPoints": [{ "sourceVolume": "data", "containerPath": "/data" }] });
    refused(json!({}), mount.clone(), "Unknown volume 'data'.");
    accepted(json!({ "volumes": [{ "name": "data" }] }), mount);
}

#[test]
fn volumes_are_unique_and_fit_fargate() {
    refused(
        json!({ "volumes": [{ "name": "a" }, { "name": "a" }] }),
        json!({}),
        "'a' is used more than once",
    );
    let host = json!({ "volumes": [{ "name": "a", "host": { "sourcePath": "/srv" } }] });
    refused(host, json!({}), "host.sourcePath should not be set for volumes in Fargate.");
    let docker = json!({ "volumes": [{ "name": "a", "dockerVolumeConfiguration": { "scope": "task" } }] });
    refused(docker, json!({}), "Docker volume");
}

#[test]
fn an_efs_access_point_needs_encryption_in_transit() {
    let efs = |encryption: &str| {
        json!({ "volumes": [{ "name": "a", "efsVolumeConfiguration": {
            "fileSystemId": "fs-1", "transitEncryption": encryption,
            "authorizationConfig": { "accessPointId": "fsap-1", "iam": "ENABLED" } } }] })
    };
    refused(efs("DISABLED"), json!({}), "needs 'transitEncryption' ENABLED");
    accepted(efs("ENABLED"), json!({}));
}

#[test]
fn a_role_is_an_arn_of_a_role() {
    for role in [
        "arn:aws:iam::123456789012:user/me",
        "arn:aws:iam::1234:role/x",
        "arn:aws:s3:::bucket",
        "role with spaces",
        "arn:aws:iam::123456789012:role/",
    ] {
        refused(json!({ "taskRoleArn": role }), json!({}), "Role is not valid");
        refused(json!({ "executionRoleArn": role }), json!({}), "Role is not valid");
    }
    accepted(json!({ "taskRoleArn": "arn:aws-cn:iam::123456789012:role/path/to/name" }), json!({}));
}

#[test]
fn ephemeral_storage_is_between_21_and_200_gib() {
    for size in [20, 201] {
        refused(json!({ "ephemeralStorage": { "sizeInGiB": size } }), json!({}), "between 21 and 200");
    }
    accepted(json!({ "ephemeralStorage": { "sizeInGiB": 21 } }), json!({}));
}

#[test]
fn secrets_need_an_execution_role() {
    let secret = json!({ "image": "nginx", "secrets": [{ "name": "S", "valueFrom": "arn:aws:ssm:eu-west-1:1:parameter/x" }] });
    refused(
        json!({ "executionRoleArn": null }),
        secret.clone(),
        "you must also specify a value for 'executionRoleArn'",
    );
    accepted(json!({}), secret);
}

#[test]
fn an_ecr_image_on_fargate_needs_an_execution_role() {
    refused(json!({ "executionRoleArn": null }), json!({}), "execution role ARN to support ECR images.");
    accepted(json!({ "executionRoleArn": null }), json!({ "image": "public.ecr.aws/nginx/nginx:1" }));
}

#[test]
fn awslogs_needs_its_options_and_on_fargate_an_execution_role() {
    let log = |options: Value| json!({ "image": "nginx", "logConfiguration": { "logDriver": "awslogs", "options": options } });
    let full = json!({ "awslogs-group": "g", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "p" });
    refused(
        json!({ "executionRoleArn": null }),
        log(full.clone()),
        "execution role ARN to support log driver awslogs.",
    );
    refused(
        json!({}),
        log(json!({ "awslogs-group": "g" })),
        "requires options: awslogs-region, awslogs-group",
    );
    let no_prefix = json!({ "awslogs-group": "g", "awslogs-region": "eu-west-1" });
    refused(json!({}), log(no_prefix), "requires options: awslogs-stream-prefix");
    accepted(json!({}), log(full));
}

#[test]
fn fargate_has_three_log_drivers() {
    refused(json!({}), json!({ "logConfiguration": { "logDriver": "json-file" } }), "log driver 'json-file'");
}

#[test]
fn a_family_is_made_of_letters_digits_hyphens_and_underscores() {
    for (family, message) in
        [("", "should not be null or empty"), ("a b", "invalid characters"), ("a/b", "invalid characters")]
    {
        refused(json!({ "family": family }), json!({}), message);
    }
    refused(json!({ "family": null }), json!({}), "Family should not be null or empty.");
    refused(json!({ "family": "x".repeat(256) }), json!({}), "255");
    accepted(json!({ "family": "x".repeat(255) }), json!({}));
}

#[test]
fn a_container_does_not_get_more_than_its_task() {
    refused(json!({}), json!({ "memory": 1024 }), "greater than the task 'memory' 512");
    refused(json!({}), json!({ "cpu": 512 }), "cannot be greater than the value of the task 'cpu'");
    let two = json!([
        with(container(), json!({ "memoryReservation": 300 })),
        with(container(), json!({ "name": "b", "portMappings": [], "memoryReservation": 300 })),
    ]);
    refused(json!({ "containerDefinitions": two }), json!({}), "memory reservations cannot be greater");
    refused(
        json!({}),
        json!({ "memory": 100, "memoryReservation": 200 }),
        "greater than or equal to 'memoryReservation'",
    );
}

#[test]
fn an_image_has_the_form_of_an_image() {
    let digest = "a".repeat(64);
    for image in ["", "has space", "web@sha256:123", "web@md5:aa", "/web", "web:", "a:b:c", &"x".repeat(256)]
    {
        refused(json!({}), json!({ "image": image }), "Container.image");
    }
    for image in [
        "nginx".to_owned(),
        "localhost:5000/a/b:tag".to_owned(),
        format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:{digest}"),
        format!("web:1@sha256:{digest}"),
    ] {
        accepted(json!({}), json!({ "image": image }));
    }
}

#[test]
fn a_secret_does_not_have_the_name_of_a_variable() {
    let clash = json!({ "environment": [{ "name": "A", "value": "1" }],
                        "secrets": [{ "name": "A", "valueFrom": "arn:aws:ssm:eu-west-1:1:parameter/x" }] });
    refused(
        json!({}),
        clash,
        "not shared with any new or existing environment variables set on the container, such as 'A'",
    );
}

#[test]
fn dependencies_name_containers_and_make_no_circle() {
    let on = |name: &str, condition: &str| json!({ "dependsOn": [{ "containerName": name, "condition": condition }] });
    refused(json!({}), on("ghost", "START"), "which is not in the task definition");
    refused(json!({}), on("web", "START"), "cycle");
    let side = |over: Value| with(container(), with(json!({ "name": "side", "portMappings": [] }), over));
    let both = |second: Value, condition: &str| json!({ "containerDefinitions": [with(container(), on("side", condition)), second] });
    refused(both(side(json!({})), "HEALTHY"), json!({}), "must have a health check");
    refused(both(side(json!({})), "SUCCESS"), json!({}), "cannot be an essential container");
    accepted(both(side(json!({ "essential": false })), "SUCCESS"), json!({}));
    refused(both(side(on("web", "START")), "START"), json!({}), "cycle");
}

#[test]
fn health_checks_stay_in_their_ranges() {
    let check = |over: Value| json!({ "healthCheck": with(json!({ "command": ["CMD", "true"] }), over) });
    refused(json!({}), check(json!({ "command": ["true"] })), "must start with CMD or CMD-SHELL");
    refused(json!({}), check(json!({ "interval": 4 })), "interval");
    refused(json!({}), check(json!({ "retries": 11 })), "retries");
    accepted(json!({}), check(json!({ "interval": 300, "retries": 10, "startPeriod": 300 })));
}

#[test]
fn what_only_instances_can_do_is_refused_on_fargate() {
    for (first, message) in [
        (json!({ "privileged": true }), "privileged containers"),
        (json!({ "links": ["other"] }), "Links are not supported when networkMode=awsvpc."),
        (json!({ "extraHosts": [{ "hostname": "a", "ipAddress": "1.2.3.4" }] }), "'extraHosts'"),
        (json!({ "resourceRequirements": [{ "type": "GPU", "value": "1" }] }), "GPUs"),
        (json!({ "ulimits": [{ "name": "nproc", "softLimit": 1, "hardLimit": 1 }] }), "nofile"),
        (json!({ "stopTimeout": 121 }), "120 seconds"),
        (json!({ "linuxParameters": { "capabilities": { "add": ["NET_ADMIN"] } } }), "NET_ADMIN"),
    ] {
        refused(json!({}), first, message);
    }
    refused(json!({ "pidMode": "host" }), json!({}), "pid mode");
    refused(json!({ "ipcMode": "task" }), json!({}), "ipc mode");
    let constraint = json!([{ "type": "memberOf", "expression": "x" }]);
    refused(json!({ "placementConstraints": constraint }), json!({}), "placement constraints");
}

#[test]
fn windows_on_fargate_needs_a_whole_vcpu() {
    let windows = |cpu: &str, memory: &str| {
        json!({ "cpu": cpu, "memory": memory,
                "runtimePlatform": { "operatingSystemFamily": "WINDOWS_SERVER_2022_CORE" } })
    };
    refused(windows("512", "1024"), json!({}), "Windows tasks on Fargate");
    accepted(windows("1024", "2048"), json!({}));
}

#[test]
fn without_task_memory_each_container_needs_its_own() {
    let task = json!({ "requiresCompatibilities": ["EC2"], "memory": null, "cpu": null });
    refused(task.clone(), json!({}), "At least one of 'memory' or 'memoryReservation' must be specified.");
    accepted(task, json!({ "memory": 128 }));
}

#[test]
fn tags_have_limits_and_reserved_names() {
    let refuse = |tags: Value, message: &str| {
        let input = with(definition(), json!({ "tags": tags }));
        Bench::empty().refuses("RegisterTaskDefinition", input, "InvalidParameterException", message);
    };
    let many: Vec<Value> = (0..51).map(|n| json!({ "key": format!("k{n}"), "value": "v" })).collect();
    refuse(json!(many), "50");
    refuse(json!([{ "key": "aws:mine", "value": "v" }]), "aws:");
    refuse(json!([{ "key": "a", "value": "v" }, { "key": "a", "value": "w" }]), "Duplicate");
    refuse(json!([{ "key": "a", "value": "x".repeat(257) }]), "value");
    refuse(json!([{ "key": "a?", "value": "v" }]), "key");
}

#[test]
fn a_refused_definition_takes_no_revision_number() {
    let mut bench = Bench::empty();
    bench.refused("RegisterTaskDefinition", with(definition(), json!({ "cpu": "1" })));
    assert_eq!(bench.ok("RegisterTaskDefinition", definition())["taskDefinition"]["revision"], 1);
}
