//! YAML → `Config`.
