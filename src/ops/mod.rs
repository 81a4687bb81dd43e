//! Verbs on a running stack: no plan, no diff.
