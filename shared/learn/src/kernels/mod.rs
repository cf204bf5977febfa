//! Loops over numbers: what the processor does, and nothing about what it is for.
//!
//! Each has a contract on the order of its operations, so [`Isa`]s differ in speed alone.

mod gather;
mod peak;
mod product;

pub use aquifer_frame::Isa;
pub(crate) use aquifer_frame::{Loop, transpose};
pub(crate) use gather::{DROPPED, Table, add_rows, add_to_rows};
pub use peak::{Peak, peak};
pub(crate) use product::{End, Left, Product, Right, Shape, Start, product};
