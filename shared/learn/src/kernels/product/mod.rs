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

use super::isa::{Isa, Set};
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

/// How chains start and what becomes of their ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Use<'a> {
    /// From this row.
    Affine { bias: &'a [f32] },
    /// From this row; `x > 0 ? x : +0`.
    Rectified { bias: &'a [f32] },
    /// From zero.
    Plain,
    /// From zero; kept where (r, j) of `values` is positive, else +0.
    KeptWherePositive { values: &'a [f32], row: usize },
    /// From C.
    Accumulated,
}

/// C = start + A · B; row r of C stands at `r · c_row`.
pub(crate) fn product(isa: Isa, shape: Shape, a: Left<'_>, b: Right<'_>, how: Use<'_>, c: &mut [f32], c_row: usize) {
    let Shape { rows, width, depth } = shape;
    if rows == 0 {
        return;
    }
    assert!(matches!(width, 8 | 16 | 24 | 32), "a panel is 8, 16, 24 or 32 wide");
    assert!(extent(rows, c_row, width) <= c.len(), "C lies inside its slice");
    assert!(depth == 0 || extent(depth, b.step, width) <= b.values.len(), "B lies inside its slice");
    assert!(depth == 0 || extent(rows, a.row, 1) + extent(depth, a.step, 1) - 1 <= a.values.len(), "A lies inside");
    let (aux, aux_row) = match how {
        Use::Affine { bias } | Use::Rectified { bias } => {
            assert!(width <= bias.len(), "the bias covers the width");
            (bias.as_ptr(), 0)
        }
        Use::KeptWherePositive { values, row } => {
            assert!(extent(rows, row, width) <= values.len(), "the mask lies inside its slice");
            (values.as_ptr(), row)
        }
        Use::Plain | Use::Accumulated => (std::ptr::null(), 0),
    };
    let operands = Operands {
        depth,
        a: a.values.as_ptr(),
        a_row: a.row,
        a_step: a.step,
        b: b.values.as_ptr(),
        b_step: b.step,
        c: c.as_mut_ptr(),
        c_row,
        aux,
        aux_row,
    };
    // SAFETY: the assertions above cover every element that a tile of these extents touches, `c` is borrowed mutably,
    // and an Isa exists only where its instructions do.
    unsafe { run_strips(tiles(isa), rows, width, how.kind(), operands) }
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
        for index in 0..count {
            let height = height + usize::from(index < taller);
            let tile = Operands {
                a: o.a.wrapping_add(row * o.a_row),
                b: o.b.wrapping_add(column),
                c: o.c.wrapping_add(row * o.c_row + column),
                aux: o.aux.wrapping_add(row * o.aux_row + column),
                ..o
            };
            // SAFETY: the caller's; rows row..row + height and columns column..column + strip lie inside.
            unsafe { table[height - 1](tile) };
            row += height;
        }
        column += strip;
    }
}

fn tiles(isa: Isa) -> &'static Tiles {
    match isa.0 {
        #[cfg(target_arch = "x86_64")]
        Set::Avx512 => &tile::AVX512,
        #[cfg(target_arch = "x86_64")]
        Set::Avx2 => &tile::AVX2,
        Set::Portable => &tile::PORTABLE,
    }
}

impl Use<'_> {
    fn kind(&self) -> usize {
        match self {
            Use::Affine { .. } => tile::AFFINE,
            Use::Rectified { .. } => tile::RECTIFIED,
            Use::Plain => tile::PLAIN,
            Use::KeptWherePositive { .. } => tile::KEPT_WHERE_POSITIVE,
            Use::Accumulated => tile::ACCUMULATED,
        }
    }
}

#[cfg(test)]
mod tests;
