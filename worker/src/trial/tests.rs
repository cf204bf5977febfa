//! Whole trials in one process: real shards, real learning, members that exchange through channels, an executor that maps
//! ranks in a seeded order. Whatever the sharing and the seed, the model is the same bytes.

use std::path::Path;

use aquifer_frame::Philox;
use aquifer_frame::{Deal, Encoding, Folds, Frame, Roots, SourceOptions, import_shard, plan_with_shard_rows, survey};
use aquifer_model::{FitSpec, Part, Spec};
use aquifer_proto::{Credentials, Manual, PartPlan, ShardHolders, StateFrom, Tcp, Token, TrialPlan};
use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::executor::Inline;
use crate::link;
use crate::store::Store;

/// A frame of several shards in a store, and a trial on it.
fn prepare(dir: &Path, settings: &[&str]) -> CohortPlan {
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
    CohortPlan {
        encoding,
        folds: None,
        trials: vec![trial(0, fit, None)],
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

/// Its identity is its number: here nobody has another trial of the same.
fn trial(at: usize, fit: FitSpec, fold: Option<u32>) -> TrialPlan {
    TrialPlan { identity: at.to_string(), fit, fold, keeps_model: fold.is_none(), from: None, check_at: None }
}

/// One member on a thread of its own, until its trial ends; then it tells the others, who may wait for it.
fn member(
    dir: &Path,
    plan: CohortPlan,
    list: Vec<v1::Member>,
    me: usize,
    seed: u64,
    links: Links,
) -> Result<Vec<Vec<u8>>, End> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let node = node(dir, seed, me as u64);
    let Links { inboxes, events } = links;
    let way = |(member, inbox): (usize, &UnboundedSender<TrialEvent>)| {
        (member != me).then(|| forward(member, inbox.clone(), inboxes[me].clone()))
    };
    let peers = inboxes.iter().enumerate().map(way).collect();
    let id = GenerationId { term: 1, trial: "t".into(), number: 1 };
    let trials = plan.trials.len();
    let assignment = Assignment { id, members: list, me, plan };
    let inbox = Inbox { sender: inboxes[me].clone(), stop: Arc::default() };
    let mut cohort = runtime.block_on(Cohort::begin(&node, assignment, peers, events, &inbox))?;
    let ended = runtime.block_on(to_the_end(&mut cohort)).and_then(|ended| {
        let failed = ended.into_iter().find_map(|(_, ended)| ended.err());
        failed.map_or(Ok(()), |report| Err(End::Failed(report)))
    });
    if ended.is_err() {
        inboxes.iter().for_each(|inbox| drop(inbox.send(TrialEvent::Stop)));
    }
    ended?;
    (0..trials).map(|at| Ok(result_of(&cohort, at)?)).collect()
}

/// How each trial ended.
async fn to_the_end(cohort: &mut Cohort<'_>) -> Result<Vec<(usize, Result<(), Report>)>, End> {
    let mut all = Vec::new();
    while let Some(ended) = cohort.next_ended().await? {
        all.extend(ended);
    }
    Ok(all)
}

fn node(dir: &Path, seed: u64, incarnation: u64) -> Node {
    Node {
        states: States::default(),
        shards: Shards {
            store: Store::open(dir).unwrap(),
            roots: Arc::new(Roots::default()),
            links: link::Links {
                network: Arc::new(Tcp),
                credentials: Credentials { token: Token::new("t").unwrap(), tls: None },
                peers: Token::new("t").unwrap(),
            },
            coordinator: String::new(),
            own_address: String::new(),
            fetching: Arc::default(),
        },
        executor: Arc::new(Inline::new(seed, 1 + seed as usize % 3)),
        budget: Arc::new(Budget::new(0)),
        clock: Arc::new(Manual::default()),
        counters: Arc::default(),
        incarnation,
        said: unbounded_channel().0,
    }
}

/// What a trial found: its model, or of a fold the scores and the sums.
fn result_of(cohort: &Cohort<'_>, at: usize) -> Result<Vec<u8>, Report> {
    if let Some((model, scores)) = cohort.model(at)? {
        return Ok([model, scores].concat());
    }
    let finished = cohort.finished(at);
    Ok(format!("{} {:?}", finished.outcome_json, cohort.sums(at)).into_bytes())
}

/// A member's inbox, and the way to all of them.
struct Links {
    inboxes: Vec<UnboundedSender<TrialEvent>>,
    events: UnboundedReceiver<TrialEvent>,
}

/// Runs one plan a member, all at once; returns how each ended.
fn train(dir: &Path, plans: &[CohortPlan], seed: u64) -> Vec<Result<Vec<Vec<u8>>, End>> {
    let members = plans.len() as u32;
    let cut = |k: u32| k * plans[0].trials[0].fit.params.ranks / members;
    let entry = |k: u32| v1::Member {
        worker: format!("worker {k}"),
        incarnation: u64::from(k),
        rank_first: cut(k),
        rank_count: cut(k + 1) - cut(k),
        ..v1::Member::default()
    };
    let list: Vec<v1::Member> = (0..members).map(entry).collect();
    let (inboxes, events): (Vec<_>, Vec<_>) = (0..members).map(|_| unbounded_channel()).unzip();
    std::thread::scope(|scope| {
        let start = |(me, (events, plan)): (usize, (UnboundedReceiver<TrialEvent>, &CohortPlan))| {
            let (list, plan, links) = (list.clone(), plan.clone(), Links { inboxes: inboxes.clone(), events });
            scope.spawn(move || member(dir, plan, list, me, seed + me as u64, links))
        };
        let threads: Vec<_> = events.into_iter().zip(plans).enumerate().map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// A peer's stream without a network.
fn forward(
    member: usize,
    inbox: UnboundedSender<TrialEvent>,
    own: UnboundedSender<TrialEvent>,
) -> UnboundedSender<ExchangeRequest> {
    let (sender, mut receiver) = unbounded_channel();
    std::thread::spawn(move || {
        while let Some(message) = receiver.blocking_recv() {
            if inbox.send(TrialEvent::Message(Box::new(message))).is_err() {
                return;
            }
        }
        let _ = own.send(TrialEvent::Delivered { member });
    });
    sender
}

fn check(settings: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let plan = prepare(folder.path(), settings);
    let expected = train(folder.path(), std::slice::from_ref(&plan), 0).remove(0).unwrap();
    for members in 1..=plan.trials[0].fit.params.ranks.min(5) {
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
fn members_whose_states_differ_stop() {
    let folder = tempfile::tempdir().unwrap();
    let plan = prepare(folder.path(), &["ranks=2"]);
    let mut other = plan.clone();
    other.trials[0].fit.params.seed += 1; // other initial weights: the first round's check finds it
    let ended = train(folder.path(), &[plan, other], 1);
    let checks: Vec<u64> = ended
        .iter()
        .filter_map(|end| match end {
            Err(End::Differs { trial: 0, round: 0, check }) => Some(*check),
            _ => None,
        })
        .collect();
    assert!(!checks.is_empty(), "{ended:?}");
    assert!(checks.windows(2).all(|pair| pair[0] != pair[1]), "each has its own");
}

/// Folds and whole fits of different nets, some of which stop early: as one cohort and each alone, on one member or several,
/// they find the same.
#[test]
fn a_trial_does_not_depend_on_its_cohort() {
    let folder = tempfile::tempdir().unwrap();
    for settings in [
        &["ranks=2", "epochs=3", "score_interval=0.5", "stopping_rounds=1", "stopping_tolerance=0.01"][..],
        &["ranks=1", "epochs=0.6", "averaging.mode=gradient"],
        &["ranks=5", "epochs=1", "hidden=[]", "shuffle=blocks", "score_interval=0.3"],
    ] {
        let mut plan = prepare(folder.path(), settings);
        let fit = plan.trials[0].fit.clone();
        plan.folds = Some(Folds::deal(3, Deal::Stratified, 1, &plan.encoding));
        for fold in [None, Some(0), Some(2)] {
            for hidden in [vec![8], vec![12, 4], vec![]] {
                let mut fit = fit.clone();
                fit.params.hidden = if fit.params.hidden.is_empty() { Vec::new() } else { hidden };
                fit.params.l2 = f64::from(fold.unwrap_or(7)) * 1e-4;
                fit.params.epochs *= if fold == Some(2) { 0.5 } else { 1.0 };
                plan.trials.push(trial(plan.trials.len(), fit, fold));
            }
        }
        let together = train(folder.path(), std::slice::from_ref(&plan), 3).remove(0).unwrap();
        for (at, trial) in plan.trials.iter().enumerate() {
            let alone = CohortPlan { trials: vec![trial.clone()], ..plan.clone() };
            let alone = train(folder.path(), &[alone], 5).remove(0).unwrap();
            assert!(alone[0] == together[at], "{settings:?}: trial {at}, {trial:?}");
        }
        for members in 2..=plan.trials[0].fit.params.ranks.min(3) {
            let all = train(folder.path(), &vec![plan.clone(); members as usize], u64::from(members));
            let first = all.into_iter().next().unwrap().unwrap();
            assert!(first == together, "{settings:?}: {members} members");
        }
    }
}

/// A cohort that is stopped after any number of rounds goes on from the states that were held, in another process: what it
/// finds is what it finds undisturbed.
#[test]
fn a_trial_goes_on_from_where_it_was_stopped() {
    let folder = tempfile::tempdir().unwrap();
    for settings in [
        &["ranks=2", "epochs=3", "score_interval=0.5", "stopping_rounds=1", "stopping_tolerance=0.01"][..],
        &["ranks=3", "epochs=0.6", "averaging.mode=gradient", "optimizer=sgd"],
        &["ranks=5", "epochs=1", "hidden=[]", "shuffle=blocks", "lazy_adam=true"],
    ] {
        let mut plan = prepare(folder.path(), settings);
        let fit = plan.trials[0].fit.clone();
        plan.folds = Some(Folds::deal(3, Deal::Stratified, 1, &plan.encoding));
        plan.trials.push(trial(1, fit.clone(), Some(1)));
        let undisturbed = train(folder.path(), std::slice::from_ref(&plan), 3).remove(0).unwrap();
        for seed in 0..3 {
            let found = stopped_and_gone_on(folder.path(), plan.clone(), seed);
            assert!(found.0 == undisturbed, "{settings:?}: seed {seed}, stopped {} times", found.1);
            assert!(found.1 > 2, "it must be stopped in its midst");
        }
    }
}

/// What the trials of a cohort find that is stopped again and again; and how often it was.
fn stopped_and_gone_on(dir: &Path, mut plan: CohortPlan, seed: u64) -> (Vec<Vec<u8>>, u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let random = Philox::new(seed, "stops");
    let mut found: Vec<Option<Vec<u8>>> = vec![None; plan.trials.len()];
    // What the coordinator has of the trials: checkpoints travel as bytes.
    let mut states: Vec<Option<Vec<u8>>> = vec![None; plan.trials.len()];
    for stops in 0.. {
        let node = node(dir, seed + u64::from(stops), 0);
        for (at, state) in states.iter().enumerate() {
            let Some(bytes) = state else { continue };
            let snapshot = aquifer_model::Snapshot::from_bytes(bytes).unwrap();
            let round = snapshot.state.record.round;
            node.states.hold("t", snapshot, std::time::Duration::ZERO);
            plan.trials[at].from = Some(StateFrom { round, holders: Vec::new(), checkpoint: false });
        }
        let (sender, events) = unbounded_channel();
        let inbox = Inbox { sender, stop: Arc::default() };
        let ranks = plan.trials[0].fit.params.ranks;
        let members = vec![v1::Member { rank_count: ranks, ..v1::Member::default() }];
        let id = GenerationId { term: 1, trial: "t".into(), number: stops.into() };
        let assignment = Assignment { id, members, me: 0, plan: plan.clone() };
        let begun = runtime.block_on(Cohort::begin(&node, assignment, vec![None], events, &inbox));
        let mut cohort = begun.unwrap_or_else(|_| panic!("it goes on"));
        let rounds = 1 + random.draw(stops, 0, 0)[0] % 3;
        let over = (0..rounds).find_map(|_| (!cohort.one_round().unwrap()).then_some(())).is_some();
        for at in cohort.take_ended() {
            found[at] = Some(result_of(&cohort, at).unwrap());
        }
        if over {
            return (found.into_iter().map(Option::unwrap).collect(), stops);
        }
        cohort.hold();
        for (identity, held) in node.states.all() {
            states[identity.parse::<usize>().unwrap()] = Some(held.snapshot.to_bytes());
        }
    }
    unreachable!()
}

/// One that diverges ends alone.
#[test]
fn a_trial_that_fails_leaves_its_cohort_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = prepare(folder.path(), &["ranks=2", "optimizer=sgd"]);
    let good = plan.trials[0].clone();
    plan.trials[0].fit.params.learning_rate = 1e30;
    plan.trials.push(good.clone());
    let alone = CohortPlan { trials: vec![good], ..plan.clone() };
    let expected = train(folder.path(), &[alone], 1).remove(0).unwrap().remove(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let node = node(folder.path(), 1, 0);
    let (sender, events) = unbounded_channel();
    let inbox = Inbox { sender, stop: Arc::default() };
    let members = vec![v1::Member { rank_count: 2, ..v1::Member::default() }];
    let id = GenerationId { term: 1, trial: "t".into(), number: 1 };
    let assignment = Assignment { id, members, me: 0, plan };
    let mut cohort = runtime.block_on(Cohort::begin(&node, assignment, vec![None], events, &inbox)).unwrap();
    let ended = runtime.block_on(to_the_end(&mut cohort)).unwrap();
    let ended: Vec<_> = ended.into_iter().map(|(at, how)| (at, how.map_err(|report| report.code))).collect();
    assert_eq!(ended, [(0, Err("diverged".to_owned())), (1, Ok(()))]);
    assert!(result_of(&cohort, 1).unwrap() == expected);
}

/// What does not fit is refused before a row is read, with the number that would.
#[test]
fn a_cohort_that_does_not_fit_says_how_many_would() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = prepare(folder.path(), &["ranks=2"]);
    plan.trials = vec![plan.trials[0].clone(); 50];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let begin = |mib: u64| {
        let mut node = node(folder.path(), 1, 0);
        node.budget = Arc::new(Budget::new(mib << 20));
        let (sender, events) = unbounded_channel();
        let inbox = Inbox { sender, stop: Arc::default() };
        let members = vec![v1::Member { rank_count: 2, ..v1::Member::default() }];
        let id = GenerationId { term: 1, trial: "t".into(), number: 1 };
        let assignment = Assignment { id, members, me: 0, plan: plan.clone() };
        match runtime.block_on(Cohort::begin(&node, assignment, vec![None], events, &inbox)) {
            Err(End::TooLarge { report, fit, .. }) => {
                assert_eq!(report.code, "memory_too_small");
                fit
            }
            Err(other) => panic!("{other:?}"),
            Ok(_) => 50,
        }
    };
    let fit: Vec<usize> = [25, 60, 100, 150, 2000].into_iter().map(begin).collect();
    assert!(fit.windows(2).all(|pair| pair[0] <= pair[1]), "{fit:?}");
    assert_eq!((fit[0], fit[4]), (0, 50), "{fit:?}");
    assert!(fit[1..4].iter().any(|fit| (1..50).contains(fit)), "{fit:?}");
}
