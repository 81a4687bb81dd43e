//! How the action gets its binary: `bootstrap.sh` in the shells that are here, `action.yml`, and the release scripts.

mod action;
mod bootstrap;
mod lint;
mod release;
mod runner;
