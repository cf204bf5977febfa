//! Faults on demand: named points in the life of a job, at which a test lets a process end by SIGKILL, stop by SIGSTOP, or
//! meet a failing disk. They exist under debug assertions alone; in a release they are nothing.
//!
//! A test names a folder in `AQUIFER_FAULTS` and arms a point by a file in it (`armed`); who reaches the point claims that
//! file by a rename, so a fault happens once over all processes and restarts, and leaves a record that it did. All
//! points stand in one list (`points`), which the tidy suite compares with the sources.

mod armed;
mod points;
mod writer;

use std::io;

pub use armed::{Action, FOLDER_VARIABLE, Fault, arm, disarm, fired};
pub use points::{IO_POINTS, KILL_POINTS, Point};
pub use writer::Writer;

/// Here a process may end.
#[inline]
pub fn kill_point(name: &'static str) {
    #[cfg(debug_assertions)]
    armed::kill_point(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

/// Before a call that a disk may refuse: what it would answer.
#[inline]
pub fn io_point(name: &'static str) -> io::Result<()> {
    #[cfg(debug_assertions)]
    armed::io_point(name)?;
    #[cfg(not(debug_assertions))]
    let _ = name;
    Ok(())
}
