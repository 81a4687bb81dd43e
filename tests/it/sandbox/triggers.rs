//! What starts a deployment, what does not, and that what a request leaves out stays.

use std::collections::BTreeMap;

use aws_sdk_ecs::operation::update_service::builders::UpdateServiceFluentBuilder as Update;
use aws_sdk_ecs::types::{
    AvailabilityZoneRebalancing, CapacityProviderStrategyItem, DeploymentCircuitBreaker,
    DeploymentConfiguration, LoadBalancer, PlacementStrategy, PlacementStrategyType, PropagateTags, Service,
    ServiceConnectConfiguration, ServiceManagedEbsVolumeConfiguration, ServiceRegistry,
    ServiceVolumeConfiguration, Volume, VpcLatticeConfiguration,
};

use super::super::account::block;
use super::super::harness::World;
use super::{Bench, assert_refused, container};

/// The id of the PRIMARY deployment.
fn primary(service: &Service) -> String {
    let first = service.deployments().first().unwrap();
    assert_eq!(first.status(), Some("PRIMARY"));
    first.id().unwrap().to_owned()
}

/// Makes an update and says whether it started a deployment; the answer itself holds the new one.
#[track_caller]
fn deploys(bench: &Bench, change: impl FnOnce(Update) -> Update) -> impl Future<Output = bool> {
    let place = std::panic::Location::caller();
    let request = change(bench.update());
    async move {
        let before = primary(&bench.look().await);
        let answer = request.send().await.unwrap_or_else(|error| panic!("{place}: {error:?}"));
        let after = primary(answer.service().unwrap());
        assert_eq!(primary(&bench.look().await), after);
        before != after
    }
}

/// One call of Elastic Load Balancing, for which the product has no client yet.
fn balancing(bench: &Bench, action: &str, fields: &[(&str, &str)]) -> String {
    let scope = format!("{}/20260101/us-east-1/elasticloadbalancing/aws4_request", bench.world.account);
    let form = [("Action", action), ("Version", "2015-12-01")].into_iter().chain(fields.iter().copied());
    let mut answer = ureq::post(World::aws_endpoint())
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
        )
        .send_form(form)
        .unwrap();
    answer.body_mut().read_to_string().unwrap()
}

/// What is between the first `<name>` and its end.
fn element(text: &str, name: &str) -> String {
    let (_, rest) = text.split_once(&format!("<{name}>")).unwrap();
    rest.split('<').next().unwrap().to_owned()
}

/// A target group for IP addresses that a listener of a load balancer sends to.
pub fn target_group(bench: &Bench) -> String {
    let vpc = bench.seed["vpc_id"].as_str().unwrap();
    let made = [("Name", "web"), ("Protocol", "HTTP"), ("Port", "80"), ("VpcId", vpc), ("TargetType", "ip")];
    let group = element(&balancing(bench, "CreateTargetGroup", &made), "TargetGroupArn");
    let subnets = [0, 1].map(|index| bench.seed["public_subnets"][index].as_str().unwrap());
    let fields = [("Name", "web"), ("Subnets.member.1", subnets[0]), ("Subnets.member.2", subnets[1])];
    let balancer = element(&balancing(bench, "CreateLoadBalancer", &fields), "LoadBalancerArn");
    let fields = [
        ("LoadBalancerArn", balancer.as_str()),
        ("Protocol", "HTTP"),
        ("Port", "80"),
        ("DefaultActions.member.1.Type", "forward"),
        ("DefaultActions.member.1.TargetGroupArn", group.as_str()),
    ];
    balancing(bench, "CreateListener", &fields);
    group
}

/// A role that ECS may assume.
async fn role(bench: &Bench) -> String {
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let iam = aws_sdk_iam::Client::new(&bench.config);
    let made = iam
        .create_role()
        .role_name("infrastructure")
        .assume_role_policy_document(trust)
        .send()
        .await
        .unwrap();
    made.role().unwrap().arn().to_owned()
}

#[test]
fn a_new_definition_network_platform_version_or_force_starts_a_deployment() {
    block(async {
        let bench = Bench::new().with_service(0).await;
        bench.revision("web").await;
        let (one, two, group) = (bench.subnet(0), bench.subnet(1), bench.group());

        assert!(deploys(&bench, |with| with.task_definition("web:2")).await);
        assert!(
            !deploys(&bench, |with| with.task_definition("web:2")).await,
            "what runs already is not deployed"
        );
        assert!(
            !deploys(&bench, |with| with.task_definition("web")).await,
            "the family means the same revision"
        );
        assert!(deploys(&bench, |with| with.task_definition("web:1")).await);

        assert!(
            deploys(&bench, |with| with.network_configuration(Bench::network(&[one, two], &[group]))).await
        );
        let turned = Bench::network(&[two, one], &[group]);
        assert!(
            !deploys(&bench, |with| with.network_configuration(turned)).await,
            "the order of subnets is nothing"
        );
        assert!(deploys(&bench, |with| with.network_configuration(Bench::network(&[two], &[group]))).await);

        assert!(
            deploys(&bench, |with| with.platform_version("1.4.0")).await,
            "a fixed version is not LATEST"
        );
        assert!(!deploys(&bench, |with| with.platform_version("1.4.0")).await);
        assert!(deploys(&bench, |with| with.force_new_deployment(true)).await);
        assert!(!deploys(&bench, |with| with.force_new_deployment(false)).await);
        assert!(!deploys(&bench, |with| with).await, "nothing changes nothing");
    });
}

#[test]
fn load_balancers_and_registries_start_a_deployment_and_go_only_with_an_empty_list() {
    block(async {
        let bench = Bench::new().with_service(0).await;
        let group = target_group(&bench);
        let balancer = || {
            LoadBalancer::builder().target_group_arn(&group).container_name("web").container_port(80).build()
        };
        let registry = bench.arn("servicediscovery", "service/srv-1");
        let registry = || ServiceRegistry::builder().registry_arn(&registry).build();

        assert!(deploys(&bench, |with| with.load_balancers(balancer())).await);
        assert!(!deploys(&bench, |with| with.load_balancers(balancer())).await);
        assert!(deploys(&bench, |with| with.service_registries(registry())).await);
        assert!(!deploys(&bench, |with| with.service_registries(registry())).await);

        assert!(!deploys(&bench, |with| with.health_check_grace_period_seconds(60)).await);
        let kept = bench.look().await;
        assert_eq!(kept.load_balancers(), [balancer()], "absent is keep");
        assert_eq!(kept.service_registries(), [registry()], "absent is keep");
        assert_eq!(kept.health_check_grace_period_seconds(), Some(60));

        assert!(
            deploys(&bench, |with| with.set_load_balancers(Some(Vec::new()))).await,
            "an empty list is remove"
        );
        assert!(bench.look().await.load_balancers().is_empty());
        assert_eq!(bench.look().await.service_registries(), [registry()]);
        assert!(deploys(&bench, |with| with.set_service_registries(Some(Vec::new()))).await);
        assert!(bench.look().await.service_registries().is_empty());
        assert!(!deploys(&bench, |with| with.set_service_registries(Some(Vec::new()))).await);
    });
}

#[test]
fn service_connect_volumes_and_lattice_start_a_deployment_and_are_settings_of_it() {
    block(async {
        let bench = Bench::new().with_service(0).await;
        let role = role(&bench).await;
        let connect = |enabled: bool| {
            ServiceConnectConfiguration::builder().enabled(enabled).namespace("internal").build()
        };
        assert!(deploys(&bench, |with| with.service_connect_configuration(connect(true))).await);
        assert!(!deploys(&bench, |with| with.service_connect_configuration(connect(true))).await);
        let shown = |service: &Service| service.deployments().first().unwrap().clone();
        assert_eq!(shown(&bench.look().await).service_connect_configuration(), Some(&connect(true)));
        assert!(deploys(&bench, |with| with.service_connect_configuration(connect(false))).await);

        let lattice = VpcLatticeConfiguration::builder()
            .role_arn(&role)
            .target_group_arn(bench.arn("vpc-lattice", "targetgroup/tg-1"))
            .port_name("http")
            .build()
            .unwrap();
        assert!(deploys(&bench, |with| with.vpc_lattice_configurations(lattice.clone())).await);
        assert!(!deploys(&bench, |with| with.desired_count(0)).await);
        assert_eq!(shown(&bench.look().await).vpc_lattice_configurations(), [lattice]);
        assert!(deploys(&bench, |with| with.set_vpc_lattice_configurations(Some(Vec::new()))).await);
        assert!(shown(&bench.look().await).vpc_lattice_configurations().is_empty());

        let volume = Volume::builder().name("data").configured_at_launch(true).build();
        bench.definition("web").volumes(volume).send().await.unwrap();
        let disk = |size: i32| {
            let disk = ServiceManagedEbsVolumeConfiguration::builder()
                .role_arn(&role)
                .size_in_gib(size)
                .build()
                .unwrap();
            ServiceVolumeConfiguration::builder().name("data").managed_ebs_volume(disk).build().unwrap()
        };
        let without = bench.update().task_definition("web:2").send().await;
        assert_refused(without, "InvalidParameterException: Volume configurations must match");
        assert!(deploys(&bench, |with| with.task_definition("web:2").volume_configurations(disk(10))).await);
        assert!(
            !deploys(&bench, |with| with.volume_configurations(disk(10))).await,
            "only what differs deploys"
        );
        assert!(!deploys(&bench, |with| with.desired_count(0)).await, "absent is keep");
        assert!(deploys(&bench, |with| with.volume_configurations(disk(20))).await);
        assert_eq!(shown(&bench.look().await).volume_configurations(), [disk(20)]);
        let empty = |with: Update| with.task_definition("web:1").set_volume_configurations(Some(Vec::new()));
        assert!(deploys(&bench, empty).await);
        assert!(shown(&bench.look().await).volume_configurations().is_empty(), "an empty list is remove");
    });
}

#[test]
fn counts_tags_exec_and_deployment_settings_start_no_deployment() {
    block(async {
        let bench = Bench::new();
        bench.cluster().await;
        let role = role(&bench).await;
        bench.definition("web").task_role_arn(role).send().await.unwrap();
        bench.service("web").send().await.unwrap();
        let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
        let careful = DeploymentConfiguration::builder()
            .deployment_circuit_breaker(breaker)
            .maximum_percent(150)
            .build();
        let changes: BTreeMap<&str, Box<dyn FnOnce(Update) -> Update>> = BTreeMap::from([
            (
                "desired count",
                Box::new(|with: Update| with.desired_count(1)) as Box<dyn FnOnce(Update) -> Update>,
            ),
            ("deployment", Box::new(move |with| with.deployment_configuration(careful))),
            (
                "zones",
                Box::new(|with| with.availability_zone_rebalancing(AvailabilityZoneRebalancing::Disabled)),
            ),
            ("exec", Box::new(|with| with.enable_execute_command(true))),
            ("managed tags", Box::new(|with| with.enable_ecs_managed_tags(true))),
            ("propagation", Box::new(|with| with.propagate_tags(PropagateTags::Service))),
        ]);
        for (name, change) in changes {
            assert!(!deploys(&bench, change).await, "{name}");
        }
        let service = bench.look().await;
        assert_eq!(service.desired_count(), 1);
        let config = service.deployment_configuration().unwrap();
        assert_eq!((config.maximum_percent(), config.minimum_healthy_percent()), (Some(150), Some(100)));
        assert!(config.deployment_circuit_breaker().unwrap().rollback());
        assert_eq!(service.availability_zone_rebalancing(), Some(&AvailabilityZoneRebalancing::Disabled));
        assert!(service.enable_execute_command() && service.enable_ecs_managed_tags());
        assert_eq!(service.propagate_tags(), Some(&PropagateTags::Service));

        // And what one update sets, the next one that does not name it keeps.
        assert!(!deploys(&bench, |with| with.desired_count(0)).await);
        let kept = bench.look().await;
        assert_eq!(kept.deployment_configuration(), service.deployment_configuration());
        assert_eq!(kept.availability_zone_rebalancing(), service.availability_zone_rebalancing());
        assert_eq!(kept.network_configuration(), service.network_configuration());
        assert_eq!(kept.task_definition(), service.task_definition());
        assert!(kept.enable_execute_command() && kept.enable_ecs_managed_tags());
    });
}

#[test]
fn placement_starts_no_deployment_and_is_not_for_fargate() {
    block(async {
        let bench = Bench::new().with_service(0).await;
        let spread = || PlacementStrategy::builder().r#type(PlacementStrategyType::Random).build();
        let fargate = bench.update().placement_strategy(spread()).send().await;
        assert_refused(
            fargate,
            "InvalidParameterException: Placement strategies are not supported with FARGATE",
        );
        let definition = bench.ecs.register_task_definition().family("old");
        definition.container_definitions(container("web").memory(64).build()).send().await.unwrap();
        let old = bench
            .ecs
            .create_service()
            .cluster("main")
            .service_name("old")
            .task_definition("old")
            .desired_count(0);
        let before = primary(old.send().await.unwrap().service().unwrap());
        let update = bench.ecs.update_service().cluster("main").service("old").placement_strategy(spread());
        let after = update.send().await.unwrap();
        assert_eq!(primary(after.service().unwrap()), before);
        assert_eq!(after.service().unwrap().placement_strategy(), [spread()]);
    });
}

#[test]
fn another_capacity_provider_strategy_must_be_forced() {
    block(async {
        let bench = Bench::new().with_service(0).await;
        let providers =
            bench.ecs.put_cluster_capacity_providers().cluster("main").capacity_providers("FARGATE_SPOT");
        providers.set_default_capacity_provider_strategy(Some(Vec::new())).send().await.unwrap();
        let spot = |name: &str| {
            CapacityProviderStrategyItem::builder().capacity_provider(name).weight(1).build().unwrap()
        };
        let unforced = bench.update().capacity_provider_strategy(spot("FARGATE_SPOT")).send().await;
        assert_refused(unforced, "InvalidParameterException: When switching from launch type");
        let unknown = bench
            .update()
            .capacity_provider_strategy(spot("FARGATE"))
            .force_new_deployment(true)
            .send()
            .await;
        assert_refused(
            unknown,
            "InvalidParameterException: The specified capacity provider strategy contains",
        );
        let force =
            |with: Update| with.capacity_provider_strategy(spot("FARGATE_SPOT")).force_new_deployment(true);
        assert!(deploys(&bench, force).await);
        let service = bench.look().await;
        assert_eq!((service.launch_type(), service.capacity_provider_strategy().len()), (None, 1));
        assert!(!deploys(&bench, |with| with.capacity_provider_strategy(spot("FARGATE_SPOT"))).await);
    });
}
