//! Loops over numbers: what the processor does, and nothing about what it is for.
//!
//! Each has a contract on the order of its operations, so [`Isa`]s differ in speed alone.

mod gather;
mod isa;
mod peak;
mod product;
mod transpose;

pub(crate) use gather::{DROPPED, Table, add_rows, add_to_rows};
pub use isa::Isa;
pub(crate) use isa::Loop;
pub use peak::{Peak, peak};
pub(crate) use product::{Left, Right, Shape, Use, product};
pub(crate) use transpose::transpose;
