//! Read-only facts, one file a source.
