//! Executors: where ranks are mapped and shards are made. Never on a thread of tokio.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aquifer_frame::{Philox, below};

/// A piece of work that sends its own result.
pub type Task = Box<dyn FnOnce() + Send>;

/// Runs tasks, in whatever order; results must not depend on it.
pub trait Executor: Send + Sync {
    fn submit(&self, task: Task);

    /// Called by one who is about to wait: an executor without threads works here. False if it did nothing.
    fn drive(&self) -> bool;
}

/// Threads that take tasks in the order of submission.
pub struct ThreadPool {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Queue {
    tasks: Mutex<(VecDeque<Task>, bool)>,
    more: Condvar,
}

impl ThreadPool {
    pub fn new(threads: usize) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let start = |at| {
            let queue = queue.clone();
            std::thread::Builder::new().name(format!("compute-{at}")).spawn(move || queue.work())
        };
        let threads = (0..threads.max(1)).map(start).collect::<std::io::Result<_>>()?;
        Ok(Self { queue, threads })
    }

    /// Drops what is queued, and waits for the tasks that are being done, at most `limit`.
    pub fn join(&self, limit: Duration) {
        self.queue.close();
        let until = Instant::now() + limit;
        while !self.threads.iter().all(JoinHandle::is_finished) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Executor for ThreadPool {
    fn submit(&self, task: Task) {
        self.queue.lock().0.push_back(task);
        self.queue.more.notify_one();
    }

    fn drive(&self) -> bool {
        false
    }
}

impl Drop for ThreadPool {
    /// Threads end after the task they are at; what is queued is dropped.
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Queue {
    fn close(&self) {
        let mut tasks = self.lock();
        tasks.0.clear();
        tasks.1 = true;
        self.more.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, (VecDeque<Task>, bool)> {
        self.tasks.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn work(&self) {
        loop {
            let mut tasks = self.lock();
            let task = loop {
                if tasks.1 {
                    return;
                }
                match tasks.0.pop_front() {
                    Some(task) => break task,
                    None => tasks = self.more.wait(tasks).unwrap_or_else(|poisoned| poisoned.into_inner()),
                }
            };
            drop(tasks);
            // A task that panics has dropped its sender, which its waiter notices; the thread goes on.
            let _ = catch_unwind(AssertUnwindSafe(task));
        }
    }
}

/// No threads: tasks run when their waiter would wait, in an order that the seed picks.
pub struct Inline {
    state: Mutex<(Vec<Task>, u32)>,
    random: Philox,
}

impl Inline {
    pub fn new(seed: u64) -> Self {
        Self { state: Mutex::new((Vec::new(), 0)), random: Philox::new(seed, "executor.inline") }
    }
}

impl Executor for Inline {
    fn submit(&self, task: Task) {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).0.push(task);
    }

    fn drive(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (tasks, turn) = &mut *state;
        if tasks.is_empty() {
            return false;
        }
        let pick = below(self.random.draw(*turn, 0, 0)[0], tasks.len() as u32) as usize;
        *turn += 1;
        let task = tasks.swap_remove(pick);
        drop(state);
        task();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    fn sum_of(executor: &dyn Executor) -> u32 {
        let (send, receive) = channel();
        for i in 0..100 {
            let send = send.clone();
            executor.submit(Box::new(move || send.send(i).unwrap()));
        }
        drop(send);
        while executor.drive() {}
        receive.iter().sum()
    }

    #[test]
    fn both_run_every_task_once() {
        assert_eq!(sum_of(&ThreadPool::new(3).unwrap()), 4950);
        assert_eq!(sum_of(&Inline::new(1)), 4950);
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
        assert_eq!(sum_of(&pool), 4950);
    }

    #[test]
    fn inline_order_is_the_seed_s() {
        let order = |seed| {
            let inline = Inline::new(seed);
            let (send, receive) = channel();
            for i in 0..20 {
                let send = send.clone();
                inline.submit(Box::new(move || send.send(i).unwrap()));
            }
            drop(send);
            while inline.drive() {}
            receive.iter().collect::<Vec<u32>>()
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }
}
