//! Transposed copies of panels.
#![allow(unsafe_code)] // vector loads and stores

use super::isa::{Isa, Loop, Set};

/// Copies the first `rows` rows and `columns` columns of `from` (row r at `r · from_row`) into `to`, whose row is a
/// column of `from`: `to[c · to_row + r] = from[r · from_row + c]`. Pure movement: no bit depends on how.
pub fn transpose(isa: Isa, shape: (usize, usize), from: &[f32], from_row: usize, to: &mut [f32], to_row: usize) {
    let (rows, columns) = shape;
    isa.run(Transpose { isa, rows, columns, from, from_row, to, start: |c| c * to_row });
}

/// As [`transpose`], each column to a place of its own: `to[places[c] · to_row + offset + r] = from[r · from_row + c]`.
pub(crate) fn scatter_columns(
    isa: Isa,
    rows: usize,
    (from, from_row): (&[f32], usize),
    to: &mut [f32],
    (places, to_row, offset): (&[u32], usize, usize),
) {
    let start = |c: usize| places[c] as usize * to_row + offset;
    isa.run(Transpose { isa, rows, columns: places.len(), from, from_row, to, start });
}

struct Transpose<'a, S> {
    isa: Isa,
    rows: usize,
    columns: usize,
    from: &'a [f32],
    from_row: usize,
    to: &'a mut [f32],
    /// Where a column begins in `to`.
    start: S,
}

/// Side of the squares that go through registers.
const SIDE: usize = 8;

impl<S: Fn(usize) -> usize> Loop for Transpose<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        // Columns outside: what is written is whole lines where rows are 16.
        for c in (0..self.columns).step_by(SIDE) {
            let width = SIDE.min(self.columns - c);
            let mut starts = [0; SIDE];
            for (i, start) in starts[..width].iter_mut().enumerate() {
                *start = (self.start)(c + i);
            }
            for r in (0..self.rows).step_by(SIDE) {
                let height = SIDE.min(self.rows - r);
                let from = &self.from[r * self.from_row + c..];
                let to = &mut self.to[r..];
                if height == SIDE && width == SIDE {
                    square(self.isa, from, self.from_row, to, &starts);
                } else {
                    element_by_element((height, width), from, self.from_row, to, &starts);
                }
            }
        }
    }
}

#[inline(always)]
fn square(isa: Isa, from: &[f32], from_row: usize, to: &mut [f32], starts: &[usize; SIDE]) {
    match isa.set() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an Isa of these sets exists only where AVX2 was detected.
        Set::Avx512 | Set::Avx2 => unsafe { square_by_shuffles(from, from_row, to, starts) },
        Set::Portable => element_by_element((SIDE, SIDE), from, from_row, to, starts),
    }
}

#[inline(always)]
fn element_by_element(shape: (usize, usize), from: &[f32], from_row: usize, to: &mut [f32], starts: &[usize; SIDE]) {
    for r in 0..shape.0 {
        for c in 0..shape.1 {
            to[starts[c] + r] = from[r * from_row + c];
        }
    }
}

/// Three rounds of shuffles: pairs of elements, pairs of pairs, halves of registers. Left to the compiler, the squares
/// go through memory.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn square_by_shuffles(from: &[f32], from_row: usize, to: &mut [f32], starts: &[usize; SIDE]) {
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
        let values = &mut to[starts[c]..][..SIDE];
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
