//! Task definitions: what is kept, what is filled in, how revisions live and end.

use aws_sdk_ecs::types::{
    CpuArchitecture, EphemeralStorage, HealthCheck, KeyValuePair, LogConfiguration, LogDriver, OsFamily,
    RuntimePlatform, Tag, TaskDefinitionField, TaskDefinitionStatus,
};

use super::super::account::block;
use super::{Bench, assert_refused, container, refused};

/// Whether the sandbox registers a Fargate task of this size; if not, with the words of AWS.
async fn is_size(bench: &Bench, cpu: &str, memory: &str) -> bool {
    let result = bench.definition("size").cpu(cpu).memory(memory).send().await;
    if result.is_ok() {
        return true;
    }
    let said = refused(result);
    assert!(said.starts_with("ClientException: No Fargate configuration exists for given values"), "{said}");
    false
}

#[test]
fn fargate_has_exactly_the_sizes_of_its_table() {
    let rows: [(&str, &[u32], &[u32]); 8] = [
        ("256", &[512, 1024, 2048], &[256, 1536, 3072]),
        ("512", &[1024, 2048, 3072, 4096], &[512, 1536, 5120]),
        ("1024", &[2048, 3072, 8192], &[1024, 2560, 9216]),
        ("2048", &[4096, 5120, 16384], &[3072, 4608, 17408]),
        ("4096", &[8192, 9216, 30720], &[7168, 8704, 31744]),
        ("8192", &[16384, 20480, 61440], &[12288, 17408, 65536]),
        ("16384", &[32768, 40960, 122_880], &[24576, 36864, 131_072]),
        ("32768", &[61440, 122_880, 249_856], &[65536, 131_072, 245_760, 253_952]),
    ];
    block(async {
        let bench = Bench::empty();
        for (cpu, good, bad) in rows {
            for memory in good {
                assert!(is_size(&bench, cpu, &memory.to_string()).await, "{cpu} with {memory}");
            }
            for memory in bad {
                assert!(!is_size(&bench, cpu, &memory.to_string()).await, "{cpu} with {memory}");
            }
        }
        for cpu in ["128", "768", "3072", "65536"] {
            assert!(!is_size(&bench, cpu, "4096").await, "{cpu}");
        }
    });
}

#[test]
fn sizes_in_vcpu_and_gb_are_stored_as_units_and_mib() {
    block(async {
        let bench = Bench::empty();
        let made = bench.definition("web").cpu(".5 vCPU").memory("2 GB").send().await.unwrap();
        let made = made.task_definition().unwrap();
        assert_eq!((made.cpu(), made.memory()), (Some("512"), Some("2048")));
    });
}

#[test]
fn windows_on_fargate_needs_a_whole_vcpu_and_x86() {
    block(async {
        let bench = Bench::empty();
        let windows = |cpu: &str, memory: &str, architecture: CpuArchitecture| {
            let platform = RuntimePlatform::builder()
                .operating_system_family(OsFamily::WindowsServer2022Core)
                .cpu_architecture(architecture)
                .build();
            bench.definition("win").cpu(cpu).memory(memory).runtime_platform(platform).send()
        };
        windows("1024", "2048", CpuArchitecture::X8664).await.unwrap();
        assert_refused(windows("512", "1024", CpuArchitecture::X8664).await, "ClientException: Windows");
        assert_refused(windows("8192", "16384", CpuArchitecture::X8664).await, "ClientException: Windows");
        assert_refused(windows("1024", "2048", CpuArchitecture::Arm64).await, "ClientException: Windows");
    });
}

#[test]
fn a_registered_definition_comes_back_with_every_field_and_the_defaults_of_the_server() {
    block(async {
        let bench = Bench::empty();
        let role = format!("arn:aws:iam::{}:role/execution", bench.world.account);
        let logs = LogConfiguration::builder()
            .log_driver(LogDriver::Awslogs)
            .options("awslogs-group", "/ecs/app")
            .options("awslogs-region", "us-east-1")
            .options("awslogs-stream-prefix", "web")
            .build()
            .unwrap();
        let check = HealthCheck::builder().command("CMD-SHELL").command("true").build().unwrap();
        let web = container("web")
            .environment(KeyValuePair::builder().name("B").value("2").build())
            .environment(KeyValuePair::builder().name("A").value("1").build())
            .command("serve")
            .stop_timeout(90)
            .log_configuration(logs)
            .health_check(check)
            .build();
        let made = bench
            .bare("web")
            .container_definitions(web)
            .execution_role_arn(&role)
            .task_role_arn(&role)
            .ephemeral_storage(EphemeralStorage::builder().size_in_gib(30).build())
            .runtime_platform(RuntimePlatform::builder().cpu_architecture(CpuArchitecture::Arm64).build())
            .tags(Tag::builder().key("app").value("shop").build())
            .send()
            .await
            .unwrap();
        assert_eq!(made.tags().len(), 1);
        let described = bench.ecs.describe_task_definition().task_definition("web").send().await.unwrap();
        assert!(described.tags().is_empty(), "tags come only when they are asked for");
        assert_eq!(described.task_definition(), made.task_definition());
        let asked =
            bench.ecs.describe_task_definition().task_definition("web:1").include(TaskDefinitionField::Tags);
        assert_eq!(asked.send().await.unwrap().tags(), made.tags());

        let definition = described.task_definition().unwrap();
        assert_eq!(
            definition.task_definition_arn(),
            Some(bench.arn("ecs", "task-definition/web:1").as_str())
        );
        assert_eq!(definition.status(), Some(&TaskDefinitionStatus::Active));
        assert!(definition.registered_at().is_some() && definition.registered_by().is_some());
        let compatible: Vec<&str> = definition.compatibilities().iter().map(|one| one.as_str()).collect();
        assert_eq!(compatible, ["EC2", "FARGATE"]);
        assert_eq!(definition.execution_role_arn(), Some(role.as_str()));
        assert_eq!(definition.ephemeral_storage().unwrap().size_in_gib(), 30);
        let web = definition.container_definitions().first().unwrap();
        assert_eq!((web.essential(), web.cpu(), web.stop_timeout()), (Some(true), 0, Some(90)));
        let port = web.port_mappings().first().unwrap();
        assert_eq!((port.host_port(), port.protocol().unwrap().as_str()), (Some(80), "tcp"));
        let check = web.health_check().unwrap();
        assert_eq!((check.interval(), check.timeout(), check.retries()), (Some(30), Some(5), Some(3)));
        let names: Vec<&str> = web.environment().iter().filter_map(KeyValuePair::name).collect();
        assert_eq!(names, ["B", "A"], "the order of the request stays");
        assert_eq!(web.log_configuration().unwrap().options().unwrap().len(), 3);
    });
}
