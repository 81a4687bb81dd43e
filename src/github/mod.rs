//! GitHub: the event of a run, comments, pull requests and the runner's workflow commands.
//!
//! Strings only: nothing here knows a plan. Errors name the call and the permission that is missing, retries are
//! decided in one place (`retry`), and nothing is trusted that another account wrote.

pub mod client;
pub mod comment;
pub mod error;
pub mod event;
mod graphql;
pub mod marker;
pub mod outputs;
#[cfg(test)]
mod protocol_tests;
pub mod pulls;
pub mod retry;
#[cfg(test)]
mod testing;
pub mod workflow;

pub use client::{GitHub, Token};
pub use error::GithubError;
pub use event::Event;
