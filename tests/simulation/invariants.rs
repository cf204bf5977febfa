//! What holds after every simulation, whatever happened in it. All of it stands here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aquifer_coordinator::core::JobStatus;
use aquifer_proto::{CrossValidation, JobEvent, SearchSummary};
use serde_json::Value;

use crate::case::Case;
use crate::client::{Found, Job};
use crate::cluster::Run;
use crate::{faults, jobs};

/// A trial that so many workers are lost over, one after the other and none of them further than the first, may end.
const LOST_MAX: usize = 3;

/// What is wrong.
pub(crate) fn broken(case: &Case, run: &Run) -> Vec<String> {
    let mut wrong = run.wrong.clone();
    for (job, found) in &run.found {
        match found {
            Ok(found) if is_given_up(case, found) => {}
            Ok(found) => wrong.extend(of_found(*job, found)),
            Err(report) => wrong.push(format!("{}: {report}", job.name)),
        }
    }
    wrong.extend(of_jobs(case, run));
    wrong.extend(of_nodes(case, run));
    wrong.extend(run.dirs.iter().filter(|dir| dir.is_dir()).flat_map(|dir| of_disk(dir)));
    wrong
}

/// Jobs that ended as too many workers were lost over a trial.
pub(crate) fn given_up(case: &Case, run: &Run) -> usize {
    run.found.iter().filter(|(_, found)| found.as_ref().is_ok_and(|found| is_given_up(case, found))).count()
}

fn is_given_up(case: &Case, found: &Found) -> bool {
    let said = "in a row were lost over this trial";
    faults::losses(&case.course) >= LOST_MAX
        && matches!(&found.event, JobEvent::Failed { report } if report.message.contains(said))
}

/// The same model, byte by byte, and the same result as when nothing happens.
fn of_found(job: Job, found: &Found) -> Vec<String> {
    let expected = jobs::undisturbed(job);
    let mut wrong = Vec::new();
    if found.model != expected.model || found.model.is_empty() {
        wrong.push(format!("{}: other bytes than those of the undisturbed model", job.name));
    }
    let (is, should) = (timeless(&found.event), timeless(&expected.event));
    if is != should {
        wrong.push(format!("{}: it found\n{is}\nand not\n{should}", job.name));
    }
    match &found.event {
        JobEvent::Searched(summary) => wrong.extend(of_leaderboard(summary)),
        JobEvent::Trained(summary) => wrong.extend(summary.cross_validation.iter().filter_map(of_folds)),
        other => wrong.push(format!("{}: it ended with {other:?}", job.name)),
    }
    wrong
}

/// Every candidate stands there once, with all its folds.
fn of_leaderboard(summary: &SearchSummary) -> Vec<String> {
    let entries = &summary.leaderboard;
    let candidates: BTreeSet<u32> = entries.iter().map(|entry| entry.candidate).collect();
    let mut wrong: Vec<String> =
        entries.iter().filter_map(|entry| of_folds(entry.cross_validation.as_ref()?)).collect();
    if candidates.len() != entries.len() || summary.not_begun > 0 || summary.failed > 0 {
        wrong.push(format!("a leaderboard of {} entries with candidates {candidates:?}", entries.len()));
    }
    wrong
}

fn of_folds(folds: &CrossValidation) -> Option<String> {
    let numbers: Vec<u32> = folds.folds.iter().map(|fold| fold.fold).collect();
    let first = numbers.first().copied().unwrap_or(0);
    let expected: Vec<u32> = (first..first + numbers.len() as u32).collect();
    (numbers != expected).then(|| format!("folds {numbers:?}"))
}

/// The journal has every job that was acknowledged, done.
fn of_jobs(case: &Case, run: &Run) -> Vec<String> {
    let journal = run.disk.jobs();
    let mut wrong: Vec<String> = journal
        .iter()
        .filter(|(_, status)| !matches!(status, JobStatus::Done | JobStatus::Failed))
        .map(|(job, status)| format!("job {job} is {status:?} in the journal"))
        .collect();
    let failed = journal.values().filter(|status| **status == JobStatus::Failed).count();
    if failed > given_up(case, run) {
        wrong.push(format!("{failed} jobs failed, and {} were given up", given_up(case, run)));
    }
    let names: BTreeSet<&str> = case.jobs.iter().map(|job| job.name).collect();
    if names.len() != journal.len() {
        wrong.push(format!("{} requests became {} jobs", names.len(), journal.len()));
    }
    wrong
}

/// All workers are members again, each once, and none is at work.
fn of_nodes(case: &Case, run: &Run) -> Vec<String> {
    let Some(status) = &run.status else { return vec!["the coordinator does not answer".into()] };
    let at_work: Vec<_> = status.workers.iter().filter(|worker| !worker.trials.is_empty()).collect();
    let addresses: BTreeSet<&str> = status.workers.iter().map(|worker| &*worker.address).collect();
    let mut wrong = Vec::new();
    if !at_work.is_empty() {
        wrong.push(format!("there are trials when every job has ended: {at_work:?}"));
    }
    if addresses.len() != case.shape.workers || status.workers.len() != addresses.len() {
        wrong.push(format!("{} workers are members: {addresses:?}", status.workers.len()));
    }
    wrong
}

/// Nothing is half-written, and what is named by a hash has it.
fn of_disk(dir: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files(dir) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(".part-") {
            wrong.push(format!("{} was left behind", file.display()));
        }
        if let Some(hash) = name.split('.').next().filter(|stem| aquifer_frame::is_hash(stem)) {
            let is = blake3::hash(&std::fs::read(&file).unwrap_or_default()).to_hex();
            if is.as_str() != hash {
                wrong.push(format!("{} has other content than its name says", file.display()));
            }
        }
    }
    wrong
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A result without what may differ: how long it took, and who did it.
fn timeless(event: &JobEvent) -> String {
    const MAY_DIFFER: &[&str] = &["seconds", "kept", "workers", "memory_peak_bytes", "samples", "bytes_read", "job"];
    fn without(value: Value) -> Value {
        match value {
            Value::Object(map) => {
                let kept = map.into_iter().filter(|(name, _)| !MAY_DIFFER.contains(&&**name));
                kept.map(|(name, value)| (name, without(value))).collect::<serde_json::Map<_, _>>().into()
            }
            Value::Array(items) => items.into_iter().map(without).collect(),
            other => other,
        }
    }
    without(serde_json::to_value(event).unwrap_or_default()).to_string()
}
