//! What every picture is drawn with.

pub(crate) mod scale;
pub(crate) mod svg;
