//! What a workflow may do with a task that it runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compat;

/// What whoever starts a workflow by hand may do with the task. From a shell, IAM alone decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunRule {
    /// Whether a workflow may run the task at all. Default: true for the type `task`; for a service, true as soon as `run` is
    /// there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// What a run may do with the command. Default: `fixed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandRule>,
    /// Names of environment variables that a run may set. A variable that holds a secret cannot be one of them. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["DRY_RUN"]]))]
    pub environment: Vec<String>,
    /// The most CPU units that a run may ask for. Default: those of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-expects" = "an integer number of CPU units", "examples" = [1024]))]
    pub max_cpu: Option<u32>,
    /// The most memory that a run may ask for, in MiB, or text with a unit such as `2 GB`. Default: that of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<compat::MemoryForm>", extend("examples" = [2048]))]
    pub max_memory: Option<u32>,
    /// What whoever starts the run must at least be allowed to do in the repository. Default: `write`. The action's input
    /// `min-permission` can ask for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<RunPermission>,
}

/// What a run may do with the command of a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CommandRule {
    /// Nothing: the task runs with the command that its definition has.
    #[default]
    Fixed,
    /// The words of the run come after those of the task's `command`, which must be there.
    Args,
    /// The words of the run take the place of the command.
    Any,
}

/// What an account may do in the repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunPermission {
    /// Push.
    #[default]
    Write,
    /// Manage the repository without what is sensitive.
    Maintain,
    /// Everything.
    Admin,
}
