//! Files cut at every length: without the rest, and with the rest but for what was to follow up to the footer.

use std::path::Path;

use crate::case::{Case, Cases, Expect, Input};
use crate::forge::footer;
use crate::seeds::{Seed, all};

/// Between 4 and 8 KiB, each of another writer.
const NAMES: [&str; 3] = ["pyarrow-snappy-dictionary", "polars-zstd", "arrow-none-v2"];

struct Truncated(Vec<Seed>);

pub(crate) fn cases(_: &Path) -> Box<dyn Cases> {
    let mut seeds = all();
    seeds.retain(|seed| NAMES.contains(&seed.name.as_str()));
    assert_eq!(seeds.len(), NAMES.len());
    assert!(seeds.iter().all(|seed| (4 << 10..=8 << 10).contains(&seed.bytes.len())), "files of 4 to 8 KiB");
    Box::new(Truncated(seeds))
}

impl Cases for Truncated {
    fn count(&self) -> usize {
        self.0.iter().map(|seed| 2 * seed.bytes.len()).sum()
    }

    fn case(&self, at: usize, _: &Path) -> Case {
        let mut at = at;
        let mut seeds = self.0.iter();
        let seed = loop {
            let seed = seeds.next().expect("a seed for each case");
            match at.checked_sub(2 * seed.bytes.len()) {
                Some(rest) => at = rest,
                None => break seed,
            }
        };
        let (bytes, length) = (&seed.bytes, at / 2);
        let what = format!("{} cut at {length}", seed.name);
        if at.is_multiple_of(2) {
            let expect = Expect::Codes(&["not_parquet", "truncated", "corrupt_footer"]);
            return Case { what, input: Input::Bytes(bytes[..length].to_vec()), expect };
        }
        // A footer that is whole, and speaks of pages that are not there, or elsewhere.
        let footer = footer(bytes).start;
        let input = Input::Bytes([&bytes[..length.min(footer)], &bytes[length.max(footer)..]].concat());
        Case { what: format!("{what}, with its footer"), input, expect: Expect::Any }
    }
}
