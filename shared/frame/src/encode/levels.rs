//! The texts of a column as an encoding names them.

use crate::stats::Level;

/// Trimmed, sorted by bytes, each once.
pub(super) fn text_levels(levels: &[Level]) -> Vec<String> {
    let mut texts: Vec<String> = levels.iter().map(|level| level.value.to_string()).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}
