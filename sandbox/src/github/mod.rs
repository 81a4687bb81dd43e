//! Behavioural stub of GitHub.
