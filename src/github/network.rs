//! How GitHub is reached: TLS with the certificates of this machine or our own, proxies, redirects.
//!
//! octocrab's own client knows no proxy and gives up where no certificates are installed, so it gets this one instead.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use octocrab::service::middleware::auth_header::AuthHeaderLayer;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use reqwest::redirect::Policy;
use reqwest::{Body, Client, NoProxy, Proxy};
use rustls::{ClientConfig, RootCertStore};

use super::address::{CONNECT_OP, origin};
use super::client::Token;
use super::error::GithubError;

/// Longest time for a connection to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Most redirects of one call.
const MOST_REDIRECTS: usize = 5;

type Problem = Box<dyn std::error::Error + Send + Sync>;

/// What a self-hosted runner needs to get out. Nothing of it is read from the environment here.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// The proxy for https (`HTTPS_PROXY`), such as `http://proxy.example.com:3128`; it may hold a password.
    pub https_proxy: Option<String>,
    /// Hosts and networks that are reached without it (`NO_PROXY`), separated by commas.
    pub no_proxy: Option<String>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("no_proxy", &self.no_proxy).finish_non_exhaustive()
    }
}

impl Network {
    /// A connection to the host of an address, which alone gets the token. Must be called within a Tokio runtime.
    pub(super) fn connect(&self, url: &str, token: Option<&Token>) -> Result<Octocrab, GithubError> {
        let base: Uri =
            origin(url).parse().map_err(|_| wrong("the address of GitHub is not one", "GITHUB_API_URL"))?;
        let authorization = token.map(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.secret()))
                .map_err(|_| wrong("the token is not one", "GITHUB_TOKEN"))?;
            value.set_sensitive(true);
            Ok(value)
        });
        let through = Through(self.client(url.starts_with("https://"))?);
        let built = OctocrabBuilder::new_empty()
            .with_service(through)
            .with_layer(&BaseUriLayer::new(base.clone()))
            .with_layer(&AuthHeaderLayer::new(authorization.transpose()?, base.clone(), base))
            .with_auth(AuthState::None)
            .build();
        let Ok(crab) = built;
        Ok(crab)
    }

    fn client(&self, tls: bool) -> Result<Client, GithubError> {
        // A redirect leads to another place of the same server, when a repository was renamed, or to where it has no business.
        let policy = Policy::custom(|attempt| {
            let here = attempt.previous().last();
            let same = here.is_some_and(|here| here.origin() == attempt.url().origin());
            if same && attempt.previous().len() <= MOST_REDIRECTS { attempt.follow() } else { attempt.stop() }
        });
        let mut builder = Client::builder()
            .user_agent(concat!("fargate-stack/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(policy)
            .tls_backend_preconfigured(config(tls)?)
            // Proxies come from the settings only.
            .no_proxy();
        if let Some(proxy) = self.https_proxy.as_deref().filter(|proxy| !proxy.is_empty()) {
            let proxy =
                Proxy::https(proxy).map_err(|_| wrong("the proxy is not an address", "HTTPS_PROXY"))?;
            let without = self.no_proxy.as_deref().and_then(NoProxy::from_string);
            builder = builder.proxy(proxy.no_proxy(without));
        }
        builder.build().map_err(|error| wrong(&error.without_url().to_string(), "the CA certificates"))
    }
}

fn wrong(message: &str, what: &str) -> GithubError {
    GithubError::setup(CONNECT_OP, message, &format!("check {what}"))
}

/// The certificates of this machine (`SSL_CERT_FILE` and `SSL_CERT_DIR` included), or those that browsers trust where there are
/// none, as in small containers.
fn config(tls: bool) -> Result<ClientConfig, GithubError> {
    let mut roots = RootCertStore::empty();
    if tls {
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::debug!(%error, "could not read a certificate of this machine");
        }
        roots.add_parsable_certificates(native.certs);
        if roots.is_empty() {
            tracing::debug!("this machine has no CA certificates: the built-in ones are used");
            roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| wrong(&error.to_string(), "the TLS of this program"))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// Sends the requests of octocrab.
#[derive(Clone)]
struct Through(Client);

impl tower_service::Service<Request<OctoBody>> for Through {
    type Response = Response<Body>;
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Problem>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Problem>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<OctoBody>) -> Self::Future {
        let client = self.0.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            parts.headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
            if let Some(authorization) = parts.headers.get_mut(AUTHORIZATION) {
                authorization.set_sensitive(true);
            }
            // Whole, so that it can be sent again after a redirect.
            let body = body.collect().await?.to_bytes();
            let request = reqwest::Request::try_from(Request::from_parts(parts, body))?;
            let answer = client.execute(request).await.map_err(reqwest::Error::without_url)?;
            Ok(answer.into())
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::github::GitHub;
    use crate::github::testing::{Server, answer};

    fn through(proxy: &str, no_proxy: Option<&str>, api: &str) -> GitHub {
        let network = Network { https_proxy: Some(proxy.into()), no_proxy: no_proxy.map(str::to_owned) };
        GitHub::through(&network, api, api, Token::new("s3cret"), "octo/app")
            .unwrap()
            .hurried(Duration::from_secs(5))
    }

    #[tokio::test]
    async fn https_goes_through_the_proxy_which_never_sees_the_token() {
        let proxy = Server::start(vec![answer(407, &[], "")]);
        let address = proxy.base.replace("http://", "http://user:pa55word@");
        let error = through(&address, None, "https://api.example.com").head_sha(7).await.unwrap_err();
        assert_eq!(proxy.lines(), ["CONNECT api.example.com:443"]);
        let seen = proxy.seen();
        assert!(seen.iter().all(|seen| seen.authorization.is_none()));
        assert!(error.may_have_happened() && !format!("{error:?}").contains("pa55word"), "{error:?}");
    }

    #[tokio::test]
    async fn hosts_that_need_no_proxy_and_this_machine_do_without() {
        let proxy = Server::start(vec![answer(407, &[], "")]);
        let github = through(&proxy.base, Some("localhost,.example.invalid"), "https://api.example.invalid");
        assert!(github.head_sha(7).await.is_err(), "there is no such host");
        let pull = r#"{"number":7,"head":{"sha":"abc","ref":"f"},"base":{"sha":"d","ref":"main"}}"#;
        let server = Server::start(vec![answer(200, &[], pull)]);
        assert_eq!(through(&proxy.base, None, &server.base).head_sha(7).await.unwrap(), "abc");
        assert_eq!(proxy.lines(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_proxy_that_is_none_is_refused_without_quoting_it() {
        let network = Network { https_proxy: Some("http://user:pa55word@".into()), no_proxy: None };
        assert!(!format!("{network:?}").contains("pa55word"));
        let api = "https://api.example.com";
        let error = GitHub::through(&network, api, api, None, "octo/app").unwrap_err();
        assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("HTTPS_PROXY")), "{error:?}");
        assert!(!format!("{error:?}").contains("pa55word"), "{error:?}");
    }

    #[test]
    fn the_built_in_certificates_are_usable() {
        let mut roots = RootCertStore::empty();
        let (added, ignored) =
            roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
        assert!(added > 50 && ignored == 0, "{added} {ignored}");
        assert!(config(true).is_ok());
    }
}
