use serde_json::json;

use super::{Bench, GROUP, definition, service, with};
use crate::ecs::{Ecs, is_mutating};

#[test]
fn an_operation_that_is_not_modelled_says_so() {
    let mut bench = Bench::ready();
    let error = bench.call("CreateTaskSet", &json!({})).unwrap_err();
    assert_eq!(error.status, 501);
    assert_eq!(error.body()["message"], "not emulated: ecs:CreateTaskSet");
}

#[test]
fn errors_carry_type_and_message() {
    let mut bench = Bench::empty();
    let error = bench.call("ListServices", &json!({ "cluster": "app" })).unwrap_err();
    assert_eq!(error.status, 400);
    assert_eq!(
        error.body(),
        json!({ "__type": "ClusterNotFoundException", "message": "Cluster not found." })
    );
}

#[test]
fn a_misspelt_member_is_refused_at_any_depth() {
    let mut bench = Bench::ready();
    let input = with(definition(), json!({ "executionRole": "x" }));
    bench.refuses("RegisterTaskDefinition", input, "ClientException", "Unknown parameter `executionRole`");
    let mut input = definition();
    input["containerDefinitions"][0]["portMappings"][0]["port"] = json!(80);
    let at = "`containerDefinitions[0].portMappings[0].port`";
    bench.refuses("RegisterTaskDefinition", input, "ClientException", at);
    let input = with(service(), json!({ "deploymentConfiguration": { "maxPercent": 150 } }));
    bench.refuses(
        "CreateService",
        input,
        "InvalidParameterException",
        "`deploymentConfiguration.maxPercent`",
    );
}

#[test]
fn a_value_of_the_wrong_type_is_a_serialization_error() {
    let mut bench = Bench::ready();
    let input = with(definition(), json!({ "cpu": 256 }));
    bench.refuses("RegisterTaskDefinition", input, "SerializationException", "NUMBER_VALUE");
    let input = with(service(), json!({ "desiredCount": "2" }));
    bench.refuses("CreateService", input, "SerializationException", "STRING_VALUE");
}

#[test]
fn a_word_outside_its_enumeration_is_refused() {
    let mut bench = Bench::ready();
    let input = with(service(), json!({ "launchType": "FARGATES" }));
    bench.refuses(
        "CreateService",
        input,
        "InvalidParameterException",
        "launchType should be one of [EC2,FARGATE,",
    );
}

#[test]
fn a_null_member_is_an_absent_one() {
    let mut bench = Bench::ready();
    let mut input = definition();
    input["taskRoleArn"] = json!(null);
    input["containerDefinitions"][0]["command"] = json!(null);
    let made = bench.ok("RegisterTaskDefinition", input);
    assert!(made["taskDefinition"].get("taskRoleArn").is_none());
    assert!(made["taskDefinition"]["containerDefinitions"][0].get("command").is_none());
}

#[test]
fn pages_follow_each_other_without_gap_or_repetition() {
    let mut bench = Bench::empty();
    for number in 0..25 {
        bench.ok("CreateCluster", json!({ "clusterName": format!("c{number:02}") }));
    }
    let mut seen = Vec::new();
    let mut input = json!({ "maxResults": 10 });
    loop {
        let page = bench.ok("ListClusters", input.clone());
        seen.extend(page["clusterArns"].as_array().unwrap().clone());
        let Some(token) = page.get("nextToken") else { break };
        assert_eq!(seen.len() % 10, 0);
        input["nextToken"] = token.clone();
    }
    assert_eq!(seen, bench.ok("ListClusters", json!({}))["clusterArns"].as_array().unwrap().clone());
    assert_eq!(seen.len(), 25);
}

#[test]
fn services_are_listed_ten_at_a_time_unless_told_otherwise() {
    let mut bench = Bench::ready();
    for number in 0..12 {
        let name = format!("s{number:02}");
        bench.ok("CreateService", with(service(), json!({ "serviceName": name, "desiredCount": 0 })));
    }
    let page = bench.ok("ListServices", json!({ "cluster": "app" }));
    assert_eq!(page["serviceArns"].as_array().unwrap().len(), 10);
    let rest = bench.ok("ListServices", json!({ "cluster": "app", "nextToken": page["nextToken"] }));
    assert_eq!(rest["serviceArns"].as_array().unwrap().len(), 2);
    assert!(rest.get("nextToken").is_none());
}

#[test]
fn a_token_is_good_only_for_the_list_that_gave_it() {
    let mut bench = Bench::ready();
    for family in ["a", "b", "c"] {
        bench.ok("RegisterTaskDefinition", with(definition(), json!({ "family": family })));
    }
    let page = bench.ok("ListTaskDefinitions", json!({ "maxResults": 2 }));
    let other = json!({ "nextToken": page["nextToken"] });
    bench.refuses("ListTaskDefinitionFamilies", other, "InvalidParameterException", "Invalid token.");
    bench.refuses(
        "ListTaskDefinitions",
        json!({ "nextToken": "x" }),
        "InvalidParameterException",
        "Invalid token.",
    );
    bench.refuses(
        "ListTaskDefinitions",
        json!({ "maxResults": 101 }),
        "InvalidParameterException",
        "maxResults",
    );
}

#[test]
fn describe_calls_have_limits() {
    let mut bench = Bench::ready();
    let many = |count: usize| (0..count).map(|number| format!("n{number}")).collect::<Vec<_>>();
    let code = "InvalidParameterException";
    bench.refuses("DescribeServices", json!({ "cluster": "app", "services": many(11) }), code, "at most 10");
    bench.refuses("DescribeServices", json!({ "cluster": "app", "services": [] }), code, "cannot be empty");
    bench.refuses("DescribeTasks", json!({ "cluster": "app", "tasks": many(101) }), code, "at most 100");
    bench.refuses("DescribeClusters", json!({ "clusters": many(101) }), code, "at most 100");
}

#[test]
fn reading_operations_are_not_mutating() {
    for operation in ["DescribeServices", "ListTasks", "GetTaskProtection", "DiscoverPollEndpoint"] {
        assert!(!is_mutating(operation), "{operation}");
    }
    for operation in ["CreateService", "RegisterTaskDefinition", "TagResource", "RunTask", "PutAttributes"] {
        assert!(is_mutating(operation), "{operation}");
    }
}

#[test]
fn a_call_says_what_it_needs_from_other_services() {
    let balancer = json!([{ "targetGroupArn": GROUP, "containerName": "web", "containerPort": 80 }]);
    let volume = json!([{ "name": "data", "managedEBSVolume": { "roleArn": "arn:aws:iam::123456789012:role/x/ebs" } }]);
    let input = with(service(), json!({ "loadBalancers": balancer, "volumeConfigurations": volume }));
    let needs = Ecs::needs("CreateService", &input);
    assert_eq!(needs.target_groups, [GROUP.to_owned()].into());
    assert_eq!(needs.subnets, ["subnet-a".to_owned(), "subnet-b".to_owned()].into());
    assert_eq!(needs.security_groups, ["sg-1".to_owned()].into());
    assert_eq!(needs.roles, ["ebs".to_owned()].into());
    assert_eq!(Ecs::needs("RegisterTaskDefinition", &definition()), crate::ecs::Needs::default());
}

#[test]
fn account_settings_are_listed_with_their_defaults_when_effective_ones_are_asked_for() {
    let mut bench = Bench::empty();
    assert_eq!(bench.ok("ListAccountSettings", json!({}))["settings"], json!([]));
    let one = json!({ "name": "serviceLongArnFormat", "effectiveSettings": true });
    assert_eq!(bench.ok("ListAccountSettings", one)["settings"][0]["value"], "enabled");
}
