//! Exchanging: rounds of two members over loopback, by the messages, streams and services that workers have. The limit is
//! plain TCP over loopback.

use std::sync::Mutex;

use aquifer_model::{Kind, Partial, Report, Values};
use aquifer_worker::Pair;

use super::bed::Bed;
use super::limit::Limit;
use super::measure::Work;

/// Elements of each member's partial: 16 MiB, as the weights and moments of 1.4 million parameters.
const ELEMENTS: usize = 4 << 20;
const ELEMENTS_QUICK: usize = 256 << 10;

pub(super) fn measure(bed: &mut Bed) -> Result<(), Report> {
    bed.show("exchange");
    let token = crate::dir::new_token().map_err(|error| Report::new(Kind::Work, "token", error.to_string()))?;
    let elements = bed.size(ELEMENTS, ELEMENTS_QUICK);
    let dir = bed.scratch()?.to_owned();
    let pair = tokio::runtime::Handle::current().block_on(Pair::start(&dir, &token))?;
    let pair = Mutex::new(pair);
    // Each sends half of its partial, and half of the sum.
    let bytes = 2 * elements * size_of::<f32>();
    let rate = bed.meter.rate(1, |_| {
        let zeros = || Partial { weight: 1.0, vectors: vec![Values::F32(vec![0.0; elements])] };
        let (pair, mut partials) = (&pair, Some([zeros(), zeros()]));
        Ok(move |times| {
            let mut pair = pair.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            for _ in 0..times {
                // The sums are the partials of the next round, so that nothing is copied for it.
                let mut sums = pair.round(partials.take().unwrap_or_else(|| [zeros(), zeros()]))?;
                sums.iter_mut().for_each(|sum| sum.weight = 1.0);
                partials = Some(sums);
            }
            Ok(Work::from((times as usize * bytes) as f64))
        })
    })?;
    bed.figure("exchange".into(), (rate, "bytes/s"), Limit::Loopback, rate)
}
