//! The network of a simulation: turmoil's, under the product's own wire.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use aquifer_proto::{Connection, Incoming, Later, Network};
use hyper_util::rt::TokioIo;
use tokio_stream::Stream;
use tonic::transport::server::TcpConnectInfo;
use tonic::transport::{Channel, Endpoint, Uri};
use turmoil::net::{TcpListener, TcpStream};

pub(crate) struct Turmoil;

impl Network for Turmoil {
    /// There is nobody else in it.
    fn is_private(&self, _: &str) -> bool {
        true
    }

    fn listen(&self, address: SocketAddr) -> io::Result<(Incoming, SocketAddr)> {
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(listener) = pin!(TcpListener::bind(address)).poll(&mut context) else {
            return Err(io::Error::other("binding waits for nothing"));
        };
        let listener = Arc::new(listener?);
        let bound = listener.local_addr()?;
        Ok((Box::pin(Accepting { next: accept(listener.clone()), listener }), bound))
    }

    fn dial(&self, endpoint: Endpoint) -> Later<'static, Result<Channel, tonic::transport::Error>> {
        let connector = tower::service_fn(|uri: Uri| async move {
            let port = uri.port_u16().unwrap_or(80);
            Ok::<_, io::Error>(TokioIo::new(TcpStream::connect((uri.host().unwrap_or_default(), port)).await?))
        });
        Box::pin(async move { endpoint.connect_with_connector(connector).await })
    }
}

type Accepted = Later<'static, io::Result<(TcpStream, SocketAddr)>>;

struct Accepting {
    listener: Arc<TcpListener>,
    next: Accepted,
}

fn accept(listener: Arc<TcpListener>) -> Accepted {
    Box::pin(async move { listener.accept().await })
}

impl Stream for Accepting {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Poll::Ready(accepted) = self.next.as_mut().poll(context) else { return Poll::Pending };
        self.next = accept(self.listener.clone());
        let connection = |(stream, remote): (TcpStream, SocketAddr)| {
            let info = TcpConnectInfo { local_addr: stream.local_addr().ok(), remote_addr: Some(remote) };
            Connection::new(stream, info)
        };
        Poll::Ready(Some(accepted.map(connection)))
    }
}
