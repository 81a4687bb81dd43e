use serde_json::json;

use super::{Bench, GROUP, container, definition, service, with};

#[test]
fn a_task_tells_where_it_comes_from() {
    let mut bench = Bench::running();
    let deployment = bench.service()["deployments"][0]["id"].clone();
    let task = bench.tasks("RUNNING")[0].clone();
    assert_eq!((&task["group"], &task["startedBy"]), (&json!("service:web"), &deployment));
    assert_eq!((&task["launchType"], &task["platformVersion"]), (&json!("FARGATE"), &json!("1.4.0")));
    assert_eq!((&task["cpu"], &task["memory"]), (&json!("256"), &json!("512")));
    assert_eq!(task["ephemeralStorage"], json!({ "sizeInGiB": 20 }));
    assert!(task["taskArn"].as_str().unwrap().starts_with("arn:aws:ecs:eu-west-1:123456789012:task/app/"));
    assert_eq!(task["createdAt"], json!(1_800_000_000.0));
    assert_eq!(task["startedAt"], json!(1_800_000_002.0));
}

#[test]
fn a_task_goes_through_its_statuses() {
    let mut bench = Bench::ready();
    let balancers = json!([{ "targetGroupArn": GROUP, "containerName": "web", "containerPort": 80 }]);
    bench.ok("CreateService", with(service(), json!({ "desiredCount": 1, "loadBalancers": balancers })));
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(bench.tasks("RUNNING")[0]["lastStatus"].as_str().unwrap().to_owned());
        bench.after(0.5);
    }
    seen.dedup();
    assert_eq!(seen, ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"]);
    bench.update(json!({ "desiredCount": 0 }));
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(bench.tasks("STOPPED")[0]["lastStatus"].as_str().unwrap().to_owned());
        bench.after(0.5);
    }
    seen.dedup();
    assert_eq!(seen, ["DEACTIVATING", "DEPROVISIONING", "STOPPED"]);
}

#[test]
fn the_digest_is_that_of_the_reference_and_known_once_pulled() {
    let mut bench = Bench::ready();
    let digest = format!("sha256:{}", "ab".repeat(32));
    let image = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/helloworld@{digest}");
    let input = json!({ "containerDefinitions": [with(container(), json!({ "image": image }))] });
    bench.ok("RegisterTaskDefinition", with(definition(), input));
    bench.ok("CreateService", service());
    bench.after(1.0);
    assert!(bench.tasks("RUNNING")[0]["containers"][0].get("imageDigest").is_none());
    bench.after(2.0);
    let first = bench.tasks("RUNNING")[0]["containers"][0].clone();
    assert_eq!((&first["imageDigest"], &first["image"]), (&json!(digest), &json!(image)));
    assert_eq!((&first["name"], &first["lastStatus"]), (&json!("web"), &json!("RUNNING")));
}

#[test]
fn a_task_has_an_interface_in_its_subnet() {
    let mut bench = Bench::running();
    let task = bench.tasks("RUNNING")[0].clone();
    let attachment = &task["attachments"][0];
    assert_eq!(
        (&attachment["type"], &attachment["status"]),
        (&json!("ElasticNetworkInterface"), &json!("ATTACHED"))
    );
    let detail = |name: &str| {
        let all = attachment["details"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap()["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(detail("subnetId"), "subnet-a");
    assert!(detail("networkInterfaceId").starts_with("eni-"));
    let network = &task["containers"][0]["networkInterfaces"][0];
    assert_eq!(
        (&network["attachmentId"], &network["privateIpv4Address"]),
        (&attachment["id"], &json!(detail("privateIPv4Address")))
    );
}

#[test]
fn a_container_with_a_health_check_is_healthy_when_it_runs() {
    let mut bench = Bench::ready();
    let check = json!({ "healthCheck": { "command": ["CMD", "true"] } });
    bench.ok(
        "RegisterTaskDefinition",
        with(definition(), json!({ "containerDefinitions": [with(container(), check)] })),
    );
    bench.ok("CreateService", service());
    bench.after(1.0);
    assert_eq!(bench.tasks("RUNNING")[0]["healthStatus"], "UNKNOWN");
    bench.after(9.0);
    assert_eq!(bench.tasks("RUNNING")[0]["healthStatus"], "HEALTHY");
}

#[test]
fn a_stopped_task_is_replaced() {
    let mut bench = Bench::running();
    let arn = bench.tasks("RUNNING")[0]["taskArn"].clone();
    let stopped = bench.ok("StopTask", json!({ "cluster": "app", "task": arn, "reason": "a test" }));
    assert_eq!(stopped["task"]["desiredStatus"], "STOPPED");
    bench.after(10.0);
    assert_eq!(bench.service()["runningCount"], 2);
    let gone = bench.tasks("STOPPED")[0].clone();
    assert_eq!((&gone["taskArn"], &gone["lastStatus"]), (&arn, &json!("STOPPED")));
    assert_eq!((&gone["stopCode"], &gone["stoppedReason"]), (&json!("UserInitiated"), &json!("a test")));
    assert_eq!(gone["containers"][0]["exitCode"], 0);
}

#[test]
fn a_task_stopped_by_the_scheduler_says_which_deployment() {
    let mut bench = Bench::running();
    let id = bench.update(json!({ "forceNewDeployment": true }))["deployments"][0]["id"].clone();
    bench.after(10.0);
    let gone = bench.tasks("STOPPED");
    assert_eq!(gone.len(), 2);
    assert_eq!(gone[0]["stopCode"], "ServiceSchedulerInitiated");
    let reason = format!("Scaling activity initiated by (deployment {})", id.as_str().unwrap());
    assert_eq!(gone[0]["stoppedReason"], reason);
}

#[test]
fn stopped_tasks_can_be_described_for_an_hour() {
    let mut bench = Bench::running();
    bench.update(json!({ "desiredCount": 1 }));
    bench.after(10.0);
    let arn = bench.tasks("STOPPED")[0]["taskArn"].clone();
    let input = json!({ "cluster": "app", "tasks": [arn] });
    bench.after(3580.0);
    assert_eq!(bench.ok("DescribeTasks", input.clone())["tasks"].as_array().unwrap().len(), 1);
    bench.after(30.0);
    let answer = bench.ok("DescribeTasks", input);
    assert_eq!(answer["failures"], json!([{ "arn": arn, "reason": "MISSING" }]));
}

#[test]
fn tasks_are_listed_by_service_family_and_starter() {
    let mut bench = Bench::running();
    bench.ok("CreateService", with(service(), json!({ "serviceName": "other", "desiredCount": 1 })));
    bench.after(10.0);
    let deployment = bench.service()["deployments"][0]["id"].clone();
    let mut count = |filter: serde_json::Value| {
        let input = with(json!({ "cluster": "app" }), filter);
        bench.ok("ListTasks", input)["taskArns"].as_array().unwrap().len()
    };
    assert_eq!(count(json!({})), 3);
    assert_eq!(count(json!({ "serviceName": "web" })), 2);
    assert_eq!(count(json!({ "startedBy": deployment })), 2);
    assert_eq!(count(json!({ "family": "web" })), 3);
    assert_eq!(count(json!({ "family": "we" })), 0);
    assert_eq!(count(json!({ "desiredStatus": "PENDING" })), 0);
    assert_eq!(count(json!({ "launchType": "EC2" })), 0);
    let unknown = json!({ "cluster": "app", "serviceName": "nope" });
    bench.refuses("ListTasks", unknown, "ServiceNotFoundException", "Service not found.");
}

#[test]
fn a_task_is_found_by_its_id_alone() {
    let mut bench = Bench::running();
    let arn = bench.tasks("RUNNING")[0]["taskArn"].as_str().unwrap().to_owned();
    let id = arn.rsplit('/').next().unwrap();
    let answer = bench.ok("DescribeTasks", json!({ "cluster": "app", "tasks": [id, "nope"] }));
    assert_eq!(answer["tasks"][0]["taskArn"], arn);
    assert_eq!(answer["failures"][0]["reason"], "MISSING");
    bench.refuses(
        "StopTask",
        json!({ "cluster": "app", "task": "nope" }),
        "InvalidParameterException",
        "not found",
    );
}
