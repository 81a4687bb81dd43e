//! The recorder, and accounts that see nothing of each other.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::account::{block, holds, sdk};
use super::{Bench, assert_refused, clusters};

/// What the account holds, looked at from a thread beside this test's runtime.
fn held(bench: &Bench) -> BTreeSet<String> {
    std::thread::scope(|scope| scope.spawn(|| holds(&bench.world)).join().unwrap())
}

#[test]
fn the_recorder_tells_what_was_called_with_what_and_with_which_result() {
    block(async {
        let bench = Bench::empty();
        bench.cluster().await;
        bench.ecs.describe_clusters().clusters("main").send().await.unwrap();
        let failed = bench.ecs.update_service().cluster("main").service("gone").desired_count(3).send().await;
        assert_refused(failed, "ServiceNotFoundException");
        let iam = aws_sdk_iam::Client::new(&bench.config);
        iam.get_role().role_name("gone").send().await.unwrap_err();
        aws_sdk_ec2::Client::new(&bench.config).describe_vpcs().send().await.unwrap();

        let calls = bench.world.calls();
        let seen: Vec<Value> = calls
            .iter()
            .map(|call| json!([call["service"], call["operation"], call["mutating"], call["result"]]))
            .collect();
        let expected = [
            json!(["ecs", "CreateCluster", true, "ok"]),
            json!(["ecs", "DescribeClusters", false, "ok"]),
            json!(["ecs", "UpdateService", true, "ServiceNotFoundException"]),
            json!(["iam", "GetRole", false, "NoSuchEntity"]),
            json!(["ec2", "DescribeVpcs", false, "ok"]),
        ];
        assert_eq!(seen, expected);
        assert_eq!(calls[0]["parameters"], json!({"clusterName": "main"}));
        assert_eq!(calls[2]["parameters"], json!({"cluster": "main", "service": "gone", "desiredCount": 3}));
        assert_eq!(calls[3]["parameters"], json!({"RoleName": "gone"}));
        for call in &calls {
            assert_eq!(
                (&call["account"], &call["region"]),
                (&json!(bench.world.account), &json!("us-east-1"))
            );
            assert!(
                call["time"].as_f64().unwrap() > 1.0e9 && call["ms"].is_u64() && call["fault"].is_null(),
                "{call}"
            );
        }
        let numbers: Vec<u64> = calls.iter().map(|call| call["n"].as_u64().unwrap()).collect();
        assert!(numbers.is_sorted_by(|one, two| one < two), "{numbers:?}");

        let filter = format!("calls?account={}&mutating=true&since={}", bench.world.account, numbers[0]);
        let filtered = bench.world.control("GET", &filter, &Value::Null);
        assert_eq!(filtered.as_array().unwrap().len(), 1);
        bench.world.forget_calls();
        assert_eq!(bench.world.calls().len(), 0);
    });
}

#[test]
fn secret_values_do_not_reach_the_record() {
    block(async {
        let bench = Bench::empty();
        let secrets = aws_sdk_secretsmanager::Client::new(&bench.config);
        secrets.create_secret().name("key").secret_string("hunter2-first").send().await.unwrap();
        secrets.put_secret_value().secret_id("key").secret_string("hunter2-second").send().await.unwrap();
        let kept = secrets.get_secret_value().secret_id("key").send().await.unwrap();
        assert_eq!(kept.secret_string(), Some("hunter2-second"), "masking is not losing");
        let text = serde_json::to_string(&bench.world.calls()).unwrap();
        assert!(text.contains("\"Name\":\"key\"") && text.contains("CreateSecret"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    });
}

#[test]
fn accounts_and_regions_see_nothing_of_each_other() {
    block(async {
        let (one, two) = (Bench::new(), Bench::new());
        let empty = held(&two);
        one.cluster().await;
        one.revision("web").await;
        let logs = aws_sdk_cloudwatchlogs::Client::new(&one.config);
        logs.create_log_group().log_group_name("/ecs/app").send().await.unwrap();
        one.fault(json!({"operation": "RegisterTaskDefinition", "kind": "access_denied", "count": 9}));

        assert_eq!(held(&two), empty, "and the fault of one is not the fault of two");
        assert!(two.revision("web").await.contains(&format!(":{}:task-definition/web:1", two.world.account)));
        two.cluster().await;
        let elsewhere = sdk(&one.world).to_builder().region(aws_config::Region::new("eu-west-1")).build();
        assert_eq!(clusters(&aws_sdk_ecs::Client::new(&elsewhere)).await, 0);
        assert!(one.world.calls().iter().all(|call| call["account"] == json!(one.world.account)));
        let identity = aws_sdk_sts::Client::new(&two.config).get_caller_identity().send().await.unwrap();
        assert_eq!(identity.account(), Some(two.world.account.as_str()));

        one.world.control("POST", "reset", &json!({"account": one.world.account}));
        assert_eq!(clusters(&one.ecs).await, 0, "a reset leaves nothing of one, not even its faults");
        one.revision("web").await;
        assert_eq!(clusters(&two.ecs).await, 1, "and all of two");
        assert_eq!(held(&one).len(), empty.len(), "the seed is planted again");
    });
}
