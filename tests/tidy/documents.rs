//! Documents: they speak of the project alone, and the promises of the README name tests that exist.

use std::path::PathBuf;

use crate::source::Source;
use crate::{files_under, no_complaints, sources};

/// Beginnings of paths that only one machine has.
fn machine_paths() -> [String; 5] {
    ["work", "home", "root", "Users", "mnt"].map(|name| format!("/{name}/"))
}

/// (path, text) of every document.
fn documents() -> Vec<(String, String)> {
    let root = aquifer_harness::repository();
    let mut paths: Vec<PathBuf> = Vec::new();
    for extension in ["md", "toml", "yaml", "py", "proto"] {
        files_under(&root, extension, &mut paths);
    }
    let text =
        |path: &PathBuf| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = |path: &PathBuf| path.strip_prefix(&root).unwrap_or(path).display().to_string();
    paths.iter().map(|path| (name(path), text(path))).collect()
}

fn check_paths(name: &str, text: &str) -> Vec<String> {
    let own = machine_paths();
    let lines = text.lines().enumerate();
    let found = lines.filter_map(|(at, line)| {
        let begins = |path: &&String| {
            let before = |at: usize| line[..at].chars().next_back();
            line.match_indices(path.as_str())
                .any(|(at, _)| !before(at).is_some_and(|c| c.is_alphanumeric() || "._-*~:}/".contains(c)))
        };
        Some(format!("{name}:{}: a path of one machine, `{}`", at + 1, own.iter().find(begins)?))
    });
    found.collect()
}

/// Tests that the table `| promise | test |` names, without the backticks.
fn promised_tests(readme: &str) -> Vec<String> {
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|cell| cell.trim().to_lowercase()).collect()
    };
    let lines: Vec<&str> = readme.lines().collect();
    let is_head = |line: &&str| {
        let cells = cells(line);
        line.contains('|')
            && cells.iter().any(|cell| cell.starts_with("promise"))
            && cells.iter().any(|c| c.starts_with("test"))
    };
    let Some(head) = lines.iter().position(is_head) else { return Vec::new() };
    let column = cells(lines[head]).iter().position(|cell| cell.starts_with("test")).unwrap_or(0);
    let rows = lines[head + 2..].iter().take_while(|line| line.trim_start().starts_with('|'));
    let tests = rows.filter_map(|row| {
        let inner = row.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').nth(column).map(str::to_owned)
    });
    tests.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// A name exists if it is a path of the repository, or its last part is a test of some file.
fn exists(name: &str, sources: &[Source]) -> bool {
    let last = name.rsplit("::").next().unwrap_or(name);
    let is_name = !last.is_empty() && last.chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_path = name.contains('/') && aquifer_harness::repository().join(name).exists();
    let defined = |source: &Source| {
        // Tests of a macro's table stand as `name: …`.
        let line =
            |line: &str| line.contains(&format!("fn {last}(")) || line.trim_start().starts_with(&format!("{last}: "));
        source.code.lines().any(line)
    };
    let module =
        |source: &Source| source.path.ends_with(&format!("/{last}.rs")) || source.path.contains(&format!("/{last}/"));
    is_path || (is_name && sources.iter().any(|source| defined(source) || module(source)))
}

#[test]
fn no_document_names_a_path_of_one_machine() {
    let documents = documents();
    assert!(documents.len() > 10);
    let mut complaints: Vec<_> = documents.iter().flat_map(|(name, text)| check_paths(name, text)).collect();
    complaints.extend(sources().iter().flat_map(|source| check_paths(&source.path, &source.text)));
    no_complaints(complaints);
}

#[test]
fn promises_of_the_readme_name_tests_that_exist() {
    let readme = aquifer_harness::repository().join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap_or_default();
    let sources = sources();
    let missing = promised_tests(&readme).into_iter().filter(|test| !exists(test, &sources));
    no_complaints(missing.map(|test| format!("README.md: there is no test `{test}`")).collect());
}

#[test]
fn bad_documents_are_found() {
    let own = &machine_paths()[1];
    assert_eq!(check_paths("x.md", &format!("see {own}someone/file")).len(), 1);
    assert_eq!(check_paths("x.md", "see the/home/page and https://example.org/home/x").len(), 0);

    let table =
        "text\n\n| promise | test |\n|---|---|\n| same bits | `same_bits::no_such_test`, `tests/golden` |\n\n`other`";
    assert_eq!(promised_tests(table), ["same_bits::no_such_test", "tests/golden"]);
    assert!(promised_tests("no table").is_empty());
    let sources = [Source::new("tests/x.rs", "fn is_there() {}\ntable! {\n    of_a_macro: A, 1;\n}")];
    assert!(!exists("same_bits::no_such_test", &sources));
    assert!(!exists("tests/no_such_folder", &sources));
    assert!(exists("x::is_there", &sources) && exists("of_a_macro", &sources) && exists("tests/golden", &sources));
}
