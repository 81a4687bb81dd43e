//! Images in ECR: manifests with true digests, and the configurations that they point to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::aws::error::Refusal;
use crate::internal::{Internal, InternalError};
use crate::oci::{Image, MANIFEST, digest};
use crate::state::{State, lock};

/// The repositories of the standard seed.
pub const REPOSITORIES: [&str; 2] = ["helloworld", "http-test"];

/// The commit whose image is an index for amd64 and arm64.
pub const SHA_MULTI: &str = "1f0e9c4a7b2d5836e1f4a9c0b7d2e5f8a3c6b901";

/// The commit whose image is a single manifest for amd64.
pub const SHA_AMD64: &str = "2a7c5e8f1b4d6093c8e2f5a1d7b0c4e9f3a6d802";

/// The commit whose image is a single manifest for arm64.
pub const SHA_ARM64: &str = "3b8d6f9a2c5e7104d9f3a6b2e8c1d5f0a4b7e903";

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
            let push = Push {
                repository: repository.to_owned(),
                tag: tag.to_owned(),
                platforms: platforms.to_vec(),
                content: tag.to_owned(),
                archived: false,
            };
            images.entry(repository).or_default().insert(tag, push.put_all(state, account, region).await?);
        }
    }
    Ok(json!(images))
}

/// An image to push.
#[derive(Debug, Clone)]
pub struct Push {
    /// Repository; it is made when it does not exist.
    pub repository: String,
    /// Tag; it moves when another image has it.
    pub tag: String,
    /// `linux/amd64`, `linux/arm64`, … one gives a single manifest, several give an index.
    pub platforms: Vec<String>,
    /// Images of equal repository, platforms and content have equal digests.
    pub content: String,
    /// Whether it is archived as soon as it is there.
    pub archived: bool,
}

/// An archived image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Archived {
    /// Account id.
    pub account: String,
    region: String,
    repository: String,
    digest: String,
}

impl Archived {
    /// The image of a repository; `place` is account and region.
    pub fn new(place: (&str, &str), repository: &str, digest: &str) -> Self {
        let [account, region, repository, digest] = [place.0, place.1, repository, digest].map(str::to_owned);
        Self { account, region, repository, digest }
    }
}

impl Push {
    /// Pushes, and gives the digest that the tag now stands for. A tag that may not move stays where it is, and that is an
    /// error.
    pub async fn to(&self, state: &State, account: &str, region: &str) -> Result<String, InternalError> {
        let internal = state.internal(account, region);
        make_repository(internal, &self.repository).await?;
        let before = self.tagged(internal).await?;
        let digest = self.put_all(state, account, region).await?;
        if let Some((old, manifest, kind)) = before.filter(|(old, _, _)| *old != digest) {
            self.keep(internal, &old, &manifest, &kind).await?;
            if self.tagged(internal).await?.is_some_and(|(now, ..)| now == old) {
                let said = format!("the tag `{}` is immutable", self.tag);
                let code = "ImageTagAlreadyExistsException".into();
                return Err(InternalError { call: "ecr:PutImage".into(), code, said });
            }
        }
        let key = Archived::new((account, region), &self.repository, &digest);
        if self.archived {
            lock(&state.archived).insert(key, state.now());
        } else {
            lock(&state.archived).remove(&key);
        }
        Ok(digest)
    }

    /// Puts the manifests of all platforms, and the index over them; gives the digest of what has the tag.
    async fn put_all(&self, state: &State, account: &str, region: &str) -> Result<String, InternalError> {
        let internal = state.internal(account, region);
        let image = self.image();
        lock(&state.blobs).extend(image.blobs.clone());
        for child in &image.children {
            self.put(internal, &child.text, child.media_type, None).await?;
        }
        self.put(internal, &image.top.text, image.top.media_type, Some(&self.tag)).await?;
        Ok(image.top.digest())
    }

    /// The image with all its parts.
    pub fn image(&self) -> Image {
        Image::new(&self.repository, &self.content, &self.platforms)
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
    use super::*;

    #[test]
    fn commit_tags_look_like_commits() {
        for sha in [SHA_MULTI, SHA_AMD64, SHA_ARM64] {
            assert!(sha.len() == 40 && sha.bytes().all(|byte| byte.is_ascii_hexdigit()), "{sha}");
        }
    }
}
