//! Other services where the emulator behind the sandbox would make a test lie.

use super::super::account::block;
use super::{Bench, assert_refused};

#[test]
fn get_resources_finds_what_carries_a_tag_in_every_service_but_iam() {
    block(async {
        let bench = Bench::new();
        let (key, value) = ("stack", "shop");
        let ecs_tag = aws_sdk_ecs::types::Tag::builder().key(key).value(value).build();
        bench.ecs.create_cluster().cluster_name("main").tags(ecs_tag.clone()).send().await.unwrap();
        bench.definition("web").tags(ecs_tag.clone()).send().await.unwrap();
        bench.service("web").tags(ecs_tag).send().await.unwrap();
        let logs = aws_sdk_cloudwatchlogs::Client::new(&bench.config);
        logs.create_log_group().log_group_name("/ecs/app").tags(key, value).send().await.unwrap();
        logs.create_log_group().log_group_name("/ecs/other").tags(key, "other").send().await.unwrap();
        let events = aws_sdk_eventbridge::Client::new(&bench.config);
        let tag = aws_sdk_eventbridge::types::Tag::builder().key(key).value(value).build().unwrap();
        events.put_rule().name("nightly").schedule_expression("rate(1 day)").tags(tag).send().await.unwrap();
        let iam = aws_sdk_iam::Client::new(&bench.config);
        let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
        let tag = aws_sdk_iam::types::Tag::builder().key(key).value(value).build().unwrap();
        iam.create_role()
            .role_name("task")
            .assume_role_policy_document(trust)
            .tags(tag)
            .send()
            .await
            .unwrap();
        let group = tagged_group(&bench, key, value).await;

        let tagging = aws_sdk_resourcegroupstagging::Client::new(&bench.config);
        let filter =
            aws_sdk_resourcegroupstagging::types::TagFilter::builder().key(key).values(value).build();
        let find = || tagging.get_resources().tag_filters(filter.clone());
        let found = find().send().await.unwrap();
        let mut arns: Vec<&str> =
            found.resource_tag_mapping_list().iter().filter_map(|one| one.resource_arn()).collect();
        arns.sort_unstable();
        let mut expected = vec![
            bench.arn("ecs", "cluster/main"),
            bench.arn("ecs", "service/main/web"),
            bench.arn("ecs", "task-definition/web:1"),
            bench.arn("logs", "log-group:/ecs/app"),
            bench.arn("events", "rule/nightly"),
            bench.arn("ec2", &format!("security-group/{group}")),
        ];
        expected.sort_unstable();
        assert_eq!(arns, expected);
        let types = find().resource_type_filters("ecs").send().await.unwrap();
        assert_eq!(types.resource_tag_mapping_list().len(), 3);
        let types = find().resource_type_filters("ecs:service").send().await.unwrap();
        assert_eq!(types.resource_tag_mapping_list().len(), 1);
        let pages =
            find().resources_per_page(4).into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        assert_eq!(pages.unwrap().len(), 6, "pages hold all, each once");
    });
}

/// A security group that is tagged in the call that makes it.
async fn tagged_group(bench: &Bench, key: &str, value: &str) -> String {
    use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
    let tags = TagSpecification::builder().resource_type(ResourceType::SecurityGroup);
    let tags = tags.tags(Tag::builder().key(key).value(value).build()).build();
    let ec2 = aws_sdk_ec2::Client::new(&bench.config);
    let make = ec2.create_security_group().group_name("tasks").description("tasks of a stack");
    let made =
        make.vpc_id(bench.seed["vpc_id"].as_str().unwrap()).tag_specifications(tags).send().await.unwrap();
    assert_eq!(made.tags()[0].key(), Some(key), "the answer shows the tags");
    made.group_id().unwrap().to_owned()
}

#[test]
fn a_security_group_has_the_tags_of_its_create_call_and_stays_while_a_service_uses_it() {
    block(async {
        let bench = Bench::new();
        let ec2 = aws_sdk_ec2::Client::new(&bench.config);
        let id = tagged_group(&bench, "stack", "shop").await;
        let described = ec2.describe_security_groups().group_ids(&id).send().await.unwrap();
        let tag = &described.security_groups()[0].tags()[0];
        assert_eq!((tag.key(), tag.value()), (Some("stack"), Some("shop")));
        bench.cluster().await;
        bench.revision("web").await;
        let network = Bench::network(&[bench.subnet(0)], &[&id]);
        bench.service("web").network_configuration(network).send().await.unwrap();
        assert_refused(ec2.delete_security_group().group_id(&id).send().await, "DependencyViolation");
        bench.ecs.delete_service().cluster("main").service("web").send().await.unwrap();
        bench.look().await;
        ec2.delete_security_group().group_id(&id).send().await.unwrap();
    });
}
