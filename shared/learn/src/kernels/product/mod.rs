//! Products by register tiles: C (rows × width) = start + A · B, with A (rows × depth) and B (depth × width).
//!
//! Contract: each element of C is one chain of fused multiply-adds in ascending order of the contraction index,
//! `c = fma(a[r][l], b[l][j], c)` for l = 0, 1, …, so tile sizes, vector widths and the cutting of rows change no bit.
//! C overlaps neither A nor B. Width is 8, 16, 24 or 32: a panel's.
//!
//! A tile holds up to 8 rows × 2 vectors of C in registers, multiplying a broadcast element of A with two vectors of a
//! row of B; start and end of the chain (bias, rectifier, derivative) happen in the registers. This is the one place
//! that reads and writes through pointers: [`product`] checks the extents of all slices once a call.
#![allow(unsafe_code)] // tiles read and write through pointers

mod lanes;
mod tile;

use super::Isa;
use aquifer_frame::Set;
use tile::{Operands, Tile, Tiles};

/// Extents: C is rows × width, the contraction is `depth` long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) rows: usize,
    pub(crate) width: usize,
    pub(crate) depth: usize,
}

/// A: element (r, l) stands at `r · row + l · step`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) row: usize,
    pub(crate) step: usize,
}

/// B: row l stands at `l · step`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Right<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) step: usize,
}

/// How a chain starts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<'a> {
    Zero,
    /// From this row.
    Bias(&'a [f32]),
    /// From C: the chain goes on.
    Accumulated,
}

/// What becomes of the end of a chain.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End<'a> {
    Plain,
    /// `x > 0 ? x : +0`.
    Rectified,
    /// Kept where (r, j) of `values` is positive, else +0.
    KeptWherePositive {
        values: &'a [f32],
        row: usize,
    },
}

/// Contraction steps that are made at once: the part of a panel that they read, 32 kB, stays in the first-level cache.
const DEPTH_BLOCK: usize = 256;

/// A product's operands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product<'a> {
    pub(crate) shape: Shape,
    pub(crate) a: Left<'a>,
    pub(crate) b: Right<'a>,
    pub(crate) start: Start<'a>,
    pub(crate) end: End<'a>,
}

/// C = start + A · B; row r of C stands at `r · c_row`. Long contractions are cut, with C between the parts: a sum that is
/// stored and loaded is the same sum.
pub(crate) fn product(isa: Isa, product: Product<'_>, c: &mut [f32], c_row: usize) {
    let Product { shape: Shape { rows, width, depth }, a, b, start, end } = product;
    if rows == 0 {
        return;
    }
    assert!(matches!(width, 8 | 16 | 24 | 32), "a panel is 8, 16, 24 or 32 wide");
    assert!(extent(rows, c_row, width) <= c.len(), "C lies inside its slice");
    assert!(depth == 0 || extent(depth, b.step, width) <= b.values.len(), "B lies inside its slice");
    let reach = depth == 0
        || (extent(rows, a.row, 1) - 1).checked_add(extent(depth, a.step, 1)).is_some_and(|end| end <= a.values.len());
    assert!(reach, "A lies inside");
    let bias = match start {
        Start::Bias(bias) => {
            assert!(width <= bias.len(), "the bias covers the width");
            bias.as_ptr()
        }
        Start::Zero | Start::Accumulated => std::ptr::null(),
    };
    let (mask, mask_row) = match end {
        End::KeptWherePositive { values, row } => {
            assert!(extent(rows, row, width) <= values.len(), "the mask lies inside its slice");
            (values.as_ptr(), row)
        }
        End::Plain | End::Rectified => (std::ptr::null(), 0),
    };
    let whole = Operands {
        count: 0,
        depth,
        a: a.values.as_ptr(),
        a_row: a.row,
        a_step: a.step,
        b: b.values.as_ptr(),
        b_step: b.step,
        c: c.as_mut_ptr(),
        c_row,
        bias,
        mask,
        mask_row,
    };
    let tiles = tiles(isa);
    let parts = depth.div_ceil(DEPTH_BLOCK).max(1);
    for part in 0..parts {
        let first = part * DEPTH_BLOCK;
        let operands = Operands {
            depth: (depth - first).min(DEPTH_BLOCK),
            a: whole.a.wrapping_add(first * a.step),
            b: whole.b.wrapping_add(first * b.step),
            ..whole
        };
        let kind = tile::kind(
            if part == 0 { start.kind() } else { tile::ACCUMULATED },
            if part + 1 == parts { end.kind() } else { tile::PLAIN },
        );
        // SAFETY: the assertions above cover every element that a tile of these extents touches, the parts' depths lie
        // inside the whole one, `c` is borrowed mutably, and an Isa exists only where its instructions do.
        unsafe { run_strips(tiles, rows, width, kind, operands) }
    }
}

/// Elements from the first to the last of `count` runs of `len` elements, `stride` apart.
fn extent(count: usize, stride: usize, len: usize) -> usize {
    (count - 1).checked_mul(stride).and_then(|last| last.checked_add(len)).expect("extents fit a usize")
}

/// Cuts the width into strips of one tile's columns and the rows into tiles of nearly equal heights.
///
/// # Safety
/// The operands' pointers are valid for `rows` and `width`, and the processor can run the tiles.
unsafe fn run_strips(tiles: &Tiles, rows: usize, width: usize, kind: usize, o: Operands) {
    let count = rows.div_ceil(tiles.height);
    let (height, taller) = (rows / count, rows % count);
    let mut column = 0;
    while column < width {
        let (strip, table): (usize, &[Tile; 8]) = match (width - column) / 8 {
            4.. if tiles.widest == 32 => (32, &tiles.two[kind]),
            2 | 3 if tiles.widest == 32 => (16, &tiles.one[kind]),
            2.. => (16, &tiles.two[kind]),
            _ => (8, &tiles.eight[kind]),
        };
        let mut row = 0;
        for (height, count) in [(height + 1, taller), (height, count - taller)] {
            if count == 0 {
                continue;
            }
            let tiles = Operands {
                count,
                a: o.a.wrapping_add(row * o.a_row),
                b: o.b.wrapping_add(column),
                c: o.c.wrapping_add(row * o.c_row + column),
                bias: o.bias.wrapping_add(column),
                mask: o.mask.wrapping_add(row * o.mask_row + column),
                ..o
            };
            // SAFETY: the caller's; `count` times `height` rows from `row` on and columns column..column + strip lie inside.
            unsafe { table[height - 1](&tiles) };
            row += count * height;
        }
        column += strip;
    }
}

fn tiles(isa: Isa) -> &'static Tiles {
    match isa.set() {
        #[cfg(target_arch = "x86_64")]
        Set::Avx512 => &tile::AVX512,
        #[cfg(target_arch = "x86_64")]
        Set::Avx2 => &tile::AVX2,
        Set::Portable => &tile::PORTABLE,
    }
}

impl Start<'_> {
    fn kind(&self) -> usize {
        match self {
            Start::Zero => tile::ZERO,
            Start::Bias(_) => tile::BIAS,
            Start::Accumulated => tile::ACCUMULATED,
        }
    }
}

impl End<'_> {
    fn kind(&self) -> usize {
        match self {
            End::Plain => tile::PLAIN,
            End::Rectified => tile::RECTIFIED,
            End::KeptWherePositive { .. } => tile::KEPT_WHERE_POSITIVE,
        }
    }
}

#[cfg(test)]
mod tests;
