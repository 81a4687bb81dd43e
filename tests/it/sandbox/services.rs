//! Services: what is filled in, kept and refused when they are made.

use aws_sdk_ecs::types::{
    AssignPublicIp, AvailabilityZoneRebalancing, DeploymentCircuitBreaker, DeploymentConfiguration,
    DeploymentControllerType, LoadBalancer, PropagateTags, SchedulingStrategy, ServiceField, Tag,
};

use super::super::account::block;
use super::{Bench, assert_refused};

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

#[test]
fn a_new_service_shows_the_defaults_of_the_server() {
    block(async {
        let bench = Bench::new();
        bench.cluster().await;
        bench.revision("web").await;
        let made = bench.service("web").send().await.unwrap();
        let service = made.service().unwrap();
        assert_eq!(service.service_arn(), Some(bench.arn("ecs", "service/main/web").as_str()));
        assert_eq!(service.task_definition(), Some(bench.arn("ecs", "task-definition/web:1").as_str()));
        assert_eq!((service.platform_version(), service.platform_family()), (Some("LATEST"), Some("Linux")));
        assert_eq!(service.deployments()[0].platform_version(), Some("1.4.0"));
        let config = service.deployment_configuration().unwrap();
        assert_eq!((config.maximum_percent(), config.minimum_healthy_percent()), (Some(200), Some(100)));
        assert_eq!(config.strategy().unwrap().as_str(), "ROLLING");
        let breaker = config.deployment_circuit_breaker().unwrap();
        assert!(!breaker.enable() && !breaker.rollback(), "the circuit breaker is off by default");
        assert_eq!(service.deployment_controller().unwrap().r#type(), &DeploymentControllerType::Ecs);
        assert_eq!(service.scheduling_strategy(), Some(&SchedulingStrategy::Replica));
        assert_eq!(service.propagate_tags(), Some(&PropagateTags::None));
        assert_eq!(service.availability_zone_rebalancing(), Some(&AvailabilityZoneRebalancing::Enabled));
        assert!(!service.enable_execute_command() && !service.enable_ecs_managed_tags());
        let vpc = service.network_configuration().unwrap().awsvpc_configuration().unwrap();
        assert_eq!(vpc.assign_public_ip(), Some(&AssignPublicIp::Disabled));
        assert_eq!(
            service.health_check_grace_period_seconds(),
            None,
            "that is for services with a load balancer"
        );
    });
}

#[test]
fn tags_of_a_service_are_made_with_it_and_shown_when_asked_for() {
    block(async {
        let bench = Bench::new();
        bench.cluster().await;
        bench.revision("web").await;
        bench.service("web").tags(tag("app", "shop")).send().await.unwrap();
        let arn = bench.arn("ecs", "service/main/web");
        bench
            .ecs
            .tag_resource()
            .resource_arn(&arn)
            .tags(tag("team", "a"))
            .tags(tag("app", "till"))
            .send()
            .await
            .unwrap();
        bench.ecs.untag_resource().resource_arn(&arn).tag_keys("team").send().await.unwrap();
        assert!(bench.look().await.tags().is_empty());
        let asked = bench.ecs.describe_services().cluster("main").services(&arn).include(ServiceField::Tags);
        assert_eq!(asked.send().await.unwrap().services()[0].tags(), [tag("app", "till")]);
        let listed = bench.ecs.list_tags_for_resource().resource_arn(&arn).send().await.unwrap();
        assert_eq!(listed.tags(), [tag("app", "till")]);
        let missing =
            bench.ecs.tag_resource().resource_arn(format!("{arn}x")).tags(tag("a", "b")).send().await;
        assert_refused(
            missing,
            "InvalidParameterException: The specified service is inactive or does not exist.",
        );
    });
}

#[test]
fn a_service_that_cannot_work_is_refused() {
    block(async {
        let bench = Bench::new().with_service(0).await;
        let invalid = |words: &str| format!("InvalidParameterException: {words}");
        let new = || bench.service("new");
        let (subnet, group) = (bench.subnet(0), bench.group());
        let on = |subnets: &[&str], groups: &[&str]| {
            new().network_configuration(Bench::network(subnets, groups)).send()
        };

        assert_refused(new().cluster("other").send().await, "ClusterNotFoundException: Cluster not found.");
        assert_refused(
            new().task_definition("gone").send().await,
            "ClientException: TaskDefinition not found.",
        );
        assert_refused(new().service_name("a b").send().await, &invalid("Invalid service name"));
        assert_refused(new().set_desired_count(None).send().await, &invalid("desiredCount is required"));
        assert_refused(
            new().scheduling_strategy(SchedulingStrategy::Daemon).send().await,
            &invalid("The DAEMON"),
        );
        assert_refused(
            new().set_network_configuration(None).send().await,
            &invalid("Network Configuration must be"),
        );
        assert_refused(
            on(&["subnet-0000000"], &[group]).await,
            &invalid("Error retrieving subnet information"),
        );
        assert_refused(
            on(&[subnet], &["sg-0000000"]).await,
            &invalid("Error retrieving security group information"),
        );
        assert_refused(on(&[subnet; 17], &[group]).await, &invalid("subnets can have at most 16 items."));
        assert_refused(
            on(&[subnet], &[group; 6]).await,
            &invalid("securityGroups can have at most 5 items."),
        );
        assert_refused(new().platform_version("9.9.9").send().await, "PlatformUnknownException");
        assert_refused(new().client_token("x".repeat(37)).send().await, &invalid("Invalid client token"));
        assert_refused(
            new().enable_execute_command(true).send().await,
            &invalid("The service couldn't be created because"),
        );

        let percent = |least: i32, most: i32| {
            let config =
                DeploymentConfiguration::builder().minimum_healthy_percent(least).maximum_percent(most);
            new().deployment_configuration(config.build()).send()
        };
        assert_refused(
            percent(100, 100).await,
            &invalid("Both maximumPercent and minimumHealthyPercent cannot be 100"),
        );
        assert_refused(percent(150, 100).await, &invalid("minimumHealthyPercent must be less"));
        let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
        let canary =
            DeploymentConfiguration::builder().strategy(aws_sdk_ecs::types::DeploymentStrategy::BlueGreen);
        let canary = canary.deployment_circuit_breaker(breaker).build();
        let canary = new().deployment_configuration(canary).send().await;
        assert_refused(
            canary,
            &invalid("The deployment circuit breaker is only supported for the rolling update"),
        );

        let group = bench.arn("elasticloadbalancing", "targetgroup/web/0123456789abcdef");
        let behind = |name: &str, port: i32| {
            let balancer =
                LoadBalancer::builder().target_group_arn(&group).container_name(name).container_port(port);
            new().load_balancers(balancer.build()).send()
        };
        assert_refused(behind("web", 80).await, &invalid("The target group with targetGroupArn"));
        assert_refused(
            behind("db", 80).await,
            &invalid("The container db does not exist in the task definition."),
        );
        assert_refused(
            behind("web", 81).await,
            &invalid("The container web did not have a container port 81 defined."),
        );

        assert_refused(
            bench.ecs.update_service().cluster("main").service("gone").send().await,
            "ServiceNotFoundException",
        );
        assert_refused(
            bench.ecs.delete_service().cluster("main").service("gone").send().await,
            "ServiceNotFoundException",
        );
        let listed = bench.ecs.list_services().cluster("main").send().await.unwrap();
        assert_eq!(listed.service_arns().len(), 1, "a refused call makes nothing");
    });
}

#[test]
fn the_same_name_again_is_refused_unless_it_is_the_same_request_with_its_token() {
    block(async {
        let bench = Bench::new();
        bench.cluster().await;
        bench.revision("web").await;
        let first = bench.service("web").client_token("token-1").send().await.unwrap();
        let again = bench.service("web").client_token("token-1").send().await.unwrap();
        assert_eq!(again.service().unwrap().created_at(), first.service().unwrap().created_at());
        let not_idempotent = "InvalidParameterException: Creation of service was not idempotent.";
        assert_refused(bench.service("web").send().await, not_idempotent);
        assert_refused(bench.service("web").client_token("token-2").send().await, not_idempotent);
        let other = bench.service("web").client_token("token-1").desired_count(1).send().await;
        assert_refused(other, not_idempotent);
    });
}
