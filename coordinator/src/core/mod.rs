//! The control plane's decisions, pure: `step(now, event) -> effects`. No async, network, clock or file; `now` comes with
//! each event, and every effect may be carried out again without harm.
//!
//! Start at [`State::step`] in `step.rs`; each arm is a method in the file that its noun names.

mod dispatch;
mod event;
mod ids;
mod import;
mod job;
mod membership;
mod placement;
mod quarantine;
mod recovery;
mod reports;
mod request;
mod search;
mod slot;
mod state;
mod step;
mod training;

pub use event::{Command, Effect, Event, Fit, Member, StoredModel, TrialReport};
pub use ids::{JobId, WorkerId};
pub use job::{CROSS_VALIDATION, GRID, IMPORT, Job, JobRow, JobStatus, TRAIN};
pub use membership::{LEASE, Registration, Worker};
pub use placement::{Placement, Problem, place, place_ranks};
pub use request::{FileRef, Request, Role, Source, StoredFrame, uploads_of};
pub use search::{Reported, TrialKey, TrialRow};
pub use state::{NO_WORKER_GRACE, State};

#[cfg(test)]
mod tests;
