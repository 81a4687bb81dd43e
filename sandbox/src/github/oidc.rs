//! The token service of a runner: well-formed tokens that nobody signed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::state::{id_of, sha_of};
use super::{GitHub, problem};
use crate::http::{Request, Response};

/// Seconds that a token is valid.
const VALID_S: u64 = 300;

impl GitHub {
    /// A token of a job in a repository, as `ACTIONS_ID_TOKEN_REQUEST_URL` gives it.
    pub(super) fn oidc_token(&mut self, full: &str, request: &Request, now: f64) -> Response {
        let Some((owner, name)) = full.split_once('/') else {
            return problem(400, "repo must be owner/name", "");
        };
        let turn = self.requests.to_string();
        let repo = self.repo(owner, name);
        let (owner_id, full) = (id_of(owner), repo.full_name());
        let sha = repo.tip("main");
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time after the epoch")]
        let issued = now.max(0.0) as u64;
        let audience =
            request.query.get("audience").cloned().unwrap_or_else(|| format!("https://github.com/{owner}"));
        let mut claims = json!({
            "jti": sha_of(&["jti", &full, &turn]),
            "sub": format!("repo:{full}:environment:production"),
            "aud": audience,
            "ref": "refs/heads/main",
            "sha": sha,
            "repository": full,
            "repository_owner": owner,
            "repository_owner_id": owner_id.to_string(),
            "repository_id": repo.id.to_string(),
            "repository_visibility": "private",
            "run_id": "1",
            "run_number": "1",
            "run_attempt": "1",
            "actor": "octocat",
            "actor_id": id_of("octocat").to_string(),
            "workflow": "fargate",
            "head_ref": "",
            "base_ref": "",
            "event_name": "push",
            "ref_protected": "true",
            "ref_type": "branch",
            "workflow_ref": format!("{full}/.github/workflows/fargate.yml@refs/heads/main"),
            "workflow_sha": sha,
            "job_workflow_ref": format!("{full}/.github/workflows/fargate.yml@refs/heads/main"),
            "job_workflow_sha": sha,
            "runner_environment": "github-hosted",
            "environment": "production",
            "iss": "https://token.actions.githubusercontent.com",
            "nbf": issued.saturating_sub(VALID_S),
            "exp": issued + VALID_S,
            "iat": issued,
        });
        if let Some(claims) = claims.as_object_mut() {
            for (name, value) in &repo.claims {
                // A claim that is null is left out.
                if value.is_null() {
                    claims.shift_remove(name);
                } else {
                    claims.insert(name.clone(), value.clone());
                }
            }
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": sha_of(&["kid"]), "x5t": sha_of(&["x5t"])});
        let signature: Vec<u8> =
            (0..8_u8).flat_map(|block| Sha256::digest(format!("{full} {turn} {block}")).to_vec()).collect();
        let token = format!("{}.{}.{}", part(&header), part(&claims), URL_SAFE_NO_PAD.encode(signature));
        Response::json(200, &json!({"count": token.len(), "value": token}))
    }
}
