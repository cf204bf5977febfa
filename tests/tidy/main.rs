//! The rules of the house that a compiler does not check: who may know whom, what decides bits, where `unsafe` may stand.
//!
//! Each rule is a function from sources to complaints; beside it stand small bad sources that it must complain of.

mod bans;
mod documents;
mod faults;
mod form;
mod layers;
mod purity;
mod source;
mod supply;
mod unsafety;

use std::path::Path;

use source::Source;

/// Folders with Rust that is ours.
const FOLDERS: [&str; 6] = ["src", "shared", "worker", "coordinator", "tests", "benches"];

/// All Rust files, in the order of their paths.
fn sources() -> Vec<Source> {
    let root = aquifer_harness::repository();
    let mut paths = Vec::new();
    FOLDERS.iter().for_each(|folder| files_under(&root.join(folder), "rs", &mut paths));
    assert!(paths.len() > 100, "only {} Rust files were found", paths.len());
    paths.iter().map(|path| Source::read(&root, path)).collect()
}

fn files_under(folder: &Path, extension: &str, found: &mut Vec<std::path::PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() && name != "target" && name != ".git" {
            files_under(&path, extension, found);
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
}

/// Panics with all complaints, one a line.
#[track_caller]
fn no_complaints(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
