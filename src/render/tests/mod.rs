//! Every document for every shape of plan, and what must hold for hostile text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod documents;
mod forgeries;
mod hostile;
mod limits;
mod pages;
mod plans;
mod reports;
mod rollouts;
