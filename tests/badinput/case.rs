//! What a case is, how it is imported, and what may come of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use std::sync::Mutex;

use aquifer_frame::{Error, Frame, Plan, SourceOptions, import_shard_in_memory, list, plan, survey};
use aquifer_model::Report;

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
    /// Work on something else than data: what came of it, or a complaint.
    Work(Box<Work>),
}

pub(crate) type Work = dyn FnOnce() -> Result<Result<(), Report>, String>;

impl Input {
    pub(crate) fn work(work: impl FnOnce() -> Result<Result<(), Report>, String> + 'static) -> Self {
        Input::Work(Box::new(work))
    }
}

/// What panicked that nobody was to catch, on whatever thread.
pub(crate) static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

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
    let came = attempt(case, folder);
    let panics = PANICS.lock().map(|mut panics| std::mem::take(&mut *panics)).unwrap_or_default();
    match panics.first() {
        Some(panic) => Err(format!("a panic that was not caught: {panic}")),
        None => came,
    }
}

fn attempt(case: Case, folder: &Path) -> Result<String, String> {
    let path = folder.join("case.parquet");
    let files = match case.input {
        Input::Bytes(bytes) => {
            std::fs::write(&path, bytes).expect("a file of the case");
            vec![path]
        }
        Input::Files(files) => files,
        Input::Done(result) => return judge(result.map_err(Report::from), case.expect),
        Input::Work(work) => {
            return match catch_unwind(AssertUnwindSafe(work)) {
                Ok(done) => judge(done?, case.expect),
                Err(_) => Err("a panic".into()),
            };
        }
    };
    match catch_unwind(AssertUnwindSafe(|| import(&files))) {
        Ok(result) => judge(result.map_err(Report::from), case.expect),
        Err(_) => Err("a panic".into()),
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

fn judge(result: Result<(), Report>, expect: Expect) -> Result<String, String> {
    let (found, message) = match &result {
        Ok(()) => ("ok", String::new()),
        Err(report) => (report.code.as_str(), message(report)),
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
    if message.chars().any(|letter| letter.is_control() && letter != '\n') {
        return Err(format!("a message with control characters ({found}): {message:?}"));
    }
    Ok(found.to_owned())
}

/// The message with its causes and its hint.
pub(crate) fn message(report: &Report) -> String {
    let message = [&[report.message.clone()][..], &report.causes].concat().join(": ");
    report.hint.as_ref().map_or(message.clone(), |hint| format!("{message} ({hint})"))
}
