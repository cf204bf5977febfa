//! How a node takes connections: a limited number, each within a limited time, for as long as the node lives.
//!
//! A connection that says nothing is not kept: TLS, the first bytes of HTTP/2, and then a request with a token that is good
//! for something must come in time. From then on the keep-alive of HTTP/2 looks after it; one of HTTP/1 ends soon. Where all
//! places are taken, those who have shown no token go first. A caller who takes nothing of what is said to it is left, whoever
//! it is: HTTP/2 first says what it has to say, and neither listens nor asks whether anybody is there until it has.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::futures::OwnedNotified;
use tokio::sync::mpsc::Sender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tracing::{debug, warn};

use crate::strangers::{Standing, Strangers};
use crate::transport::{KEEP_ALIVE_INTERVAL, KEEP_ALIVE_TIMEOUT};
use crate::{Connection, Incoming, Tls};

/// A coordinator has one for each of its workers and clients, a worker one for each peer and cohort.
const CONNECTIONS_MAX: usize = 1024;
/// For TLS, again for the first bytes of HTTP/2, and again for the first token.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// What every client of HTTP/2 says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A connection of HTTP/1, over which operators ask; it is opened again for the next question.
const HTTP1_MAX: Duration = Duration::from_secs(10);
/// A caller who takes nothing for this long is gone: as long as the keep-alive gives one who does not answer.
const TAKES_NOTHING_MAX: Duration = KEEP_ALIVE_INTERVAL.saturating_add(KEEP_ALIVE_TIMEOUT);
/// When the system has no descriptor left it is asked again after this long: what ends meanwhile gives one back.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Connections that wait for the server to take them.
const READY_MAX: usize = 64;

/// Who is at the other end of a connection; an extension of each of its requests.
#[derive(Clone, Debug)]
pub struct Caller {
    /// It has shown a certificate of this cluster's authority.
    pub certified: bool,
    /// It has shown a token.
    pub(crate) standing: Arc<Standing>,
}

/// All connections that are made to a node and may stay, for as long as the stream is kept. What goes wrong with one ends
/// neither the stream nor the others.
pub fn admit(incoming: Incoming, tls: Option<Tls>) -> ReceiverStream<io::Result<Admitted>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(READY_MAX);
    tokio::spawn(async move {
        tokio::select! {
            biased; // simulations repeat
            () = admit_all(incoming, tls, &sender) => {}
            () = sender.closed() => {}
        }
    });
    ReceiverStream::new(receiver)
}

async fn admit_all(mut incoming: Incoming, tls: Option<Tls>, ready: &Sender<io::Result<Admitted>>) {
    let (places, strangers) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), Strangers::default());
    while let Some(made) = incoming.next().await {
        let stream = match made {
            Ok(stream) => stream,
            Err(error) => {
                warn!(%error, "a connection cannot be accepted");
                strangers.send_oldest_away(); // it gives a descriptor back
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let Some(place) = place(&places, &strangers).await else {
            debug!(limit = CONNECTIONS_MAX, "a connection more than the limit was closed");
            continue;
        };
        let standing = strangers.enter(CONNECTIONS_MAX);
        let (tls, ready) = (tls.clone(), ready.clone());
        tokio::spawn(async move {
            let secured = tokio::select! {
                biased;
                secured = secured(stream, tls.as_ref()) => secured,
                () = standing.sent_away() => Err(io::ErrorKind::ConnectionAborted.into()),
            };
            match secured {
                Ok((stream, certified)) => {
                    let caller = Caller { certified, standing };
                    drop(ready.send(Ok(Admitted::new(stream, caller, place))).await);
                }
                Err(error) => debug!(%error, "a connection was refused"),
            }
        });
    }
}

/// A place for one more; where all are taken that of the stranger who has been there longest, who leaves at once.
async fn place(places: &Arc<Semaphore>, strangers: &Strangers) -> Option<OwnedSemaphorePermit> {
    if let Ok(free) = places.clone().try_acquire_owned() {
        return Some(free);
    }
    strangers.send_oldest_away().then_some(())?;
    tokio::time::timeout(HANDSHAKE_MAX, places.clone().acquire_owned()).await.ok()?.ok()
}

/// The connection, behind TLS if there is any, and whether a certificate was shown.
async fn secured(stream: Connection, tls: Option<&Tls>) -> io::Result<(Box<dyn Stream>, bool)> {
    let Some(tls) = tls else { return Ok((Box::new(stream), false)) };
    let acceptor = tls.acceptor().map_err(io::Error::other)?;
    let stream = tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await;
    let stream = stream.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let certified = stream.get_ref().1.peer_certificates().is_some_and(|chain| !chain.is_empty());
    Ok((Box::new(stream), certified))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An admitted connection. It gives its place back when it is dropped.
pub struct Admitted {
    stream: Box<dyn Stream>,
    caller: Caller,
    limit: Option<Limit>,
    /// Since when, and while, the caller takes nothing: when that is too long.
    stuck: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

/// When the connection ends, unless it turns out to speak HTTP/2 and to have a token.
struct Limit {
    at: Pin<Box<Sleep>>,
    sent_away: Pin<Box<OwnedNotified>>,
    first: Vec<u8>,
}

impl Admitted {
    fn new(stream: Box<dyn Stream>, caller: Caller, place: OwnedSemaphorePermit) -> Self {
        let at = Box::pin(tokio::time::sleep(HANDSHAKE_MAX));
        let sent_away = Box::pin(caller.standing.sent_away());
        let limit = Limit { at, sent_away, first: Vec::with_capacity(PREFACE.len()) };
        Self { stream, caller, limit: Some(limit), stuck: None, _place: place }
    }

    /// Looks at the first bytes, as they come.
    fn look(&mut self, read: &[u8]) {
        let Some(limit) = &mut self.limit else { return };
        let missing = PREFACE.len() - limit.first.len();
        if missing == 0 || read.is_empty() {
            return;
        }
        limit.first.extend(&read[..read.len().min(missing)]);
        if !PREFACE.starts_with(&limit.first) {
            limit.at.as_mut().reset(Instant::now() + HTTP1_MAX);
            // Nothing more of it is compared.
            limit.first.resize(PREFACE.len(), 0);
        } else if limit.first.len() == PREFACE.len() {
            limit.at.as_mut().reset(Instant::now() + HANDSHAKE_MAX);
        }
    }

    /// Ready when the connection is to end.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(limit) = &mut self.limit else { return Poll::Pending };
        if self.caller.standing.is_known() && limit.first == PREFACE {
            self.limit = None;
            return Poll::Pending;
        }
        if limit.sent_away.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        poll_over(&mut limit.at, cx)
    }

    /// What came of saying something, unless that waits and the connection is to end.
    fn said<T>(&mut self, cx: &mut Context<'_>, said: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if said.is_ready() {
            self.stuck = None;
            return said;
        }
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(TAKES_NOTHING_MAX)));
        if poll_over(stuck, cx).is_pending() {
            ready!(self.poll_end(cx));
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Ready once it is that late. A timer alone does not say so to a task that has had its turn, as one has that never waits.
fn poll_over(at: &mut Pin<Box<Sleep>>, cx: &mut Context<'_>) -> Poll<()> {
    if at.deadline() <= Instant::now() {
        return Poll::Ready(());
    }
    at.as_mut().poll(cx)
}

impl Connected for Admitted {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl AsyncRead for Admitted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // First of all: there may always be something to read.
        if self.poll_end(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.look(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Admitted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(cx, data);
        self.said(cx, said)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_flush(cx);
        self.said(cx, said)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.said(cx, said)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write_vectored(cx, data);
        self.said(cx, said)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    /// Of a caller who has said what clients say first, and takes nothing: a few bytes are on their way to it.
    async fn deaf() -> (Admitted, DuplexStream) {
        let (mut caller, stream) = tokio::io::duplex(64);
        let standing = Strangers::default().enter(1);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let mut admitted = Admitted::new(Box::new(stream), Caller { certified: false, standing }, place);
        caller.write_all(PREFACE).await.unwrap();
        admitted.read_exact(&mut [0; PREFACE.len()]).await.unwrap();
        admitted.write_all(&[0; 64]).await.unwrap();
        (admitted, caller)
    }

    fn now() -> Pin<Box<Sleep>> {
        Box::pin(tokio::time::sleep(Duration::ZERO))
    }

    async fn writes(admitted: &mut Admitted) -> Poll<io::ErrorKind> {
        std::future::poll_fn(|cx| {
            Poll::Ready(Pin::new(&mut *admitted).poll_write(cx, b"x").map(|written| written.unwrap_err().kind()))
        })
        .await
    }

    #[tokio::test]
    async fn who_is_sent_away_or_late_goes_while_something_is_said_to_it() {
        let (mut admitted, _caller) = deaf().await;
        assert!(writes(&mut admitted).await.is_pending());
        admitted.limit.as_mut().unwrap().at = now();
        assert_eq!(writes(&mut admitted).await, Poll::Ready(io::ErrorKind::TimedOut));

        let (mut admitted, _caller) = deaf().await;
        let strangers = Strangers::default();
        let standing = strangers.enter(1);
        admitted.limit.as_mut().unwrap().sent_away = Box::pin(standing.sent_away());
        assert!(writes(&mut admitted).await.is_pending());
        strangers.send_oldest_away();
        assert_eq!(writes(&mut admitted).await, Poll::Ready(io::ErrorKind::TimedOut));
    }

    #[tokio::test]
    async fn who_is_known_and_takes_nothing_goes_later() {
        let (mut admitted, mut caller) = deaf().await;
        admitted.caller.standing.know();
        admitted.limit.as_mut().unwrap().at = now();
        assert!(writes(&mut admitted).await.is_pending());
        // What is taken in time counts.
        caller.read_exact(&mut [0; 64]).await.unwrap();
        admitted.write_all(&[0; 64]).await.unwrap();
        assert!(admitted.stuck.is_none());
        assert!(writes(&mut admitted).await.is_pending());
        admitted.stuck = Some(now());
        assert_eq!(writes(&mut admitted).await, Poll::Ready(io::ErrorKind::TimedOut));
    }

    #[tokio::test]
    async fn who_always_says_something_goes_as_well() {
        let (mut admitted, mut caller) = deaf().await;
        caller.write_all(&[0; 8]).await.unwrap();
        admitted.limit.as_mut().unwrap().at = now();
        let read = admitted.read(&mut [0; 8]).await;
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
