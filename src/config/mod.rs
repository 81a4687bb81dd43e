//! YAML → `Config`.

/// What the user wrote.
#[derive(Debug, Clone)]
pub struct Config {}
