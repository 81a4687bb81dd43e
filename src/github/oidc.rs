//! The OIDC token of a job: only its claims are looked at, the token itself is never kept or shown.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::address::{checked, encoded};
use super::client::{GitHub, Token};
use super::error::GithubError;
use super::network::Network;

const OP: &str = "GET ACTIONS_ID_TOKEN_REQUEST_URL";

/// The claims of the job's token, as text; neither the token nor its signature.
pub type Claims = BTreeMap<String, String>;

/// Asks the runner for a token and reads its claims. `url` is `ACTIONS_ID_TOKEN_REQUEST_URL`, `token`
/// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`. The signature is not checked: nothing is decided by these claims, AWS checks its own.
pub async fn claims(url: &str, token: &Token, audience: &str) -> Result<Claims, GithubError> {
    claims_through(&Network::default(), url, token, audience).await
}

/// The same, by the ways of a network.
pub async fn claims_through(
    network: &Network,
    url: &str,
    token: &Token,
    audience: &str,
) -> Result<Claims, GithubError> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let base = checked(base, "ACTIONS_ID_TOKEN_REQUEST_URL")?;
    if !query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(wrong("ACTIONS_ID_TOKEN_REQUEST_URL is not a plain address"));
    }
    let query = if query.is_empty() { String::new() } else { format!("{query}&") };
    let address = format!("{base}?{query}audience={}", encoded(audience));
    let answer: Value = GitHub::ask(network, OP, &address, token).await?;
    // From here on no error may quote what it is about: that would be the token.
    let jwt =
        answer.get("value").and_then(Value::as_str).ok_or_else(|| wrong("the answer holds no token"))?;
    read(jwt).ok_or_else(|| wrong("the token is not a JSON Web Token"))
}

fn wrong(message: &str) -> GithubError {
    GithubError::setup(OP, message, "give the job the permission `id-token: write`, then run it again")
}

/// The claims in the middle part of a token.
fn read(jwt: &str) -> Option<Claims> {
    let mut parts = jwt.split('.');
    let (Some(_), Some(middle), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let claims = URL_SAFE_NO_PAD.decode(middle.trim_end_matches('=')).ok()?;
    let claims: Map<String, Value> = serde_json::from_slice(&claims).ok()?;
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Some(claims.into_iter().map(|(name, value)| (name, text(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn jwt(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(&json!({"alg": "RS256"})), part(claims))
    }

    #[test]
    fn claims_are_read_as_text() {
        let token = jwt(&json!({"sub": "repo:octo/app:environment:production", "run_id": 5, "list": ["a"]}));
        let claims = read(&token).unwrap_or_default();
        let claims: Vec<_> = claims.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            claims,
            [("list", "[\"a\"]"), ("run_id", "5"), ("sub", "repo:octo/app:environment:production")]
        );
    }

    #[test]
    fn what_is_no_token_has_no_claims() {
        let good = jwt(&json!({}));
        for token in ["", "a.b", "a.b.c", "a.e30.c.d", &format!("{good}.x"), "a.W10.c", "..", "a.!.c"] {
            assert_eq!(read(token), None, "{token}");
        }
        assert_eq!(read(&good), Some(Claims::new()));
    }
}
