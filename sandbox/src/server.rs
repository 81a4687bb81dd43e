//! The listeners: HTTP in, plain messages to the models, HTTP out.

use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::http::{Answer, Request, Response, pairs};
use crate::state::State;
use crate::{aws, control, github_side, registry};

/// Which API a listener speaks, beside the control API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// AWS.
    Aws,
    /// GitHub.
    GitHub,
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
enum Closed {
    /// A fault wants it.
    #[error("dropped by a fault")]
    Dropped,
    /// The request could not be read, or its handler panicked.
    #[error("broken request: {0}")]
    Broken(String),
}

/// Serves until told to stop; then open connections are closed.
pub async fn serve(listener: TcpListener, side: Side, state: Arc<State>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(connection(stream, side, Arc::clone(&state)));
            },
            Some(_) = connections.join_next() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn connection(stream: TcpStream, side: Side, state: Arc<State>) {
    // Small answers on loopback: waiting to fill a packet only costs time.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |incoming| respond(incoming, side, Arc::clone(&state)));
    // An error here is a client that went away, or a connection that a fault closed.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(
    incoming: hyper::Request<Incoming>,
    side: Side,
    state: Arc<State>,
) -> Result<hyper::Response<Full<Bytes>>, Closed> {
    let broken = |error: &dyn std::fmt::Display| Closed::Broken(error.to_string());
    let (parts, incoming) = incoming.into_parts();
    let body = incoming.collect().await.map_err(|error| broken(&error))?.to_bytes().to_vec();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let request = Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: pairs(&query),
        headers: headers.collect(),
        body,
    };
    // A request that was read whole takes effect even when its client goes away: hence a task of its own.
    let handled = tokio::spawn(async move { dispatch(&state, side, request, &query).await });
    match handled.await.map_err(|error| broken(&error))? {
        Answer::Reply(response) => write(response),
        Answer::Drop => Err(Closed::Dropped),
    }
}

async fn dispatch(state: &State, side: Side, request: Request, query: &str) -> Answer {
    if let Some(rest) = control::below_root(&request.path).map(str::to_owned) {
        return Answer::Reply(control::handle(state, request, &rest).await);
    }
    match side {
        Side::Aws if registry::is_for(&request) => registry::handle(state, request).await,
        Side::Aws => aws::handle(state, request, query).await,
        Side::GitHub => github_side::handle(state, request).await,
    }
}

fn write(response: Response) -> Result<hyper::Response<Full<Bytes>>, Closed> {
    let mut builder = hyper::Response::builder().status(response.status);
    for (name, value) in response.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(Bytes::from(response.body))).map_err(|error| Closed::Broken(error.to_string()))
}
