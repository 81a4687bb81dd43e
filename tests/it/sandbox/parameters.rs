//! Parameter Store as a lock uses it: a name is created once, whoever asks at the same time.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterType, Tag};

use super::super::account::block;
use super::{Bench, assert_refused};

#[test]
fn of_calls_at_the_same_time_one_creates_the_parameter() {
    block(async {
        let bench = Bench::empty();
        let ssm = Client::new(&bench.config);
        let create = |value: &str| {
            ssm.put_parameter()
                .name("/fargate-stack/lock/web")
                .value(value)
                .r#type(ParameterType::String)
                .send()
        };
        let (a, b, c, d) = tokio::join!(create("a"), create("b"), create("c"), create("d"));
        let results = [a, b, c, d];
        assert_eq!(results.iter().filter(|one| one.is_ok()).count(), 1);
        for refused in results.into_iter().filter(Result::is_err) {
            assert_refused(refused, "ParameterAlreadyExists");
        }
    });
}

#[test]
fn parameters_belong_to_their_account_and_are_listed_by_path_in_pages() {
    block(async {
        let (bench, other) = (Bench::empty(), Bench::empty());
        let ssm = Client::new(&bench.config);
        for n in 0..12 {
            let tag = Tag::builder().key("fargate-stack:stack").value("web").build().unwrap();
            let name = format!("/fargate-stack/lock/{n}");
            ssm.put_parameter()
                .name(name)
                .value("{}")
                .r#type(ParameterType::String)
                .tags(tag)
                .send()
                .await
                .unwrap();
        }
        let all =
            || ssm.get_parameters_by_path().path("/fargate-stack").recursive(true).into_paginator().send();
        let mut pages = all();
        let (mut count, mut names) = (0, 0);
        while let Some(page) = pages.next().await {
            count += 1;
            names += page.unwrap().parameters().len();
        }
        assert_eq!((count, names), (2, 12));
        let theirs = Client::new(&other.config);
        assert_refused(
            theirs.get_parameter().name("/fargate-stack/lock/1").send().await,
            "ParameterNotFound",
        );
        let read = ssm.get_parameter().name("/fargate-stack/lock/1").send().await.unwrap();
        let read = read.parameter().unwrap();
        assert_eq!((read.value(), read.version()), (Some("{}"), 1));
        ssm.delete_parameter().name("/fargate-stack/lock/1").send().await.unwrap();
        assert_refused(
            ssm.delete_parameter().name("/fargate-stack/lock/1").send().await,
            "ParameterNotFound",
        );
        let tagging = aws_sdk_resourcegroupstagging::Client::new(&bench.config);
        let found = tagging.get_resources().resource_type_filters("ssm:parameter").send().await.unwrap();
        assert_eq!(found.resource_tag_mapping_list().len(), 11);
    });
}
