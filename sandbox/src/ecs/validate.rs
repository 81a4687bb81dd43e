//! What `RegisterTaskDefinition` refuses, whatever the launch type; Fargate's own rules are in `fargate`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::error::{Answer, EcsError};
use super::json::{flag, int, list, names, text, texts};
use super::{fargate, tags, validate_container};

/// The task definition with all its numbers and names checked; `Err` is the first thing that ECS complains about.
pub fn task_definition(input: &Value) -> Answer<()> {
    family(text(input, "family").unwrap_or_default())?;
    tags::validate(list(input, "tags"))?;
    role(text(input, "taskRoleArn"))?;
    role(text(input, "executionRoleArn"))?;
    let size = TaskSize::of(input)?;
    let volumes = volumes(input)?;
    let containers = list(input, "containerDefinitions");
    if containers.is_empty() {
        return refuse("Container list cannot be empty.");
    }
    if containers.len() > 10 {
        return refuse(format!(
            "Task definition can have at most 10 containers, {} given.",
            containers.len()
        ));
    }
    let mut seen = BTreeSet::new();
    for container in containers {
        validate_container::container(container, input, &volumes, &size)?;
        if let Some(name) = text(container, "name")
            && !seen.insert(name)
        {
            return refuse(format!("Container names must be unique: '{name}' is used more than once."));
        }
    }
    if !containers.iter().any(|one| flag(one, "essential").unwrap_or(true)) {
        return refuse("At least one container in the task definition must be marked as essential.");
    }
    ports(input, containers)?;
    dependencies(containers)?;
    sums(containers, &size)?;
    if names(input, "requiresCompatibilities", "FARGATE") {
        fargate::task_definition(input, &size)?;
    }
    Ok(())
}

/// Task-level size, absent when not given.
pub struct TaskSize {
    /// CPU units, 1024 to a vCPU.
    pub cpu: Option<i64>,
    /// MiB.
    pub memory: Option<i64>,
}

impl TaskSize {
    fn of(input: &Value) -> Answer<Self> {
        let read = |key: &str, parse: fn(&str) -> Option<i64>| match text(input, key) {
            None => Ok(None),
            Some(given) => parse(given).map(Some).ok_or_else(|| {
                EcsError::client(format!("Invalid '{key}' setting for task: '{given}' is not a valid value."))
            }),
        };
        Ok(Self { cpu: read("cpu", cpu_units)?, memory: read("memory", mebibytes)? })
    }
}

/// CPU units of `256`, `.25 vCPU` or `1 vcpu`.
pub fn cpu_units(given: &str) -> Option<i64> {
    sized(given, "vcpu")
}

/// MiB of `512`, `0.5 GB` or `2 gb`.
pub fn mebibytes(given: &str) -> Option<i64> {
    sized(given, "gb")
}

/// A plain positive number, or a decimal one of `unit`s of 1024.
fn sized(given: &str, unit: &str) -> Option<i64> {
    let given = given.trim().to_ascii_lowercase();
    let value = match given.strip_suffix(unit) {
        None => given.parse().ok()?,
        Some(number) => {
            let (whole, fraction) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
            if fraction.len() > 6 || (whole.is_empty() && fraction.is_empty()) {
                return None;
            }
            let digits: i64 = format!("{whole}{fraction}").parse().ok()?;
            digits.checked_mul(1024)? / 10_i64.pow(u32::try_from(fraction.len()).ok()?)
        }
    };
    (value > 0).then_some(value)
}

fn family(name: &str) -> Answer<()> {
    if name.is_empty() {
        return refuse("Family should not be null or empty.");
    }
    if !name.chars().all(is_name_char) {
        return refuse("Family contains invalid characters.");
    }
    if name.len() > 255 {
        return refuse("Family should not be longer than 255 characters.");
    }
    Ok(())
}

/// Letters, digits, hyphens and underscores: families, containers, volumes, services, clusters.
pub fn is_name_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '-' || char == '_'
}

/// A role is given as a full ARN, or by its name alone.
pub fn role(given: Option<&str>) -> Answer<()> {
    let Some(given) = given else { return Ok(()) };
    let is_name = |name: &str| {
        (1..=64).contains(&name.len())
            && name.chars().all(|char| char.is_ascii_alphanumeric() || "+=,.@_-".contains(char))
    };
    let parts: Vec<&str> = given.splitn(6, ':').collect();
    let valid = match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource] => {
            partition.starts_with("aws")
                && account.len() == 12
                && account.chars().all(|char| char.is_ascii_digit())
                && resource
                    .strip_prefix("role/")
                    .and_then(|path| path.rsplit('/').next())
                    .is_some_and(is_name)
        }
        [name] => is_name(name),
        _ => false,
    };
    if valid { Ok(()) } else { refuse("Role is not valid") }
}

/// The names of the declared volumes.
fn volumes(input: &Value) -> Answer<BTreeSet<String>> {
    const SOURCES: [&str; 5] = [
        "host",
        "dockerVolumeConfiguration",
        "efsVolumeConfiguration",
        "fsxWindowsFileServerVolumeConfiguration",
        "s3filesVolumeConfiguration",
    ];
    let mut declared = BTreeSet::new();
    for volume in list(input, "volumes") {
        let name = text(volume, "name").unwrap_or_default();
        let at_launch = flag(volume, "configuredAtLaunch").unwrap_or(false);
        if name.is_empty() || !name.chars().all(is_name_char) || name.len() > 255 {
            return refuse(
                "Volume name should not be null or empty, and contains only letters, digits, '-' and '_'.",
            );
        }
        if !declared.insert(name.to_owned()) {
            return refuse(format!("Volume names must be unique: '{name}' is used more than once."));
        }
        let sources = SOURCES.iter().filter(|source| volume.get(**source).is_some()).count();
        if sources > 1 || (at_launch && sources > 0) {
            return refuse(format!("Volume '{name}' can have only one configuration."));
        }
        if let Some(efs) = volume.get("efsVolumeConfiguration") {
            efs_volume(name, efs)?;
        }
    }
    Ok(declared)
}

fn efs_volume(name: &str, efs: &Value) -> Answer<()> {
    let id = text(efs, "fileSystemId").unwrap_or_default();
    if !id.starts_with("fs-") {
        return refuse(format!("Invalid EFS file system id '{id}' of volume '{name}'."));
    }
    let encrypted = text(efs, "transitEncryption") == Some("ENABLED");
    let Some(access) = efs.get("authorizationConfig") else {
        return Ok(());
    };
    let has_point = text(access, "accessPointId").is_some();
    if !encrypted && (has_point || text(access, "iam") == Some("ENABLED")) {
        return refuse(
            "EFS volume with IAM authorization or an access point needs 'transitEncryption' ENABLED.",
        );
    }
    if has_point && text(efs, "rootDirectory").is_some_and(|root| root != "/") {
        return refuse("'rootDirectory' of an EFS volume with an access point must be omitted or '/'.");
    }
    Ok(())
}

/// Port names, and in awsvpc ports, belong to one container of the task: they share one network interface.
fn ports(input: &Value, containers: &[Value]) -> Answer<()> {
    let shared = text(input, "networkMode") == Some("awsvpc");
    let (mut taken, mut named) = (BTreeSet::new(), BTreeSet::new());
    for mapping in containers.iter().flat_map(|one| list(one, "portMappings")) {
        let protocol = text(mapping, "protocol").unwrap_or("tcp");
        if let Some(port) = int(mapping, "containerPort")
            && shared
            && !taken.insert((port, protocol))
        {
            return refuse(format!("Port {port}/{protocol} is mapped more than once in the task."));
        }
        if let Some(name) = text(mapping, "name")
            && !named.insert(name)
        {
            return refuse(format!("Port mapping names must be unique: '{name}' is used more than once."));
        }
    }
    Ok(())
}

fn dependencies(containers: &[Value]) -> Answer<()> {
    let by_name = |name: &str| containers.iter().find(|one| text(one, "name") == Some(name));
    for container in containers {
        let own = text(container, "name").unwrap_or_default();
        for dependency in list(container, "dependsOn") {
            let on = text(dependency, "containerName").unwrap_or_default();
            let Some(target) = by_name(on) else {
                return refuse(format!(
                    "Container '{own}' depends on '{on}', which is not in the task definition."
                ));
            };
            match text(dependency, "condition") {
                Some("HEALTHY") if target.get("healthCheck").is_none() => {
                    return refuse(format!(
                        "A dependency container with HEALTHY condition must have a health check: '{on}' has none."
                    ));
                }
                Some("SUCCESS" | "COMPLETE") if flag(target, "essential").unwrap_or(true) => {
                    return refuse(
                        "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
                    );
                }
                _ => {}
            }
        }
        for from in list(container, "volumesFrom") {
            let source = text(from, "sourceContainer").unwrap_or_default();
            if by_name(source).is_none() {
                return refuse(format!(
                    "Unknown container '{source}' in 'volumesFrom' of container '{own}'."
                ));
            }
        }
    }
    if has_cycle(containers) { refuse("Container dependencies must not form a cycle.") } else { Ok(()) }
}

/// Takes away containers whose dependencies are all gone, until nothing moves: what is left is a cycle.
fn has_cycle(containers: &[Value]) -> bool {
    let mut left: BTreeSet<&str> = containers.iter().filter_map(|one| text(one, "name")).collect();
    loop {
        let free: Vec<&str> = containers
            .iter()
            .filter(|one| {
                list(one, "dependsOn")
                    .iter()
                    .filter_map(|dependency| text(dependency, "containerName"))
                    .all(|on| !left.contains(on))
            })
            .filter_map(|one| text(one, "name"))
            .filter(|name| left.contains(name))
            .collect();
        if free.is_empty() {
            return !left.is_empty();
        }
        left.retain(|name| !free.contains(name));
    }
}

/// Containers share what the task has.
fn sums(containers: &[Value], size: &TaskSize) -> Answer<()> {
    let cpu: i64 = containers.iter().filter_map(|one| int(one, "cpu")).sum();
    if size.cpu.is_some_and(|limit| cpu > limit) {
        return refuse(
            "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
        );
    }
    let reserved: i64 = containers
        .iter()
        .filter_map(|one| int(one, "memoryReservation").or_else(|| int(one, "memory")))
        .sum();
    if size.memory.is_some_and(|limit| reserved > limit) {
        return refuse(
            "The sum of all container memory reservations cannot be greater than the task 'memory'.",
        );
    }
    Ok(())
}

/// Whether an image is in a private ECR registry (`<account>.dkr.ecr.<region>.amazonaws.com[.cn]/…`).
pub fn is_private_ecr(image: &str) -> bool {
    let host = image.split('/').next().unwrap_or_default();
    matches!(host.split('.').collect::<Vec<_>>().as_slice(),
        [account, "dkr", "ecr" | "ecr-fips", _, "amazonaws", "com", ..] if account.len() == 12)
}

/// The images of a request.
pub fn images(input: &Value) -> impl Iterator<Item = &str> {
    list(input, "containerDefinitions").iter().filter_map(|one| text(one, "image"))
}

/// Whether a list of words holds only known ones.
pub fn only(value: &Value, key: &str, known: &[&str]) -> bool {
    texts(value, key).iter().all(|word| known.contains(word))
}

/// Refuses with ECS's `ClientException`.
pub fn refuse<T>(message: impl Into<String>) -> Answer<T> {
    Err(EcsError::client(message))
}
