//! The limit of arithmetic: fused multiply-adds in f32, with the instructions that the kernels use, and no memory.

use std::hint::black_box;

use aquifer_learn::peak;
use aquifer_model::Report;

use super::bed::Bed;
use super::measure::Work;

/// Links of a unit of work: some microseconds.
const LINKS: u64 = 1000;

pub(super) fn measure(bed: &mut Bed) -> Result<(), Report> {
    let isa = bed.isa;
    let rates = bed.rates(|_| {
        Ok(move |times| {
            let done = peak(isa, times * LINKS);
            black_box(done.value);
            Ok(Work::from(done.flops as f64))
        })
    })?;
    rates.into_iter().for_each(|(threads, rate)| bed.limits.set(threads.fma(), rate));
    Ok(())
}
