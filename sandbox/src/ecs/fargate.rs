//! The rules of task definitions that require Fargate.

use serde_json::Value;

use super::error::Answer;
use super::json::{flag, int, list, text, texts};
use super::validate::{TaskSize, images, is_private_ecr, only, refuse};

/// The memory sizes in MiB that go with `cpu` units: first, last, step. 32 vCPU has three sizes of its own.
fn memory_range(cpu: i64) -> Option<(i64, i64, i64)> {
    Some(match cpu {
        512 => (1024, 4096, 1024),
        1024 => (2048, 8192, 1024),
        2048 => (4096, 16384, 1024),
        4096 => (8192, 30720, 1024),
        8192 => (16384, 61440, 4096),
        16384 => (32768, 122_880, 8192),
        _ => return None,
    })
}

/// Whether Fargate has this size.
pub fn is_size(cpu: i64, memory: i64) -> bool {
    match cpu {
        256 => [512, 1024, 2048].contains(&memory),
        32768 => [61440, 122_880, 249_856].contains(&memory),
        other => memory_range(other).is_some_and(|(first, last, step)| {
            (first..=last).contains(&memory) && (memory - first) % step == 0
        }),
    }
}

/// Checks a task definition that requires Fargate.
pub fn task_definition(input: &Value, size: &TaskSize) -> Answer<()> {
    if text(input, "networkMode") != Some("awsvpc") {
        return refuse("Fargate only supports network mode \u{2018}awsvpc\u{2019}.");
    }
    let Some(cpu) = size.cpu else {
        return refuse("Fargate requires that 'cpu' be defined at the task level.");
    };
    let Some(memory) = size.memory else {
        return refuse("Fargate requires that 'memory' be defined at the task level.");
    };
    if !is_size(cpu, memory) {
        return refuse(format!(
            "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS \
             documentation for the valid values."
        ));
    }
    platform(input, cpu)?;
    if let Some(storage) = input.get("ephemeralStorage")
        && !int(storage, "sizeInGiB").is_some_and(|size| (21..=200).contains(&size))
    {
        return refuse("Ephemeral storage size must be between 21 and 200 GiB.");
    }
    if !list(input, "placementConstraints").is_empty() {
        return refuse("Fargate does not support placement constraints.");
    }
    if text(input, "pidMode").is_some_and(|mode| mode != "task") {
        return refuse("Fargate only supports pid mode 'task'.");
    }
    if text(input, "ipcMode").is_some() {
        return refuse("Fargate does not support ipc mode.");
    }
    if !list(input, "inferenceAccelerators").is_empty() {
        return refuse("Fargate does not support inference accelerators.");
    }
    execution_role(input)?;
    for volume in list(input, "volumes") {
        if volume.pointer("/host/sourcePath").is_some() {
            return refuse("host.sourcePath should not be set for volumes in Fargate.");
        }
        if volume.get("dockerVolumeConfiguration").is_some() {
            return refuse("Fargate does not support Docker volume configurations.");
        }
        if volume.get("fsxWindowsFileServerVolumeConfiguration").is_some() {
            return refuse("Fargate does not support FSx for Windows File Server volumes.");
        }
    }
    list(input, "containerDefinitions").iter().try_for_each(container)
}

/// Windows and ARM64 on Fargate have limits of their own.
fn platform(input: &Value, cpu: i64) -> Answer<()> {
    let Some(platform) = input.get("runtimePlatform") else {
        return Ok(());
    };
    if !text(platform, "operatingSystemFamily").is_some_and(|family| family.starts_with("WINDOWS")) {
        return Ok(());
    }
    if !(1024..=4096).contains(&cpu) {
        return refuse("Windows tasks on Fargate need between 1 and 4 vCPU.");
    }
    if text(platform, "cpuArchitecture") == Some("ARM64") {
        return refuse("Windows tasks on Fargate need the X86_64 CPU architecture.");
    }
    Ok(())
}

/// Fargate pulls and logs with the execution role, not with one of an instance.
fn execution_role(input: &Value) -> Answer<()> {
    if text(input, "executionRoleArn").is_some() {
        return Ok(());
    }
    if images(input).any(is_private_ecr) {
        return refuse("Fargate requires task definition to have execution role ARN to support ECR images.");
    }
    for container in list(input, "containerDefinitions") {
        if let Some(driver) = container.get("logConfiguration").and_then(|log| text(log, "logDriver"))
            && driver == "awslogs"
        {
            return refuse(format!(
                "Fargate requires task definition to have execution role ARN to support log driver {driver}."
            ));
        }
    }
    Ok(())
}

fn container(container: &Value) -> Answer<()> {
    let name = text(container, "name").unwrap_or_default();
    let unsupported = |what: &str| refuse(format!("Fargate does not support {what}: container '{name}'."));
    if flag(container, "privileged") == Some(true) {
        return unsupported("privileged containers");
    }
    for key in ["links", "extraHosts", "dnsServers", "dnsSearchDomains", "dockerSecurityOptions"] {
        if !list(container, key).is_empty() {
            return unsupported(&format!("'{key}'"));
        }
    }
    if flag(container, "disableNetworking") == Some(true) {
        return unsupported("'disableNetworking'");
    }
    if !list(container, "resourceRequirements").is_empty() {
        return unsupported("GPUs and inference accelerators");
    }
    if list(container, "ulimits").iter().any(|limit| text(limit, "name") != Some("nofile")) {
        return unsupported("ulimits other than 'nofile'");
    }
    if int(container, "stopTimeout").is_some_and(|seconds| seconds > 120) {
        return refuse(format!(
            "'stopTimeout' of container '{name}' must not be longer than 120 seconds on Fargate."
        ));
    }
    if int(container, "startTimeout").is_some_and(|seconds| seconds > 120) {
        return refuse(format!(
            "'startTimeout' of container '{name}' must not be longer than 120 seconds on Fargate."
        ));
    }
    if let Some(driver) = container.get("logConfiguration").and_then(|log| text(log, "logDriver"))
        && !["awslogs", "splunk", "awsfirelens"].contains(&driver)
    {
        return unsupported(&format!("log driver '{driver}'"));
    }
    if let Some(linux) = container.get("linuxParameters") {
        if !list(linux, "devices").is_empty() {
            return unsupported("devices");
        }
        if let Some(capabilities) = linux.get("capabilities")
            && !only(capabilities, "add", &["SYS_PTRACE"])
        {
            return unsupported(&format!("adding capabilities {}", texts(capabilities, "add").join(", ")));
        }
    }
    Ok(())
}
