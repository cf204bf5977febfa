//! Footers that lie: each number, text and list of five of them, in all ways of [`lies`], and their lengths.

use std::path::Path;

use crate::case::{Case, Cases, Expect, Input};
use crate::forge::{footer, with_footer};
use crate::lies;
use crate::seeds::all;
use crate::thrift::Value;

const NAMES: [&str; 5] =
    ["pyarrow-snappy-dictionary", "arrow-zstd-v2", "duckdb-brotli-v2", "polars-lz4", "fastparquet-gzip"];
/// Said of the footer's length; its own is among them.
const LENGTHS: [u32; 8] = [0, 1, 7, 8, i32::MAX as u32, u32::MAX, u32::MAX - 8, 1 << 28];

struct Footers {
    /// Name, bytes before the footer, the footer.
    files: Vec<(String, Vec<u8>, Value)>,
    /// File, path and lie: the lie is made when it is its turn.
    lies: Vec<(usize, Vec<usize>, usize)>,
}

pub(crate) fn cases(_: &Path) -> Box<dyn Cases> {
    let mut seeds = all();
    seeds.retain(|seed| NAMES.contains(&seed.name.as_str()));
    assert_eq!(seeds.len(), NAMES.len());
    let mut footers = Footers { files: Vec::new(), lies: Vec::new() };
    for (file, seed) in seeds.into_iter().enumerate() {
        let range = footer(&seed.bytes);
        let (mut value, length) = Value::read(&seed.bytes[range.clone()]);
        assert_eq!(length, range.len(), "{}", seed.name);
        for path in value.paths() {
            let ways = lies::instead_of(value.at(&path)).len();
            footers.lies.extend((0..ways).map(|way| (file, path.clone(), way)));
        }
        footers.files.push((seed.name, seed.bytes[..range.start].to_vec(), value));
    }
    Box::new(footers)
}

impl Cases for Footers {
    fn count(&self) -> usize {
        // Each file as it is, and each with lengths of its footer.
        self.lies.len() + self.files.len() * (1 + LENGTHS.len())
    }

    fn case(&self, at: usize, _: &Path) -> Case {
        if let Some((file, path, way)) = self.lies.get(at) {
            let (name, data, footer) = &self.files[*file];
            let mut footer = footer.clone();
            let lie = lies::instead_of(footer.at(path)).swap_remove(*way);
            *footer.at(path) = lie;
            let input = Input::Bytes(with_footer(data, &footer));
            return Case { what: format!("{name} with lie {way} at {path:?}"), input, expect: Expect::Any };
        }
        let rest = at - self.lies.len();
        let (name, data, footer) = &self.files[rest % self.files.len()];
        let mut bytes = with_footer(data, footer);
        let Some(length) = (rest / self.files.len()).checked_sub(1).map(|length| LENGTHS[length]) else {
            return Case { what: format!("{name} written again"), input: Input::Bytes(bytes), expect: Expect::Right };
        };
        let tail = bytes.len() - 8;
        bytes[tail..tail + 4].copy_from_slice(&length.to_le_bytes());
        let what = format!("{name} with a footer of {length} bytes");
        Case { what, input: Input::Bytes(bytes), expect: Expect::Codes(&["corrupt_footer"]) }
    }
}
