//! How a rate is measured: in short chunks, again and again, by one thread or several side by side; the median counts.
//!
//! A machine that is shared, or changes its clock, disturbs some chunks and not most of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use aquifer_model::{Kind, Report};

use crate::failure::interrupted;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// A chunk takes about this long, or one unit of work if that takes longer.
    chunk: Duration,
    /// Chunks that are measured, and how long it goes on with what comes before them, at least.
    chunks: usize,
    time: Duration,
    /// After this time a few chunks are enough.
    time_max: Duration,
}

/// Chunks that are enough after [`Effort::time_max`].
const CHUNKS_FEW: usize = 3;
/// Chunks that were too short are followed by ones of at most so many times the work, so often; work that is over as soon
/// as ever is measured as it is.
const GROWTH_MAX: f64 = 64.0;
const GROWTHS_MAX: u32 = 8;

impl Effort {
    pub(super) const FULL: Effort = Effort {
        chunk: Duration::from_millis(20),
        chunks: 5,
        time: Duration::from_millis(400),
        time_max: Duration::from_secs(2),
    };
    /// Too short to be exact: shows that everything works.
    pub(super) const QUICK: Effort = Effort {
        chunk: Duration::from_millis(4),
        chunks: 3,
        time: Duration::from_millis(12),
        time_max: Duration::from_millis(100),
    };
}

/// What a call did: so many rows, bytes or operations.
pub(super) struct Work {
    pub(super) amount: f64,
    /// When it began, if something had to be prepared before it.
    pub(super) began: Option<Instant>,
}

impl From<f64> for Work {
    fn from(amount: f64) -> Self {
        Self { amount, began: None }
    }
}

/// Measures, until it is told to stop.
#[derive(Clone)]
pub(super) struct Meter {
    pub(super) effort: Effort,
    pub(super) stop: Arc<AtomicBool>,
}

/// One thread's part of a chunk.
struct Part {
    began: Instant,
    ended: Instant,
    amount: f64,
}

impl Meter {
    /// Amount a second of `threads` threads together, each doing the same chunks at the same time: from the first one's
    /// begin to the last one's end. `make` is called in each thread with its number; what it returns does its unit of work
    /// so many times. What is done until a chunk is long enough warms up, and does not count.
    pub(super) fn rate<W>(&self, threads: u32, make: impl Fn(u32) -> Result<W, Report> + Sync) -> Result<f64, Report>
    where
        W: FnMut(u64) -> Result<Work, Report>,
    {
        std::thread::scope(|scope| {
            let (done, parts) = channel();
            let mut hands = Vec::new();
            for number in 0..threads {
                let (hand, orders) = channel();
                let (done, make) = (done.clone(), &make);
                let thread =
                    std::thread::Builder::new().spawn_scoped(scope, move || obey(number, make, &orders, &done));
                thread.map_err(|error| {
                    Report::new(Kind::Work, "threads", format!("cannot start {threads} threads"))
                        .hint("give fewer with --threads")
                        .caused_by(&error)
                })?;
                hands.push(hand);
            }
            drop(done);
            self.lead(&hands, &parts)
        })
    }

    fn lead(&self, hands: &[Sender<u64>], parts: &Receiver<Result<Part, Report>>) -> Result<f64, Report> {
        let Effort { chunk, chunks, time, time_max } = self.effort;
        let (mut rates, mut times) = (Vec::new(), 1);
        let (mut warm, mut growths) = (false, 0);
        let began = Instant::now();
        let more = |measured: usize| {
            let spent = began.elapsed();
            measured < CHUNKS_FEW || spent < time || (measured < chunks && spent < time_max)
        };
        while more(rates.len()) {
            if self.stop.load(Ordering::Relaxed) {
                return Err(interrupted());
            }
            let (amount, took) = run_chunk(hands, parts, times)?;
            let seconds = took.as_secs_f64().max(1e-9);
            if warm && (took >= chunk / 2 || growths == GROWTHS_MAX) {
                rates.push(amount / seconds);
            } else if took < chunk {
                let growth = (chunk.as_secs_f64() / seconds).clamp(1.0, GROWTH_MAX);
                times = (times as f64 * growth).ceil() as u64;
                growths += 1;
            }
            warm = true;
        }
        rates.sort_by(f64::total_cmp);
        Ok(rates[rates.len() / 2])
    }
}

/// Every thread does its part; returns the sum of amounts and the time from the first begin to the last end.
fn run_chunk(
    hands: &[Sender<u64>],
    parts: &Receiver<Result<Part, Report>>,
    times: u64,
) -> Result<(f64, Duration), Report> {
    let gone = || Report::new(Kind::Work, "panic", "a thread of a measurement ended: this is a bug");
    for hand in hands {
        hand.send(times).map_err(|_| gone())?;
    }
    let parts = hands.iter().map(|_| parts.recv().map_err(|_| gone())?).collect::<Result<Vec<_>, Report>>()?;
    let began = parts.iter().map(|part| part.began).min().ok_or_else(gone)?;
    let ended = parts.iter().map(|part| part.ended).max().ok_or_else(gone)?;
    Ok((parts.iter().map(|part| part.amount).sum(), ended.saturating_duration_since(began)))
}

/// A thread: does its work as often as it is told, until nobody tells it anything more.
fn obey<W>(
    number: u32,
    make: impl Fn(u32) -> Result<W, Report>,
    orders: &Receiver<u64>,
    done: &Sender<Result<Part, Report>>,
) where
    W: FnMut(u64) -> Result<Work, Report>,
{
    let mut work = make(number);
    for times in orders {
        let began = Instant::now();
        let part = catch_unwind(AssertUnwindSafe(|| match &mut work {
            Ok(work) => work(times).map(|Work { amount, began: at }| Part {
                began: at.unwrap_or(began),
                ended: Instant::now(),
                amount,
            }),
            Err(report) => Err(report.clone()),
        }));
        let panicked = |_| Err(Report::new(Kind::Work, "panic", "a measurement panicked: this is a bug"));
        if done.send(part.unwrap_or_else(panicked)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter() -> Meter {
        Meter { effort: Effort::QUICK, stop: Arc::default() }
    }

    #[test]
    fn several_threads_do_more_than_one_chunk() {
        let rate = meter().rate(3, |_| {
            Ok(|times| {
                std::thread::sleep(Duration::from_micros(100) * times as u32);
                Ok(Work::from(times as f64))
            })
        });
        let rate = rate.unwrap();
        assert!(rate > 0.0 && rate <= 3.0 * 10_000.0, "{rate}");
    }

    /// A file that is read once a chunk cannot be read more often.
    #[test]
    fn work_that_does_not_grow_is_measured_too() {
        let rate = meter().rate(1, |_| Ok(|_| Ok(Work::from(1.0)))).unwrap();
        assert!(rate > 0.0 && rate.is_finite(), "{rate}");
    }

    #[test]
    fn failures_panics_and_a_stop_end_it() {
        type Unit = fn(u64) -> Result<Work, Report>;
        let code = |unit: Unit| meter().rate(2, move |_| Ok(unit)).unwrap_err().code;
        assert_eq!(code(|_| Err(Report::new(Kind::Work, "on_purpose", "on purpose"))), "on_purpose");
        assert_eq!(code(|_| panic!("on purpose")), "panic");
        let unmade = |number| match number {
            1 => Err(Report::new(Kind::Work, "unmade", "on purpose")),
            _ => Ok((|_| Ok(Work::from(1.0))) as Unit),
        };
        assert_eq!(meter().rate(2, unmade).unwrap_err().code, "unmade");
        let told = Meter { stop: Arc::new(AtomicBool::new(true)), ..meter() };
        assert_eq!(told.rate(1, |_| Ok(|_| Ok(Work::from(1.0)))).unwrap_err().kind, Kind::Interrupted);
    }
}
