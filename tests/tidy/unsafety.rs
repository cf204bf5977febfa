//! `unsafe` stands in few modules, each of which says why, with a reason at every use.

use crate::source::{Source, has_word};
use crate::{no_complaints, sources};

/// The only files with `unsafe`.
const MODULES: [&str; 8] = [
    "shared/frame/src/map.rs",
    "shared/frame/src/simd/isa.rs",
    "shared/frame/src/simd/prefetch.rs",
    "shared/frame/src/simd/transpose.rs",
    "shared/learn/src/kernels/peak.rs",
    "shared/learn/src/kernels/product/mod.rs",
    "shared/learn/src/kernels/product/tile.rs",
    "shared/learn/src/kernels/product/lanes.rs",
];

/// The reason stands at most so many lines above.
const REASON_LINES: usize = 6;

fn check(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.code.lines().collect();
    let texts: Vec<&str> = source.text.lines().collect();
    let uses: Vec<usize> = (0..lines.len()).filter(|at| has_word(lines[*at], "unsafe")).collect();
    if uses.is_empty() {
        return Vec::new();
    }
    if !MODULES.contains(&source.path.as_str()) {
        return vec![format!("{}:{}: `unsafe` has no place here", source.path, uses[0] + 1)];
    }
    let mut complaints = Vec::new();
    let reasoned = |at: usize| {
        let above = &texts[at.saturating_sub(REASON_LINES)..=at];
        above.iter().any(|line| line.contains("SAFETY:") || line.contains("# Safety"))
    };
    for at in uses {
        let is_block = lines[at].contains("unsafe {");
        if is_block && !reasoned(at) {
            complaints.push(format!("{}:{}: `unsafe` without a SAFETY comment", source.path, at + 1));
        }
    }
    complaints
}

/// The lint is denied for all; who allows it says why on the same line.
fn check_allow(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        let code = source.code.lines().nth(at).unwrap_or_default();
        if code.contains("allow(unsafe_code)") && !line.contains("//") {
            complaints.push(format!("{}:{}: allow(unsafe_code) without a reason on its line", source.path, at + 1));
        }
    }
    complaints
}

#[test]
fn unsafe_stands_where_it_may_with_its_reason() {
    no_complaints(sources().iter().flat_map(|source| [check(source), check_allow(source)].concat()).collect());
}

/// A module that needs no `unsafe` any more leaves the list.
#[test]
fn every_named_module_uses_it() {
    let sources = sources();
    for module in MODULES {
        let source = sources.iter().find(|source| source.path == module);
        let source = source.unwrap_or_else(|| panic!("{module} is not there any more"));
        assert!(has_word(&source.code, "unsafe"), "{module} has no unsafe any more");
    }
}

#[test]
fn a_careless_use_is_found() {
    let complaints = |path: &str, text: &str| check(&Source::new(path, text)).len();
    assert_eq!(complaints("src/main.rs", "fn f() {\n// SAFETY: none\nunsafe { g() }\n}"), 1);
    assert_eq!(complaints(MODULES[0], "fn f() { unsafe { g() } }"), 1);
    assert_eq!(complaints(MODULES[0], "// SAFETY: the map lives as long.\nunsafe { g() }"), 0);
    assert_eq!(complaints("src/main.rs", "// unsafe { }\nlet x = \"unsafe\";"), 0);
    let allows = |text: &str| check_allow(&Source::new(MODULES[0], text)).len();
    assert_eq!(allows("#![allow(unsafe_code)]"), 1);
    assert_eq!(allows("#![allow(unsafe_code)] // maps files"), 0);
}
