//! Files for a repository from what somebody said: the stack file and the workflows. Pure: answers → text.
//!
//! `words` reads the words of `create-stack`, `found` what a repository tells of itself, `answers` what `init` was told;
//! `outline` writes a stack file, `workflows` the workflows, `steps` what is to be done afterwards.

pub mod answers;
pub mod found;
mod outline;
pub mod steps;
pub mod words;
mod words_clauses;
pub mod workflows;

use std::path::PathBuf;

pub use answers::{Answers, Roles};
pub use outline::{Kind, Outline, Scaling, TaskOutline};

/// A file that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its place, from the root of the repository.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
}
