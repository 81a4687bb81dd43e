//! Whole-field references to what another resource will give.

use serde::{Deserialize, Serialize};

use super::Address;

/// "The `id` of `security_group.tasks`".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ref {
    /// The resource that gives the value.
    #[serde(rename = "$ref")]
    pub address: Address,
    /// Which of its outputs.
    pub output: String,
}

/// A field that may depend on another resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input<T> {
    /// Not known before the resource it names is made.
    Pending(Ref),
    /// The value itself.
    Known(T),
}

impl<T> Input<T> {
    /// A reference to `output` of `address`.
    pub fn of(address: Address, output: &str) -> Self {
        Self::Pending(Ref { address, output: output.to_owned() })
    }

    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Pending(_) => None,
        }
    }
}
