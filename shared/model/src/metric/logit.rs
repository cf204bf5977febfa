//! Bins of the logit z: where a row of two classes is counted, and which threshold the edge between two bins is.
//!
//! Bin b begins at z = (b − 32,768) / 2,048; the first and the last one also hold what lies beyond ±16. A row is in bin b
//! or above exactly where its z is at the bin's edge or above, so whatever is counted at an edge is exact. Neighbouring
//! edges are at most 1/8,192 apart as probabilities: that is by ¼ of their distance in z.

use super::math;

pub(super) const BINS: usize = 1 << 16;
/// The bin that begins at z = 0, p = ½: from there on class 1 is predicted.
pub(super) const ZERO: usize = BINS / 2;
const PER_UNIT: f64 = 2048.0;

pub(super) fn bin(z: f32) -> usize {
    // The product is exact.
    let place = (f64::from(z) * PER_UNIT).floor() + ZERO as f64;
    if place < 0.0 {
        0
    } else if place > (BINS - 1) as f64 {
        BINS - 1
    } else {
        place as usize
    }
}

/// The probability of class 1 at a bin's lower edge: 0 and 1 at the ends, which have no edge.
pub(super) fn threshold(bin: usize) -> f64 {
    match bin {
        0 => 0.0,
        BINS.. => 1.0,
        _ => 1.0 / (1.0 + math::exp((ZERO as f64 - bin as f64) / PER_UNIT)),
    }
}

/// The bin whose lower edge is nearest to a probability; `BINS`, the end, for 1.
pub(super) fn nearest_edge(probability: f64) -> usize {
    let (mut below, mut above) = (0, BINS);
    while above - below > 1 {
        let middle = (below + above) / 2;
        if threshold(middle) <= probability { below = middle } else { above = middle }
    }
    if probability - threshold(below) <= threshold(above) - probability { below } else { above }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_cut_the_logits_evenly_and_hold_all_of_them() {
        let check = |z: f32, expected: usize| assert_eq!(bin(z), expected, "{z}");
        check(-16.0, 0);
        check(f32::NEG_INFINITY, 0);
        check(f32::MIN, 0);
        check(-0.0, ZERO);
        check(0.0, ZERO);
        check(-f32::MIN_POSITIVE, ZERO - 1);
        check(-1e-6, ZERO - 1);
        check(1.0, 34_816);
        check(1.0f32.next_down(), 34_815);
        check(15.9999, 65_535);
        check(16.0, 65_535);
        check(f32::MAX, 65_535);
    }

    #[test]
    fn edges_are_dense_and_found_again() {
        assert_eq!((threshold(0), threshold(ZERO), threshold(BINS)), (0.0, 0.5, 1.0));
        for bin in 0..BINS {
            let step = threshold(bin + 1) - threshold(bin);
            assert!(step > 0.0 && step <= 1.0 / 8192.0, "{bin}: {step}");
            assert_eq!(nearest_edge(threshold(bin)), bin);
        }
        assert_eq!((nearest_edge(0.0), nearest_edge(0.5), nearest_edge(1.0)), (0, ZERO, BINS));
        let off = threshold(nearest_edge(0.3)) - 0.3;
        assert!(off != 0.0 && off.abs() <= 0.5 / 8192.0, "{off}");
    }
}
