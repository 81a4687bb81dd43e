//! What an image is built for: read from its manifest, and from its configuration when it is for one platform.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use aws_sdk_ecr::types::ImageIdentifier;
use serde_json::Value;

use super::registry::{Registry, client};
use crate::aws::{Aws, call};
use crate::config::CpuArchitecture;
use crate::model::CallError;

/// The IAM actions of this file.
pub const READS: &[&str] = &["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/// Every form of a manifest that ECR keeps for an image (the Image Manifest V2 of Docker, and OCI).
const MANIFESTS: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// The largest image configuration that is read, in bytes; usual ones have a few thousand.
pub const CONFIG_MAX: usize = 1024 * 1024;

/// How long the download of a configuration may take.
const DOWNLOAD: Duration = Duration::from_secs(10);

/// Operating system and processor, in the words of Go (`GOOS`, `GOARCH`), as images name them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    os: String,
    architecture: String,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

impl Platform {
    /// What a task of this processor runs.
    pub fn of(cpu: CpuArchitecture) -> Self {
        Self { os: "linux".to_owned(), architecture: cpu.in_images().to_owned() }
    }

    /// From an object that has both.
    fn read(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        Some(Self { os: text("os")?, architecture: text("architecture")? })
    }

    /// An index also lists what is no image: provenance and the like, for `unknown/unknown`.
    fn is_known(&self) -> bool {
        self.os != "unknown" && self.architecture != "unknown"
    }
}

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// An index: the platforms that it lists.
    Index(BTreeSet<Platform>),
    /// One platform, which stands in the configuration with this digest.
    Single(String),
    /// Neither.
    Unclear,
}

impl Manifest {
    /// Reads a manifest.
    pub fn read(manifest: &Value) -> Self {
        if let Some(entries) = manifest.get("manifests").and_then(Value::as_array) {
            let platforms = entries.iter().filter_map(|entry| Platform::read(entry.get("platform")?));
            return Self::Index(platforms.filter(Platform::is_known).collect());
        }
        match manifest.pointer("/config/digest").and_then(Value::as_str) {
            Some(digest) => Self::Single(digest.to_owned()),
            None => Self::Unclear,
        }
    }
}

/// The platform of an image's configuration.
pub fn of_config(config: &Value) -> BTreeSet<Platform> {
    Platform::read(config).into_iter().collect()
}

/// The platforms of an image in ECR; empty when it does not say.
pub async fn in_ecr(
    aws: &Aws,
    registry: &Registry,
    repository: &str,
    digest: &str,
) -> Result<BTreeSet<Platform>, CallError> {
    let ecr = client(aws, &registry.region);
    let sent = ecr
        .batch_get_image()
        .registry_id(&registry.account)
        .repository_name(repository)
        .image_ids(ImageIdentifier::builder().image_digest(digest).build())
        .set_accepted_media_types(Some(MANIFESTS.map(str::to_owned).to_vec()))
        .send();
    let found = call("ecr:BatchGetImage", sent).await?;
    let manifest = found.images().first().and_then(|image| image.image_manifest()).unwrap_or_default();
    let config = match serde_json::from_str(manifest).map(|manifest| Manifest::read(&manifest)) {
        Ok(Manifest::Index(platforms)) => return Ok(platforms),
        Ok(Manifest::Single(config)) => config,
        Ok(Manifest::Unclear) | Err(_) => return Ok(BTreeSet::new()),
    };
    let sent = ecr
        .get_download_url_for_layer()
        .registry_id(&registry.account)
        .repository_name(repository)
        .layer_digest(&config)
        .send();
    let op = "ecr:GetDownloadUrlForLayer";
    let found = call(op, sent).await?;
    let address = found.download_url().unwrap_or_default();
    let config = tokio::time::timeout(DOWNLOAD, download(address)).await;
    let config = config.unwrap_or_else(|_| Err("it took too long".to_owned()));
    // The address holds a signature, and the error does not name it.
    let config = config.map_err(|why| {
        CallError::local(op, format!("the image's configuration could not be downloaded: {why}"))
    })?;
    Ok(of_config(&config))
}

/// A small JSON document.
async fn download(address: &str) -> Result<Value, String> {
    super::outside::use_ring();
    let client = reqwest::Client::builder().connect_timeout(super::outside::CONNECT).build();
    let client = client.map_err(|error| error.without_url().to_string())?;
    let answer = client.get(address).send().await.and_then(reqwest::Response::error_for_status);
    let mut answer = answer.map_err(|error| error.without_url().to_string())?;
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|error| error.without_url().to_string())? {
        bytes.extend_from_slice(&part);
        if bytes.len() > CONFIG_MAX {
            return Err("it is larger than 1 MiB".to_owned());
        }
    }
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(platforms: &BTreeSet<Platform>) -> String {
        platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_index_lists_its_platforms_but_not_its_attestations() {
        let entry =
            |os: &str, cpu: &str| json!({"digest": "sha256:0", "platform": {"os": os, "architecture": cpu}});
        let index = json!({"manifests": [
            entry("linux", "arm64"), entry("linux", "amd64"), entry("unknown", "unknown"), {"digest": "sha256:1"}
        ]});
        let Manifest::Index(platforms) = Manifest::read(&index) else { panic!("{index}") };
        assert_eq!(shown(&platforms), "linux/amd64 linux/arm64");
    }

    #[test]
    fn a_single_manifest_points_to_its_configuration() {
        let manifest = json!({"schemaVersion": 2, "config": {"digest": "sha256:2"}, "layers": []});
        assert_eq!(Manifest::read(&manifest), Manifest::Single("sha256:2".into()));
        let config = json!({"os": "linux", "architecture": "arm64", "variant": "v8"});
        assert_eq!(of_config(&config), BTreeSet::from([Platform::of(CpuArchitecture::Arm)]));
    }

    #[test]
    fn what_is_no_manifest_says_nothing() {
        for value in [json!({}), json!([]), json!({"manifests": {}}), json!({"config": 1}), json!(null)] {
            assert_eq!(Manifest::read(&value), Manifest::Unclear, "{value}");
        }
        assert!(of_config(&json!({"os": "linux"})).is_empty());
    }
}
