//! The driver: one task, on a thread of its own, that feeds events to the core and carries out its effects. Durable ones first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aquifer_frame::Roots;
use aquifer_model::{Kind, Report};
use aquifer_proto::{Clock, JobEvent, beside};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use crate::awake::Awake;
use crate::core::{Command, Effect, Event, JobId, JobRow, State, TrialRow, WorkerId};
use crate::feed::Feeds;
use crate::journal::{Journal, JournalError};
use crate::planning::plan_files;
use crate::record::Record;
use crate::store::{Store, source_changes};

/// Time passes in steps of this at least.
const TICK: Duration = Duration::from_millis(500);
/// Events that share one transaction.
const GROUP_MAX: usize = 64;
/// Whoever asks whether the journal can be written makes it write once in this time, not more often.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

enum Message {
    Event(Box<Event>),
    Ask(Box<dyn FnOnce(&State) + Send>),
    Tick,
    /// Whether the journal can be written.
    Probe(oneshot::Sender<bool>),
    Stop,
}

/// How services reach the driver. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Handle {
    sender: mpsc::UnboundedSender<Message>,
    sessions: Sessions,
    pub(crate) feeds: Feeds,
    pub(crate) record: Record,
}

type Sessions = Arc<Mutex<BTreeMap<WorkerId, mpsc::UnboundedSender<Command>>>>;

impl Handle {
    pub(crate) fn send(&self, event: Event) {
        // The driver outlives the services; if it is gone, the process is ending.
        let _ = self.sender.send(Message::Event(Box::new(event)));
    }

    /// Asks the state, after all that was sent before.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, receive) = oneshot::channel();
        let ask = Message::Ask(Box::new(move |state| drop(answer.send(question(state)))));
        self.sender.send(ask).ok()?;
        receive.await.ok()
    }

    /// Whether the journal can be written; `None` once the driver has ended.
    pub(crate) async fn journal_works(&self) -> Option<bool> {
        let (answer, receive) = oneshot::channel();
        self.sender.send(Message::Probe(answer)).ok()?;
        receive.await.ok()
    }

    /// Opens a worker's channel of commands; dropped by the driver, it ends the session.
    pub(crate) fn open_session(&self, worker: &WorkerId) -> mpsc::UnboundedReceiver<Command> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.lock().insert(worker.clone(), sender);
        receiver
    }

    pub(crate) fn close_session(&self, worker: &WorkerId) {
        self.lock().remove(worker);
    }

    pub(crate) fn stop(&self) {
        let _ = self.sender.send(Message::Stop);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<WorkerId, mpsc::UnboundedSender<Command>>> {
        self.sessions.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The core with all that carries out its effects.
pub(crate) struct Driver {
    state: State,
    journal: Box<dyn Journal>,
    clock: Arc<dyn Clock>,
    store: Store,
    roots: Arc<Roots>,
    handle: Handle,
    inbox: mpsc::UnboundedReceiver<Message>,
    /// When the journal was tried, and whether it could be written.
    probed: Option<(Duration, bool)>,
}

impl Driver {
    pub(crate) fn new(
        state: State,
        journal: Box<dyn Journal>,
        clock: Arc<dyn Clock>,
        store: Store,
        roots: Arc<Roots>,
    ) -> (Self, Handle) {
        let (sender, inbox) = mpsc::unbounded_channel();
        let clock = Arc::new(Awake::new(clock));
        let (sessions, feeds, record) = (Sessions::default(), Feeds::new(state.term), Record::default());
        let handle = Handle { sender, sessions, feeds, record };
        (Self { state, journal, clock, store, roots, handle: handle.clone(), inbox, probed: None }, handle)
    }

    /// Runs until it is told to stop.
    pub(crate) async fn run(mut self) {
        tokio::spawn(tick(self.handle.sender.clone()));
        while let Some(message) = self.inbox.recv().await {
            let mut effects = Vec::new();
            let mut idle = false;
            if matches!(message, Message::Stop) {
                return;
            }
            self.take(message, &mut effects);
            for _ in 1..GROUP_MAX {
                match self.inbox.try_recv() {
                    Ok(Message::Stop) => return,
                    Ok(message) => self.take(message, &mut effects),
                    Err(_) => {
                        idle = true;
                        break;
                    }
                }
            }
            // Renewals that wait in the inbox count: no lease runs out because this thread was busy.
            if idle {
                self.step(Event::Tick, &mut effects);
            }
            self.carry_out(effects);
        }
    }

    fn take(&mut self, message: Message, effects: &mut Vec<Effect>) {
        match message {
            Message::Event(event) => self.step(*event, effects),
            // An answer must not run ahead of the effects of what came before it.
            Message::Ask(question) => {
                self.carry_out(std::mem::take(effects));
                question(&self.state);
            }
            Message::Probe(answer) => drop(answer.send(self.probe())),
            Message::Tick | Message::Stop => {}
        }
    }

    fn step(&mut self, event: Event, effects: &mut Vec<Effect>) {
        let now = self.clock.now();
        self.handle.record.see_event(&self.state, now, &event);
        effects.extend(self.state.step(now, event));
    }

    fn probe(&mut self) -> bool {
        let now = self.clock.now();
        if let Some((_, works)) = self.probed.filter(|(at, _)| now < *at + PROBE_INTERVAL) {
            return works;
        }
        let tried = self.journal.probe();
        if let Err(error) = &tried {
            error!(%error, "the journal cannot be written");
        }
        self.probed = Some((now, tried.is_ok()));
        tried.is_ok()
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let (mut rows, mut trials): (Vec<JobRow>, Vec<TrialRow>) = Default::default();
        for effect in &effects {
            match effect {
                Effect::Persist(row) => rows.push((**row).clone()),
                Effect::PersistTrial(row) => trials.push((**row).clone()),
                _ => {}
            }
        }
        aquifer_fault::kill_point("coordinator.step.done");
        if !(rows.is_empty() && trials.is_empty())
            && let Err(cause) = self.commit(&rows, &trials)
        {
            error!(error = %cause, "the journal cannot be written");
            let report = Report::from(&cause);
            // What these jobs decided is not carried out, and they end; other jobs' effects of the same group are.
            let of_trials = trials.into_iter().map(|row| row.job);
            let failed: BTreeSet<JobId> = rows.into_iter().map(|row| row.id).chain(of_trials).collect();
            for job in &failed {
                self.handle.feeds.publish(job, JobEvent::Failed { report: report.clone() });
                self.handle.send(Event::EffectFailed { job: job.clone(), report: report.clone() });
            }
            let of_others = |effect: &Effect| effect.job().is_none_or(|job| !failed.contains(job));
            effects.into_iter().filter(of_others).for_each(|effect| self.carry_out_one(effect));
            return;
        }
        aquifer_fault::kill_point("coordinator.journal.committed");
        effects.into_iter().for_each(|effect| self.carry_out_one(effect));
    }

    fn commit(&mut self, rows: &[JobRow], trials: &[TrialRow]) -> Result<(), JournalError> {
        let committed = self.journal.commit(rows, trials);
        self.handle.record.committed(committed.is_ok());
        self.probed = Some((self.clock.now(), committed.is_ok()));
        committed
    }

    fn carry_out_one(&mut self, effect: Effect) {
        self.handle.record.see_effect(&effect);
        match effect {
            Effect::Persist(_) | Effect::PersistTrial(_) => {}
            Effect::ClearSums { identities, .. } => {
                // They only take room.
                if let Err(error) = self.journal.clear_sums(&identities) {
                    warn!(%error, "sums of folds stay in the journal");
                }
            }
            Effect::FindTrials { job, data, mine } => {
                aquifer_fault::kill_point("coordinator.trials.unread");
                let found = self.journal.trials(&data).unwrap_or_else(|error| {
                    warn!(%error, "what was found before cannot be read: it is found again");
                    Vec::new()
                });
                let mut rows: Vec<TrialRow> = found.into_iter().filter(|row| !mine || row.job == job).collect();
                for row in &mut rows {
                    if let Some(model) = &mut row.model {
                        model.kept = row.job == job && model.path.exists();
                    }
                }
                let checkpoints = self.store.checkpoints(&job);
                self.handle.send(Event::TrialsFound { job, rows, checkpoints });
            }
            Effect::AppendPoint { job, line } => {
                if let Err(error) = self.store.append_point(&job, &line) {
                    warn!(%error, "a metric point is not kept");
                }
            }
            Effect::RemoveCheckpoints { job, identities } => {
                if let Err(error) = self.store.remove_checkpoints(&job, identities.as_deref()) {
                    warn!(%error, "a checkpoint that nobody needs stays");
                }
            }
            Effect::RemoveModel { path, .. } => drop(std::fs::remove_file(path)),
            Effect::Forget { job } => {
                if let Err(error) = self.journal.forget(&job) {
                    warn!(%error, "trials of a cancelled job stay in the journal");
                }
                self.store.forget(&job);
            }
            Effect::Send { worker, command } => {
                aquifer_fault::kill_point("coordinator.command");
                if self.handle.lock().get(&worker).is_none_or(|session| session.send(command).is_err()) {
                    warn!(%worker, "a command found no session");
                }
            }
            Effect::Disconnect { worker, .. } => self.handle.close_session(&worker),
            Effect::Plan { job, slot, files, options, shuffle } => {
                let (store, roots) = (self.store.clone(), self.roots.clone());
                self.beside(
                    move || plan_files(&store, &roots, &files, &options, shuffle),
                    move |result| Event::Planned { job, slot, result },
                );
            }
            Effect::LoadFrame { job, slot, name } => {
                let (store, roots) = (self.store.clone(), self.roots.clone());
                let load = move || {
                    let stored = store.load(&name)?;
                    let notes = source_changes(&stored, &name, &roots).into_iter().collect();
                    Ok((Box::new(stored), notes))
                };
                self.beside(load, move |result| Event::FrameLoaded { job, slot, result });
            }
            Effect::SaveFrame { job, frame, name } => {
                aquifer_fault::kill_point("coordinator.frame.unsaved");
                let result = self.store.save(&frame, name.as_deref()).map_err(Report::from);
                aquifer_fault::kill_point("coordinator.frame.saved");
                self.handle.send(Event::FrameSaved { job, result });
                self.trim_cache();
            }
            Effect::Notify { job, event } => self.handle.feeds.publish(&job, event),
        }
    }

    /// Files may be many: they are read beside the driver.
    fn beside<T>(
        &self,
        work: impl FnOnce() -> Result<T, Report> + Send + 'static,
        event: impl FnOnce(Result<T, Report>) -> Event + Send + 'static,
    ) {
        let handle = self.handle.clone();
        beside(move || {
            let panicked = |_| Err(Report::new(Kind::Work, "panic", "planning panicked: this is a bug"));
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(panicked);
            handle.send(event(result));
        });
    }

    /// A cache that stays too large fails no job.
    fn trim_cache(&self) {
        match self.store.trim(&self.state.shards_in_use()) {
            Ok(shards) if shards.is_empty() => {}
            Ok(shards) => self.handle.send(Event::ShardsRemoved { shards }),
            Err(error) => warn!(%error, "the cache cannot be trimmed"),
        }
    }
}

/// Time passes for the driver, as long as it is there. It has no timer itself: it may outlive the runtime, which they do not.
async fn tick(driver: mpsc::UnboundedSender<Message>) {
    while driver.send(Message::Tick).is_ok() {
        tokio::time::sleep(TICK).await;
    }
}

#[cfg(test)]
mod tests {
    use aquifer_proto::{Manual, on_own_thread};

    use super::*;
    use crate::core::{JobStatus, Request, Source};
    use crate::journal::{Left, MemoryJournal};

    fn submitted(job: &JobId, workers_min: u32) -> Event {
        let request = Request::Import { name: "x".into(), source: Source::Frame("no such frame".into()) };
        Event::Submitted { job: job.clone(), request: Box::new(request), workers_min, created_ms: 0 }
    }

    /// Events published to a job, up to its last.
    fn until_last(handle: &Handle, job: &JobId) -> JobEvent {
        loop {
            let (events, _) = handle.feeds.after(job, 0).unwrap();
            if let Some((_, event)) = events.into_iter().find(|(_, event)| event.is_last()) {
                return event;
            }
            std::thread::yield_now();
        }
    }

    fn start(journal: &MemoryJournal) -> (Handle, oneshot::Receiver<()>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), folder.path(), None).unwrap();
        let (clock, roots) = (Arc::new(Manual::default()), Arc::new(Roots::default()));
        let (driver, handle) = Driver::new(State::new(1), Box::new(journal.clone()), clock, store, roots);
        (handle, on_own_thread(driver.run()), folder)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_client_hears_is_on_disk_first() {
        let (journal, job) = (MemoryJournal::default(), JobId("a".into()));
        let (handle, driver, _folder) = start(&journal);
        handle.feeds.open(&job);
        handle.send(submitted(&job, 1));
        let JobEvent::Failed { report } = until_last(&handle, &job) else { panic!("there is no such frame") };
        assert_eq!(report.code, "no_frame");
        assert_eq!(journal.clone().jobs().unwrap()[0].status, JobStatus::Failed);
        handle.stop();
        assert!(driver.await.is_err(), "it has ended");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_coordinator_that_cannot_write_its_journal_is_not_ready() {
        let journal = MemoryJournal::default();
        let (handle, _driver, _folder) = start(&journal);
        assert_eq!(handle.journal_works().await, Some(true));
        journal.crash_after(0, Left::Nothing);
        let (handle_of_full, _full, _folder) = start(&journal);
        assert_eq!(handle_of_full.journal_works().await, Some(false));
        assert_eq!(
            handle.journal_works().await,
            Some(true),
            "it was tried a moment ago: nobody makes it write at will"
        );
        handle.stop();
        handle_of_full.stop();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_journal_that_cannot_be_written_fails_the_job_aloud() {
        let (journal, job) = (MemoryJournal::default(), JobId("b".into()));
        journal.crash_after(0, Left::Nothing);
        let (handle, driver, _folder) = start(&journal);
        handle.feeds.open(&job);
        handle.send(submitted(&job, 1));
        let JobEvent::Failed { report } = until_last(&handle, &job) else { panic!("the journal is gone") };
        assert_eq!(report.code, "journal");
        assert!(journal.clone().jobs().unwrap().is_empty());
        handle.stop();
        assert!(driver.await.is_err(), "it has ended");
    }
}
