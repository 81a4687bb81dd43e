//! What a parameter may be called.

use super::{Answer, invalid, length};
use crate::aws::error::Refusal;

/// Most characters of a name in a request.
const LONGEST: usize = 2048;

/// Most characters of a name and the ARN in front of it, without which 1011 are left.
const LONGEST_NEW: usize = 1011;

/// Most levels of a hierarchy.
const MOST_LEVELS: usize = 15;

/// Refuses a name that AWS refuses for a new parameter.
pub(super) fn check(name: &str) -> Answer<()> {
    if name.is_empty() {
        return Err(length("", "name", "greater than or equal to 1"));
    }
    if name.chars().count() > LONGEST {
        return Err(length(name, "name", "less than or equal to 2048"));
    }
    if name.chars().count() > LONGEST_NEW {
        return Err(invalid(&format!("Parameter name must not be longer than {LONGEST_NEW} characters.")));
    }
    let lower = name.to_lowercase();
    if lower.starts_with("/aws/") || lower == "/aws" {
        return Err(Refusal::new(
            "AccessDeniedException",
            format!("No access to reserved parameter name: {name}."),
        ));
    }
    let first = lower.trim_start_matches('/');
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if first.starts_with("aws") || first.starts_with("ssm") || !name.chars().all(legal) {
        return Err(invalid(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). If formed as a path, it can consist \
             of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following \
             3 symbols .-_",
        ));
    }
    if name.contains('/') {
        if !name.starts_with('/') {
            return Err(invalid("Parameter name must be a fully qualified name."));
        }
        let levels: Vec<&str> = name.split('/').skip(1).collect();
        if levels.iter().any(|level| level.is_empty()) {
            return Err(invalid("Parameter name must not hold an empty sub-path or end with a slash."));
        }
        if levels.len() > MOST_LEVELS {
            return Err(Refusal::new(
                "HierarchyLevelLimitExceededException",
                format!(
                    "Hierarchy depth of the parameter name exceeds the limit of {MOST_LEVELS} levels: {}",
                    levels.len()
                ),
            ));
        }
    }
    Ok(())
}
