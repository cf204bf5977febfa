//! The form of a file: it says what it is for, and nothing in it is unfinished.

use crate::source::{Source, has_word};
use crate::{no_complaints, sources};

/// Marks of work that is not done, put together here so that this file has none of them.
fn unfinished() -> [String; 7] {
    let call = |name: &str| format!("{name}!");
    let [fix, to, hack] = [["FIX", "ME"], ["TO", "DO"], ["XX", "X"]].map(|parts| parts.concat());
    [call("todo"), call("unimplemented"), call("dbg"), ["#[ign", "ore"].concat(), fix, to, hack]
}

/// Files longer than this are worth a look; lengths fail no test.
const LONG_LINES: usize = 400;

fn check_finished(source: &Source) -> Vec<String> {
    let marks = unfinished();
    let mut complaints = Vec::new();
    for (at, (text, code)) in source.text.lines().zip(source.code.lines()).enumerate() {
        let stands = |mark: &&String| match mark.ends_with('!') || mark.starts_with('#') {
            true => code.contains(mark.as_str()),
            false => has_word(text, mark),
        };
        if let Some(mark) = marks.iter().find(stands) {
            complaints.push(format!("{}:{}: `{mark}`", source.path, at + 1));
        }
    }
    complaints
}

fn check_head(source: &Source) -> Vec<String> {
    let says = source.text.lines().next().is_some_and(|line| line.starts_with("//! ") && line.len() > 15);
    match says {
        true => Vec::new(),
        false => vec![format!("{}:1: the file does not begin by saying what it is for", source.path)],
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let sources = sources();
    for source in &sources {
        let lines = source.product.lines().filter(|line| !line.trim().is_empty()).count();
        if lines > LONG_LINES {
            eprintln!("{} has {lines} lines of code: does it hold one idea?", source.path);
        }
    }
    no_complaints(sources.iter().flat_map(check_head).collect());
}

#[test]
fn nothing_is_unfinished() {
    no_complaints(sources().iter().flat_map(check_finished).collect());
}

#[test]
fn bad_form_is_found() {
    for mark in unfinished() {
        let line = if mark.starts_with('#') { format!("{mark}]") } else { format!("let x = {mark}(y); // {mark}") };
        assert_eq!(check_finished(&Source::new("src/x.rs", &line)).len(), 1, "{line}");
    }
    assert_eq!(check_finished(&Source::new("src/x.rs", "let todos = 1;")).len(), 0);
    assert_eq!(check_head(&Source::new("src/x.rs", "use std::fs;")).len(), 1);
    assert_eq!(check_head(&Source::new("src/x.rs", "//! x")).len(), 1, "that says nothing");
    assert_eq!(check_head(&Source::new("src/x.rs", "//! What it is for.\n")).len(), 0);
}
