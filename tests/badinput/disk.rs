//! A disk that is full after any byte of an import: a typed error, and nothing is left behind.
//!
//! A limit on the size of files stands for the disk: a write ends at that byte, and the next fails. Its error is EFBIG,
//! whose code is `io_error`; that ENOSPC is `disk_full` is tested beside the code.

use std::path::Path;
use std::sync::Arc;

use aquifer_frame::{Error, Plan, import_shard};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::file::properties::WriterProperties;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::case::{Case, Cases, Expect, Input, planned};
use crate::seeds::written;

/// A shard of some hundred KiB, in more than one write.
const ROWS: i64 = 60_000;
const STEP: u64 = 4096;
/// Bytes around those that are special to some disk: none, one, a block, a write.
const ODD: [u64; 10] = [0, 1, 2, 7, 63, 65, 511, 1021, 65_537, (1 << 20) + 1];

struct Disk {
    plan: Plan,
    /// Bytes of the shard.
    bytes: u64,
}

pub(crate) fn prepare(folder: &Path) {
    let number = |i: i64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15u64 as i64);
    let columns: [(&str, ArrayRef); 3] = [
        ("a", Arc::new(Int64Array::from_iter_values((0..ROWS).map(number)))),
        ("b", Arc::new(Int64Array::from_iter_values((0..ROWS).map(|i| number(i + ROWS))))),
        ("c", Arc::new(StringArray::from_iter_values((0..ROWS).map(|i| format!("text {}", i % 5000))))),
    ];
    let table = RecordBatch::try_from_iter(columns).expect("a table");
    std::fs::write(folder.join("data.parquet"), written(&table, WriterProperties::builder().build())).expect("a file");
}

pub(crate) fn cases(folder: &Path) -> Box<dyn Cases> {
    let plan = planned(&[folder.join("data.parquet")]).expect("a file");
    assert_eq!(plan.shards.len(), 1);
    let scratch = tempfile::tempdir().expect("a folder");
    let bytes = import_shard(&plan, 0, scratch.path()).expect("a shard").bytes;
    assert!(bytes > 1 << 20, "a shard of {bytes} bytes is one write");
    Box::new(Disk { plan, bytes })
}

impl Cases for Disk {
    fn count(&self) -> usize {
        // The last two: one byte short, and enough.
        (self.bytes / STEP) as usize + ODD.len() + 2
    }

    fn case(&self, at: usize, folder: &Path) -> Case {
        let steps = (self.bytes / STEP) as usize;
        let limit = match at {
            _ if at < steps => at as u64 * STEP,
            _ if at < steps + ODD.len() => ODD[at - steps],
            _ => self.bytes - 1 + (at - steps - ODD.len()) as u64,
        };
        let into = folder.join("shards");
        std::fs::create_dir_all(&into).expect("a folder");
        let result = with_limit(limit, || import_shard(&self.plan, 0, &into));
        let left: Vec<_> =
            std::fs::read_dir(&into).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
        let (expect, kept) = if limit < self.bytes { (Expect::Codes(&["io_error"]), 0) } else { (Expect::Right, 1) };
        assert_eq!(left.len(), kept, "{left:?} with room for {limit} bytes");
        std::fs::remove_dir_all(&into).expect("the folder");
        let what = format!("room for {limit} of {} bytes", self.bytes);
        Case { what, input: Input::Done(result.map(drop)), expect }
    }
}

fn with_limit<T>(bytes: u64, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let limit = |current| setrlimit(Resource::Fsize, Rlimit { current, maximum: None }).expect("a limit on files");
    limit(Some(bytes));
    let result = work();
    limit(None);
    result
}
