//! Tens of thousands of messages, each changed by a seed, to every service of every node. Each call ends with an answer or a
//! refusal, the nodes live, and afterwards they train the same bytes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aquifer_frame::{Plan, import_shard_in_memory};
use aquifer_harness::Dice;
use aquifer_proto::v1::{self, session_request::Message as Said, session_response::Message as Command};
use prost::Message;
use tokio::task::JoinSet;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::bed::{Bed, block_on};
use crate::call::{Node, complaint};
use crate::mutate::{mutated, mutated_call};
use crate::seeds::{Call, ENDLESS, Known, ask, submit};

const MESSAGES: usize = 20_000;
/// To health and reflection.
const FEW: usize = 2_000;
/// Calls at the same time.
const LANES: u64 = 16;
/// A node itself has 30 MiB, each of our calls a few messages of at most 1 MiB, and jobs that mutated requests begin have a
/// table of 3,000 rows. What a lie could take (an immense length, a list of 2^32 entries) is a GiB and more.
const MEMORY_MIB_MAX: u64 = 320;

/// What is sent, and how it went.
#[derive(Default)]
struct Tally {
    calls: usize,
    /// Messages that were changed; the others of their calls are not counted.
    changed: usize,
    answered: usize,
    /// Of what goes on for good, calls of which nothing was heard.
    silent: usize,
    refused: BTreeMap<String, usize>,
}

/// The node that is called.
#[derive(Clone, Copy)]
enum At {
    Coordinator,
    Worker,
    /// For its owner.
    OwnWorker,
}

async fn node(bed: &Bed, at: At) -> Node {
    match at {
        At::Coordinator => bed.coordinator().await,
        At::Worker => bed.worker().await,
        At::OwnWorker => bed.own_worker().await,
    }
}

/// Sends calls of these methods until so many messages were changed; jobs that begin are cancelled.
fn maltreat(bed: &Bed, at: At, calls: BTreeMap<&'static str, Vec<Call>>, messages: usize, seed: u64) {
    let began = std::time::Instant::now();
    let all: Arc<Vec<(&str, Call)>> =
        Arc::new(calls.into_iter().flat_map(|(path, calls)| calls.into_iter().map(move |call| (path, call))).collect());
    let tally = block_on(async {
        let mut lanes = JoinSet::new();
        let node = node(bed, at).await;
        for lane in 0..LANES {
            let (node, all) = (node.clone(), all.clone());
            lanes
                .spawn(async move { run_lane(&node, &all, messages.div_ceil(LANES as usize), seed << 8 | lane).await });
        }
        let mut whole = Tally::default();
        while let Some(tally) = lanes.join_next().await {
            let tally = tally.expect("a lane that found nothing");
            whole.calls += tally.calls;
            whole.changed += tally.changed;
            whole.answered += tally.answered;
            whole.silent += tally.silent;
            tally.refused.into_iter().for_each(|(code, count)| *whole.refused.entry(code).or_default() += count);
        }
        whole
    });
    let Tally { calls, changed, answered, silent, refused } = tally;
    let seconds = began.elapsed().as_secs_f32();
    println!(
        "{changed} changed messages in {calls} calls, {seconds:.1} s: {answered} answered, {silent} left in silence, refused \
         {refused:?}"
    );
    assert!(changed >= messages, "{changed} messages were changed");
    assert!(answered > calls / 100 && refused.len() > 1, "nothing got past the first check");
    bed.check(MEMORY_MIB_MAX);
}

async fn run_lane(node: &Node, calls: &[(&'static str, Call)], messages: usize, seed: u64) -> Tally {
    let (mut dice, mut tally) = (Dice::new(seed, "mutated"), Tally::default());
    while tally.changed < messages {
        let (path, known) = dice.pick(calls);
        let call = mutated_call(&mut dice, known);
        tally.changed += call.iter().filter(|message| !known.contains(message)).count();
        tally.calls += 1;
        let heard = node.call(path, call.clone()).await;
        if let Some(wrong) = complaint(path, &heard) {
            let call: Vec<String> = call.iter().map(|message| format!("{:.2000?}", message)).collect();
            panic!("{path}, call {} of seed {seed}: {wrong}\n{}", tally.calls, call.join("\n"));
        }
        match &heard.end {
            Some(Err(status)) => *tally.refused.entry(format!("{:?}", status.code())).or_default() += 1,
            None if heard.answers.is_empty() => tally.silent += 1,
            _ => tally.answered += 1,
        }
        if path.ends_with("/Submit") || path.ends_with("/Resume") {
            cancel(node, heard.answers.first()).await;
        }
    }
    tally
}

async fn cancel(node: &Node, submitted: Option<&Vec<u8>>) {
    let Some(answer) = submitted else { return };
    let job = v1::SubmitResponse::decode(answer.as_slice()).expect("an answer").job;
    let _: v1::CancelResponse = ask(node, "/aquifer.v1.Jobs/Cancel", &[&v1::CancelRequest { job }]).await;
}

/// Ends what is at work, and shows that the cluster is what it was.
fn recovers(bed: &Bed, before: &[u8]) {
    block_on(async {
        let node = bed.coordinator().await;
        let jobs: v1::ListJobsResponse = ask(&node, "/aquifer.v1.Jobs/ListJobs", &[&v1::ListJobsRequest {}]).await;
        for job in jobs.jobs.into_iter().filter(|job| job.status == "running") {
            let cancel = v1::CancelRequest { job: job.id };
            let _: v1::CancelResponse = ask(&node, "/aquifer.v1.Jobs/Cancel", &[&cancel]).await;
        }
    });
    assert!(bed.train() == before, "the model is another one than before");
    bed.check(MEMORY_MIB_MAX);
}

fn only(known: &Known, service: &str) -> BTreeMap<&'static str, Vec<Call>> {
    let mut calls = known.calls();
    calls.retain(|path, _| path.contains(service));
    assert!(!calls.is_empty(), "{service}");
    calls
}

#[test]
fn a_coordinator_bears_mutated_messages() {
    let bed = Bed::up(1);
    let known = Known::of(&bed);
    let (jobs, mut membership) = (only(&known, ".Jobs/"), only(&known, ".Membership/"));
    let sessions = membership.remove(SESSION).expect("sessions");
    maltreat(&bed, At::Coordinator, jobs, MESSAGES, 1);
    maltreat(&bed, At::Coordinator, membership, MESSAGES / 2, 2);
    maltreat(&bed, At::Coordinator, BTreeMap::from([(SESSION, sessions)]), MESSAGES / 4, 3);
    impersonate(&bed, &known, MESSAGES / 4, 4);
    maltreat(&bed, At::Coordinator, only(&known, "grpc."), FEW, 5);
    recovers(&bed, &known.model_bytes);
}

#[test]
fn a_worker_bears_mutated_messages() {
    let bed = Bed::up(2);
    let known = Known::of(&bed);
    maltreat(&bed, At::Worker, only(&known, ".Peer/"), MESSAGES, 6);
    maltreat(&bed, At::OwnWorker, only(&known, "grpc."), FEW, 7);
    recovers(&bed, &known.model_bytes);
}

const SESSION: &str = "/aquifer.v1.Membership/Session";
/// A worker that is told nothing says something.
const SILENCE: Duration = Duration::from_millis(10);
/// Words of one session.
const WORDS_MAX: usize = 60;

/// Workers that are given work, and say of it what is not so.
fn impersonate(bed: &Bed, known: &Known, messages: usize, seed: u64) {
    let began = std::time::Instant::now();
    let (sent, work) = block_on(async {
        let node = bed.coordinator().await;
        let (mut sent, mut work) = (0, 0);
        let customers = (0..2).map(|number| submit_for_ever(&node, known, number));
        let mut customers = customers.collect::<Vec<_>>().into_iter();
        let (first, second) = (customers.next().expect("one"), customers.next().expect("two"));
        let workers = async {
            let mut lanes: Vec<_> = (0..4)
                .map(|lane| Impostor {
                    node: &node,
                    known,
                    dice: Dice::new(seed << 8 | lane, "impostor"),
                    lane,
                    sent: 0,
                    work: 0,
                })
                .collect();
            let [a, b, c, d] = &mut lanes[..] else { unreachable!("four") };
            let share = messages / 4;
            tokio::join!(a.run(share), b.run(share), c.run(share), d.run(share));
            lanes.into_iter().for_each(|lane| (sent, work) = (sent + lane.sent, work + lane.work));
        };
        tokio::select! {
            () = workers => {}
            () = first => {}
            () = second => {}
        }
        (sent, work)
    });
    let seconds = began.elapsed().as_secs_f32();
    println!("{sent} changed messages of impostors, {work} about what they were told to do, {seconds:.1} s");
    assert!(work > sent / 20, "impostors are given work");
    bed.check(MEMORY_MIB_MAX);
}

/// Keeps a job at work: an import that nobody has made, and a training of it.
async fn submit_for_ever(node: &Node, known: &Known, number: usize) {
    for turn in 0.. {
        let mut job = v1::TrainJob { spec_toml: ENDLESS.into(), ..known.asked.clone() };
        job.train.iter_mut().for_each(|source| source.shuffle = Some(turn * 10 + number as u64));
        let job = submit(node, &format!("impostors {number} {turn}"), job).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        let _: v1::CancelResponse = ask(node, "/aquifer.v1.Jobs/Cancel", &[&v1::CancelRequest { job }]).await;
    }
}

struct Impostor<'a> {
    node: &'a Node,
    known: &'a Known,
    dice: Dice,
    lane: u64,
    /// Changed words that it has said.
    sent: usize,
    /// Of those, what it was told to do something about.
    work: usize,
}

impl Impostor<'_> {
    async fn run(&mut self, messages: usize) {
        let mut sessions = 0;
        while self.sent < messages {
            sessions += 1;
            self.session(20_000 + self.lane * 1000 + sessions % 1000).await;
        }
    }

    async fn session(&mut self, port: u64) {
        let (words, outgoing) = tokio::sync::mpsc::unbounded_channel();
        let _ = words.send(self.known.register_at(&format!("http://127.0.0.1:{port}")));
        let begun = self.node.begin(SESSION, UnboundedReceiverStream::new(outgoing)).await;
        let mut commands = begun.unwrap_or_else(|status| panic!("a registration as it should be: {status:?}"));
        for _ in 0..WORDS_MAX {
            let command = match tokio::time::timeout(SILENCE, commands.next()).await {
                Ok(Some(Ok(command))) => v1::SessionResponse::decode(command.as_slice()).expect("a command").message,
                Ok(_) => return, // it was disconnected
                Err(_) => None,
            };
            let told = command.is_some();
            for said in self.replies(command) {
                let honest = self.known.words(said);
                let message = if self.dice.one_in(3) { honest.clone() } else { mutated(&mut self.dice, &honest) };
                let changed = message != honest;
                let _ = words.send(message);
                self.sent += usize::from(changed);
                self.work += usize::from(changed && told);
            }
        }
    }

    /// What an honest worker might say to a command; to none what comes to its mind.
    fn replies(&mut self, command: Option<Command>) -> Vec<Said> {
        match command {
            None => vec![self.dice.pick(&self.known.said()).clone()],
            Some(Command::ImportShard(v1::ImportShard { job, slot, shard, plan_json, .. })) => {
                let plan: Plan = serde_json::from_str(&plan_json).expect("a plan");
                let (_, record) = import_shard_in_memory(&plan, shard as usize).expect("a shard");
                let record = serde_json::to_string(&record).expect("a record");
                let result = Some(v1::shard_imported::Result::RecordJson(record));
                vec![Said::ShardImported(v1::ShardImported { job, slot, shard, result })]
            }
            Some(Command::StartTrial(v1::StartTrial { generation, .. })) => self.known.said_of(&generation),
            Some(Command::StopTrial(v1::StopTrial { generation, .. })) => {
                vec![Said::TrialFailed(v1::TrialFailed { generation, stopped: true, ..Default::default() })]
            }
            Some(Command::DropShards(v1::DropShards { job, .. })) => {
                vec![Said::ShardsDropped(v1::ShardsDropped { job })]
            }
            Some(Command::Registered(_) | Command::ForgetStates(_)) => vec![Said::Renew(v1::Renew {})],
        }
    }
}
