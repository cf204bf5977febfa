//! The files of tests/data/awkward as they are: what is taken, and what is refused by which error.

use std::path::{Path, PathBuf};

use crate::case::{Case, Cases, Expect, Input};

/// Files and folders, and what README.md there promises.
const EXPECTED: [(&str, Expect); 21] = [
    ("integers.parquet", Expect::Right),
    ("floats.parquet", Expect::Right),
    ("decimals-integer.parquet", Expect::Right),
    ("decimals-fixed.parquet", Expect::Right),
    ("times.parquet", Expect::Right),
    ("int96.parquet", Expect::Right),
    ("texts.parquet", Expect::Right),
    ("binary-not-utf8.parquet", Expect::Codes(&["not_text"])),
    ("nested.parquet", Expect::Right),
    ("nothing.parquet", Expect::Right),
    ("names.parquet", Expect::Right),
    ("names-duplicate.parquet", Expect::Codes(&["duplicate_column"])),
    ("names-not-utf8.parquet", Expect::Codes(&["corrupt_footer"])),
    ("text-numbers.parquet", Expect::Right),
    ("text-dates.parquet", Expect::Right),
    ("hive", Expect::Right),
    ("parts", Expect::Right),
    ("absent", Expect::Codes(&["missing_columns"])),
    ("clash", Expect::Codes(&["schema_mismatch"])),
    ("parts/0-empty.parquet", Expect::Codes(&["no_rows"])),
    ("parts/_temporary.parquet", Expect::Codes(&["not_parquet"])),
];

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/awkward")
}

struct Awkward;

pub(crate) fn cases(_: &Path) -> Box<dyn Cases> {
    Box::new(Awkward)
}

impl Cases for Awkward {
    fn count(&self) -> usize {
        EXPECTED.len()
    }

    fn case(&self, at: usize, _: &Path) -> Case {
        let (name, expect) = EXPECTED[at];
        Case { what: name.into(), input: Input::Files(vec![folder().join(name)]), expect }
    }
}
