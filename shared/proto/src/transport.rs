//! How nodes listen and dial: one place for limits and keep-alive.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use aquifer_model::{Kind, Report};
use tokio_rustls::rustls::{self, CertificateError};
use tonic::transport::{Channel, Endpoint, Server};

use crate::network::{Incoming, Network, Tcp};
use crate::tls::tls_failure;
use crate::{Callee, Tls, TlsError};

/// A connection whose peer does not answer a ping for this long is dead.
pub(crate) const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
pub(crate) const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const STREAMS_MAX: u32 = 256;
const HEADERS_BYTES_MAX: u32 = 16 << 10;
/// Requests of one connection that wait for their first answer; one more is refused at once.
const REQUESTS_MAX: usize = 64;
/// Streams that a client opens and resets before they were looked at ("rapid reset"); then its connection ends.
const RESETS_PENDING_MAX: usize = 20;
/// Streams that this node resets for what the client did wrong with them; then its connection ends.
const RESETS_LOCAL_MAX: usize = 1024;
/// Flow-control windows: a few exchange messages in flight, so that a fast link is not waited for.
const WINDOW_BYTES: u32 = 8 << 20;

/// A server with the limits that every node has. Connections have no greatest age: a worker's session, an exchange and a
/// watch are streams that last as long as what they are for, and the keep-alive ends those whose peer is gone.
/// What operators ask comes over HTTP/1 as well.
pub fn server() -> Server {
    Server::builder()
        .accept_http1(true)
        .http2_keepalive_interval(Some(KEEP_ALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT))
        .max_concurrent_streams(STREAMS_MAX)
        .concurrency_limit_per_connection(REQUESTS_MAX)
        .load_shed(true)
        .http2_max_pending_accept_reset_streams(Some(RESETS_PENDING_MAX))
        .http2_max_local_error_reset_streams(Some(RESETS_LOCAL_MAX))
        .http2_max_header_list_size(HEADERS_BYTES_MAX)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(4 * WINDOW_BYTES)
}

/// Binds a node's address; must be called inside a tokio runtime. Without TLS only loopback.
pub fn bind(
    network: &dyn Network,
    address: SocketAddr,
    tls: Option<&Tls>,
) -> Result<(Incoming, SocketAddr), BindError> {
    if tls.is_none() && !network.is_private(&address.ip().to_string()) {
        return Err(BindError::NotLoopback { address });
    }
    network.listen(address).map_err(|source| BindError::Listen { address, source })
}

/// The URL of a node that listens there, for callers on the same machine.
pub fn url(listening: SocketAddr, tls: Option<&Tls>) -> String {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("{scheme}://{}", SocketAddr::new(ip, listening.port()))
}

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("{address} is not a loopback address: other addresses need TLS")]
    NotLoopback { address: SocketAddr },
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
}

impl From<BindError> for Report {
    fn from(error: BindError) -> Self {
        let message = error.to_string();
        match error {
            BindError::NotLoopback { .. } => Report::new(Kind::Config, "not_loopback", message).hint(MAKE_CERTIFICATES),
            BindError::Listen { source, .. } => Report::new(Kind::Config, "port_taken", message)
                .hint("stop what uses the port, or choose another with --listen; port 0 picks a free one")
                .caused_by(&source),
        }
    }
}

const MAKE_CERTIFICATES: &str = "make certificates with `aquifer certs init --dir DIR`, and give the same --dir, or \
                                 --ca-file, --cert-file and --key-file; or use 127.0.0.1, through an SSH tunnel from elsewhere";

/// Checks an address that others are to dial, before anybody does.
pub fn check_url(network: &dyn Network, url: &str) -> Result<(), ConnectError> {
    endpoint(network, url).map(drop)
}

/// Dials a node over the machine's network.
pub async fn connect(url: &str, tls: Option<&Tls>, callee: Callee) -> Result<Channel, ConnectError> {
    connect_through(&Tcp, url, tls, callee).await
}

/// Dials a node. `http://` is for loopback alone; what must not be dialled is refused before a byte is sent.
pub async fn connect_through(
    network: &dyn Network,
    url: &str,
    tls: Option<&Tls>,
    callee: Callee,
) -> Result<Channel, ConnectError> {
    let unreachable = |source| ConnectError::Unreachable { url: url.to_owned(), source };
    let mut endpoint = endpoint(network, url)?;
    if endpoint.uri().scheme_str() == Some("https") {
        let tls = tls.ok_or_else(|| ConnectError::NoAuthority { url: url.to_owned() })?;
        endpoint = endpoint.tls_config(tls.client_config(callee)?).map_err(unreachable)?;
    }
    network.dial(endpoint).await.map_err(unreachable)
}

fn endpoint(network: &dyn Network, url: &str) -> Result<Endpoint, ConnectError> {
    let bad = |reason: String| ConnectError::BadUrl { url: url.to_owned(), reason };
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|error| bad(error.to_string()))?;
    match endpoint.uri().scheme_str() {
        Some("https") => {}
        Some("http") if network.is_private(endpoint.uri().host().unwrap_or_default().trim_matches(['[', ']'])) => {}
        Some("http") => return Err(ConnectError::NotLoopback { url: url.to_owned() }),
        _ => return Err(bad("it must begin with http:// or https://".into())),
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
    #[error("{url} is not a loopback address: other addresses need TLS, and begin with https://")]
    NotLoopback { url: String },
    #[error("{url} speaks TLS, and no authority is given whose certificates are to be believed")]
    NoAuthority { url: String },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("nothing answers at {url}")]
    Unreachable { url: String, source: tonic::transport::Error },
}

impl From<ConnectError> for Report {
    fn from(error: ConnectError) -> Self {
        let message = error.to_string();
        match error {
            ConnectError::BadUrl { .. } => Report::new(Kind::Config, "bad_url", message)
                .hint("an address is http://HOST:PORT or https://HOST:PORT, as `aquifer cluster up` prints it"),
            ConnectError::NotLoopback { .. } => {
                Report::new(Kind::Config, "not_loopback", message).hint(MAKE_CERTIFICATES)
            }
            ConnectError::NoAuthority { .. } => Report::new(Kind::Config, "no_ca", message)
                .hint("give --ca-file FILE: the file `ca.pem` that `aquifer certs init` made for the cluster"),
            ConnectError::Tls(error) => error.into(),
            ConnectError::Unreachable { url, source } => match tls_failure(&source) {
                Some(failure) => untrusted(&url, failure, &source),
                None => Report::new(Kind::Access, "unreachable", message)
                    .hint("is the cluster running? `aquifer cluster up` starts one")
                    .caused_by(&source),
            },
        }
    }
}

/// Something answers, and is not who it should be.
fn untrusted(url: &str, failure: &rustls::Error, source: &(dyn Error + 'static)) -> Report {
    use CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer};
    let hint = match failure {
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            "make new certificates with `aquifer certs renew`"
        }
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "its certificate is not for this address: `aquifer certs renew --host NAME` makes one that is"
        }
        rustls::Error::InvalidCertificate(UnknownIssuer | CertificateError::BadSignature) => {
            "give the `ca.pem` of this very cluster with --ca-file"
        }
        rustls::Error::InvalidMessage(_) => "it may speak no TLS: then its address begins with http://",
        _ => "are --ca-file, --cert-file and --key-file those of this cluster?",
    };
    Report::new(Kind::Access, "untrusted", format!("what answers at {url} cannot be trusted"))
        .hint(hint)
        .caused_by(source)
}
