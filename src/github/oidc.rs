//! The OIDC token of a job: only its claims are looked at, the token itself is never kept or shown.

use std::collections::BTreeMap;

use super::client::Token;
use super::error::GithubError;

/// The claims of the job's token, as text; neither the token nor its signature.
pub type Claims = BTreeMap<String, String>;

/// Asks the runner for a token and reads its claims. `url` is `ACTIONS_ID_TOKEN_REQUEST_URL`, `token`
/// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
pub async fn claims(url: &str, token: &Token, audience: &str) -> Result<Claims, GithubError> {
    let _ = (url, token, audience);
    Err(GithubError::setup("GET ACTIONS_ID_TOKEN_REQUEST_URL", "not there yet", ""))
}
