//! One line of a plan.

use serde::Serialize;
use serde_json::Value;

use super::{Locator, Observed, Resource};

/// What apply will do to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It does not exist and will be made.
    Create,
    /// It exists without an owner and becomes ours; perhaps with changes.
    Adopt,
    /// It exists, is ours and will be changed in place.
    Update,
    /// It will be made anew, because a change cannot be made in place.
    Replace,
    /// It is ours, is no longer wanted and will be deleted.
    Delete,
    /// Nothing to do.
    Keep,
}

/// Why an action was chosen. For people only: nothing decides on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Nothing of that name exists.
    Absent,
    /// It exists without an owner.
    Unowned,
    /// It differs in the attributes listed.
    Differs,
    /// It differs in this attribute, which cannot be changed in place.
    Forced(String),
    /// It is ours, but no longer in the configuration.
    Unwanted,
    /// The whole stack goes.
    Destroyed,
    /// It is as wanted.
    Same,
}

/// One attribute that will change.
#[derive(Debug, Clone, PartialEq)]
pub struct AttrChange {
    /// Dotted path, for example `containers.0.environment.MODE`.
    pub path: String,
    /// The value now; `None` when absent.
    pub before: Option<Value>,
    /// The value wanted; `None` when it will be removed. May be or hold a reference, which shows as "known after apply".
    pub after: Option<Value>,
    /// This change alone forces a replacement.
    pub forces_replace: bool,
    /// Both values must never be shown.
    pub sensitive: bool,
    /// This change is only the release of an image (or follows from one): not part of the fingerprint.
    pub release: bool,
}

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where the resource is.
    pub at: Locator,
    /// What will be done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The wanted resource, references to what exists already resolved; `None` for a deletion.
    pub want: Option<Resource>,
    /// The existing resource; `None` for a creation.
    pub seen: Option<Observed>,
    /// The attributes that change; for a creation all of them.
    pub attrs: Vec<AttrChange>,
    /// Every wanted attribute, with references as they are written: what waits for another resource reads the same before and
    /// after that one is made. `release` says that it names a released image. Empty for a deletion.
    pub written: Vec<AttrChange>,
    /// ECS will replace running tasks because of this change.
    pub restarts_tasks: bool,
}
