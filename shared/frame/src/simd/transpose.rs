//! Transposed copies of panels.
#![allow(unsafe_code)] // vector loads and stores

use super::isa::{Isa, Loop, Set};

/// Copies the first `rows` rows and `columns` columns of `from` (row r at `r · from_row`) into `to`, whose row is a
/// column of `from`: `to[c · to_row + r] = from[r · from_row + c]`. Pure movement: no bit depends on how.
pub fn transpose(isa: Isa, shape: (usize, usize), from: &[f32], from_row: usize, to: &mut [f32], to_row: usize) {
    let (rows, columns) = shape;
    isa.run(Transpose { isa, rows, columns, from, from_row, to, to_row });
}

/// As [`transpose`], each column to a place of its own: `to[places[c] · to_row + offset + r] = from[r · from_row + c]`.
pub(crate) fn scatter_columns(
    isa: Isa,
    rows: usize,
    (from, from_row): (&[f32], usize),
    to: &mut [f32],
    (places, to_row, offset): (&[u32], usize, usize),
) {
    isa.run(Scatter { isa, rows, from, from_row, to, places, to_row, offset });
}

/// Side of the squares that go through registers.
const SIDE: usize = 8;

struct Transpose<'a> {
    isa: Isa,
    rows: usize,
    columns: usize,
    from: &'a [f32],
    from_row: usize,
    to: &'a mut [f32],
    to_row: usize,
}

impl Loop for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for r in (0..self.rows).step_by(SIDE) {
            for c in (0..self.columns).step_by(SIDE) {
                let shape = (SIDE.min(self.rows - r), SIDE.min(self.columns - c));
                let from = &self.from[r * self.from_row + c..];
                let to = &mut self.to[c * self.to_row + r..];
                square(self.isa, shape, (from, self.from_row), to, |c| c * self.to_row);
            }
        }
    }
}

struct Scatter<'a> {
    isa: Isa,
    rows: usize,
    from: &'a [f32],
    from_row: usize,
    to: &'a mut [f32],
    places: &'a [u32],
    to_row: usize,
    offset: usize,
}

impl Loop for Scatter<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        // Columns outside: what is written is whole lines where rows are 16.
        for (at, places) in self.places.chunks(SIDE).enumerate() {
            for r in (0..self.rows).step_by(SIDE) {
                let shape = (SIDE.min(self.rows - r), places.len());
                let from = &self.from[r * self.from_row + at * SIDE..];
                let to = &mut self.to[self.offset + r..];
                square(self.isa, shape, (from, self.from_row), to, |c| places[c] as usize * self.to_row);
            }
        }
    }
}

/// Up to 8 × 8; column c begins at `start(c)`.
#[inline(always)]
fn square(
    isa: Isa,
    shape: (usize, usize),
    (from, from_row): (&[f32], usize),
    to: &mut [f32],
    start: impl Fn(usize) -> usize,
) {
    match isa.set() {
        #[cfg(target_arch = "x86_64")]
        Set::Avx512 | Set::Avx2 if shape == (SIDE, SIDE) => {
            let mut starts = [0; SIDE];
            (0..SIDE).for_each(|c| starts[c] = start(c));
            // SAFETY: an Isa of these sets exists only where AVX2 was detected.
            unsafe { square_by_shuffles(from, from_row, to, starts) }
        }
        _ => {
            for r in 0..shape.0 {
                for c in 0..shape.1 {
                    to[start(c) + r] = from[r * from_row + c];
                }
            }
        }
    }
}

/// Three rounds of shuffles: pairs of elements, pairs of pairs, halves of registers. Left to the compiler, the squares
/// go through memory.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn square_by_shuffles(from: &[f32], from_row: usize, to: &mut [f32], starts: [usize; SIDE]) {
    use std::arch::x86_64::*;

    let reach = from_row.checked_mul(SIDE - 1).and_then(|last| last.checked_add(SIDE));
    assert!(reach.is_some_and(|end| end <= from.len()), "the square lies inside");
    let last = to.len().checked_sub(SIDE).expect("a column fits");
    assert!(starts.iter().all(|start| *start <= last), "every column lies inside");
    // No closures: they would not be inlined, and pass registers through memory.
    let mut rows = [_mm256_setzero_ps(); SIDE];
    for (r, row) in rows.iter_mut().enumerate() {
        // SAFETY: eight floats, by the first assertion.
        *row = unsafe { _mm256_loadu_ps(from.as_ptr().add(r * from_row)) };
    }
    let mut fours = [_mm256_setzero_ps(); SIDE];
    for half in [0, 4] {
        let [a, b, c, d] = [rows[half], rows[half + 1], rows[half + 2], rows[half + 3]];
        let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (low2, high2) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        fours[half] = _mm256_shuffle_ps::<0x44>(low, low2);
        fours[half + 1] = _mm256_shuffle_ps::<0xEE>(low, low2);
        fours[half + 2] = _mm256_shuffle_ps::<0x44>(high, high2);
        fours[half + 3] = _mm256_shuffle_ps::<0xEE>(high, high2);
    }
    for c in 0..SIDE {
        let (top, bottom) = (fours[c % 4], fours[c % 4 + 4]);
        let column = match c / 4 {
            0 => _mm256_permute2f128_ps::<0x20>(top, bottom),
            _ => _mm256_permute2f128_ps::<0x31>(top, bottom),
        };
        // SAFETY: eight floats, by the second assertion.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr().add(starts[c]), column) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_every_element() {
        for isa in Isa::available() {
            for (rows, columns) in [(1, 1), (8, 8), (9, 15), (28, 32), (16, 7)] {
                let from: Vec<f32> = (0..40 * 40).map(|i| i as f32).collect();
                let mut to = vec![-1.0; 40 * 40];
                transpose(isa, (rows, columns), &from, 40, &mut to, 37);
                for r in 0..40 {
                    for c in 0..40 {
                        if r < rows && c < columns {
                            assert_eq!(to[c * 37 + r], from[r * 40 + c]);
                        }
                    }
                }
                assert_eq!(to.iter().filter(|x| **x >= 0.0).count(), rows * columns);
            }
        }
    }

    #[test]
    fn every_column_goes_to_its_place() {
        for isa in Isa::available() {
            let from: Vec<f32> = (0..16 * 40).map(|i| i as f32).collect();
            let places: Vec<u32> = (0..37).map(|c| (c * 5) % 37).collect();
            let mut to = vec![-1.0; 37 * 32];
            scatter_columns(isa, 16, (&from, 40), &mut to, (&places, 32, 16));
            for (c, place) in places.iter().enumerate() {
                for r in 0..16 {
                    assert_eq!(to[*place as usize * 32 + 16 + r], from[r * 40 + c]);
                }
            }
            assert_eq!(to.iter().filter(|x| **x >= 0.0).count(), 37 * 16);
        }
    }
}
