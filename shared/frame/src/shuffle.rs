//! A permutation of row numbers as a function: no table, so that any process can ask for any row's place, however many
//! there are.
//!
//! A Feistel network permutes the numbers of as many bits as the rows need (Luby and Rackoff, "How to construct
//! pseudorandom permutations from pseudorandom functions", 1988), with Philox as the round function; a number that is no
//! row is permuted again until it is one (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002), which takes
//! two steps at most on average. The halves may differ by a bit, and change their widths in each round.

use crate::philox::Philox;

/// Even, so that the halves have their own widths again. Four make a permutation that looks random; two more, as few rows
/// make narrow halves.
const ROUNDS: u32 = 6;

/// A permutation of `0..rows`, by a seed.
#[derive(Clone, Copy, Debug)]
pub struct Shuffle {
    rows: u64,
    philox: Philox,
    /// Bits of the left and of the right half.
    bits: (u32, u32),
}

impl Shuffle {
    /// `rows` are at most 2^42, as those of a frame.
    pub fn new(seed: u64, rows: u64) -> Self {
        let bits = u64::BITS - rows.saturating_sub(1).leading_zeros();
        Self { rows, philox: Philox::new(seed, "shuffle"), bits: (bits / 2, bits - bits / 2) }
    }

    /// The row of the sources that is row `row` of the frame.
    pub fn source(&self, row: u64) -> u64 {
        debug_assert!(row < self.rows);
        let mut at = self.permute(row);
        // Ends: the numbers that are no rows lie on cycles, and `row` itself is on this one.
        while at >= self.rows {
            at = self.permute(at);
        }
        at
    }

    /// A permutation of all numbers of so many bits.
    fn permute(&self, number: u64) -> u64 {
        let (mut left_bits, mut right_bits) = self.bits;
        let (mut left, mut right) = (number >> right_bits, number & mask(right_bits));
        for round in 0..ROUNDS {
            let [word, ..] = self.philox.draw(round, 0, right);
            (left, right) = (right, left ^ (u64::from(word) & mask(left_bits)));
            (left_bits, right_bits) = (right_bits, left_bits);
        }
        left << right_bits | right
    }
}

fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_one_place() {
        for rows in (1..200).chain([1023, 1024, 1025, 4096, 70_001]) {
            let shuffle = Shuffle::new(rows * 3, rows);
            let mut sources: Vec<u64> = (0..rows).map(|row| shuffle.source(row)).collect();
            sources.sort_unstable();
            assert!(sources.into_iter().eq(0..rows), "{rows}");
        }
    }

    #[test]
    fn places_look_random() {
        let rows = 100_000u64;
        let order = |seed: u64| -> Vec<u64> {
            let shuffle = Shuffle::new(seed, rows);
            (0..rows).map(|row| shuffle.source(row)).collect()
        };
        let (a, b) = (order(1), order(2));
        // Of random ones: a row that stays, or that two have at one place, is expected once; neighbours that stay together twice.
        let same = |a: &[u64], b: &[u64]| a.iter().zip(b).filter(|(a, b)| a == b).count();
        assert!(same(&a, &(0..rows).collect::<Vec<_>>()) < 8 && same(&a, &b) < 8);
        assert!(a.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) == 1).count() < 12);
        // Each tenth of the frame has rows of each tenth of the files: 1,000 expected, with a deviation of 30.
        let mut counts = [0i32; 100];
        a.iter().enumerate().for_each(|(row, source)| counts[row / 10_000 * 10 + (source / 10_000) as usize] += 1);
        assert!(counts.iter().all(|count| (count - 1000).abs() < 150), "{counts:?}");
        let square: i32 = counts.iter().map(|count| (count - 1000) * (count - 1000)).sum();
        // Chi-square of 81 degrees of freedom: 81 expected, with a deviation of 13.
        assert!((40..130).contains(&(square / 1000)), "{square}");
    }

    #[test]
    fn the_largest_frame_has_a_permutation() {
        let rows = 1u64 << 42;
        let shuffle = Shuffle::new(9, rows - 5);
        let found: Vec<u64> = [0, 1, rows / 2, rows - 6].map(|row| shuffle.source(row)).to_vec();
        assert!(found.iter().all(|&row| row < rows - 5));
        assert!(found.windows(2).all(|pair| pair[0].abs_diff(pair[1]) > 1 << 20), "{found:?}");
    }
}
