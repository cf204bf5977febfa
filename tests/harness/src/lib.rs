//! What the suites share: real processes with a time limit, real clusters that end with their test, polls with a limit,
//! chance that follows a seed, and files of golden values.
//!
//! Nothing here knows what is tested. A test never sleeps to wait for something: [`until`] asks again and again, and
//! fails by its limit with what was waited for.

mod aquifer;
mod cluster;
mod dice;
mod golden;
mod poll;
mod process;

pub use aquifer::{Aquifer, inside};
pub use cluster::{Cluster, ClusterBuilder};
pub use dice::Dice;
pub use golden::{Golden, is_update};
pub use poll::{LIMIT, until};
pub use process::{Finished, Group, Running, Signal, is_stopped, lives};

use std::path::PathBuf;

/// The root of the repository.
pub fn repository() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the repository's root")
}

/// A file of the committed test data, such as `adult/train.parquet`.
pub fn data(path: &str) -> PathBuf {
    repository().join("tests/data").join(path)
}
