//! Loops that are compiled for what the processor has, and data moved through its registers.
//!
//! Nothing here decides a bit: an [`Isa`] changes speed alone.

mod isa;
mod prefetch;
mod transpose;

pub use isa::{Isa, Loop, Set};
pub(crate) use prefetch::prefetch;
pub(crate) use transpose::scatter_columns;
pub use transpose::transpose;
