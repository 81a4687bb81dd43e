//! The commands about permissions and readiness.

mod calls;
mod print;
mod ready;
mod runs;
