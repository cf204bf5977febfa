//! The coordinator: the control plane of a cluster. It carries no parameters, and it knows neither learning nor workers'
//! insides.
//!
//! [`core`] decides; `driver` feeds it events and carries out its effects; the services translate the wire.

mod awake;
mod config;
pub mod core;
mod driver;
mod feed;
mod journal;
mod planning;
mod record;
pub mod search;
mod server;
mod service;
mod store;

pub use config::{Config, Seams};
pub use journal::{Journal, JournalError, Left, MemoryJournal, SqliteJournal};
pub use server::{Coordinator, StartError};
pub use service::wire_source;
pub use store::{Store, StoreError};
