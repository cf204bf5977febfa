//! Flipped bytes: 20,000 anywhere in the files of all writers, as many in what is not values, and the files as they are.

use std::path::{Path, PathBuf};

use aquifer_frame::{Error, import_shard};
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::properties::WriterProperties;

use crate::case::{Case, Cases, Expect, Input, planned};
use crate::forge::footer;
use crate::seeds::{Numbers, Seed, all, awkward, table, written};

const FLIPS: usize = 20_000;
/// Where headers and lengths of levels stand.
const HEADER_BYTES: u64 = 60;

struct Flipped {
    seeds: Vec<Seed>,
    /// The first seeds hold the table; what the others hold does not matter.
    tables: usize,
    /// Of each seed, the bytes of page headers and of the footer.
    heads: Vec<Vec<usize>>,
    plain: Vec<u8>,
}

pub(crate) fn cases(_: &Path) -> Box<dyn Cases> {
    let mut seeds = all();
    let tables = seeds.len();
    seeds.extend(awkward());
    let heads = seeds.iter().map(|seed| heads(&seed.bytes)).collect();
    Box::new(Flipped { seeds, tables, heads, plain: written(&table(), WriterProperties::builder().build()) })
}

impl Cases for Flipped {
    fn count(&self) -> usize {
        2 * FLIPS + self.tables
    }

    fn case(&self, at: usize, folder: &Path) -> Case {
        let Some(flip) = at.checked_sub(self.tables) else { return self.untouched(at, folder) };
        let seed = flip % self.seeds.len();
        let mut numbers = Numbers(at as u64);
        numbers.below(1);
        let mut bytes = self.seeds[seed].bytes.clone();
        let place = match flip < FLIPS {
            true => numbers.below(bytes.len()),
            false => self.heads[seed][numbers.below(self.heads[seed].len())],
        };
        // Half of them in one bit, the others in any.
        let change = if numbers.below(2) == 0 { 1 << numbers.below(8) } else { 1 + numbers.below(255) as u8 };
        bytes[place] ^= change;
        let what = format!("{} with {change:#04x} flipped at {place}", self.seeds[seed].name);
        Case { what, input: Input::Bytes(bytes), expect: Expect::Any }
    }
}

impl Flipped {
    /// A shard is a function of its values: that of each writer's file must be that of any other.
    fn untouched(&self, at: usize, folder: &Path) -> Case {
        let hash = |bytes: &[u8]| -> Result<String, Error> {
            let path: PathBuf = folder.join("whole.parquet");
            std::fs::write(&path, bytes).expect("a file");
            let record = import_shard(&planned(&[path])?, 0, folder)?;
            std::fs::remove_file(folder.join(record.file_name())).expect("a shard");
            Ok(record.hash)
        };
        let seed = &self.seeds[at];
        let result = hash(&seed.bytes).and_then(|found| {
            assert_eq!(found, hash(&self.plain)?, "{} holds other values", seed.name);
            Ok(())
        });
        Case { what: format!("{} as it is", seed.name), input: Input::Done(result), expect: Expect::Right }
    }
}

fn heads(bytes: &[u8]) -> Vec<usize> {
    let footer = footer(bytes);
    let mut places: Vec<usize> = (footer.start..bytes.len()).collect();
    // One is not text where it should be, as it is.
    let Ok(metadata) = ParquetMetaDataReader::decode_metadata(&bytes[footer]) else { return places };
    for chunk in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let (start, length) = chunk.byte_range();
        places.extend(start as usize..(start + length.min(HEADER_BYTES)) as usize);
    }
    places
}
