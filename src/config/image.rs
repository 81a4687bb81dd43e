//! Image references: `[registry/]repository[:tag][@sha256:digest]`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A container image as the user names it, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImageRef {
    /// The registry's host and perhaps port; without it, the name is short (a repository of the account's ECR, or Docker Hub).
    pub registry: Option<String>,
    /// The repository with all its path segments.
    pub repository: String,
    /// The tag, if one is given.
    pub tag: Option<String>,
    /// The digest (`sha256:` and 64 hexadecimal digits), if one is given.
    pub digest: Option<String>,
}

impl ImageRef {
    /// Takes a reference apart; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        if let Some(bad) = text.chars().find(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            return Err(format!(
                "has the character `{}`, which no image reference can have",
                bad.escape_debug()
            ));
        }
        if text.contains("://") {
            return Err("has a scheme; an image reference begins with the registry's host".to_owned());
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(checked_digest(digest)?)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(checked_tag(tag)?)),
            _ => (rest, None),
        };
        let (registry, repository) = match path.split_once('/') {
            Some((host, repository)) if host.contains(['.', ':']) || host == "localhost" => {
                (Some(checked_host(host)?), repository)
            }
            _ => (None, path),
        };
        checked_repository(repository)?;
        Ok(Self { registry, repository: repository.to_owned(), tag, digest })
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(registry) = &self.registry {
            write!(f, "{registry}/")?;
        }
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

fn checked_digest(digest: &str) -> Result<String, String> {
    match digest.strip_prefix("sha256:") {
        Some(hex)
            if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) =>
        {
            Ok(digest.to_owned())
        }
        _ => Err("has a digest that is not `sha256:` and 64 lower-case hexadecimal digits".to_owned()),
    }
}

fn checked_tag(tag: &str) -> Result<String, String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fine =
        tag.starts_with(word) && tag.len() <= 128 && tag.chars().all(|c| word(c) || c == '.' || c == '-');
    if fine { Ok(tag.to_owned()) } else { Err(format!("has the invalid tag `{tag}`")) }
}

fn checked_host(host: &str) -> Result<String, String> {
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if name.split('.').all(label) && port.is_none_or(|port| port.parse::<u16>().is_ok()) {
        Ok(host.to_owned())
    } else {
        Err(format!("has the invalid registry `{host}`"))
    }
}

/// Path segments of lower-case letters and digits, with single `.`, one or two `_`, or any number of `-` between them.
fn checked_repository(repository: &str) -> Result<(), String> {
    if repository.is_empty() {
        return Err("has no repository name".to_owned());
    }
    if repository.chars().any(|c| c.is_ascii_uppercase()) {
        return Err("has upper-case letters in its repository, which must be in lower case".to_owned());
    }
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let segment = |segment: &str| {
        segment.starts_with(letter)
            && segment.ends_with(letter)
            && segment.chars().all(|c| letter(c) || "._-".contains(c))
            && !["..", "___", "._", "_.", ".-", "-.", "_-", "-_"].iter().any(|pair| segment.contains(pair))
    };
    if repository.len() <= 255 && repository.split('/').all(segment) {
        Ok(())
    } else {
        Err(format!("has the invalid repository name `{repository}`"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_reference_is_found_and_written_back() {
        let digest = format!("sha256:{}", "a1".repeat(32));
        for (text, registry, repository, tag) in [
            ("helloworld", None, "helloworld", None),
            ("helloworld:latest", None, "helloworld", Some("latest")),
            ("team/api/web:1.4", None, "team/api/web", Some("1.4")),
            ("localhost:5000/web", Some("localhost:5000"), "web", None),
            ("public.ecr.aws/nginx/nginx:1.27", Some("public.ecr.aws"), "nginx/nginx", Some("1.27")),
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web:v1",
                Some("123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
                "team/web",
                Some("v1"),
            ),
        ] {
            for text in [text.to_owned(), format!("{text}@{digest}")] {
                let image = ImageRef::parse(&text).unwrap();
                assert_eq!(image.registry.as_deref(), registry, "{text}");
                assert_eq!(image.repository, repository, "{text}");
                assert_eq!(image.tag.as_deref(), tag, "{text}");
                assert_eq!(image.digest.is_some(), text.contains('@'));
                assert_eq!(image.to_string(), text);
            }
        }
    }

    #[test]
    fn what_no_registry_takes_is_refused() {
        for text in [
            "",
            ":",
            "web:",
            "Web",
            "web web",
            "https://example.com/web",
            "web@sha256:12",
            "-web",
            "web//api",
            "web:a/b:",
            "a.b-/web",
            "web:é",
        ] {
            assert!(ImageRef::parse(text).is_err(), "{text}");
        }
    }
}
