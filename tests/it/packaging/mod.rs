//! How the action gets its binary: `bootstrap.sh` in the shells that are here, `action.yml`, and the release scripts.

mod action;
mod bootstrap;
pub mod lint;
mod release;
pub mod runner;
