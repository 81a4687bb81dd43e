//! What is missing, pages, and how much one call may ask for.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::LaunchType;

use super::super::account::block;
use super::{Bench, assert_refused, refused};

#[test]
fn what_is_missing_is_told_in_failures_beside_what_was_found() {
    block(async {
        let bench = Bench::new().with_service(0).await;
        let ecs = &bench.ecs;
        let services =
            ecs.describe_services().cluster("main").services("web").services("gone").send().await.unwrap();
        assert_eq!(services.services().len(), 1);
        let failure = &services.failures()[0];
        assert_eq!(failure.arn(), Some(bench.arn("ecs", "service/main/gone").as_str()));
        assert_eq!(failure.reason(), Some("MISSING"));
        let clusters = ecs.describe_clusters().clusters("gone").clusters("main").send().await.unwrap();
        assert_eq!((clusters.clusters().len(), clusters.failures()[0].reason()), (1, Some("MISSING")));
        let tasks = ecs
            .describe_tasks()
            .cluster("main")
            .tasks("0123456789abcdef0123456789abcdef")
            .send()
            .await
            .unwrap();
        assert_eq!((tasks.tasks().len(), tasks.failures()[0].reason()), (0, Some("MISSING")));
        let elsewhere = ecs.describe_services().cluster("gone").services("web").send().await;
        assert_refused(elsewhere, "ClusterNotFoundException");
    });
}

#[test]
fn one_call_describes_at_most_ten_services_and_a_hundred_tasks_or_clusters() {
    block(async {
        let bench = Bench::empty();
        bench.cluster().await;
        let names = |count: usize| Some((0..count).map(|n| format!("a{n}")).collect::<Vec<_>>());
        let services =
            |count| bench.ecs.describe_services().cluster("main").set_services(names(count)).send();
        let tasks = |count| bench.ecs.describe_tasks().cluster("main").set_tasks(names(count)).send();
        let clusters = |count| bench.ecs.describe_clusters().set_clusters(names(count)).send();
        assert_eq!(services(10).await.unwrap().failures().len(), 10);
        assert_refused(services(11).await, "InvalidParameterException: Services can have at most 10 items.");
        assert_eq!(tasks(100).await.unwrap().failures().len(), 100);
        assert_refused(tasks(101).await, "InvalidParameterException: Tasks can have at most 100 items.");
        assert_eq!(clusters(100).await.unwrap().failures().len(), 100);
        assert_refused(
            clusters(101).await,
            "InvalidParameterException: Clusters can have at most 100 items.",
        );
        assert_refused(services(0).await, "InvalidParameterException: Services cannot be empty.");
        assert_refused(tasks(0).await, "InvalidParameterException: Tasks cannot be empty.");
    });
}

#[test]
fn services_are_listed_ten_at_a_time_unless_told_else() {
    block(async {
        let bench = Bench::new();
        bench.cluster().await;
        bench.revision("web").await;
        for number in 10..22 {
            bench.service(&format!("s{number}")).send().await.unwrap();
        }
        let list = || bench.ecs.list_services().cluster("main");
        let first = list().send().await.unwrap();
        assert_eq!(first.service_arns().len(), 10);
        let second = list().next_token(first.next_token().unwrap()).send().await.unwrap();
        assert_eq!((second.service_arns().len(), second.next_token()), (2, None));
        let all: BTreeSet<&String> = first.service_arns().iter().chain(second.service_arns()).collect();
        assert_eq!(all.len(), 12);
        assert_eq!(list().max_results(100).send().await.unwrap().service_arns().len(), 12);
        let mut pages = list().into_paginator().page_size(5).send();
        let mut sizes = Vec::new();
        while let Some(page) = pages.next().await {
            sizes.push(page.unwrap().service_arns().len());
        }
        assert_eq!(sizes, [5, 5, 2]);
        assert_eq!(list().launch_type(LaunchType::Ec2).send().await.unwrap().service_arns().len(), 0);
        assert!(refused(list().max_results(101).send().await).starts_with("InvalidParameterException"));
        assert_refused(
            list().next_token("nonsense").send().await,
            "InvalidParameterException: Invalid token.",
        );
    });
}
