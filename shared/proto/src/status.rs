//! Our failures as gRPC statuses and back: the only such table.

use std::error::Error;

use aquifer_model::{Kind, Report, readable};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

const DOMAIN: &str = "aquifer";
const REPORT: &str = "report";

/// Bytes of a message, of a hint, and twice as many of all causes: names that a caller gave stand in them, and who reads
/// them takes 16 KiB of headers. Escaped, then in base64, they are at most 10 of these; the message itself, 3.
const TEXT_BYTES_MAX: usize = 1000;

/// The report travels whole in `google.rpc.ErrorInfo`, so nothing is flattened to text on the way.
pub fn to_status(report: &Report) -> Status {
    let code = match report.kind {
        Kind::Work | Kind::Partly => Code::Internal,
        Kind::Config | Kind::Data => Code::InvalidArgument,
        Kind::Access => Code::PermissionDenied,
        Kind::Interrupted => Code::Cancelled,
    };
    let report = shortened(report);
    let json = serde_json::to_string(&report).unwrap_or_default();
    let info = ErrorDetails::with_error_info(&report.code, DOMAIN, [(REPORT.to_owned(), json)]);
    Status::with_error_details(code, report.message.replace('\n', " "), info)
}

/// The report, in so few bytes that headers hold it.
fn shortened(report: &Report) -> Report {
    let mut left = 2 * TEXT_BYTES_MAX;
    let causes = report.causes.iter().map(|cause| {
        let cause = readable(cause, left);
        left = left.saturating_sub(cause.len());
        cause
    });
    Report {
        kind: report.kind,
        code: report.code.clone(),
        message: readable(&report.message, TEXT_BYTES_MAX),
        hint: report.hint.as_deref().map(|hint| readable(hint, TEXT_BYTES_MAX)),
        causes: causes.filter(|cause| !cause.is_empty()).collect(),
    }
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
    let report = Report::new(Kind::Access, "unreachable", format!("{doing}: the cluster cannot be reached"))
        .hint("is it running, and is the address right: http://, or https:// where it has certificates?");
    // What lies around the innermost cause is the machinery's.
    let mut innermost = status.source();
    while let Some(next) = innermost.and_then(Error::source) {
        innermost = Some(next);
    }
    match innermost {
        Some(cause) => report.caused_by(cause),
        None => Report { causes: vec![readable(status.message(), TEXT_BYTES_MAX)], ..report },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_named_is_shown_shortened_and_without_control_characters() {
        let named = format!("{}{}", "\0\u{1b}[2J", "é\"".repeat(1 << 20));
        let mut report = Report::new(Kind::Config, "no_job", "").hint(named.clone());
        // As another node may say it.
        report.message = format!("no job {named}");
        report.causes = vec!["at line 1\n  | x".to_owned(), named.clone(), named];
        let status = to_status(&report);
        assert!(status.message().starts_with("no job \\u{0}\\u{1b}[2Jé") && status.message().ends_with('…'));
        assert!(!status.message().contains(char::is_control));
        let http = status.clone().into_http::<()>();
        let headers = http.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
        assert!(headers.sum::<usize>() < 16 << 10);
        let heard = from_status(&status, "calling");
        assert_eq!((heard.code.as_str(), heard.causes[0].as_str()), ("no_job", "at line 1\n  | x"));
        let short = Report::new(Kind::Data, "x", "it is wrong").hint("do this");
        assert_eq!(from_status(&to_status(&short), "calling"), short);
    }
}
