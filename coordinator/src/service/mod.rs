//! The services: the wire on one side, events and answers on the other. Nothing is decided here.

mod checks;
mod jobs;
mod membership;
mod operations;
mod received;
mod words;

pub(crate) use jobs::JobsService;
pub use jobs::wire_source;
pub(crate) use membership::MembershipService;
pub(crate) use operations::Operations;

use aquifer_model::{Kind, Report};
use tonic::Status;

/// The driver is gone: the process is ending.
fn stopping() -> Status {
    aquifer_proto::to_status(&Report::new(Kind::Access, "stopping", "the coordinator is stopping"))
}

fn status(report: impl Into<Report>) -> Status {
    aquifer_proto::to_status(&report.into())
}
