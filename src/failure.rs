//! How a failure is shown: what, why and what to do, once; and the exit code that goes with it.

use std::path::Path;
use std::process::ExitCode;

use aquifer_model::{Kind, Report};
use clap::error::ErrorKind;

use crate::output::{Format, escape, say};

/// A failure of the command line itself.
pub(crate) fn usage(code: &str, message: impl Into<String>) -> Report {
    Report::new(Kind::Config, code, message)
}

/// A file or folder cannot be written.
pub(crate) fn unwritable(path: &Path, error: &std::io::Error) -> Report {
    use std::io::ErrorKind::{NotADirectory, NotFound, QuotaExceeded, StorageFull};
    let (kind, code, hint) = match error.kind() {
        StorageFull | QuotaExceeded => (Kind::Work, "disk_full", "free space, or choose another folder"),
        NotFound => (Kind::Config, "no_such_folder", "make the folder first, or choose another"),
        NotADirectory => (Kind::Config, "not_a_folder", "a part of the path is a file: choose another folder"),
        _ => (Kind::Config, "not_writable", "choose a folder that can be written"),
    };
    let report = Report::new(kind, code, format!("cannot write in {}", path.display())).hint(hint);
    match error.raw_os_error() {
        // Without the name of a temporary file, which tells nobody anything.
        Some(number) => report.caused_by(&std::io::Error::from_raw_os_error(number)),
        None => report.caused_by(&std::io::Error::from(error.kind())),
    }
}

/// The user pressed Ctrl-C.
pub(crate) fn interrupted() -> Report {
    Report::new(
        Kind::Interrupted,
        "interrupted",
        "interrupted: stopped after the round, and what was unfinished is removed",
    )
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
            say(&body.to_string());
        }
        Format::Table | Format::Csv => {
            say(&format!("error: {}", escape(&report.message)));
            for cause in &report.causes {
                let lines = cause.lines().map(escape).collect::<Vec<_>>();
                say(&format!("  because: {}", lines.join("\n           ")));
            }
            if let Some(hint) = &report.hint {
                say(&format!("  help: {}", escape(hint)));
            }
        }
    }
    ExitCode::from(report.kind.exit_code())
}

/// A command line that was not understood; or a question for help or the version, which is no failure.
pub(crate) fn print_refused(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && wants_json() {
        return print(&refused(error).into(), Format::Json);
    }
    if error.kind() == ErrorKind::InvalidUtf8 {
        return print(&not_text().into(), Format::Table);
    }
    let _ = error.print(); // nobody may be reading
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Before the options are known, the words themselves are asked.
fn wants_json() -> bool {
    let words: Vec<_> = std::env::args_os().collect();
    let pairs = words.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json");
    pairs || words.iter().any(|word| word == "--output=json")
}

/// An argument that is not text where text is asked for: clap does not say which.
fn not_text() -> Report {
    let found = std::env::args_os().find(|word| word.to_str().is_none()).unwrap_or_default();
    usage("usage", format!("the argument {} is not UTF-8", found.display())).hint("write it in UTF-8")
}

/// The first paragraph of the message, and its tip.
fn refused(error: &clap::Error) -> Report {
    if error.kind() == ErrorKind::InvalidUtf8 {
        return not_text();
    }
    let text = error.render().to_string();
    let first = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect::<Vec<_>>().join(" ");
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    let message = first.strip_prefix("error: ").unwrap_or(&first);
    usage("usage", message).hint(tip.unwrap_or("`--help` shows how the command is used"))
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
