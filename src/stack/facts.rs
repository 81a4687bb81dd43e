//! What the account has: read by `lookup`, used by `Stack`.

use std::collections::BTreeMap;

use crate::model::Image;

/// The image of one task as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskImage {
    /// For the plan: reference, tag, digest, origin. `image.image` is what the task definition will hold.
    pub image: Image,
    /// The reference as the configuration writes it.
    pub source: String,
    /// The ECR repository's ARN, when the image is in an ECR (of any account): what the execution role may pull.
    pub repository_arn: Option<String>,
    /// The commit that the image was built from, when the tag looks like one (7 to 40 hex digits).
    pub commit: Option<String>,
}

/// Where a task runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placement {
    /// Subnet ids, at most 16, spread over Availability Zones.
    pub subnets: Vec<String>,
    /// The task needs a public address to reach anything there.
    pub assign_public_ip: bool,
}

/// Which run of a workflow makes what is made: kept in tags of what it registers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The address of the pull request that it comes from.
    pub pull_request: Option<String>,
    /// The address of the run.
    pub run: Option<String>,
}

/// Everything read from the account before resources are.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// `sts:GetCallerIdentity`.
    pub account: String,
    /// The region of the clients.
    pub region: String,
    /// From the caller's ARN.
    pub partition: String,
    /// The VPC.
    pub vpc_id: String,
    /// Task key → where it runs.
    pub placements: BTreeMap<String, Placement>,
    /// Task key → image.
    pub images: BTreeMap<String, TaskImage>,
    /// Secret path as configured → full ARN.
    pub secrets: BTreeMap<String, String>,
    /// Which run asks; not read from the account.
    pub provenance: Provenance,
    /// What the reader should know.
    pub warnings: Vec<String>,
    /// Resolved values that `--update` writes back: route in the YAML → value.
    pub resolved: Vec<(Vec<String>, serde_json::Value)>,
}
