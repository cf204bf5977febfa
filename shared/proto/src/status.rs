//! Our failures as gRPC statuses and back: the only such table.

use std::error::Error;

use aquifer_model::{Kind, Report};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

const DOMAIN: &str = "aquifer";
const REPORT: &str = "report";

/// The report travels whole in `google.rpc.ErrorInfo`, so nothing is flattened to text on the way.
pub fn to_status(report: &Report) -> Status {
    let code = match report.kind {
        Kind::Work | Kind::Partly => Code::Internal,
        Kind::Config | Kind::Data => Code::InvalidArgument,
        Kind::Access => Code::PermissionDenied,
        Kind::Interrupted => Code::Cancelled,
    };
    let json = serde_json::to_string(report).unwrap_or_default();
    let info = ErrorDetails::with_error_info(&report.code, DOMAIN, [(REPORT.to_owned(), json)]);
    Status::with_error_details(code, report.message.clone(), info)
}

/// What a status says, for the user; `doing` names the call that failed.
pub fn from_status(status: &Status, doing: &str) -> Report {
    let info = status.get_details_error_info();
    let json = info.as_ref().and_then(|info| info.metadata.get(REPORT));
    if let Some(report) = json.and_then(|json| serde_json::from_str(json).ok()) {
        return report;
    }
    let message = |what: &str| format!("{doing}: {what}");
    match status.code() {
        Code::Unauthenticated => Report::new(Kind::Access, "unauthenticated", message(status.message()))
            .hint("give the cluster's token with --token-file; it lies in the cluster's --dir under the name `token`"),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => unreachable(doing, status),
        Code::FailedPrecondition => Report::new(Kind::Access, "refused", message(status.message())),
        Code::NotFound => Report::new(Kind::Config, "not_found", message(status.message())),
        // Nobody answered it: it was made here, of a connection that broke.
        _ if status.source().is_some() => unreachable(doing, status),
        _ => Report::new(Kind::Work, "rpc", message(status.message())),
    }
}

fn unreachable(doing: &str, status: &Status) -> Report {
    Report::new(Kind::Access, "unreachable", format!("{doing}: the cluster cannot be reached"))
        .hint("is it running, and is the address right: http://, or https:// where it has certificates?")
        .caused_by(status)
}
