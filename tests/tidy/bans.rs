//! What decides bits must not depend on hash order, clocks, thread randomness or the host's libm.

use crate::source::{Source, has_word};
use crate::{no_complaints, sources};

const FOLDERS: [&str; 3] = ["shared/frame", "shared/model", "shared/learn"];

/// Names that have no place there, and why.
const WORDS: [(&str, &str); 9] = [
    ("HashMap", "its order is no function of the data: use BTreeMap"),
    ("HashSet", "its order is no function of the data: use BTreeSet"),
    ("RandomState", "it differs from process to process"),
    ("Instant", "clocks decide nothing"),
    ("SystemTime", "clocks decide nothing"),
    ("thread_rng", "randomness is Philox, keyed by the seed"),
    ("rand", "randomness is Philox, keyed by the seed"),
    ("getrandom", "randomness is Philox, keyed by the seed"),
    ("available_parallelism", "bits do not depend on the machine"),
];

/// Methods that std takes from the host's libm, or that differ from target to target.
const METHODS: [&str; 25] = [
    "exp", "exp2", "exp_m1", "ln", "ln_1p", "log", "log2", "log10", "powf", "powi", "sin", "cos", "tan", "sin_cos",
    "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "cbrt", "hypot",
];

/// Where a hash map is only looked up, never walked.
const LOOKED_UP: [(&str, &str); 2] = [
    ("shared/frame/src/shard/gather.rs", "codes of a shard-local dictionary: the order is that of first appearance"),
    ("shared/model/src/file/write.rs", "safetensors takes its metadata so; it has one key"),
];

fn check(source: &Source) -> Vec<String> {
    let looked_up = LOOKED_UP.iter().any(|(path, _)| *path == source.path);
    source.complain(|line| {
        let word = WORDS.iter().find(|(word, _)| has_word(line, word) && !(looked_up && *word == "HashMap"));
        if let Some((word, reason)) = word {
            return Some(format!("`{word}`: {reason}"));
        }
        let calls = |name: &&&str| ["f32::", "f64::", "."].iter().any(|before| calls(line, before, name));
        let method = METHODS.iter().find(calls)?;
        Some(format!("`{method}` binds to the host's libm: use the polynomials of aquifer-learn"))
    })
}

/// True if `line` calls, or names as a function, the method after `before`.
fn calls(line: &str, before: &str, method: &str) -> bool {
    let called = format!("{before}{method}");
    line.match_indices(&called).any(|(at, _)| {
        let after = line[at + called.len()..].chars().next();
        after == Some('(') || (before != "." && !after.is_some_and(|c| c.is_alphanumeric() || c == '_'))
    })
}

#[test]
fn nothing_that_decides_bits_depends_on_the_host() {
    let sources = sources();
    let own: Vec<_> = sources.iter().filter(|source| FOLDERS.iter().any(|folder| source.is_under(folder))).collect();
    assert!(own.len() > 60, "only {} files", own.len());
    no_complaints(own.into_iter().flat_map(check).collect());
}

/// An exception whose reason is gone goes too.
#[test]
fn every_exception_is_used() {
    let sources = sources();
    for (path, _) in LOOKED_UP {
        let used = sources.iter().any(|source| source.path == path && has_word(&source.product, "HashMap"));
        assert!(used, "{path} has no hash map any more");
    }
}

#[test]
fn each_ban_is_found() {
    let complaints = |line: &str| check(&Source::new("shared/learn/src/x.rs", line)).len();
    for (word, _) in WORDS {
        assert_eq!(complaints(&format!("let x: {word} = y;")), 1, "{word}");
    }
    for method in METHODS {
        assert_eq!(complaints(&format!("let x = y.{method}(z);")), 1, "{method}");
        assert_eq!(complaints(&format!("let x = f64::{method}(y);")), 1, "{method}");
        assert_eq!(complaints(&format!("values.map(f32::{method});")), 1, "{method}");
    }
    for good in
        ["y.sqrt()", "y.expect(\"a value\")", "x.logloss", "operand(x)", "// y.exp()", "y.tanh_of()", "y.single()"]
    {
        assert_eq!(complaints(good), 0, "{good}");
    }
    let in_tests = "#[cfg(test)]\nmod tests { fn f() { 1f64.exp(); } }";
    assert_eq!(complaints(in_tests), 0);
}
