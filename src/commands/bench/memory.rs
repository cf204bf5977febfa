//! The limit of memory: a stream of reads over much more than the caches hold.

use std::hint::black_box;

use aquifer_model::Report;
use aquifer_worker::memory_bytes;

use super::bed::Bed;
use super::measure::Work;

/// Read in one go, so that loops are long.
const PIECE_BYTES: usize = 1 << 20;
/// The largest last-level caches that threads share are a tenth of this (96 MiB, of EPYC with 3D V-Cache).
const BUFFER_BYTES: usize = 1 << 30;
const BUFFER_BYTES_QUICK: usize = 32 << 20;
/// Of the machine's memory at most this share is taken.
const MEMORY_SHARE: u64 = 8;
/// Sums side by side: enough that adding is not waited for.
const LANES: usize = 32;

pub(super) fn measure(bed: &mut Bed) -> Result<(), Report> {
    let most = memory_bytes() / MEMORY_SHARE;
    let bytes = bed.size(BUFFER_BYTES, BUFFER_BYTES_QUICK).min(usize::try_from(most).unwrap_or(usize::MAX));
    let pieces = (bytes / PIECE_BYTES).max(bed.threads as usize);
    // Written, so that every page is there.
    let buffer = vec![1u64; pieces * PIECE_BYTES / size_of::<u64>()];
    let pieces: Vec<&[u64]> = buffer.chunks_exact(PIECE_BYTES / size_of::<u64>()).collect();
    let step = bed.threads as usize;
    let rates = bed.rates(|number| {
        // Each thread has pieces of its own: alone, the first one has them all in turn.
        let mut next = number as usize * pieces.len() / step;
        let pieces = &pieces;
        Ok(move |times| {
            for _ in 0..times {
                black_box(sum(pieces[next % pieces.len()]));
                next += 1;
            }
            Ok(Work::from((times as usize * PIECE_BYTES) as f64))
        })
    })?;
    rates.into_iter().for_each(|(threads, rate)| bed.limits.set(threads.memory(), rate));
    Ok(())
}

fn sum(piece: &[u64]) -> u64 {
    let mut sums = [0u64; LANES];
    for line in piece.as_chunks::<LANES>().0 {
        for (sum, value) in sums.iter_mut().zip(line) {
            *sum = sum.wrapping_add(*value);
        }
    }
    sums.into_iter().fold(0, u64::wrapping_add)
}
