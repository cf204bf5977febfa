//! Transposed copies of panels.
#![allow(unsafe_code)] // vector loads and stores

use super::isa::{Isa, Loop, Set};

/// Copies the first `rows` rows and `columns` columns of `from` (row r at `r · from_row`) into `to`, whose row is a
/// column of `from`: `to[c · to_row + r] = from[r · from_row + c]`. Pure movement: no bit depends on how.
pub(crate) fn transpose(isa: Isa, shape: (usize, usize), from: &[f32], from_row: usize, to: &mut [f32], to_row: usize) {
    isa.run(Transpose { isa, rows: shape.0, columns: shape.1, from, from_row, to, to_row });
}

struct Transpose<'a> {
    isa: Isa,
    rows: usize,
    columns: usize,
    from: &'a [f32],
    from_row: usize,
    to: &'a mut [f32],
    to_row: usize,
}

/// Side of the squares that go through registers.
const SIDE: usize = 8;

impl Loop for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for r in (0..self.rows).step_by(SIDE) {
            for c in (0..self.columns).step_by(SIDE) {
                let (height, width) = (SIDE.min(self.rows - r), SIDE.min(self.columns - c));
                let from = &self.from[r * self.from_row + c..];
                let to = &mut self.to[c * self.to_row + r..];
                if height == SIDE && width == SIDE {
                    square(self.isa, from, self.from_row, to, self.to_row);
                } else {
                    element_by_element((height, width), from, self.from_row, to, self.to_row);
                }
            }
        }
    }
}

#[inline(always)]
fn square(isa: Isa, from: &[f32], from_row: usize, to: &mut [f32], to_row: usize) {
    match isa.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an Isa of these sets exists only where AVX2 was detected.
        Set::Avx512 | Set::Avx2 => unsafe { square_by_shuffles(from, from_row, to, to_row) },
        Set::Portable => element_by_element((SIDE, SIDE), from, from_row, to, to_row),
    }
}

#[inline(always)]
fn element_by_element(shape: (usize, usize), from: &[f32], from_row: usize, to: &mut [f32], to_row: usize) {
    for r in 0..shape.0 {
        for c in 0..shape.1 {
            to[c * to_row + r] = from[r * from_row + c];
        }
    }
}

/// Three rounds of shuffles: pairs of elements, pairs of pairs, halves of registers. Left to the compiler, the squares
/// go through memory.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn square_by_shuffles(from: &[f32], from_row: usize, to: &mut [f32], to_row: usize) {
    use std::arch::x86_64::*;

    // No closures: they would not be inlined, and pass registers through memory.
    let mut rows = [_mm256_setzero_ps(); SIDE];
    for (r, row) in rows.iter_mut().enumerate() {
        let values = &from[r * from_row..][..SIDE];
        // SAFETY: eight floats.
        *row = unsafe { _mm256_loadu_ps(values.as_ptr()) };
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
        let values = &mut to[c * to_row..][..SIDE];
        // SAFETY: eight floats.
        unsafe { _mm256_storeu_ps(values.as_mut_ptr(), column) };
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
}
