//! Why an apply was refused: what was approved and what would be done now, field by field.

use serde::Serialize;

/// One field that is not as approved.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// The stack; empty when the refusal is about one.
    pub stack: String,
    /// `service.web`.
    pub address: String,
    /// The attribute; empty for the action on the resource as a whole.
    pub path: String,
    /// What was approved; `None` when nothing was.
    pub approved: Option<String>,
    /// What would be done now; `None` when nothing would.
    pub now: Option<String>,
    /// Why it differs, in a few words: `config changed`, `AWS drifted`, `tag moved`, `not shown`. Empty when nobody knows.
    pub class: String,
}

/// A refused apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The stack's name; empty when it is about several.
    pub stack: String,
    /// Why, as a clause: `the plan is not the one that was approved`.
    pub why: String,
    /// The fields that differ; may be empty, for example when nothing was approved at all.
    pub differences: Vec<Difference>,
    /// What can be done about it.
    pub next: String,
}
