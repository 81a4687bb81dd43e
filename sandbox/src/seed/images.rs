//! Images in ECR: manifests with true digests, and the configurations that they point to.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::aws::error::Refusal;
use crate::internal::{Internal, InternalError};
use crate::state::{State, lock};

/// The repositories of the standard seed.
pub const REPOSITORIES: [&str; 2] = ["helloworld", "http-test"];

/// The commit whose image is an index for amd64 and arm64.
pub const SHA_MULTI: &str = "1f0e9c4a7b2d5836e1f4a9c0b7d2e5f8a3c6b901";

/// The commit whose image is a single manifest for amd64.
pub const SHA_AMD64: &str = "2a7c5e8f1b4d6093c8e2f5a1d7b0c4e9f3a6d802";

/// The commit whose image is a single manifest for arm64.
pub const SHA_ARM64: &str = "3b8d6f9a2c5e7104d9f3a6b2e8c1d5f0a4b7e903";

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Pushes the images of the standard seed; gives repository → tag → digest.
pub async fn seed(state: &State, account: &str, region: &str) -> Result<Value, InternalError> {
    let both = ["linux/amd64".to_owned(), "linux/arm64".to_owned()];
    let [amd64, arm64] = &both;
    let pushes: [(&str, &[String]); 4] = [
        ("latest", &both),
        (SHA_MULTI, &both),
        (SHA_AMD64, std::slice::from_ref(amd64)),
        (SHA_ARM64, std::slice::from_ref(arm64)),
    ];
    let mut images: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    for repository in REPOSITORIES {
        make_repository(state.internal(account, region), repository).await?;
        for (tag, platforms) in pushes {
            let push = Push { repository, tag, platforms, content: tag };
            images.entry(repository).or_default().insert(tag, push.put_all(state, account, region).await?);
        }
    }
    Ok(json!(images))
}

/// An image to push.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    /// Repository; it is made when it does not exist.
    pub repository: &'a str,
    /// Tag; it moves when another image has it.
    pub tag: &'a str,
    /// `linux/amd64`, `linux/arm64`, … one gives a single manifest, several give an index.
    pub platforms: &'a [String],
    /// Images of equal repository, platforms and content have equal digests.
    pub content: &'a str,
}

impl Push<'_> {
    /// Pushes, and gives the digest that the tag now stands for.
    pub async fn to(&self, state: &State, account: &str, region: &str) -> Result<String, InternalError> {
        let internal = state.internal(account, region);
        make_repository(internal, self.repository).await?;
        let before = self.tagged(internal).await?;
        let digest = self.put_all(state, account, region).await?;
        if let Some((old, manifest, kind)) = before.filter(|(old, _, _)| *old != digest) {
            self.keep(internal, &old, &manifest, &kind).await?;
        }
        Ok(digest)
    }

    /// Puts the manifests of all platforms, and the index over them; gives the digest of what has the tag.
    async fn put_all(&self, state: &State, account: &str, region: &str) -> Result<String, InternalError> {
        let internal = state.internal(account, region);
        let single = self.platforms.len() == 1;
        let mut children = Vec::new();
        let mut top = (String::new(), MANIFEST);
        for platform in self.platforms {
            let (manifest, config) = manifest(self.repository, self.content, platform);
            lock(&state.blobs).insert(digest(config.as_bytes()), config.into_bytes());
            if single {
                top.0 = manifest;
            } else {
                children.push(descriptor(&manifest, platform));
                self.put(internal, &manifest, MANIFEST, None).await?;
            }
        }
        if !single {
            let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children});
            top = (index.to_string(), INDEX);
        }
        self.put(internal, &top.0, top.1, Some(self.tag)).await?;
        Ok(digest(top.0.as_bytes()))
    }

    /// Digest, manifest and media type of the image that has the tag.
    async fn tagged(
        &self,
        internal: Internal<'_>,
    ) -> Result<Option<(String, String, String)>, InternalError> {
        let input = json!({"repositoryName": self.repository, "imageIds": [{"imageTag": self.tag}]});
        let answer = ecr(internal, "BatchGetImage", &input).await?;
        let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let found = (
            text("/images/0/imageId/imageDigest"),
            text("/images/0/imageManifest"),
            text("/images/0/imageManifestMediaType"),
        );
        Ok(match found {
            (Some(digest), Some(manifest), kind) => {
                Some((digest, manifest, kind.unwrap_or_else(|| MANIFEST.into())))
            }
            _ => None,
        })
    }

    /// An image that lost its last tag stays, as at AWS; moto deletes it.
    async fn keep(
        &self,
        internal: Internal<'_>,
        old: &str,
        manifest: &str,
        kind: &str,
    ) -> Result<(), InternalError> {
        let input = json!({"repositoryName": self.repository, "imageIds": [{"imageDigest": old}]});
        let answer = ecr(internal, "BatchGetImage", &input).await?;
        let gone = answer.pointer("/images/0").is_none();
        if gone { self.put(internal, manifest, kind, None).await } else { Ok(()) }
    }

    async fn put(
        &self,
        internal: Internal<'_>,
        manifest: &str,
        kind: &str,
        tag: Option<&str>,
    ) -> Result<(), InternalError> {
        let mut input = json!({
            "repositoryName": self.repository,
            "imageManifest": manifest,
            "imageManifestMediaType": kind,
            "imageDigest": digest(manifest.as_bytes()),
        });
        if let (Some(tag), Some(input)) = (tag, input.as_object_mut()) {
            input.insert("imageTag".into(), tag.into());
        }
        unless("ImageAlreadyExistsException", ecr(internal, "PutImage", &input).await)
    }
}

/// Makes a repository that may exist already.
async fn make_repository(internal: Internal<'_>, name: &str) -> Result<(), InternalError> {
    let made = ecr(internal, "CreateRepository", &json!({"repositoryName": name})).await;
    unless("RepositoryAlreadyExistsException", made)
}

async fn ecr(internal: Internal<'_>, operation: &str, input: &Value) -> Result<Value, InternalError> {
    internal.json("ecr", &format!("AmazonEC2ContainerRegistry_V20150921.{operation}"), input).await
}

/// Success, also when the call failed with this code.
fn unless(code: &str, answer: Result<Value, InternalError>) -> Result<(), InternalError> {
    match answer {
        Err(error) if error.code != code => Err(error),
        _ => Ok(()),
    }
}

/// `sha256:` and the hash in hex.
fn digest(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// `os/architecture/variant` as the fields of a platform.
fn platform_of(platform: &str) -> Value {
    let mut parts = platform.split('/');
    let (first, second, variant) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let (os, architecture) = second.map_or(("linux", first), |second| (first, second));
    let mut fields = json!({"architecture": architecture, "os": os});
    if let (Some(variant), Some(fields)) = (variant, fields.as_object_mut()) {
        fields.insert("variant".into(), variant.into());
    }
    fields
}

/// The manifest for one platform, and the configuration that it points to.
fn manifest(repository: &str, content: &str, platform: &str) -> (String, String) {
    let layer = format!("{repository} {content} {platform}");
    let layer_digest = digest(layer.as_bytes());
    let mut config = json!({
        "created": "2026-01-01T00:00:00Z",
        "config": {
            "Cmd": ["/app"],
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Labels": {"org.opencontainers.image.revision": content},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
    });
    if let (Some(config), Value::Object(platform)) = (config.as_object_mut(), platform_of(platform)) {
        config.extend(platform);
    }
    let config = config.to_string();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest(config.as_bytes()), "size": config.len()},
        "layers": [{"mediaType": LAYER, "digest": layer_digest, "size": layer.len()}],
    });
    (manifest.to_string(), config)
}

/// What an index says of a manifest.
fn descriptor(manifest: &str, platform: &str) -> Value {
    json!({
        "mediaType": MANIFEST,
        "digest": digest(manifest.as_bytes()),
        "size": manifest.len(),
        "platform": platform_of(platform),
    })
}

/// Answers ECR's `GetDownloadUrlForLayer`: image configurations can be had from the control address.
pub fn download_url(state: &State, input: &Value) -> Result<Value, Refusal> {
    let digest = input.get("layerDigest").and_then(Value::as_str).unwrap_or_default();
    if lock(&state.blobs).contains_key(digest) {
        let url = format!("{}/ecr/blobs/{digest}", state.ready.control);
        return Ok(json!({"downloadUrl": url, "layerDigest": digest}));
    }
    let message =
        format!("The layer with digest '{digest}' does not exist, or is not an image configuration.");
    Err(Refusal::new("LayersNotFoundException", message))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    #[test]
    fn a_digest_is_the_sha_256_of_the_bytes() {
        assert_eq!(digest(b""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn equal_content_gives_equal_digests_and_every_part_counts() {
        let of = |repository, content, platform| digest(manifest(repository, content, platform).0.as_bytes());
        assert_eq!(of("a", "1", "linux/amd64"), of("a", "1", "linux/amd64"));
        let all = [
            of("a", "1", "linux/amd64"),
            of("b", "1", "linux/amd64"),
            of("a", "2", "linux/amd64"),
            of("a", "1", "linux/arm64"),
        ];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }

    #[test]
    fn a_manifest_points_to_the_configuration_of_its_platform() {
        let (manifest, config) = manifest("a", "1", "linux/arm64/v8");
        let manifest: Value = serde_json::from_str(&manifest).unwrap();
        assert_eq!(manifest["config"]["digest"], digest(config.as_bytes()).as_str());
        let config: Value = serde_json::from_str(&config).unwrap();
        assert_eq!(
            (&config["os"], &config["architecture"], &config["variant"]),
            (&json!("linux"), &json!("arm64"), &json!("v8"))
        );
        assert_eq!(platform_of("amd64"), json!({"architecture": "amd64", "os": "linux"}));
    }

    #[test]
    fn commit_tags_look_like_commits() {
        for sha in [SHA_MULTI, SHA_AMD64, SHA_ARM64] {
            assert!(sha.len() == 40 && sha.bytes().all(|byte| byte.is_ascii_hexdigit()), "{sha}");
        }
    }
}
