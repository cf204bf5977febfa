//! What a test of the command line stands on: a binary with a data folder of its own, and failures told apart.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use aquifer_harness::Aquifer;
use serde_json::Value;

/// The binary, its data folder, and files of the test beside it.
pub(crate) fn bed() -> Aquifer {
    Aquifer::new(env!("CARGO_BIN_EXE_aquifer"))
}

/// `data` and the options of a training that is over at once.
pub(crate) fn train<'a>(data: &'a Path, target: &'a str, more: &[&'a str]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["train".into(), data.into(), "--target".into(), target.into()];
    arguments.extend(["--set", "hidden=[8]", "--set", "epochs=0.2"].map(OsString::from));
    arguments.extend(more.iter().map(OsString::from));
    arguments
}

/// A failure as programs see it.
pub(crate) struct Refusal {
    pub(crate) code: String,
    /// Message, causes and hint, one a line.
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
}

/// Runs a command that must fail with this exit code, this error code and these texts, and must leave nothing.
#[track_caller]
pub(crate) fn refused<I>(aquifer: &Aquifer, arguments: I, exit: i32, code: &str, texts: &[&str]) -> Refusal
where
    I: IntoIterator<Item: AsRef<OsStr>>,
{
    let mut command = aquifer.command(arguments);
    command.args(["--output", "json"]);
    let finished = aquifer_harness::Running::start(command).finish().code(exit);
    assert_eq!(finished.stdout, "", "a failure has no result");
    let refusal = read_refusal(&finished.stderr);
    assert_eq!(refusal.code, code, "{}", refusal.text);
    for text in texts {
        assert!(refusal.text.contains(text), "`{text}` is not said:\n{}", refusal.text);
    }
    let advice = refusal.hint.is_some() || refusal.text.contains("did you mean");
    assert!(advice, "nothing is said about what to do: {}", refusal.text);
    assert_nothing_left(aquifer);
    refusal
}

/// Standard error is one JSON object, of these four keys.
#[track_caller]
pub(crate) fn read_refusal(stderr: &str) -> Refusal {
    let value: Value = serde_json::from_str(stderr.trim()).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    let error = value["error"].as_object().unwrap_or_else(|| panic!("no `error`: {stderr}"));
    let mut keys: Vec<&str> = error.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["causes", "code", "hint", "message"]);
    let message = error["message"].as_str().expect("a message");
    assert!(!message.is_empty() && (!message.ends_with('.') || message.ends_with("...")), "{message}");
    let hint = error["hint"].as_str().map(str::to_owned);
    let causes = error["causes"].as_array().expect("a list of causes").iter();
    let causes = causes.map(|cause| cause.as_str().expect("a cause is a text").to_owned());
    let text = [message.to_owned()].into_iter().chain(causes).chain(hint.clone()).collect::<Vec<_>>().join("\n");
    Refusal { code: error["code"].as_str().expect("a code").to_owned(), text, hint }
}

/// No unfinished file, no folder of a job, no shard that no frame has.
#[track_caller]
pub(crate) fn assert_nothing_left(aquifer: &Aquifer) {
    let unfinished = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(".part") || name.ends_with(".tmp") || name == "out.safetensors"
    };
    let all = files(&aquifer.file("."));
    let left: Vec<&PathBuf> = all.iter().filter(|path| unfinished(path)).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    assert!(!aquifer.dir().join("jobs").exists(), "left behind: {:?}", files(&aquifer.dir().join("jobs")));
    let frames = files(&aquifer.dir().join("frames"));
    let known: String = frames.iter().map(|path| std::fs::read_to_string(path).expect("a frame")).collect();
    for shard in files(&aquifer.dir().join("shards")) {
        let hash = shard.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        assert!(known.contains(&hash), "a shard without a frame: {}", shard.display());
    }
}

/// All files in a folder and below; none if it is not there.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}
