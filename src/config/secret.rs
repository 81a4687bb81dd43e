//! `secrets` entries: which secret of AWS Secrets Manager becomes which environment variable.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One secret as an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
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
                return Err(
                    "names a parameter of Systems Manager, which is not supported yet in this version"
                        .to_owned(),
                );
            }
            if service != "secretsmanager" || parts.get(5) != Some(&"secret") || parts.len() < ARN_PARTS {
                return Err(
                    "is not the ARN of a secret (`arn:aws:secretsmanager:<region>:<account>:secret:<name>`)"
                        .to_owned(),
                );
            }
            if parts.len() > ARN_PARTS + 1 {
                return Err(
                    "selects a JSON key or a version, which is not supported yet in this version".to_owned()
                );
            }
            let end = parts.iter().take(ARN_PARTS).map(|part| part.len() + 1).sum::<usize>() - 1;
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

    fn new(path: &str, env: Option<&str>) -> Result<Self, String> {
        let name = if path.starts_with("arn:") { path.rsplit(':').next().unwrap_or_default() } else { path };
        let usable = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
        if name.is_empty() || name.len() > 512 {
            return Err("has no secret name, or one of more than 512 characters".to_owned());
        }
        if let Some(bad) = name.chars().find(|c| !usable(*c)) {
            return Err(format!("has the character `{}`, which no secret name can have", bad.escape_debug()));
        }
        let env = match env {
            Some("") => {
                return Err(
                    "has nothing after the colon; write the name of an environment variable".to_owned()
                );
            }
            Some(env) => env.to_owned(),
            None => default_env(path, name).ok_or("has no last part to name the variable by; add `:NAME`")?,
        };
        Ok(Self { path: path.to_owned(), env })
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.env)
    }
}

impl TryFrom<String> for SecretRef {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<SecretRef> for String {
    fn from(secret: SecretRef) -> Self {
        secret.to_string()
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/signing-key-AbCdEf";

    #[test]
    fn a_variable_is_named_by_the_last_part_of_the_path() {
        for (text, path, env) in [
            ("password", "password", "PASSWORD"),
            ("/db/password", "/db/password", "PASSWORD"),
            ("/db/password:DB_PASSWORD", "/db/password", "DB_PASSWORD"),
            ("/db/pass-word", "/db/pass-word", "PASS-WORD"),
            (ARN, ARN, "SIGNING-KEY"),
            (&format!("{ARN}:KEY"), ARN, "KEY"),
        ] {
            let secret = SecretRef::parse(text).unwrap();
            assert_eq!((secret.path.as_str(), secret.env.as_str()), (path, env));
            assert_eq!(SecretRef::parse(&secret.to_string()).unwrap(), secret);
        }
    }

    #[test]
    fn the_parts_of_an_arn_are_not_taken_for_a_variable() {
        for text in [
            &format!("{ARN}:key::"),
            "arn:aws:ssm:eu-west-1:123456789012:parameter/x",
            "arn:aws:secretsmanager",
            "a:b:c",
            ":A",
            "a:",
            "",
        ] {
            assert!(SecretRef::parse(text).is_err(), "{text}");
        }
    }
}
