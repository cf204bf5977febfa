//! Files in pieces, read no faster than they are taken.

use std::path::Path;

use tokio::io::AsyncReadExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::CHUNK_BYTES;

/// Pieces that wait for a slow receiver.
const PIECES_BUFFERED: usize = 2;

/// The bytes of a file, in order; a failure to read ends the stream with its status.
pub async fn file_chunks(path: &Path) -> std::io::Result<ReceiverStream<Result<Vec<u8>, Status>>> {
    let mut file = tokio::fs::File::open(path).await?;
    let (sender, receiver) = tokio::sync::mpsc::channel(PIECES_BUFFERED);
    tokio::spawn(async move {
        loop {
            let mut piece = Vec::with_capacity(CHUNK_BYTES);
            let item = match (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut piece).await {
                Ok(0) => return,
                Ok(_) => Ok(piece),
                Err(error) => Err(Status::internal(error.to_string())),
            };
            let last = item.is_err();
            if sender.send(item).await.is_err() || last {
                return;
            }
        }
    });
    Ok(ReceiverStream::new(receiver))
}
