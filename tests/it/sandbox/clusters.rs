//! Clusters: what they keep, and how they end.

use aws_sdk_ecs::types::{ClusterField, ClusterSetting, ClusterSettingName, Tag};

use super::super::account::block;
use super::{Bench, assert_refused};

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

#[test]
fn a_cluster_keeps_tags_and_settings_and_its_creation_can_be_repeated() {
    block(async {
        let bench = Bench::empty();
        let insights = |value: &str| {
            ClusterSetting::builder().name(ClusterSettingName::ContainerInsights).value(value).build()
        };
        let make = |name: &str| bench.ecs.create_cluster().cluster_name(name);
        let made = make("main").tags(tag("app", "shop")).settings(insights("enhanced")).send().await.unwrap();
        assert_eq!(made.cluster().unwrap().tags(), [tag("app", "shop")]);
        let again = make("main").tags(tag("app", "other")).send().await.unwrap();
        assert_eq!(again.cluster().unwrap().cluster_arn(), made.cluster().unwrap().cluster_arn());
        assert_eq!(again.cluster().unwrap().tags(), [tag("app", "shop")], "the cluster comes back as it is");

        let plain = bench.ecs.describe_clusters().clusters("main").send().await.unwrap();
        assert!(plain.clusters()[0].tags().is_empty() && plain.clusters()[0].settings().is_empty());
        let all = bench
            .ecs
            .describe_clusters()
            .clusters("main")
            .include(ClusterField::Tags)
            .include(ClusterField::Settings);
        let all = all.send().await.unwrap();
        assert_eq!(all.clusters()[0].tags(), [tag("app", "shop")]);
        assert_eq!(all.clusters()[0].settings(), [insights("enhanced")]);
        let changed = bench
            .ecs
            .update_cluster_settings()
            .cluster("main")
            .settings(insights("enabled"))
            .send()
            .await
            .unwrap();
        assert_eq!(changed.cluster().unwrap().settings(), [insights("enabled")]);
        let plain = make("plain").send().await.unwrap();
        assert_eq!(plain.cluster().unwrap().settings(), [insights("disabled")]);
        assert_refused(make("no spaces").send().await, "InvalidParameterException: Invalid cluster name");
    });
}

#[test]
fn a_deleted_cluster_is_inactive_to_see_and_not_there_to_use() {
    block(async {
        let bench = Bench::empty();
        bench.cluster().await;
        bench.ecs.delete_cluster().cluster("main").send().await.unwrap();
        let seen = bench.ecs.describe_clusters().clusters("main").send().await.unwrap();
        assert_eq!(seen.clusters()[0].status(), Some("INACTIVE"));
        assert!(bench.ecs.list_clusters().send().await.unwrap().cluster_arns().is_empty());
        assert_refused(
            bench.ecs.list_services().cluster("main").send().await,
            "ClusterNotFoundException: Cluster not found.",
        );
        assert_refused(bench.ecs.delete_cluster().cluster("main").send().await, "ClusterNotFoundException");
        bench.cluster().await;
        let seen = bench.ecs.describe_clusters().clusters("main").send().await.unwrap();
        assert_eq!(seen.clusters()[0].status(), Some("ACTIVE"));
    });
}
