//! `fargate-stack`: YAML → `Config` → (+ facts) → `Stack` → resources → (+ observed) → `Plan` → steps → report → view → text.
//!
//! Each arrow is one function with one input and one output type, and nobody reaches back; `ARCHITECTURE.md` says who may
//! use whom, and a test keeps it so.

pub mod access;
pub mod approval;
pub mod aws;
pub mod cli;
pub mod commands;
pub mod config;
pub mod console;
pub mod engine;
pub mod env;
pub mod error;
pub mod github;
pub mod kinds;
pub mod lock;
pub mod lookup;
pub mod model;
pub mod ops;
pub mod release;
pub mod render;
pub mod scaffold;
pub mod stack;
