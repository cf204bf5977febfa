//! Trained models keep their bits: the hash of each model's tensors stands in `hashes.toml` beside its command.

use aquifer_harness::{Aquifer, Golden};
use aquifer_model::{Model, tensor_hash};

/// One entry of the file.
struct Entry {
    name: String,
    command: String,
    tensors: String,
}

fn entries(text: &str) -> Vec<Entry> {
    let table: toml::Table = text.parse().expect("hashes.toml");
    let models = table["model"].as_array().expect("a list of models");
    let field = |model: &toml::Value, key: &str| model[key].as_str().expect("a text").to_owned();
    let entry = |model| Entry {
        name: field(model, "name"),
        command: field(model, "command"),
        tensors: field(model, "tensors"),
    };
    models.iter().map(entry).collect()
}

/// Runs the command of an entry with some options more, and hashes the tensors of its model.
fn tensors(entry: &Entry, more: &[&str]) -> String {
    tensors_with(entry, more, None)
}

/// The same with other instructions than the fastest.
fn tensors_with(entry: &Entry, more: &[&str], instructions: Option<&str>) -> String {
    let aquifer = Aquifer::new(env!("CARGO_BIN_EXE_aquifer"));
    let out = aquifer.file("model.safetensors");
    // No argument has a blank in it, and quotes are TOML's own.
    let mut words = entry.command.split(' ').chain(more.iter().copied());
    assert_eq!(words.next(), Some("aquifer"), "{}", entry.name);
    let mut command =
        aquifer.command(words.map(std::ffi::OsString::from).chain(["--out".into(), out.clone().into_os_string()]));
    command.envs(instructions.map(|set| ("AQUIFER_INSTRUCTIONS", set)));
    aquifer_harness::Running::start(command).finish().ok();
    tensor_hash(&Model::from_bytes(&std::fs::read(out).expect("a model file")).expect("a model"))
}

#[test]
fn trained_models_keep_their_bits() {
    let golden = Golden::new("tests/golden/hashes.toml");
    let mut text = golden.read();
    let entries = entries(&text);
    let mut from = 0;
    for entry in &entries {
        let made = tensors(entry, &[]);
        // Entries keep their order, so each hash is the next one in the text.
        let line = format!("tensors = \"{}\"", entry.tensors);
        let at = from + text[from..].find(&line).expect("the entry's hash");
        text.replace_range(at..at + line.len(), &format!("tensors = \"{made}\""));
        from = at + "tensors = ".len();
    }
    golden.check(&text);
}

/// The same hashes by two worker processes: a golden hash is of no one machine's layout.
#[test]
fn worker_processes_make_the_golden_bits() {
    if aquifer_harness::is_update() {
        return; // the file is being written
    }
    for entry in entries(&Golden::new("tests/golden/hashes.toml").read()) {
        assert_eq!(tensors(&entry, &["--workers", "2"]), entry.tensors, "{}", entry.name);
    }
}

/// Every instruction set that this processor has makes the golden bits of every entry.
#[test]
fn every_instruction_set_makes_the_golden_bits() {
    if aquifer_harness::is_update() {
        return; // the file is being written
    }
    let aquifer = Aquifer::new(env!("CARGO_BIN_EXE_aquifer"));
    let doctor = aquifer.run(["doctor", "--output", "json"]).ok().json();
    let sets: Vec<&str> =
        doctor["instructions"].as_array().expect("a list").iter().filter_map(|s| s.as_str()).collect();
    assert!(sets.contains(&"portable"));
    for entry in entries(&Golden::new("tests/golden/hashes.toml").read()) {
        for set in &sets {
            assert_eq!(tensors_with(&entry, &[], Some(set)), entry.tensors, "{} with {set}", entry.name);
        }
    }
}

/// Each entry is another model: a command that ignored its settings would show here.
#[test]
fn golden_models_differ() {
    let entries = entries(&Golden::new("tests/golden/hashes.toml").read());
    let distinct: std::collections::BTreeSet<&str> = entries.iter().map(|entry| entry.tensors.as_str()).collect();
    assert!(aquifer_harness::is_update() || distinct.len() == entries.len(), "two entries have one hash");
    assert!(entries.len() >= 8);
}

/// What the README promises of its first command, on every machine.
#[test]
fn the_readme_s_model_is_the_one_that_its_command_makes() {
    let readme = std::fs::read_to_string(aquifer_harness::repository().join("README.md")).expect("the README");
    let after = |mark: &str| readme.lines().find_map(|line| line.strip_prefix(mark)).expect("a line of the README");
    let words = after("cargo run --release -- ").split(' ').chain(["--output", "json"]);
    let aquifer = Aquifer::new(env!("CARGO_BIN_EXE_aquifer"));
    let made = aquifer.run(words).ok().json();
    assert_eq!(made["model"]["blake3"], after("blake3  "), "the README shows another model's hash");
}
