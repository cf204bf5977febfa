//! Lists of one length: each of their elements is a column.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::take::take;

use super::gather::Misfit;

/// The lists of a slice: each has the length, or is null.
pub(super) fn lists_of(slice: &dyn Array, length: usize) -> Result<&ListArray, Misfit> {
    let lists = slice.as_list_opt::<i32>().ok_or(Misfit::OtherType)?;
    let lengths = lists.offsets().lengths().enumerate();
    let mut wrong = lengths.filter(|&(row, found)| found != length && lists.is_valid(row));
    match wrong.next() {
        Some((_, found)) => Err(Misfit::ListLength { length: found, expected: length }),
        None => Ok(lists),
    }
}

/// One element of each list: null where the list is, or the element itself.
pub(super) fn element(lists: &ListArray, at: usize) -> Result<ArrayRef, ArrowError> {
    let offsets = lists.value_offsets();
    // Of a slice, and so few.
    let index = |row: usize| lists.is_valid(row).then(|| offsets[row] as u32 + at as u32);
    take(lists.values(), &(0..lists.len()).map(index).collect::<UInt32Array>(), None)
}
