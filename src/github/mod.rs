//! GitHub: the event of a run, comments, pull requests and the runner's workflow commands.
//!
//! Strings only: nothing here knows a plan. Errors name the call and the permission that is missing, retries are
//! decided in one place (`retry`), and nothing is trusted that another account wrote.

mod address;
#[cfg(test)]
mod call_tests;
pub mod checks;
pub mod client;
pub mod comment;
#[cfg(test)]
mod comment_protocol_tests;
pub mod decide;
pub mod deployments;
pub mod error;
pub mod event;
mod graphql;
pub mod issues;
pub mod marker;
pub mod network;
pub mod oidc;
pub mod outputs;
mod payload;
#[cfg(test)]
mod protocol_tests;
pub mod pulls;
mod pushed;
#[cfg(test)]
mod pushed_tests;
pub mod refs;
pub mod repository;
pub mod retry;
pub mod reviews;
#[cfg(test)]
mod testing;
pub mod workflow;

pub use client::{GitHub, Token};
pub use error::GithubError;
pub use event::Event;
