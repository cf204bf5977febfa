//! Products with one-hot rows: a 1 at an index picks a row of a table, and nothing is multiplied by zero.
//!
//! Contract: [`add_rows`] continues the chain of each element over a row's indices in ascending order,
//! `c = fma(scale, table[index][j], c)`; [`add_to_rows`] continues the chain of each table element over the rows in
//! ascending order, `g = fma(scale, d[r][j], g)`. So both are the dense product, zeros left out.

use super::{Isa, Loop};

/// An index that adds nothing (a dropped input).
pub(crate) const DROPPED: u32 = u32::MAX;

/// The indices of some rows: row r's are `indices[r · categorical ..][.. categorical]`, ascending.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    pub(crate) indices: &'a [u32],
    pub(crate) categorical: usize,
    /// The index of the table's first row.
    pub(crate) first: usize,
    /// What stands for the 1.
    pub(crate) scale: f32,
    /// Floats of a table row: 8, 16, 24 or 32.
    pub(crate) width: usize,
    pub(crate) rows: usize,
}

/// c[r] += scale · table[index] for all indices of row r.
pub(crate) fn add_rows(isa: Isa, hot: Table<'_>, table: &[f32], c: &mut [f32], c_row: usize) {
    match hot.width {
        8 => isa.run(AddRows::<8> { hot, table, c, c_row }),
        16 => isa.run(AddRows::<16> { hot, table, c, c_row }),
        24 => isa.run(AddRows::<24> { hot, table, c, c_row }),
        _ => isa.run(AddRows::<32> { hot, table, c, c_row }),
    }
}

/// table[index] += scale · d[r] for all indices of row r.
pub(crate) fn add_to_rows(isa: Isa, hot: Table<'_>, d: &[f32], d_row: usize, table: &mut [f32]) {
    match hot.width {
        8 => isa.run(AddToRows::<8> { hot, d, d_row, table }),
        16 => isa.run(AddToRows::<16> { hot, d, d_row, table }),
        24 => isa.run(AddToRows::<24> { hot, d, d_row, table }),
        _ => isa.run(AddToRows::<32> { hot, d, d_row, table }),
    }
}

struct AddRows<'a, const W: usize> {
    hot: Table<'a>,
    table: &'a [f32],
    c: &'a mut [f32],
    c_row: usize,
}

impl<const W: usize> Loop for AddRows<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (table, _) = self.table.as_chunks::<W>();
        for (r, indices) in self.hot.indices.chunks_exact(self.hot.categorical).take(self.hot.rows).enumerate() {
            let c = &mut self.c[r * self.c_row..][..W];
            let mut sum = [0.0; W];
            sum.copy_from_slice(c);
            for &index in indices {
                if index != DROPPED {
                    let row = &table[index as usize - self.hot.first];
                    for j in 0..W {
                        sum[j] = self.hot.scale.mul_add(row[j], sum[j]);
                    }
                }
            }
            c.copy_from_slice(&sum);
        }
    }
}

struct AddToRows<'a, const W: usize> {
    hot: Table<'a>,
    d: &'a [f32],
    d_row: usize,
    table: &'a mut [f32],
}

impl<const W: usize> Loop for AddToRows<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (table, _) = self.table.as_chunks_mut::<W>();
        for (r, indices) in self.hot.indices.chunks_exact(self.hot.categorical).take(self.hot.rows).enumerate() {
            let mut d = [0.0; W];
            d.copy_from_slice(&self.d[r * self.d_row..][..W]);
            for &index in indices {
                if index != DROPPED {
                    let row = &mut table[index as usize - self.hot.first];
                    for j in 0..W {
                        row[j] = self.hot.scale.mul_add(d[j], row[j]);
                    }
                }
            }
        }
    }
}
