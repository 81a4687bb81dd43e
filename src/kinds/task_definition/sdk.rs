//! Task definitions as the SDK has them, there and back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use aws_sdk_ecs::operation::register_task_definition::builders::RegisterTaskDefinitionFluentBuilder;
use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, CpuArchitecture, KeyValuePair, LogConfiguration, LogDriver,
    NetworkMode, OsFamily, PortMapping, RuntimePlatform as SdkPlatform, Secret, TaskDefinition,
    TransportProtocol,
};

use super::{Attrs, Container, Log, Release, RuntimePlatform};
use crate::kinds::common::{Tags, to_ecs};
use crate::stack::tags;

/// Text as a tag keeps it; `None` when there is none.
pub(super) fn tag_value(text: Option<&String>) -> Option<String> {
    text.map(|text| tags::value(text)).filter(|value| !value.is_empty())
}

/// The tags that keep a release.
pub(super) fn release_tags(release: &Release) -> Tags {
    let all = [
        (tags::IMAGE_SOURCE, &release.source),
        (tags::IMAGE_TAG, &release.tag),
        (tags::COMMIT, &release.commit),
        (tags::PULL_REQUEST, &release.pull_request),
        (tags::RUN, &release.run),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?))).collect()
}

/// Every tag of a revision.
pub(super) fn all_tags(attrs: &Attrs) -> Tags {
    let mut tags = attrs.tags.clone();
    tags.extend(release_tags(&attrs.release));
    tags
}

/// The attributes of a revision.
pub(super) fn attrs(definition: &TaskDefinition, mut found: Tags) -> Attrs {
    let mut kept = |key: &str| found.remove(key);
    let release = Release {
        source: kept(tags::IMAGE_SOURCE),
        tag: kept(tags::IMAGE_TAG),
        commit: kept(tags::COMMIT),
        pull_request: kept(tags::PULL_REQUEST),
        run: kept(tags::RUN),
    };
    let platform = definition.runtime_platform().map(|platform| RuntimePlatform {
        os: platform.operating_system_family().map(|os| os.as_str().to_owned()).unwrap_or_default(),
        cpu: platform.cpu_architecture().map(|cpu| cpu.as_str().to_owned()).unwrap_or_default(),
    });
    Attrs {
        family: definition.family().unwrap_or_default().to_owned(),
        cpu: definition.cpu().and_then(|text| text.parse().ok()),
        memory: definition.memory().and_then(|text| text.parse().ok()),
        network_mode: definition.network_mode().map(|mode| mode.as_str().to_owned()).unwrap_or_default(),
        requires: definition.requires_compatibilities().iter().map(|one| one.as_str().to_owned()).collect(),
        runtime_platform: platform,
        execution_role: definition.execution_role_arn().unwrap_or_default().to_owned(),
        task_role: definition.task_role_arn().unwrap_or_default().to_owned(),
        containers: definition.container_definitions().iter().map(container).collect(),
        other: other_of_task(definition),
        tags: found,
        release,
    }
}

fn container(container: &ContainerDefinition) -> Container {
    let environment = container.environment().iter();
    let (plain, _) = ports(container);
    Container {
        name: container.name().unwrap_or_default().to_owned(),
        image: container.image().unwrap_or_default().to_owned(),
        essential: container.essential().unwrap_or(true),
        entry_point: container.entry_point().to_vec(),
        command: container.command().to_vec(),
        ports: plain,
        environment: environment
            .map(|pair| {
                (pair.name().unwrap_or_default().to_owned(), pair.value().unwrap_or_default().to_owned())
            })
            .collect(),
        secrets: secrets(container.secrets()),
        log: container.log_configuration().map(|log| Log {
            driver: log.log_driver().as_str().to_owned(),
            options: log.options().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
            secret_options: secrets(log.secret_options()),
        }),
        other: other_of_container(container),
    }
}

fn secrets(secrets: &[Secret]) -> BTreeMap<String, String> {
    secrets.iter().map(|secret| (secret.name().to_owned(), secret.value_from().to_owned())).collect()
}

/// The ports of a container that are as we make them, and the other ones.
fn ports(container: &ContainerDefinition) -> (BTreeSet<i32>, Vec<&PortMapping>) {
    let plain = |mapping: &PortMapping| {
        let container = mapping.container_port()?;
        (*mapping == port(container)).then_some(container)
    };
    let mappings = container.port_mappings();
    let others = mappings.iter().filter(|mapping| plain(mapping).is_none()).collect();
    (mappings.iter().filter_map(plain).collect(), others)
}

/// A port as ECS fills it in: on Fargate the task has an address of its own.
fn port(number: i32) -> PortMapping {
    let mapping = PortMapping::builder().container_port(number).host_port(number);
    mapping.protocol(TransportProtocol::Tcp).build()
}

/// What a container has beyond the fields that are modelled; a field that holds nothing but its default is not there.
fn other_of_container(container: &ContainerDefinition) -> BTreeMap<String, String> {
    // The SDK keeps maps unordered; in a plan the same settings must read the same.
    let labels: Option<BTreeMap<_, _>> = container.docker_labels().map(|labels| labels.iter().collect());
    let router = container.firelens_configuration().map(|router| {
        let options: BTreeMap<_, _> = router.options().into_iter().flatten().collect();
        (router.r#type().clone(), options)
    });
    present([
        ("cpu", (container.cpu() != 0).then(|| container.cpu().to_string())),
        ("credentialSpecs", list(container.credential_specs())),
        ("dependsOn", list(container.depends_on())),
        ("disableNetworking", flag(container.disable_networking())),
        ("dnsSearchDomains", list(container.dns_search_domains())),
        ("dnsServers", list(container.dns_servers())),
        ("dockerLabels", shown(labels.filter(|labels| !labels.is_empty()).as_ref())),
        ("dockerSecurityOptions", list(container.docker_security_options())),
        ("environmentFiles", list(container.environment_files())),
        ("extraHosts", list(container.extra_hosts())),
        ("firelensConfiguration", shown(router.as_ref())),
        ("healthCheck", shown(container.health_check())),
        ("hostname", shown(container.hostname())),
        ("interactive", flag(container.interactive())),
        ("links", list(container.links())),
        ("linuxParameters", shown(container.linux_parameters())),
        ("memory", shown(container.memory().as_ref())),
        ("memoryReservation", shown(container.memory_reservation().as_ref())),
        ("mountPoints", list(container.mount_points())),
        ("portMappings", list(&ports(container).1)),
        ("privileged", flag(container.privileged())),
        ("pseudoTerminal", flag(container.pseudo_terminal())),
        ("readonlyRootFilesystem", flag(container.readonly_root_filesystem())),
        ("repositoryCredentials", shown(container.repository_credentials())),
        ("resourceRequirements", list(container.resource_requirements())),
        ("restartPolicy", shown(container.restart_policy())),
        ("startTimeout", shown(container.start_timeout().as_ref())),
        ("stopTimeout", shown(container.stop_timeout().as_ref())),
        ("systemControls", list(container.system_controls())),
        ("ulimits", list(container.ulimits())),
        ("user", shown(container.user())),
        ("versionConsistency", shown(container.version_consistency())),
        ("volumesFrom", list(container.volumes_from())),
        ("workingDirectory", shown(container.working_directory())),
    ])
}

/// What a task has beyond the fields that are modelled.
fn other_of_task(definition: &TaskDefinition) -> BTreeMap<String, String> {
    present([
        ("enableFaultInjection", flag(definition.enable_fault_injection())),
        (
            "ephemeralStorage",
            definition.ephemeral_storage().map(|disk| format!("{} GiB", disk.size_in_gib())),
        ),
        ("inferenceAccelerators", list(definition.inference_accelerators())),
        ("ipcMode", shown(definition.ipc_mode())),
        ("pidMode", shown(definition.pid_mode())),
        ("placementConstraints", list(definition.placement_constraints())),
        ("proxyConfiguration", shown(definition.proxy_configuration())),
        ("volumes", list(definition.volumes())),
    ])
}

fn present<const N: usize>(fields: [(&str, Option<String>); N]) -> BTreeMap<String, String> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn shown<T: Debug + ?Sized>(value: Option<&T>) -> Option<String> {
    value.map(|value| format!("{value:?}"))
}

fn list<T: Debug>(values: &[T]) -> Option<String> {
    (!values.is_empty()).then(|| format!("{values:?}"))
}

fn flag(value: Option<bool>) -> Option<String> {
    value.filter(|on| *on).map(|on| on.to_string())
}

/// The request that registers these attributes.
pub(super) fn request(ecs: &aws_sdk_ecs::Client, want: &Attrs) -> RegisterTaskDefinitionFluentBuilder {
    let platform = want.runtime_platform.as_ref().map(|platform| {
        SdkPlatform::builder()
            .operating_system_family(OsFamily::from(platform.os.as_str()))
            .cpu_architecture(CpuArchitecture::from(platform.cpu.as_str()))
            .build()
    });
    let requires = want.requires.iter().map(|one| Compatibility::from(one.as_str())).collect();
    ecs.register_task_definition()
        .family(&want.family)
        .set_cpu(want.cpu.map(|cpu| cpu.to_string()))
        .set_memory(want.memory.map(|memory| memory.to_string()))
        .network_mode(NetworkMode::from(want.network_mode.as_str()))
        .set_requires_compatibilities(Some(requires))
        .set_runtime_platform(platform)
        .execution_role_arn(&want.execution_role)
        .task_role_arn(&want.task_role)
        .set_container_definitions(Some(want.containers.iter().map(definition).collect()))
        .set_tags(Some(to_ecs(&all_tags(want))))
}

fn definition(container: &Container) -> ContainerDefinition {
    let environment = container.environment.iter();
    let environment =
        environment.map(|(name, value)| KeyValuePair::builder().name(name).value(value).build());
    ContainerDefinition::builder()
        .name(&container.name)
        .image(&container.image)
        .essential(container.essential)
        .set_entry_point(filled(container.entry_point.clone()))
        .set_command(filled(container.command.clone()))
        .set_port_mappings(filled(container.ports.iter().copied().map(port).collect()))
        .set_environment(filled(environment.collect()))
        .set_secrets(filled(references(&container.secrets)))
        .set_log_configuration(container.log.as_ref().and_then(log))
        .build()
}

fn log(log: &Log) -> Option<LogConfiguration> {
    LogConfiguration::builder()
        .log_driver(LogDriver::from(log.driver.as_str()))
        .set_options(Some(log.options.clone().into_iter().collect()))
        .set_secret_options(filled(references(&log.secret_options)))
        .build()
        // Only a missing driver is refused.
        .ok()
}

fn references(secrets: &BTreeMap<String, String>) -> Vec<Secret> {
    let secrets = secrets.iter();
    // Only a missing name or source is refused.
    secrets.filter_map(|(name, arn)| Secret::builder().name(name).value_from(arn).build().ok()).collect()
}

fn filled<T>(values: Vec<T>) -> Option<Vec<T>> {
    (!values.is_empty()).then_some(values)
}
