//! How a failure is shown: what, why and what to do, once; and the exit code that goes with it.

use std::process::ExitCode;

use aquifer_model::{Kind, Report};

use crate::output::Format;

/// A failure of the command line itself.
pub(crate) fn usage(code: &str, message: impl Into<String>) -> Report {
    Report::new(Kind::Config, code, message)
}

/// The user pressed Ctrl-C.
pub(crate) fn interrupted() -> Report {
    Report::new(Kind::Interrupted, "interrupted", "interrupted: stopped after the round, and what was unfinished is removed")
}

/// Prints to standard error; in JSON mode as one object.
pub(crate) fn print(error: &anyhow::Error, format: Format) -> ExitCode {
    let report = report_of(error);
    match format {
        Format::Json => {
            let body = serde_json::json!({ "error": {
                "code": report.code,
                "message": report.message,
                "hint": report.hint,
                "causes": report.causes,
            } });
            eprintln!("{body}");
        }
        Format::Table | Format::Csv => {
            eprintln!("error: {}", report.message);
            for cause in &report.causes {
                eprintln!("  because: {cause}");
            }
            if let Some(hint) = &report.hint {
                eprintln!("  help: {hint}");
            }
        }
    }
    ExitCode::from(report.kind.exit_code())
}

/// The typed report in the chain; what stands above it is context.
fn report_of(error: &anyhow::Error) -> Report {
    let Some(report) = error.downcast_ref::<Report>() else {
        let mut causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        let message = causes.remove(0);
        return Report { causes, ..Report::new(Kind::Work, "failed", message) };
    };
    let mut report = report.clone();
    let context: Vec<String> = error.chain().take_while(|link| !link.is::<Report>()).map(ToString::to_string).collect();
    if !context.is_empty() && context[0] != report.message {
        report.message = format!("{}: {}", context.join(": "), report.message);
    }
    report
}
