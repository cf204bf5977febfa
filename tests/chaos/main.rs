//! Real processes, real faults. A job is disturbed, and **its model must be, byte for byte, that of the undisturbed run**;
//! and every test asserts that its fault did happen.
//!
//! `points` kills a process at each named point (shared/fault) while it imports, trains, cross-validates or searches;
//! `random` kills at any moment, by a seed; `io` lets every call fail on the way of a file to its name; `stopped`, `network`,
//! `machines`, `memory`, `disks` and `shards` take a process's time, its peers, memory, disk, descriptors and files away; `soak` does it
//! for as long as it is told to. docs/reliability.md has the commands and figures.

#![allow(clippy::unwrap_used)] // helpers are tests too: what fails here is the test

mod bed;
mod disks;
mod io;
mod machines;
mod memory;
mod netns;
mod network;
mod points;
mod random;
mod shards;
mod soak;
mod stopped;
mod work;
