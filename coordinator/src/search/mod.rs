//! Search: which candidates there are, when they are compared, and which come out first. Pure functions and no waiting:
//! the core decides when to ask them.
//!
//! Start with [`Points`]; the rest are functions of a few lines.

mod leaderboard;
mod points;
mod rungs;
mod stop;
mod values;

pub use leaderboard::{Entry, mean_and_deviation, rank};
pub use points::{Point, Points};
pub use rungs::{rungs, survivors};
pub use stop::stops_after;
