//! Real processes on loopback. The oracle is byte-equality of the model file.
//!
//! `same_bits` is the main promise; `frames` follows shards from process to process, to their removal; `faults` kills processes;
//! `interrupt` presses Ctrl-C; `search` compares searches with each other and with trainings, and `search_faults` kills,
//! leaves and resumes them; `access` and `access_matrix` try the doors, `tls` those with certificates; `rogue` means no good,
//! `secrets` reads the logs; `operations` asks what operators ask; `wire` speaks to the services without the command line.

mod access;
mod access_matrix;
mod access_wire;
mod faults;
mod frames;
mod interrupt;
mod operations;
mod rogue;
mod same_bits;
mod search;
mod search_faults;
mod secrets;
mod tls;
mod wire;

use std::ffi::OsString;
use std::path::Path;

use aquifer_harness::{Aquifer, data};

/// The binary with a data folder of its own.
fn aquifer() -> Aquifer {
    Aquifer::new(env!("CARGO_BIN_EXE_aquifer"))
}

/// `train` on Adult with a small network: about a second of work.
fn train_adult(settings: &[&str], options: &[OsString], out: &Path) -> Vec<OsString> {
    let source = data("adult/train.parquet");
    let mut arguments: Vec<OsString> = vec!["train".into(), source.into(), "--target".into(), "income".into()];
    for setting in ["hidden=[16]", "epochs=0.5"].iter().chain(settings) {
        arguments.extend(["--set".into(), setting.into()]);
    }
    arguments.extend(["--out".into(), out.into(), "--output".into(), "json".into()]);
    arguments.extend(options.iter().cloned());
    arguments
}

/// Settings of a training that no test waits to see the end of.
const ENDLESS: [&str; 2] = ["ranks=8", "epochs=1000000"];

fn options(texts: &[&str]) -> Vec<OsString> {
    texts.iter().map(OsString::from).collect()
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names in a folder; none if it is not there.
fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.collect()
}
