//! Whether a schedule starts its task.

use crate::aws::{Aws, call};
use crate::model::CallError;

/// The IAM actions that change something.
pub const WRITES: &[&str] = &["events:DisableRule", "events:EnableRule"];

/// Lets the rule start its targets, or keeps it from that.
pub async fn enable(aws: &Aws, rule: &str, on: bool) -> Result<(), CallError> {
    if on {
        call("events:EnableRule", aws.events.enable_rule().name(rule).send()).await?;
    } else {
        call("events:DisableRule", aws.events.disable_rule().name(rule).send()).await?;
    }
    Ok(())
}
