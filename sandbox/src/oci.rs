//! Images as the OCI specifications write them: manifests, indexes and configurations, with true digests.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// One manifest or index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its bytes, as text.
    pub text: String,
    /// Its media type.
    pub media_type: &'static str,
}

impl Document {
    /// What identifies it.
    pub fn digest(&self) -> String {
        digest(self.text.as_bytes())
    }
}

/// An image with all that belongs to it.
#[derive(Debug, Clone)]
pub struct Image {
    /// What a tag stands for: an index of several platforms, or the manifest of the only one.
    pub top: Document,
    /// The manifests that an index points to.
    pub children: Vec<Document>,
    /// Configurations by digest.
    pub blobs: BTreeMap<String, Vec<u8>>,
}

impl Image {
    /// Images of equal repository, platforms (`linux/amd64`, …) and content have equal digests.
    pub fn new(repository: &str, content: &str, platforms: &[String]) -> Self {
        let mut blobs = BTreeMap::new();
        let mut descriptors = Vec::new();
        let mut children = Vec::new();
        for platform in platforms {
            let (text, config) = manifest(repository, content, platform);
            blobs.insert(digest(config.as_bytes()), config.into_bytes());
            descriptors.push(descriptor(&text, platform));
            children.push(Document { text, media_type: MANIFEST });
        }
        match (children.len(), children.pop()) {
            (1, Some(top)) => Self { top, children, blobs },
            (_, last) => {
                children.extend(last);
                let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors});
                Self { top: Document { text: index.to_string(), media_type: INDEX }, children, blobs }
            }
        }
    }
}

/// `sha256:` and the hash in hex.
pub fn digest(bytes: &[u8]) -> String {
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
    fn one_platform_gives_a_manifest_and_several_an_index_over_manifests() {
        let of = |platforms: &[&str]| {
            let platforms: Vec<String> = platforms.iter().map(|one| (*one).to_owned()).collect();
            Image::new("a", "1", &platforms)
        };
        let one = of(&["linux/amd64"]);
        assert_eq!((one.top.media_type, one.children.len(), one.blobs.len()), (MANIFEST, 0, 1));
        let two = of(&["linux/amd64", "linux/arm64"]);
        assert_eq!((two.top.media_type, two.children.len(), two.blobs.len()), (INDEX, 2, 2));
        assert_eq!(two.children[0], one.top, "an image of one platform is the same alone and in an index");
        let index: Value = serde_json::from_str(&two.top.text).unwrap();
        assert_eq!(index["manifests"][1]["digest"], two.children[1].digest().as_str());
        assert_eq!(index["manifests"][1]["platform"], platform_of("linux/arm64"));
    }
}
