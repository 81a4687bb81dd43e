//! Typed IAM policy documents, in one normal form: sets sorted, so equal policies are equal text.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Policy {
    /// Always `2012-10-17`.
    #[serde(rename = "Version")]
    pub version: String,
    /// The statements.
    #[serde(rename = "Statement")]
    pub statements: BTreeSet<Statement>,
}

/// One `Allow` statement. `Action`, `Resource` and services are always lists here; a document of AWS that writes a single
/// string is normalised when it is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Statement {
    /// Statement id.
    #[serde(rename = "Sid", default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// `Allow` (or `Deny` in a document that we did not write).
    #[serde(rename = "Effect")]
    pub effect: String,
    /// Who, in a trust policy: for example `Service` → `ecs-tasks.amazonaws.com`.
    #[serde(rename = "Principal", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub principal: BTreeMap<String, BTreeSet<String>>,
    /// The IAM actions.
    #[serde(rename = "Action")]
    pub actions: BTreeSet<String>,
    /// The ARNs; empty in a trust policy.
    #[serde(rename = "Resource", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub resources: BTreeSet<String>,
    /// Operator → key → values.
    #[serde(rename = "Condition", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}
