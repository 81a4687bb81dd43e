//! What a Markdown document points to, and how long it may be.

use std::collections::BTreeMap;

use serde::Serialize;

/// A label with an address. Without a usable address only the label is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Link {
    /// What is read, for example `run 318`.
    pub label: String,
    /// An `https` address.
    pub url: String,
}

/// What the documents of one run point to. Everything may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Links {
    /// The commit that was planned or applied; the label is its full SHA.
    pub head: Option<Link>,
    /// What it will be merged into, for example `main@51ac2e8`.
    pub base: Option<String>,
    /// This run.
    pub run: Option<Link>,
    /// Where the complete plan is: the job summary.
    pub full: Option<Link>,
    /// The deployment, or the page of its environment.
    pub deployment: Option<Link>,
    /// Stack files by their path in the repository, with the address of each at the commit (`…/blob/SHA/path`).
    pub files: BTreeMap<String, String>,
}

/// How long a document may be, in bytes of UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The limit for the document and what is put before it.
    pub limit: usize,
    /// What the caller will put before the document, such as the hidden marker line.
    pub reserved: usize,
}

impl Budget {
    /// A comment: GitHub documents 65,536 characters; self-hosted servers may count bytes.
    pub const fn comment(reserved: usize) -> Self {
        Self { limit: 60_000, reserved }
    }

    /// A job summary: GitHub drops the whole summary of a step beyond 1,048,576 bytes.
    pub const fn summary(reserved: usize) -> Self {
        Self { limit: 1_000_000, reserved }
    }

    /// The summary or the text of a check run: 65,535 bytes each.
    pub const fn check(reserved: usize) -> Self {
        Self { limit: 65_535, reserved }
    }

    /// Whether a document fits.
    pub fn holds(self, document: &str) -> bool {
        document.len().saturating_add(self.reserved) <= self.limit
    }
}
