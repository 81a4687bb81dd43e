//! Revisions of task definitions: how they are numbered, listed, and end.

use aws_sdk_ecs::types::{SortOrder, TaskDefinitionFamilyStatus, TaskDefinitionStatus};

use super::super::account::block;
use super::{Bench, assert_refused};

#[test]
fn a_revision_number_is_never_used_again() {
    block(async {
        let bench = Bench::empty();
        let number = |arn: &str| arn.rsplit(':').next().unwrap().parse::<u32>().unwrap();
        assert_eq!(number(&bench.revision("web").await), 1);
        assert_eq!(number(&bench.revision("web").await), 2);
        bench.ecs.deregister_task_definition().task_definition("web:2").send().await.unwrap();
        bench.ecs.delete_task_definitions().task_definitions("web:2").send().await.unwrap();
        assert_refused(bench.definition("web").cpu("257").send().await, "ClientException");
        assert_eq!(number(&bench.revision("web").await), 3, "neither a deleted nor a refused one counts");
        assert_eq!(number(&bench.revision("other").await), 1);
    });
}

#[test]
fn a_revision_goes_from_active_over_inactive_to_delete_in_progress() {
    block(async {
        let bench = Bench::empty();
        let (first, second) = (bench.revision("web").await, bench.revision("web").await);
        let ecs = &bench.ecs;
        let delete = |name: &str| ecs.delete_task_definitions().task_definitions(name).send();
        let status = async |name: &str| {
            let described = ecs.describe_task_definition().task_definition(name).send().await.unwrap();
            described.task_definition().unwrap().status().unwrap().clone()
        };

        let kept = delete(&second).await.unwrap();
        assert!(kept.task_definitions().is_empty());
        let failure = kept.failures().first().unwrap();
        assert_eq!(failure.arn(), Some(second.as_str()));
        assert!(failure.reason().unwrap().contains("still in ACTIVE status"), "{failure:?}");

        let gone = ecs.deregister_task_definition().task_definition(&second).send().await.unwrap();
        let gone = gone.task_definition().unwrap();
        assert_eq!(gone.status(), Some(&TaskDefinitionStatus::Inactive));
        assert!(gone.deregistered_at().is_some());
        assert_eq!(status("web:2").await, TaskDefinitionStatus::Inactive);
        let latest = ecs.describe_task_definition().task_definition("web").send().await.unwrap();
        assert_eq!(
            latest.task_definition().unwrap().revision(),
            1,
            "a family means its latest active revision"
        );

        let deleted = delete(&second).await.unwrap();
        assert!(deleted.failures().is_empty());
        assert_eq!(status(&second).await, TaskDefinitionStatus::DeleteInProgress);
        let missing = delete("web:9").await.unwrap();
        assert!(missing.failures().first().unwrap().reason().unwrap().contains("not found"));

        let listed = async |status: TaskDefinitionStatus| {
            ecs.list_task_definitions().status(status).send().await.unwrap().task_definition_arns().to_vec()
        };
        assert_eq!(listed(TaskDefinitionStatus::Active).await, [first.clone()]);
        assert_eq!(listed(TaskDefinitionStatus::Inactive).await, Vec::<String>::new());
        assert_eq!(listed(TaskDefinitionStatus::DeleteInProgress).await, [second]);

        ecs.deregister_task_definition().task_definition(&first).send().await.unwrap();
        assert_refused(
            ecs.describe_task_definition().task_definition("web").send().await,
            "ClientException: Unable to",
        );
        let again = ecs.deregister_task_definition().task_definition(&first).send().await;
        assert_refused(again, "ClientException: The specified task definition is inactive");
        let unnumbered = ecs.deregister_task_definition().task_definition("web").send().await;
        assert_refused(unnumbered, "ClientException: Invalid revision number");
    });
}

#[test]
fn at_most_ten_definitions_are_deleted_at_once() {
    block(async {
        let bench = Bench::empty();
        let names = |count: usize| Some((1..=count).map(|number| format!("web:{number}")).collect());
        let eleven = bench.ecs.delete_task_definitions().set_task_definitions(names(11)).send().await;
        assert_refused(eleven, "InvalidParameterException");
        let ten = bench.ecs.delete_task_definitions().set_task_definitions(names(10)).send().await.unwrap();
        assert_eq!(ten.failures().len(), 10);
    });
}

#[test]
fn definitions_and_families_are_listed_in_pages_and_in_order() {
    block(async {
        let bench = Bench::empty();
        for family in ["web", "web", "web", "worker", "api"] {
            bench.revision(family).await;
        }
        let names = |arns: &[String]| -> Vec<String> {
            arns.iter().map(|arn| arn.rsplit('/').next().unwrap().to_owned()).collect()
        };
        let first = bench.ecs.list_task_definitions().max_results(2).send().await.unwrap();
        assert_eq!(names(first.task_definition_arns()), ["api:1", "web:1"]);
        let token = first.next_token().unwrap();
        let second = bench.ecs.list_task_definitions().max_results(2).next_token(token).send().await.unwrap();
        assert_eq!(names(second.task_definition_arns()), ["web:2", "web:3"]);
        let other = bench.ecs.list_task_definitions().family_prefix("web").next_token(token).send().await;
        assert_refused(other, "InvalidParameterException: Invalid token");
        let newest =
            bench.ecs.list_task_definitions().family_prefix("web").sort(SortOrder::Desc).max_results(1);
        assert_eq!(names(newest.send().await.unwrap().task_definition_arns()), ["web:3"]);

        bench.ecs.deregister_task_definition().task_definition("api:1").send().await.unwrap();
        let families = async |status: TaskDefinitionFamilyStatus| {
            bench.ecs.list_task_definition_families().status(status).send().await.unwrap().families().to_vec()
        };
        assert_eq!(families(TaskDefinitionFamilyStatus::Active).await, ["web", "worker"]);
        assert_eq!(families(TaskDefinitionFamilyStatus::Inactive).await, ["api"]);
        assert_eq!(families(TaskDefinitionFamilyStatus::All).await, ["api", "web", "worker"]);
    });
}
