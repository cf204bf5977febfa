//! What workers say as events, and what they are told as messages.

use aquifer_model::{Kind, Report};
use aquifer_proto::sums_to_bytes;
use aquifer_proto::v1::{self, session_request, session_response, shard_imported};

use crate::core::{Command, Event, FileRef, Fit, JobId, Member, Registration, Reported, TrialReport, WorkerId};

pub(super) fn registration(register: v1::Register) -> Registration {
    Registration {
        address: register.address,
        pid: register.pid,
        threads: register.threads.max(1),
        devices: register.devices,
        memory_bytes: register.memory_bytes,
        disk_free_bytes: register.disk_free_bytes,
        shards: register.shards.into_iter().collect(),
        states: held_states(register.states).into_iter().collect(),
        node: register.node,
    }
}

fn held_states(states: Vec<v1::HeldState>) -> Vec<(String, u64)> {
    states.into_iter().map(|state| (state.identity, state.round)).collect()
}

/// What a worker holds is known before what follows from it.
pub(super) fn events_of(worker: &WorkerId, mut message: session_request::Message) -> Vec<Event> {
    let mut events = Vec::new();
    let held = match &mut message {
        session_request::Message::TrialFailed(said) => std::mem::take(&mut said.held),
        session_request::Message::TrialFinished(said) => said.held.take().into_iter().collect(),
        _ => Vec::new(),
    };
    if !held.is_empty() {
        let states = held_states(held);
        events.push(Event::StatesHeld { worker: worker.clone(), states });
    }
    events.extend(event_of(worker, message));
    events
}

fn event_of(worker: &WorkerId, message: session_request::Message) -> Option<Event> {
    let worker = worker.clone();
    let trial = |generation: Option<v1::Generation>| generation.map(|g| (JobId(g.trial), g.number));
    Some(match message {
        session_request::Message::Register(_) => return None,
        session_request::Message::Renew(_) => Event::WorkerRenewed { worker },
        session_request::Message::ShardsHeld(held) => Event::WorkerHolds { worker, shards: held.shards },
        session_request::Message::ShardsDropped(dropped) => Event::ShardsDropped { job: JobId(dropped.job), worker },
        session_request::Message::ShardImported(imported) => Event::ShardImported {
            job: JobId(imported.job),
            worker,
            slot: imported.slot as usize,
            shard: imported.shard as usize,
            result: match imported.result {
                Some(shard_imported::Result::RecordJson(json)) => {
                    serde_json::from_str(&json).map_err(|e| unreadable(&e))
                }
                Some(shard_imported::Result::Failure(failure)) => Err(report_of(Some(&failure))),
                None => Err(report_of(None)),
            },
        },
        session_request::Message::TrialProgress(said) => {
            let (job, number) = trial(said.generation)?;
            aquifer_fault::kill_point("coordinator.trial.progress");
            let v1::TrialProgress { round, position, samples, loss, scoring, .. } = said;
            let report = TrialReport::Progress { round, position, samples, loss, scoring };
            Event::TrialReported { job, worker, number, report }
        }
        session_request::Message::TrialFinished(said) => {
            let (job, number) = trial(said.generation)?;
            aquifer_fault::kill_point("coordinator.trial.finished");
            let v1::TrialFinished {
                train_seconds, score_seconds, memory_peak_bytes, trial, outcome_json, holdout, ..
            } = said;
            let trial = trial as usize;
            let report = match serde_json::from_str(&outcome_json) {
                Ok(outcome) => {
                    let sums = holdout.as_ref().map(sums_to_bytes);
                    let reported = Reported { outcome, train_seconds, score_seconds, sums };
                    TrialReport::Finished { trial, reported: Box::new(reported), memory_peak_bytes }
                }
                Err(error) => TrialReport::Failed { trial: Some(trial), report: unreadable(&error), fit: None },
            };
            Event::TrialReported { job, worker, number, report }
        }
        session_request::Message::TrialScored(said) => {
            let (job, number) = trial(said.generation)?;
            let point = serde_json::from_str(&said.point_json).ok()?;
            let report = TrialReport::Scored { trial: said.trial as usize, point };
            Event::TrialReported { job, worker, number, report }
        }
        session_request::Message::Leaving(_) => Event::WorkerLeaving { worker },
        session_request::Message::TrialChecked(said) => {
            let (job, number) = trial(said.generation)?;
            let report =
                TrialReport::Checked { trial: said.trial as usize, round: said.round, check: said.state_check };
            Event::TrialReported { job, worker, number, report }
        }
        session_request::Message::TrialFailed(said) => {
            let (job, number) = trial(said.generation)?;
            let report = match (said.stopped, said.lost, said.round, said.trial) {
                (true, ..) => TrialReport::Stopped,
                (false, Some(v1::HeldState { identity, round }), ..) => {
                    TrialReport::StateLost { identity, round, report: report_of(said.failure.as_ref()) }
                }
                (false, None, Some(round), Some(trial)) => {
                    TrialReport::Differs { trial: trial as usize, round, check: said.state_check }
                }
                (false, None, ..) => TrialReport::Failed {
                    trial: said.trial.map(|trial| trial as usize),
                    report: report_of(said.failure.as_ref()),
                    fit: said.fit.map(|trials| Fit { trials: trials as usize, others: said.others }),
                },
            };
            Event::TrialReported { job, worker, number, report }
        }
    })
}

/// What is missing or cannot be read is a failure too: a job never waits for a better answer.
fn report_of(failure: Option<&v1::Failure>) -> Report {
    let json = failure.map_or("", |failure| failure.report_json.as_str());
    serde_json::from_str(json).unwrap_or_else(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> Report {
    Report::new(Kind::Work, "wire", "a worker's answer cannot be read").caused_by(error)
}

pub(super) fn message_of(term: u64, command: Command) -> session_response::Message {
    let generation = |job: JobId, number| Some(v1::Generation { trial: job.0, term, number });
    match command {
        Command::ImportShard { job, slot, shard, plan, uploads } => {
            session_response::Message::ImportShard(v1::ImportShard {
                job: job.0,
                slot: slot as u32,
                shard: shard as u32,
                plan_json: serde_json::to_string(&*plan).unwrap_or_default(),
                uploads: uploads.into_iter().map(source_file).collect(),
            })
        }
        Command::StartTrial { job, number, members, me, cohort_json } => {
            session_response::Message::StartTrial(v1::StartTrial {
                generation: generation(job, number),
                members: members.into_iter().map(member).collect(),
                me: me as u32,
                cohort_json: cohort_json.to_string(),
            })
        }
        Command::StopTrial { job, number, trial } => {
            let (generation, trial) = (generation(job, number), trial.map(|trial| trial as u32));
            session_response::Message::StopTrial(v1::StopTrial { generation, trial })
        }
        Command::DropShards { job, shards } => {
            session_response::Message::DropShards(v1::DropShards { shards, job: job.0 })
        }
        Command::ForgetStates { job, identities } => {
            session_response::Message::ForgetStates(v1::ForgetStates { identities, job: job.0 })
        }
        Command::RemoveShards { shards } => {
            session_response::Message::DropShards(v1::DropShards { shards, job: String::new() })
        }
    }
}

fn member(member: Member) -> v1::Member {
    let Member { worker, address, incarnation, rank_first, rank_count } = member;
    v1::Member { worker: worker.0, address, incarnation, rank_first, rank_count }
}

fn source_file(file: FileRef) -> v1::SourceFile {
    v1::SourceFile {
        path: file.path,
        size_bytes: file.size_bytes,
        footer_hash: file.footer_hash,
        upload: file.upload.unwrap_or_default(),
        partitions: Vec::new(), // the plan has them
    }
}
