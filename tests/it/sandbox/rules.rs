//! What `RegisterTaskDefinition` refuses.

use aws_sdk_ecs::operation::register_task_definition::builders::RegisterTaskDefinitionFluentBuilder as Register;
use aws_sdk_ecs::types::{
    Compatibility, ContainerCondition, ContainerDependency, EphemeralStorage, HostVolumeProperties, IpcMode,
    KeyValuePair, LogConfiguration, LogDriver, MountPoint, NetworkMode, PidMode, PortMapping, Secret, Tag,
    Volume, builders::ContainerDefinitionBuilder as Container,
};

use super::super::account::block;
use super::{Bench, assert_refused, container};

const ROLE: &str = "arn:aws:iam::123456789012:role/execution";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf";

fn volume(name: &str) -> Volume {
    Volume::builder().name(name).build()
}

fn logs(driver: LogDriver, options: &[(&str, &str)]) -> LogConfiguration {
    let start = LogConfiguration::builder().log_driver(driver);
    options.iter().fold(start, |all, (key, value)| all.options(*key, *value)).build().unwrap()
}

fn secret(name: &str) -> Secret {
    Secret::builder().name(name).value_from(SECRET).build().unwrap()
}

fn tag(key: &str) -> Tag {
    Tag::builder().key(key).value("x").build()
}

/// A change of a request that is valid without it.
type Change<T> = fn(T) -> T;

#[test]
fn a_task_that_fargate_cannot_run_is_refused_when_it_is_registered() {
    let cases: &[(Change<Register>, &str)] = &[
        (|task| task.network_mode(NetworkMode::Bridge), "Fargate only supports network mode"),
        (|task| task.set_network_mode(None), "Fargate only supports network mode"),
        (|task| task.set_cpu(None), "Fargate requires that 'cpu' be defined at the task level."),
        (|task| task.cpu("a lot"), "Invalid 'cpu' setting for task"),
        (|task| task.pid_mode(PidMode::Host), "Fargate only supports pid mode 'task'"),
        (|task| task.ipc_mode(IpcMode::Task), "Fargate does not support ipc mode"),
        (
            |task| task.ephemeral_storage(EphemeralStorage::builder().size_in_gib(20).build()),
            "Ephemeral storage size",
        ),
        (
            |task| task.ephemeral_storage(EphemeralStorage::builder().size_in_gib(201).build()),
            "Ephemeral storage size",
        ),
        (
            |task| {
                let host = HostVolumeProperties::builder().source_path("/data").build();
                task.volumes(Volume::builder().name("data").host(host).build())
            },
            "host.sourcePath should not be set for volumes in Fargate",
        ),
        (|task| task.volumes(volume("data")).volumes(volume("data")), "Volume names must be unique: 'data'"),
        (|task| task.family("no spaces"), "Family contains invalid characters."),
        (|task| task.family(""), "Family should not be null or empty."),
        (|task| task.execution_role_arn("arn:aws:iam::12:role/x"), "Role is not valid"),
        (|task| task.task_role_arn("arn:aws:iam::123456789012:user/x"), "Role is not valid"),
        (
            |task| task.container_definitions(container("web").build()),
            "Container names must be unique: 'web'",
        ),
        (|task| task.set_container_definitions(Some(Vec::new())), "Container list cannot be empty."),
        (
            |task| {
                (0..10).fold(task, |task, n| task.container_definitions(container(&format!("c{n}")).build()))
            },
            "Task definition can have at most 10 containers",
        ),
    ];
    block(async {
        let bench = Bench::empty();
        bench.definition("web").send().await.unwrap();
        for (change, expected) in cases {
            assert_refused(
                change(bench.definition("web")).send().await,
                &format!("ClientException: {expected}"),
            );
        }
        let memory = container("web").memory(512).build();
        let unsized_task = bench.bare("web").set_memory(None).container_definitions(memory);
        let expected = "ClientException: Fargate requires that 'memory' be defined at the task level.";
        assert_refused(unsized_task.send().await, expected);
        for size in [21, 200] {
            let storage = EphemeralStorage::builder().size_in_gib(size).build();
            bench.definition("web").ephemeral_storage(storage).send().await.unwrap();
        }
        bench.definition("web").pid_mode(PidMode::Task).send().await.unwrap();
    });
}

#[test]
fn a_container_that_cannot_work_is_refused_when_it_is_registered() {
    let cases: &[(Change<Container>, &str)] = &[
        (|one| one.name("a b"), "Container.name contains invalid characters."),
        (|one| one.image(""), "Container.image should not be null or empty."),
        (|one| one.image("nginx:1:2"), "Container.image contains invalid characters."),
        (|one| one.image("nginx@sha256:abc"), "Container.image contains invalid characters."),
        (|one| one.image("a".repeat(256)), "Container.image contains invalid characters."),
        (
            |one| one.essential(false),
            "At least one container in the task definition must be marked as essential.",
        ),
        (
            |one| {
                one.mount_points(MountPoint::builder().source_volume("data").container_path("/data").build())
            },
            "Unknown volume 'data'.",
        ),
        (
            |one| one.port_mappings(PortMapping::builder().container_port(81).host_port(8081).build()),
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ),
        (
            |one| one.port_mappings(PortMapping::builder().container_port(80).build()),
            "Port 80/tcp is mapped more than once",
        ),
        (|one| one.links("other"), "Links are not supported when networkMode=awsvpc."),
        (
            |one| one.secrets(secret("KEY")),
            "When you are specifying container secrets, you must also specify",
        ),
        (|one| one.memory(1024), "Invalid 'memory' setting for container 'web'"),
        (|one| one.memory(256).memory_reservation(512), "Invalid setting for container 'web'"),
        (|one| one.privileged(true), "Fargate does not support privileged containers"),
        (|one| one.stop_timeout(121), "'stopTimeout' of container 'web' must not be longer than 120 seconds"),
        (
            |one| one.log_configuration(logs(LogDriver::Syslog, &[])),
            "Fargate does not support log driver 'syslog'",
        ),
        (
            |one| one.log_configuration(logs(LogDriver::Awslogs, &[("awslogs-group", "/ecs/a")])),
            "Log driver awslogs requires options: awslogs-region, awslogs-group",
        ),
        (
            |one| {
                let options = [("awslogs-group", "/ecs/a"), ("awslogs-region", "us-east-1")];
                one.log_configuration(logs(LogDriver::Awslogs, &options))
            },
            "Log driver awslogs requires options: awslogs-stream-prefix",
        ),
        (
            |one| {
                let more = ("awslogs-stream-prefix", "web");
                let options = [("awslogs-group", "/ecs/a"), ("awslogs-region", "us-east-1"), more];
                one.log_configuration(logs(LogDriver::Awslogs, &options))
            },
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ),
        (
            |one| one.image("123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1"),
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ),
        (
            |one| {
                let on =
                    ContainerDependency::builder().container_name("db").condition(ContainerCondition::Start);
                one.depends_on(on.build().unwrap())
            },
            "Container 'web' depends on 'db', which is not in the task definition.",
        ),
    ];
    block(async {
        let bench = Bench::empty();
        for (change, expected) in cases {
            let request = bench.bare("web").container_definitions(change(container("web")).build());
            assert_refused(request.send().await, &format!("ClientException: {expected}"));
        }
        let both = container("web")
            .environment(KeyValuePair::builder().name("KEY").value("1").build())
            .secrets(secret("KEY"));
        let request = bench.bare("web").execution_role_arn(ROLE).container_definitions(both.build());
        assert_refused(request.send().await, "ClientException: The secret name must be unique");
        let longest = format!("registry.example.com:5000/{}:1@sha256:{}", "a".repeat(220), "0".repeat(64));
        bench
            .bare("web")
            .container_definitions(container("web").image(longest).build())
            .send()
            .await
            .unwrap();
        let good = container("web")
            .secrets(secret("KEY"))
            .image("123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1");
        bench.bare("web").execution_role_arn(ROLE).container_definitions(good.build()).send().await.unwrap();
    });
}

#[test]
fn tags_are_limited_in_number_and_form() {
    block(async {
        let bench = Bench::empty();
        let tags = |count: usize| Some((0..count).map(|n| tag(&format!("k{n}"))).collect());
        bench.definition("web").set_tags(tags(50)).send().await.unwrap();
        assert_refused(
            bench.definition("web").set_tags(tags(51)).send().await,
            "InvalidParameterException: Tags can not",
        );
        let ours = bench.definition("web").tags(tag("aws:mine")).send().await;
        assert_refused(ours, "InvalidParameterException: Tag keys can not start with 'aws:'");
        let twice = bench.definition("web").tags(tag("a")).tags(tag("a")).send().await;
        assert_refused(twice, "InvalidParameterException: Duplicate tag keys");
    });
}

#[test]
fn a_definition_for_ec2_alone_is_not_held_to_the_rules_of_fargate() {
    block(async {
        let bench = Bench::empty();
        let made = bench
            .ecs
            .register_task_definition()
            .family("old")
            .requires_compatibilities(Compatibility::Ec2)
            .container_definitions(container("web").memory(256).privileged(true).build())
            .send()
            .await
            .unwrap();
        let fits: Vec<&str> =
            made.task_definition().unwrap().compatibilities().iter().map(|one| one.as_str()).collect();
        assert!(!fits.contains(&"FARGATE"), "{fits:?}");
    });
}
