//! Rollouts: deployments and their tasks through time.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, DesiredStatus, Service, Task};
use serde_json::json;

use super::super::account::block;
use super::{Bench, assert_refused};

fn primary(service: &Service) -> &Deployment {
    service.deployments().first().unwrap()
}

fn completed(service: &Service) -> bool {
    service.deployments().len() == 1
        && primary(service).rollout_state() == Some(&DeploymentRolloutState::Completed)
}

fn messages(service: &Service) -> Vec<&str> {
    service.events().iter().filter_map(|event| event.message()).collect()
}

fn started_by(tasks: &[Task]) -> Vec<&str> {
    tasks.iter().filter_map(Task::started_by).collect()
}

#[test]
fn a_first_rollout_goes_from_in_progress_to_completed_with_tasks_that_name_the_deployment() {
    block(async {
        let bench = Bench::new().with_service(2).await;
        let seen = bench.watch("the rollout completes", completed).await;
        // The task counts only grow, and the state changes once.
        let running: Vec<i32> = seen.iter().map(Service::running_count).collect();
        assert!(running.is_sorted() && running.last() == Some(&2), "{running:?}");
        for service in &seen {
            assert_eq!(service.deployments().len(), 1);
            assert_eq!(service.running_count() + service.pending_count(), 2);
            let deployment = primary(service);
            assert_eq!((deployment.status(), deployment.desired_count()), (Some("PRIMARY"), 2));
            assert_eq!(deployment.running_count(), service.running_count());
            assert_eq!(deployment.failed_tasks(), 0);
            let state = deployment.rollout_state().unwrap();
            assert!(matches!(state, DeploymentRolloutState::InProgress | DeploymentRolloutState::Completed));
            assert!(*state == DeploymentRolloutState::InProgress || service.running_count() == 2);
        }
        let last = seen.last().unwrap();
        let deployment = primary(last);
        let id = deployment.id().unwrap();
        assert!(id.starts_with("ecs-svc/"), "{id}");

        let tasks = bench.tasks(DesiredStatus::Running).await;
        assert_eq!(started_by(&tasks), [id, id]);
        for task in &tasks {
            assert_eq!((task.last_status(), task.group()), (Some("RUNNING"), Some("service:web")));
            assert_eq!(task.task_definition_arn(), last.task_definition());
            assert_eq!(task.platform_version(), Some("1.4.0"));
            let web = task.containers().first().unwrap();
            assert!(web.image_digest().unwrap().starts_with("sha256:"));
            assert!(task.created_at().unwrap() < task.started_at().unwrap());
        }
        let by_deployment = bench.ecs.list_tasks().cluster("main").started_by(id).send().await.unwrap();
        assert_eq!(by_deployment.task_arns().len(), 2);

        let said = messages(last);
        assert_eq!(said[0], "(service web) has reached a steady state.", "the newest event is first");
        assert_eq!(said[1], format!("(service web) (deployment {id}) deployment completed."));
        assert!(said[2].starts_with("(service web) has started 2 tasks: (task "), "{said:?}");
        assert!(
            last.events().iter().map(|event| event.created_at().unwrap().as_secs_f64()).rev().is_sorted()
        );
    });
}

#[test]
fn the_answer_of_an_update_holds_the_new_deployment_and_the_old_one_stays_until_its_tasks_are_gone() {
    block(async {
        let bench = Bench::new().with_service(2).await;
        bench.watch("the first rollout completes", completed).await;
        let old = primary(&bench.look().await).id().unwrap().to_owned();
        bench.revision("web").await;
        let answer = bench.update().task_definition("web:2").send().await.unwrap();
        let service = answer.service().unwrap();
        let new = primary(service).id().unwrap().to_owned();
        assert_ne!(new, old);
        assert_eq!(primary(service).rollout_state(), Some(&DeploymentRolloutState::InProgress));
        assert_eq!(service.deployments()[1].id(), Some(old.as_str()));
        assert_eq!(service.deployments()[1].status(), Some("ACTIVE"));

        let seen = bench.watch("the second rollout completes", completed).await;
        for service in &seen {
            assert!(service.running_count() >= 2, "fewer than the minimum: {:?}", service.deployments());
            assert!(service.running_count() + service.pending_count() <= 4, "more than the maximum");
            assert_eq!(primary(service).id(), Some(new.as_str()));
        }
        assert_eq!(started_by(&bench.tasks(DesiredStatus::Running).await), [new.as_str(), new.as_str()]);
        let stopped = bench.tasks(DesiredStatus::Stopped).await;
        assert_eq!(
            started_by(&stopped),
            [old.as_str(), old.as_str()],
            "stopped tasks can still be described"
        );
        for task in &stopped {
            assert_eq!(task.last_status(), Some("STOPPED"));
            assert_eq!(task.stop_code().unwrap().as_str(), "ServiceSchedulerInitiated");
            assert!(task.stopped_at().unwrap() >= task.started_at().unwrap());
            assert_eq!(task.containers().first().unwrap().exit_code(), Some(0));
        }
    });
}

#[test]
fn a_service_on_a_deregistered_revision_still_scales_but_nothing_moves_to_it() {
    block(async {
        let bench = Bench::new().with_service(1).await;
        bench.watch("the rollout completes", completed).await;
        let id = primary(&bench.look().await).id().unwrap().to_owned();
        bench.ecs.deregister_task_definition().task_definition("web:1").send().await.unwrap();
        bench.ecs.delete_task_definitions().task_definitions("web:1").send().await.unwrap();
        let answer = bench.update().desired_count(2).send().await.unwrap();
        assert_eq!(primary(answer.service().unwrap()).id(), Some(id.as_str()), "scaling is no deployment");
        bench.watch("the second task runs", |service| service.running_count() == 2).await;
        assert_eq!(started_by(&bench.tasks(DesiredStatus::Running).await), [id.as_str(), id.as_str()]);

        assert_refused(
            bench.update().task_definition("web:1").send().await,
            "ClientException: TaskDefinition is inactive",
        );
        assert_refused(bench.service("more").send().await, "ClientException: TaskDefinition is inactive");
        assert_refused(
            bench.update().task_definition("web:7").send().await,
            "ClientException: TaskDefinition not found.",
        );
    });
}

#[test]
fn a_deleted_service_drains_and_is_inactive_when_its_tasks_have_stopped() {
    block(async {
        let bench = Bench::new();
        // Long enough to ask three things meanwhile.
        bench.script(json!({ "outcome": "healthy", "stop_s": 1.5 }));
        let bench = bench.with_service(1).await;
        bench.watch("the task runs", |service| service.running_count() == 1).await;
        let delete = || bench.ecs.delete_service().cluster("main").service("web");
        let scaled = delete().send().await;
        assert_refused(
            scaled,
            "InvalidParameterException: The service cannot be stopped while the primary deployment",
        );
        let cluster = bench.ecs.delete_cluster().cluster("main").send().await;
        assert_refused(
            cluster,
            "ClusterContainsServicesException: The Cluster cannot be deleted while Services are active",
        );

        let draining = delete().force(true).send().await.unwrap();
        assert_eq!(draining.service().unwrap().status(), Some("DRAINING"));
        let (again, update, cluster) = tokio::join!(
            bench.service("web").send(),
            bench.update().desired_count(1).send(),
            bench.ecs.delete_cluster().cluster("main").send()
        );
        assert_refused(again, "InvalidParameterException: Unable to Start a service that is still Draining.");
        assert_refused(update, "ServiceNotActiveException: Service was not ACTIVE.");
        assert_refused(
            cluster,
            "ClusterContainsTasksException: The Cluster cannot be deleted while Tasks are active.",
        );

        let seen =
            bench.watch("the service is inactive", |service| service.status() == Some("INACTIVE")).await;
        assert!(seen.iter().all(|service| service.desired_count() == 0));
        let listed = bench.ecs.list_services().cluster("main").send().await.unwrap();
        assert!(listed.service_arns().is_empty(), "an inactive service is described but not listed");
        assert_refused(bench.update().desired_count(1).send().await, "ServiceNotActiveException");
        let fresh = bench.service("web").send().await.unwrap();
        assert_eq!(fresh.service().unwrap().status(), Some("ACTIVE"), "the name is free again");
    });
}

#[test]
fn a_service_without_wanted_tasks_goes_at_once_and_frees_its_cluster() {
    block(async {
        let bench = Bench::new().with_service(0).await;
        bench.ecs.delete_service().cluster("main").service("web").send().await.unwrap();
        assert_eq!(bench.look().await.status(), Some("INACTIVE"));
        let gone = bench.ecs.delete_cluster().cluster("main").send().await.unwrap();
        assert_eq!(gone.cluster().unwrap().status(), Some("INACTIVE"));
    });
}

#[test]
fn a_stopped_task_is_replaced_and_says_who_stopped_it() {
    block(async {
        let bench = Bench::new().with_service(1).await;
        bench.watch("the rollout completes", completed).await;
        let first = bench.tasks(DesiredStatus::Running).await[0].task_arn().unwrap().to_owned();
        bench.ecs.stop_task().cluster("main").task(&first).reason("maintenance").send().await.unwrap();
        bench
            .watch("the task is gone", |service| service.running_count() == 0 || service.pending_count() == 1)
            .await;
        bench.watch("another task runs", |service| service.running_count() == 1).await;
        let now = bench.tasks(DesiredStatus::Running).await;
        assert_ne!(now[0].task_arn(), Some(first.as_str()));
        let stopped = bench.tasks(DesiredStatus::Stopped).await;
        assert_eq!(stopped[0].task_arn(), Some(first.as_str()));
        assert_eq!(stopped[0].stop_code().unwrap().as_str(), "UserInitiated");
        assert_eq!(stopped[0].stopped_reason(), Some("maintenance"));
    });
}

#[test]
fn tasks_started_after_the_change_carry_the_tags_of_their_service() {
    block(async {
        let bench = Bench::new();
        bench.cluster().await;
        bench.revision("web").await;
        let tag = aws_sdk_ecs::types::Tag::builder().key("app").value("shop").build();
        bench.service("web").tags(tag).desired_count(1).send().await.unwrap();
        bench.watch("the task runs", |service| service.running_count() == 1).await;
        let managed = bench.update().enable_ecs_managed_tags(true);
        let managed = managed.propagate_tags(aws_sdk_ecs::types::PropagateTags::Service);
        managed.desired_count(2).send().await.unwrap();
        bench.watch("two tasks run", |service| service.running_count() == 2).await;
        let listed = bench.ecs.list_tasks().cluster("main").send().await.unwrap();
        let tags = bench.ecs.describe_tasks().cluster("main").set_tasks(Some(listed.task_arns().to_vec()));
        let tags = tags.include(aws_sdk_ecs::types::TaskField::Tags).send().await.unwrap();
        let keys =
            |task: &Task| task.tags().iter().map(|tag| tag.key().unwrap().to_owned()).collect::<Vec<_>>();
        let mut all: Vec<Vec<String>> = tags.tasks().iter().map(keys).collect();
        all.sort();
        assert_eq!(
            all,
            [vec![], vec!["app".to_owned(), "aws:ecs:clusterName".into(), "aws:ecs:serviceName".into()]]
        );
    });
}
