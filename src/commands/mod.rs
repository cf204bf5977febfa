//! One file a command.

pub(crate) mod bench;
pub(crate) mod certs;
pub(crate) mod cluster;
pub(crate) mod coordinator;
pub(crate) mod doctor;
pub(crate) mod evaluate;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod frame;
pub(crate) mod grid;
pub(crate) mod job;
pub(crate) mod model;
pub(crate) mod predict;
pub(crate) mod train;
pub(crate) mod verify;
pub(crate) mod worker;
