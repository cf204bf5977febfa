//! Who may know whom: the crates of each manifest and of each `use`.

use crate::source::{Source, has_word};
use crate::{no_complaints, sources};

/// A crate: its folder, the crates of ours that it may know, and outside ones that it must not.
struct Layer {
    folder: &'static str,
    knows: &'static [&'static str],
    never: &'static [&'static str],
}

/// No asynchronous code and no network where bits are decided.
const NO_NETWORK: &[&str] = &["tokio", "tokio-stream", "tonic", "prost", "rusqlite", "getrandom", "rand", "tracing"];

const LAYERS: [Layer; 7] = [
    Layer { folder: "shared/fault", knows: &[], never: NO_NETWORK },
    Layer { folder: "shared/frame", knows: &["aquifer-fault"], never: NO_NETWORK },
    Layer { folder: "shared/model", knows: &["aquifer-frame"], never: NO_NETWORK },
    Layer { folder: "shared/learn", knows: &["aquifer-frame", "aquifer-model"], never: NO_NETWORK },
    Layer { folder: "shared/proto", knows: &["aquifer-frame", "aquifer-model"], never: &[] },
    Layer {
        folder: "coordinator",
        knows: &["aquifer-fault", "aquifer-frame", "aquifer-model", "aquifer-proto"],
        never: &["aquifer-learn", "aquifer-worker"],
    },
    Layer {
        folder: "worker",
        knows: &["aquifer-fault", "aquifer-frame", "aquifer-model", "aquifer-learn", "aquifer-proto"],
        never: &["aquifer-coordinator"],
    },
];

/// Every crate of ours.
const OURS: [&str; 8] = [
    "aquifer-fault",
    "aquifer-frame",
    "aquifer-model",
    "aquifer-learn",
    "aquifer-proto",
    "aquifer-worker",
    "aquifer-coordinator",
    "aquifer-harness",
];

impl Layer {
    fn forbids(&self, dependency: &str) -> bool {
        let ours = OURS.contains(&dependency) && !self.knows.contains(&dependency);
        ours || self.never.contains(&dependency)
    }

    /// Tests may know the harness and a runtime; the product may not.
    fn check_manifest(&self, text: &str) -> Vec<String> {
        let manifest: toml::Table = text.parse().expect("a manifest");
        let tables = ["dependencies", "build-dependencies"].iter().filter_map(|key| manifest.get(*key)?.as_table());
        let forbidden = tables.flat_map(|table| table.keys()).filter(|name| self.forbids(name));
        forbidden.map(|name| format!("{}/Cargo.toml: must not know {name}", self.folder)).collect()
    }

    fn check_source(&self, source: &Source) -> Vec<String> {
        let forbidden = OURS.iter().chain(self.never).filter(|name| self.forbids(name));
        let paths: Vec<String> = forbidden.map(|name| format!("{}::", name.replace('-', "_"))).collect();
        source.complain(|line| {
            let found = paths.iter().find(|path| begins_word(line, path))?;
            Some(format!("must not know {}", found.trim_end_matches(':')))
        })
    }
}

/// True if a path of `line` begins with `path`.
fn begins_word(line: &str, path: &str) -> bool {
    has_word(line, path.trim_end_matches(':')) && line.contains(path)
}

#[test]
fn manifests_know_only_what_lies_below() {
    let root = aquifer_harness::repository();
    let manifest = |layer: &Layer| {
        let path = root.join(layer.folder).join("Cargo.toml");
        layer.check_manifest(&std::fs::read_to_string(path).expect("a manifest"))
    };
    no_complaints(LAYERS.iter().flat_map(manifest).collect());
}

#[test]
fn sources_know_only_what_lies_below() {
    let sources = sources();
    let check = |layer: &Layer| -> Vec<String> {
        let own = sources.iter().filter(|source| source.is_under(layer.folder));
        own.flat_map(|source| layer.check_source(source)).collect()
    };
    no_complaints(LAYERS.iter().flat_map(check).collect());
}

/// What generated code is called stays at the edge: cores and crates below speak of our own types.
#[test]
fn wire_types_stop_at_the_services() {
    let wire = |source: &Source| source.complain(|line| has_word(line, "v1").then(|| "wire types in a core".into()));
    let cores = sources();
    let cores = cores.iter().filter(|source| crate::purity::CORES.iter().any(|core| source.is_under(core)));
    no_complaints(cores.flat_map(wire).collect());
}

mod tests {
    use super::*;

    fn layer(folder: &str) -> &'static Layer {
        LAYERS.iter().find(|layer| layer.folder == folder).expect("a layer")
    }

    #[test]
    fn a_manifest_that_knows_too_much_is_found() {
        let check = |folder, name: &str| {
            layer(folder).check_manifest(&format!("[dependencies]\n{name}.workspace = true")).len()
        };
        assert_eq!(check("shared/frame", "aquifer-model"), 1);
        assert_eq!(check("shared/frame", "tokio"), 1);
        assert_eq!(check("shared/learn", "tonic"), 1);
        assert_eq!(check("coordinator", "aquifer-learn"), 1);
        assert_eq!(check("coordinator", "aquifer-worker"), 1);
        assert_eq!(check("worker", "aquifer-coordinator"), 1);
        assert_eq!(check("shared/proto", "aquifer-learn"), 1);
        assert_eq!(check("worker", "aquifer-learn"), 0);
    }

    #[test]
    fn a_source_that_knows_too_much_is_found() {
        let check = |folder: &str, line: &str| {
            layer(folder).check_source(&Source::new(&format!("{folder}/src/x.rs"), line)).len()
        };
        assert_eq!(check("coordinator", "use aquifer_learn::Trial;"), 1);
        assert_eq!(check("worker", "fn f(x: aquifer_coordinator::Config) {}"), 1);
        assert_eq!(check("shared/model", "use tokio::sync::mpsc;"), 1);
        assert_eq!(check("shared/model", "// use tokio::sync::mpsc;"), 0);
        assert_eq!(check("shared/model", "use aquifer_frame::Frame;"), 0);
        assert_eq!(check("coordinator", "use tokio::sync::mpsc;"), 0);
    }
}
