//! Whole trials in one process: real shards, real learning, members that exchange through channels, an executor that maps
//! ranks in a seeded order. Whatever the sharing and the seed, the model is the same bytes.

use std::path::Path;
use std::sync::mpsc::{Sender, channel};

use aquifer_frame::{Encoding, Frame, Roots, SourceOptions, import_shard, plan_with_shard_rows, survey};
use aquifer_model::{Part, Spec};
use aquifer_proto::{Manual, PartPlan, ShardHolders, Token};

use super::*;
use crate::executor::Inline;
use crate::store::Store;

/// A frame of several shards in a store, and a trial on it.
fn prepare(dir: &Path, settings: &[&str]) -> TrialPlan {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/adult/test.parquet");
    let store = Store::open(dir).unwrap();
    let plan = plan_with_shard_rows(survey(&[source.into()], &SourceOptions::default()).unwrap(), 5000);
    assert!(plan.shards.len() > 2);
    let import = |shard| import_shard(&plan, shard, store.shard_folder()).unwrap();
    let frame = Frame::merge(&plan, (0..plan.shards.len()).map(import).collect()).unwrap();
    let mut spec = Spec::default();
    for setting in ["target=income", "hidden=[8]", "mini_batch_size=16", "epochs=0.3"].iter().chain(settings) {
        spec.set(setting).unwrap();
    }
    let (encoding, _) = Encoding::fit(&frame, &spec.roles().unwrap()).unwrap();
    let fit = spec.resolve(frame.rows, &frame.content).unwrap();
    let holders = |record: &_| ShardHolders { record: Clone::clone(record), addresses: Vec::new() };
    let shards = frame.shards.iter().map(holders).collect();
    TrialPlan {
        fit,
        encoding,
        parts: vec![PartPlan {
            part: Part::Train,
            rows: frame.rows,
            side: None,
            plan,
            uploads: Default::default(),
            shards,
        }],
    }
}

/// One member on a thread of its own, until its trial ends; then it tells the others, who may wait for it.
fn member(
    dir: &Path,
    plan: TrialPlan,
    list: Vec<v1::Member>,
    me: usize,
    seed: u64,
    links: Links,
) -> Result<Vec<u8>, End> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let node = Node {
        shards: Shards {
            store: Store::open(dir).unwrap(),
            roots: Arc::new(Roots::default()),
            token: Token::new("t").unwrap(),
            coordinator: String::new(),
            own_address: String::new(),
            fetching: Arc::default(),
        },
        executor: Arc::new(Inline::new(seed, 1 + seed as usize % 3)),
        budget: Arc::new(Budget::new(0)),
        clock: Arc::new(Manual::default()),
        runtime: runtime.handle().clone(),
        incarnation: me as u64,
        said: tokio::sync::mpsc::unbounded_channel().0,
    };
    let Links { inboxes, events } = links;
    let peers = inboxes.iter().enumerate().map(|(k, inbox)| (k != me).then(|| forward(inbox.clone()))).collect();
    let id = GenerationId { term: 1, trial: "t".into(), number: 1 };
    let assignment = Assignment { id, members: list, me, plan };
    let inbox = Inbox { sender: inboxes[me].clone(), stop: Arc::default() };
    let mut rounds = Rounds::begin(&node, assignment, peers, events, &inbox)?;
    let ended = rounds.run();
    if ended.is_err() {
        inboxes.iter().for_each(|inbox| drop(inbox.send(TrialEvent::Stop)));
    }
    ended.and_then(|_| Ok(rounds.model()?))
}

/// A member's inbox, and the way to all of them.
struct Links {
    inboxes: Vec<Sender<TrialEvent>>,
    events: Receiver<TrialEvent>,
}

/// Runs one plan a member, all at once; returns how each ended.
fn train(dir: &Path, plans: &[TrialPlan], seed: u64) -> Vec<Result<Vec<u8>, End>> {
    let members = plans.len() as u32;
    let cut = |k: u32| k * plans[0].fit.params.ranks / members;
    let entry = |k: u32| v1::Member {
        worker: format!("worker {k}"),
        incarnation: u64::from(k),
        rank_first: cut(k),
        rank_count: cut(k + 1) - cut(k),
        ..v1::Member::default()
    };
    let list: Vec<v1::Member> = (0..members).map(entry).collect();
    let (inboxes, events): (Vec<_>, Vec<_>) = (0..members).map(|_| channel()).unzip();
    std::thread::scope(|scope| {
        let start = |(me, (events, plan)): (usize, (Receiver<TrialEvent>, &TrialPlan))| {
            let (list, plan, links) = (list.clone(), plan.clone(), Links { inboxes: inboxes.clone(), events });
            scope.spawn(move || member(dir, plan, list, me, seed + me as u64, links))
        };
        let threads: Vec<_> = events.into_iter().zip(plans).enumerate().map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// A peer's stream without a network.
fn forward(inbox: Sender<TrialEvent>) -> UnboundedSender<ExchangeRequest> {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while let Some(message) = receiver.blocking_recv() {
            if inbox.send(TrialEvent::Message(Box::new(message))).is_err() {
                return;
            }
        }
    });
    sender
}

fn check(settings: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let plan = prepare(folder.path(), settings);
    let expected = train(folder.path(), std::slice::from_ref(&plan), 0).remove(0).unwrap();
    for members in 1..=plan.fit.params.ranks.min(5) {
        let plans = vec![plan.clone(); members as usize];
        for model in train(folder.path(), &plans, u64::from(members)) {
            assert_eq!(model.unwrap(), expected, "{settings:?}, {members} members");
        }
    }
}

#[test]
fn any_sharing_and_any_order_give_the_same_model() {
    check(&["ranks=5"]);
    check(&["ranks=5", "averaging.mode=gradient"]);
    check(&["ranks=3", "optimizer=sgd", "hidden_dropout_ratios=[0.5]"]);
}

#[test]
fn one_rank_is_the_same_in_both_modes() {
    let folder = tempfile::tempdir().unwrap();
    let model = |mode| {
        let plan = prepare(folder.path(), &["ranks=1", mode]);
        train(folder.path(), &[plan], 7).remove(0).unwrap()
    };
    assert_eq!(model("averaging.mode=average"), model("averaging.mode=gradient"));
}

#[test]
fn a_member_whose_state_differs_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let plan = prepare(folder.path(), &["ranks=2"]);
    let mut other = plan.clone();
    other.fit.params.seed += 1; // other initial weights: the first round's check finds it
    let ended = train(folder.path(), &[plan, other], 1);
    let named =
        |end: &Result<_, End>| matches!(end, Err(End::Failed(report)) if report.message.contains("its state differs"));
    assert!(ended.iter().any(named), "{ended:?}");
}
