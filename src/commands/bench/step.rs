//! Training: rounds of one rank a thread, each of 32 mini-batches, over rows that lie ready. The limit is the rate of fused
//! multiply-adds.

use aquifer_model::Report;

use super::bed::{Bed, Threads};
use super::measure::Work;
use super::network::{Layers, Network};

/// Networks and their mini-batches.
const STEPS: [(Layers, &[usize]); 3] = [
    (Layers(&[28, 64, 64, 1]), &[32, 256, 1024]),
    (Layers(&[28, 200, 200, 1]), &[32, 256, 1024]),
    (Layers(&[784, 1024, 1024, 10]), &[256]),
];
/// Mini-batches of a round: the default of `averaging.interval`.
const BATCHES: u64 = 32;
const BATCHES_QUICK: u64 = 2;

pub(super) fn measure(bed: &mut Bed) -> Result<(), Report> {
    for (layers, batches) in &STEPS {
        for &batch in *batches {
            for threads in Threads::BOTH {
                let rate = match threads {
                    Threads::All if bed.threads == 1 => bed.figures.last().map_or(f64::NAN, |figure| figure.value),
                    _ => rate(bed, layers, batch, threads)?,
                };
                let used = rate * layers.train_flops();
                bed.figure(name(layers, batch, threads), (rate, "rows/s"), threads.fma(), used)?;
            }
        }
    }
    Ok(())
}

/// `step 28-200-200-1 b256, one thread`
pub(super) fn name(layers: &Layers, batch: usize, threads: Threads) -> String {
    format!("step {layers} b{batch}, {threads}")
}

/// Rows a second that threads train on, each a trial of its own.
pub(super) fn rate(bed: &Bed, layers: &Layers, batch: usize, threads: Threads) -> Result<f64, Report> {
    bed.show(&name(layers, batch, threads));
    let count = if threads == Threads::One { 1 } else { bed.threads };
    let network = Network::training(layers, batch, bed.size(BATCHES, BATCHES_QUICK))?;
    bed.meter.rate(count, |_| {
        let mut network = network.clone();
        Ok(move |times| {
            let passed = (0..times).map(|_| network.train()).sum::<Result<u64, _>>()?;
            Ok(Work::from(passed as f64))
        })
    })
}
