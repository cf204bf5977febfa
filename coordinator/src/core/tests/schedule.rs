//! The world answers in any order, sometimes badly, or not at all.

use aquifer_frame::{Philox, ShardRecord, below};
use aquifer_model::{Metrics, Score};

use super::*;

/// Thousands of schedules: whatever comes in whatever order, a job ends exactly once, and in bounded time.
#[test]
fn every_schedule_ends_every_job_once() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan_with_shard_rows(survey(&[data().into()], &SourceOptions::default()).unwrap(), 1024);
    let record = import_shard(&plan, 0, folder.path()).unwrap();
    let (mut trained, mut failed, mut cancelled) = (0, 0, 0);
    for seed in 0..4000 {
        let mut bench = Bench::new();
        run(&mut bench, &plan, &record, seed);
        match bench.last_events()[..] {
            [JobEvent::Trained(_)] => trained += 1,
            [JobEvent::Failed { .. }] => failed += 1,
            [JobEvent::Cancelled] => cancelled += 1,
            ref other => panic!("seed {seed}: the job ended with {other:?}"),
        }
    }
    assert!(
        trained > 100 && failed > 100 && cancelled > 100,
        "{trained} trained, {failed} failed, {cancelled} cancelled"
    );
}

/// One schedule: each turn something happens, or an answer comes; in the end all clocks run out and the rest arrives.
fn run(bench: &mut Bench, plan: &Plan, record: &ShardRecord, seed: u64) {
    let random = Philox::new(seed, "schedule");
    let mut pending: Vec<Event> = Vec::new();
    let (mut registered, mut answered) = (0, 0);
    bench.submit(&[], 1 + below(random.draw(0, 1, 0)[0], 2));
    for turn in 0..120 {
        let words = random.draw(turn, 0, 0);
        pending.extend(bench.effects[answered..].iter().flat_map(|effect| answer(effect, plan, record, words[3])));
        answered = bench.effects.len();
        match below(words[0], 10) {
            0 if registered < 4 => {
                registered += 1;
                bench.register(registered);
            }
            1 => bench.step(Event::WorkerGone { worker: worker(below(words[1], 4) + 1), reason: "chaos".into() }),
            2 if seed.is_multiple_of(5) => bench.step(Event::CancelRequested { job: id() }),
            3 => {
                bench.now += Duration::from_secs(u64::from(below(words[1], 8)));
                (1..=registered).for_each(|n| bench.step(Event::WorkerRenewed { worker: worker(n) }));
                bench.step(Event::Tick);
            }
            _ if !pending.is_empty() => {
                let at = below(words[2], pending.len() as u32) as usize;
                bench.step(pending.swap_remove(at));
            }
            _ => {}
        }
    }
    for _ in 0..2 {
        bench.now += Duration::from_secs(600); // leases and graces all run out
        bench.step(Event::Tick);
    }
    assert!(bench.core.job(&id()).unwrap().row.status.has_ended(), "seed {seed}: the job hangs");
    pending.into_iter().for_each(|event| bench.step(event));
}

/// What the world would answer to an effect: mostly success, sometimes a failure.
fn answer(effect: &Effect, plan: &Plan, record: &ShardRecord, luck: u32) -> Vec<Event> {
    let bad = |code| Report::new(Kind::Data, code, "chaos");
    match effect {
        Effect::Plan { job, slot, .. } => {
            let result = if luck.is_multiple_of(16) { Err(bad("plan")) } else { Ok((plan.clone(), None)) };
            vec![Event::Planned { job: job.clone(), slot: *slot, result }]
        }
        Effect::FindTrials { job, .. } => {
            vec![Event::TrialsFound { job: job.clone(), rows: Vec::new(), checkpoints: BTreeMap::new() }]
        }
        Effect::Send { worker, command: Command::ImportShard { job, slot, shard, .. } } => {
            let result = if luck % 16 == 1 { Err(bad("import")) } else { Ok(record.clone()) };
            vec![Event::ShardImported { job: job.clone(), worker: worker.clone(), slot: *slot, shard: *shard, result }]
        }
        Effect::Send { worker, command: Command::StartTrial { job, number, .. } } => {
            let report =
                |report| Event::TrialReported { job: job.clone(), worker: worker.clone(), number: *number, report };
            let model = StoredModel {
                path: "m".into(),
                model_blake3: "m".into(),
                fit_blake3: "f".into(),
                scores: vec![Score {
                    part: Part::Train,
                    position: 1,
                    metrics: Metrics { rows: 1, ..Metrics::default() },
                }],
                numeric_class: "exact".into(),
                kept: true,
            };
            match luck % 8 {
                0 => vec![report(failed(bad("trial")))],
                _ => {
                    vec![report(finished()), Event::ModelStored { job: job.clone(), number: *number, trial: 0, model }]
                }
            }
        }
        Effect::Send { worker, command: Command::DropShards { job, .. } } if !luck.is_multiple_of(8) => {
            vec![Event::ShardsDropped { job: job.clone(), worker: worker.clone() }]
        }
        Effect::Send { worker, command: Command::StopTrial { job, number, .. } } => {
            let (job, worker, number) = (job.clone(), worker.clone(), *number);
            vec![Event::TrialReported { job, worker, number, report: TrialReport::Stopped }]
        }
        _ => Vec::new(),
    }
}
