//! Every physical name and every address, in one place.

use crate::model::{Address, Locator};

/// The names of a stack, from its configuration alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `app.name`.
    pub stack: String,
    /// `<app>-cluster`.
    pub cluster: String,
    /// `/ecs/<app>`.
    pub log_group: String,
    /// `Fargate<Norm>Role`.
    pub execution_role: String,
    /// `Fargate<Norm>Policy`.
    pub execution_policy: String,
    /// `Fargate<Norm>TaskRole`.
    pub task_role: String,
    /// `Fargate<Norm>TaskPolicy`.
    pub task_policy: String,
    /// `Events<Norm>Role`.
    pub events_role: String,
    /// `Events<Norm>Policy`.
    pub events_policy: String,
    /// `<app>-sg`.
    pub security_group: String,
}

impl Names {
    /// The address of a resource.
    pub fn address(&self, kind: &str, name: &str) -> Address {
        Address::new(kind, name)
    }

    /// Where a resource of this stack is, by its physical name.
    pub fn at(&self, kind: &str, name: &str, physical_name: &str) -> Locator {
        Locator {
            address: self.address(kind, name),
            name: physical_name.to_owned(),
            parent: None,
            id: None,
            stack: self.stack.clone(),
        }
    }

    /// The EventBridge rule of a scheduled task.
    pub fn rule(&self, task: &str) -> String {
        format!("{task}-schedule")
    }

    /// The id of the rule's one target.
    pub fn target_id(&self, task: &str) -> String {
        format!("{task}-target")
    }
}
