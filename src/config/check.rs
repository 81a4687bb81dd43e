//! What the schema cannot judge.

use serde_json::Value;

use super::schema::Finding;
use super::source::Source;

/// Everything that is wrong with what the document means.
pub fn check(_source: &Source<'_>, _document: &Value) -> Vec<Finding> {
    Vec::new()
}
