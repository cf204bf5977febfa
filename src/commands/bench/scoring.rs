//! Scoring: blocks that lie ready go forward through a network, and add up to metrics; one rank a thread. The limit is the
//! rate of fused multiply-adds.

use aquifer_model::Report;

use super::bed::Bed;
use super::measure::Work;
use super::network::{Layers, Network};

/// Networks, and the blocks that a rank scores in a round.
const NETWORKS: [(Layers, u64); 3] =
    [(Layers(&[28, 64, 64, 1]), 64), (Layers(&[28, 200, 200, 1]), 32), (Layers(&[784, 1024, 1024, 10]), 4)];

pub(super) fn measure(bed: &mut Bed) -> Result<(), Report> {
    for (layers, blocks) in &NETWORKS {
        bed.show(&format!("scoring {layers}"));
        let network = Network::scoring(layers, bed.size(*blocks, 1))?;
        let rates = bed.rates(|_| {
            let mut network = network.clone();
            Ok(move |times| {
                let scored = (0..times).map(|_| network.score()).sum::<Result<u64, _>>()?;
                Ok(Work::from(scored as f64))
            })
        })?;
        for (threads, rate) in rates {
            let used = rate * layers.score_flops();
            bed.figure(format!("scoring {layers}, {threads}"), (rate, "rows/s"), threads.fma(), used)?;
        }
    }
    Ok(())
}
