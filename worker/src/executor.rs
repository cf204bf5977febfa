//! Executors: where ranks are mapped and shards are made. Never on a thread of tokio.
//!
//! A pool has as many threads as the worker may use, and ranks, steps and shards are computed on them: a trial's rounds too
//! ([`Executor::enter`]), whose thread waits meanwhile. So no more threads compute than there are, however many trials
//! and imports there are.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use aquifer_frame::{Philox, below};
use aquifer_learn::Crew;

/// A piece of work that sends its own result.
pub type Task = Box<dyn FnOnce() + Send>;

/// Runs work, in whatever order; results must not depend on it.
pub trait Executor: Send + Sync {
    /// Begins a task of its own.
    fn submit(&self, task: Task);

    /// Runs `work` where it may share itself out to the crew, and returns when it is done.
    fn enter(&self, work: &mut (dyn FnMut() + Send));

    /// Those who share work out.
    fn crew(&self) -> &dyn Crew;

    /// A cohort goes on so long before others that wait for the executor have their turn …
    fn turn(&self) -> Duration {
        TURN
    }

    /// … and rests so long after it.
    fn rest(&self) -> Duration {
        Duration::ZERO
    }

    /// Drops what has not begun, and waits for the tasks that are being done, at most `limit`.
    fn join(&self, limit: Duration);
}

const TURN: Duration = Duration::from_millis(50);

/// Threads that steal work from each other. To wake one takes as long as a step of a small batch: after a short piece of
/// work the others stay awake for the next one, which mostly comes soon.
pub struct ThreadPool {
    pool: rayon::ThreadPool,
    submitted: Arc<Submitted>,
    /// Set when there is work again for those who stay awake.
    awake: Mutex<Arc<AtomicBool>>,
    /// Of those who stay awake, or will.
    waking: Arc<AtomicUsize>,
    /// More threads than cores would only take them from each other while they stay awake.
    cores: usize,
}

/// A piece of work that is over so soon is followed by another one …
const SHORT: Duration = Duration::from_millis(2);
/// … which is waited for at most so long.
const AWAKE_MAX: Duration = Duration::from_micros(100);
/// Turns of the waiting loop between two times that others may go first.
const LOOKS: u32 = 64;

/// Tasks that are not done yet.
#[derive(Default)]
struct Submitted {
    count: Mutex<usize>,
    fewer: Condvar,
    closed: AtomicBool,
}

impl ThreadPool {
    pub fn new(threads: usize) -> std::io::Result<Self> {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1));
        let pool = builder.thread_name(|at| format!("compute-{at}")).build().map_err(std::io::Error::other)?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self { pool, submitted: Arc::default(), awake: Mutex::default(), waking: Arc::default(), cores })
    }
}

impl Submitted {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Executor for ThreadPool {
    fn submit(&self, task: Task) {
        let submitted = self.submitted.clone();
        *submitted.lock() += 1;
        self.pool.spawn_fifo(move || {
            if !submitted.closed.load(Ordering::SeqCst) {
                // A task that panics has dropped its sender, which its waiter notices; the thread goes on.
                let _ = catch_unwind(AssertUnwindSafe(task));
            }
            *submitted.lock() -= 1;
            submitted.fewer.notify_all();
        });
    }

    fn enter(&self, work: &mut (dyn FnMut() + Send)) {
        self.pool.install(work);
    }

    fn crew(&self) -> &dyn Crew {
        self
    }

    fn join(&self, limit: Duration) {
        self.submitted.closed.store(true, Ordering::SeqCst);
        let until = Instant::now() + limit;
        let mut count = self.submitted.lock();
        while *count > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.submitted.fewer.wait_timeout(count, left);
            count = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }
}

impl Crew for ThreadPool {
    fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Parts are tickets: whoever is free takes the next one, so that those of few numbers are done first.
    fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        if self.threads() == 1 || parts < 2 {
            return (0..parts).for_each(work);
        }
        let began = Instant::now();
        self.call_back();
        let next = AtomicUsize::new(0);
        let take = || {
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= parts {
                    return;
                }
                work(part);
            }
        };
        self.pool.scope(|scope| {
            for _ in 1..self.threads().min(parts) {
                scope.spawn(|_| take());
            }
            take();
        });
        if began.elapsed() < SHORT {
            self.keep_awake();
        }
    }
}

impl ThreadPool {
    fn call_back(&self) {
        self.awake.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).store(true, Ordering::Release);
    }

    /// The threads that have nothing to do wait for the next piece of work without sleeping.
    fn keep_awake(&self) {
        let flag = Arc::new(AtomicBool::new(false));
        *self.awake.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = flag.clone();
        // Those of an earlier time who have not begun yet will do.
        for _ in self.waking.load(Ordering::Relaxed) + 1..self.threads().min(self.cores) {
            let (flag, waking) = (flag.clone(), self.waking.clone());
            waking.fetch_add(1, Ordering::Relaxed);
            self.pool.spawn(move || {
                let until = Instant::now() + AWAKE_MAX;
                while !flag.load(Ordering::Acquire) && Instant::now() < until {
                    (0..LOOKS).for_each(|_| std::hint::spin_loop());
                    std::thread::yield_now();
                }
                waking.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

/// No threads: parts are done by whoever asks, in an order that the seed picks.
pub struct Inline {
    threads: usize,
    turn: Mutex<u32>,
    random: Philox,
}

impl Inline {
    /// `threads` are those that it pretends to have.
    pub fn new(seed: u64, threads: usize) -> Self {
        Self { threads, turn: Mutex::new(0), random: Philox::new(seed, "executor.inline") }
    }
}

impl Executor for Inline {
    fn submit(&self, task: Task) {
        task();
    }

    fn enter(&self, work: &mut (dyn FnMut() + Send)) {
        work();
    }

    fn crew(&self) -> &dyn Crew {
        self
    }

    fn join(&self, _: Duration) {}
}

impl Crew for Inline {
    fn threads(&self) -> usize {
        self.threads
    }

    fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        let mut left: Vec<usize> = (0..parts).collect();
        while !left.is_empty() {
            let turn = {
                let mut turn = self.turn.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                *turn += 1;
                *turn
            };
            let pick = below(self.random.draw(turn, 0, 0)[0], left.len() as u32) as usize;
            work(left.swap_remove(pick));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    fn order_of(executor: &dyn Executor, parts: usize) -> Vec<usize> {
        let order = Mutex::new(Vec::new());
        executor.enter(&mut || executor.crew().run(parts, &|part| order.lock().unwrap().push(part)));
        order.into_inner().unwrap()
    }

    #[test]
    fn both_run_every_part_once() {
        for executor in [&ThreadPool::new(3).unwrap() as &dyn Executor, &Inline::new(1, 3)] {
            for parts in [0, 1, 2, 100] {
                let mut order = order_of(executor, parts);
                order.sort_unstable();
                assert_eq!(order, (0..parts).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_panic_ends_neither_its_thread_nor_its_waiter() {
        let pool = ThreadPool::new(1).unwrap();
        let (send, receive) = channel::<u32>();
        pool.submit(Box::new(move || {
            let _held = send;
            panic!("on purpose");
        }));
        assert!(receive.recv().is_err());
        assert_eq!(order_of(&pool, 10).len(), 10);
    }

    #[test]
    fn what_has_not_begun_is_dropped_and_what_has_is_waited_for() {
        let pool = ThreadPool::new(1).unwrap();
        let (begun, begins) = channel();
        let (go, gone) = channel::<()>();
        let done = Arc::new(AtomicUsize::new(0));
        let (first, second) = (done.clone(), done.clone());
        pool.submit(Box::new(move || {
            begun.send(()).unwrap();
            gone.recv().unwrap();
            first.fetch_add(1, Ordering::SeqCst);
        }));
        pool.submit(Box::new(move || {
            second.fetch_add(10, Ordering::SeqCst);
        }));
        begins.recv().unwrap();
        pool.join(Duration::ZERO); // the first is at work: the limit ends the wait
        go.send(()).unwrap();
        pool.join(Duration::from_secs(60));
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn inline_order_is_the_seed_s() {
        assert_eq!(order_of(&Inline::new(1, 1), 20), order_of(&Inline::new(1, 1), 20));
        assert_ne!(order_of(&Inline::new(1, 1), 20), order_of(&Inline::new(2, 1), 20));
    }
}
