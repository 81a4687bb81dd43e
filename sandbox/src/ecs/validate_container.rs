//! What `RegisterTaskDefinition` refuses in one container.

use std::collections::BTreeSet;

use serde_json::Value;

use super::error::Answer;
use super::json::{int, list, text, texts};
use super::validate::{TaskSize, is_name_char, refuse};

/// Checks one container of `task`; `volumes` are the declared names.
pub fn container(container: &Value, task: &Value, volumes: &BTreeSet<String>, size: &TaskSize) -> Answer<()> {
    let name = text(container, "name").unwrap_or_default();
    if name.is_empty() {
        return refuse("Container.name should not be null or empty.");
    }
    if !name.chars().all(is_name_char) || name.len() > 255 {
        return refuse("Container.name contains invalid characters.");
    }
    match text(container, "image") {
        None | Some("") => return refuse("Container.image should not be null or empty."),
        Some(image) if !is_image(image) => return refuse("Container.image contains invalid characters."),
        Some(_) => {}
    }
    memory(name, container, size)?;
    if int(container, "cpu").is_some_and(|cpu| cpu < 0) {
        return refuse(format!("Invalid 'cpu' setting for container '{name}'"));
    }
    for mount in list(container, "mountPoints") {
        let volume = text(mount, "sourceVolume").unwrap_or_default();
        if !volumes.contains(volume) {
            return refuse(format!("Unknown volume '{volume}'."));
        }
        if !text(mount, "containerPath").is_some_and(|path| path.starts_with('/')) {
            return refuse(format!(
                "'containerPath' of a mount point of container '{name}' must be an absolute path."
            ));
        }
    }
    let awsvpc = text(task, "networkMode") == Some("awsvpc");
    list(container, "portMappings").iter().try_for_each(|mapping| port(mapping, awsvpc))?;
    if awsvpc && !list(container, "links").is_empty() {
        return refuse("Links are not supported when networkMode=awsvpc.");
    }
    if awsvpc && text(container, "hostname").is_some() {
        return refuse("Hostname is not supported on container when networkMode=awsvpc.");
    }
    environment(name, container, task)?;
    logs(name, container, task)?;
    health_check(name, container)?;
    timeouts(name, container)
}

fn memory(name: &str, container: &Value, size: &TaskSize) -> Answer<()> {
    let (hard, soft) = (int(container, "memory"), int(container, "memoryReservation"));
    if size.memory.is_none() && hard.is_none() && soft.is_none() {
        return refuse(format!(
            "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
        ));
    }
    if hard.is_some_and(|memory| memory < 4) || soft.is_some_and(|memory| memory < 4) {
        return refuse(format!("Invalid 'memory' setting for container '{name}': the minimum is 4 MiB."));
    }
    if let (Some(hard), Some(soft)) = (hard, soft)
        && hard < soft
    {
        return refuse(format!(
            "Invalid setting for container '{name}'. 'memory' must be greater than or equal to 'memoryReservation'."
        ));
    }
    if let (Some(hard), Some(limit)) = (hard, size.memory)
        && hard > limit
    {
        return refuse(format!(
            "Invalid 'memory' setting for container '{name}': {hard} is greater than the task 'memory' {limit}."
        ));
    }
    Ok(())
}

fn port(mapping: &Value, awsvpc: bool) -> Answer<()> {
    let container_port = int(mapping, "containerPort");
    let range = text(mapping, "containerPortRange");
    if container_port.is_none() && range.is_none() {
        return refuse("Container port should not be null.");
    }
    if range.is_some() && awsvpc && int(mapping, "hostPort").is_some() {
        return refuse("'hostPort' cannot be given together with 'containerPortRange'.");
    }
    if container_port.is_some_and(|port| !(1..=65535).contains(&port)) {
        return refuse("Container port must be between 1 and 65535.");
    }
    if let Some(host) = int(mapping, "hostPort") {
        if !(0..=65535).contains(&host) {
            return refuse("Host port must be between 0 and 65535.");
        }
        if awsvpc && Some(host) != container_port {
            return refuse(
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
            );
        }
    }
    if let Some(name) = text(mapping, "name")
        && (name.is_empty()
            || name.len() > 64
            || name.starts_with(['-', '_'])
            || !name
                .chars()
                .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-' || char == '_'))
    {
        return refuse(format!("Port mapping name '{name}' contains invalid characters."));
    }
    if text(mapping, "appProtocol").is_some() && text(mapping, "protocol") == Some("udp") {
        return refuse("'appProtocol' needs the protocol tcp.");
    }
    Ok(())
}

fn environment(name: &str, container: &Value, task: &Value) -> Answer<()> {
    let mut seen = BTreeSet::new();
    for variable in list(container, "environment") {
        match text(variable, "name") {
            None | Some("") => return refuse("Environment variable name should not be null or empty."),
            Some(key) => {
                seen.insert(key);
            }
        }
    }
    let secrets = list(container, "secrets");
    for secret in secrets {
        let key = text(secret, "name").unwrap_or_default();
        if key.is_empty() || text(secret, "valueFrom").unwrap_or_default().is_empty() {
            return refuse(format!("A secret of container '{name}' has no 'name' or no 'valueFrom'."));
        }
        if !seen.insert(key) {
            return refuse(format!(
                "The secret name must be unique and not shared with any new or existing environment variables set on \
                 the container, such as '{key}'."
            ));
        }
    }
    let log_secrets =
        container.get("logConfiguration").is_some_and(|log| !list(log, "secretOptions").is_empty());
    if (!secrets.is_empty() || log_secrets) && text(task, "executionRoleArn").is_none() {
        return refuse(
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        );
    }
    for file in list(container, "environmentFiles") {
        let value = text(file, "value").unwrap_or_default();
        if !(value.starts_with("arn:") && value.contains(":s3:::") && value.rsplit('.').next() == Some("env"))
        {
            return refuse(format!(
                "Invalid environment file '{value}': the ARN of an S3 object ending in .env is needed."
            ));
        }
        if text(task, "executionRoleArn").is_none() {
            return refuse("Environment files need a value for 'executionRoleArn'.");
        }
    }
    if container.get("repositoryCredentials").is_some() && text(task, "executionRoleArn").is_none() {
        return refuse("Private registry credentials need a value for 'executionRoleArn'.");
    }
    Ok(())
}

fn logs(name: &str, container: &Value, task: &Value) -> Answer<()> {
    let Some(log) = container.get("logConfiguration") else {
        return Ok(());
    };
    let empty = Value::Null;
    let options = log.get("options").unwrap_or(&empty);
    match text(log, "logDriver") {
        Some("awslogs") => {
            if text(options, "awslogs-region").is_none() || text(options, "awslogs-group").is_none() {
                return refuse("Log driver awslogs requires options: awslogs-region, awslogs-group");
            }
            let on_fargate = list(task, "requiresCompatibilities").iter().any(|one| one == "FARGATE");
            if on_fargate && text(options, "awslogs-stream-prefix").is_none() {
                return refuse("Log driver awslogs requires options: awslogs-stream-prefix");
            }
        }
        Some("awsfirelens") => {
            let routers = list(task, "containerDefinitions");
            if !routers.iter().any(|one| one.get("firelensConfiguration").is_some()) {
                return refuse(format!(
                    "Container '{name}' uses awsfirelens, but no container has a 'firelensConfiguration'."
                ));
            }
        }
        _ => {}
    }
    if let Some(mode) = text(options, "mode")
        && !["blocking", "non-blocking"].contains(&mode)
    {
        return refuse(format!("Invalid log option mode '{mode}': blocking or non-blocking."));
    }
    Ok(())
}

fn health_check(name: &str, container: &Value) -> Answer<()> {
    let Some(check) = container.get("healthCheck") else {
        return Ok(());
    };
    let command = texts(check, "command");
    if !matches!(command.as_slice(), ["NONE"] | ["CMD" | "CMD-SHELL", _, ..]) {
        return refuse(format!(
            "Health check command of container '{name}' must start with CMD or CMD-SHELL, or be NONE."
        ));
    }
    for (key, low, high) in
        [("interval", 5, 300), ("timeout", 2, 120), ("retries", 1, 10), ("startPeriod", 0, 300)]
    {
        if int(check, key).is_some_and(|value| !(low..=high).contains(&value)) {
            return refuse(format!(
                "Health check {key} of container '{name}' must be between {low} and {high}."
            ));
        }
    }
    Ok(())
}

fn timeouts(name: &str, container: &Value) -> Answer<()> {
    if int(container, "stopTimeout").is_some_and(|seconds| seconds < 2) {
        return refuse(format!("'stopTimeout' of container '{name}' must be at least 2 seconds."));
    }
    if int(container, "startTimeout").is_some_and(|seconds| seconds < 2) {
        return refuse(format!("'startTimeout' of container '{name}' must be at least 2 seconds."));
    }
    if let Some(policy) = container.get("restartPolicy")
        && int(policy, "restartAttemptPeriod").is_some_and(|seconds| !(60..=1800).contains(&seconds))
    {
        return refuse(format!(
            "'restartAttemptPeriod' of container '{name}' must be between 60 and 1800 seconds."
        ));
    }
    Ok(())
}

/// `[registry[:port]/]path[:tag][@sha256:64 hex digits]`, at most 255 characters before the digest.
fn is_image(image: &str) -> bool {
    let (name, digest) = match image.split_once('@') {
        None => (image, None),
        Some((name, digest)) => (name, Some(digest)),
    };
    if let Some(digest) = digest {
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() != 64 || !hex.chars().all(|char| matches!(char, '0'..='9' | 'a'..='f')) {
            return false;
        }
    }
    let allowed = |char: char| char.is_ascii_alphanumeric() || "-_:./#".contains(char);
    (1..=255).contains(&name.len())
        && name.chars().all(allowed)
        && !name.starts_with(['/', ':', '.', '-'])
        && !name.ends_with(['/', ':'])
        && !name.contains("//")
        && name.rsplit('/').next().is_none_or(|last| last.matches(':').count() <= 1)
}
