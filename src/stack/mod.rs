//! Config + facts → `Stack`: every default made explicit. Pure.

pub mod facts;
mod names;
mod policy;
mod tags;

use std::collections::BTreeMap;

pub use facts::Facts;
pub use names::Names;
pub use policy::{Policy, Statement};
pub use tags::{owner, ownership};

/// What the user wants, with every default made explicit and every name decided.
#[derive(Debug, Clone)]
pub struct Stack {
    /// `app.name`.
    pub name: String,
    /// Every physical name and address.
    pub names: Names,
    /// 12 digits.
    pub account: String,
    /// For example `eu-west-1`.
    pub region: String,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The VPC of the security group.
    pub vpc_id: String,
    /// Where services and scheduled tasks run: all usable subnets, spread over Availability Zones.
    pub subnets: Vec<String>,
    /// Tasks get a public address (they run in public subnets without a NAT gateway).
    pub assign_public_ip: bool,
    /// Days that logs are kept.
    pub log_retention_days: i32,
    /// The user's tags for every resource of the stack.
    pub tags: BTreeMap<String, String>,
    /// The tasks by key.
    pub tasks: BTreeMap<String, StackTask>,
}

/// What a task is run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runs {
    /// Only when asked.
    OneOff,
    /// By an EventBridge rule with this (normalised) expression.
    Scheduled(String),
    /// As an ECS service without load balancer, with this many tasks at creation.
    Daemon {
        /// Tasks at creation.
        desired_count: i32,
    },
}

/// One task, everything decided.
#[derive(Debug, Clone)]
pub struct StackTask {
    /// The key in the configuration; names service, rule and addresses.
    pub key: String,
    /// How it is run.
    pub runs: Runs,
    /// Task-definition family.
    pub family: String,
    /// Container name.
    pub container: String,
    /// CPU units (1024 = 1 vCPU).
    pub cpu: i32,
    /// MiB.
    pub memory: i32,
    /// The image as the task definition will hold it, and how it was found.
    pub image: facts::TaskImage,
    /// Empty = the image's own.
    pub command: Vec<String>,
    /// Plain environment.
    pub environment: BTreeMap<String, String>,
    /// Environment variable → secret ARN.
    pub secrets: BTreeMap<String, String>,
    /// The user's tags for this task's resources, stack tags included.
    pub tags: BTreeMap<String, String>,
}
