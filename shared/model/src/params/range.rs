//! What parameters may be. A spec is checked by these, and so is what comes over the wire to be trained: training computes
//! in f32, so a number must be in its range as one.

use std::ops::RangeInclusive;

use aquifer_frame::{block_count, block_rows, rank_blocks};

pub const LAYERS_MAX: usize = 64;
pub const UNITS: RangeInclusive<u64> = 1..=65_536;
pub const LEVELS: RangeInclusive<u64> = 1..=65_536;
pub const MINI_BATCH: RangeInclusive<u64> = 1..=1 << 20;
pub const WARMUP: RangeInclusive<u64> = 0..=1 << 48;
/// Positions, and so rows times epochs, are counted in 48 bits.
const POSITIONS_MAX: f64 = (1u64 << 48) as f64;

/// Finite and above 0.
pub fn above_zero(x: f64) -> bool {
    let single = x as f32;
    single.is_finite() && single > 0.0
}

/// Finite and not negative.
pub fn not_negative(x: f64) -> bool {
    x >= 0.0 && (x as f32).is_finite()
}

/// From 0 to below 1.
pub fn share(x: f64) -> bool {
    x >= 0.0 && (x as f32) < 1.0
}

/// An optimizer's ε. A zero would make 0 / 0 of a weight that never had a gradient, and a subnormal one nearly so.
pub fn epsilon(x: f64) -> bool {
    let single = x as f32;
    single.is_finite() && single >= f32::MIN_POSITIVE
}

/// Of initial weights: even the rarest draw of a normal distribution stays far from infinity.
pub fn initial_scale(x: f64) -> bool {
    above_zero(x) && x <= 1e6
}

/// One of each hidden layer, or none.
pub fn dropout_ratios(ratios: &[f64], layers: usize) -> bool {
    (ratios.is_empty() || ratios.len() == layers) && ratios.iter().all(|ratio| share(*ratio))
}

/// Passes over `rows` rows: few enough to count, and enough for one row of one rank, as each passes its own share of an
/// epoch, in whole rows.
pub fn epochs(epochs: f64, rows: u64, ranks: u32) -> bool {
    let counted = (1.0..POSITIONS_MAX).contains(&(epochs * rows as f64));
    let blocks = block_count(rows);
    let rank_rows = |rank| {
        let own = rank_blocks(rank, ranks, blocks);
        block_rows(own.end, rows).start - block_rows(own.start, rows).start
    };
    counted && (epochs >= 1.0 || (0..ranks).any(|rank| rank_rows(rank) as f64 * epochs >= 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_looked_at_as_f32() {
        assert!(above_zero(1e-45) && !above_zero(1e-46) && !above_zero(1e39) && !above_zero(0.0));
        assert!(not_negative(1e-300) && !not_negative(-1e-300) && !not_negative(1e39) && !not_negative(f64::NAN));
        assert!(share(0.999_999_9) && !share(0.999_999_999) && !share(-1e-300) && !share(f64::NAN));
        assert!(initial_scale(1e6) && !initial_scale(1.1e6) && !initial_scale(0.0) && !initial_scale(f64::NAN));
        assert!(epsilon(1.2e-38) && !epsilon(1.1e-38) && !epsilon(1e39));
    }

    #[test]
    fn epochs_pass_a_row_of_a_rank() {
        assert!(epochs(10.0, 1, 1) && !epochs(0.5, 1, 1) && !epochs(0.0, 1000, 1) && !epochs(f64::NAN, 1000, 1));
        assert!(epochs(1.0 / 1024.0, 4096, 4) && !epochs(0.9 / 1024.0, 4096, 4), "3.6 rows, but of no rank one");
        assert!(epochs((1u64 << 47) as f64, 1, 1) && !epochs((1u64 << 48) as f64, 1, 1));
    }
}
