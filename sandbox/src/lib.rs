//! A local AWS and GitHub that behave: the instrument of the demo and of every test of `fargate-stack`.
//!
//! ECS ([`ecs`]), load balancing ([`elb`]), certificates ([`acm`]), DNS ([`dns`]) and parameters ([`ssm`]) are modelled here, every other AWS service is forwarded to a moto server that the sandbox starts
//! and ends itself ([`moto`]), GitHub is a stub of our own ([`github`]). Everything is recorded ([`record`]) and can be
//! made to fail ([`fault`]). One call takes this way: `server` → `aws` or `github_side` → `pipeline` → a model.

pub mod acm;
pub mod aws;
pub mod clock;
mod control;
pub mod dns;
pub mod ecs;
pub mod elb;
pub mod fault;
pub mod github;
mod github_side;
pub mod http;
mod internal;
pub mod moto;
mod oci;
mod pipeline;
pub mod policy;
pub mod quotas;
pub mod record;
mod registry;
mod schedules;
pub mod seed;
mod server;
pub mod ssm;
mod state;
mod xml;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use aws::caller::{DEFAULT_ACCOUNT, DEFAULT_REGION};
pub use seed::Seed;
use server::Side;
use state::State;

/// How to start.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where AWS listens; a free loopback port when absent.
    pub aws: Option<SocketAddr>,
    /// Where GitHub listens; a free loopback port when absent.
    pub github: Option<SocketAddr>,
    /// What the default account holds.
    pub seed: Seed,
    /// The Python interpreter that has moto; [`moto::default_python`] when absent.
    pub python: Option<PathBuf>,
}

/// What is announced when the sandbox is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Ready {
    /// For `AWS_ENDPOINT_URL`.
    pub aws_endpoint: String,
    /// For `GITHUB_API_URL`; GraphQL is at `/graphql` below it.
    pub github_api: String,
    /// Base address of the control API; both listeners serve it.
    pub control: String,
    /// The seeded account: that of every access key that is not an account id itself.
    pub account: String,
    /// The seeded region.
    pub region: String,
}

/// Why the sandbox could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address that others could reach.
    #[error("`{0}` is not a loopback address: the sandbox has no authentication")]
    NotLoopback(SocketAddr),
    /// An address could not be bound.
    #[error("could not listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// moto did not start.
    #[error(transparent)]
    Moto(#[from] moto::MotoError),
    /// The seed could not be planted.
    #[error("could not seed the account: {0}")]
    Seed(String),
}

/// A running sandbox.
#[derive(Debug)]
pub struct Sandbox {
    /// Addresses, account and region.
    pub ready: Ready,
    state: Arc<State>,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
}

/// Starts a sandbox on the current tokio runtime: binds, starts moto, seeds.
pub async fn start(options: Options) -> Result<Sandbox, Error> {
    let (aws, aws_address) = listen(options.aws).await?;
    let (github, github_address) = listen(options.github).await?;
    let ready = Ready {
        aws_endpoint: format!("http://{aws_address}"),
        github_api: format!("http://{github_address}"),
        control: format!("http://{aws_address}/_sandbox"),
        account: DEFAULT_ACCOUNT.into(),
        region: DEFAULT_REGION.into(),
    };
    let python = options.python.unwrap_or_else(moto::default_python);
    let moto = moto::Moto::start(&python).await?;
    let state = Arc::new(State::new(ready.clone(), moto, options.seed));
    seed::plant(&state, DEFAULT_ACCOUNT, DEFAULT_REGION, options.seed)
        .await
        .map_err(|error| Error::Seed(error.to_string()))?;
    let (stop, stopped) = watch::channel(false);
    let listeners = [(aws, Side::Aws), (github, Side::GitHub)]
        .into_iter()
        .map(|(listener, side)| {
            tokio::spawn(server::serve(listener, side, Arc::clone(&state), stopped.clone()))
        })
        .collect();
    Ok(Sandbox { ready, state, stop, listeners })
}

async fn listen(address: Option<SocketAddr>) -> Result<(TcpListener, SocketAddr), Error> {
    let address = address.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    if !address.ip().is_loopback() {
        return Err(Error::NotLoopback(address));
    }
    let failed = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

impl Sandbox {
    /// Closes the listeners and ends moto.
    pub async fn stop(self) {
        // Nobody listening any more is as good as stopped.
        let _ = self.stop.send(true);
        for listener in self.listeners {
            let _ = listener.await;
        }
        self.state.moto.stop().await;
    }
}
