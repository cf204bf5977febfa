//! How nodes listen and dial: one place for limits and keep-alive.

use std::net::SocketAddr;
use std::time::Duration;

use aquifer_model::{Kind, Report};
use tonic::transport::{Channel, Endpoint, Server};

use crate::network::{Incoming, Network, Tcp};

/// A connection whose peer does not answer a ping for this long is dead.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const STREAMS_MAX: u32 = 256;
const HEADERS_BYTES_MAX: u32 = 16 << 10;
/// Flow-control windows: a few exchange messages in flight, so that a fast link is not waited for.
const WINDOW_BYTES: u32 = 8 << 20;

/// A server with the limits that every node has. What operators ask comes over HTTP/1 as well.
pub fn server() -> Server {
    Server::builder()
        .accept_http1(true)
        .http2_keepalive_interval(Some(KEEP_ALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT))
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_header_list_size(HEADERS_BYTES_MAX)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(4 * WINDOW_BYTES)
        .tcp_nodelay(true)
}

/// Binds a node's address; must be called inside a tokio runtime. Loopback alone: there is no TLS.
pub fn bind(network: &dyn Network, address: SocketAddr) -> Result<(Incoming, SocketAddr), BindError> {
    if !network.is_private(&address.ip().to_string()) {
        return Err(BindError::NotLoopback { address });
    }
    network.listen(address).map_err(|source| BindError::Listen { address, source })
}

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("{address} is not a loopback address: other addresses need TLS, which this version does not have")]
    NotLoopback { address: SocketAddr },
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
}

impl From<BindError> for Report {
    fn from(error: BindError) -> Self {
        let message = error.to_string();
        match error {
            BindError::NotLoopback { .. } => Report::new(Kind::Config, "not_loopback", message)
                .hint("listen on 127.0.0.1, and reach it from elsewhere through an SSH tunnel"),
            BindError::Listen { source, .. } => Report::new(Kind::Config, "port_taken", message)
                .hint("stop what uses the port, or choose another with --listen; port 0 picks a free one")
                .caused_by(&source),
        }
    }
}

/// Dials a node over the machine's network.
pub async fn connect(url: &str) -> Result<Channel, ConnectError> {
    connect_through(&Tcp, url).await
}

/// Dials a node. `http://` is for loopback alone; anything else is refused before a byte is sent.
pub async fn connect_through(network: &dyn Network, url: &str) -> Result<Channel, ConnectError> {
    let endpoint = endpoint(network, url)?;
    network.dial(endpoint).await.map_err(|source| ConnectError::Unreachable { url: url.to_owned(), source })
}

fn endpoint(network: &dyn Network, url: &str) -> Result<Endpoint, ConnectError> {
    let bad = |reason: String| ConnectError::BadUrl { url: url.to_owned(), reason };
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|error| bad(error.to_string()))?;
    if endpoint.uri().scheme_str() != Some("http") {
        return Err(bad("it must begin with http://".into()));
    }
    if !network.is_private(endpoint.uri().host().unwrap_or_default().trim_matches(['[', ']'])) {
        return Err(ConnectError::NotLoopback { url: url.to_owned() });
    }
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(4 * WINDOW_BYTES)
        .tcp_nodelay(true))
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("`{url}` is no address of a cluster: {reason}")]
    BadUrl { url: String, reason: String },
    #[error("{url} is not a loopback address: other addresses need TLS, which this version does not have")]
    NotLoopback { url: String },
    #[error("nothing answers at {url}")]
    Unreachable { url: String, source: tonic::transport::Error },
}

impl From<ConnectError> for Report {
    fn from(error: ConnectError) -> Self {
        let message = error.to_string();
        match error {
            ConnectError::BadUrl { .. } => Report::new(Kind::Config, "bad_url", message)
                .hint("an address is http://HOST:PORT, as `aquifer cluster up` prints it"),
            ConnectError::NotLoopback { .. } => Report::new(Kind::Config, "not_loopback", message)
                .hint("reach it through an SSH tunnel, and give http://127.0.0.1:PORT"),
            ConnectError::Unreachable { source, .. } => Report::new(Kind::Access, "unreachable", message)
                .hint("is the cluster running? `aquifer cluster up` starts one")
                .caused_by(&source),
        }
    }
}
