//! `secrets` entries: which secret of AWS Secrets Manager becomes which environment variable.

use serde::{Deserialize, Serialize};

/// One secret as an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretRef {
    /// The name of the secret, or its full ARN.
    pub path: String,
    /// The environment variable that gets its value.
    pub env: String,
}

/// How many parts, split at colons, the ARN of a secret has: `arn:<partition>:secretsmanager:<region>:<account>:secret:<name>`.
const ARN_PARTS: usize = 7;

impl SecretRef {
    /// Parses `path[:NAME]` or `<arn of a secret>[:NAME]`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let (path, env) = if parts.first() == Some(&"arn") {
            let service = parts.get(2).copied().unwrap_or_default();
            if service == "ssm" {
                return Err("parameters of Systems Manager are not supported yet in this version".to_owned());
            }
            if service != "secretsmanager" || parts.get(5) != Some(&"secret") || parts.len() < ARN_PARTS {
                return Err(
                    "is not the ARN of a secret (`arn:aws:secretsmanager:<region>:<account>:secret:<name>`)"
                        .to_owned(),
                );
            }
            if parts.len() > ARN_PARTS + 1 {
                return Err(
                    "selects a JSON key or a version, which is not supported yet in this version".to_owned(),
                );
            }
            let end = parts
                .iter()
                .take(ARN_PARTS)
                .map(|part| part.len() + 1)
                .sum::<usize>()
                - 1;
            (text.get(..end).unwrap_or(text), parts.get(ARN_PARTS).copied())
        } else {
            match parts.as_slice() {
                [path] => (*path, None),
                [path, env] => (*path, Some(*env)),
                _ => return Err("has more than one colon; it is `path` or `path:NAME`".to_owned()),
            }
        };
        Self::new(path, env)
    }

    /// Makes an entry of a path and perhaps a name, and checks both.
    pub fn new(path: &str, env: Option<&str>) -> Result<Self, String> {
        let name = if path.starts_with("arn:") {
            path.rsplit(':').next().unwrap_or_default()
        } else {
            path
        };
        let usable = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
        if name.is_empty() || name.len() > 512 {
            return Err("has no secret name, or one of more than 512 characters".to_owned());
        }
        if let Some(bad) = name.chars().find(|c| !usable(*c)) {
            return Err(format!(
                "has the character `{}`, which no secret name can have",
                bad.escape_debug()
            ));
        }
        let env = match env {
            Some("") => {
                return Err(
                    "has nothing after the colon; write the name of an environment variable".to_owned(),
                );
            }
            Some(env) => env.to_owned(),
            None => default_env(path, name).ok_or("has no last part to name the variable by; add `:NAME`")?,
        };
        Ok(Self {
            path: path.to_owned(),
            env,
        })
    }
}

/// The last part of the path in upper case. The ARN of a secret ends in `-` and six random characters, which are no part of
/// its name.
fn default_env(path: &str, name: &str) -> Option<String> {
    let last = name.rsplit('/').next().filter(|last| !last.is_empty())?;
    let named = match last.rsplit_once('-') {
        Some((before, random)) if path.starts_with("arn:") && random.len() == 6 => before,
        _ => last,
    };
    Some(named.to_ascii_uppercase())
}
