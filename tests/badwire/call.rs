//! Calls of any method with messages as bytes, and what may come of one: an answer, or a refusal that somebody can read.

use std::time::Duration;

use aquifer_proto::{Callee, Token, connect};
use prost::bytes::{Buf, BufMut};
use tokio_stream::StreamExt;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

/// Whatever ends by itself ends within this time.
const ENDS_MAX: Duration = Duration::from_secs(30);
/// What may go on for good (a watch, a session) or for a minute (an exchange whose trial has not begun) is left after it said
/// nothing for this long.
const SILENCE_MAX: Duration = Duration::from_millis(60);
/// Letters of a status: somebody has to read it.
const MESSAGE_MAX: usize = 4096;
/// Answers that are read of one call.
const ANSWERS_MAX: usize = 64;

/// Messages as they are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; from.remaining()];
        from.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}

/// A connection to a node, with a token that opens all that is called there.
#[derive(Clone)]
pub(crate) struct Node {
    token: Token,
    channel: Channel,
}

/// What came of a call.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) answers: Vec<Vec<u8>>,
    /// How it ended; none if nobody waited for its end.
    pub(crate) end: Option<Result<(), Status>>,
}

impl Node {
    pub(crate) async fn at(url: &str, token: &Token, callee: Callee) -> Self {
        let channel = connect(url, None, callee).await.expect("a node");
        Self { token: token.clone(), channel }
    }

    /// Begins a call: its answers are read by who called.
    pub(crate) async fn begin(
        &self,
        path: &str,
        messages: impl tokio_stream::Stream<Item = Vec<u8>> + Send + 'static,
    ) -> Result<Streaming<Vec<u8>>, Status> {
        let mut client = Grpc::new(self.channel.clone()).max_decoding_message_size(usize::MAX);
        client.ready().await.map_err(|error| Status::from_error(error.into()))?;
        let mut request = Request::new(messages);
        let value = format!("Bearer {}", self.token.secret()).parse().expect("a header");
        request.metadata_mut().insert("authorization", value);
        let path = PathAndQuery::try_from(path).expect("a path");
        Ok(client.streaming(request, path, Raw).await?.into_inner())
    }

    /// Sends all messages, and listens until the end.
    pub(crate) async fn call(&self, path: &str, messages: Vec<Vec<u8>>) -> Heard {
        let ends = ends_by_itself(path);
        let limit = if ends { ENDS_MAX } else { SILENCE_MAX };
        let mut heard = Heard::default();
        let begun = tokio::time::timeout(limit, self.begin(path, tokio_stream::iter(messages))).await;
        let mut answers = match begun {
            Ok(Ok(answers)) => answers,
            Ok(Err(status)) => return Heard { end: Some(Err(status)), ..heard },
            Err(_) => return silent(path, ends, heard),
        };
        while heard.answers.len() < ANSWERS_MAX {
            match tokio::time::timeout(limit, answers.next()).await {
                Ok(Some(Ok(answer))) => heard.answers.push(answer),
                Ok(Some(Err(status))) => return Heard { end: Some(Err(status)), ..heard },
                Ok(None) => return Heard { end: Some(Ok(())), ..heard },
                Err(_) => return silent(path, ends, heard),
            }
        }
        heard
    }
}

fn silent(path: &str, ends: bool, heard: Heard) -> Heard {
    assert!(!ends, "{path} did not end within {} s", ENDS_MAX.as_secs());
    heard
}

fn ends_by_itself(path: &str) -> bool {
    !["/Watch", "/Session", "/Exchange"].iter().any(|method| path.ends_with(method))
}

/// A complaint about how a call ended. What reflection says is a library's: it quotes what was asked, escaped on the wire.
pub(crate) fn complaint(path: &str, heard: &Heard) -> Option<String> {
    let Some(Err(status)) = &heard.end else { return None };
    let (message, letters) = (status.message(), status.message().chars().count());
    if std::error::Error::source(status).is_some() {
        return Some(format!("the connection broke: {status:?}"));
    }
    // One method of health is none of the library's servers, which say so with a code alone.
    let unsaid = message.is_empty() && status.code() != tonic::Code::Unimplemented;
    if unsaid || letters > MESSAGE_MAX {
        return Some(format!("{:?} with a message of {letters} letters", status.code()));
    }
    let control = message.chars().any(char::is_control) && !path.contains("reflection");
    control.then(|| format!("{:?} with control characters: {message:?}", status.code()))
}
