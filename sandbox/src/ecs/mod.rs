//! Behavioural model of ECS.
