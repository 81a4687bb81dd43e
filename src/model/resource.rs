//! What is wanted and what exists, in the same shape.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Address;

/// What a resource gives to others (`id`, `arn`, `revision`, …).
pub type Outputs = BTreeMap<String, String>;

/// Where a resource is found in AWS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Locator {
    /// Its logical address.
    pub address: Address,
    /// Its physical name, as AWS shows it.
    pub name: String,
    /// What the name is unique within, where that is not the account and region: the cluster of a service, the VPC of a
    /// security group. `None` when unknown.
    pub parent: Option<String>,
    /// The AWS id or ARN, when it is known from the inventory and the name alone does not find the resource.
    pub id: Option<String>,
    /// The stack that asks: whose ownership tags count as ours.
    pub stack: String,
}

/// One wanted resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Where it is or will be.
    pub at: Locator,
    /// Its attributes: the JSON form of the kind's typed attributes, perhaps with references.
    pub attrs: Value,
    /// What must be made first although no attribute shows it.
    pub after: BTreeSet<Address>,
}

/// Whose a found resource is, told by its ownership tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// This stack's.
    Ours,
    /// Nobody's: it has no ownership tags. May be adopted.
    Nobody,
    /// Another stack's, by name.
    Stack(String),
}

/// One existing resource, in the shape of the wanted one.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Its attributes.
    pub attrs: Value,
    /// What it gives to others.
    pub outputs: Outputs,
    /// Whose it is.
    pub owner: Owner,
}
