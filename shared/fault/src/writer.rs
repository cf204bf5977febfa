//! A writer whose disk may fail.

use std::io::{self, Write};

#[cfg(debug_assertions)]
use crate::Action;
#[cfg(debug_assertions)]
use crate::armed::{act, write_point};

/// Writes to another writer; each write is an I/O point of this name.
pub struct Writer<W> {
    name: &'static str,
    to: W,
}

impl<W: Write> Writer<W> {
    pub fn new(name: &'static str, to: W) -> Self {
        Self { name, to }
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(debug_assertions)]
        if let Some(action) = write_point(self.name) {
            if matches!(action, Action::Kill | Action::Short) && bytes.len() > 1 {
                let written = self.to.write(&bytes[..bytes.len() / 2])?;
                act(action)?;
                return Ok(written);
            }
            act(action)?;
        }
        #[cfg(not(debug_assertions))]
        let _ = self.name;
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
