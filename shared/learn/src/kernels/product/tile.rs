//! The tile, once, and its copies for each instruction set, height, width and use.
#![allow(clippy::needless_range_loop)] // r and v number registers: the loops are unrolled

use super::lanes::Lanes;

/// Where a tile's operands stand; see the extents in the parent.
#[derive(Clone, Copy)]
pub(super) struct Operands {
    /// Tiles below each other.
    pub(super) count: usize,
    pub(super) depth: usize,
    pub(super) a: *const f32,
    pub(super) a_row: usize,
    pub(super) a_step: usize,
    pub(super) b: *const f32,
    pub(super) b_step: usize,
    pub(super) c: *mut f32,
    pub(super) c_row: usize,
    pub(super) bias: *const f32,
    pub(super) mask: *const f32,
    pub(super) mask_row: usize,
}

pub(super) type Tile = unsafe fn(&Operands);

/// Starts and ends of chains as numbers that the compiler can specialise on.
pub(super) const ZERO: usize = 0;
pub(super) const BIAS: usize = 1;
pub(super) const ACCUMULATED: usize = 2;
pub(super) const PLAIN: usize = 0;
pub(super) const RECTIFIED: usize = 1;
pub(super) const KEPT_WHERE_POSITIVE: usize = 2;
const ENDS: usize = 3;
const KINDS: usize = 3 * ENDS;

/// Both in one number.
pub(super) const fn kind(start: usize, end: usize) -> usize {
    start * ENDS + end
}

/// Tiles of one instruction set, by use and height − 1.
pub(super) struct Tiles {
    /// Rows of the highest tile.
    pub(super) height: usize,
    /// Columns of the widest tile: 32 or 16.
    pub(super) widest: usize,
    /// Two vectors wide.
    pub(super) two: [[Tile; 8]; KINDS],
    /// One vector wide.
    pub(super) one: [[Tile; 8]; KINDS],
    /// Eight columns wide.
    pub(super) eight: [[Tile; 8]; KINDS],
}

/// Tiles of H rows × V vectors of C, one below the other.
///
/// # Safety
/// All that the operands point at for `count` times H rows, V vectors and the depth is valid, C is borrowed mutably, and
/// the processor has L's instructions.
#[inline(always)]
unsafe fn tiles<L: Lanes, const H: usize, const V: usize, const KIND: usize>(o: &Operands) {
    let mut at = *o;
    for _ in 0..o.count {
        // SAFETY: the caller's.
        unsafe { tile::<L, H, V, KIND>(&at) };
        at.a = at.a.wrapping_add(H * o.a_row);
        at.c = at.c.wrapping_add(H * o.c_row);
        at.mask = at.mask.wrapping_add(H * o.mask_row);
    }
}

/// One of them.
///
/// # Safety
/// As above, for H rows.
#[inline(always)]
unsafe fn tile<L: Lanes, const H: usize, const V: usize, const KIND: usize>(o: &Operands) {
    let mut sums = [[L::splat(0.0); V]; H];
    let (begin, end) = (KIND / ENDS, KIND % ENDS);
    if begin != ZERO {
        for r in 0..H {
            let start = if begin == ACCUMULATED { o.c.wrapping_add(r * o.c_row).cast_const() } else { o.bias };
            for v in 0..V {
                // SAFETY: the caller's: rows r < H, columns below V · COUNT.
                sums[r][v] = unsafe { L::load(start.wrapping_add(v * L::COUNT)) };
            }
        }
    }
    // A pointer for each third row: x86 addresses base + {0, 1, 2} · stride, so this needs 3 registers and not 8.
    let mut a: [*const f32; 3] = std::array::from_fn(|third| o.a.wrapping_add(o.a_row.wrapping_mul(3 * third)));
    let across = [0, o.a_row, o.a_row.wrapping_mul(2)];
    let mut b = o.b;
    for _ in 0..o.depth {
        let mut row = [L::splat(0.0); V];
        for v in 0..V {
            // SAFETY: the caller's: a row of B.
            row[v] = unsafe { L::load(b.wrapping_add(v * L::COUNT)) };
        }
        for r in 0..H {
            // SAFETY: the caller's: row r < H of A.
            let x = L::splat(unsafe { *a[r / 3].wrapping_add(across[r % 3]) });
            for v in 0..V {
                sums[r][v] = x.fma(row[v], sums[r][v]);
            }
        }
        for pointer in &mut a {
            *pointer = pointer.wrapping_add(o.a_step);
        }
        b = b.wrapping_add(o.b_step);
    }
    for r in 0..H {
        for v in 0..V {
            let column = v * L::COUNT;
            let sum = sums[r][v];
            let value = match end {
                RECTIFIED => sum.keep_where_positive(sum),
                // SAFETY: the caller's: the mask has C's rows and columns.
                KEPT_WHERE_POSITIVE => {
                    sum.keep_where_positive(unsafe { L::load(o.mask.wrapping_add(r * o.mask_row + column)) })
                }
                _ => sum,
            };
            // SAFETY: the caller's: row r, columns below V · COUNT of C.
            unsafe { value.store(o.c.wrapping_add(r * o.c_row + column)) };
        }
    }
}

unsafe fn portable<const H: usize, const V: usize, const KIND: usize>(o: &Operands) {
    // SAFETY: the caller's.
    unsafe { tiles::<[f32; 8], H, V, KIND>(o) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<const H: usize, const V: usize, const KIND: usize>(o: &Operands) {
    // SAFETY: the caller's.
    unsafe { tiles::<std::arch::x86_64::__m256, H, V, KIND>(o) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx2,fma")]
unsafe fn avx512<const H: usize, const V: usize, const KIND: usize>(o: &Operands) {
    // SAFETY: the caller's.
    unsafe { tiles::<std::arch::x86_64::__m512, H, V, KIND>(o) }
}

/// Eight columns of a panel that is not a multiple of 16 wide.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx2,fma")]
unsafe fn avx512_half<const H: usize, const V: usize, const KIND: usize>(o: &Operands) {
    // SAFETY: the caller's.
    unsafe { tiles::<std::arch::x86_64::__m256, H, V, KIND>(o) }
}

/// Functions by use and height; heights above the tallest repeat it and are never asked for.
macro_rules! table {
    ($tile:ident, $vectors:literal, $heights:tt) => {
        table!(@kinds $tile, $vectors, $heights, 0 1 2 3 4 5 6 7 8)
    };
    (@kinds $tile:ident, $vectors:literal, $heights:tt, $($kind:literal)*) => {
        [$(table!(@heights $tile, $vectors, $kind, $heights)),*]
    };
    (@heights $tile:ident, $vectors:literal, $kind:literal, [$($height:literal)*]) => {
        [$($tile::<$height, $vectors, $kind> as Tile),*]
    };
}

/// 32 registers: 8 × 2 sums.
#[cfg(target_arch = "x86_64")]
pub(super) static AVX512: Tiles = Tiles {
    height: 8,
    widest: 32,
    two: table!(avx512, 2, [1 2 3 4 5 6 7 8]),
    one: table!(avx512, 1, [1 2 3 4 5 6 7 8]),
    eight: table!(avx512_half, 1, [1 2 3 4 5 6 7 8]),
};

/// 16 registers: 6 × 2 sums.
#[cfg(target_arch = "x86_64")]
pub(super) static AVX2: Tiles = Tiles {
    height: 6,
    widest: 16,
    two: table!(avx2, 2, [1 2 3 4 5 6 6 6]),
    one: table!(avx2, 1, [1 2 3 4 5 6 6 6]),
    eight: table!(avx2, 1, [1 2 3 4 5 6 6 6]),
};

/// Sized for the 32 registers of 4 lanes of AArch64.
pub(super) static PORTABLE: Tiles = Tiles {
    height: 4,
    widest: 16,
    two: table!(portable, 2, [1 2 3 4 4 4 4 4]),
    one: table!(portable, 1, [1 2 3 4 4 4 4 4]),
    eight: table!(portable, 1, [1 2 3 4 4 4 4 4]),
};
