//! Files in pieces, read no faster than they are taken.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::{CHUNK_BYTES, blocking};

/// A sender that has a piece sends it within this time.
const PIECE_WAIT_MAX: Duration = Duration::from_secs(60);
/// Pieces that wait for a slow receiver.
const PIECES_BUFFERED: usize = 2;

/// The next piece that a caller sends, or none after the last; a caller that falls silent is not waited for.
pub async fn next_piece<T>(pieces: &mut Streaming<T>) -> Result<Option<T>, Status> {
    let silent = |_| Status::deadline_exceeded(format!("nothing was sent for {} s", PIECE_WAIT_MAX.as_secs()));
    tokio::time::timeout(PIECE_WAIT_MAX, pieces.message()).await.map_err(silent)?
}

/// The bytes of a file, in order; a failure to read ends the stream with its status.
pub async fn file_chunks(path: &Path) -> std::io::Result<ReceiverStream<Result<Vec<u8>, Status>>> {
    let path = path.to_owned();
    let mut file = blocking(move || File::open(path)).await.unwrap_or_else(|| Err(ending()))?;
    let (sender, receiver) = tokio::sync::mpsc::channel(PIECES_BUFFERED);
    tokio::spawn(async move {
        loop {
            let read = blocking(move || {
                let mut piece = Vec::with_capacity(CHUNK_BYTES);
                (&file).take(CHUNK_BYTES as u64).read_to_end(&mut piece).map(|_| (file, piece))
            });
            let item = match read.await.unwrap_or_else(|| Err(ending())) {
                Ok((_, piece)) if piece.is_empty() => return,
                Ok((same, piece)) => {
                    file = same;
                    Ok(piece)
                }
                Err(error) => {
                    let _ = sender.send(Err(Status::internal(error.to_string()))).await;
                    return;
                }
            };
            if sender.send(item).await.is_err() {
                return;
            }
        }
    });
    Ok(ReceiverStream::new(receiver))
}

fn ending() -> std::io::Error {
    std::io::Error::other("the process is ending")
}
