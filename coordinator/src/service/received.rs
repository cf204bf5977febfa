//! A file that a worker sends in pieces: on disk under a temporary name, and in memory, to be read before it is believed.

use aquifer_proto::{RECEIVED_BYTES_MAX, in_place};
use tonic::Status;

use super::status;
use crate::store::Incoming;

pub(super) struct Received {
    pub(super) file: Incoming,
    pub(super) bytes: Vec<u8>,
    /// Of all pieces, those too that are not of the file.
    count: usize,
}

impl Received {
    pub(super) fn new(file: Incoming) -> Self {
        Self { file, bytes: Vec::new(), count: 0 }
    }

    /// The next piece of the file.
    pub(super) fn take(&mut self, data: &[u8]) -> Result<(), Status> {
        self.count(data.len())?;
        in_place(|| self.file.write(data)).map_err(status)?;
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// So many bytes came beside it.
    pub(super) fn count(&mut self, bytes: usize) -> Result<(), Status> {
        self.count = self.count.saturating_add(bytes);
        match self.count > RECEIVED_BYTES_MAX {
            true => {
                Err(Status::resource_exhausted(format!("a file of a worker has at most {RECEIVED_BYTES_MAX} bytes")))
            }
            false => Ok(()),
        }
    }
}
