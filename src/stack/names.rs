//! Every physical name and every address, in one place.

use crate::config::Config;
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
