//! Threads that one piece of work may be shared out to. Whoever calls brings them: nothing here starts any.

use std::ops::Range;
use std::sync::Mutex;

/// Runs parts of a piece of work side by side. What is computed must not depend on who takes which part, or when.
pub trait Crew: Sync {
    /// How many parts can be worked on at a time.
    fn threads(&self) -> usize;

    /// Runs `work(0)`, `work(1)`, … `work(parts − 1)`, begun in that order, and returns when all are done.
    fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync));
}

/// The thread that calls, and no other.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl Crew for Alone {
    fn threads(&self) -> usize {
        1
    }

    fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..parts).for_each(work);
    }
}

/// Runs `work` on each item.
pub(crate) fn each<T: Send>(crew: &dyn Crew, items: Vec<T>, work: impl Fn(T) + Sync) {
    if crew.threads() == 1 || items.len() < 2 {
        return items.into_iter().for_each(work);
    }
    // Each is taken once; the locks are never waited for.
    let items: Vec<Mutex<Option<T>>> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
    crew.run(items.len(), &|at| {
        let item = items[at].lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(item) = item {
            work(item);
        }
    });
}

/// Cuts a slice into pieces of these lengths; what is left over is in none.
pub(crate) fn cut<T>(mut slice: &mut [T], lengths: impl IntoIterator<Item = usize>) -> Vec<&mut [T]> {
    let mut pieces = Vec::new();
    for length in lengths {
        let (piece, rest) = slice.split_at_mut(length);
        pieces.push(piece);
        slice = rest;
    }
    pieces
}

/// Cuts these ranges out of a slice, which ascend.
pub(crate) fn cut_out<T>(mut slice: &mut [T], ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<&mut [T]> {
    let (mut pieces, mut at) = (Vec::new(), 0);
    for range in ranges {
        let (_, rest) = slice.split_at_mut(range.start - at);
        let (piece, rest) = rest.split_at_mut(range.end - range.start);
        pieces.push(piece);
        (slice, at) = (rest, range.end);
    }
    pieces
}

/// Threads for tests: as many as it says, started for each call.
#[cfg(test)]
pub(crate) struct Threads(pub(crate) usize);

#[cfg(test)]
impl Crew for Threads {
    fn threads(&self) -> usize {
        self.0
    }

    fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        let next = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..self.0 {
                scope.spawn(|| {
                    loop {
                        let part = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        if part >= parts {
                            return;
                        }
                        work(part);
                    }
                });
            }
        });
    }
}
