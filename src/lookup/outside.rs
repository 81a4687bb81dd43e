//! Registries outside ECR, by the distribution API of OCI: Docker Hub, GHCR, public ECR and the like.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use docker_credential::DockerCredential;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::OciDescriptor;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use tokio::io::AsyncWrite;

use super::platforms::{self, CONFIG_MAX, Manifest, Platform};
use crate::config::ImageRef;

/// How long a registry may take to accept a connection, and to send the next part of an answer.
pub const CONNECT: Duration = Duration::from_secs(5);

/// How long a registry may take for one image, with all requests that it needs.
const WHOLE: Duration = Duration::from_secs(15);

/// The registry of a name without one.
const DOCKER_HUB: &str = "docker.io";

/// Where the Docker command keeps the credentials of Docker Hub.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// The forms of a manifest, an index first: a registry that has both sends what stands first.
const MANIFESTS: &[&str] = &[
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// How registries outside ECR are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registries {
    /// A mirror for all of them.
    pub mirror: Option<Mirror>,
    /// The configuration of the Docker command, with credentials or the names of their helpers.
    pub docker_config: Option<PathBuf>,
}

/// A registry that answers for all others; it is told which one is meant by `?ns=`, as containerd does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    host: String,
    plain: bool,
}

impl Mirror {
    /// Reads `http://host[:port]` or `https://host[:port]`.
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, host) = url.split_once("://")?;
        let host = host.strip_suffix('/').unwrap_or(host);
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        if host.is_empty() || !host.chars().all(fits) || !matches!(scheme, "http" | "https") {
            return None;
        }
        Some(Self { host: host.to_owned(), plain: scheme == "http" })
    }
}

/// What a registry says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// There is one.
    Image {
        /// Its digest; of the index, when it is for several platforms.
        digest: String,
        /// What it is built for; empty when it does not say.
        platforms: BTreeSet<Platform>,
    },
    /// The registry has no such image.
    NoImage,
    /// The registry does not let us ask. It may not exist either: some registries do not tell.
    Refused {
        /// With credentials of the Docker configuration.
        signed_in: bool,
    },
    /// Too many requests.
    Limited,
    /// No answer, or none that makes sense.
    Unreachable(String),
}

/// The registry of an image, as people name it.
pub fn host(image: &ImageRef) -> &str {
    match image.registry.as_deref() {
        None | Some(DOCKER_HUB | "index.docker.io" | "registry-1.docker.io") => DOCKER_HUB,
        Some(host) => host,
    }
}

/// TLS of this crate is `ring`, for everybody who asks rustls for its default; once is enough.
pub fn use_ring() {
    // The second and every later call is refused, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Asks for the image of a reference.
pub async fn ask(registries: &Registries, image: &ImageRef) -> Elsewhere {
    let unreachable = |_| Elsewhere::Unreachable(format!("no answer within {} s", WHOLE.as_secs()));
    tokio::time::timeout(WHOLE, asked(registries, image)).await.unwrap_or_else(unreachable)
}

async fn asked(registries: &Registries, image: &ImageRef) -> Elsewhere {
    let reference = reference(image, registries.mirror.as_ref());
    let client = match client(registries.mirror.as_ref(), reference.registry()) {
        Ok(client) => client,
        Err(error) => return Elsewhere::Unreachable(error.to_string()),
    };
    let auth = credentials(registries.docker_config.clone(), host(image).to_owned()).await;
    let signed_in = auth != RegistryAuth::Anonymous;
    // Signing in tells at once whether there is anybody: the requests after it would all wait for the same connection.
    if let Err(error) = client.auth(&reference, &auth, RegistryOperation::Pull).await {
        return refusal(&error, signed_in);
    }
    match client.pull_manifest_raw(&reference, &auth, MANIFESTS).await {
        Ok((manifest, digest)) => {
            let manifest = serde_json::from_slice(&manifest).unwrap_or_default();
            let platforms = match Manifest::read(&manifest) {
                Manifest::Index(platforms) => platforms,
                Manifest::Single(config) => configuration(&client, &reference, config).await,
                Manifest::Unclear => BTreeSet::new(),
            };
            Elsewhere::Image { digest, platforms }
        }
        Err(error) => refusal(&error, signed_in),
    }
}

/// The platform of a configuration; what cannot be read does not keep the image from being used.
async fn configuration(client: &Client, reference: &Reference, digest: String) -> BTreeSet<Platform> {
    let mut capped = Capped(Vec::new());
    let layer = OciDescriptor { digest, ..OciDescriptor::default() };
    match client.pull_blob(reference, &layer, &mut capped).await {
        Ok(()) => platforms::of_config(&serde_json::from_slice(&capped.0).unwrap_or_default()),
        Err(_) => BTreeSet::new(),
    }
}

fn reference(image: &ImageRef, mirror: Option<&Mirror>) -> Reference {
    let host = host(image);
    let repository = match image.repository.as_str() {
        // Docker Hub keeps what has no owner there.
        name if host == DOCKER_HUB && !name.contains('/') => format!("library/{name}"),
        name => name.to_owned(),
    };
    let tag = image.tag.clone().unwrap_or_else(|| "latest".to_owned());
    let mut reference = match &image.digest {
        Some(digest) => Reference::with_digest(host.to_owned(), repository, digest.clone()),
        None => Reference::with_tag(host.to_owned(), repository, tag),
    };
    if let Some(mirror) = mirror {
        reference.set_mirror_registry(mirror.host.clone());
    }
    reference
}

fn client(mirror: Option<&Mirror>, registry: &str) -> Result<Client, OciDistributionError> {
    use_ring();
    let mut plain: Vec<String> =
        mirror.filter(|mirror| mirror.plain).map(|mirror| mirror.host.clone()).into_iter().collect();
    // As Docker does: a registry on this machine needs no certificate.
    let name = registry.split_once(':').map_or(registry, |(name, _)| name);
    if matches!(name, "localhost" | "127.0.0.1") {
        plain.push(registry.to_owned());
    }
    Client::try_from(ClientConfig {
        protocol: ClientProtocol::HttpsExcept(plain),
        platform_resolver: None,
        connect_timeout: Some(CONNECT),
        read_timeout: Some(CONNECT),
        user_agent: concat!("fargate-stack/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    })
}

/// The credentials of the Docker configuration. A helper is a program: it runs beside, and not for ever.
async fn credentials(config: Option<PathBuf>, host: String) -> RegistryAuth {
    let Some(config) = config else {
        return RegistryAuth::Anonymous;
    };
    let found = tokio::task::spawn_blocking(move || {
        let file = std::fs::File::open(config.join("config.json")).ok()?;
        let server = if host == DOCKER_HUB { DOCKER_HUB_KEY } else { &host };
        docker_credential::get_credential_from_reader(std::io::BufReader::new(file), server).ok()
    });
    match tokio::time::timeout(CONNECT, found).await {
        Ok(Ok(Some(DockerCredential::UsernamePassword(user, password)))) => {
            RegistryAuth::Basic(user, password)
        }
        // An identity token would have to be exchanged first, which the client cannot.
        Ok(Ok(Some(DockerCredential::IdentityToken(_)) | None) | Err(_)) | Err(_) => RegistryAuth::Anonymous,
    }
}

fn refusal(error: &OciDistributionError, signed_in: bool) -> Elsewhere {
    let by_status = |status: u16| match status {
        401 | 403 => Elsewhere::Refused { signed_in },
        404 => Elsewhere::NoImage,
        429 => Elsewhere::Limited,
        _ => Elsewhere::Unreachable(format!("it answers with status {status}")),
    };
    match error {
        OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
            Elsewhere::Refused { signed_in }
        }
        OciDistributionError::ImageManifestNotFoundError(_) => Elsewhere::NoImage,
        OciDistributionError::ServerError { code, .. } => by_status(*code),
        OciDistributionError::RegistryError { envelope, .. } => {
            match envelope.errors.first().map(|error| &error.code) {
                Some(OciErrorCode::ManifestUnknown | OciErrorCode::NameUnknown | OciErrorCode::NotFound) => {
                    Elsewhere::NoImage
                }
                Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => Elsewhere::Refused { signed_in },
                Some(OciErrorCode::Toomanyrequests) => Elsewhere::Limited,
                _ => Elsewhere::Unreachable("it does not answer as a registry does".to_owned()),
            }
        }
        OciDistributionError::RequestError(error) => Elsewhere::Unreachable(
            match (error.is_timeout(), error.is_connect()) {
                (true, _) => "no answer in time",
                (_, true) => "no connection",
                _ => "the request failed",
            }
            .to_owned(),
        ),
        _ => Elsewhere::Unreachable("it does not answer as a registry does".to_owned()),
    }
}

/// Takes so much and no more.
struct Capped(Vec<u8>);

impl AsyncWrite for Capped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        part: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.0.len() + part.len() > CONFIG_MAX {
            return Poll::Ready(Err(std::io::Error::other("larger than 1 MiB")));
        }
        self.0.extend_from_slice(part);
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_registry_is_one_of_docker_hub() {
        for (text, registry, repository) in [
            ("nginx:1.27", "docker.io", "library/nginx"),
            ("grafana/loki", "docker.io", "grafana/loki"),
            ("docker.io/busybox", "docker.io", "library/busybox"),
            ("ghcr.io/octocat/app:v1", "ghcr.io", "octocat/app"),
            ("localhost:5000/web", "localhost:5000", "web"),
        ] {
            let reference = reference(&ImageRef::parse(text).unwrap(), None);
            assert_eq!((reference.registry(), reference.repository()), (registry, repository), "{text}");
        }
    }

    #[test]
    fn a_mirror_is_a_scheme_and_a_host() {
        let mirror = Mirror::parse("http://127.0.0.1:5000/").unwrap();
        assert_eq!((mirror.host.as_str(), mirror.plain), ("127.0.0.1:5000", true));
        assert!(!Mirror::parse("https://mirror.example.com").unwrap().plain);
        for url in
            ["", "mirror:5000", "ftp://mirror", "http://", "http://a/b", "http://user@host", "http://a b"]
        {
            assert_eq!(Mirror::parse(url), None, "{url}");
        }
    }

    /// Also shows that TLS is set up at all: the client speaks before the other side hangs up.
    #[tokio::test]
    async fn a_registry_that_hangs_up_in_the_handshake_is_no_reason_to_fail() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        let heard = std::thread::spawn(move || {
            let mut first = [0];
            let (mut stream, _) = listener.accept().unwrap();
            std::io::Read::read_exact(&mut stream, &mut first).unwrap();
            first[0]
        });
        let mirror = Mirror::parse(&format!("https://{place}"));
        let registries = Registries { mirror, docker_config: None };
        let answer = ask(&registries, &ImageRef::parse("ghcr.io/a/b").unwrap()).await;
        assert!(matches!(answer, Elsewhere::Unreachable(_)), "{answer:?}");
        assert_eq!(heard.join().unwrap(), 22, "a handshake record of TLS");
    }

    #[test]
    fn the_status_of_a_registry_says_what_is_wrong() {
        let answer = |code: u16| {
            let error =
                OciDistributionError::ServerError { code, url: String::new(), message: String::new() };
            refusal(&error, false)
        };
        assert_eq!(answer(404), Elsewhere::NoImage);
        assert_eq!(answer(403), Elsewhere::Refused { signed_in: false });
        assert_eq!(answer(429), Elsewhere::Limited);
        assert!(matches!(answer(501), Elsewhere::Unreachable(_)));
    }
}
