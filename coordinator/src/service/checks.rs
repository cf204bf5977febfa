//! Is what a worker says of a shape that a worker's words have? Workers are trusted less than the coordinator: one whose words
//! are not is disconnected, as if it were lost, and its work is done elsewhere.
//!
//! Whether the words also fit the work at hand is seen where that is known: records by the frame that they make up, states
//! and models when they are read.

use aquifer_frame::{BLOCK_ROWS, ShardRecord, is_hash};
use aquifer_model::{Kind, Report};
use aquifer_proto::{TrialOutcome, sums_from_bytes, v1};

use crate::core::{Event, Registration, Reported, TrialReport};

/// Names, addresses and hashes: a few hundred bytes of printable text.
const NAME_BYTES_MAX: usize = 400;
/// A report: message, hint and causes.
const REPORT_BYTES_MAX: usize = 64 << 10;
const DEVICES_MAX: usize = 64;
const THREADS_MAX: u32 = 1 << 16;
/// Of a store; hashes of as many shards are 64 MB.
const SHARDS_MAX: usize = 1 << 20;
const STATES_MAX: usize = 100_000;
const COLUMNS_MAX: usize = 1 << 16;
/// Scorings while a trial trains.
const POINTS_MAX: usize = 1_000_000;
/// Parts that are scored.
const SCORES_MAX: usize = 64;
/// Vectors of the sums of one.
const VECTORS_MAX: usize = 4096;
/// A hundred years.
const SECONDS_MAX: f64 = 3.2e9;

/// What is wrong, after "it sent …".
type Wrong = Result<(), &'static str>;

pub(super) fn check_registration(of: &Registration, self_test: &str) -> Result<(), Report> {
    let wrong = |what: &str| {
        let message = format!("a worker cannot register with {what}");
        Err(Report::new(Kind::Access, "refused", message).hint("run the same aquifer on every node"))
    };
    if !is_name(&of.address) || !(of.address.starts_with("http://") || of.address.starts_with("https://")) {
        return wrong("an address that is none");
    }
    if !is_node(&of.node) {
        return wrong("a node's name that is none");
    }
    if !is_name(self_test) {
        return wrong("a self-test that is none");
    }
    if of.devices.len() > DEVICES_MAX || !of.devices.iter().all(|device| is_name(device)) {
        return wrong("devices that are none");
    }
    if of.threads > THREADS_MAX || of.shards.len() > SHARDS_MAX || of.states.len() > STATES_MAX {
        return wrong("more than a worker has");
    }
    if !of.shards.iter().all(|hash| is_hash(hash)) || !of.states.keys().all(|identity| is_name(identity)) {
        return wrong("shards or states of other names than there are");
    }
    Ok(())
}

pub(super) fn check_event(event: &Event) -> Wrong {
    match event {
        Event::WorkerHolds { shards, .. } => {
            ensure(shards.len() <= SHARDS_MAX && shards.iter().all(|hash| is_hash(hash)), "shards that are none")
        }
        Event::StatesHeld { states, .. } => {
            let named = states.iter().all(|(identity, _)| is_name(identity));
            ensure(states.len() <= STATES_MAX && named, "states that are none")
        }
        Event::ShardsDropped { job, .. } => ensure(is_name(&job.0), "a job that is none"),
        Event::ShardImported { job, result, .. } => {
            ensure(is_name(&job.0), "a job that is none")?;
            match result {
                Ok(record) => check_record(record),
                Err(report) => check_report(report),
            }
        }
        Event::TrialReported { job, report, .. } => {
            ensure(is_name(&job.0), "a job that is none")?;
            check_trial(report)
        }
        _ => Ok(()),
    }
}

fn check_trial(report: &TrialReport) -> Wrong {
    match report {
        TrialReport::Progress { loss, scoring, .. } => {
            ensure(loss.is_none_or(f64::is_finite), "a loss that is no number")?;
            ensure(scoring.is_empty() || is_name(scoring), "a part that is none")
        }
        TrialReport::Scored { point, .. } => {
            ensure(point.value.is_finite() && point.loss.is_none_or(f64::is_finite), "a score that is no number")
        }
        TrialReport::Finished { reported, .. } => check_finished(reported),
        TrialReport::Failed { report, .. } => check_report(report),
        TrialReport::StateLost { identity, report, .. } => {
            ensure(is_name(identity), "a state that is none")?;
            check_report(report)
        }
        TrialReport::Stopped | TrialReport::Differs { .. } | TrialReport::Checked { .. } => Ok(()),
    }
}

fn check_finished(reported: &Reported) -> Wrong {
    let Reported { outcome, train_seconds, score_seconds, sums } = reported;
    let are_seconds = [train_seconds, score_seconds].iter().all(|seconds| (0.0..=SECONDS_MAX).contains(*seconds));
    ensure(are_seconds, "times that are none")?;
    let TrialOutcome { scores, curve, position, model_position, .. } = outcome;
    ensure(scores.len() <= SCORES_MAX, "more scores than there are parts")?;
    ensure(scores.iter().all(|score| score.position <= *position), "scores from beyond the trial's end")?;
    ensure(curve.len() <= POINTS_MAX && model_position <= position, "more points than a trial has")?;
    ensure(curve.is_sorted_by_key(|point| point.position), "scores out of order")?;
    let finite = curve.iter().all(|point| point.value.is_finite() && point.loss.is_none_or(f64::is_finite));
    ensure(finite, "a score that is no number")?;
    match sums {
        Some(bytes) => sums_from_bytes(bytes).map_or(Err("sums that cannot be read"), |sums| check_sums(&sums)),
        None => Ok(()),
    }
}

/// A sum may be infinite, so that no mean is left: of logarithms that there are none of.
fn check_sums(sums: &v1::Sums) -> Wrong {
    ensure(sums.weight.is_finite() && sums.weight >= 0.0, "a weight that is none")?;
    ensure(sums.vectors.len() <= VECTORS_MAX, "more sums than a scoring has")?;
    sums.vectors.iter().try_for_each(|vector| {
        ensure(vector.places.is_sorted_by(|a, b| a < b), "sums out of order")?;
        let last = vector.places.last().map_or(0, |last| u64::from(*last) + 1);
        ensure(last <= vector.length, "sums beyond their end")?;
        let (values, count) = (&vector.values, vector.places.len());
        match vector.value_type() {
            v1::ValueType::Unspecified => Err("sums of no type"),
            v1::ValueType::U64 => ensure(values.len() == 8 * count, "sums of another length"),
            v1::ValueType::F64 => {
                ensure(values.len() == 8 * count, "sums of another length")?;
                let numbers = values.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
                ensure(!numbers.into_iter().any(f64::is_nan), "a sum that is no number")
            }
            v1::ValueType::F32 => {
                ensure(values.len() == 4 * count, "sums of another length")?;
                let numbers = values.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
                ensure(!numbers.into_iter().any(f32::is_nan), "a sum that is no number")
            }
        }
    })
}

/// Its statistics are looked at when they become a frame's, with all that the plan says of them.
fn check_record(record: &ShardRecord) -> Wrong {
    let ShardRecord { rows, hash, columns, .. } = record;
    ensure(is_hash(hash), "a shard without a hash")?;
    ensure(rows.start < rows.end && rows.start.is_multiple_of(BLOCK_ROWS), "a shard of other rows than whole blocks")?;
    ensure((1..=COLUMNS_MAX).contains(&columns.len()), "a shard without columns, or with too many")?;
    ensure(columns.iter().all(|column| column.stats.is_some()), "a shard without statistics")
}

fn check_report(report: &Report) -> Wrong {
    let texts = report.causes.iter().chain(&report.hint).chain([&report.message, &report.code]);
    ensure(texts.map(String::len).sum::<usize>() <= REPORT_BYTES_MAX, "a report that is too long")
}

/// 128 bits in hexadecimal digits.
fn is_node(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn ensure(right: bool, wrong: &'static str) -> Wrong {
    if right { Ok(()) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use aquifer_model::CurvePoint;

    use super::*;
    use crate::core::{JobId, WorkerId};

    fn reported(report: TrialReport) -> Wrong {
        check_event(&Event::TrialReported { job: JobId("0".into()), worker: WorkerId("w".into()), number: 1, report })
    }

    fn finished(change: impl FnOnce(&mut Reported)) -> Wrong {
        let curve = [1, 2].map(|position| CurvePoint { position, loss: None, value: 0.5 }).into();
        let outcome = TrialOutcome { curve, position: 2, model_position: 2, ..TrialOutcome::default() };
        let mut reported_now = Reported { outcome, train_seconds: 1.0, score_seconds: 0.0, sums: Some(sums(|_| {})) };
        change(&mut reported_now);
        reported(TrialReport::Finished { trial: 0, reported: Box::new(reported_now), memory_peak_bytes: 0 })
    }

    fn sums(change: impl FnOnce(&mut v1::Sums)) -> Vec<u8> {
        let values = [1.0f64, 2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let value_type = v1::ValueType::F64.into();
        let mut sums = v1::Sums {
            weight: 3.0,
            vectors: vec![v1::SparseVector { value_type, length: 8, places: vec![0, 7], values }],
        };
        change(&mut sums);
        aquifer_proto::sums_to_bytes(&sums)
    }

    #[test]
    fn what_a_trial_found_is_finite_and_in_order() {
        assert_eq!(finished(|_| {}), Ok(()));
        type Change<'a> = (&'a str, &'a dyn Fn(&mut Reported));
        let wrong: [Change<'_>; 10] = [
            ("times", &|said| said.train_seconds = f64::NAN),
            ("times", &|said| said.score_seconds = -1.0),
            ("out of order", &|said| said.outcome.curve.reverse()),
            ("no number", &|said| said.outcome.curve[1].value = f64::INFINITY),
            ("more points", &|said| said.outcome.model_position = 3),
            ("cannot be read", &|said| said.sums = Some(vec![0xff; 9])),
            ("a weight", &|said| said.sums = Some(sums(|sums| sums.weight = f64::NAN))),
            ("beyond their end", &|said| said.sums = Some(sums(|sums| sums.vectors[0].length = 7))),
            ("another length", &|said| said.sums = Some(sums(|sums| sums.vectors[0].values.truncate(15)))),
            ("no number", &|said| said.sums = Some(sums(|sums| sums.vectors[0].values[8..].fill(0xff)))),
        ];
        for (what, change) in wrong {
            let found = finished(change).expect_err(what);
            assert!(found.contains(what), "{found}, not {what}");
        }
    }

    #[test]
    fn progress_is_numbers() {
        let progress = |loss, scoring: &str| {
            let scoring = scoring.to_owned();
            reported(TrialReport::Progress { round: 1, position: 1, samples: 1, loss, scoring })
        };
        assert_eq!(progress(Some(0.5), "test"), Ok(()));
        assert!(progress(Some(f64::NAN), "").is_err());
        assert!(progress(None, &"x".repeat(NAME_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn names_are_short_and_printable() {
        for (name, right) in [("worker-1", true), ("", false), ("a\nb", false), ("a\0b", false), ("é", true)] {
            assert_eq!(is_name(name), right, "{name:?}");
        }
        let job = JobId("../../etc".repeat(100));
        assert!(check_event(&Event::ShardsDropped { job, worker: WorkerId("w".into()) }).is_err());
        let shards = vec!["../../etc/passwd".to_owned()];
        assert!(check_event(&Event::WorkerHolds { worker: WorkerId("w".into()), shards }).is_err());
    }

    #[test]
    fn records_are_of_whole_blocks() {
        let record = |rows: std::ops::Range<u64>, hash: &str| {
            check_record(&ShardRecord { rows, hash: hash.to_owned(), bytes: 1, columns: Vec::new() })
        };
        let hash = "0".repeat(64);
        assert!(record(0..10, &hash).unwrap_err().contains("without columns"));
        assert!(record(10..20, &hash).unwrap_err().contains("whole blocks"));
        #[allow(clippy::reversed_empty_ranges)] // that is what is wrong with it
        let backwards = record(2048..1024, &hash);
        assert!(backwards.unwrap_err().contains("whole blocks"));
        assert!(record(0..10, "../x").unwrap_err().contains("without a hash"));
    }
}
