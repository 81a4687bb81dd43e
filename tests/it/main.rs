//! The integration tests: one binary, one sandbox, a fresh AWS account and GitHub repository a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests"
)]

mod access;
mod account;
mod act;
mod architecture;
mod causes;
mod command_line;
mod daily_schedules;
mod daily_services;
mod daily_tasks;
mod daily_web;
mod discovery;
mod discovery_web;
mod dispatch;
mod documents;
mod drift;
mod exec;
mod generated;
mod github;
mod harness;
mod hub;
mod images;
mod images_fit;
mod images_release;
mod inspect;
mod interrupted;
mod kinds;
mod lock;
mod logs;
mod ownership;
mod packaging;
mod regressions;
mod releases;
mod rounds;
mod run_task;
mod sandbox;
mod scaffold;
mod signals;
mod stacks;
mod threats;
mod verdict;
mod web;
