//! The rows of a block, class by class: what splits and folds in which classes keep their shares stand on.

use crate::philox::Philox;

/// Gives the rows of each class in random order, by their places in the block; and a number in units of 2⁻³² that says where
/// the class begins in its round. It is the class's own and moves on by the golden ratio from block to block, so that what
/// does not come out even does over few blocks. Rows are global numbers and classes (NaN: left out).
pub(crate) fn strata(block: u64, rows: &[(u64, f32, f64)], philox: &Philox, mut each: impl FnMut(u32, &[usize])) {
    const GOLDEN: u32 = 0x9E37_79B9;
    let with_class = rows.iter().enumerate().filter(|(_, (_, class, _))| !class.is_nan());
    let mut order: Vec<(u32, u32, usize)> =
        with_class.map(|(at, (row, class, _))| (*class as u32, philox.draw(0, 0, *row)[0], at)).collect();
    order.sort_unstable();
    for class in order.chunk_by(|a, b| a.0 == b.0) {
        let first = philox.draw(1, 0, u64::from(class[0].0))[0];
        let places: Vec<usize> = class.iter().map(|(.., at)| *at).collect();
        each(first.wrapping_add((block as u32).wrapping_mul(GOLDEN)), &places);
    }
}
