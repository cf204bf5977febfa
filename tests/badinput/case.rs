//! What a case is, how it is imported, and what may come of it.

use std::error::Error as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use aquifer_frame::{Error, Frame, Plan, SourceOptions, import_shard_in_memory, list, plan, survey};

/// Letters of an error's message: somebody has to read it.
const MESSAGE_MAX: usize = 4096;

pub(crate) struct Group {
    pub(crate) name: &'static str,
    /// Makes, in the parent, what a child's memory would not hold.
    pub(crate) prepare: fn(&Path),
    /// The cases, the same at each call; given the folder that was prepared.
    pub(crate) cases: fn(&Path) -> Box<dyn Cases>,
}

pub(crate) fn nothing(_: &Path) {}

pub(crate) trait Cases: Sync {
    fn count(&self) -> usize;

    /// The case, numbered from 0. It may write into a folder of its own.
    fn case(&self, at: usize, folder: &Path) -> Case;
}

pub(crate) struct Case {
    pub(crate) what: String,
    pub(crate) input: Input,
    pub(crate) expect: Expect,
}

pub(crate) enum Input {
    /// One file of these bytes.
    Bytes(Vec<u8>),
    /// Files that are there.
    Files(Vec<PathBuf>),
    /// Something else than an import in memory; what came of it.
    Done(Result<(), Error>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Expect {
    /// The right answer, or an error.
    Any,
    /// The right answer.
    Right,
    /// An error with one of these codes.
    Codes(&'static [&'static str]),
}

/// What came of a case: the code of its error, or `ok`; or a complaint.
pub(crate) fn outcome(case: Case, folder: &Path) -> Result<String, String> {
    let path = folder.join("case.parquet");
    let files = match case.input {
        Input::Bytes(bytes) => {
            std::fs::write(&path, bytes).expect("a file of the case");
            vec![path]
        }
        Input::Files(files) => files,
        Input::Done(result) => return judge(result, case.expect),
    };
    let imported = catch_unwind(AssertUnwindSafe(|| import(&files)));
    match imported {
        Ok(result) => judge(result, case.expect),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(format!("a panic that was not caught: {}", text.unwrap_or("no reason")))
        }
    }
}

/// The way of an import, on one thread.
fn import(files: &[PathBuf]) -> Result<(), Error> {
    let plan = planned(files)?;
    let records = (0..plan.shards.len()).map(|shard| Ok(import_shard_in_memory(&plan, shard)?.1));
    Frame::merge(&plan, records.collect::<Result<_, Error>>()?).map(drop)
}

pub(crate) fn planned(files: &[PathBuf]) -> Result<Plan, Error> {
    let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    Ok(plan(survey(&list(&names)?, &SourceOptions::default())?))
}

fn judge(result: Result<(), Error>, expect: Expect) -> Result<String, String> {
    let (found, message) = match &result {
        Ok(()) => ("ok", String::new()),
        Err(error) => (error.code(), message(error)),
    };
    let expected = match expect {
        Expect::Any => true,
        Expect::Right => found == "ok",
        Expect::Codes(codes) => codes.contains(&found),
    };
    if !expected {
        return Err(format!("{found} where {expect:?} was expected: {message}"));
    }
    if message.chars().count() > MESSAGE_MAX {
        return Err(format!("a message of {} letters ({found})", message.chars().count()));
    }
    if message.chars().any(|letter| letter.is_control()) {
        return Err(format!("a message with control characters ({found}): {message:?}"));
    }
    Ok(found.to_owned())
}

/// The message with its causes and its hint.
pub(crate) fn message(error: &Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        message = format!("{message}: {next}");
        cause = next.source();
    }
    error.hint().map_or(message.clone(), |hint| format!("{message} ({hint})"))
}
