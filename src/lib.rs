//! `fargate-stack`: YAML → `Config` → (+ facts) → `Stack` → resources → (+ observed) → `Plan` → steps → report → view → text.
//!
//! Each arrow is one function with one input and one output type; see `ARCHITECTURE.md`.

pub mod config;
pub mod github;
