//! What people did by hand is seen, and what is not ours is left alone.

use fargate_stack::model::{Locator, Owner};
use serde_json::{Value, json};

use super::Flow;

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_somebody_added_to_a_role_stays_until_the_role_goes() {
    let flow = Flow::complete().await;
    let want = flow.want("iam_role.execution");
    let foreign =
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}});
    for name in ["FargateForeignPolicy", "audit"] {
        let request = flow.aws.iam.put_role_policy().role_name(&want.at.name).policy_name(name);
        request.policy_document(foreign.to_string()).send().await.unwrap();
    }
    let attrs = flow.resolved(&want);
    let seen = flow.same(&want, &attrs).await;
    let other = flow.other(&want);
    flow.driver(&want).update(&want.at, &seen, other.clone()).await.unwrap();
    let seen = flow.same(&want, &other).await;
    let listed = flow.aws.iam.list_role_policies().role_name(&want.at.name).send().await.unwrap();
    assert!(listed.policy_names().iter().any(|name| name == "audit"));
    assert!(listed.policy_names().iter().any(|name| name == "FargateForeignPolicy"));
    flow.driver(&want).delete(&want.at, &seen).await.unwrap();
    assert_eq!(flow.driver(&want).read(&want.at).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_somebody_disabled_stays_disabled_and_keeps_other_targets() {
    let flow = Flow::complete().await;
    let want = flow.want("schedule.nightly");
    flow.aws.events.disable_rule().name(&want.at.name).send().await.unwrap();
    let queue = format!("arn:aws:sqs:us-east-1:{}:audit", flow.world.account);
    let target = aws_sdk_eventbridge::types::Target::builder().id("audit").arn(queue).build().unwrap();
    flow.aws.events.put_targets().rule(&want.at.name).targets(target).send().await.unwrap();

    let attrs = flow.resolved(&want);
    let seen = flow.same(&want, &attrs).await;
    assert_eq!(seen.attrs["state"], "DISABLED");
    let other = flow.other(&want);
    flow.driver(&want).update(&want.at, &seen, other.clone()).await.unwrap();
    let seen = flow.same(&want, &other).await;
    assert_eq!(seen.attrs["state"], "DISABLED");
    let targets = flow.aws.events.list_targets_by_rule().rule(&want.at.name).send().await.unwrap();
    assert_eq!(targets.targets().len(), 2);

    flow.driver(&want).delete(&want.at, &seen).await.unwrap();
    assert_eq!(flow.driver(&want).read(&want.at).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_without_its_target_gets_it() {
    let flow = Flow::complete().await;
    let want = flow.want("schedule.nightly");
    flow.aws.events.remove_targets().rule(&want.at.name).ids("nightly-target").send().await.unwrap();
    let seen = flow.seen(&want).await;
    assert_eq!(seen.attrs["target"], Value::Null);
    let attrs = flow.resolved(&want);
    flow.driver(&want).update(&want.at, &seen, attrs.clone()).await.unwrap();
    flow.same(&want, &attrs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_of_a_task_definition_changes_without_a_new_revision() {
    let flow = Flow::complete().await;
    let want = flow.want("task_definition.worker");
    let seen = flow.seen(&want).await;
    let mut attrs = flow.resolved(&want);
    attrs["tags"]["team"] = "infrastructure".into();
    let outputs = flow.driver(&want).update(&want.at, &seen, attrs.clone()).await.unwrap();
    assert_eq!(outputs, seen.outputs);
    flow.same(&want, &attrs).await;
    assert_eq!(flow.revisions("worker").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_somebody_made_by_hand_in_a_revision_shows() {
    let flow = Flow::complete().await;
    let want = flow.want("task_definition.worker");
    let described = flow.aws.ecs.describe_task_definition().task_definition("worker").send().await.unwrap();
    let definition = described.task_definition().unwrap();
    let mut container = definition.container_definitions()[0].clone();
    container.stop_timeout = Some(90);
    container.readonly_root_filesystem = Some(true);
    let request = flow.aws.ecs.register_task_definition().family("worker").container_definitions(container);
    let request = request
        .cpu(definition.cpu().unwrap())
        .memory(definition.memory().unwrap())
        .network_mode(definition.network_mode().unwrap().clone())
        .requires_compatibilities(aws_sdk_ecs::types::Compatibility::Fargate)
        .execution_role_arn(definition.execution_role_arn().unwrap())
        .task_role_arn(definition.task_role_arn().unwrap());
    request.send().await.unwrap();

    let seen = flow.seen(&want).await;
    assert_eq!(
        seen.attrs["containers"][0]["other"],
        json!({"readonlyRootFilesystem": "true", "stopTimeout": "90"})
    );
    assert_eq!(seen.owner, Owner::Nobody);
    let attrs = flow.resolved(&want);
    flow.driver(&want).update(&want.at, &seen, attrs.clone()).await.unwrap();
    let seen = flow.same(&want, &attrs).await;
    assert_eq!(seen.outputs["revision"], "3");

    // What somebody else registered in the family stays.
    flow.driver(&want).delete(&want.at, &seen).await.unwrap();
    let left = flow.aws.ecs.list_task_definitions().family_prefix("worker").send().await.unwrap();
    let left: Vec<&str> =
        left.task_definition_arns().iter().filter_map(|arn| arn.rsplit(':').next()).collect();
    assert_eq!(left, ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn retired_revisions_of_a_family_go_too_and_those_of_a_longer_name_stay() {
    let flow = Flow::complete().await;
    let want = flow.want("task_definition.worker");
    let first = flow.seen(&want).await;
    let next = flow.other(&want);
    flow.driver(&want).update(&want.at, &first, next.clone()).await.unwrap();
    flow.aws.ecs.deregister_task_definition().task_definition(&first.outputs["arn"]).send().await.unwrap();
    let mut longer = next.clone();
    longer["family"] = "worker-2".into();
    let other = Locator { name: "worker-2".to_owned(), ..want.at.clone() };
    flow.driver(&want).create(&other, longer).await.unwrap();

    let seen = flow.seen(&want).await;
    flow.driver(&want).delete(&want.at, &seen).await.unwrap();
    assert_eq!(flow.driver(&want).read(&want.at).await.unwrap(), None);
    let status = aws_sdk_ecs::types::TaskDefinitionStatus::Inactive;
    let inactive =
        flow.aws.ecs.list_task_definitions().family_prefix("worker").status(status).send().await.unwrap();
    assert_eq!(inactive.task_definition_arns(), [] as [&str; 0]);
    assert!(flow.driver(&want).read(&other).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_a_service_sends_only_what_differs_and_never_the_count() {
    let flow = Flow::complete().await;
    let want = flow.want("service.worker");
    let scaled = flow.aws.ecs.update_service().cluster("flow-cluster").service("worker").desired_count(3);
    scaled.send().await.unwrap();
    let seen = flow.seen(&want).await;
    let mut attrs = flow.resolved(&want);
    attrs["deployment"]["maximum_percent"] = 150.into();
    flow.world.forget_calls();
    flow.driver(&want).update(&want.at, &seen, attrs.clone()).await.unwrap();
    let calls = flow.world.calls();
    let [sent] = calls.as_slice() else { panic!("{calls:#?}") };
    let mut fields: Vec<&str> = sent["parameters"].as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["cluster", "deploymentConfiguration", "service"]);
    let seen = flow.same(&want, &attrs).await;
    assert_eq!(seen.attrs["desired_count"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_made_again_while_the_old_one_of_its_name_still_drains() {
    let flow = Flow::complete().await;
    let want = flow.want("service.worker");
    let old = flow.seen(&want).await;
    flow.aws.ecs.delete_service().cluster("flow-cluster").service("worker").force(true).send().await.unwrap();
    let attrs = flow.resolved(&want);
    flow.driver(&want).create(&want.at, attrs.clone()).await.unwrap();
    let seen = flow.same(&want, &attrs).await;
    assert_eq!(seen.outputs["name"], old.outputs["name"]);
}
