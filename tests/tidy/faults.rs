//! Points at which tests let processes fail: the list and the sources agree, each name stands once.

use aquifer_fault::{IO_POINTS, KILL_POINTS};

use crate::source::Source;
use crate::{no_complaints, sources};

/// What names a point, and in which list.
const CALLS: [(&str, bool); 4] =
    [("kill_point(\"", false), ("io_point(\"", true), ("fails(\"", true), ("Writer::new(\"", true)];

/// (name, whether it is of I/O) of every point that a file has.
fn points_of(source: &Source) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    for (text, code) in source.text.lines().zip(source.code.lines()) {
        for (call, is_io) in CALLS {
            for (at, _) in text.match_indices(call) {
                // Not in a comment.
                let stands = code.get(at..at + call.len() - 1) == Some(&call[..call.len() - 1]);
                let name = text[at + call.len()..].split('"').next().unwrap_or_default();
                found.extend((stands && name.contains('.')).then(|| (name.to_owned(), is_io)));
            }
        }
    }
    found
}

fn check(found: &[(String, bool)], listed: &[(&str, bool)]) -> Vec<String> {
    let count = |name: &str| found.iter().filter(|(other, _)| other == name).count();
    let not_once = listed.iter().filter(|(name, _)| count(name) != 1);
    let not_once = not_once.map(|(name, _)| format!("the point {name} stands {} times in the sources", count(name)));
    let unlisted = found.iter().filter(|(name, is_io)| !listed.contains(&(name.as_str(), *is_io)));
    let unlisted =
        unlisted.map(|(name, _)| format!("the point {name} is not in its list in shared/fault/src/points.rs"));
    not_once.chain(unlisted).collect()
}

#[test]
fn every_point_is_listed_and_stands_once() {
    let sources = sources();
    let products = sources.iter().filter(|source| !source.is_under("tests") && !source.is_under("shared/fault"));
    let found: Vec<_> = products.flat_map(points_of).collect();
    let of = |points: &[aquifer_fault::Point], is_io| points.iter().map(|(name, _)| (*name, is_io)).collect::<Vec<_>>();
    let listed = [of(KILL_POINTS, false), of(IO_POINTS, true)].concat();
    assert!(KILL_POINTS.len() >= 30, "only {} kill points", KILL_POINTS.len());
    no_complaints(check(&found, &listed));
}

#[test]
fn a_point_that_is_missing_or_unknown_is_found() {
    let source = Source::new(
        "worker/src/x.rs",
        "kill_point(\"worker.a\");\n// kill_point(\"worker.b\");\nio_point(\"worker.c\")?;",
    );
    let found = points_of(&source);
    assert_eq!(found, [("worker.a".to_owned(), false), ("worker.c".to_owned(), true)]);
    assert_eq!(check(&found, &[("worker.a", false), ("worker.c", true)]).len(), 0);
    assert_eq!(check(&found, &[("worker.a", false), ("worker.c", false)]).len(), 1, "it is in the other list");
    assert_eq!(check(&found, &[("worker.a", false), ("worker.b", false), ("worker.c", true)]).len(), 1);
    let twice = [found.clone(), found].concat();
    assert_eq!(check(&twice, &[("worker.a", false), ("worker.c", true)]).len(), 2);
}
