//! The cause of a failure: evidence → one class of a table, what to change, and the words to show. Pure.

mod words;

pub use words::exit_meaning;
