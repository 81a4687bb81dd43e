//! `ExecuteCommand`: whether a session may be opened, and what the client needs for it.

use serde_json::{Value, json};

use super::Ecs;
use super::error::{Answer, EcsError};
use super::ids::sha256_hex;
use super::json::{flag, text};
use super::service_checks::invalid;

impl Ecs {
    pub(super) fn execute_command(&mut self, input: &Value) -> Answer {
        let cluster = self.cluster(text(input, "cluster"))?.name.clone();
        if !flag(input, "interactive").unwrap_or(false) {
            return invalid("Interactive is the only mode supported currently.");
        }
        if text(input, "command").is_none_or(str::is_empty) {
            return invalid("command can not be empty.");
        }
        let now = self.settled_at;
        let arn = self.task_arn(&cluster, text(input, "task").unwrap_or_default());
        let Some(task) = self.tasks.get(&arn).filter(|task| task.cluster == cluster) else {
            return invalid("The referenced task was not found.");
        };
        if !task.is_running(now) {
            return invalid("The execute command failed because the task is not in the RUNNING state.");
        }
        if task.members.get("enableExecuteCommand") != Some(&json!(true)) {
            return invalid(
                "The execute command failed because execute command was not enabled when the task was run or the \
                 execute command agent isn't running. Wait and try again or run a new task with execute command enabled \
                 and try again.",
            );
        }
        let shown = task.show(now, false);
        let containers = shown.get("containers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let wanted = text(input, "container");
        if wanted.is_none() && containers.len() > 1 {
            return invalid("A container name must be given, because the task has more than one container.");
        }
        let found = containers.iter().find(|one| wanted.is_none() || text(one, "name") == wanted);
        let Some(container) = found else {
            return Err(EcsError::invalid("The container was not found in the task."));
        };
        let session = format!("ecs-execute-command-{}", self.ids.hex().get(..17).unwrap_or_default());
        let host = format!("ssmmessages.{}.amazonaws.com", self.place.region);
        Ok(json!({
            "clusterArn": self.place.arn(&format!("cluster/{cluster}")),
            "containerArn": container.get("containerArn"),
            "containerName": container.get("name"),
            "interactive": true,
            "taskArn": arn,
            "session": {
                "sessionId": session,
                "streamUrl": format!("wss://{host}/v1/data-channel/{session}?role=publish_subscribe"),
                "tokenValue": sha256_hex(&session),
            },
        }))
    }
}
