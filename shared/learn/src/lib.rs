//! How a network is trained: rounds, algorithms, objectives, optimizers, kernels.
//!
//! A trial is a chain of pure rounds ([`Trial`]); all that decides its bits is exact arithmetic in a written order. No
//! async, network, clock or files: rows come in through [`Rows`], partials and states go out.

mod algo;
mod crew;
mod error;
mod kernels;
mod math;
mod network;
mod objective;
mod optimizer;
mod round;
mod rows;
mod self_test;
mod synthetic;

pub use algo::{Context, Memory, PartRows, Prepared, Trial, Workspace};
pub use crew::{Alone, Crew};
pub use error::{Error, ReadError};
pub use kernels::{Isa, Peak, peak};
pub use network::Network;
pub use round::{RoundKind, TrainRound};
pub use rows::Rows;
pub use self_test::self_test;
