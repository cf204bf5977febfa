//! The network under the wire: how a node listens and dials. Simulation brings another one.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpSocket;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::server::{Connected, TcpConnectInfo};
use tonic::transport::{Channel, Endpoint};

pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Connections that are made to a node.
pub type Incoming = Pin<Box<dyn Stream<Item = io::Result<Connection>> + Send>>;

/// Streams of bytes between nodes.
pub trait Network: Send + Sync {
    /// Whether what goes to this host, or comes from it, stays on this machine.
    fn is_private(&self, host: &str) -> bool;

    /// Listens, and says where.
    fn listen(&self, address: SocketAddr) -> io::Result<(Incoming, SocketAddr)>;

    fn dial(&self, endpoint: Endpoint) -> Later<'static, Result<Channel, tonic::transport::Error>>;
}

/// Connections that the system makes before this node takes them: one more would wait for a second or longer.
const BACKLOG: u32 = 4096;

/// The network that the machine has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Network for Tcp {
    fn is_private(&self, host: &str) -> bool {
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    fn listen(&self, address: SocketAddr) -> io::Result<(Incoming, SocketAddr)> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let bound = listener.local_addr()?;
        let connection = |stream: tokio::net::TcpStream| {
            stream.set_nodelay(true)?;
            let info = stream.connect_info();
            Ok(Connection::new(stream, info))
        };
        Ok((Box::pin(TcpListenerStream::new(listener).map(move |stream| stream.and_then(connection))), bound))
    }

    fn dial(&self, endpoint: Endpoint) -> Later<'static, Result<Channel, tonic::transport::Error>> {
        Box::pin(async move { endpoint.connect().await })
    }
}

trait Bytes: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> Bytes for S {}

/// A connection that was made to a node.
pub struct Connection {
    stream: Pin<Box<dyn Bytes>>,
    info: TcpConnectInfo,
}

impl Connection {
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + 'static, info: TcpConnectInfo) -> Self {
        Self { stream: Box::pin(stream), info }
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.info.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }
}
