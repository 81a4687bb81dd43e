//! Who a token speaks for, and what it may do.

use std::collections::BTreeMap;

use super::state::ACTIONS_BOT;
use crate::http::Request;

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Login as REST spells it.
    pub login: String,
    /// Whether writes are refused.
    pub read_only: bool,
    /// Permissions of a workflow's token (`true`: write); `None` for all.
    permissions: Option<BTreeMap<String, bool>>,
}

impl Token {
    /// Reads `authorization`: `user:NAME` is that user, a token that begins with `readonly` may not write,
    /// `perm:contents=read,…` has just these permissions, and every other token is the one of a workflow run that may do
    /// everything.
    pub fn of(request: &Request) -> Option<Self> {
        let header = request.headers.get("authorization")?;
        let (scheme, token) = header.trim().split_once(' ')?;
        let token = token.trim();
        if token.is_empty()
            || !(scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token"))
        {
            return None;
        }
        let login = token.strip_prefix("user:").filter(|name| !name.is_empty()).unwrap_or(ACTIONS_BOT);
        Some(Self {
            login: login.into(),
            read_only: token.starts_with("readonly"),
            permissions: token.strip_prefix("perm:").map(permissions),
        })
    }

    /// Whether this is an app's installation instead of a person.
    pub fn is_installation(&self) -> bool {
        self.login.ends_with("[bot]")
    }

    /// Whether the token has one of these, written as `issues=write; pull_requests=write`; every token may read metadata.
    pub fn has_one_of(&self, needs: &str) -> bool {
        let Some(given) = &self.permissions else { return true };
        needs.is_empty()
            || needs.split("; ").any(|need| {
                let (name, level) = need.split_once('=').unwrap_or((need, "read"));
                name == "metadata" || given.get(name).is_some_and(|write| *write || level == "read")
            })
    }
}

/// Reads `contents=read,pull-requests=write`; `none` is as good as leaving it out.
fn permissions(text: &str) -> BTreeMap<String, bool> {
    text.split(',')
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(_, level)| matches!(*level, "read" | "write"))
        .map(|(name, level)| (name.replace('-', "_"), level == "write"))
        .collect()
}
